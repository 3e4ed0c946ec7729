//! Recovery: applying the transaction logs (`.LOG1`, `.LOG2`) to a dirty hive, as Windows does when it loads one.
//!
//! Promise: in memory only; a log entry counts if its hashes hold and it follows the one before without a gap; what
//! was replayed has passed the full check. A clean hive comes back as it is and unchecked, whatever its logs hold.

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
/// and emptied: they hold old pages of the hive, with old keys. A hive that is clean is given back unchecked.
///
/// # Errors
/// [`Error::NoLogs`]; [`Error::Logs`] if neither log fits the hive; as [`Hive::open`] if the result is damaged.
pub fn recover(mut hive: Wiped, log1: &[u8], log2: &[u8]) -> Result<Wiped, Error> {
    let block = BaseBlock::read_alone(&hive)?;
    if block.dirt().is_none() {
        return Ok(hive);
    }
    if log1.is_empty() && log2.is_empty() {
        return Err(Error::NoLogs);
    }
    let whole: Vec<(&[u8], BaseBlock)> = [log1, log2]
        .into_iter()
        .filter_map(|log| Some((log, BaseBlock::read_alone(log).ok()?)))
        .filter(|(_, header)| header.checksum_is_right)
        .collect();
    if whole.is_empty() {
        return Err(Error::Logs("neither file begins as a log does".into()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::{ValueKind, check};

    /// A hive before an edit that makes it grow, and after it.
    fn before_and_after() -> (Wiped, Wiped) {
        let mut hive = Hive::create(5).unwrap();
        hive.set_value("Key", "v", ValueKind::Binary, &[1; 100]).unwrap();
        let before = hive.finish().unwrap();
        let mut hive = Hive::open(before.clone()).unwrap();
        hive.set_value("Key", "v", ValueKind::Binary, &vec![2; 30_000])
            .unwrap();
        (before, hive.finish().unwrap())
    }

    /// `hive` with a write begun and not ended.
    fn dirty(mut hive: Wiped) -> Wiped {
        let sequence = u32_at(&hive, base_block::PRIMARY_SEQUENCE).unwrap();
        base_block::seal(&mut hive, sequence).unwrap();
        put(
            &mut hive,
            base_block::PRIMARY_SEQUENCE,
            &(sequence + 1).to_le_bytes(),
        )
        .unwrap();
        let sum = base_block::checksum(&hive).unwrap();
        put(&mut hive, base_block::CHECKSUM, &sum.to_le_bytes()).unwrap();
        hive
    }

    /// The base block of a log for `hive`.
    fn log_base(hive: &[u8], file_type: u8, sequence: u32) -> Vec<u8> {
        let mut base = hive[..SECTOR].to_vec();
        base[base_block::FILE_TYPE] = file_type;
        base_block::seal(&mut base, sequence).unwrap();
        base
    }

    fn changed(before: &[u8], after: &[u8], page: usize) -> Vec<usize> {
        (BINS_START..after.len())
            .step_by(page)
            .filter(|&at| before.get(at..at + page) != after.get(at..at + page))
            .collect()
    }

    fn entry(after: &[u8], places: &[usize], sequence: u32) -> Vec<u8> {
        let mut bytes = b"HvLE".to_vec();
        let bins = u32::try_from(after.len() - BINS_START).unwrap();
        for number in [
            0,
            0,
            sequence,
            bins,
            u32::try_from(places.len()).unwrap(),
            0,
            0,
            0,
            0,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        for &place in places {
            bytes.extend(u32::try_from(place - BINS_START).unwrap().to_le_bytes());
            bytes.extend(u32::try_from(BLOCK).unwrap().to_le_bytes());
        }
        for &place in places {
            bytes.extend(&after[place..place + BLOCK]);
        }
        bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
        let size = u32::try_from(bytes.len()).unwrap();
        put(&mut bytes, 4, &size.to_le_bytes()).unwrap();
        let rest = marvin::hash(&bytes[40..]);
        put(&mut bytes, 24, &rest.to_le_bytes()).unwrap();
        let header = marvin::hash(&bytes[..32]);
        put(&mut bytes, 32, &header.to_le_bytes()).unwrap();
        bytes
    }

    #[test]
    fn a_log_of_today_is_applied_in_order_across_both_files() {
        let (before, after) = before_and_after();
        let places = changed(&before, &after, BLOCK);
        let (first, second) = places.split_at(2);
        let sequence = u32_at(&before, base_block::PRIMARY_SEQUENCE).unwrap() + 1;
        let mut log1 = log_base(&before, 6, sequence + 1);
        log1.extend(entry(&after, second, sequence + 1));
        let mut log2 = log_base(&before, 6, sequence);
        log2.extend(entry(&after, first, sequence));
        let recovered = recover(dirty(before.clone()), &log1, &log2).unwrap();
        assert_eq!(recovered[BINS_START..], after[BINS_START..]);
        assert_eq!(
            u32_at(&recovered, base_block::SECONDARY_SEQUENCE),
            Some(sequence + 1)
        );
        assert_eq!(check(&recovered), []);

        // One entry alone does not make a whole hive: it is refused, not patched up.
        assert!(recover(dirty(before.clone()), &[], &log2).is_err());

        // A flipped bit anywhere in an entry makes it worthless.
        let mut torn = log2.clone();
        torn[SECTOR + 100] ^= 1;
        assert!(matches!(recover(dirty(before), &[], &torn), Err(Error::Logs(_))));
    }

    #[test]
    fn a_log_brings_its_base_block_when_that_of_the_hive_is_torn() {
        let (before, after) = before_and_after();
        let sequence = u32_at(&before, base_block::PRIMARY_SEQUENCE).unwrap() + 1;
        let mut log = log_base(&before, 6, sequence);
        log.extend(entry(&after, &changed(&before, &after, BLOCK), sequence));
        let mut hive = before;
        hive[base_block::CHECKSUM] ^= 1;
        let recovered = recover(hive, &log, &[]).unwrap();
        assert_eq!(recovered[BINS_START..], after[BINS_START..]);
        assert_eq!(u32_at(&recovered, base_block::FILE_TYPE), Some(0));
    }

    #[test]
    fn an_old_log_is_applied_if_it_is_of_the_same_write() {
        let (before, after) = before_and_after();
        let places = changed(&before, &after, SECTOR);
        let sequence = u32_at(&before, base_block::PRIMARY_SEQUENCE).unwrap() + 1;
        let mut log = log_base(&after, 1, sequence);
        log.extend(b"DIRT");
        let mut bitmap = vec![0u8; ((after.len() - BINS_START) / SECTOR).div_ceil(8)];
        for place in &places {
            let page = (place - BINS_START) / SECTOR;
            bitmap[page / 8] |= 1 << (page % 8);
        }
        log.extend(bitmap);
        log.resize(log.len().next_multiple_of(SECTOR), 0);
        for place in places {
            log.extend(&after[place..place + SECTOR]);
        }
        let recovered = recover(dirty(before.clone()), &log, &[]).unwrap();
        assert_eq!(recovered[BINS_START..], after[BINS_START..]);

        log[base_block::LAST_WRITTEN] ^= 1;
        base_block::seal(&mut log, sequence).unwrap();
        assert!(matches!(recover(dirty(before), &log, &[]), Err(Error::Logs(_))));
    }
}
