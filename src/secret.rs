//! secret - memory for keys: fixed in place, locked against swap where the system allows, zeroed on every path.
//!
//! Promise: a [`Secret`] cannot be cloned, compared, printed or serialised, and its bytes are zero before its memory is
//! given back, on success, on error and in a panic alike. What it cannot cover: copies in kernel buffers (pipes, page
//! cache), the environment block the process was started with, and hypervisor snapshots.

mod bulk;
mod dumps;
mod source;

pub use bulk::Bulk;
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

/// Wipes many bytes at the speed of memory. Dropping them wipes them too, but one by one.
pub fn wipe(mut bytes: Wiped) {
    // The whole allocation: bytes may stand behind the end. Nothing moves, for the capacity is there.
    let all = bytes.capacity();
    bytes.resize(all, 0);
    bytes.fill(0);
    // The compiler must take it that these zeros are looked at.
    let zeros = std::hint::black_box(std::mem::take(&mut *bytes));
    drop(zeros);
}

/// Lengthens `bytes` with zeros to `length` without leaving a copy of them in freed memory.
pub fn grow(bytes: &mut Wiped, length: usize) {
    if length > bytes.capacity() {
        // A quarter more than asked for, so that many small steps do not copy many times.
        let mut moved = Zeroizing::new(Vec::with_capacity(length.saturating_add(length / 4)));
        moved.extend_from_slice(bytes);
        wipe(std::mem::replace(bytes, moved));
    }
    if length > bytes.len() {
        bytes.resize(length, 0);
    }
}

/// All that `reader` gives, at most `limit` bytes, without leaving copies behind.
///
/// # Errors
/// What the reader reports; [`std::io::ErrorKind::FileTooLarge`] if there is more than `limit`.
pub fn read_all(mut reader: impl Read, limit: usize) -> std::io::Result<Wiped> {
    let mut bytes = Wiped::default();
    fill(&mut bytes, &mut reader, 0, limit)?;
    Ok(bytes)
}

/// Reads into `bytes`, whose old content is overwritten. Nothing is moved if there is room for one byte more than `expected`
/// and no more come; 0 if that is unknown.
fn fill(bytes: &mut Wiped, reader: &mut impl Read, expected: usize, limit: usize) -> std::io::Result<()> {
    const STEP: usize = 64 * 1024;
    let mut filled = 0usize;
    loop {
        // Of a file whose length is known not a byte too much, for all of it is wiped: one more shows whether it has grown.
        let step = if expected > 0 && filled <= expected {
            STEP.min(expected - filled + 1)
        } else {
            STEP
        };
        let room = filled.saturating_add(step).min(limit.saturating_add(1));
        grow(bytes, room);
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
    Ok(())
}

/// The content of the file at `path`, at most `limit` bytes, in memory that is wiped.
///
/// # Errors
/// As [`read_all`], and what opening the file reports.
pub fn read_file(path: &std::path::Path, limit: usize) -> std::io::Result<Wiped> {
    let mut bytes = Wiped::default();
    read_file_into(&mut bytes, path, limit)?;
    Ok(bytes)
}

/// As [`read_file`], into memory that held the file before: of many files, each need not be wiped on its own. What is longer
/// than the new content stays until the memory is dropped.
///
/// # Errors
/// As [`read_file`].
pub fn read_file_into(bytes: &mut Wiped, path: &std::path::Path, limit: usize) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if expected > limit {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    if bytes.capacity() <= expected {
        *bytes = Wiped::new(Vec::with_capacity(expected.saturating_add(1))); // the old memory is wiped
    }
    fill(bytes, &mut file, expected, limit)
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
