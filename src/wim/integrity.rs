//! integrity - the optional table with the SHA-1 of every 10 MiB from the header up to the end of the blob table.
//!
//! Promise: only stretches that were touched are hashed again; a sum that was wrong before stays wrong, so that damage
//! is not covered up by an update. Source: libwim's `integrity.c`.

use super::error::Error;
use super::header::{DATA_START, ResourceHeader};
use super::resource::{Hash, read_exact};
use super::space::Ranges;
use super::storage::Storage;
use crate::bytes;
use sha1::{Digest, Sha1};

/// Length of the table's header: its length, the number of sums, the length of a stretch; u32 each.
const HEADER_LENGTH: usize = 3 * size_of::<u32>();
const TABLE_HEADER: u64 = HEADER_LENGTH as u64;
const SUM_LENGTH: usize = 20;
/// The stretch that Windows uses, in bytes.
const USUAL_STRETCH: u32 = 10 << 20;
/// Other stretches than these are not kept, as libwim does not keep them.
const STRETCHES: std::ops::RangeInclusive<u32> = 4096..=128 << 20;

/// A table that was read.
pub(super) struct Integrity {
    stretch: u32,
    sums: Vec<Hash>,
    /// Where the stretches end.
    end: u64,
}

/// The length of a table for bytes up to `end`.
pub(super) fn table_length(end: u64, stretch: u32) -> u64 {
    TABLE_HEADER + end.saturating_sub(DATA_START).div_ceil(u64::from(stretch)) * SUM_LENGTH as u64
}

/// A table that is going to be written, perhaps with sums of an old one.
pub(super) struct NextTable {
    /// The old table, if there is one that is whole.
    pub(super) old: Option<Integrity>,
}

impl NextTable {
    /// How many bytes each sum is for.
    pub(super) fn stretch(&self) -> u32 {
        stretch_of(self.old.as_ref())
    }
}

fn stretch_of(old: Option<&Integrity>) -> u32 {
    old.map_or(USUAL_STRETCH, |old| old.stretch)
}

impl Integrity {
    /// Reads the table at `location`; `None` if it is not one. `end` is where the blob table ends.
    pub(super) fn read(storage: &dyn Storage, location: ResourceHeader, end: u64) -> Option<Self> {
        let mut header = [0; HEADER_LENGTH];
        read_exact(storage, "integrity table", location.offset, &mut header).ok()?;
        let stretch = bytes::u32_at(&header, 8).filter(|stretch| STRETCHES.contains(stretch))?;
        let file_length = storage.length().ok()?;
        let fits = location
            .offset
            .checked_add(location.plain)
            .is_some_and(|end| end <= file_length);
        if !fits || table_length(end, stretch) != location.plain {
            return None;
        }
        let length = usize::try_from(location.plain - TABLE_HEADER).ok()?;
        let mut raw = vec![0; length];
        read_exact(
            storage,
            "integrity table",
            location.offset + TABLE_HEADER,
            &mut raw,
        )
        .ok()?;
        let (sums, _) = raw.as_chunks::<SUM_LENGTH>();
        let sums = sums.to_vec();
        Some(Self { stretch, sums, end })
    }
}

/// The bytes of a table for the file as it is now, up to `end`. `touched` are the bytes that changed since `old`.
pub(super) fn build(
    storage: &dyn Storage,
    old: Option<&Integrity>,
    touched: &Ranges,
    end: u64,
) -> Result<Vec<u8>, Error> {
    let stretch = stretch_of(old);
    let length = table_length(end, stretch);
    let count = (length - TABLE_HEADER) / SUM_LENGTH as u64;
    let mut table = Vec::new();
    let field = |number: u64| {
        u32::try_from(number).map_err(|_| Error::Overflow {
            what: "the integrity table",
        })
    };
    for number in [field(length)?, field(count)?, stretch] {
        table.extend_from_slice(&number.to_le_bytes());
    }
    let stretches = (0..count).map(|index| {
        let start = DATA_START + index * u64::from(stretch);
        start..end.min(start + u64::from(stretch))
    });
    for (index, range) in stretches.enumerate() {
        let kept = old.and_then(|old| {
            let whole = old.end.min(range.start + u64::from(stretch)) == range.end;
            old.sums.get(index).filter(|_| whole && !touched.touches(&range))
        });
        let sum = kept.map_or_else(|| hash_range(storage, range), |sum| Ok(*sum))?;
        table.extend_from_slice(&sum);
    }
    Ok(table)
}

fn hash_range(storage: &dyn Storage, range: std::ops::Range<u64>) -> Result<Hash, Error> {
    const STEP: usize = 1 << 20;
    let mut buffer = vec![0; STEP];
    let mut hasher = Sha1::new();
    let mut offset = range.start;
    while offset < range.end {
        let step = usize::try_from(range.end - offset).unwrap_or(STEP).min(STEP);
        let part = buffer.get_mut(..step).unwrap_or_default();
        read_exact(storage, "data", offset, part)?;
        hasher.update(&*part);
        offset += step as u64;
    }
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests;
