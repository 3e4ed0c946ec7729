//! Compacting: the same keys and values in fresh bins, and nothing else.
//!
//! Windows does the same when it saves a hive (`RegSaveKey`): only live cells go into the new file.
//!
//! Promise: keys, values, their order, times, classes and descriptors stay; equal descriptors are shared; whatever was
//! in free cells or slack is gone. Compacting twice changes nothing the second time.

use super::ahead::{self, AHEAD};
use super::base_block::{self, SECTOR};
use super::big_data::{self, SEGMENT, SEGMENT_PAYLOAD};
use super::cell::{BINS_START, Cells, NIL, narrow, number};
use super::index::{COUNT, ENTRIES, Entries, LeafKind, ROOT_SIGNATURE, ROOT_WIDTH};
use super::key::{Key, SUBKEY_LIMIT};
use super::key_node as node;
use super::name::Name;
use super::pack::{Amendment, Outlet, Packer};
use super::security::{self, Security};
use super::value::{self, INLINE, INLINE_LIMIT, LIST_WIDTH, Place, ValueNode};
use super::{Error, Hive, SaveError};
use crate::bytes::{put, slice};
use crate::file::Draft;
use crate::secret::{Bulk, Wiped};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// How much of the base block is kept: what its checksum covers, and the time of saving.
const KEPT_HEADER: usize = SECTOR + 8;
/// The time stamp in the header of the first bin, the only one that Windows maintains.
const BIN_TIME: usize = 20;
const BIN_TIME_LENGTH: usize = 8;

/// The bins that came of packing a hive.
struct Packed {
    root: u32,
    length: u32,
    amendments: Vec<Amendment>,
    /// Whether they are, amended, the bins that there were before.
    is_same: bool,
}

/// What became of a hive that was compacted into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Whether the hive was not compact before. If it was, nothing was written.
    pub changed: bool,
    /// Length of the compact hive in bytes.
    pub length: u64,
}

impl Hive {
    /// A hive with the same content and without free space, slack or duplicate descriptors. It counts as unchanged if it
    /// came out as this one is. Both are in memory then; see [`Hive::compact_into`].
    ///
    /// # Errors
    /// As [`Hive::open`] if the hive was only read before; [`Error::SpecialKey`] if a key is a predefined handle or part
    /// of a layered hive.
    pub fn compact(&mut self) -> Result<Self, Error> {
        self.demand_editable()?;
        let full = |_| Error::Full("the memory of this machine");
        let mut bytes = Bulk::with_room(BINS_START, self.bytes.len()).map_err(full)?;
        let packed = self.pack(&mut |part| {
            let start = bytes.len();
            bytes.grow(start + part.len()).map_err(full)?;
            put(&mut bytes, start, part).ok_or(Error::Broken)?;
            Ok(())
        });
        let packed = packed.map_err(|error| match error {
            SaveError::Hive(error) => error,
            SaveError::File(_) => Error::Broken,
        })?;
        for &Amendment { place, number } in &packed.amendments {
            put(&mut bytes, BINS_START + place as usize, &number.to_le_bytes()).ok_or(Error::Broken)?;
        }
        let block = self.block_of(&packed, self.sequence())?;
        put(&mut bytes, 0, &block).ok_or(Error::Broken)?;
        let mut fresh = Self::bare(self.minor)?;
        fresh.changed = self.changed || !self.is_like(&packed, &block);
        fresh.bins_length = packed.length as usize;
        fresh.root = packed.root;
        fresh.bytes = bytes;
        fresh.dirt = None;
        fresh.is_checked = false;
        fresh.allowance = self.allowance.clone();
        Ok(fresh)
    }

