//! Copying: everything that is in use in a hive, key by key, into fresh bins.
//!
//! Promise: each key, then what belongs to it, then its subkeys, then their list; equal descriptors become one. The full check was
//! passed before: here nothing is visited twice because nothing is listed twice.

use super::pack::Packer;
use crate::hive::ahead::{self, AHEAD};
use crate::hive::big_data::{self, SEGMENT, SEGMENT_PAYLOAD};
use crate::hive::cell::{Cells, NIL, narrow, number};
use crate::hive::index::{COUNT, ENTRIES, Entries, LeafKind, ROOT_SIGNATURE, ROOT_WIDTH};
use crate::hive::key::{Key, SUBKEY_LIMIT};
use crate::hive::key_node as node;
use crate::hive::name::Name;
use crate::hive::security::{self, Security};
use crate::hive::value::{self, INLINE, INLINE_LIMIT, LIST_WIDTH, Place, ValueNode};
use crate::hive::{Error, SaveError};
use std::collections::HashMap;

/// Where the descriptors of the old hive are in the new one.
#[derive(Default)]
struct Descriptors<'h> {
    /// The descriptor of the key before, old, and its place in `made`.
    latest: Option<(u32, usize)>,
    by_offset: HashMap<u32, usize>,
    by_content: HashMap<&'h [u8], usize>,
    /// New offset and number of users, in the order of making.
    made: Vec<(u32, u32)>,
}

/// A key whose subkeys are being copied.
struct Open<'h> {
    new: u32,
    subkeys: std::iter::Take<Entries<'h>>,
    /// How many of the next subkeys were read ahead.
    ahead: usize,
    /// The list of the copies so far.
    kind: Option<LeafKind>,
    entries: Vec<u8>,
}

impl Open<'_> {
    /// Reads ahead, if it is time to; `offsets` is memory for that.
    fn read_ahead(&mut self, cells: Cells<'_>, offsets: &mut Vec<u32>) {
        if let Some(left) = self.ahead.checked_sub(1) {
            self.ahead = left;
            return;
        }
        self.ahead = AHEAD - 1;
        offsets.clear();
        let next = self.subkeys.clone().take(AHEAD);
        offsets.extend(next.filter_map(|entry| entry.ok().map(|(_, offset, _)| offset)));
        ahead::touch_keys_and_data(cells, || offsets.iter().copied());
    }

    /// Adds the copy of a key to the list, which is of the kind of its first entry.
    fn add(&mut self, copy: u32, name: Name<'_>, (listed_kind, tag): (LeafKind, u32)) {
        let kind = *self.kind.get_or_insert(listed_kind);
        // The full check has seen that hashes are right; of a mere hint it only warns.
        let tag = match kind {
            LeafKind::Hash if listed_kind == kind => tag,
            _ => kind.tag(name),
        };
        kind.push_entry(&mut self.entries, copy, tag);
    }
}

pub(super) struct Copying<'h, 'o> {
    cells: Cells<'h>,
    packer: Packer<'o>,
    descriptors: Descriptors<'h>,
    /// Lists that were written, to be used again.
    spare: Vec<Vec<u8>>,
}

impl<'h, 'o> Copying<'h, 'o> {
    pub(super) fn new(cells: Cells<'h>, packer: Packer<'o>) -> Self {
        Self {
            cells,
            packer,
            descriptors: Descriptors::default(),
            spare: Vec::new(),
        }
    }

    /// Copies the key at `root` and all below it; gives the bins and where the root is in them. Little has to be amended, for most of
    /// what a key does not know yet comes soon after it.
    pub(super) fn copy(mut self, root: u32) -> Result<(u32, Packer<'o>), SaveError> {
        let root = self.copy_tree(root)?;
        self.link_descriptors()?;
        Ok((root, self.packer))
    }

    fn copy_tree(&mut self, root: u32) -> Result<u32, SaveError> {
        let key = Key::read(self.cells, root)?;
        let new = self.copy_key(key, NIL)?;
        let mut path = Vec::new();
        self.open(key, new, &mut path)?;
        let mut offsets = Vec::with_capacity(AHEAD);
        while let Some(open) = path.last_mut() {
            open.read_ahead(self.cells, &mut offsets);
            let Some(entry) = open.subkeys.next() else {
                path.pop().map_or(Ok(()), |done| self.close(done))?;
                continue;
            };
            let (kind, offset, tag) = entry?;
            let key = Key::read(self.cells, offset)?;
            let copy = self.copy_key(key, open.new)?;
            open.add(copy, key.node().name(), (kind, tag));
            self.open(key, copy, &mut path)?;
        }
        Ok(new)
    }

