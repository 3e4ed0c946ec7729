//! Logs before Windows 8.1: one set of changed 512-byte pages (`DIRT`), named by a bitmap.

use super::{Applied, Page, base_of, nothing_fits, write_pages};
use crate::bytes::{align_up, array, slice, u64_at};
use crate::hive::Error;
use crate::hive::base_block::{self, BaseBlock, SECTOR};
use crate::hive::cell::BINS_START;
use crate::secret::Wiped;

const SIGNATURE: &[u8; 4] = b"DIRT";
/// Where the bitmap begins: one bit for 512 bytes of bins, lowest bit first.
const BITMAP: usize = SECTOR + SIGNATURE.len();
const BITS: usize = 8;
/// When the hive was written stands in the header of its first bin too.
const BIN_TIME: usize = BINS_START + 20;

/// The pages that `log` holds; `None` if they are not all there.
fn pages<'l>(log: &'l [u8], header: &BaseBlock) -> Option<Vec<Page<'l>>> {
    if array::<4>(log, SECTOR).as_ref() != Some(SIGNATURE) {
        return None;
    }
    let bitmap = slice(log, BITMAP, header.bins_size.div_ceil(SECTOR * BITS))?;
    let mut next = align_up(BITMAP + bitmap.len(), SECTOR)?;
    let mut pages = Vec::new();
    for (index, byte) in bitmap.iter().enumerate() {
        for bit in 0..BITS {
            if byte >> bit & 1 == 1 {
                pages.push(Page {
                    offset: (index * BITS + bit) * SECTOR,
                    bytes: slice(log, next, SECTOR)?,
                });
                next += SECTOR;
            }
        }
    }
    Some(pages)
}

/// Applies the newest of the `logs` that belongs to this state of the hive.
pub(super) fn apply<'l>(
    hive: &mut Wiped,
    block: &BaseBlock,
    logs: &[&'l (&'l [u8], BaseBlock)],
    limit: usize,
) -> Result<Applied<'l>, Error> {
    let time_of = |bytes: &[u8]| u64_at(bytes, base_block::LAST_WRITTEN);
    let time = if block.checksum_is_right {
        time_of(hive)
    } else {
        u64_at(hive, BIN_TIME)
    };
    let chosen = logs
        .iter()
        .filter(|(log, header)| header.primary == header.secondary && time_of(log) == time)
        .filter_map(|(log, header)| Some((*log, header, pages(log, header)?)))
        .reduce(|first, second| {
            // The first log counts unless the second is newer.
            if second.1.primary > first.1.primary {
                second
            } else {
                first
            }
        });
    let (log, header, pages) = chosen.ok_or_else(nothing_fits)?;
    write_pages(hive, header.bins_size, limit, pages.into_iter())?;
    let base = if block.checksum_is_right {
        None
    } else {
        base_of(log)
    };
    Ok((base, header.primary.max(block.primary), header.bins_size))
}
