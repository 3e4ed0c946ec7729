//! present - which parts of a hive file are in memory, where not all of it was read.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes of the file are read at a time.
pub(super) const BLOCK: usize = 16 * 1024;
/// Nothing is missing.
const NOTHING: u64 = u64::MAX;

/// Which parts of a hive are in memory.
pub(super) struct Present {
    /// Of each block, whether it was read.
    pub(super) blocks: Vec<bool>,
    /// The part that was asked for and is missing, as its two ends in bytes from the beginning of the file, 32 bits each.
    missing: AtomicU64,
}

impl Present {
    /// Nothing, of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        Self {
            blocks: vec![false; length.div_ceil(BLOCK)],
            missing: AtomicU64::new(NOTHING),
        }
    }

    /// Whether all bytes of the file from `start` to `end` are there; notes them as missing if not.
    pub(super) fn has(&self, start: usize, end: usize) -> bool {
        let mut blocks = start / BLOCK..end.div_ceil(BLOCK);
        let has = blocks.all(|block| self.blocks.get(block).copied().unwrap_or(true));
        if !has {
            self.missing
                .store((start as u64) << 32 | end as u64, Ordering::Relaxed);
        }
        has
    }

    /// What was asked for last and is missing, once.
    pub(super) fn take_missing(&self) -> Option<(usize, usize)> {
        let missing = self.missing.swap(NOTHING, Ordering::Relaxed);
        let half = |number: u64| usize::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        (missing != NOTHING).then(|| (half(missing >> 32), half(missing)))
    }
}
