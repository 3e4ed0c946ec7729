//! Key nodes (`nk`): one for each key.
//!
//! Promise: a [`KeyNode`] is whole: all of its fields and its name lie inside its cell.

use super::Error;
use super::cell::{Cells, number, short};
use super::name::Name;
use crate::bytes::u64_at;

pub(super) const SIGNATURE: &[u8; 2] = b"nk";
pub(super) const FLAGS: usize = 2;
pub(super) const LAST_WRITTEN: usize = 4;
/// Says, since Windows 10 1607, how the key covers one of the same name in a layer below.
pub(super) const LAYER: usize = 13;
pub(super) const PARENT: usize = 16;
pub(super) const SUBKEY_COUNT: usize = 20;
/// Subkeys that were never saved; means nothing in a file.
pub(super) const VOLATILE_COUNT: usize = 24;
pub(super) const SUBKEY_LIST: usize = 28;
/// The list of subkeys that were never saved; means nothing in a file.
pub(super) const VOLATILE_LIST: usize = 32;
pub(super) const VALUE_COUNT: usize = 36;
pub(super) const VALUE_LIST: usize = 40;
pub(super) const SECURITY: usize = 44;
pub(super) const CLASS: usize = 48;
/// The longest name of a subkey, 16 bits; the upper half of the word holds other flags. All lengths here are in bytes
/// of UTF-16, however the names are stored.
pub(super) const LONGEST_SUBKEY_NAME: usize = 52;
pub(super) const LONGEST_VALUE_NAME: usize = 60;
pub(super) const LONGEST_VALUE_DATA: usize = 64;
pub(super) const NAME_LENGTH: usize = 72;
pub(super) const CLASS_LENGTH: usize = 74;
pub(super) const NAME: usize = 76;

/// The key is the root of its hive.
pub(super) const FLAG_ROOT: u16 = 0x04;
/// The key must not be deleted; root keys have it.
pub(super) const FLAG_NO_DELETE: u16 = 0x08;
/// The key is a symbolic link.
pub(super) const FLAG_LINK: u16 = 0x10;
/// The name is stored as Latin-1.
pub(super) const FLAG_LATIN1: u16 = 0x20;
/// The key stands for a predefined handle; its value count is the handle.
pub(super) const FLAG_HANDLE: u16 = 0x40;

/// A key node.
#[derive(Clone, Copy)]
pub(super) struct KeyNode<'h> {
    payload: &'h [u8],
    /// The fields before the name: of known length, so that reading one needs no look at the length.
    fields: &'h [u8; NAME],
    name: Name<'h>,
}

impl<'h> KeyNode<'h> {
    /// The key node in the cell at `offset`.
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        Self::parse(cells.payload(offset, "a key")?, offset)
    }

    /// The key node that is `payload`, the content of the cell at `offset`.
    pub(super) fn parse(payload: &'h [u8], offset: u32) -> Result<Self, Error> {
        let split = payload.split_first_chunk::<NAME>();
        let Some((fields, behind)) = split.filter(|(fields, _)| fields.starts_with(SIGNATURE)) else {
            return Err(Error::damaged(offset, "there is no key where one is expected"));
        };
        let length = usize::from(short(fields, NAME_LENGTH));
        let bytes = behind
            .get(..length)
            .ok_or_else(|| Error::damaged(offset, format!("a key name of {length} bytes leaves its cell")))?;
        let name = Name::new(bytes, short(fields, FLAGS) & FLAG_LATIN1 != 0);
        if !name.is_whole() {
            return Err(Error::damaged(offset, "a key name in UTF-16 has an odd length"));
        }
        Ok(Self {
            payload,
            fields,
            name,
        })
    }

    pub(super) fn payload(self) -> &'h [u8] {
        self.payload
    }

    pub(super) fn name(self) -> Name<'h> {
        self.name
    }

    pub(super) fn flags(self) -> u16 {
        short(self.fields, FLAGS)
    }

    pub(super) fn last_written(self) -> u64 {
        u64_at(self.fields, LAST_WRITTEN).unwrap_or_default()
    }

    pub(super) fn number(self, field: usize) -> u32 {
        number(self.fields, field)
    }

    pub(super) fn is_handle(self) -> bool {
        self.flags() & FLAG_HANDLE != 0
    }

    /// How many values there are: none that could be read if the key stands for a handle.
    pub(super) fn value_count(self) -> u32 {
        if self.is_handle() {
            0
        } else {
            self.number(VALUE_COUNT)
        }
    }

    pub(super) fn class_length(self) -> usize {
        usize::from(short(self.fields, CLASS_LENGTH))
    }

    pub(super) fn longest_subkey_name(self) -> u16 {
        short(self.fields, LONGEST_SUBKEY_NAME)
    }

    /// How many bytes of the cell are in use.
    pub(super) fn used(self) -> usize {
        NAME + usize::from(short(self.fields, NAME_LENGTH))
    }

    /// What only a running Windows can edit, in words.
    pub(super) fn special(self) -> Option<&'static str> {
        if self.flags() & FLAG_LINK != 0 {
            Some("a symbolic link")
        } else if self.is_handle() {
            Some("a predefined handle")
        } else if self.fields.get(LAYER).copied().unwrap_or_default() != 0 {
            Some("part of a layered hive")
        } else {
            None
        }
    }
}
