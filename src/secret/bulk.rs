//! Many bytes that may hold keys: memory for whole hives.
//!
//! Promise: wiped when dropped and when moved. Memory of many megabytes is asked for in large pages where the system has them: it is
//! there sooner, and reading here and there in it is quicker.

use super::{Wiped, grow};
use memmap2::{MmapMut, MmapOptions};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use zeroize::Zeroizing;

/// From this many bytes on memory is asked from the system itself.
const LARGE: usize = 4 << 20;
/// How much room to grow there is besides an eighth; the system gives memory only when it is written to.
const RESERVE: usize = 1 << 20;
/// How many bytes are asked for at a time when a file turns out to be longer than it said.
const STEP: usize = 64 * 1024;

/// Many bytes that may hold keys.
pub struct Bulk {
    memory: Memory,
    /// How many bytes of the memory are in use; those behind them are zero.
    length: usize,
}

enum Memory {
    Heap(Wiped),
    Pages(MmapMut),
}

impl Bulk {
    /// `length` zero bytes.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] and the like.
    pub fn zeroed(length: usize) -> io::Result<Self> {
        Self::with_room(length, length)
    }

    /// `length` zero bytes that can become `room` bytes and some more without being moved.
    ///
    /// # Errors
    /// As [`Bulk::zeroed`].
    pub fn with_room(length: usize, room: usize) -> io::Result<Self> {
        let expected = room.max(length);
        if expected < LARGE {
            return Ok(Zeroizing::new(vec![0; length]).into());
        }
        let room = expected.checked_add(expected / 8 + RESERVE);
        let pages = MmapOptions::new()
            .len(room.ok_or(ErrorKind::OutOfMemory)?)
            .map_anon()?;
        prefer_large_pages(&pages, expected);
        Ok(Self {
            memory: Memory::Pages(pages),
            length,
        })
    }

    /// The content of the file at `path`, at most `limit` bytes.
    ///
    /// # Errors
    /// What the system reports; [`ErrorKind::FileTooLarge`] if there is more than `limit`.
    pub fn read(path: &Path, limit: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if expected > limit {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Self::zeroed(expected)?;
        let mut filled = 0;
        loop {
            if filled == bytes.len() {
                bytes.grow((filled + STEP).min(limit.saturating_add(1)))?;
            }
            match file.read(bytes.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if filled > limit {
                return Err(ErrorKind::FileTooLarge.into());
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Lengthens the bytes with zeros to `length`.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] and the like.
    pub fn grow(&mut self, length: usize) -> io::Result<()> {
        if length <= self.length {
            return Ok(());
        }
        let room = match &mut self.memory {
            Memory::Heap(bytes) if length < LARGE || self.length >= LARGE => {
                grow(bytes, length);
                length
            }
            Memory::Heap(bytes) => bytes.len(),
            Memory::Pages(pages) => pages.len(),
        };
        if length > room {
            let mut moved = Self::zeroed(length)?;
            if let Some(start) = moved.get_mut(..self.length) {
                start.copy_from_slice(self);
            }
            *self = moved; // the old memory is wiped as it drops
        }
        self.length = length;
        Ok(())
    }

    /// Wipes what is behind the first `length` bytes and gives it up.
    pub fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.get_mut(length..) {
            rest.fill(0);
            self.length = length;
        }
    }
}

/// Asks for large pages for the first `length` bytes. Without them everything works as well, only slower.
fn prefer_large_pages(pages: &MmapMut, length: usize) {
    #[cfg(target_os = "linux")]
    {
        _ = pages.advise_range(memmap2::Advice::HugePage, 0, length);
    }
    #[cfg(not(target_os = "linux"))]
    {
        _ = (pages, length);
    }
}

impl From<Wiped> for Bulk {
    fn from(bytes: Wiped) -> Self {
        let length = bytes.len();
        Self {
            memory: Memory::Heap(bytes),
            length,
        }
    }
}

impl From<Bulk> for Wiped {
    fn from(mut bulk: Bulk) -> Self {
        match &mut bulk.memory {
            Memory::Heap(bytes) => {
                let mut bytes = std::mem::take(bytes);
                bytes.truncate(bulk.length);
                bytes
            }
            Memory::Pages(_) => Zeroizing::new(bulk.to_vec()),
        }
    }
}

impl Default for Bulk {
    fn default() -> Self {
        Wiped::default().into()
    }
}

impl Deref for Bulk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let memory: &[u8] = match &self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(pages) => pages,
        };
        memory.get(..self.length).unwrap_or_default()
    }
}

impl DerefMut for Bulk {
    fn deref_mut(&mut self) -> &mut [u8] {
        let memory: &mut [u8] = match &mut self.memory {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(pages) => pages,
        };
        memory.get_mut(..self.length).unwrap_or_default()
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        // The memory of the heap wipes itself. Pages go back to the system by a call that the compiler cannot look into, so it keeps
        // this; behind the length they are zero.
        if let Memory::Pages(_) = self.memory {
            self.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn small_and_large_bytes_grow_with_zeros_and_keep_their_content() {
        for length in [10, LARGE - 1, LARGE, 3 * LARGE] {
            let mut bytes = Bulk::zeroed(length).unwrap();
            assert!(bytes.len() == length && bytes.iter().all(|&byte| byte == 0));
            bytes.fill(7);
            for more in [1, 2 * STEP, LARGE, 5 * LARGE] {
                bytes.grow(length + more).unwrap();
                assert_eq!(bytes.len(), length + more);
                assert!(bytes[..length].iter().all(|&byte| byte == 7));
                assert!(bytes[length..].iter().all(|&byte| byte == 0));
            }
            bytes.truncate(length - 5);
            bytes.grow(length).unwrap();
            assert!(bytes[length - 5..].iter().all(|&byte| byte == 0));
            assert_eq!(Wiped::from(bytes).len(), length);
        }
    }

    #[test]
    fn a_file_is_read_whole_and_not_past_the_limit() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for length in [0, 1000, LARGE + 1000] {
            file.write_all(&vec![3; length]).unwrap();
            let written = usize::try_from(file.as_file().metadata().unwrap().len()).unwrap();
            let bytes = Bulk::read(file.path(), written).unwrap();
            assert!(bytes.len() == written && bytes.iter().all(|&byte| byte == 3));
            if written > 0 {
                let error = Bulk::read(file.path(), written - 1).err().unwrap();
                assert_eq!(error.kind(), ErrorKind::FileTooLarge);
            }
        }
    }
}
