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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::ValueKind;
    use crate::secret::Wiped;

    /// A hive with every kind of cell, and which of its bytes nothing uses.
    fn hive_with_gaps() -> (Wiped, Vec<Range<usize>>) {
        let mut hive = Hive::create(5).unwrap();
        for index in 0..1020 {
            hive.create_key(&format!(r"Many\K{index:04}")).unwrap();
        }
        hive.create_key(r"K\Freed").unwrap();
        let large = 3 * big_data::SEGMENT + 10;
        for (name, length) in [("inline", 1), ("second", 4), ("cell", 5), ("large", large)] {
            hive.set_value("K", name, ValueKind::Binary, &vec![1; length])
                .unwrap();
        }
        let offset_of = |path| hive.find(path).unwrap().unwrap().offset();
        let [key, many, freed] = ["K", "Many", r"K\Freed"].map(offset_of);
        let class = hive.allocate_with(&[0x41, 0], key).unwrap();
        hive.write_number(key, node::CLASS, class).unwrap();
        hive.write(key, node::CLASS_LENGTH, &[2, 0]).unwrap();
        // A descriptor of that key alone, and one that is in the list though no key uses it.
        let shared = hive.root().unwrap().node().number(node::SECURITY);
        let [own, idle] = [1, 0].map(|users| {
            let payload = security::payload(&[1; 21], users).unwrap();
            hive.allocate_with(&payload, key).unwrap()
        });
        hive.release_security(shared).unwrap();
        hive.write_number(key, node::SECURITY, own).unwrap();
        for (this, next) in [(shared, own), (own, idle), (idle, shared)] {
            hive.write_number(this, security::NEXT, next).unwrap();
            hive.write_number(next, security::PREVIOUS, this).unwrap();
        }
        let leak = hive.allocate(20, key).unwrap();
        assert!(hive.delete_key(r"K\Freed").unwrap());

        let payload = |offset: u32| hive.cells().payload(offset, "a cell").unwrap();
        let number_at = |offset, at| number(payload(offset), at);
        let key_here = hive.find("K").unwrap().unwrap();
        let values: Vec<u32> = key_here.values().map(|value| value.unwrap().offset).collect();
        let [inline, _, cell, large] = values[..] else {
            panic!()
        };
        let (list, root) = (
            number_at(key, node::VALUE_LIST),
            number_at(many, node::SUBKEY_LIST),
        );
        let structure = number_at(large, value::DATA);
        let segments = number_at(structure, big_data::LIST);
        // Cells, and how many bytes of their payload mean something.
        let cells = [
            (key, 76 + 1),
            (class, 2),
            (own, 20 + 21),
            (idle, 20 + 21),
            (leak, 0),
            (root, 4 + 2 * 4),
            (number_at(root, 4), 4 + 506 * 8),
            (list, 4 * 4),
            (inline, 20 + 6),
            (number_at(cell, value::DATA), 5),
            (structure, 8),
            (segments, 4 * 4),
            (number_at(segments, 0), 16_344),
            (number_at(segments, 12), 10),
        ];
        let start = |offset: u32| BINS_START + offset as usize + 4;
        let slack = cells.map(|(offset, used)| start(offset) + used..start(offset) + payload(offset).len());
        let mut gaps = Vec::from(slack);
        gaps.extend(values.iter().map(|&value| start(value) + 18..start(value) + 20));
        gaps.push(start(inline) + 8 + 1..start(inline) + 8 + 4);
        gaps.push(start(freed)..start(freed) + 20);
        gaps.push(520..BINS_START);
        let mut bytes = hive.finish().unwrap();
        // The time of saving stays.
        bytes[512..520].fill(9);
        let end = bytes.len();
        bytes.resize(end + 100, 0);
        gaps.push(end..end + 100);
        assert!(gaps.iter().all(|gap| !gap.is_empty()));
        (bytes, gaps)
    }

    #[test]
    fn all_that_nothing_uses_is_wiped_and_no_byte_more() {
        let (clean, gaps) = hive_with_gaps();
        let mut hive = Hive::open(clean.clone()).unwrap();
        assert_eq!(hive.scrub().unwrap(), 0);
        assert!(!hive.is_changed());
        for gap in &gaps {
            let mut bytes = clean.clone();
            bytes[gap.clone()].fill(0xA5);
            let mut hive = Hive::open(bytes).unwrap();
            assert_eq!(hive.scrub().unwrap(), gap.len() as u64, "{gap:x?}");
            assert!(hive.is_changed());
            assert!(*hive.bytes == *clean, "{gap:x?}");
        }
    }

    #[test]
    fn a_scrub_that_finds_nothing_forgets_no_change() {
        let mut hive = Hive::open(Hive::create(5).unwrap().finish().unwrap()).unwrap();
        hive.create_key("K").unwrap();
        assert_eq!(hive.scrub().unwrap(), 0);
        assert!(hive.is_changed());
    }

    #[test]
    fn where_a_key_is_special_only_free_cells_and_slack_are_wiped() {
        let mut hive = Hive::create(5).unwrap();
        hive.create_key(r"Set\Link").unwrap();
        hive.create_key(r"Set\Other").unwrap();
        let link = hive.find(r"Set\Link").unwrap().unwrap();
        let (link, flags) = (link.offset(), link.node().flags());
        let leak = hive.allocate_with(&[7; 20], 0).unwrap();
        let marked = (flags | node::FLAG_LINK).to_le_bytes();
        hive.write(link, node::FLAGS, &marked).unwrap();
        assert_eq!(hive.scrub().unwrap(), 0);
        assert_eq!(hive.cells().payload(leak, "a leak").unwrap(), [7; 20]);
        hive.write(link, node::FLAGS, &flags.to_le_bytes()).unwrap();
        assert_eq!(hive.scrub().unwrap(), 20);
    }
}
