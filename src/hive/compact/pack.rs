//! Packing: cells one behind the other in fresh bins, handed out part by part.
//!
//! Promise: at most two parts of the hive are in memory, unless one bin is larger; what is handed out is never asked for again: numbers
//! that become known later are kept as amendments. The same cells in the same order give the same bytes.

use crate::bytes::{align_up, put};
use crate::hive::bin::{self, BLOCK};
use crate::hive::cell::{ALIGNMENT, SIZE_FIELD, narrow};
use crate::hive::space::{cell_size, end_of_bin};
use crate::hive::{Error, SaveError};
use crate::secret::{self, Wiped};

/// How many bytes are handed out at a time.
pub(super) const PART: usize = 256 << 10;
/// Free cells of up to so many bytes are looked for by size.
const CLASSES: usize = BLOCK / ALIGNMENT;
/// How many classes one word of the index of classes tells of.
const WORD: usize = 64;

/// Takes the parts of a hive in order, each out of the memory that is shown; what it leaves there is used again and means nothing.
pub(super) type Outlet<'o> = &'o mut dyn FnMut(&mut Wiped) -> Result<(), SaveError>;

/// A number for a place that was handed out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amendment {
    /// Where in the bins.
    pub(super) place: u32,
    /// The number; zero stands there now.
    pub(super) number: u32,
}

/// Free cells in bins that are in memory, by size.
struct Holes {
    /// For each multiple of [`ALIGNMENT`] where free cells of that size begin, the latest last.
    by_class: Vec<Vec<u32>>,
    /// Which of them may hold any.
    filled: [u64; CLASSES / WORD],
}

impl Holes {
    fn new() -> Self {
        Self {
            by_class: vec![Vec::new(); CLASSES],
            filled: [0; CLASSES / WORD],
        }
    }

    fn add(&mut self, offset: u32, size: u32) {
        let class = size as usize / ALIGNMENT;
        if let Some((cells, word)) = self
            .by_class
            .get_mut(class)
            .zip(self.filled.get_mut(class / WORD))
        {
            cells.push(offset);
            *word |= 1 << (class % WORD);
        }
    }

    /// The smallest free cell of at least `size` bytes that does not begin before `start`: where and how large.
    fn take(&mut self, size: u32, start: u32) -> Option<(u32, u32)> {
        let mut class = size as usize / ALIGNMENT;
        while class < CLASSES {
            let word = self.filled.get_mut(class / WORD)?;
            let here = *word >> (class % WORD);
            if here == 0 {
                class = (class / WORD + 1) * WORD;
                continue;
            }
            class += here.trailing_zeros() as usize;
            let cells = self.by_class.get_mut(class)?;
            match cells.pop() {
                Some(offset) if offset >= start => {
                    return Some((offset, narrow(class * ALIGNMENT).ok()?));
                }
                // Those below it lie before it, so all are out of memory.
                _ => {
                    cells.clear();
                    *word &= !(1 << (class % WORD));
                }
            }
        }
        None
    }
}

/// Bins that are being filled with cells.
pub(super) struct Packer<'o> {
    outlet: Outlet<'o>,
    /// The end of the bins: what was not handed out yet.
    window: Wiped,
    /// Where the window begins.
    start: u32,
    /// Memory for the next window.
    spare: Wiped,
    /// The free cell at the end of the bin that is being filled: where and how large.
    open: (u32, u32),
    holes: Holes,
    amendments: Vec<Amendment>,
}

impl<'o> Packer<'o> {
    pub(super) fn new(outlet: Outlet<'o>) -> Self {
        Self {
            outlet,
            window: Wiped::default(),
            start: 0,
            spare: Wiped::default(),
            open: (0, 0),
            holes: Holes::new(),
            amendments: Vec::new(),
        }
    }

    /// A cell of zeros with room for `length` bytes.
    pub(super) fn allocate(&mut self, length: usize) -> Result<u32, SaveError> {
        let size = cell_size(length)?;
        // A hole is near enough wherever in the window it is, and what small cells fill is not left free.
        let (offset, free) = if let Some(hole) = self.holes.take(size, self.start) {
            hole
        } else if self.open.1 >= size {
            self.open
        } else {
            self.add_bin(size)?
        };
        let is_open = offset == self.open.0;
        let rest = (offset + size, free - size);
        if rest.1 > 0 {
            self.put_size(rest.0, i64::from(rest.1))?;
        }
        if is_open {
            self.open = rest;
        } else if rest.1 > 0 {
            self.holes.add(rest.0, rest.1);
        }
        self.put_size(offset, -i64::from(size))?;
        Ok(offset)
    }

