//! taken - which bytes of a directory tree belong to an entry.
//!
//! Promise: two entries that share so much as an aligned word are told; a bit stands for each word, so that the largest trees take little.

use super::ALIGNMENT;
use std::ops::Range;

/// The bits in one number.
const BITS: usize = 64;

/// The bytes that belong to an entry so far.
pub(super) struct Taken(Vec<u64>);

impl Taken {
    /// Nothing of `length` bytes.
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length / (ALIGNMENT * BITS) + 1])
    }

    /// Takes a range that lies inside; `false` if a part of it was taken before.
    pub(super) fn take(&mut self, range: &Range<usize>) -> bool {
        // Rounded down at both ends: an entry that begins inside a word leaves it to the one before.
        let (mut place, end) = (range.start / ALIGNMENT, range.end / ALIGNMENT);
        let mut is_free = true;
        while place < end {
            let (number, first) = (place / BITS, place % BITS);
            let count = (end - place).min(BITS - first);
            let mask = (u64::MAX >> (BITS - count)) << first;
            let Some(bits) = self.0.get_mut(number) else {
                return false;
            };
            is_free &= *bits & mask == 0;
            *bits |= mask;
            place += count;
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_taken_once() {
        let mut taken = Taken::new(5000);
        for range in [0..104, 104..4000, 4000..4008, 4500..4996] {
            assert!(taken.take(&range), "{range:?}");
        }
        for range in [0..8, 96..112, 512..1024, 3992..4000, 4984..4992] {
            assert!(!taken.take(&range), "{range:?}");
        }
        assert!(taken.take(&(4016..4024)));
        assert!(
            !taken.take(&(1 << 40..(1 << 40) + 8)),
            "what lies outside is nobody's"
        );
    }
}
