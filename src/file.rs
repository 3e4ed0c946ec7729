//! file - replacing a file on disk: whatever happens, its path names the whole old content or the whole new.
//!
//! Promise: the new content goes to a file beside the old one, is synced, read back, compared, and renamed over it. Mode and owner
//! stay. A new file that did not come to its place is overwritten with zeros before it is removed, for it may hold a key.

use crate::bytes::slice_mut;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// How many bytes are written, compared or wiped at a time.
const STEP: usize = 1 << 20;

/// Why a file was not replaced as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system reported an error. The file is as it was before.
    #[error("{0}\nThe file is as it was before; check the folder's free space and rights.")]
    System(#[from] io::Error),
    /// What was read back is not what was written, or is not acceptable. The file is as it was before.
    #[error("{0}\nThe file is as it was before; check the disk and the memory.")]
    Rejected(String),
    /// The new content stands in its place, but the folder could not be synced.
    #[error(
        "the file is replaced, but a loss of power now could undo that: {0}\nThe file holds its new content; check the disk."
    )]
    Unsynced(io::Error),
}

/// What is done to the disk, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Create,
    Write,
    Sync,
    TakeOverOwner,
    Read,
    Rename,
    SyncFolder,
}

/// Makes `bytes` the content of the file at `path`, at once or not at all. What was written is read back and compared, and `bytes`
/// are shown to `accept` (meanwhile, in a thread of its own), before they take the old file's place.
///
/// If `path` is a symbolic link, the file that it points to is replaced. Old blocks of the file stay on the medium until the system
/// uses them again.
///
/// # Errors
/// [`Error`]; each says what the file is then.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    accept: impl FnOnce(&[u8]) -> Result<(), String> + Send,
) -> Result<(), Error> {
    replace_in_steps(path, bytes, accept, &mut |_| Ok(()))
}

/// As [`replace`], for contents that must not be found again: once the new content stands in its place, zeros are written over the old
/// one before its blocks are given back. Best effort: a journal, a snapshot or a flash drive may keep copies that nobody can reach from
/// here, and a file that has other names is left alone, for they still show it.
///
/// # Errors
/// As [`replace`].
pub fn replace_and_wipe(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = OpenOptions::new().write(true).open(path).ok();
    replace(path, bytes, |_| Ok(()))?;
    if let Some(mut old) = old.filter(has_no_name) {
        // The new content stands; what cannot be wiped is not worth undoing that.
        _ = wipe(&mut old);
    }
    Ok(())
}

