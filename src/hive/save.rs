//! Saving a hive file, and what becomes of its transaction logs.
//!
//! Promise: the path names the whole old hive or the whole new one, see [`crate::file`]; what does not pass the full check is not
//! saved. Logs hold old pages of their hive, and so old keys: they are zero before they are empty.

use super::{Severity, check};
use crate::file::{self, Draft, Error};
use crate::secret::{self, Wiped};
use std::io;
use std::path::{Path, PathBuf};

/// What the names of a hive's transaction logs end with, in any case, in the order in which they are applied. Windows 7 has `.LOG`
/// beside the two others, empty.
pub const LOG_ENDINGS: [&str; 3] = [".LOG1", ".LOG2", ".LOG"];

/// Why a hive was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The hive is not to be saved.
    #[error(transparent)]
    Hive(#[from] super::Error),
    /// The file was not replaced as it should be.
    #[error(transparent)]
    File(#[from] Error),
}

/// Makes `bytes` the content of the hive file at `path`, at once or not at all, as [`file::replace`] does. The logs beside it stay
/// as they are; see [`empty_logs`].
///
/// # Errors
/// [`file::Error`].
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Draft::new(path)?.replace(bytes, judge)
}

/// Why `bytes` must not take the place of a hive, if anything is wrong with them.
pub(super) fn judge(bytes: &[u8]) -> Result<(), String> {
    let mut findings = check(bytes).into_iter();
    let fault = findings.find(|finding| finding.severity == Severity::Refuse);
    fault.map_or(Ok(()), |fault| Err(fault.to_string()))
}

/// The transaction logs beside the hive file at `path`, in the order `.LOG1`, `.LOG2`, `.LOG`.
///
/// # Errors
/// What reading the folder reports.
pub fn logs_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = path.canonicalize()?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let name = name.to_string_lossy();
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let own = entry.file_name();
        let ending = own
            .to_str()
            .and_then(|own| own.get(..name.len()).zip(own.get(name.len()..)))
            .filter(|(own, _)| own.eq_ignore_ascii_case(&name))
            .and_then(|(_, ending)| {
                LOG_ENDINGS
                    .iter()
                    .position(|known| known.eq_ignore_ascii_case(ending))
            });
        if let Some(order) = ending
            && entry.path().is_file()
        {
            found.push((order, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// The content of the two logs that [`super::recover`] takes, from the files beside the hive file at `path`; empty for one that is
/// not there. Of each at most `limit` bytes are read.
///
/// # Errors
/// What reading them reports.
pub fn read_logs(path: &Path, limit: usize) -> io::Result<[Wiped; 2]> {
    let mut logs = Vec::new();
    for log in logs_of(path)? {
        let bytes = secret::read_file(&log, limit)?;
        // One of the three is empty, or not there.
        if !bytes.is_empty() && logs.len() < 2 {
            logs.push(bytes);
        }
    }
    let mut logs = logs.into_iter();
    Ok([logs.next().unwrap_or_default(), logs.next().unwrap_or_default()])
}

/// Overwrites the transaction logs of the hive file at `path` with zeros and empties them; for a hive that was saved.
///
/// # Errors
/// What the system reports.
pub fn empty_logs(path: &Path) -> io::Result<()> {
    logs_of(path)?.iter().try_for_each(|log| file::empty(log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_found_whatever_the_case_of_their_names_and_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        for name in [
            "SOFTWARE",
            "software.log2",
            "SOFTWARE.LOG",
            "SOFTWARE.LOG1",
            "SOFTWARE.LOG10",
            "SOFTWAREX.LOG1",
        ] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let logs = logs_of(&path).unwrap();
        let names: Vec<_> = logs
            .iter()
            .map(|log| log.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["SOFTWARE.LOG1", "software.log2", "SOFTWARE.LOG"]);
        let [first, second] = read_logs(&path, 100).unwrap();
        assert_eq!(
            (&first[..], &second[..]),
            (&b"SOFTWARE.LOG1"[..], &b"software.log2"[..])
        );
        empty_logs(&path).unwrap();
        assert!(logs.iter().all(|log| log.metadata().unwrap().len() == 0));
        assert_eq!(std::fs::read(&path).unwrap(), b"SOFTWARE");
        assert_eq!(
            std::fs::read(folder.path().join("SOFTWARE.LOG10")).unwrap(),
            b"SOFTWARE.LOG10"
        );
    }
}
