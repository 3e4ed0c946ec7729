//! held - one run at a time: what is read of a file is what will be replaced.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long is waited for another program that holds a file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How long at a time.
const LOCK_STEP: Duration = Duration::from_millis(10);

/// A file that no other run changes meanwhile; until it is dropped.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Keeps other runs of this program from changing the file at `path`, so that what is read now is what will be replaced. Waits a while if
/// one is at it. Where the file system has no locks nothing is kept.
///
/// # Errors
/// What opening the file reports; [`io::ErrorKind::WouldBlock`] if another program holds it for long.
pub fn hold(path: &Path) -> io::Result<Held> {
    let start = Instant::now();
    loop {
        let file = File::open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_PATIENCE => std::thread::sleep(LOCK_STEP),
            Err(TryLockError::WouldBlock) => {
                let error = io::Error::new(io::ErrorKind::WouldBlock, "another program is writing it");
                return Err(error);
            }
            // Whoever held it may have put another file in its place.
            Ok(()) if !is_at(&file, path) => {}
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(Held { _file: file }),
        }
    }
}

/// Whether `path` still names this file.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (Ok(held), Ok(named)) = (file.metadata(), path.metadata()) else {
            return true;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }
    #[cfg(not(unix))]
    {
        _ = (file, path);
        true
    }
}
