//! Cells: the one place that turns an offset inside a hive into bytes.
//!
//! A cell is a signed 32-bit size (negative: in use) and its payload; offsets count from the first bin, at byte 4096
//! of the file. Source of all facts on the format in this module: <https://github.com/msuhanov/regf>.
//!
//! Promise: an offset that is nil, not a multiple of 8, outside the bins or of a free cell gives an error, never bytes.

use super::Error;
use super::present::Present;
use crate::bytes::{i32_at, put, slice, slice_mut, u16_at, u32_at};
use std::ops::Range;

/// The offset that points nowhere.
pub(super) const NIL: u32 = u32::MAX;
/// Where the bins begin in the file, in bytes.
pub(super) const BINS_START: usize = 4096;
/// The size field before a payload, in bytes.
pub(super) const SIZE_FIELD: usize = 4;
/// Cells begin at multiples of this and are multiples of it long, in bytes.
pub(super) const ALIGNMENT: usize = 8;

/// Where the cell at `offset` stands in the file.
pub(super) fn file_position(offset: u32) -> u64 {
    u64::from(offset) + BINS_START as u64
}

/// `length` as an offset or size inside a hive.
pub(super) fn narrow(length: usize) -> Result<u32, Error> {
    u32::try_from(length)
        .ok()
        .filter(|&length| length < NIL)
        .ok_or(Error::Full("2 GiB"))
}

/// A number in a payload whose length was checked before; 0 if it is not there.
pub(super) fn number(payload: &[u8], at: usize) -> u32 {
    u32_at(payload, at).unwrap_or_default()
}

/// As [`number`], for 16 bits.
pub(super) fn short(payload: &[u8], at: usize) -> u16 {
    u16_at(payload, at).unwrap_or_default()
}

/// `length` zero bytes with each of `fields`, a place and bytes, written over them.
pub(super) fn lay_out(length: usize, fields: &[(usize, &[u8])]) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; length];
    for &(at, field) in fields {
        put(&mut bytes, at, field).ok_or(Error::Full("the size of a cell"))?;
    }
    Ok(bytes)
}

/// The bins of a hive, for reading.
#[derive(Clone, Copy)]
pub(super) struct Cells<'h> {
    bins: &'h [u8],
    /// The minor version of the format: says whether large data is in segments.
    pub(super) minor: u32,
    /// Which parts of the bins are in memory, if not all.
    present: Option<&'h Present>,
}

impl<'h> Cells<'h> {
    /// `bins` is the file from its first bin to the end of its last.
    pub(super) fn new(bins: &'h [u8], minor: u32) -> Self {
        Self {
            bins,
            minor,
            present: None,
        }
    }

    /// All bins.
    pub(super) fn bins(self) -> &'h [u8] {
        self.bins
    }

    /// Reads a byte at `at` of the payload of each of the cells `offsets` before they are needed one after another: these
    /// reads do not wait for each other, so the processor does them at the same time.
    pub(super) fn touch(self, offsets: impl Iterator<Item = u32>, at: usize) {
        let touched = offsets.fold(0, |touched, offset| {
            let place = (offset as usize).saturating_add(SIZE_FIELD + at);
            touched ^ self.bins.get(place).copied().unwrap_or_default()
        });
        std::hint::black_box(touched);
    }

    /// The payload of the cell in use at `offset`, where the full check has met one.
    #[inline]
    pub(super) fn payload_met(self, offset: u32) -> Option<&'h [u8]> {
        self.bins.get(range_in_use(self.bins, offset)?)
    }

    /// The payload of the cell in use at `offset`, where `what` is expected.
    pub(super) fn payload(self, offset: u32, what: &str) -> Result<&'h [u8], Error> {
        let start = offset as usize;
        let header_end = start.saturating_add(SIZE_FIELD);
        if header_end <= self.bins.len() {
            self.demand(offset, start..header_end)?;
        }
        let range = payload_range(self.bins, offset, what)?;
        self.demand(offset, range.clone())?;
        Ok(self.bins.get(range).unwrap_or_default())
    }

    /// Nothing, if this part of the bins is in memory; else an error for the cell at `offset`.
    fn demand(self, offset: u32, part: Range<usize>) -> Result<(), Error> {
        let in_file = |place: usize| place.saturating_add(BINS_START);
        match self.present {
            Some(present) if !present.has(in_file(part.start), in_file(part.end)) => {
                Err(Error::damaged(offset, "a part of the hive was not read"))
            }
            _ => Ok(()),
        }
    }
}

