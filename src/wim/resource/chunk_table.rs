//! chunk table - where every chunk of a compressed resource stands.
//!
//! Promise: the table and every chunk lie inside the resource, and no chunk is longer than its plain text.

use super::{Layout, Resource, SOLID_HEADER_LENGTH, read_exact};
use crate::bytes;
use crate::wim::error::Error;
use crate::wim::storage::Storage;

/// Length of the header before each chunk of a pipable WIM.
const PIPABLE_CHUNK_HEADER: u64 = 4;
/// From this plain length on, offsets in a chunk table are eight bytes wide.
const WIDE_OFFSETS_FROM: u64 = 1 << 32;

/// Where one chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wim) struct Chunk {
    pub(in crate::wim) offset: u64,
    pub(in crate::wim) length: u32,
    /// Length of the plain text.
    pub(in crate::wim) plain: u32,
}

impl Resource {
    /// Where every chunk stands. A plain resource has none.
    pub(in crate::wim) fn chunks(&self, storage: &dyn Storage) -> Result<Vec<Chunk>, Error> {
        let Some((_, chunk_size)) = self.coding else {
            return Ok(Vec::new());
        };
        let count = self.plain.div_ceil(u64::from(chunk_size));
        if count == 0 {
            return Ok(Vec::new());
        }
        let wide = self.plain >= WIDE_OFFSETS_FROM && self.layout != Layout::Solid;
        let width: u64 = if wide { 8 } else { 4 };
        let (entries, before) = match self.layout {
            Layout::Solid => (count, SOLID_HEADER_LENGTH),
            _ => (count - 1, 0),
        };
        // Each chunk has at least one byte, so the table is never much longer than the resource.
        let table_length = entries
            .checked_mul(width)
            .filter(|length| {
                length
                    .checked_add(before + count)
                    .is_some_and(|all| all <= self.size)
            })
            .ok_or_else(|| self.damaged("length of a chunk table", self.size, count.saturating_mul(width)))?;
        let table_offset = match self.layout {
            Layout::Pipable => self.offset + self.size - table_length,
            _ => self.offset + before,
        };
        let mut table = vec![
            0;
            usize::try_from(table_length).map_err(|_| Error::Overflow {
                what: "a chunk table"
            })?
        ];
        read_exact(storage, "chunk table", table_offset, &mut table)?;
        let numbers = table.chunks_exact(if wide { 8 } else { 4 }).map(|entry| {
            let wide = bytes::u64_at(entry, 0);
            wide.unwrap_or_else(|| u64::from(bytes::u32_at(entry, 0).unwrap_or_default()))
        });
        let data_length = self.size - before - table_length;
        self.spans(numbers, count, data_length, table_offset + table_length)
    }

    /// Turns the numbers of a chunk table into places.
    fn spans(
        &self,
        numbers: impl Iterator<Item = u64>,
        count: u64,
        data_length: u64,
        after_table: u64,
    ) -> Result<Vec<Chunk>, Error> {
        let (data_start, header_each, lengths) = match self.layout {
            Layout::Pipable => (self.offset, PIPABLE_CHUNK_HEADER, false),
            Layout::Solid => (after_table, 0, true),
            _ => (after_table, 0, false),
        };
        let headers = header_each * count;
        let end = data_length
            .checked_sub(headers)
            .ok_or_else(|| self.damaged("length of a resource", headers, data_length))?;
        let chunk_size = u64::from(self.coding.map_or(0, |(_, size)| size));
        let mut chunks = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        let mut add = |start: u64, stop: u64| {
            let index = chunks.len() as u64;
            let plain = chunk_size.min(self.plain - index * chunk_size);
            let length = stop
                .checked_sub(start)
                .filter(|length| (1..=plain).contains(length) && stop <= end);
            let length = length.ok_or_else(|| self.damaged("chunk table of a resource", end, stop))?;
            chunks.push(Chunk {
                offset: data_start + start + header_each * (index + 1),
                length: u32::try_from(length).unwrap_or(u32::MAX),
                plain: u32::try_from(plain).unwrap_or(u32::MAX),
            });
            Ok::<(), Error>(())
        };
        let mut start = 0u64;
        for number in numbers {
            let stop = if lengths {
                start.saturating_add(number)
            } else {
                number
            };
            add(start, stop)?;
            start = stop;
        }
        if !lengths {
            add(start, end)?;
        }
        Ok(chunks)
    }
}
