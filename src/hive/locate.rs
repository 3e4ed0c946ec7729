//! Locating: what the bytes at a place of a hive file belong to, for whoever found something there without reading the hive.
//!
//! Promise: a damaged hive gives answers as far as it can be walked; a place that nothing accounts for is said to be unused.

use super::bin;
use super::cell::{BINS_START, NIL, SIZE_FIELD, number};
use super::index::Index;
use super::key::Walk;
use super::key_node as node;
use super::value::{LIST_WIDTH, Place, ValueNode};
use super::{Error, Hive, big_data};
use crate::hive::key::Key;
use std::collections::HashMap;

/// What bytes of a hive belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The data of a value.
    Value {
        /// The path of its key.
        key: String,
        /// Its name.
        name: String,
    },
    /// A key itself: its name, class or lists.
    Key(String),
    /// A cell that was freed: something was deleted.
    Deleted,
    /// What is left of a cell in use behind its content.
    Slack,
    /// A cell in use that nothing refers to.
    Lost,
    /// The header of the file, the headers of bins, or what follows the last bin.
    Outside,
}

impl Hive {
    /// What the bytes at each of `offsets` of the file belong to, in the order asked.
    pub fn locate(&self, offsets: &[u64]) -> Vec<Holder> {
        let mut holders = vec![Holder::Outside; offsets.len()];
        let mut asked: HashMap<u32, Vec<usize>> = HashMap::new();
        self.find_cells(offsets, &mut holders, &mut asked);
        if asked.is_empty() {
            return holders;
        }
        let mut inquiry = Inquiry {
            hive: self,
            offsets,
            holders,
            asked,
        };
        for key in Walk::new(self.cells(), self.root).flatten() {
            // What cannot be read accounts for nothing.
            _ = inquiry.key(key);
        }
        inquiry.holders
    }

    /// Finds the cell around each offset: in use cells are to be asked for, freed ones are an answer.
    fn find_cells(&self, offsets: &[u64], holders: &mut [Holder], asked: &mut HashMap<u32, Vec<usize>>) {
        let area = self.cells().bins();
        let in_bins = |offset: u64| {
            let inside = offset.checked_sub(BINS_START as u64)?;
            u32::try_from(inside)
                .ok()
                .filter(|&inside| (inside as usize) < area.len())
        };
        let mut sorted: Vec<(u32, usize)> = offsets
            .iter()
            .enumerate()
            .filter_map(|(index, &offset)| Some((in_bins(offset)?, index)))
            .collect();
        sorted.sort_unstable();
        let mut waiting = sorted.into_iter().peekable();
        for bin in bin::bins(area).flatten() {
            for cell in bin.cells(area).flatten() {
                let payload = cell.offset.saturating_add(4);
                let end = cell.offset.saturating_add(cell.size);
                while let Some((offset, index)) = waiting.next_if(|&(offset, _)| offset < end) {
                    let Some(holder) = holders.get_mut(index).filter(|_| offset >= payload) else {
                        continue;
                    };
                    if cell.in_use {
                        *holder = Holder::Lost;
                        asked.entry(cell.offset).or_default().push(index);
                    } else {
                        *holder = Holder::Deleted;
                    }
                }
            }
        }
    }
}

struct Inquiry<'h> {
    hive: &'h Hive,
    offsets: &'h [u64],
    holders: Vec<Holder>,
    /// Cells in use, and which of the offsets lie in them.
    asked: HashMap<u32, Vec<usize>>,
}

