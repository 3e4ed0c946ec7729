//! secret - memory for keys: fixed in place, locked against swap where the system allows, zeroed on every path.
//!
//! Promise: a [`Secret`] cannot be cloned, compared, printed or serialised, and its bytes are zero before its memory is
//! given back, on success, on error and in a panic alike. What it cannot cover: copies in kernel buffers (pipes, page
//! cache), the environment block the process was started with, and hypervisor snapshots.

mod dumps;
mod source;

pub use dumps::forbid_core_dumps;
pub use source::{Error, Source, TEXT_LIMIT, Text};

use std::io::Read;
use zeroize::{Zeroize, Zeroizing};

/// Memory pages are locked whole, so every secret has its pages to itself: unlocking one never unlocks another.
#[repr(align(4096))]
struct Pages<const N: usize>([u8; N]);

/// `N` secret bytes.
pub struct Secret<const N: usize> {
    // Dropped before the pages it locks.
    lock: Option<region::LockGuard>,
    pages: Box<Pages<N>>,
}

impl<const N: usize> Secret<N> {
    /// `N` zero bytes, locked into memory if the system allows it.
    pub fn new() -> Self {
        let pages = Box::new(Pages([0; N]));
        let lock = region::lock(pages.0.as_ptr(), N.max(1)).ok();
        Self { lock, pages }
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; N] {
        &self.pages.0
    }

    /// The bytes, for writing.
    pub fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.pages.0
    }

    /// Whether the system keeps these bytes out of the swap space.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl<const N: usize> Default for Secret<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.pages.0.zeroize();
    }
}

impl<const N: usize> std::fmt::Debug for Secret<N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[secret elided]")
    }
}

/// Bytes that may hold a key among other things (a hive, an answer file): wiped when dropped.
pub type Wiped = Zeroizing<Vec<u8>>;

/// Lengthens `bytes` with zeros to `length` without leaving a copy of them in freed memory.
pub fn grow(bytes: &mut Wiped, length: usize) {
    if length > bytes.capacity() {
        // A quarter more than asked for, so that many small steps do not copy many times.
        let mut moved = Zeroizing::new(Vec::with_capacity(length.saturating_add(length / 4)));
        moved.extend_from_slice(bytes);
        *bytes = moved; // the old allocation is wiped as it drops
    }
    if length > bytes.len() {
        bytes.resize(length, 0);
    }
}

/// All that `reader` gives, at most `limit` bytes, without leaving copies behind.
///
/// # Errors
/// What the reader reports; [`std::io::ErrorKind::FileTooLarge`] if there is more than `limit`.
pub fn read_all(reader: impl Read, limit: usize) -> std::io::Result<Wiped> {
    read_expecting(reader, 0, limit)
}

/// As [`read_all`], with room for the `expected` number of bytes from the start: nothing is moved if it is right.
fn read_expecting(mut reader: impl Read, expected: usize, limit: usize) -> std::io::Result<Wiped> {
    const STEP: usize = 64 * 1024;
    let room = if expected == 0 {
        0
    } else {
        expected.saturating_add(STEP)
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let mut filled = 0usize;
    loop {
        let room = filled.saturating_add(STEP).min(limit.saturating_add(1));
        grow(&mut bytes, room);
        let free = bytes.get_mut(filled..).unwrap_or_default();
        match reader.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled > limit {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The content of the file at `path`, at most `limit` bytes, in memory that is wiped.
///
/// # Errors
/// As [`read_all`], and what opening the file reports.
pub fn read_file(path: &std::path::Path, limit: usize) -> std::io::Result<Wiped> {
    let file = std::fs::File::open(path)?;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    read_expecting(file, expected, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let mut secret = Secret::<4>::new();
        secret.expose_mut().copy_from_slice(b"abcd");
        assert_eq!(format!("{secret:?}"), "[secret elided]");
    }

    #[test]
    fn growing_keeps_content_and_adds_zeros() {
        let mut bytes = Zeroizing::new(vec![7; 10]);
        grow(&mut bytes, 4);
        assert_eq!(bytes.len(), 10);
        grow(&mut bytes, 1000);
        assert_eq!(bytes.len(), 1000);
        assert!(bytes.iter().take(10).all(|&byte| byte == 7));
        assert!(bytes.iter().skip(10).all(|&byte| byte == 0));
    }

    #[test]
    fn reading_stops_at_the_limit() {
        assert_eq!(read_all(&[1u8; 100][..], 100).unwrap().len(), 100);
        let error = read_all(&[1u8; 101][..], 100).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    }
}
