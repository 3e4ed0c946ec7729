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
use std::ops::Range;

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

impl Spot {
    /// Which leaves of the root the key belongs to: one, if there is a root.
    fn own(&self) -> Option<Range<usize>> {
        self.leaf_index.map(|index| index..index + 1)
    }
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
            return self.relink(parent, spot.list, spot.own(), &[moved]);
        }
        let (left, right) = entries.split_at(count / 2 * kind.width());
        let left = self.put_leaf(Some(spot.leaf), kind, left, parent)?;
        let right = self.put_leaf(None, kind, right, parent)?;
        self.relink(parent, spot.list, spot.own(), &[left, right])
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
            return self.relink(parent, spot.list, spot.own(), &[]);
        }
        // What became shorter stays in its cell.
        self.put_leaf(Some(spot.leaf), kind, &entries, parent)?;
        self.join_neighbour(parent, &spot)
    }

    /// Joins the leaf of `spot` with the leaf before or behind it, if both together are at most half full: then neither the next
    /// insertion nor the next removal splits or joins again.
    fn join_neighbour(&mut self, parent: u32, spot: &Spot) -> Result<(), Error> {
        let (Some(index), Index::Root(root)) = (spot.leaf_index, Index::read(self.cells(), spot.list)?)
        else {
            return Ok(());
        };
        for first in [index, index.wrapping_sub(1)] {
            let Some((left, right)) = root.leaf(first).zip(root.leaf(first.wrapping_add(1))) else {
                continue;
            };
            let (before, behind) = (
                Index::read_leaf(self.cells(), left)?,
                Index::read_leaf(self.cells(), right)?,
            );
            let kind = before.kind;
            let is_roomy = before.len() + behind.len() <= kind.limit() / 2;
            if behind.kind != kind || !is_roomy {
                continue;
            }
            let entries = [before.bytes(), behind.bytes()].concat();
            self.release(right)?;
            let joined = self.put_leaf(Some(left), kind, &entries, parent)?;
            return self.relink(parent, spot.list, Some(first..first + 2), &[joined]);
        }
        Ok(())
    }

    /// Lets `leaves` stand where the leaves `replaced` of the root at `list` stood, or, without a root, the leaf at `list`.
    fn relink(
        &mut self,
        parent: u32,
        list: u32,
        replaced: Option<Range<usize>>,
        leaves: &[u32],
    ) -> Result<(), Error> {
        let old_root = replaced.is_some().then_some(list);
        let all: Vec<u32> = match replaced {
            None => leaves.to_vec(),
            Some(replaced) => {
                let Index::Root(root) = Index::read(self.cells(), list)? else {
                    return Err(Error::damaged(
                        list,
                        "there is a leaf where a root of subkey lists was",
                    ));
                };
                let before = root.leaves().take(replaced.start);
                let behind = root.leaves().skip(replaced.end);
                let all: Vec<u32> = before.chain(leaves.iter().copied()).chain(behind).collect();
                if root.leaves().eq(all.iter().copied()) {
                    return Ok(());
                }
                all
            }
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hive_with(count: usize) -> Hive {
        let mut hive = Hive::create(5).unwrap();
        for index in 0..count {
            hive.create_key(&name(index)).unwrap();
        }
        hive
    }

    fn name(index: usize) -> String {
        format!("K{index:04}")
    }

    fn delete(hive: &mut Hive, indexes: Range<usize>) {
        for index in indexes {
            assert!(hive.delete_key(&name(index)).unwrap());
        }
    }

    fn list(hive: &Hive) -> u32 {
        hive.root().unwrap().node().number(node::SUBKEY_LIST)
    }

    /// How many keys are in each leaf; one leaf alone stands under no root.
    fn leaves(hive: &Hive) -> Vec<usize> {
        let length = |leaf| Index::read_leaf(hive.cells(), leaf).unwrap().len();
        match Index::read(hive.cells(), list(hive)).unwrap() {
            Index::Leaf(leaf) => vec![leaf.len()],
            Index::Root(root) => {
                assert!(root.len() > 1, "a root of one leaf");
                root.leaves().map(length).collect()
            }
        }
    }

    /// The full check finds nothing at all, no cell that was left behind either.
    fn assert_whole(hive: &mut Hive) {
        hive.rehearse().unwrap();
        assert_eq!(hive.demand_whole().unwrap().0, []);
    }

    #[test]
    fn a_leaf_past_its_limit_becomes_two_halves() {
        let mut hive = hive_with(1012);
        assert_eq!(leaves(&hive), [1012]);
        hive.create_key(&name(1012)).unwrap();
        assert_eq!(leaves(&hive), [506, 507]);
        assert_whole(&mut hive);
    }

    #[test]
    fn a_leaf_that_grows_gets_room_for_a_quarter_more_up_to_its_limit() {
        let mut hive = Hive::create(5).unwrap();
        let room = |hive: &Hive| hive.cells().payload(list(hive), "a list").unwrap().len();
        let mut rooms = Vec::new();
        for index in 0..1012 {
            hive.create_key(&name(index)).unwrap();
            rooms.push(room(&hive));
        }
        assert_eq!(rooms[..8], [12, 20, 28, 44, 44, 60, 60, 84]);
        assert_eq!(rooms.last(), Some(&(ENTRIES + 8 * 1012)));
    }

    #[test]
    fn two_leaves_join_when_both_fill_half_of_one() {
        let mut hive = hive_with(1013);
        delete(&mut hive, 0..300);
        delete(&mut hive, 506..712);
        assert_eq!(leaves(&hive), [206, 301]);
        delete(&mut hive, 712..713);
        assert_eq!(leaves(&hive), [506]);
        assert_whole(&mut hive);
    }

    #[test]
    fn a_leaf_joins_the_one_before_or_behind_it_and_the_others_stay() {
        let mut hive = hive_with(2025);
        assert_eq!(leaves(&hive), [506, 506, 506, 507]);
        delete(&mut hive, 506..806);
        delete(&mut hive, 1012..1217);
        assert_eq!(leaves(&hive), [506, 206, 301, 507]);
        delete(&mut hive, 1217..1218);
        assert_eq!(leaves(&hive), [506, 506, 507]);
        assert_whole(&mut hive);
        delete(&mut hive, 806..1012);
        assert_eq!(leaves(&hive), [506, 300, 507]);
        delete(&mut hive, 0..299);
        assert_eq!(leaves(&hive), [207, 300, 507]);
        delete(&mut hive, 299..300);
        assert_eq!(leaves(&hive), [506, 507]);
        assert_whole(&mut hive);
    }

    #[test]
    fn a_leaf_without_keys_goes_and_a_root_of_one_leaf_too() {
        let mut hive = hive_with(1013);
        delete(&mut hive, 506..1012);
        assert_eq!(leaves(&hive), [506, 1]);
        delete(&mut hive, 1012..1013);
        assert_eq!(leaves(&hive), [506]);
        assert_whole(&mut hive);
        delete(&mut hive, 10..506);
        delete(&mut hive, 0..10);
        assert_eq!(list(&hive), NIL);
        assert_whole(&mut hive);
    }

    #[test]
    fn a_compacted_hive_has_full_leaves() {
        let mut compact = hive_with(1519).compact().unwrap();
        assert_eq!(leaves(&compact), [1012, 507]);
        assert_whole(&mut compact);
    }
}
