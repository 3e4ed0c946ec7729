//! Keys, as the rest of the program sees them.
//!
//! Promise: every walk ends, whatever the hive holds: lists are counted, and [`Walk`] visits no key twice.

use super::bitmap::Bitmap;
use super::cell::{Cells, NIL, number};
use super::index::{Entries, LeafKind};
use super::key_node::{self, KeyNode};
use super::name::{Name, NewName};
use super::value::{self, Value};
use super::{Error, Finding, Severity};
use std::fmt;

/// The most subkeys of one key that are read.
pub(super) const SUBKEY_LIMIT: usize = 1 << 20;
/// How deep keys may lie below one another.
pub(super) const DEPTH_LIMIT: usize = 512;

/// A key of a hive.
#[derive(Clone, Copy)]
pub struct Key<'h> {
    cells: Cells<'h>,
    offset: u32,
    node: KeyNode<'h>,
}

impl<'h> Key<'h> {
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        let node = KeyNode::read(cells, offset)?;
        Ok(Self { cells, offset, node })
    }

    pub(super) fn offset(&self) -> u32 {
        self.offset
    }

    pub(super) fn node(&self) -> KeyNode<'h> {
        self.node
    }

    /// The name, without the path. Half a surrogate pair becomes U+FFFD.
    pub fn name(&self) -> String {
        self.node.name().text()
    }

    /// Whether [`Key::name`] is the whole truth: no half of a surrogate pair stands alone in it.
    pub fn name_is_text(&self) -> bool {
        self.node.name().is_text()
    }

    /// The key itself and all keys below it, parents before children and siblings in order; ends whatever the hive holds.
    pub fn walk(&self) -> Walk<'h> {
        Walk::new(self.cells, self.offset)
    }

    /// The path from the root key of the hive, parts separated by `\`; empty for the root key.
    ///
    /// # Errors
    /// [`Error::Damaged`] if a parent is no key or the root is not reached.
    pub fn path(&self) -> Result<String, Error> {
        let mut names = Vec::new();
        let mut key = *self;
        // The root of a hive that `offreg.dll` made is not marked as one, but it has no parent.
        let has_parent = |key: Self| {
            key.node.flags() & key_node::FLAG_ROOT == 0 && key.node.number(key_node::PARENT) != NIL
        };
        while has_parent(key) {
            if names.len() >= DEPTH_LIMIT {
                return Err(Error::damaged(self.offset, "a key lies too deep"));
            }
            names.push(key.name());
            key = Self::read(self.cells, key.node.number(key_node::PARENT))?;
        }
        names.reverse();
        Ok(names.join("\\"))
    }

    /// When the key or a value of it was last written, as FILETIME: 100-nanosecond steps since 1601, UTC.
    pub fn last_written(&self) -> u64 {
        self.node.last_written()
    }

    /// The class name, if the key has one.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is not all there.
    pub fn class_name(&self) -> Result<Option<String>, Error> {
        let bytes = self.class_bytes()?;
        Ok(bytes.map(|bytes| Name::new(bytes, false).text()))
    }

    pub(super) fn class_bytes(&self) -> Result<Option<&'h [u8]>, Error> {
        let length = self.node.class_length();
        let offset = self.node.number(key_node::CLASS);
        if length == 0 || offset == NIL {
            return Ok(None);
        }
        let bytes = self
            .cells
            .payload(offset, "a class name")?
            .get(..length)
            .ok_or_else(|| Error::damaged(offset, "a class name leaves its cell"))?;
        Ok(Some(bytes))
    }

    /// Whether the key is a symbolic link, a predefined handle or a part of a layered hive, in words; such keys are not
    /// edited.
    pub fn special(&self) -> Option<&'static str> {
        self.node.special()
    }

    /// How many subkeys the key says it has.
    pub fn subkey_count(&self) -> u32 {
        self.node.number(key_node::SUBKEY_COUNT)
    }

    /// How many values the key says it has.
    pub fn value_count(&self) -> u32 {
        self.node.value_count()
    }

    /// The subkeys in the order of the hive, which is that of their names.
    pub fn subkeys(&self) -> Subkeys<'h> {
        let (entries, error) = match self.entries() {
            Ok(entries) => (entries, None),
            Err(error) => (Entries::none(self.cells), Some(error)),
        };
        Subkeys {
            cells: self.cells,
            entries,
            error,
            left: SUBKEY_LIMIT,
        }
    }

    pub(super) fn entries(&self) -> Result<Entries<'h>, Error> {
        let list = self.node.number(key_node::SUBKEY_LIST);
        if self.subkey_count() == 0 || list == NIL {
            return Ok(Entries::none(self.cells));
        }
        Entries::read(self.cells, list)
    }

    /// The subkey of this name, in any case.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the subkeys cannot be read.
    pub fn subkey(&self, name: &str) -> Result<Option<Key<'h>>, Error> {
        let wanted = NewName::new(name);
        let hash = wanted.name().hash();
        for entry in self.entries()?.take(SUBKEY_LIMIT) {
            let (kind, offset, tag) = entry?;
            if kind == LeafKind::Hash && tag != hash {
                continue;
            }
            let key = Self::read(self.cells, offset)?;
            if key.node.name().is_same(wanted.name()) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The values in the order of the hive, which is that of their making.
    pub fn values(&self) -> Values<'h> {
        match self.value_list() {
            Ok(list) => Values {
                cells: self.cells,
                list,
                error: None,
            },
            Err(error) => Values {
                cells: self.cells,
                list: &[],
                error: Some(error),
            },
        }
    }

    /// The bytes of the value list.
    pub(super) fn value_list(&self) -> Result<&'h [u8], Error> {
        let count = self.value_count() as usize;
        if count == 0 {
            return Ok(&[]);
        }
        let offset = self.node.number(key_node::VALUE_LIST);
        count
            .checked_mul(value::LIST_WIDTH)
            .and_then(|length| {
                let list = self.cells.payload(offset, "a value list");
                list.map(|list| list.get(..length)).transpose()
            })
            .unwrap_or_else(|| {
                Err(Error::damaged(
                    offset,
                    format!("a list of {count} values leaves its cell"),
                ))
            })
    }

    /// The value of this name, in any case; `""` is the default value.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the values cannot be read.
    pub fn value(&self, name: &str) -> Result<Option<Value<'h>>, Error> {
        self.value_named(NewName::new(name).name())
    }

    /// As [`Key::value`], for a name as hives have it.
    pub(super) fn value_named(&self, name: Name<'_>) -> Result<Option<Value<'h>>, Error> {
        for value in self.values() {
            let value = value?;
            if value.node.name().is_same(name) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// The subkeys of a key; ends after an error.
pub struct Subkeys<'h> {
    cells: Cells<'h>,
    entries: Entries<'h>,
    error: Option<Error>,
    left: usize,
}

impl<'h> Iterator for Subkeys<'h> {
    type Item = Result<Key<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        self.left = self.left.checked_sub(1)?;
        Some(match self.entries.next()? {
            Ok((_, offset, _)) => Key::read(self.cells, offset),
            Err(error) => Err(error),
        })
    }
}

/// The values of a key; ends after an error.
pub struct Values<'h> {
    cells: Cells<'h>,
    list: &'h [u8],
    error: Option<Error>,
}

