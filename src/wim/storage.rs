//! storage - the few things that are done to the file of a WIM, as a trait, so that tests can make any of them fail.
//!
//! Promise: reading never moves a file position, so many threads may read at once; writing begins only under an
//! exclusive lock on the very file that was opened for reading.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file that holds a WIM.
pub(super) trait Storage: Send + Sync {
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Fills `bytes` from `offset` on.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Opens for writing and locks out other writers; [`io::ErrorKind::WouldBlock`] if another one holds the lock.
    fn begin_writing(&self) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts or lengthens the file.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Returns when all that was written is on the medium.
    fn sync(&self) -> io::Result<()>;
    /// Lets the medium begin with bytes that were written and that nobody needs soon; promises nothing.
    fn begin_sync(&self, _range: Range<u64>) {}
    /// Makes bytes zero that need no medium from then on; an error if that cannot be done here.
    fn punch(&self, range: Range<u64>) -> io::Result<()>;
}

/// A [`Storage`] on a disk.
pub(super) struct Disk {
    path: PathBuf,
    reader: File,
    writer: OnceLock<File>,
}

impl Disk {
    /// Opens the file for reading.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            reader: File::open(path)?,
            writer: OnceLock::new(),
        })
    }

    fn writer(&self) -> io::Result<&File> {
        self.writer
            .get()
            .ok_or_else(|| io::Error::other("the file is not open for writing"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.get() {
            // Closing alone is not enough: a child process that is just being started shares the lock for a moment.
            let _closing_follows = writer.unlock();
        }
    }
}

impl Storage for Disk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.reader.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.reader.read_exact_at(bytes, offset)
    }

    fn begin_writing(&self) -> io::Result<()> {
        if self.writer.get().is_some() {
            return Ok(());
        }
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let (opened, read) = (file.metadata()?, self.reader.metadata()?);
        if (opened.dev(), opened.ino()) != (read.dev(), read.ino()) {
            return Err(io::Error::other("another file has taken the place of this one"));
        }
        // Nobody else sets it: a storage is written by the one update that owns it.
        let _set = self.writer.set(file);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.writer()?.write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.writer()?.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.writer()?.sync_data()
    }

    fn begin_sync(&self, range: Range<u64>) {
        if let Ok(file) = self.writer() {
            crate::file::begin_sync(file, range);
        }
    }

    #[cfg(target_os = "linux")]
    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(fallocate(
            self.writer()?,
            flags,
            range.start,
            range.end - range.start,
        )?)
    }

    #[cfg(not(target_os = "linux"))]
    fn punch(&self, _range: Range<u64>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
