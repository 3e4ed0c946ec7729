//! file - replacing a file on disk: whatever happens, its path names the whole old content or the whole new.
//!
//! Promise: the new content goes to a file beside the old one, is synced, read back, compared, and renamed over it. Mode and owner
//! stay. A new file that did not come to its place is overwritten with zeros before it is removed, for it may hold a key.

use crate::secret;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// How many zeros are written at a time.
const ZEROS: usize = 64 * 1024;

/// Why a file was not replaced. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system reported an error.
    #[error("{0}")]
    System(#[from] io::Error),
    /// What was read back is not what was written, or is not acceptable.
    #[error("{0}")]
    Rejected(String),
}

/// Makes `bytes` the content of the file at `path`, at once or not at all. What was written is read back and shown to `accept`
/// before it takes the old file's place.
///
/// If `path` is a symbolic link, the file that it points to is replaced. Old blocks of the file stay on the medium until the system
/// uses them again.
///
/// # Errors
/// [`Error`]; the old file is then untouched.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    accept: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<(), Error> {
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error.into()),
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut fresh = tempfile::Builder::new().prefix(".wimkey-").tempfile_in(folder)?;
    let outcome = fill(fresh.as_file_mut(), bytes)
        .and_then(|()| take_over_owner(fresh.as_file(), &target))
        .and_then(|()| read_back(fresh.as_file_mut(), bytes.len()))
        .map_err(Error::from)
        .and_then(|copy| {
            if copy[..] != *bytes {
                return Err(Error::Rejected(
                    "the new file does not hold what was written to it".to_owned(),
                ));
            }
            accept(&copy).map_err(Error::Rejected)
        });
    if let Err(error) = outcome {
        _ = wipe(fresh.as_file_mut(), bytes.len());
        return Err(error);
    }
    match fresh.persist(&target) {
        Ok(_) => Ok(File::open(folder)?.sync_all()?),
        Err(mut error) => {
            _ = wipe(error.file.as_file_mut(), bytes.len());
            Err(error.error.into())
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

fn read_back(file: &mut File, length: usize) -> io::Result<secret::Wiped> {
    file.seek(SeekFrom::Start(0))?;
    secret::read_all(&*file, length)
}

fn wipe(file: &mut File, length: usize) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![0; ZEROS.min(length)];
    let mut left = length;
    while left > 0 {
        let step = zeros.get(..left).unwrap_or(&zeros);
        file.write_all(step)?;
        left -= step.len();
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_new_content_takes_the_place_of_the_old_and_the_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        replace(&path, b"new", |_| Ok(())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777,
            0o640
        );
        assert_eq!(names(folder.path()), ["a.xml"]);
    }

    #[test]
    fn what_is_not_acceptable_leaves_the_old_content_and_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xml");
        std::fs::write(&path, "old").unwrap();
        let error = replace(&path, b"new", |_| Err("no".into())).unwrap_err();
        assert_eq!(error.to_string(), "no");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.xml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new", |_| Ok(())).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
    }
}
