//! space - which bytes of the file belong to something, and where something new fits.
//!
//! Promise: sets of ranges are sorted, disjoint and never wrap around.

use std::iter::once;
use std::ops::Range;

/// A set of bytes of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .filter(|range| range.start < range.end)
            .collect();
        sorted.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

impl Ranges {
    /// The ranges in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.0.iter().cloned()
    }

    /// How many bytes there are.
    pub(super) fn total(&self) -> u64 {
        self.iter().map(|range| range.end - range.start).sum()
    }

    /// One past the last byte; 0 if there is none.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, |range| range.end)
    }

    /// The bytes in either.
    pub(super) fn with(&self, other: impl IntoIterator<Item = Range<u64>>) -> Self {
        self.iter().chain(other).collect()
    }

    /// The bytes that are not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut taken = other.0.iter().peekable();
        for range in &self.0 {
            let mut start = range.start;
            while let Some(next) = taken.peek() {
                if next.end <= start {
                    taken.next();
                } else if next.start >= range.end {
                    break;
                } else {
                    rest.push(start..next.start);
                    start = next.end;
                    if start >= range.end {
                        break;
                    }
                }
            }
            rest.push(start..range.end.max(start));
        }
        rest.into_iter().collect()
    }

    /// Whether any byte of `range` is in the set.
    pub(super) fn touches(&self, range: &Range<u64>) -> bool {
        let after = self.0.partition_point(|own| own.end <= range.start);
        self.0.get(after).is_some_and(|own| own.start < range.end)
    }

    /// Takes `size` bytes at or after `from` that are not in the set: the first gap that fits, or the end.
    pub(super) fn place(&mut self, size: u64, from: u64) -> Option<u64> {
        let mut candidate = from;
        for range in &self.0 {
            if range.end <= candidate {
                continue;
            }
            if candidate.checked_add(size)? <= range.start {
                break;
            }
            candidate = range.end;
        }
        *self = self.with(once(candidate..candidate.checked_add(size)?));
        Some(candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u64, u64)]) -> Ranges {
        ranges.iter().map(|&(start, end)| start..end).collect()
    }

    #[test]
    fn neighbours_become_one_and_empty_ranges_vanish() {
        assert_eq!(set(&[(5, 7), (0, 3), (3, 4), (9, 9)]), set(&[(0, 4), (5, 7)]));
        assert_eq!(set(&[(0, 4), (5, 7)]).total(), 6);
    }

    #[test]
    fn what_is_left_is_what_a_byte_by_byte_count_says() {
        let mut seed = 7u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed >> 58
        };
        for _ in 0..500 {
            let mut random = || -> Ranges {
                (0..6)
                    .map(|_| {
                        let start = next();
                        start..start + next() / 4
                    })
                    .collect()
            };
            let (left, right) = (random(), random());
            let inside = |set: &Ranges, byte: u64| set.iter().any(|range| range.contains(&byte));
            let rest = left.without(&right);
            for byte in 0..100 {
                assert_eq!(inside(&rest, byte), inside(&left, byte) && !inside(&right, byte));
                assert_eq!(left.touches(&(byte..byte + 1)), inside(&left, byte));
            }
        }
    }

    #[test]
    fn the_first_gap_that_fits_is_taken_and_taken_once() {
        let mut live = set(&[(0, 10), (14, 20), (30, 40)]);
        assert_eq!(live.place(5, 0), Some(20));
        assert_eq!(live.place(5, 0), Some(25));
        assert_eq!(live.place(5, 0), Some(40));
        assert_eq!(live.place(4, 12), Some(45));
        assert_eq!(live.place(4, 0), Some(10));
        assert_eq!(live.place(u64::MAX, 0), None);
    }
}
