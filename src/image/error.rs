//! error - why an image cannot be read or written, and what to do.

use crate::{hive, wim};
use std::path::{Path, PathBuf};

/// Why an image cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a WIM nor the root of an applied image.
    #[error("{} is neither a WIM file nor a folder that holds Windows/System32/config\nName an install.wim, or the root folder of an applied or mounted image.", path.display())]
    NotAnImage {
        /// What was named.
        path: PathBuf,
    },
    /// A folder with more than one WIM where the images of one are meant.
    #[error("{} holds several WIM files\nName one of them: {}.", path.display(), wims.join(", "))]
    SeveralWims {
        /// The folder.
        path: PathBuf,
        /// The WIM files.
        wims: Vec<String>,
    },
    /// No image of that index or name.
    #[error("{} has no image {selector}\nIt has: {}.", path.display(), available.join(", "))]
    NoSuchImage {
        /// The WIM.
        path: PathBuf,
        /// The index or name asked for.
        selector: String,
        /// Every index with its name.
        available: Vec<String>,
    },
    /// A WIM of no images at all.
    #[error("{} holds no image\nName a WIM that holds Windows images.", path.display())]
    NoImages {
        /// The WIM.
        path: PathBuf,
    },
    /// A file that every Windows image has is not there.
    #[error(
        "{image} has no {file}\nIt is no Windows installation, or it is incomplete: name another image by TARGET:INDEX."
    )]
    NoFile {
        /// The image in words.
        image: String,
        /// The path inside it.
        file: &'static str,
    },
    /// A hive that cannot be used.
    #[error("{file} in {image}: {cause}")]
    Hive {
        /// The image in words.
        image: String,
        /// The path inside it.
        file: String,
        /// What is wrong with it.
        cause: hive::Error,
    },
    /// A WIM that cannot be used.
    #[error("{}", in_wim(path, cause))]
    Wim {
        /// The WIM.
        path: PathBuf,
        /// What is wrong with it.
        cause: wim::Error,
    },
    /// The system refused.
    #[error("{place}: {cause}\nCheck that it exists, that you may use it, and that the disk has room.")]
    System {
        /// File or folder.
        place: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file of a folder could not be replaced as it should be; the cause says what it is now.
    #[error("{place}: {cause}")]
    NotReplaced {
        /// The file.
        place: String,
        /// Why.
        cause: crate::file::Error,
    },
}

/// A fault of a WIM with the WIM's name before it, if it does not name a file itself.
fn in_wim(path: &Path, cause: &wim::Error) -> String {
    match cause {
        wim::Error::Open { .. } | wim::Error::Create { .. } | wim::Error::Taken { .. } => cause.to_string(),
        _ => format!("{}: {cause}", path.display()),
    }
}

impl Error {
    /// Whether this is a refusal for the target's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Hive { cause, .. } => cause.is_refusal(),
            Self::Wim { cause, .. } => cause.is_refusal(),
            _ => false,
        }
    }
}
