//! Putting keys into subkey lists and taking them out.
//!
//! Promise: a list stays sorted and of its kind; a leaf that grows past what Windows allows becomes two under a root; after a
//! removal, a leaf that fits with a neighbour into half of what is allowed joins it, and no empty leaf and no root of one leaf is
//! left behind.

use crate::hive::cell::{Cells, NIL, lay_out};
use crate::hive::index::{COUNT, ENTRIES, Index, Leaf, LeafKind, ROOT_SIGNATURE, ROOT_WIDTH, Root};
use crate::hive::key::Key;
use crate::hive::key_node::{self as node, KeyNode};
use crate::hive::name::{Name, NewName};
use crate::hive::{Error, Hive};
use std::cmp::Ordering;

/// A list that grows gets room for a quarter more.
const GROWTH: usize = 4;

/// Where a key stands in the list of its parent, or where it would stand.
struct Spot {
    /// The list that the parent names.
    list: u32,
    /// If that is a root: which of its leaves the key belongs to.
    leaf_index: Option<usize>,
    /// The leaf that the key belongs to.
    leaf: u32,
    /// Where in the leaf.
    position: usize,
    /// The key of that name, if it is there.
    found: Option<u32>,
}

fn search_leaf(cells: Cells<'_>, leaf: Leaf<'_>, name: Name<'_>) -> Result<(usize, Option<u32>), Error> {
    let (mut low, mut high) = (0, leaf.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let (offset, _) = leaf.entry(middle).unwrap_or((NIL, 0));
        match KeyNode::read(cells, offset)?.name().compare(name) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok((middle, Some(offset))),
            Ordering::Greater => high = middle,
        }
    }
    Ok((low, None))
}

/// The last leaf whose first key is not after `name`, or the first leaf.
fn search_root(cells: Cells<'_>, root: Root<'_>, name: Name<'_>) -> Result<(usize, u32), Error> {
    let (mut low, mut high) = (0, root.len());
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        let leaf = Index::read_leaf(cells, root.leaf(middle).unwrap_or(NIL))?;
        let (first, _) = leaf.entry(0).unwrap_or((NIL, 0));
        match KeyNode::read(cells, first)?.name().compare(name) {
            Ordering::Greater => high = middle,
            Ordering::Less | Ordering::Equal => low = middle,
        }
    }
    Ok((low, root.leaf(low).unwrap_or(NIL)))
}

fn search(cells: Cells<'_>, list: u32, name: Name<'_>) -> Result<Spot, Error> {
    let (leaf_index, leaf) = match Index::read(cells, list)? {
        Index::Leaf(_) => (None, list),
        Index::Root(root) => {
            let (index, leaf) = search_root(cells, root, name)?;
            (Some(index), leaf)
        }
    };
    let (position, found) = search_leaf(cells, Index::read_leaf(cells, leaf)?, name)?;
    Ok(Spot {
        list,
        leaf_index,
        leaf,
        position,
        found,
    })
}

