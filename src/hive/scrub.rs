//! Scrubbing: zeros over everything that no key, value or list uses.
//!
//! Windows leaves old data behind in free cells and in the slack of cells in use; keys are found there years later.
//!
//! Promise: what the hive says stays the same; a second scrub finds nothing to wipe.

use super::base_block::SECTOR;
use super::bin;
use super::bitmap::Bitmap;
use super::cell::{BINS_START, Cells, NIL, SIZE_FIELD, number};
use super::index::Index;
use super::key::{Key, Walk};
use super::key_node as node;
use super::security::{self, Security};
use super::value::{self, INLINE_LIMIT, LIST_WIDTH, Place, ValueNode};
use super::{Error, Hive, big_data};
use std::ops::Range;

/// After the checksummed part of the base block stands the time at which `RegSaveKey` made the hive.
const SAVED_TIME_END: usize = SECTOR + 8;

/// The unused parts of a hive, as ranges of its file.
struct Unused<'h> {
    cells: Cells<'h>,
    used: Bitmap,
    ranges: Vec<Range<usize>>,
}

impl Unused<'_> {
    /// Notes `range` of the file unless it is all zero already.
    fn note(&mut self, range: Range<usize>) {
        let in_bins = range.start.saturating_sub(BINS_START)..range.end.saturating_sub(BINS_START);
        let bytes = self.cells.bins().get(in_bins).unwrap_or_default();
        if bytes.iter().any(|&byte| byte != 0) {
            self.ranges.push(range);
        }
    }

    /// Of the payload of the cell at `offset` only the first `used` bytes mean something.
    fn keep(&mut self, offset: u32, used: usize) -> Result<(), Error> {
        self.used.set(offset);
        let length = self.cells.payload(offset, "a cell")?.len();
        let start = BINS_START + offset as usize + SIZE_FIELD;
        self.note(start + used.min(length)..start + length);
        Ok(())
    }

    fn key(&mut self, key: Key<'_>) -> Result<(), Error> {
        let node = key.node();
        self.keep(key.offset(), node.used())?;
        if node.class_length() > 0 {
            self.keep(node.number(node::CLASS), node.class_length())?;
        }
        self.descriptors(node.number(node::SECURITY))?;
        if key.subkey_count() > 0 {
            let list = node.number(node::SUBKEY_LIST);
            let index = Index::read(self.cells, list)?;
            self.keep(list, index.used())?;
            if let Index::Root(root) = index {
                for leaf in root.leaves() {
                    self.keep(leaf, Index::read(self.cells, leaf)?.used())?;
                }
            }
        }
        if key.value_count() > 0 {
            let entries = key.value_list()?;
            self.keep(node.number(node::VALUE_LIST), entries.len())?;
            for entry in entries.chunks_exact(LIST_WIDTH) {
                self.value(number(entry, 0))?;
            }
        }
        Ok(())
    }

    /// Keeps the descriptor at `offset` and the list that it is in.
    fn descriptors(&mut self, offset: u32) -> Result<(), Error> {
        let mut current = offset;
        while current != NIL && !self.used.has(current) {
            let descriptor = Security::read(self.cells, current)?;
            self.keep(current, descriptor.used())?;
            current = descriptor.number(security::NEXT);
        }
        Ok(())
    }

    fn value(&mut self, offset: u32) -> Result<(), Error> {
        let node = ValueNode::read(self.cells, offset)?;
        self.keep(offset, node.used())?;
        let start = BINS_START + offset as usize + SIZE_FIELD;
        self.note(start + value::SPARE..start + value::NAME);
        match node.place(self.cells.minor) {
            Place::Inline(length) => {
                let field = start + value::DATA;
                self.note(field + length.min(INLINE_LIMIT)..field + INLINE_LIMIT);
            }
            Place::Cell(cell, length) => self.keep(cell, length)?,
            Place::Segments(structure, length) => {
                self.keep(structure, big_data::SIZE)?;
                let (list, segments) = big_data::segments(self.cells, structure)?;
                let mut left = length;
                let mut count = 0;
                for segment in segments {
                    let here = left.min(big_data::SEGMENT);
                    self.keep(segment, here)?;
                    left -= here;
                    count += 1;
                }
                self.keep(list, count * big_data::LIST_WIDTH)?;
            }
        }
        Ok(())
    }

    /// Notes free cells and, if `leaks` are to go, cells in use that nothing refers to.
    fn unreferenced(&mut self, leaks: bool) -> Result<(), Error> {
        let area = self.cells.bins();
        for bin in bin::bins(area) {
            for cell in bin?.cells(area) {
                let cell = cell.map_err(Error::Damaged)?;
                if !cell.in_use || (leaks && !self.used.has(cell.offset)) {
                    let start = BINS_START + cell.offset as usize;
                    self.note(start + SIZE_FIELD..start + cell.size as usize);
                }
            }
        }
        Ok(())
    }
}

impl Hive {
    /// Zeros over all free cells, the slack of cells and lists, and what follows the last bin; gives the number of bytes
    /// that were not zero before.
    ///
    /// # Errors
    /// As [`Hive::open`] if the hive was only read before.
    pub fn scrub(&mut self) -> Result<u64, Error> {
        self.demand_editable()?;
        let mut unused = Unused {
            cells: self.cells(),
            used: Bitmap::new(self.bins_length),
            ranges: Vec::new(),
        };
        let mut has_special_keys = false;
        for key in Walk::new(self.cells(), self.root) {
            let key = key?;
            has_special_keys |= key.special().is_some();
            unused.key(key)?;
        }
        unused.unreferenced(!has_special_keys)?;
        let mut ranges = unused.ranges;
        ranges.push(SAVED_TIME_END..BINS_START);
        ranges.push(BINS_START + self.bins_length..self.bytes.len());
        let mut wiped = 0u64;
        for range in ranges {
            for byte in self.bytes.get_mut(range).unwrap_or_default() {
                wiped += u64::from(*byte != 0);
                *byte = 0;
            }
        }
        self.changed |= wiped > 0;
        Ok(wiped)
    }
}