    /// Compacts the hive into the file that `draft` is for, at once or not at all, as [`crate::file::replace`] does; what is written passes
    /// the full check before. Less than the hive and a few megabytes are in memory. If the hive is compact already and was not changed,
    /// nothing is written, unless `always`.
    ///
    /// # Errors
    /// As [`Hive::compact`] and [`Hive::save`].
    pub fn compact_into(mut self, draft: Draft, always: bool) -> Result<Compacted, SaveError> {
        self.demand_editable()?;
        // The check is done, and nothing is edited any more.
        self.space = super::space::Space::default();
        let mut filling = draft.fill()?;
        filling.append(&mut Zeroizing::new(vec![0; BINS_START]))?;
        let packed = self.pack(&mut |part| Ok(filling.append(part)?))?;
        let block = self.block_of(&packed, self.sequence())?;
        let changed = self.changed || !self.is_like(&packed, &block);
        let length = BINS_START as u64 + u64::from(packed.length);
        let compacted = Compacted { changed, length };
        if !changed && !always {
            return Ok(compacted);
        }
        let sequence = self.sequence().wrapping_add(u32::from(changed));
        let block = self.block_of(&packed, sequence)?;
        let numbers: Vec<_> = packed
            .amendments
            .iter()
            .map(|&Amendment { place, number }| (BINS_START as u64 + u64::from(place), number.to_le_bytes()))
            .collect();
        let mut amendments = vec![(0, &block[..])];
        amendments.extend(numbers.iter().map(|(place, number)| (*place, &number[..])));
        filling.replace(&amendments, self.bytes, super::save::judge)?;
        Ok(compacted)
    }

    /// The base block of a hive with the bins `packed`, which says besides what that of this one says.
    fn block_of(&self, packed: &Packed, sequence: u32) -> Result<Wiped, Error> {
        let mut block = Zeroizing::new(vec![0; BINS_START]);
        let kept = slice(&self.bytes, 0, KEPT_HEADER).unwrap_or_default();
        put(&mut block, 0, kept)
            .and_then(|()| put(&mut block, base_block::BINS_SIZE, &packed.length.to_le_bytes()))
            .and_then(|()| put(&mut block, base_block::ROOT, &packed.root.to_le_bytes()))
            .and_then(|()| base_block::seal(&mut block, sequence))
            .ok_or(Error::Broken)?;
        Ok(block)
    }

    /// Whether the file of this hive consists of `block` and `packed`.
    fn is_like(&self, packed: &Packed, block: &[u8]) -> bool {
        packed.is_same
            && self.bytes.len() == BINS_START + packed.length as usize
            && slice(&self.bytes, 0, BINS_START) == Some(block)
    }

    /// Copies everything that is in use into fresh bins, which go to `outlet`.
    fn pack(&self, outlet: Outlet<'_>) -> Result<Packed, SaveError> {
        let cells = self.cells();
        let time = slice(cells.bins(), BIN_TIME, BIN_TIME_LENGTH).unwrap_or_default();
        let mut likeness = Likeness::new(cells.bins());
        let mut outlet = |part: &mut Wiped| {
            if likeness.place == 0 {
                put(part, BIN_TIME, time).ok_or(Error::Broken)?;
            }
            likeness.compare(part);
            outlet(part)
        };
        let mut copying = Copying {
            cells,
            packer: Packer::new(&mut outlet),
            descriptors: Descriptors::default(),
            spare: Vec::new(),
        };
        let root = copying.copy_tree(self.root)?;
        copying.link_descriptors()?;
        let (length, amendments) = copying.packer.finish()?;
        Ok(Packed {
            root,
            length,
            is_same: likeness.holds(&amendments),
            amendments,
        })
    }
}

/// Compares bins that come part by part, and numbers in them that come later, with those that there were before.
struct Likeness<'h> {
    before: &'h [u8],
    place: usize,
    /// How many numbers are zero so far and were not; `None` when something else differs.
    open: Option<usize>,
}

impl<'h> Likeness<'h> {
    fn new(before: &'h [u8]) -> Self {
        Self {
            before,
            place: 0,
            open: Some(0),
        }
    }

    fn compare(&mut self, part: &[u8]) {
        let before = slice(self.before, self.place, part.len());
        self.place = self.place.saturating_add(part.len());
        let (Some(open), Some(before)) = (self.open, before) else {
            self.open = None;
            return;
        };
        let pairs = part.as_chunks::<4>().0.iter().zip(before.as_chunks::<4>().0);
        let differing = pairs.filter(|(now, before)| now != before);
        self.open = differing
            .into_iter()
            .try_fold(open, |open, (now, _)| (*now == [0; 4]).then_some(open + 1));
    }

    /// Whether all is the same, now that `amendments` came, each for a place of its own where zero stands.
    fn holds(&self, amendments: &[Amendment]) -> bool {
        let are_right = amendments
            .iter()
            .all(|late| number(self.before, late.place as usize) == late.number);
        let closed = amendments.iter().filter(|late| late.number != 0).count();
        are_right && self.place == self.before.len() && self.open == Some(closed)
    }
}

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

