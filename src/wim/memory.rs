//! memory - a WIM file that lies in memory, for callers without a file system: tests, fuzzers.
//!
//! Promise: it behaves as a file does, without locks and without a medium.

use super::error::Error;
use super::reader::Wim;
use super::storage::Storage;
use crate::bytes::{slice, slice_mut};
use crate::threads::lock;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// No WIM in memory becomes longer than this, in bytes, whatever a damaged one asks for.
const LONGEST: usize = 1 << 30;

/// A WIM file in memory.
#[derive(Clone)]
pub struct MemoryFile(Arc<Memory>);

pub(super) struct Memory(Mutex<Vec<u8>>);

impl Memory {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Mutex::new(bytes))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MemoryFile")
            .field("length", &lock(&self.0.0).len())
            .finish()
    }
}

impl MemoryFile {
    /// A file that holds `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Memory::new(bytes)))
    }

    /// Opens the WIM; an update of it changes this file.
    ///
    /// # Errors
    /// As [`Wim::open`].
    pub fn open(&self) -> Result<Wim, Error> {
        let storage: Arc<dyn Storage> = self.0.clone();
        Wim::open_storage(storage, Path::new("memory"))
    }

    /// What the file holds now.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.0.0).clone()
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge.into())
}

impl Storage for Memory {
    fn length(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let own = lock(&self.0);
        let source = slice(&own, place(offset)?, bytes.len());
        bytes.copy_from_slice(source.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn begin_writing(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = place(offset)?;
        let end = start.checked_add(bytes.len()).filter(|&end| end <= LONGEST);
        let end = end.ok_or(ErrorKind::StorageFull)?;
        let mut own = lock(&self.0);
        if end > own.len() {
            own.resize(end, 0);
        }
        if let Some(target) = slice_mut(&mut own, start, bytes.len()) {
            target.copy_from_slice(bytes);
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let length = place(length)?;
        if length > LONGEST {
            return Err(ErrorKind::StorageFull.into());
        }
        lock(&self.0).resize(length, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let mut own = lock(&self.0);
        let length = place(range.end.saturating_sub(range.start))?;
        let target = slice_mut(&mut own, place(range.start)?, length);
        target.ok_or(ErrorKind::UnexpectedEof)?.fill(0);
        Ok(())
    }
}
