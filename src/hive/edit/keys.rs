//! Making and removing keys.

use super::{Reach, special};
use crate::hive::cell::{NIL, lay_out};
use crate::hive::index::Index;
use crate::hive::key::{Key, Walk};
use crate::hive::key_node::{self as node, KeyNode};
use crate::hive::name::NewName;
use crate::hive::{Error, Hive};

/// The size of one UTF-16 unit, in bytes.
const UNIT: usize = 2;

impl Hive {
    /// Makes the keys that are missing and gives the last one.
    pub(super) fn make_keys(&mut self, reach: &Reach<'_>) -> Result<u32, Error> {
        reach.missing.iter().try_fold(reach.key, |parent, name| {
            self.make_key(parent, &NewName::new(name))
        })
    }

    fn make_key(&mut self, parent: u32, name: &NewName) -> Result<u32, Error> {
        let above = KeyNode::read(self.cells(), parent)?;
        let security = above.number(node::SECURITY);
        let payload = new_node(above, parent, name)?;
        let key = self.allocate_with(&payload, parent)?;
        if security != NIL {
            self.share_security(security)?;
        }
        self.insert_subkey(parent, key, name.name())?;
        let above = KeyNode::read(self.cells(), parent)?;
        let count = above.number(node::SUBKEY_COUNT);
        let length = u16::try_from(name.name().length() * UNIT).unwrap_or(u16::MAX);
        let longest = above.longest_subkey_name().max(length);
        self.write(parent, node::LONGEST_SUBKEY_NAME, &longest.to_le_bytes())?;
        self.write_number(parent, node::SUBKEY_COUNT, count.saturating_add(1))?;
        Ok(key)
    }

    /// The key at `start` and all keys below it, if each can be removed.
    pub(super) fn subtree(&self, start: u32) -> Result<Vec<u32>, Error> {
        let mut keys = Vec::new();
        for key in Walk::new(self.cells(), start) {
            let key = key?;
            if let Some(sort) = key.special() {
                return Err(special(&key.path()?, sort));
            }
            if key.node().flags() & node::FLAG_NO_DELETE != 0 {
                return Err(special(
                    &key.path()?,
                    "a key that Windows protects from being deleted",
                ));
            }
            keys.push(key.offset());
        }
        Ok(keys)
    }

    /// Takes the key at `start` out of its parent's list and frees the keys `doomed`, which are all those below it.
    pub(super) fn remove_keys(&mut self, start: u32, doomed: &[u32]) -> Result<(), Error> {
        let parent = KeyNode::read(self.cells(), start)?.number(node::PARENT);
        self.remove_subkey(parent, start)?;
        let count = KeyNode::read(self.cells(), parent)?.number(node::SUBKEY_COUNT);
        self.write_number(parent, node::SUBKEY_COUNT, count.saturating_sub(1))?;
        doomed.iter().try_for_each(|&key| self.free_key(key))
    }

    fn free_key(&mut self, offset: u32) -> Result<(), Error> {
        let key = Key::read(self.cells(), offset)?;
        let node = key.node();
        let security = node.number(node::SECURITY);
        let class = (node.class_length() > 0).then(|| node.number(node::CLASS));
        let subkeys = (key.subkey_count() > 0).then(|| node.number(node::SUBKEY_LIST));
        let value_list = (key.value_count() > 0).then(|| node.number(node::VALUE_LIST));
        let values: Vec<u32> = key
            .values()
            .map(|value| Ok(value?.offset))
            .collect::<Result<_, Error>>()?;
        for value in values {
            self.free_value(value)?;
        }
        if let Some(list) = subkeys {
            let leaves: Vec<u32> = match Index::read(self.cells(), list)? {
                Index::Root(root) => root.leaves().collect(),
                Index::Leaf(_) => Vec::new(),
            };
            leaves.into_iter().try_for_each(|leaf| self.release(leaf))?;
        }
        for cell in [class, subkeys, value_list].into_iter().flatten() {
            self.release(cell)?;
        }
        if security != NIL {
            self.release_security(security)?;
        }
        self.release(offset)
    }
}

/// The payload of a new key without values and subkeys.
fn new_node(above: KeyNode<'_>, parent: u32, name: &NewName) -> Result<Vec<u8>, Error> {
    let flags = if name.is_latin1() { node::FLAG_LATIN1 } else { 0 };
    let length = u16::try_from(name.bytes().len()).map_err(|_| Error::Full("the size of a key"))?;
    let nil = NIL.to_le_bytes();
    lay_out(
        node::NAME + name.bytes().len(),
        &[
            (0, node::SIGNATURE),
            (node::FLAGS, &flags.to_le_bytes()),
            (node::LAST_WRITTEN, &above.last_written().to_le_bytes()),
            (node::PARENT, &parent.to_le_bytes()),
            (node::SUBKEY_LIST, &nil),
            (node::VOLATILE_LIST, &nil),
            (node::VALUE_LIST, &nil),
            (node::SECURITY, &above.number(node::SECURITY).to_le_bytes()),
            (node::CLASS, &nil),
            (node::NAME_LENGTH, &length.to_le_bytes()),
            (node::NAME, name.bytes()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_key_takes_its_class_along() {
        let mut hive = Hive::create(5).unwrap();
        hive.create_key("K").unwrap();
        let key = hive.find("K").unwrap().unwrap().offset();
        let class = hive.allocate_with(&[0x41, 0, 0x42, 0], key).unwrap();
        hive.write_number(key, node::CLASS, class).unwrap();
        hive.write(key, node::CLASS_LENGTH, &[4, 0]).unwrap();
        let name = hive.find("K").unwrap().unwrap().class_name().unwrap();
        assert_eq!(name.as_deref(), Some("AB"));
        assert!(hive.delete_key("K").unwrap());
        hive.rehearse().unwrap();
        assert_eq!(hive.demand_whole().unwrap().0, []);
        assert!(hive.cells().payload(class, "a class").is_err());
    }

    #[test]
    fn a_key_that_windows_protects_stays_and_so_do_the_keys_above_it() {
        let mut hive = Hive::create(5).unwrap();
        hive.create_key(r"Above\Protected").unwrap();
        let key = hive.find(r"Above\Protected").unwrap().unwrap();
        let (key, flags) = (key.offset(), key.node().flags() | node::FLAG_NO_DELETE);
        hive.write(key, node::FLAGS, &flags.to_le_bytes()).unwrap();
        for path in ["Above", r"Above\Protected"] {
            assert!(matches!(hive.delete_key(path), Err(Error::SpecialKey { .. })));
            assert!(hive.find(r"Above\Protected").unwrap().is_some());
        }
    }
}
