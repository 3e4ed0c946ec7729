//! Compacting: the same keys and values in fresh bins, and nothing else.
//!
//! Windows does the same when it saves a hive (`RegSaveKey`): only live cells go into the new file.
//!
//! Promise: keys, values, their order, times, classes and descriptors stay; equal descriptors are shared; whatever was
//! in free cells or slack is gone. Compacting twice changes nothing the second time.

use super::base_block::{self, SECTOR};
use super::bin;
use super::cell::{BINS_START, Cells, NIL, number};
use super::index::{Entries, LeafKind};
use super::key::{Key, SUBKEY_LIMIT};
use super::key_node::{self as node, KeyNode};
use super::security::{self, Security};
use super::value::{self, INLINE, LIST_WIDTH, Value};
use super::{Error, Hive};
use crate::bytes::{put, slice};
use crate::secret::Bulk;
use std::collections::BTreeMap;

/// How much of the base block is kept: what its checksum covers, and the time of saving.
const KEPT_HEADER: usize = SECTOR + 8;
/// The time stamp in the header of the first bin, the only one that Windows maintains.
const BIN_TIME: usize = 20;
const BIN_TIME_LENGTH: usize = 8;

/// Where the descriptors of the old hive are in the new one.
#[derive(Default)]
struct Descriptors<'h> {
    by_offset: BTreeMap<u32, u32>,
    by_content: BTreeMap<&'h [u8], u32>,
    /// New offset and number of users, in the order of making.
    made: Vec<(u32, u32)>,
    index_of: BTreeMap<u32, usize>,
}

impl Hive {
    /// A hive with the same content and without free space, slack or duplicate descriptors. It counts as unchanged if it
    /// came out as this one is.
    ///
    /// # Errors
    /// As [`Hive::open`] if the hive was only read before; [`Error::SpecialKey`] if a key is a predefined handle or part
    /// of a layered hive.
    pub fn compact(&mut self) -> Result<Self, Error> {
        self.demand_editable()?;
        let cells = self.cells();
        let mut fresh = self.with_same_header()?;
        let mut descriptors = Descriptors::default();
        let root = fresh.copy_node(Key::read(cells, self.root)?, NIL, 0, &mut descriptors)?;
        fresh.root = root;
        let mut waiting = vec![(self.root, root)];
        while let Some((old, new)) = waiting.pop() {
            let key = Key::read(cells, old)?;
            fresh.copy_values(key, new)?;
            let first = waiting.len();
            fresh.copy_subkeys(key, new, &mut descriptors, &mut waiting)?;
            waiting.get_mut(first..).unwrap_or_default().reverse();
        }
        fresh.link_descriptors(&descriptors)?;
        fresh.copy_bin_time(cells)?;
        base_block::seal(&mut fresh.bytes, self.sequence()).ok_or(Error::Broken)?;
        fresh.changed = self.changed || *fresh.bytes != *self.bytes;
        Ok(fresh)
    }

    /// A hive without bins whose base block says what that of this one says.
    fn with_same_header(&self) -> Result<Self, Error> {
        let mut fresh = Self::bare(self.minor)?;
        let bytes = Bulk::with_room(BINS_START, self.bytes.len());
        let mut bytes = bytes.map_err(|_| Error::Full("the memory of this machine"))?;
        bytes.copy_from_slice(slice(&fresh.bytes, 0, BINS_START).unwrap_or_default());
        let kept = slice(&self.bytes, 0, KEPT_HEADER).unwrap_or_default();
        put(&mut bytes, 0, kept)
            .and_then(|()| put(&mut bytes, base_block::BINS_SIZE, &[0; 4]))
            .ok_or(Error::Broken)?;
        fresh.bytes = bytes;
        Ok(fresh)
    }