    /// A cell that holds `data`.
    pub(super) fn allocate_with(&mut self, data: &[u8]) -> Result<u32, SaveError> {
        let offset = self.allocate(data.len())?;
        self.write(offset, 0, data)?;
        Ok(offset)
    }

    /// Writes `data` at `at` in the payload of the cell at `offset`, which is the latest or was made a short while ago.
    pub(super) fn write(&mut self, offset: u32, at: usize, data: &[u8]) -> Result<(), Error> {
        let place = (offset.checked_sub(self.start)).map(|inside| inside as usize + SIZE_FIELD + at);
        place
            .and_then(|place| put(&mut self.window, place, data))
            .ok_or_else(|| Error::damaged(offset, "a packed cell is not in memory"))
    }

    /// Writes `number` at `at` in the payload of the cell at `offset`, wherever that is by now. Zero stands there.
    pub(super) fn write_number(&mut self, offset: u32, at: usize, number: u32) -> Result<(), Error> {
        if offset >= self.start {
            return self.write(offset, at, &number.to_le_bytes());
        }
        let place = narrow(offset as usize + SIZE_FIELD + at)?;
        self.amendments.push(Amendment { place, number });
        Ok(())
    }

    /// Hands out the rest; gives the length of the bins in bytes, and what is to be amended.
    pub(super) fn finish(mut self) -> Result<(u32, Vec<Amendment>), SaveError> {
        let end = narrow(self.end()?)?;
        (self.outlet)(&mut self.window)?;
        Ok((end, self.amendments))
    }

    /// How long the bins are by now.
    fn end(&self) -> Result<usize, Error> {
        end_of_bin(self.start as usize, self.window.len())
    }

    fn put_size(&mut self, offset: u32, size: i64) -> Result<(), Error> {
        let size = i32::try_from(size).map_err(|_| Error::Full("2 GiB"))?;
        let place = offset.wrapping_sub(self.start) as usize;
        put(&mut self.window, place, &size.to_le_bytes())
            .ok_or_else(|| Error::damaged(offset, "a packed cell is not in memory"))
    }

    /// A new bin with a free cell of at least `size` bytes: where it stands and how large it is.
    fn add_bin(&mut self, size: u32) -> Result<(u32, u32), SaveError> {
        while self.window.len() >= 2 * PART {
            self.hand_out()?;
        }
        let start = self.end()?;
        let length = align_up(size as usize + bin::HEADER as usize, BLOCK).ok_or(Error::Full("2 GiB"))?;
        end_of_bin(start, length)?;
        let (offset, length) = (narrow(start)?, narrow(length)?);
        let place = self.window.len();
        secret::grow(&mut self.window, place + length as usize);
        for (at, field) in [
            (0, *bin::SIGNATURE),
            (bin::OWN_OFFSET, offset.to_le_bytes()),
            (bin::SIZE, length.to_le_bytes()),
        ] {
            put(&mut self.window, place + at, &field).ok_or(Error::Full("2 GiB"))?;
        }
        let cell = (offset + bin::HEADER, length - bin::HEADER);
        // A bin that one large cell asks for is full but for a hole; the one that is being filled goes on.
        if length as usize == BLOCK {
            let (offset, size) = std::mem::replace(&mut self.open, cell);
            if size > 0 {
                self.holes.add(offset, size);
            }
        }
        Ok(cell)
    }