struct Copying<'h, 'o> {
    cells: Cells<'h>,
    packer: Packer<'o>,
    descriptors: Descriptors<'h>,
    /// Lists that were written, to be used again.
    spare: Vec<Vec<u8>>,
}

impl<'h> Copying<'h, '_> {
    /// Copies the key at `root` and all below it: each key, then what belongs to it, then its subkeys, then their list. Little has to be
    /// amended, for most of what a key does not know yet comes soon after it.
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
            return Err(super::edit::special(&key.path()?, sort).into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::{ValueKind, check};
    use std::path::Path;

    /// A hive of several megabytes with all shapes of keys and values, much of it deleted again.
    fn hive() -> Hive {
        let mut hive = Hive::create(5).unwrap();
        let text = crate::text::utf16le("C:\\Windows\\System32\\something.dll\0");
        for branch in 0..60 {
            for twig in 0..200 {
                let key = format!(r"Branch{branch}\Twig{twig}\Leaf");
                hive.set_value(&key, "Path", ValueKind::String, &text).unwrap();
                hive.set_value(&key, "", ValueKind::Dword, &[1, 2, 3, 4]).unwrap();
                hive.set_value(&key, "Short", ValueKind::Binary, &[9]).unwrap();
            }
            let large = vec![branch; 500 * usize::from(branch) + 4000];
            hive.set_value(&format!(r"Branch{branch}"), "Large", ValueKind::Binary, &large)
                .unwrap();
        }
        for many in 0..2500 {
            hive.set_value(&format!(r"Many\Ключ{many}"), "Name", ValueKind::Binary, &[7; 40])
                .unwrap();
        }
        for branch in (0..60).step_by(3) {
            hive.delete_key(&format!(r"Branch{branch}\Twig5")).unwrap();
            hive.delete_value(&format!(r"Branch{branch}"), "Large").unwrap();
        }
        Hive::open(hive.finish().unwrap()).unwrap()
    }

    fn written(hive: Hive, path: &Path) -> (Compacted, Vec<u8>) {
        let done = hive.compact_into(Draft::new(path).unwrap(), false).unwrap();
        (done, std::fs::read(path).unwrap())
    }

    #[test]
    fn a_hive_is_the_same_whether_it_is_compacted_in_memory_or_into_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let mut before = hive();
        let compact = before.compact().unwrap().finish().unwrap();
        let old = before.finish().unwrap();
        assert!(compact.len() < old.len() && compact.len() > 4 * super::super::pack::PART);
        std::fs::write(&path, &old).unwrap();
        let (done, bytes) = written(Hive::open(old).unwrap(), &path);
        assert!(done.changed && done.length == compact.len() as u64);
        assert!(bytes == *compact);
        assert_eq!(check(&bytes), []);
        let (done, again) = written(Hive::open(compact.clone()).unwrap(), &path);
        assert!(
            !done.changed && again == *compact,
            "the second time nothing is written"
        );
        let mut hive = Hive::open(compact).unwrap();
        assert_eq!(hive.scrub().unwrap(), 0);
        assert!(!hive.compact().unwrap().is_changed());
    }

    #[test]
    fn one_different_byte_is_a_difference_and_an_amended_number_is_none() {
        let before: Vec<u8> = (1..=64).collect();
        let number = |place: usize| number(&before, place);
        let holds = |parts: [&[u8]; 2], amendments: &[(u32, u32)]| {
            let mut likeness = Likeness::new(&before);
            for part in parts {
                likeness.compare(part);
            }
            let amendments: Vec<_> = amendments
                .iter()
                .map(|&(place, number)| Amendment { place, number })
                .collect();
            likeness.holds(&amendments)
        };
        let (left, right) = before.split_at(32);
        assert!(holds([left, right], &[]));
        assert!(!holds([left, &right[..28]], &[]) && !holds([left, &[right, &[0; 4]].concat()], &[]));
        let mut other = right.to_vec();
        other[9] ^= 1;
        assert!(!holds([left, &other], &[]));
        let mut open = right.to_vec();
        open[8..12].fill(0);
        assert!(holds([left, &open], &[(40, number(40))]));
        assert!(!holds([left, &open], &[]) && !holds([left, &open], &[(40, 5)]));
    }
}
