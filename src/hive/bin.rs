//! Bins: runs of 4096-byte blocks that hold the cells, without gaps.
//!
//! Promise: [`bins`] and [`Bin::cells`] end at the first fault, which they report, and visit no byte twice.

use super::cell::{ALIGNMENT, SIZE_FIELD};
use super::{Error, Finding};
use crate::bytes::{array, i32_at, u32_at};

/// The bytes before the first cell of a bin.
pub(super) const HEADER: u32 = 32;
/// A bin is a multiple of this long, in bytes.
pub(super) const BLOCK: usize = 4096;
/// What a bin begins with.
pub(super) const SIGNATURE: &[u8; 4] = b"hbin";
/// Where a bin says at which offset it stands.
pub(super) const OWN_OFFSET: usize = 4;
/// Where a bin says how long it is.
pub(super) const SIZE: usize = 8;

/// One bin: where it stands and how long it is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) start: u32,
    pub(super) size: u32,
}

/// One cell, in use or free: where it stands and how long it is with its size field, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawCell {
    pub(super) offset: u32,
    pub(super) size: u32,
    pub(super) in_use: bool,
}

/// The bins of `area` in order; ends after the first fault.
pub(super) fn bins(area: &[u8]) -> impl Iterator<Item = Result<Bin, Error>> {
    let mut next = 0usize;
    std::iter::from_fn(move || {
        if next >= area.len() {
            return None;
        }
        let bin = bin_at(area, next);
        next = bin
            .as_ref()
            .map_or(area.len(), |bin| bin.start as usize + bin.size as usize);
        Some(bin.map_err(Error::Damaged))
    })
}

fn bin_at(area: &[u8], start: usize) -> Result<Bin, Finding> {
    let offset = u32::try_from(start).unwrap_or(u32::MAX);
    let fault = |sentence: String| Finding::refuse(offset, sentence);
    if array::<4>(area, start).as_ref() != Some(SIGNATURE) {
        return Err(fault("a bin does not begin with `hbin`".into()));
    }
    let own = u32_at(area, start + OWN_OFFSET);
    if own != Some(offset) {
        let own = own.unwrap_or_default();
        return Err(fault(format!("a bin at {offset:#x} says that it is at {own:#x}")));
    }
    let size = u32_at(area, start + SIZE).unwrap_or_default();
    let room = area.len() - start;
    if size == 0 || !(size as usize).is_multiple_of(BLOCK) || size as usize > room {
        return Err(fault(format!(
            "a bin has the impossible size {size:#x}; up to {room:#x} bytes are left"
        )));
    }
    Ok(Bin { start: offset, size })
}

impl Bin {
    /// The offset after the last byte of the bin.
    pub(super) fn end(self) -> u32 {
        self.start.saturating_add(self.size)
    }

    /// The cells of this bin in order; ends after the first fault.
    pub(super) fn cells(self, area: &[u8]) -> impl Iterator<Item = Result<RawCell, Finding>> {
        let mut next = self.start.saturating_add(HEADER);
        let end = self.end();
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let cell = cell_at(area, next, end);
            next = cell.as_ref().map_or(end, |cell| cell.offset + cell.size);
            Some(cell)
        })
    }
}

fn cell_at(area: &[u8], offset: u32, bin_end: u32) -> Result<RawCell, Finding> {
    let raw = i32_at(area, offset as usize).unwrap_or_default();
    let size = raw.unsigned_abs();
    let room = bin_end - offset;
    if size as usize <= SIZE_FIELD || !(size as usize).is_multiple_of(ALIGNMENT) || size > room {
        return Err(Finding::refuse(
            offset,
            format!("a cell has the impossible size {raw}; up to {room} bytes are left in its bin"),
        ));
    }
    Ok(RawCell {
        offset,
        size,
        in_use: raw < 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(size: usize) -> Vec<u8> {
        let mut area = vec![0; size];
        area[..4].copy_from_slice(SIGNATURE);
        area[SIZE..SIZE + 4].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
        let header = HEADER as usize;
        area[header..header + 4].copy_from_slice(&(-24i32).to_le_bytes());
        area[header + 24..header + 28]
            .copy_from_slice(&i32::try_from(size - header - 24).unwrap().to_le_bytes());
        area
    }

    #[test]
    fn cells_tile_their_bin() {
        let area = area(BLOCK);
        let bin = bins(&area).next().unwrap().unwrap();
        let cells: Vec<_> = bin.cells(&area).map(Result::unwrap).collect();
        assert_eq!(cells.len(), 2);
        assert!(cells[0].in_use && !cells[1].in_use);
        assert_eq!(cells[1].offset + cells[1].size, bin.end());
    }

    #[test]
    fn a_cell_that_leaves_its_bin_is_reported_and_ends_the_walk() {
        let mut area = area(BLOCK);
        area[HEADER as usize..HEADER as usize + 4].copy_from_slice(&(-8192i32).to_le_bytes());
        let bin = bins(&area).next().unwrap().unwrap();
        let cells: Vec<_> = bin.cells(&area).collect();
        assert!(matches!(cells.as_slice(), [Err(_)]));
    }

    #[test]
    fn the_most_negative_size_is_no_size() {
        let mut area = area(BLOCK);
        area[HEADER as usize..HEADER as usize + 4].copy_from_slice(&i32::MIN.to_le_bytes());
        assert!(
            bins(&area)
                .next()
                .unwrap()
                .unwrap()
                .cells(&area)
                .next()
                .unwrap()
                .is_err()
        );
    }
}
