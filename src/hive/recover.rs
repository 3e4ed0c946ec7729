//! Recovery: applying the transaction logs (`.LOG1`, `.LOG2`) to a dirty hive, as Windows does when it loads one.
//!
//! Promise: in memory only; a log entry counts if its hashes hold and it follows the one before without a gap; the
//! result has passed the full check. A clean hive comes back as it is, whatever its logs hold.

mod log_before_8_1;
mod log_of_today;
mod marvin;

use super::base_block::{self, BINS_LIMIT, BaseBlock, SECTOR};
use super::bin::BLOCK;
use super::cell::{BINS_START, narrow};
use super::{Error, Hive};
use crate::bytes::{put, slice, slice_mut, u32_at};
use crate::secret::{self, Wiped};
use std::ops::RangeInclusive;

/// A log of Windows 7 and before says this file type, or the next.
const TYPE_BEFORE_8_1: RangeInclusive<u32> = 1..=2;
/// A log of Windows 8.1 and later says this file type.
const TYPE_OF_TODAY: RangeInclusive<u32> = 6..=6;

/// Bytes of a log and where they belong.
struct Page<'l> {
    /// Bytes from the first bin.
    offset: usize,
    bytes: &'l [u8],
}

/// The `hive` with what its logs hold; give an empty slice for a log that is not there.
///
/// Both sequence numbers become that of the last entry applied. After saving the result the logs are to be overwritten
/// and emptied: they hold old pages of the hive, with old keys.
///
/// # Errors
/// [`Error::Logs`] if neither log fits the hive; as [`Hive::open`] if the result is damaged.
pub fn recover(mut hive: Wiped, log1: &[u8], log2: &[u8]) -> Result<Wiped, Error> {
    let block = BaseBlock::read_alone(&hive)?;
    if block.dirt().is_none() {
        return Ok(hive);
    }
    let whole: Vec<(&[u8], BaseBlock)> = [log1, log2]
        .into_iter()
        .filter_map(|log| Some((log, BaseBlock::read_alone(log).ok()?)))
        .filter(|(_, header)| header.checksum_is_right)
        .collect();
    let of_type = |wanted: RangeInclusive<u32>| -> Vec<_> {
        let file_type = |log: &[u8]| u32_at(log, base_block::FILE_TYPE).unwrap_or_default();
        whole
            .iter()
            .filter(|(log, _)| wanted.contains(&file_type(log)))
            .collect()
    };
    // A log can add no more bins than it has bytes.
    let limit = hive
        .len()
        .saturating_add(log1.len())
        .saturating_add(log2.len())
        .min(BINS_LIMIT);
    let of_today = of_type(TYPE_OF_TODAY);
    let (base, sequence, bins_size) = if of_today.is_empty() {
        log_before_8_1::apply(&mut hive, &block, &of_type(TYPE_BEFORE_8_1), limit)?
    } else {
        log_of_today::apply(&mut hive, &block, &of_today, limit)?
    };
    if let Some(base) = base {
        put(&mut hive, 0, base)
            .and_then(|()| put(&mut hive, base_block::FILE_TYPE, &[0; 4]))
            .ok_or(Error::NotAHive("it ends within its base block"))?;
    }
    put(
        &mut hive,
        base_block::BINS_SIZE,
        &narrow(bins_size)?.to_le_bytes(),
    )
    .and_then(|()| base_block::seal(&mut hive, sequence))
    .ok_or(Error::NotAHive("it ends within its base block"))?;
    Hive::open(hive)?.finish()
}

/// What a log gives: the base block to use instead of the hive's, the sequence number, the size of all bins.
type Applied<'l> = (Option<&'l [u8]>, u32, usize);

/// Writes the pages of one log entry, after growing the hive to `bins_size` bytes of bins.
fn write_pages<'l>(
    hive: &mut Wiped,
    bins_size: usize,
    limit: usize,
    pages: impl Iterator<Item = Page<'l>>,
) -> Result<(), Error> {
    if !bins_size.is_multiple_of(BLOCK) || bins_size == 0 || bins_size > limit {
        return Err(Error::Logs(format!(
            "an entry says that there are {bins_size:#x} bytes of bins"
        )));
    }
    secret::grow(hive, BINS_START + bins_size);
    let bins = slice_mut(hive, BINS_START, bins_size).unwrap_or_default();
    for page in pages {
        put(bins, page.offset, page.bytes)
            .ok_or_else(|| Error::Logs(format!("a page at {:#x} lies behind the last bin", page.offset)))?;
    }
    Ok(())
}

/// The part of a log that replaces a base block that is not whole.
fn base_of(log: &[u8]) -> Option<&[u8]> {
    slice(log, 0, SECTOR)
}

/// The error for logs that hold nothing for this hive.
fn nothing_fits() -> Error {
    Error::Logs("neither log holds a change that follows the state of the hive".into())
}
