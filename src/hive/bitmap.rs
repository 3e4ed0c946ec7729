//! One bit for every place where a cell can begin.

use super::cell::ALIGNMENT;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bits in one word.
const WORD: usize = 64;

/// A set of cell offsets: one bit for 8 bytes of hive.
pub(super) struct Bitmap(Vec<u64>);

impl Bitmap {
    /// An empty set for `length` bytes of bins.
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(ALIGNMENT * WORD)])
    }

    /// Adds `offset`. `false` if it was in the set before or can be in none.
    pub(super) fn set(&mut self, offset: u32) -> bool {
        let Some((word, bit)) = place(offset) else {
            return false;
        };
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether `offset` is in the set.
    pub(super) fn has(&self, offset: u32) -> bool {
        place(offset)
            .and_then(|(word, bit)| self.0.get(word).map(|word| word & bit != 0))
            .unwrap_or(false)
    }

    /// The first offset in the set behind `offset`.
    pub(super) fn next_behind(&self, offset: u32) -> Option<u32> {
        let index = offset as usize / ALIGNMENT + 1;
        let first = index / WORD;
        let mut here = self.0.get(first)? & (u64::MAX << (index % WORD));
        for (number, next) in (first..).zip(self.0.get(first + 1..)?.iter().map(Some).chain([None])) {
            if here != 0 {
                return offset_of(number, here);
            }
            here = *next?;
        }
        None
    }
}

/// A set of cell offsets out of which several threads take members, each member once.
pub(super) struct Pool(Vec<AtomicU64>);

impl From<Bitmap> for Pool {
    fn from(set: Bitmap) -> Self {
        Self(set.0.into_iter().map(AtomicU64::new).collect())
    }
}

impl Pool {
    /// Takes `offset` out; `false` if it is not in the set. `alone`: no other thread takes anything meanwhile.
    pub(super) fn take(&self, offset: u32, alone: bool) -> bool {
        let Some((word, bit)) = place(offset) else {
            return false;
        };
        let Some(word) = self.0.get(word) else {
            return false;
        };
        if alone {
            let before = word.load(Ordering::Relaxed);
            word.store(before & !bit, Ordering::Relaxed);
            before & bit != 0
        } else {
            word.fetch_and(!bit, Ordering::Relaxed) & bit != 0
        }
    }

    /// What is left, in ascending order.
    pub(super) fn rest(&self) -> impl Iterator<Item = u32> {
        self.0.iter().enumerate().flat_map(|(number, word)| {
            let mut left = word.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let here = left;
                left &= left.wrapping_sub(1);
                (here != 0).then(|| offset_of(number, here)).flatten()
            })
        })
    }
}

/// The offset that the lowest bit of the word `number` stands for.
fn offset_of(number: usize, word: u64) -> Option<u32> {
    u32::try_from((number * WORD + word.trailing_zeros() as usize) * ALIGNMENT).ok()
}

fn place(offset: u32) -> Option<(usize, u64)> {
    let offset = offset as usize;
    if !offset.is_multiple_of(ALIGNMENT) {
        return None;
    }
    let index = offset / ALIGNMENT;
    Some((index / WORD, 1 << (index % WORD)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_there_once() {
        let mut set = Bitmap::new(4096);
        assert!(set.set(4088) && set.set(32));
        assert!(!set.set(4088));
        assert!(!set.set(33) && !set.set(4096 * 8));
        assert!(set.has(32) && !set.has(40));
    }

    #[test]
    fn the_next_member_is_found_across_words() {
        let mut set = Bitmap::new(8192);
        for offset in [0, 8, 1024, 8184] {
            set.set(offset);
        }
        let mut found = vec![0];
        while let Some(next) = found.last().and_then(|&last| set.next_behind(last)) {
            found.push(next);
        }
        assert_eq!(found, [0, 8, 1024, 8184]);
        assert_eq!(set.next_behind(1_000_000), None);
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut set = Bitmap::new(4096);
        for offset in [32, 504, 512, 4088] {
            set.set(offset);
        }
        let pool = Pool::from(set);
        assert!(pool.take(504, true) && pool.take(4088, false));
        assert!(!pool.take(504, false) && !pool.take(4088, true) && !pool.take(33, true));
        assert_eq!(pool.rest().collect::<Vec<_>>(), [32, 512]);
    }
}
