//! Saving: a new file beside the old one, checked, then renamed over it.
//!
//! Promise: whatever happens, the path names the whole old hive or the whole new one. Mode and owner stay. A new file
//! that did not come to its place is overwritten with zeros before it is removed.

use super::{Severity, check};
use crate::bytes::slice_mut;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How many bytes are compared or wiped at a time.
const STEP: usize = 64 * 1024;

/// Why a hive was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The system reported an error.
    #[error(
        "cannot save {path}: {cause}\nThe file is as it was before; check the folder's free space and rights."
    )]
    System {
        /// The hive.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What was read back is not what was written, or does not pass the check.
    #[error("{path} was not saved: {reason}\nThe file is as it was before; check the disk and the memory.")]
    ReadBack {
        /// The hive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Makes `bytes` the content of the hive file at `path`, at once or not at all.
///
/// The bytes go to a new file in the same folder, are synced, read back, compared and checked in full, and the file is
/// renamed. If `path` is a symbolic link, the file that it points to is replaced. Old blocks of the file stay on the
/// medium until the system uses them again.
///
/// # Errors
/// [`SaveError`]; the old file is then untouched.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    let system = |cause| SaveError::System {
        path: path.to_owned(),
        cause,
    };
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(system(error)),
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut fresh = tempfile::Builder::new()
        .prefix(".wimkey-")
        .tempfile_in(folder)
        .map_err(system)?;
    let outcome = fill(fresh.as_file_mut(), bytes)
        .and_then(|()| take_over_owner(fresh.as_file(), &target))
        .and_then(|()| holds(fresh.as_file_mut(), bytes))
        .map_err(system)
        .and_then(|is_same| judge(path, bytes, is_same));
    if let Err(error) = outcome {
        let _: io::Result<()> = wipe(fresh.as_file_mut(), bytes.len());
        return Err(error);
    }
    match fresh.persist(&target) {
        Ok(_) => File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(system),
        Err(mut error) => {
            let _: io::Result<()> = wipe(error.file.as_file_mut(), bytes.len());
            Err(system(error.error))
        }
    }
}

fn fill(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives `file` the mode and the owner of the file at `target`, if there is one.
fn take_over_owner(file: &File, target: &Path) -> io::Result<()> {
    let old = match target.metadata() {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            fchown(file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    file.set_permissions(old.permissions())
}

/// Whether the file holds `bytes` and nothing else; a small part of it is in memory at a time.
fn holds(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut buffer = Zeroizing::new(vec![0; STEP]);
    for part in bytes.chunks(STEP) {
        let copy = slice_mut(&mut buffer, 0, part.len()).unwrap_or_default();
        file.read_exact(copy)?;
        if copy != part {
            return Ok(false);
        }
    }
    Ok(file.read(&mut buffer)? == 0)
}

fn judge(path: &Path, bytes: &[u8], is_same: bool) -> Result<(), SaveError> {
    let reason = if is_same {
        check(bytes)
            .into_iter()
            .find(|finding| finding.severity == Severity::Refuse)
            .map(|finding| finding.to_string())
    } else {
        Some("the new file does not hold what was written to it".to_owned())
    };
    match reason {
        None => Ok(()),
        Some(reason) => Err(SaveError::ReadBack {
            path: path.to_owned(),
            reason,
        }),
    }
}

fn wipe(file: &mut File, length: usize) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut left = length;
    while left > 0 {
        let step = left.min(STEP);
        file.write_all(vec![0; step].as_slice())?;
        left -= step;
    }
    file.sync_all()
}
