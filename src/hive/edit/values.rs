//! Writing and removing values and their data.
//!
//! Promise: only the one value and its data are written; data that is replaced or removed is zero afterwards.

use crate::hive::big_data::{self, SEGMENT, SEGMENT_PAYLOAD};
use crate::hive::cell::{NIL, lay_out, narrow};
use crate::hive::key::Key;
use crate::hive::key_node::{self as node, KeyNode};
use crate::hive::name::NewName;
use crate::hive::value::{self, INLINE, INLINE_LIMIT, LIST_WIDTH, Place, ValueNode};
use crate::hive::{Error, Hive, ValueKind};
use zeroize::Zeroizing;

/// The size of one UTF-16 unit, in bytes.
const UNIT: usize = 2;
/// A value list that grows gets room for a quarter more.
const GROWTH: usize = 4;

impl Hive {
    /// Gives the value at `value` of the key at `key` another type and other data.
    pub(super) fn replace_value(
        &mut self,
        key: u32,
        value: u32,
        kind: ValueKind,
        data: &[u8],
    ) -> Result<(), Error> {
        self.store(value, data)?;
        self.write_number(value, value::KIND, kind.number())?;
        self.raise(key, node::LONGEST_VALUE_DATA, data.len())
    }

    /// A new value at the end of the list of the key at `key`; gives its place.
    pub(super) fn add_value(
        &mut self,
        key: u32,
        name: &NewName,
        kind: ValueKind,
        data: &[u8],
    ) -> Result<u32, Error> {
        // Windows marks the empty name of a default value as UTF-16.
        let is_latin1 = name.is_latin1() && !name.name().is_empty();
        let flags = if is_latin1 { value::FLAG_LATIN1 } else { 0 };
        let length = u16::try_from(name.bytes().len()).map_err(|_| Error::Full("the size of a value"))?;
        let payload = lay_out(
            value::NAME + name.bytes().len(),
            &[
                (0, value::SIGNATURE),
                (value::NAME_LENGTH, &length.to_le_bytes()),
                (value::DATA_LENGTH, &INLINE.to_le_bytes()),
                (value::KIND, &kind.number().to_le_bytes()),
                (value::FLAGS, &flags.to_le_bytes()),
                (value::NAME, name.bytes()),
            ],
        )?;
        let cell = self.allocate_with(&payload, key)?;
        self.store(cell, data)?;
        self.append_to_list(key, cell)?;
        self.raise(key, node::LONGEST_VALUE_NAME, name.name().length() * UNIT)?;
        self.raise(key, node::LONGEST_VALUE_DATA, data.len())?;
        Ok(cell)
    }

    /// Takes the value at `value` out of the list of the key at `key` and frees it.
    pub(super) fn remove_value(&mut self, key: u32, value: u32) -> Result<(), Error> {
        let found = Key::read(self.cells(), key)?;
        let list = found.node().number(node::VALUE_LIST);
        let mut entries = found.value_list()?.to_vec();
        let place = entries
            .chunks_exact(LIST_WIDTH)
            .position(|entry| entry == value.to_le_bytes())
            .ok_or_else(|| Error::damaged(value, "a value is not in the list of its key"))?;
        entries.drain(place * LIST_WIDTH..(place + 1) * LIST_WIDTH);
        if entries.is_empty() {
            self.release(list)?;
            self.write_number(key, node::VALUE_LIST, NIL)?;
        } else {
            self.fill(list, &entries)?;
        }
        self.write_number(key, node::VALUE_COUNT, narrow(entries.len() / LIST_WIDTH)?)?;
        self.free_value(value)
    }

    /// Frees the value at `value` and its data.
    pub(super) fn free_value(&mut self, value: u32) -> Result<(), Error> {
        let place = ValueNode::read(self.cells(), value)?.place(self.minor);
        self.free_data(place)?;
        self.release(value)
    }