fn payload_range(bins: &[u8], offset: u32, what: &str) -> Result<Range<usize>, Error> {
    range_in_use(bins, offset)
        .ok_or_else(|| Error::damaged(offset, format!("{what}: {}", why_not_in_use(bins, offset))))
}

/// The payload of the cell in use at `offset`, if there is one. The check comes here for most cells of a hive.
#[inline]
fn range_in_use(bins: &[u8], offset: u32) -> Option<Range<usize>> {
    let start = offset as usize;
    let size = i32_at(bins, start)?;
    let end = start.saturating_add(size.unsigned_abs() as usize);
    let payload = start + SIZE_FIELD..end;
    let is_sound = start.is_multiple_of(ALIGNMENT) && size < 0 && !payload.is_empty() && end <= bins.len();
    is_sound.then_some(payload)
}

/// Why there is no cell in use at `offset`.
#[cold]
fn why_not_in_use(bins: &[u8], offset: u32) -> &'static str {
    let start = offset as usize;
    match i32_at(bins, start) {
        _ if offset == NIL => "the offset is nil",
        _ if !start.is_multiple_of(ALIGNMENT) => "the offset is not a multiple of 8",
        None => "the offset is outside the bins",
        Some(0..) => "the offset is not that of a cell in use",
        Some(_) => "the cell has an impossible size",
    }
}

impl super::Hive {
    /// The bins for writing.
    pub(super) fn bins_mut(&mut self) -> &mut [u8] {
        let length = self.bins_length;
        slice_mut(&mut self.bytes, BINS_START, length).unwrap_or_default()
    }

    /// The payload of the cell in use at `offset`, for writing. The hive counts as changed from here on.
    pub(super) fn payload_mut(&mut self, offset: u32, what: &str) -> Result<&mut [u8], Error> {
        self.changed = true;
        let bins = self.bins_mut();
        let range = payload_range(bins, offset, what)?;
        Ok(bins.get_mut(range).unwrap_or_default())
    }

    /// Writes `value` at `at` in the payload of the cell at `offset`.
    pub(super) fn write(&mut self, offset: u32, at: usize, value: &[u8]) -> Result<(), Error> {
        put(self.payload_mut(offset, "an edit")?, at, value)
            .ok_or_else(|| Error::damaged(offset, "the cell is too small for what is written to it"))
    }

    /// Writes `number` at `at` in the payload of the cell at `offset`.
    pub(super) fn write_number(&mut self, offset: u32, at: usize, number: u32) -> Result<(), Error> {
        self.write(offset, at, &number.to_le_bytes())
    }

    /// Writes `data` at the beginning of the cell at `offset` and zeros over all the rest of it.
    pub(super) fn fill(&mut self, offset: u32, data: &[u8]) -> Result<(), Error> {
        let payload = self.payload_mut(offset, "an edit")?;
        put(payload, 0, data)
            .ok_or_else(|| Error::damaged(offset, "the cell is too small for what is written to it"))?;
        payload.get_mut(data.len()..).unwrap_or_default().fill(0);
        Ok(())
    }

    /// The bins for reading.
    pub(super) fn cells(&self) -> Cells<'_> {
        let bins = slice(&self.bytes, BINS_START, self.bins_length).unwrap_or_default();
        Cells {
            present: self.present.as_ref(),
            ..Cells::new(bins, self.minor)
        }
    }
}