/// Whether no name leads to the file any more.
fn has_no_name(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

/// As [`replace`]; before each step `gate` says whether it may be done.
fn replace_in_steps(
    path: &Path,
    bytes: &[u8],
    accept: impl FnOnce(&[u8]) -> Result<(), String> + Send,
    gate: &mut dyn FnMut(Step) -> io::Result<()>,
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
    gate(Step::Create)?;
    let mut fresh = tempfile::Builder::new().prefix(".wimkey-").tempfile_in(folder)?;
    let (prepared, accepted) = std::thread::scope(|scope| {
        let judgement = scope.spawn(|| accept(bytes));
        let prepared = prepare(&mut fresh, bytes, &target, gate);
        let accepted = judgement.join();
        (
            prepared,
            accepted.unwrap_or_else(|_| Err("its judgement failed".to_owned())),
        )
    });
    let outcome = prepared
        .and_then(|()| accepted.map_err(Error::Rejected))
        .and_then(|()| Ok(gate(Step::Rename)?));
    if let Err(error) = outcome {
        _ = wipe(fresh.as_file_mut());
        return Err(error);
    }
    match fresh.persist(&target) {
        Ok(_) => gate(Step::SyncFolder)
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(Error::Unsynced),
        Err(mut error) => {
            _ = wipe(error.file.as_file_mut());
            Err(error.error.into())
        }
    }
}

/// Everything that comes before the rename.
fn prepare(
    fresh: &mut NamedTempFile,
    bytes: &[u8],
    target: &Path,
    gate: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<(), Error> {
    let file = fresh.as_file_mut();
    for part in bytes.chunks(STEP) {
        gate(Step::Write)?;
        file.write_all(part)?;
    }
    gate(Step::TakeOverOwner)?;
    take_over_owner(file, target)?;
    gate(Step::Sync)?;
    file.sync_all()?;
    gate(Step::Read)?;
    if holds(file, bytes)? {
        Ok(())
    } else {
        Err(Error::Rejected(
            "the new file does not hold what was written to it".to_owned(),
        ))
    }
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
    let mut buffer = Zeroizing::new(vec![0; STEP.min(bytes.len() + 1)]);
    for part in bytes.chunks(STEP) {
        let copy = slice_mut(&mut buffer, 0, part.len()).unwrap_or_default();
        file.read_exact(copy)?;
        if copy != part {
            return Ok(false);
        }
    }
    Ok(file.read(&mut buffer)? == 0)
}

/// Overwrites all of a file with zeros.
fn wipe(file: &mut File) -> io::Result<()> {
    let mut left = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![0; STEP.min(left)];
    while left > 0 {
        let step = zeros.get(..left).unwrap_or(&zeros);
        file.write_all(step)?;
        left -= step.len();
    }
    file.sync_all()
}

/// Overwrites the file at `path` with zeros and empties it; one that is not there or is empty stays as it is.
///
/// # Errors
/// What the system reports; the file may then be overwritten in part.
pub fn empty(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    wipe(&mut file)?;
    file.set_len(0)?;
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
        assert!(error.to_string().starts_with("no\n"));
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

    #[test]
    fn a_failure_at_any_step_leaves_the_old_content_or_the_new_and_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let (old, new) = (vec![1; 5 * STEP / 2], vec![2; 7 * STEP / 2]);
        let mut steps = Vec::new();
        std::fs::write(&path, &old).unwrap();
        replace_in_steps(&path, &new, |_| Ok(()), &mut |step| {
            steps.push(step);
            Ok(())
        })
        .unwrap();
        assert_eq!(steps.iter().filter(|&&step| step == Step::Write).count(), 4);
        for (failing, &step) in steps.iter().enumerate() {
            std::fs::write(&path, &old).unwrap();
            let mut done = 0;
            let error = replace_in_steps(&path, &new, |_| Ok(()), &mut |_| {
                // At no moment does the path name anything but the whole old or the whole new content.
                let now = std::fs::read(&path).unwrap();
                assert!(now == old || now == new);
                done += 1;
                if done > failing {
                    return Err(io::Error::other("the disk is gone"));
                }
                Ok(())
            })
            .unwrap_err();
            let is_replaced = step == Step::SyncFolder;
            assert_eq!(matches!(error, Error::Unsynced(_)), is_replaced, "{step:?}");
            assert!(error.to_string().contains("the disk is gone"));
            let expected = if is_replaced { &new } else { &old };
            assert!(std::fs::read(&path).unwrap() == *expected, "{step:?}");
            assert_eq!(names(folder.path()), ["SOFTWARE"], "{step:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_old_content_is_overwritten_unless_another_name_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        std::fs::write(&path, "old").unwrap();
        let mut reader = File::open(&path).unwrap();
        replace_and_wipe(&path, b"new").unwrap();
        let mut left = Vec::new();
        reader.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 3]);
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        let other = folder.path().join("other");
        std::fs::hard_link(&path, &other).unwrap();
        replace_and_wipe(&path, b"newer").unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"new");
    }

    #[test]
    fn a_file_is_emptied_once_and_a_missing_one_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE.LOG1");
        empty(&path).unwrap();
        std::fs::write(&path, vec![7; 100]).unwrap();
        empty(&path).unwrap();
        empty(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 0);
    }
}