    /// Copies a key with its class and descriptor, without values and subkeys.
    fn copy_node<'h>(
        &mut self,
        key: Key<'h>,
        parent: u32,
        near: u32,
        descriptors: &mut Descriptors<'h>,
    ) -> Result<u32, Error> {
        let old = key.node();
        if let Some(sort) = key.special()
            && old.flags() & node::FLAG_LINK == 0
        {
            return Err(super::edit::special(&key.path()?, sort));
        }
        let used = old.payload().get(..old.used()).unwrap_or_default();
        let new = self.allocate_with(used, near)?;
        // The parent of the root key means nothing; the old number stays.
        if parent != NIL {
            self.write_number(new, node::PARENT, parent)?;
        }
        for field in [
            node::SUBKEY_LIST,
            node::VALUE_LIST,
            node::VOLATILE_LIST,
            node::CLASS,
        ] {
            self.write_number(new, field, NIL)?;
        }
        self.write_number(new, node::VOLATILE_COUNT, 0)?;
        if let Some(class) = key.class_bytes()? {
            let class = self.allocate_with(class, new)?;
            self.write_number(new, node::CLASS, class)?;
        }
        let descriptor = self.copy_descriptor(key, new, descriptors)?;
        self.write_number(new, node::SECURITY, descriptor)?;
        Ok(new)
    }

    fn copy_descriptor<'h>(
        &mut self,
        key: Key<'h>,
        near: u32,
        known: &mut Descriptors<'h>,
    ) -> Result<u32, Error> {
        let old = key.node().number(node::SECURITY);
        if old == NIL {
            return Ok(NIL);
        }
        let content = Security::read(key.cells(), old)?.descriptor();
        let earlier = known
            .by_offset
            .get(&old)
            .or_else(|| known.by_content.get(content));
        let new = if let Some(&earlier) = earlier {
            earlier
        } else {
            let new = self.allocate_with(&security::payload(content, 0)?, near)?;
            known.by_content.insert(content, new);
            known.index_of.insert(new, known.made.len());
            known.made.push((new, 0));
            new
        };
        known.by_offset.insert(old, new);
        let index = known.index_of.get(&new);
        if let Some((_, users)) = index.and_then(|&index| known.made.get_mut(index)) {
            *users += 1;
        }
        Ok(new)
    }

    fn link_descriptors(&mut self, descriptors: &Descriptors<'_>) -> Result<(), Error> {
        let made = &descriptors.made;
        let after = made.iter().cycle().skip(1);
        for (&(this, users), &(next, _)) in made.iter().zip(after) {
            self.write_number(this, security::USERS, users)?;
            self.write_number(this, security::NEXT, next)?;
            self.write_number(next, security::PREVIOUS, this)?;
        }
        Ok(())
    }

    fn copy_values(&mut self, old: Key<'_>, new: u32) -> Result<(), Error> {
        let entries = old.value_list()?;
        if entries.is_empty() {
            return Ok(());
        }
        let list = self.allocate(entries.len(), new)?;
        self.write_number(new, node::VALUE_LIST, list)?;
        for (index, entry) in entries.chunks_exact(LIST_WIDTH).enumerate() {
            let value = Value::read(old.cells(), number(entry, 0))?;
            let used = value.node.payload().get(..value.node.used()).unwrap_or_default();
            let copy = self.allocate_with(used, new)?;
            self.write_number(copy, value::DATA_LENGTH, INLINE)?;
            self.write_number(copy, value::DATA, 0)?;
            self.write(copy, value::SPARE, &[0; value::NAME - value::SPARE])?;
            self.store(copy, &value.data()?)?;
            self.write_number(list, index * LIST_WIDTH, copy)?;
        }
        Ok(())
    }

    fn copy_subkeys<'h>(
        &mut self,
        old: Key<'h>,
        new: u32,
        descriptors: &mut Descriptors<'h>,
        waiting: &mut Vec<(u32, u32)>,
    ) -> Result<(), Error> {
        let mut kind = None;
        let mut entries = Vec::new();
        let listed: Entries<'h> = old.entries()?;
        for entry in listed.take(SUBKEY_LIMIT) {
            let (listed_kind, offset, _) = entry?;
            let kind: LeafKind = *kind.get_or_insert(listed_kind);
            let key = Key::read(old.cells(), offset)?;
            let copy = self.copy_node(key, new, new, descriptors)?;
            let name = KeyNode::read(self.cells(), copy)?.name();
            let tag = kind.tag(name);
            entries.extend(kind.entry(copy, tag));
            waiting.push((offset, copy));
        }
        if let Some(kind) = kind {
            let list = self.put_leaves(kind, &entries, new)?;
            self.write_number(new, node::SUBKEY_LIST, list)?;
        }
        Ok(())
    }

    fn copy_bin_time(&mut self, old: Cells<'_>) -> Result<(), Error> {
        let time = slice(old.bins(), BIN_TIME, BIN_TIME_LENGTH).unwrap_or_default();
        debug_assert!(BIN_TIME + BIN_TIME_LENGTH <= bin::HEADER as usize);
        put(self.bins_mut(), BIN_TIME, time).ok_or(Error::Broken)
    }
}