impl<'h> Iterator for Values<'h> {
    type Item = Result<Value<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let (entry, rest) = self.list.split_at_checked(value::LIST_WIDTH)?;
        self.list = rest;
        Some(Value::read(self.cells, number(entry, 0)))
    }
}

/// A key and all keys below it, parents before children, no key twice.
pub struct Walk<'h> {
    cells: Cells<'h>,
    visited: Bitmap,
    /// Keys, and how deep each lies below the first.
    waiting: Vec<(usize, Result<u32, Error>)>,
    /// How deep the latest key lies.
    depth: usize,
}

impl<'h> Walk<'h> {
    pub(super) fn new(cells: Cells<'h>, start: u32) -> Self {
        Self {
            cells,
            visited: Bitmap::new(cells.bins().len()),
            waiting: vec![(0, Ok(start))],
            depth: 0,
        }
    }
}

impl Walk<'_> {
    /// How many levels the key that came last lies below the one at which the walk began.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

impl<'h> Iterator for Walk<'h> {
    type Item = Result<Key<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (depth, next) = self.waiting.pop()?;
        self.depth = depth;
        let below = depth + 1;
        let key = match next.and_then(|offset| Key::read(self.cells, offset)) {
            Ok(key) => key,
            Err(error) => return Some(Err(error)),
        };
        let first = self.waiting.len();
        let entries = match key.entries() {
            Ok(entries) => entries,
            Err(error) => {
                self.waiting.push((below, Err(error)));
                return Some(Ok(key));
            }
        };
        for entry in entries.take(SUBKEY_LIMIT) {
            match entry {
                Ok((_, offset, _)) if self.visited.set(offset) => self.waiting.push((below, Ok(offset))),
                Ok((_, offset, _)) => {
                    let finding = Finding::at_file(
                        super::cell::file_position(offset),
                        Severity::Refuse,
                        "a key is in more than one list",
                    );
                    self.waiting.push((below, Err(Error::Damaged(finding))));
                    break;
                }
                Err(error) => self.waiting.push((below, Err(error))),
            }
        }
        if let Some(children) = self.waiting.get_mut(first..) {
            children.reverse();
        }
        Some(Ok(key))
    }
}