impl Hive {
    /// As [`Key::subkey`], for a hive that passed the full check: its lists are sorted.
    pub(super) fn subkey_in_order<'h>(
        &'h self,
        key: Key<'h>,
        name: &NewName,
    ) -> Result<Option<Key<'h>>, Error> {
        if key.subkey_count() == 0 {
            return Ok(None);
        }
        let list = key.node().number(node::SUBKEY_LIST);
        let found = search(self.cells(), list, name.name())?.found;
        found.map(|offset| Key::read(self.cells(), offset)).transpose()
    }

    /// Puts the key at `key` into the list of the one at `parent`, whose count is not touched.
    pub(super) fn insert_subkey(&mut self, parent: u32, key: u32, name: Name<'_>) -> Result<(), Error> {
        let above = KeyNode::read(self.cells(), parent)?;
        if above.number(node::SUBKEY_COUNT) == 0 {
            let kind = LeafKind::of_version(self.minor);
            let list = self.put_leaf(None, kind, &kind.entry(key, kind.tag(name)), parent)?;
            return self.write_number(parent, node::SUBKEY_LIST, list);
        }
        let spot = search(self.cells(), above.number(node::SUBKEY_LIST), name)?;
        let leaf = Index::read_leaf(self.cells(), spot.leaf)?;
        let kind = leaf.kind;
        let mut entries = leaf.bytes().to_vec();
        let place = spot.position * kind.width();
        entries.splice(place..place, kind.entry(key, kind.tag(name)));
        let count = entries.len() / kind.width();
        if count <= kind.limit() {
            let moved = self.put_leaf(Some(spot.leaf), kind, &entries, parent)?;
            return self.relink(parent, &spot, &[moved]);
        }
        let (left, right) = entries.split_at(count / 2 * kind.width());
        let left = self.put_leaf(Some(spot.leaf), kind, left, parent)?;
        let right = self.put_leaf(None, kind, right, parent)?;
        self.relink(parent, &spot, &[left, right])
    }

    /// Takes the key at `key` out of the list of the one at `parent`, whose count is not touched.
    pub(super) fn remove_subkey(&mut self, parent: u32, key: u32) -> Result<(), Error> {
        let list = KeyNode::read(self.cells(), parent)?.number(node::SUBKEY_LIST);
        let name = KeyNode::read(self.cells(), key)?.name();
        let spot = search(self.cells(), list, name)?;
        if spot.found != Some(key) {
            return Err(Error::damaged(key, "a key is not in the list of its parent"));
        }
        let leaf = Index::read_leaf(self.cells(), spot.leaf)?;
        let kind = leaf.kind;
        let mut entries = leaf.bytes().to_vec();
        let place = spot.position * kind.width();
        entries.drain(place..place + kind.width());
        if entries.is_empty() {
            self.release(spot.leaf)?;
            return self.relink(parent, &spot, &[]);
        }
        let leaf = self.put_leaf(Some(spot.leaf), kind, &entries, parent)?;
        self.join_neighbour(parent, &spot, leaf)
    }

    /// Joins `leaf`, which stands at `spot`, with the leaf before or behind it, if both together are at most half full: then
    /// neither the next insertion nor the next removal splits or joins again.
    fn join_neighbour(&mut self, parent: u32, spot: &Spot, leaf: u32) -> Result<(), Error> {
        let (Some(index), Index::Root(root)) = (spot.leaf_index, Index::read(self.cells(), spot.list)?)
        else {
            return Ok(());
        };
        let own = Index::read_leaf(self.cells(), leaf)?;
        for first in [index, index.wrapping_sub(1)] {
            let Some((left, right)) = root.leaf(first).zip(root.leaf(first.wrapping_add(1))) else {
                continue;
            };
            let (before, behind) = (
                Index::read_leaf(self.cells(), left)?,
                Index::read_leaf(self.cells(), right)?,
            );
            let is_roomy = before.len() + behind.len() <= own.kind.limit() / 2;
            if before.kind != behind.kind || !is_roomy {
                continue;
            }
            let entries = [before.bytes(), behind.bytes()].concat();
            let kind = own.kind;
            let left_spot = Spot {
                leaf_index: Some(first),
                leaf: left,
                ..*spot
            };
            let right_spot = Spot {
                leaf_index: Some(first + 1),
                leaf: right,
                ..*spot
            };
            self.release(right)?;
            self.relink(parent, &right_spot, &[])?;
            let joined = self.put_leaf(Some(left), kind, &entries, parent)?;
            // The root may be gone, or have moved.
            let list = KeyNode::read(self.cells(), parent)?.number(node::SUBKEY_LIST);
            let is_root = matches!(Index::read(self.cells(), list), Ok(Index::Root(_)));
            if is_root {
                return self.relink(parent, &Spot { list, ..left_spot }, &[joined]);
            }
            return self.write_number(parent, node::SUBKEY_LIST, joined);
        }
        Ok(())
    }

    /// Lets `leaves` stand where the leaf of `spot` stood.
    fn relink(&mut self, parent: u32, spot: &Spot, leaves: &[u32]) -> Result<(), Error> {
        let mut all: Vec<u32> = match Index::read(self.cells(), spot.list) {
            Ok(Index::Root(root)) if spot.leaf_index.is_some() => root.leaves().collect(),
            _ => Vec::new(),
        };
        let old_root = spot.leaf_index.map(|_| spot.list);
        if let (Some(index), [leaf]) = (spot.leaf_index, leaves)
            && all.get(index) == Some(leaf)
        {
            return Ok(());
        }
        match spot.leaf_index {
            Some(index) => {
                let replaced = index..(index + 1).min(all.len());
                all.splice(replaced, leaves.iter().copied());
            }
            None => all = leaves.to_vec(),
        }
        let list = match *all.as_slice() {
            [] | [_] => {
                if let Some(root) = old_root {
                    self.release(root)?;
                }
                all.first().copied().unwrap_or(NIL)
            }
            _ => {
                let entries: Vec<u8> = all.iter().flat_map(|leaf| leaf.to_le_bytes()).collect();
                self.put_list(old_root, *ROOT_SIGNATURE, all.len(), &entries, parent, ROOT_WIDTH)?
            }
        };
        if KeyNode::read(self.cells(), parent)?.number(node::SUBKEY_LIST) != list {
            self.write_number(parent, node::SUBKEY_LIST, list)?;
        }
        Ok(())
    }

    /// Writes a leaf into the cell `old` if it fits, else into a new one.
    fn put_leaf(
        &mut self,
        old: Option<u32>,
        kind: LeafKind,
        entries: &[u8],
        near: u32,
    ) -> Result<u32, Error> {
        let count = entries.len() / kind.width();
        let room = (count / GROWTH).min(kind.limit().saturating_sub(count)) * kind.width();
        self.put_list(old, *kind.signature(), count, entries, near, room)
    }

    fn put_list(
        &mut self,
        old: Option<u32>,
        signature: [u8; 2],
        count: usize,
        entries: &[u8],
        near: u32,
        room: usize,
    ) -> Result<u32, Error> {
        let count = u16::try_from(count).map_err(|_| Error::Full("65,535 lists of subkeys"))?;
        let payload = lay_out(
            ENTRIES + entries.len(),
            &[(0, &signature), (COUNT, &count.to_le_bytes()), (ENTRIES, entries)],
        )?;
        if let Some(cell) = old {
            if self.cells().payload(cell, "a subkey list")?.len() >= payload.len() {
                self.fill(cell, &payload)?;
                return Ok(cell);
            }
            self.release(cell)?;
        }
        let cell = self.allocate(payload.len() + room, near)?;
        self.fill(cell, &payload)?;
        Ok(cell)
    }
}