    fn append_to_list(&mut self, key: u32, value: u32) -> Result<(), Error> {
        let found = Key::read(self.cells(), key)?;
        let old = (found.value_count() > 0).then(|| found.node().number(node::VALUE_LIST));
        let entries = found.value_list()?;
        let end = entries.len();
        let count = end / LIST_WIDTH + 1;
        let room = match old {
            Some(list) => self.cells().payload(list, "a value list")?.len(),
            None => 0,
        };
        match old {
            Some(list) if end + LIST_WIDTH <= room => self.write(list, end, &value.to_le_bytes())?,
            _ => {
                let mut entries = entries.to_vec();
                entries.extend(value.to_le_bytes());
                let list = self.allocate(entries.len() + count / GROWTH * LIST_WIDTH, key)?;
                self.fill(list, &entries)?;
                self.write_number(key, node::VALUE_LIST, list)?;
                if let Some(old) = old {
                    self.release(old)?;
                }
            }
        }
        self.write_number(key, node::VALUE_COUNT, narrow(count)?)
    }

    /// Raises one of the fields that say how long names and data are at most.
    fn raise(&mut self, key: u32, field: usize, length: usize) -> Result<(), Error> {
        let longest = KeyNode::read(self.cells(), key)?.number(field);
        self.write_number(key, field, longest.max(narrow(length)?))
    }

    /// Makes `data` the data of the value at `value`, in the cells that its old data has if they are large enough.
    pub(in crate::hive) fn store(&mut self, value: u32, data: &[u8]) -> Result<(), Error> {
        let old = ValueNode::read(self.cells(), value)?.place(self.minor);
        let length = narrow(data.len())?;
        if data.len() <= INLINE_LIMIT {
            let inline = Zeroizing::new(lay_out(INLINE_LIMIT, &[(0, data)])?);
            self.write(value, value::DATA, &inline)?;
            self.write_number(value, value::DATA_LENGTH, length | INLINE)?;
            return self.free_data(old);
        }
        let reused = if big_data::is_needed(data.len(), self.minor) {
            self.reuse_segments(old, data)?
        } else {
            self.reuse_cell(old, data)?
        };
        if !reused {
            let cell = if big_data::is_needed(data.len(), self.minor) {
                self.allocate_segments(data, value)?
            } else {
                self.allocate_with(data, value)?
            };
            self.write_number(value, value::DATA, cell)?;
        }
        self.write_number(value, value::DATA_LENGTH, length)?;
        if reused { Ok(()) } else { self.free_data(old) }
    }

    fn reuse_cell(&mut self, old: Place, data: &[u8]) -> Result<bool, Error> {
        let Place::Cell(cell, _) = old else {
            return Ok(false);
        };
        if self.cells().payload(cell, "the data of a value")?.len() < data.len() {
            return Ok(false);
        }
        self.fill(cell, data)?;
        self.trim(cell, data.len())?;
        Ok(true)
    }

    fn reuse_segments(&mut self, old: Place, data: &[u8]) -> Result<bool, Error> {
        let Place::Segments(structure, _) = old else {
            return Ok(false);
        };
        let segments: Vec<u32> = big_data::segments(self.cells(), structure)?.1.collect();
        if segments.len() != data.len().div_ceil(SEGMENT) {
            return Ok(false);
        }
        for &segment in &segments {
            if self.cells().payload(segment, "a segment")?.len() < SEGMENT_PAYLOAD {
                return Ok(false);
            }
        }
        for (&segment, part) in segments.iter().zip(data.chunks(SEGMENT)) {
            self.fill(segment, part)?;
        }
        Ok(true)
    }

    fn allocate_segments(&mut self, data: &[u8], near: u32) -> Result<u32, Error> {
        let mut list = Vec::new();
        for part in data.chunks(SEGMENT) {
            let segment = self.allocate(SEGMENT_PAYLOAD, near)?;
            self.write(segment, 0, part)?;
            list.extend(segment.to_le_bytes());
        }
        let count =
            u16::try_from(list.len() / big_data::LIST_WIDTH).map_err(|_| Error::Full("65,535 segments"))?;
        let list = self.allocate_with(&list, near)?;
        self.allocate_with(&big_data::structure(count, list)?, near)
    }