    /// Hands out the first part of the window.
    fn hand_out(&mut self) -> Result<(), SaveError> {
        let mut next = std::mem::take(&mut self.spare);
        next.clear();
        let kept = self.window.get(PART..).unwrap_or_default();
        secret::grow(&mut next, kept.len().max(2 * PART + BLOCK));
        next.truncate(kept.len());
        next.copy_from_slice(kept);
        self.window.truncate(PART);
        (self.outlet)(&mut self.window)?;
        self.spare = std::mem::replace(&mut self.window, next);
        self.start += narrow(PART)?;
        if self.open.0 < self.start {
            self.open = (0, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::bin::bins;

    /// Lengths that look like those of a hive: many small ones, some large ones, one that needs a bin of many blocks.
    fn lengths() -> Vec<usize> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize
        };
        let mut lengths: Vec<usize> = (0..60_000)
            .map(|index| match index % 100 {
                0 => 16_348,
                1..5 => 500 + next() % 3000,
                _ => 4 + next() % 120,
            })
            .collect();
        lengths.insert(30_000, 3 * PART);
        lengths
    }

    fn packed(lengths: &[usize]) -> (Vec<u8>, Vec<u32>, usize) {
        let (mut bins, mut longest) = (Vec::new(), 0);
        let mut outlet = |part: &mut Wiped| {
            longest = longest.max(part.len());
            bins.extend_from_slice(part);
            Ok(())
        };
        let mut packer = Packer::new(&mut outlet);
        let cells = lengths.iter().enumerate().map(|(index, &length)| {
            let cell = packer.allocate(length).unwrap();
            packer
                .write(cell, 0, &u32::try_from(index).unwrap().to_le_bytes())
                .unwrap();
            cell
        });
        let cells = cells.collect();
        let (length, amendments) = packer.finish().unwrap();
        assert_eq!((length as usize, amendments), (bins.len(), Vec::new()));
        (bins, cells, longest)
    }

    #[test]
    fn cells_tile_their_bins_hold_what_was_written_and_leave_little_free() {
        let lengths = lengths();
        let (area, cells, _) = packed(&lengths);
        let mut met = Vec::new();
        let (mut free, mut previous_is_free) = (0, false);
        for bin in bins(&area) {
            for cell in bin.unwrap().cells(&area) {
                let cell = cell.unwrap();
                if cell.in_use {
                    met.push(cell.offset);
                } else {
                    assert!(!previous_is_free || cell.offset.is_multiple_of(32));
                    free += cell.size as usize;
                }
                previous_is_free = !cell.in_use;
            }
            previous_is_free = false;
        }
        for (index, (&cell, &length)) in cells.iter().zip(&lengths).enumerate() {
            let place = cell as usize;
            let size = crate::bytes::i32_at(&area, place).unwrap().unsigned_abs() as usize;
            assert!(size >= length + SIZE_FIELD && size < length + SIZE_FIELD + ALIGNMENT);
            assert_eq!(
                crate::bytes::u32_at(&area, place + SIZE_FIELD),
                u32::try_from(index).ok()
            );
        }
        let mut sorted = cells;
        sorted.sort_unstable();
        assert_eq!(sorted, met, "every cell once, and no other");
        assert!(free * 500 < area.len(), "{free} of {} bytes are free", area.len());
    }

    #[test]
    fn no_more_than_two_parts_are_kept_besides_a_large_bin() {
        let small: Vec<usize> = lengths().into_iter().filter(|&length| length < PART).collect();
        assert!(packed(&small).2 <= 2 * PART);
        assert!(packed(&lengths()).2 <= 6 * PART);
        assert_eq!(packed(&small).0, packed(&small).0, "the same each time");
    }

    #[test]
    fn a_number_for_a_place_that_was_handed_out_is_kept() {
        let mut parts = 0;
        let mut outlet = |_: &mut Wiped| {
            parts += 1;
            Ok(())
        };
        let mut packer = Packer::new(&mut outlet);
        let first = packer.allocate(100).unwrap();
        packer.write_number(first, 8, 1).unwrap();
        assert!(packer.amendments.is_empty());
        let mut latest = first;
        for _ in 0..3 * PART / 1000 {
            latest = packer.allocate(1000).unwrap();
        }
        packer.write_number(first, 12, 7).unwrap();
        packer.write_number(latest, 12, 8).unwrap();
        assert!(packer.write(first, 0, &[1]).is_err());
        let (_, amendments) = packer.finish().unwrap();
        let place = first + 4 + 12;
        assert_eq!(amendments, [Amendment { place, number: 7 }]);
        assert!(parts > 1);
    }
}