impl Inquiry<'_> {
    /// The cell at `cell` is `holder`'s, who uses so many bytes of it.
    fn account(
        &mut self,
        cell: u32,
        used: usize,
        holder: impl FnOnce() -> Result<Holder, Error>,
    ) -> Result<(), Error> {
        let Some(indices) = self.asked.get(&cell) else {
            return Ok(());
        };
        let holder = holder()?;
        let end = BINS_START as u64 + u64::from(cell) + (SIZE_FIELD + used) as u64;
        for &index in indices {
            let is_used = self.offsets.get(index).is_some_and(|&offset| offset < end);
            if let Some(answer) = self.holders.get_mut(index) {
                *answer = if is_used { holder.clone() } else { Holder::Slack };
            }
        }
        Ok(())
    }

    fn key(&mut self, key: Key<'_>) -> Result<(), Error> {
        let cells = self.hive.cells();
        let of_key = || Ok(Holder::Key(key.path()?));
        let node = key.node();
        self.account(key.offset(), node.used(), of_key)?;
        if node.class_length() > 0 {
            self.account(node.number(node::CLASS), node.class_length(), of_key)?;
        }
        let list = node.number(node::SUBKEY_LIST);
        if key.subkey_count() > 0 && list != NIL {
            let index = Index::read(cells, list)?;
            self.account(list, index.used(), of_key)?;
            if let Index::Root(root) = index {
                for leaf in root.leaves() {
                    self.account(leaf, Index::read(cells, leaf)?.used(), of_key)?;
                }
            }
        }
        let entries = key.value_list()?;
        self.account(node.number(node::VALUE_LIST), entries.len(), of_key)?;
        for entry in entries.chunks_exact(LIST_WIDTH) {
            self.value(key, number(entry, 0))?;
        }
        Ok(())
    }

    fn value(&mut self, key: Key<'_>, offset: u32) -> Result<(), Error> {
        let cells = self.hive.cells();
        let value = ValueNode::read(cells, offset)?;
        let holder = || {
            Ok(Holder::Value {
                key: key.path()?,
                name: value.name().text(),
            })
        };
        self.account(offset, value.used(), holder)?;
        match value.place(cells.minor) {
            Place::Inline(_) => {}
            Place::Cell(cell, length) => self.account(cell, length, holder)?,
            Place::Segments(structure, length) => {
                self.account(structure, big_data::SIZE, holder)?;
                let (list, segments) = big_data::segments(cells, structure)?;
                let mut left = length;
                let mut count = 0;
                for segment in segments {
                    let here = left.min(big_data::SEGMENT);
                    self.account(segment, here, holder)?;
                    left -= here;
                    count += 1;
                }
                self.account(list, count * big_data::LIST_WIDTH, holder)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::ValueKind;
    use memchr::memmem;

    #[test]
    fn every_byte_belongs_to_what_was_written_there() {
        let mut hive = Hive::create(5).unwrap();
        let (live, deleted, large) = (b"live-live-live-live", b"dead-dead-dead-dead", vec![7u8; 40_000]);
        hive.set_value(r"Company\Product", "Live", ValueKind::Binary, live)
            .unwrap();
        hive.set_value(r"Company\Product", "Large", ValueKind::Binary, &large)
            .unwrap();
        hive.set_value(r"Company\Product", "Dead", ValueKind::Binary, deleted)
            .unwrap();
        let mut bytes = hive.finish().unwrap();
        let at = |bytes: &[u8], what: &[u8]| memmem::find(bytes, what).unwrap();
        let dead = at(&bytes, deleted);
        let live_at = at(&bytes, live);
        // As Windows deletes: the cell is free, its content stays.
        let size = i32::from_le_bytes(bytes[dead - 4..dead].try_into().unwrap());
        bytes[dead - 4..dead].copy_from_slice(&size.abs().to_le_bytes());
        let segment = at(&bytes, &large[..16_344]);
        let offsets =
            [live_at, live_at + live.len(), dead + 3, segment + 5, 10, dead - 2].map(|at| at as u64);
        let hive = Hive::read(bytes).unwrap();
        let value = |name: &str| Holder::Value {
            key: r"Company\Product".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(
            hive.locate(&offsets),
            [
                value("Live"),
                Holder::Slack,
                Holder::Deleted,
                value("Large"),
                Holder::Outside,
                Holder::Outside
            ]
        );
    }
}