    fn free_data(&mut self, place: Place) -> Result<(), Error> {
        match place {
            Place::Inline(_) => Ok(()),
            Place::Cell(cell, _) => self.release(cell),
            Place::Segments(structure, _) => {
                let (list, segments) = big_data::segments(self.cells(), structure)?;
                let segments: Vec<u32> = segments.collect();
                segments
                    .into_iter()
                    .try_for_each(|segment| self.release(segment))?;
                self.release(list)?;
                self.release(structure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value `name` of the root key: where it stands.
    fn place(hive: &Hive, name: &str) -> Place {
        let value = hive.root().unwrap().value(name).unwrap().unwrap();
        value.node.place(hive.minor)
    }

    fn set(hive: &mut Hive, data: &[u8]) -> Place {
        hive.set_value("", "v", ValueKind::Binary, data).unwrap();
        let value = hive.root().unwrap().value("v").unwrap().unwrap();
        assert!(*value.data().unwrap() == *data);
        place(hive, "v")
    }

    fn assert_whole(hive: &mut Hive) {
        hive.rehearse().unwrap();
        assert_eq!(hive.demand_whole().unwrap().0, []);
    }

    #[test]
    fn a_list_of_values_that_grows_gets_room_for_a_quarter_more_and_stays_while_it_fits() {
        let mut hive = Hive::create(5).unwrap();
        let mut lists = Vec::new();
        for index in 0..8 {
            hive.set_value("", &format!("v{index}"), ValueKind::Dword, &[1; 4])
                .unwrap();
            let list = hive.root().unwrap().node().number(node::VALUE_LIST);
            lists.push((list, hive.cells().payload(list, "a list").unwrap().len()));
        }
        let rooms: Vec<usize> = lists.iter().map(|&(_, room)| room).collect();
        assert_eq!(rooms, [4, 12, 12, 20, 20, 28, 28, 44]);
        assert!(lists[1] == lists[2] && lists[3] == lists[4] && lists[5] == lists[6]);
        assert_whole(&mut hive);
    }

    #[test]
    fn data_that_fits_takes_the_place_of_the_old() {
        let mut hive = Hive::create(5).unwrap();
        let Place::Cell(cell, _) = set(&mut hive, &[1; 40]) else {
            panic!("not in a cell")
        };
        assert_eq!(hive.cells().payload(cell, "data").unwrap().len(), 44);
        assert_eq!(set(&mut hive, &[2; 44]), Place::Cell(cell, 44));
        assert_eq!(set(&mut hive, &[3; 5]), Place::Cell(cell, 5));
        let payload = hive.cells().payload(cell, "data").unwrap();
        assert_eq!(payload, [[3; 5].as_slice(), &[0; 39]].concat());
        let Place::Cell(other, 45) = set(&mut hive, &[4; 45]) else {
            panic!("not in a cell")
        };
        assert_ne!(other, cell);
        assert_whole(&mut hive);
    }

    #[test]
    fn large_data_takes_the_segments_of_the_old_if_there_are_as_many() {
        let mut hive = Hive::create(5).unwrap();
        let segments = |hive: &Hive, structure| -> Vec<u32> {
            big_data::segments(hive.cells(), structure).unwrap().1.collect()
        };
        let Place::Segments(structure, _) = set(&mut hive, &vec![1; 40_000]) else {
            panic!("not in segments")
        };
        let before = segments(&hive, structure);
        assert_eq!(before.len(), 3);
        assert_eq!(
            set(&mut hive, &vec![2; 33_000]),
            Place::Segments(structure, 33_000)
        );
        assert_eq!(segments(&hive, structure), before);
        let Place::Segments(structure, _) = set(&mut hive, &vec![3; 30_000]) else {
            panic!("not in segments")
        };
        assert_eq!(segments(&hive, structure).len(), 2);
        assert_whole(&mut hive);
    }

    #[test]
    fn segments_that_another_program_made_short_are_not_written_past_their_end() {
        let mut hive = Hive::create(5).unwrap();
        let Place::Segments(structure, _) = set(&mut hive, &vec![1; 40_000]) else {
            panic!("not in segments")
        };
        let last = big_data::segments(hive.cells(), structure)
            .unwrap()
            .1
            .last()
            .unwrap();
        hive.trim(last, 40_000 - 2 * SEGMENT).unwrap();
        set(&mut hive, &vec![2; 41_000]);
        assert_whole(&mut hive);
    }
}
