//! Logs since Windows 8.1: entries (`HvLE`) with hashes and sequence numbers, in two logs that take turns.

use super::{Applied, Page, base_of, marvin, nothing_fits, write_pages};
use crate::bytes::{array, slice, u32_at, u64_at};
use crate::hive::Error;
use crate::hive::base_block::{BaseBlock, SECTOR};
use crate::secret::Wiped;

const SIGNATURE: &[u8; 4] = b"HvLE";
const SIZE: usize = 4;
const SEQUENCE: usize = 12;
const BINS_SIZE: usize = 16;
const PAGE_COUNT: usize = 20;
/// The hash of everything behind the header.
const HASH_OF_REST: usize = 24;
/// The hash of the header up to here.
const HASH_OF_HEADER: usize = 32;
/// Here the references to pages begin: offset and size, 8 bytes each.
const REFERENCES: usize = 40;
const REFERENCE_WIDTH: usize = 8;

/// One entry.
struct Entry<'l> {
    bytes: &'l [u8],
    sequence: u32,
    bins_size: usize,
    page_count: usize,
}

impl<'l> Entry<'l> {
    /// The entry at `offset` in `log`, if there is a whole one.
    fn read(log: &'l [u8], offset: usize) -> Option<Self> {
        let header = log.get(offset..)?;
        if array::<4>(header, 0).as_ref() != Some(SIGNATURE) {
            return None;
        }
        let size = u32_at(header, SIZE)? as usize;
        let bytes = slice(header, 0, size).filter(|_| size.is_multiple_of(SECTOR))?;
        let holds = u64_at(bytes, HASH_OF_REST)? == marvin::hash(bytes.get(REFERENCES..)?)
            && u64_at(bytes, HASH_OF_HEADER)? == marvin::hash(slice(bytes, 0, HASH_OF_HEADER)?);
        let page_count = u32_at(bytes, PAGE_COUNT)? as usize;
        let has_room = page_count <= size / REFERENCE_WIDTH;
        (holds && has_room).then_some(Self {
            bytes,
            sequence: u32_at(bytes, SEQUENCE)?,
            bins_size: u32_at(bytes, BINS_SIZE)? as usize,
            page_count,
        })
    }

    /// Where each page belongs, and its bytes; `None` if they are not all there.
    fn pages(&self) -> Option<Vec<Page<'l>>> {
        let mut next = REFERENCES + self.page_count * REFERENCE_WIDTH;
        (0..self.page_count)
            .map(|index| {
                let reference = REFERENCES + index * REFERENCE_WIDTH;
                let offset = u32_at(self.bytes, reference)? as usize;
                let size = u32_at(self.bytes, reference + 4)? as usize;
                let page = Page {
                    offset,
                    bytes: slice(self.bytes, next, size)?,
                };
                next += size;
                Some(page)
            })
            .collect()
    }
}

/// The entries of `log` that follow one another, from the one that its base block names.
fn entries(log: &[u8], first_sequence: u32) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut offset = SECTOR;
    let mut expected = first_sequence;
    while let Some(entry) = Entry::read(log, offset) {
        if entry.sequence != expected {
            break;
        }
        offset += entry.bytes.len();
        expected = expected.wrapping_add(1);
        entries.push(entry);
    }
    entries
}

/// Applies the `logs` to the hive.
pub(super) fn apply<'l>(
    hive: &mut Wiped,
    block: &BaseBlock,
    logs: &[&'l (&'l [u8], BaseBlock)],
    limit: usize,
) -> Result<Applied<'l>, Error> {
    let mut runs: Vec<(&[u8], Vec<Entry<'_>>)> = logs
        .iter()
        .map(|(log, header)| (*log, entries(log, header.primary)))
        .filter(|(_, entries)| !entries.is_empty())
        .collect();
    runs.sort_by_key(|(_, entries)| entries.first().map(|entry| entry.sequence));
    let mut base = None;
    if block.checksum_is_right {
        runs.retain(|(_, entries)| {
            entries
                .first()
                .is_some_and(|entry| entry.sequence >= block.secondary)
        });
    } else {
        // Nothing says which state the hive is in: only the newest log can be trusted, and brings a base block.
        runs.drain(..runs.len().saturating_sub(1));
        base = runs.first().and_then(|(log, _)| base_of(log));
    }
    let mut last: Option<(u32, usize)> = None;
    for entry in runs.iter().flat_map(|(_, entries)| entries) {
        if last.is_some_and(|(sequence, _)| entry.sequence != sequence.wrapping_add(1)) {
            break;
        }
        let pages = entry
            .pages()
            .ok_or_else(|| Error::Logs(format!("entry {} is not whole", entry.sequence)))?;
        write_pages(hive, entry.bins_size, limit, pages.into_iter())?;
        last = Some((entry.sequence, entry.bins_size));
    }
    let (sequence, bins_size) = last.ok_or_else(nothing_fits)?;
    Ok((base, sequence, bins_size))
}
