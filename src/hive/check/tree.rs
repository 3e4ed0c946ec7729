//! The check of keys, their lists and their values.

use super::{Checker, Waiting};
use crate::hive::ahead::{self, AHEAD, FEW};
use crate::hive::cell::{NIL, number};
use crate::hive::index::{Index, Leaf, LeafKind};
use crate::hive::key::DEPTH_LIMIT;
use crate::hive::key_node::{self as node, KeyNode};
use crate::hive::name::{KEY_LIMIT, Name, VALUE_LIMIT};
use crate::hive::value::{INLINE_LIMIT, LIST_WIDTH, Place, ValueNode};
use crate::hive::{big_data, security};
use crate::threads::lock;
use std::cmp::Ordering;

/// The size of one UTF-16 unit, in bytes.
const UNIT: usize = 2;

/// What is gathered while the subkeys of one key are listed.
struct Listing<'h> {
    parent: u32,
    depth: u32,
    count: u32,
    longest: usize,
    previous: Option<Name<'h>>,
    /// Whether the keys were read ahead.
    is_ahead: bool,
}

impl<'h> Checker<'_, 'h> {
    /// Visits the root key; its subkeys wait.
    pub(super) fn check_root(&mut self, root: u32) {
        let Some(payload) = self.claim(root, node::NAME, "the root key", root) else {
            return;
        };
        match KeyNode::parse(payload, root) {
            Ok(key) => {
                if key.flags() & node::FLAG_ROOT == 0 {
                    // Such are the hives that `offreg.dll` makes, and Windows loads them.
                    self.warn(root, "the root key is not marked as one");
                }
                self.check_key(root, key, 0);
            }
            Err(error) => self.findings.push_error(error),
        }
    }

    /// Visits the subkeys of one key that waits, or of several that have few; `false` if none waits.
    pub(super) fn check_next(&mut self) -> bool {
        let mut turn = std::mem::take(&mut self.turn);
        let mut subkeys = 0usize;
        while let Some(next) = self
            .waiting
            .pop_if(|next| subkeys == 0 || subkeys + next.count as usize <= AHEAD)
        {
            subkeys = subkeys.saturating_add(next.count as usize);
            turn.push(next);
        }
        if subkeys <= AHEAD {
            self.touch_subkeys(&turn);
        }
        let first = self.waiting.len();
        for &key in &turn {
            self.check_subkeys(key);
        }
        // Keys lie in the file about as they are listed: memory is read forward.
        self.waiting.get_mut(first..).unwrap_or_default().reverse();
        let some_waited = !turn.is_empty();
        turn.clear();
        self.turn = turn;
        some_waited
    }

    /// Everything about a key but its subkeys, which wait.
    fn check_key(&mut self, offset: u32, key: KeyNode<'h>, depth: u32) {
        self.has_special_keys |= key.special().is_some();
        let class = key.number(node::CLASS);
        match (key.class_length(), class) {
            (0, NIL) => {}
            (0, _) => self.left_behind.push(class),
            (length, _) => self.claim_unread(class, length, "a class name", offset),
        }
        let descriptor = key.number(node::SECURITY);
        if descriptor == self.latest_user.0 && descriptor != NIL {
            self.latest_user.1 += 1;
        } else {
            self.check_use_of_descriptor(offset, descriptor);
        }
        self.check_values(offset, key);
        let (count, list) = (key.number(node::SUBKEY_COUNT), key.number(node::SUBKEY_LIST));
        if count > 0 {
            self.waiting.push(Waiting {
                key: offset,
                depth,
                list,
                count,
                longest_name: key.longest_subkey_name(),
            });
        } else if list != NIL {
            self.warn(offset, "a key without subkeys names a list of them");
            self.left_behind.push(list);
        }
    }

    /// Adds the keys in a row that use one descriptor to its users.
    pub(super) fn count_latest_user(&mut self) {
        let (descriptor, keys) = std::mem::take(&mut self.latest_user);
        if let Some(users) = self.users.get_mut(&descriptor) {
            *users += keys;
        }
    }

    fn check_use_of_descriptor(&mut self, offset: u32, descriptor: u32) {
        self.count_latest_user();
        self.latest_user = (NIL, 0);
        if self.users.contains_key(&descriptor) {
            self.latest_user = (descriptor, 1);
        } else if descriptor == NIL {
            self.warn(offset, "a key has no security descriptor");
        } else {
            let ground = self.ground;
            let mut known = lock(&ground.descriptors);
            if known.contains(&descriptor) || self.is_descriptor(offset, descriptor) {
                known.insert(descriptor);
                self.users.insert(descriptor, 0);
                self.latest_user = (descriptor, 1);
            }
        }
    }

    /// Whether the key at `offset` is the first that refers to the security descriptor at `descriptor`, and there is one.
    fn is_descriptor(&mut self, offset: u32, descriptor: u32) -> bool {
        let what = "a security descriptor";
        let is_whole = self
            .claim(descriptor, security::DESCRIPTOR, what, offset)
            .is_some();
        let read = is_whole.then(|| security::Security::read(self.cells, descriptor));
        match read {
            Some(Err(error)) => {
                self.findings.push_error(error);
                false
            }
            Some(Ok(_)) => true,
            None => false,
        }
    }

    fn check_subkeys(&mut self, key: Waiting) {
        let mut listing = Listing {
            parent: key.key,
            depth: key.depth + 1,
            count: 0,
            longest: 0,
            previous: None,
            is_ahead: key.count as usize <= AHEAD,
        };
        self.check_index(key.list, &mut listing);
        if listing.count != key.count {
            let (declared, found) = (key.count, listing.count);
            let name = self.shown_name(key.key);
            self.refuse(
                key.key,
                format!("the key `{name}` says that it has {declared} subkeys, its list holds {found}"),
            );
        }
        let longest = listing.longest * UNIT;
        if usize::from(key.longest_name) < longest {
            let (declared, name) = (key.longest_name, self.shown_name(key.key));
            self.refuse(
                key.key,
                format!(
                    "the key `{name}` says that names of its subkeys have at most {declared} bytes, one has {longest}"
                ),
            );
        }
    }

    /// The name of the key at `offset` for a sentence.
    fn shown_name(&self, offset: u32) -> String {
        KeyNode::read(self.cells, offset).map_or_else(|_| String::new(), |key| key.name().shown())
    }

    fn check_index(&mut self, list: u32, listing: &mut Listing<'h>) {
        let Some(payload) = self.claim(list, 0, "a subkey list", listing.parent) else {
            return;
        };
        match Index::parse(payload, list) {
            Ok(Index::Leaf(leaf)) => self.check_leaf(list, leaf, listing),
            Ok(Index::Root(root)) => {
                if root.len() == 0 {
                    self.refuse(list, "a root of subkey lists is empty");
                }
                for leaf in root.leaves() {
                    let Some(payload) = self.claim(leaf, 0, "a subkey list", list) else {
                        continue;
                    };
                    match Index::parse(payload, leaf) {
                        Ok(Index::Leaf(entries)) => self.check_leaf(leaf, entries, listing),
                        Ok(Index::Root(_)) => {
                            self.refuse(leaf, "a root of subkey lists stands under another");
                        }
                        Err(error) => self.findings.push_error(error),
                    }
                }
            }
            Err(error) => self.findings.push_error(error),
        }
    }

    fn check_leaf(&mut self, list: u32, leaf: Leaf<'h>, listing: &mut Listing<'h>) {
        if leaf.len() == 0 {
            self.refuse(list, "a subkey list is empty");
        }
        for part in leaf.parts(AHEAD) {
            if !listing.is_ahead {
                ahead::touch_keys(self.cells, || part.entries().map(|(offset, _)| offset));
            }
            for (offset, tag) in part.entries() {
                listing.count = listing.count.saturating_add(1);
                let Some(payload) = self.claim(offset, node::NAME, "a subkey", list) else {
                    continue;
                };
                match KeyNode::parse(payload, offset) {
                    Ok(key) => self.check_entry(offset, key, (leaf.kind, tag), listing),
                    Err(error) => self.findings.push_error(error),
                }
            }
        }
    }

    fn check_entry(
        &mut self,
        offset: u32,
        key: KeyNode<'h>,
        (kind, tag): (LeafKind, u32),
        listing: &mut Listing<'h>,
    ) {
        let name = key.name();
        let length = name.length();
        if length == 0 || length > KEY_LIMIT {
            self.refuse(
                offset,
                format!("a key has a name of {length} characters; 1 to {KEY_LIMIT} are possible"),
            );
        }
        if name.has_separator() {
            self.refuse(
                offset,
                format!(
                    "the name of the key `{}` has a backslash, which separates names",
                    name.shown()
                ),
            );
        }
        if key.flags() & node::FLAG_ROOT != 0 {
            self.warn(
                offset,
                format!("the key `{}` is marked as a root key", name.shown()),
            );
        }
        if key.number(node::PARENT) != listing.parent {
            self.refuse(
                offset,
                format!("the key `{}` does not name its parent", name.shown()),
            );
        }
        if let Some(previous) = listing.previous
            && previous.compare(name) != Ordering::Less
        {
            self.refuse(
                offset,
                format!(
                    "the key `{}` stands behind `{}` in the list",
                    name.shown(),
                    previous.shown()
                ),
            );
        }
        if kind.tag(name) != tag {
            match kind {
                LeafKind::Hash => {
                    self.refuse(
                        offset,
                        format!("the hash of the key `{}` is wrong in the list", name.shown()),
                    );
                }
                LeafKind::Hint | LeafKind::Bare if kind == LeafKind::Hint => {
                    self.warn(
                        offset,
                        format!("the beginning of the key `{}` is wrong in the list", name.shown()),
                    );
                }
                _ => {}
            }
        }
        listing.longest = listing.longest.max(length);
        listing.previous = Some(name);
        if listing.depth as usize >= DEPTH_LIMIT {
            self.refuse(
                offset,
                format!("the key `{}` lies deeper than {DEPTH_LIMIT} levels", name.shown()),
            );
        } else {
            self.check_key(offset, key, listing.depth);
        }
    }

    /// As [`ahead::touch_keys`], for the subkeys of these keys; they have few.
    fn touch_subkeys(&mut self, keys: &[Waiting]) {
        let cells = self.cells;
        self.ahead.clear();
        for key in keys {
            let list = cells.payload_met(key.list);
            // What is wrong with it comes to light when it is checked.
            if let Some(Ok(Index::Leaf(leaf))) = list.map(|list| Index::parse(list, key.list)) {
                self.ahead
                    .extend(leaf.entries().take(AHEAD).map(|(offset, _)| offset));
            }
        }
        ahead::touch_keys(cells, || self.ahead.iter().copied());
    }

    fn check_values(&mut self, offset: u32, key: KeyNode<'h>) {
        let count = key.value_count();
        let list = key.number(node::VALUE_LIST);
        if count == 0 {
            if list != NIL && !key.is_handle() {
                self.warn(offset, "a key without values names a list of them");
                self.left_behind.push(list);
            }
            return;
        }
        let Some(length) = (count as usize).checked_mul(LIST_WIDTH) else {
            return self.refuse(offset, format!("a key cannot have {count} values"));
        };
        let Some(payload) = self.claim(list, length, "a value list", offset) else {
            return;
        };
        let (mut longest_name, mut longest_data) = (0, 0);
        self.names.clear();
        let entries = payload.get(..length).unwrap_or_default();
        if count as usize > FEW {
            let values = entries.chunks_exact(LIST_WIDTH).map(|entry| number(entry, 0));
            self.cells.touch(values, 0);
        }
        for entry in entries.chunks_exact(LIST_WIDTH) {
            let value = number(entry, 0);
            let Some(payload) = self.claim(value, 0, "a value", list) else {
                continue;
            };
            match ValueNode::parse(payload, value) {
                Ok(found) => {
                    let name = found.name();
                    if name.length() > VALUE_LIMIT {
                        self.refuse(
                            value,
                            format!("a value has a name of {} characters", name.length()),
                        );
                    }
                    longest_name = longest_name.max(name.length() * UNIT);
                    longest_data = longest_data.max(self.check_data(value, found));
                    if count > 1 {
                        self.names.push((name.sketch(), name));
                    }
                }
                Err(error) => self.findings.push_error(error),
            }
        }
        self.check_names(offset);
        for (field, longest, what) in [
            (node::LONGEST_VALUE_NAME, longest_name, "names"),
            (node::LONGEST_VALUE_DATA, longest_data, "data"),
        ] {
            if (key.number(field) as usize) < longest {
                self.refuse(
                    offset,
                    format!(
                        "the key `{}` says that {what} of its values have at most {} bytes, one has {longest}",
                        key.name().shown(),
                        key.number(field)
                    ),
                );
            }
        }
    }

    /// No two values of a key have the same name.
    fn check_names(&mut self, offset: u32) {
        let mut names = std::mem::take(&mut self.names);
        names.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| left.1.compare(right.1)));
        for pair in names.windows(2) {
            if let [(left_sketch, left), (right_sketch, right)] = pair
                && left_sketch == right_sketch
                && left.compare(*right) == Ordering::Equal
            {
                self.refuse(
                    offset,
                    format!("a key has two values with the name `{}`", left.shown()),
                );
            }
        }
        self.names = names;
    }

    /// Claims the data of a value and gives its length.
    fn check_data(&mut self, offset: u32, value: ValueNode<'h>) -> usize {
        match value.place(self.cells.minor) {
            Place::Inline(length) => {
                if length > INLINE_LIMIT {
                    self.refuse(
                        offset,
                        format!("a value holds {length} bytes in the place of {INLINE_LIMIT}"),
                    );
                }
                length
            }
            Place::Cell(cell, length) => {
                self.claim_unread(cell, length, "the data of a value", offset);
                length
            }
            Place::Segments(cell, length) => {
                if self
                    .claim(cell, big_data::SIZE, "the data of a large value", offset)
                    .is_some()
                {
                    self.check_segments(cell, length);
                }
                length
            }
        }
    }

    fn check_segments(&mut self, cell: u32, length: usize) {
        let (list, segments) = match big_data::segments(self.cells, cell) {
            Ok(found) => found,
            Err(error) => return self.findings.push_error(error),
        };
        if self.claim(list, 0, "a list of segments", cell).is_none() {
            return;
        }
        let mut left = length;
        let mut count = 0;
        for segment in segments {
            let here = left.min(big_data::SEGMENT);
            self.claim_unread(segment, here, "a segment of a value", list);
            left -= here;
            count += 1;
        }
        let expected = length.div_ceil(big_data::SEGMENT);
        if count != expected {
            self.refuse(
                cell,
                format!("a value of {length} bytes has {count} segments, not {expected}"),
            );
        }
    }
}