    /// The subkeys of `key` are to be copied next, if there are any.
    fn open(&mut self, key: Key<'h>, new: u32, path: &mut Vec<Open<'h>>) -> Result<(), SaveError> {
        if key.subkey_count() > 0 {
            path.push(Open {
                new,
                subkeys: key.entries()?.take(SUBKEY_LIMIT),
                ahead: 0,
                kind: None,
                entries: self.spare.pop().unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Writes the list of the subkeys: one leaf, or as many as there must be under a root.
    fn close(&mut self, mut done: Open<'h>) -> Result<(), SaveError> {
        if let Some(kind) = done.kind {
            let mut leaves = Vec::new();
            for part in done.entries.chunks(kind.limit() * kind.width()) {
                leaves.push(self.put_list(*kind.signature(), part, kind.width())?);
            }
            let list = if let [leaf] = *leaves.as_slice() {
                leaf
            } else {
                let all: Vec<u8> = leaves.iter().flat_map(|leaf| leaf.to_le_bytes()).collect();
                self.put_list(*ROOT_SIGNATURE, &all, ROOT_WIDTH)?
            };
            self.packer.write_number(done.new, node::SUBKEY_LIST, list)?;
        }
        done.entries.clear();
        self.spare.push(done.entries);
        Ok(())
    }

    fn put_list(&mut self, signature: [u8; 2], entries: &[u8], width: usize) -> Result<u32, SaveError> {
        let count =
            u16::try_from(entries.len() / width).map_err(|_| Error::Full("65,535 lists of subkeys"))?;
        let list = self.packer.allocate(ENTRIES + entries.len())?;
        self.packer.write(list, 0, &signature)?;
        self.packer.write(list, COUNT, &count.to_le_bytes())?;
        self.packer.write(list, ENTRIES, entries)?;
        Ok(list)
    }

    /// Copies a key with its class, its descriptor and its values, without subkeys.
    fn copy_key(&mut self, key: Key<'h>, parent: u32) -> Result<u32, SaveError> {
        let old = key.node();
        if let Some(sort) = key.special()
            && old.flags() & node::FLAG_LINK == 0
        {
            return Err(crate::hive::edit::special(&key.path()?, sort).into());
        }
        let class = key.class_bytes()?;
        // What comes later begins as zero.
        let later = |has: bool| if has { 0 } else { NIL };
        let new = self
            .packer
            .allocate_with(old.payload().get(..old.used()).unwrap_or_default())?;
        // The parent of the root key means nothing; the old number stays.
        if parent != NIL {
            self.packer.write(new, node::PARENT, &parent.to_le_bytes())?;
        }
        for (field, number) in [
            (node::VOLATILE_COUNT, 0),
            (node::VOLATILE_LIST, NIL),
            (node::SUBKEY_LIST, later(key.subkey_count() > 0)),
            (node::VALUE_LIST, later(key.value_count() > 0)),
            (node::SECURITY, later(old.number(node::SECURITY) != NIL)),
            (node::CLASS, later(class.is_some())),
        ] {
            self.packer.write(new, field, &number.to_le_bytes())?;
        }
        if let Some(class) = class {
            let class = self.packer.allocate_with(class)?;
            self.packer.write_number(new, node::CLASS, class)?;
        }
        if old.number(node::SECURITY) != NIL {
            let descriptor = self.copy_descriptor(old.number(node::SECURITY))?;
            self.packer.write_number(new, node::SECURITY, descriptor)?;
        }
        self.copy_values(key, new)?;
        Ok(new)
    }

    /// One more key uses the descriptor that was at `old`: where it is now.
    fn copy_descriptor(&mut self, old: u32) -> Result<u32, SaveError> {
        let known = &mut self.descriptors;
        let index = match known.latest {
            Some((latest, index)) if latest == old => index,
            _ => match known.by_offset.get(&old) {
                Some(&index) => index,
                None => self.make_descriptor(old)?,
            },
        };
        let known = &mut self.descriptors;
        known.latest = Some((old, index));
        let made = known.made.get_mut(index).ok_or(Error::Broken)?;
        made.1 += 1;
        Ok(made.0)
    }

    /// Copies the descriptor at `old`, unless there is an equal one; gives its place in the list.
    fn make_descriptor(&mut self, old: u32) -> Result<usize, SaveError> {
        let content = Security::read(self.cells, old)?.descriptor();
        let known = &mut self.descriptors;
        let index = match known.by_content.get(content) {
            Some(&index) => index,
            None => {
                let new = self.packer.allocate_with(&security::payload(content, 0)?)?;
                known.by_content.insert(content, known.made.len());
                known.made.push((new, 0));
                known.made.len() - 1
            }
        };
        known.by_offset.insert(old, index);
        Ok(index)
    }

    /// Links the descriptors to a list, now that all are there and counted.
    fn link_descriptors(&mut self) -> Result<(), SaveError> {
        let made = std::mem::take(&mut self.descriptors.made);
        let after = made.iter().cycle().skip(1);
        for (&(this, users), &(next, _)) in made.iter().zip(after) {
            self.packer.write_number(this, security::USERS, users)?;
            self.packer.write_number(this, security::NEXT, next)?;
            self.packer.write_number(next, security::PREVIOUS, this)?;
        }
        Ok(())
    }

    fn copy_values(&mut self, key: Key<'h>, new: u32) -> Result<(), SaveError> {
        let entries = key.value_list()?;
        if entries.is_empty() {
            return Ok(());
        }
        let list = self.packer.allocate(entries.len())?;
        self.packer.write_number(new, node::VALUE_LIST, list)?;
        for (index, entry) in entries.chunks_exact(LIST_WIDTH).enumerate() {
            let copy = self.copy_value(ValueNode::read(self.cells, number(entry, 0))?)?;
            self.packer.write_number(list, index * LIST_WIDTH, copy)?;
        }
        Ok(())
    }

    fn copy_value(&mut self, old: ValueNode<'h>) -> Result<u32, SaveError> {
        let (length, data) = match old.place(self.cells.minor) {
            Place::Inline(length) => (narrow(length)? | INLINE, padded(old.inline(length))),
            // Data that has room in the value itself goes there.
            Place::Cell(cell, length) if length <= INLINE_LIMIT => {
                (narrow(length)? | INLINE, padded(self.data(cell, length)?))
            }
            Place::Cell(cell, length) => {
                let data = self.data(cell, length)?;
                (narrow(length)?, self.packer.allocate_with(data)?.to_le_bytes())
            }
            Place::Segments(structure, length) => (
                narrow(length)?,
                self.copy_segments(structure, length)?.to_le_bytes(),
            ),
        };
        let new = self
            .packer
            .allocate_with(old.payload().get(..old.used()).unwrap_or_default())?;
        self.packer
            .write(new, value::DATA_LENGTH, &length.to_le_bytes())?;
        self.packer.write(new, value::DATA, &data)?;
        self.packer
            .write(new, value::SPARE, &[0; value::NAME - value::SPARE])?;
        Ok(new)
    }

    /// The data of a value that has a cell of its own.
    fn data(&self, cell: u32, length: usize) -> Result<&'h [u8], Error> {
        let data = self.cells.payload(cell, "the data of a value")?.get(..length);
        data.ok_or_else(|| Error::damaged(cell, format!("{length} bytes of a value leave their cell")))
    }

    fn copy_segments(&mut self, structure: u32, length: usize) -> Result<u32, SaveError> {
        let (_, segments) = big_data::segments(self.cells, structure)?;
        let mut list = Vec::new();
        let mut left = length;
        for segment in segments {
            let here = left.min(SEGMENT);
            let data = self.data(segment, here)?;
            let copy = self.packer.allocate(SEGMENT_PAYLOAD)?;
            self.packer.write(copy, 0, data)?;
            list.extend(copy.to_le_bytes());
            left -= here;
        }
        let count =
            u16::try_from(list.len() / big_data::LIST_WIDTH).map_err(|_| Error::Full("65,535 segments"))?;
        let list = self.packer.allocate_with(&list)?;
        self.packer.allocate_with(&big_data::structure(count, list)?)
    }
}

/// Up to four bytes in the place of four.
fn padded(data: &[u8]) -> [u8; INLINE_LIMIT] {
    let mut field = [0; INLINE_LIMIT];
    for (to, &from) in field.iter_mut().zip(data) {
        *to = from;
    }
    field
}
