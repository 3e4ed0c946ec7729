//! Files that a request names, read and judged before any image is opened, so that a fault is told with the file's name.

use crate::activation::{FirstBootError, FirstBootStep, RegistryFileError, registry_wishes};
use crate::regfile::{self, Entry};
use crate::secret::{self, Wiped};
use crate::unattend::{self, AnswerFile};
use std::path::{Path, PathBuf};

/// The largest registration or licence file accepted, in bytes.
const INPUT_LIMIT: usize = 64 << 20;
/// What a licence file's name ends in.
const LICENCE_SUFFIX: &str = ".xrm-ms";

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The system does not let us read it.
    #[error("{}: {cause}\nCheck that it exists and that you may use it.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// No registration file.
    #[error("{}: {cause}", path.display())]
    Registration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: crate::transfer::Error,
    },
    /// A registration file with entries that are not for an image.
    #[error("{}: {cause}", path.display())]
    NotForImages {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: RegistryFileError,
    },
    /// No licence file.
    #[error(
        "{} is no licence file\nLicence files are XML, and their names end in {LICENCE_SUFFIX}.",
        path.display()
    )]
    NotALicence {
        /// The file.
        path: PathBuf,
    },
    /// No answer file.
    #[error("{}: {cause}", path.display())]
    AnswerFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<unattend::Error>,
    },
}

impl InputError {
    /// Whether the operator named something that makes no sense.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::NotForImages { .. } | Self::NotALicence { .. })
    }

    /// The masked source line of a fault in an answer file.
    pub fn picture(&self) -> Option<&unattend::Picture> {
        match self {
            Self::AnswerFile { cause, .. } => match cause.as_ref() {
                unattend::Error::Malformed { picture, .. } => Some(picture),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The entries of registration files, each routed once.
///
/// # Errors
/// The first file that cannot be read, is none, or is not for an image.
pub fn registry_entries(paths: &[PathBuf]) -> Result<Vec<Entry>, InputError> {
    let mut entries = Vec::new();
    for path in paths {
        let text = read(path, INPUT_LIMIT)?;
        let parsed = regfile::parse(&text).map_err(|cause| InputError::Registration {
            path: path.clone(),
            cause: cause.into(),
        })?;
        registry_wishes(&parsed).map_err(|cause| InputError::NotForImages {
            path: path.clone(),
            cause,
        })?;
        entries.extend(parsed);
    }
    Ok(entries)
}

/// Licence files with the names they get in an image.
///
/// # Errors
/// The first file that cannot be read or is none.
pub fn licence_files(paths: &[PathBuf]) -> Result<Vec<(String, Wiped)>, InputError> {
    paths.iter().map(|path| licence_file(path)).collect()
}

fn licence_file(path: &Path) -> Result<(String, Wiped), InputError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let content = read(path, INPUT_LIMIT)?;
    let is_licence = crate::text::decode(&content).is_ok_and(|text| text.0.contains("<r:license"));
    if !name.to_ascii_lowercase().ends_with(LICENCE_SUFFIX) || !is_licence {
        return Err(InputError::NotALicence {
            path: path.to_owned(),
        });
    }
    Ok((name.into_owned(), content))
}

/// What a machine is to do at the end of Setup, from options of slmgr.
///
/// # Errors
/// The first option that is none, or that cannot run then.
pub fn first_boot_steps(options: &[String]) -> Result<Vec<FirstBootStep>, FirstBootError> {
    options.iter().map(|option| option.parse()).collect()
}

/// An answer file that is one.
///
/// # Errors
/// A file that cannot be read, or is none.
pub fn answer_file(path: &Path) -> Result<AnswerFile, InputError> {
    let bytes = read(path, unattend::SIZE_LIMIT)?;
    AnswerFile::parse(bytes).map_err(|cause| InputError::AnswerFile {
        path: path.to_owned(),
        cause: Box::new(cause),
    })
}

fn read(path: &Path, limit: usize) -> Result<Wiped, InputError> {
    secret::read_file(path, limit).map_err(|cause| InputError::File {
        path: path.to_owned(),
        cause,
    })
}

/// Seconds since 1970 for a request: `SOURCE_DATE_EPOCH` if it is set, for the same bytes on every run; the clock otherwise.
pub fn unix_time() -> u32 {
    let given = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.ok()
            .and_then(|now| u32::try_from(now.as_secs()).ok())
            .unwrap_or_default()
    })
}
