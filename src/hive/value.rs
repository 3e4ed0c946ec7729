//! Values (`vk`): a name, a type and data.
//!
//! Promise: a [`Value`] is whole: its fields and its name lie inside its cell; its data is checked when it is asked for.

use super::cell::{Cells, number, short};
use super::name::Name;
use super::{Error, ValueKind, big_data};
use crate::bytes::{array, slice};
use crate::secret::Wiped;
use std::fmt;
use zeroize::Zeroizing;

pub(super) const SIGNATURE: &[u8; 2] = b"vk";
pub(super) const NAME_LENGTH: usize = 2;
/// The length of the data in bytes; the highest bit says that the data stands in the next field.
pub(super) const DATA_LENGTH: usize = 4;
/// The offset of the data, or the data itself.
pub(super) const DATA: usize = 8;
pub(super) const KIND: usize = 12;
pub(super) const FLAGS: usize = 16;
pub(super) const SPARE: usize = 18;
pub(super) const NAME: usize = 20;
/// The size of an entry of a value list, in bytes.
pub(super) const LIST_WIDTH: usize = 4;

/// The name is stored as Latin-1.
pub(super) const FLAG_LATIN1: u16 = 1;
/// The value hides one of the same name in a layer below.
pub(super) const FLAG_TOMBSTONE: u16 = 2;
/// In the length: the data stands in the offset's place.
pub(super) const INLINE: u32 = 0x8000_0000;
/// The most bytes that stand in the offset's place.
pub(super) const INLINE_LIMIT: usize = 4;
/// The longest data of a value that is read or written, in bytes.
pub const DATA_LIMIT: usize = 64 << 20;

/// Where the data of a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the value itself: this many bytes.
    Inline(usize),
    /// In one cell: its offset, and this many bytes.
    Cell(u32, usize),
    /// In segments: the offset of their structure, and this many bytes in all.
    Segments(u32, usize),
}

/// A value as it is stored.
#[derive(Clone, Copy)]
pub(super) struct ValueNode<'h> {
    payload: &'h [u8],
    /// The fields before the name: of known length, so that reading one needs no look at the length.
    fields: &'h [u8; NAME],
    name: Name<'h>,
}

impl<'h> ValueNode<'h> {
    /// The value in the cell at `offset`.
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        Self::parse(cells.payload(offset, "a value")?, offset)
    }

    /// The value that is `payload`, the content of the cell at `offset`.
    pub(super) fn parse(payload: &'h [u8], offset: u32) -> Result<Self, Error> {
        let split = payload.split_first_chunk::<NAME>();
        let Some((fields, behind)) = split.filter(|(fields, _)| fields.starts_with(SIGNATURE)) else {
            return Err(Error::damaged(offset, "there is no value where one is expected"));
        };
        let length = usize::from(short(fields, NAME_LENGTH));
        let bytes = behind.get(..length).ok_or_else(|| {
            Error::damaged(offset, format!("a value name of {length} bytes leaves its cell"))
        })?;
        let name = Name::new(bytes, short(fields, FLAGS) & FLAG_LATIN1 != 0);
        if !name.is_whole() {
            return Err(Error::damaged(offset, "a value name in UTF-16 has an odd length"));
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

    pub(super) fn kind(self) -> ValueKind {
        number(self.fields, KIND).into()
    }

    pub(super) fn is_tombstone(self) -> bool {
        short(self.fields, FLAGS) & FLAG_TOMBSTONE != 0
    }

    /// How many bytes of the cell are in use.
    pub(super) fn used(self) -> usize {
        NAME + usize::from(short(self.fields, NAME_LENGTH))
    }

    /// Data of `length` bytes that stands in the offset's place.
    pub(super) fn inline(self, length: usize) -> &'h [u8] {
        slice(self.fields, DATA, length.min(INLINE_LIMIT)).unwrap_or_default()
    }

    /// Where the data stands, for a hive of this minor version.
    pub(super) fn place(self, minor: u32) -> Place {
        let stored = number(self.fields, DATA_LENGTH);
        let length = (stored & !INLINE) as usize;
        let offset = number(self.fields, DATA);
        if stored & INLINE != 0 || length == 0 {
            Place::Inline(length)
        } else if big_data::is_needed(length, minor) {
            Place::Segments(offset, length)
        } else {
            Place::Cell(offset, length)
        }
    }

    /// The data; `offset` is that of this value, for the error.
    pub(super) fn data(self, cells: Cells<'h>, offset: u32) -> Result<Data<'h>, Error> {
        match self.place(cells.minor) {
            Place::Inline(length) if length > INLINE_LIMIT => Err(Error::damaged(
                offset,
                format!("a value holds {length} bytes in the place of 4"),
            )),
            Place::Inline(length) => Ok(Data::Borrowed(self.inline(length))),
            Place::Cell(_, length) | Place::Segments(_, length) if length > DATA_LIMIT => Err(
                Error::damaged(offset, format!("a value says that it holds {length} bytes")),
            ),
            Place::Cell(cell, length) => cells
                .payload(cell, "the data of a value")?
                .get(..length)
                .map(Data::Borrowed)
                .ok_or_else(|| Error::damaged(cell, format!("{length} bytes of a value leave their cell"))),
            Place::Segments(cell, length) => {
                // Some tools keep large data in one cell although the version asks for segments.
                match cells.payload(cell, "the data of a value")?.get(..length) {
                    Some(whole) => Ok(Data::Borrowed(whole)),
                    None => big_data::read(cells, cell, length).map(Data::Joined),
                }
            }
        }
    }
}

/// The data of a value. Use it as `&[u8]`.
pub enum Data<'h> {
    /// It stands in one piece in the hive.
    Borrowed(&'h [u8]),
    /// It was joined from segments, in memory that is wiped.
    Joined(Wiped),
}

impl std::ops::Deref for Data<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Data<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} bytes elided]", self.len())
    }
}

/// A value of a key.
#[derive(Clone, Copy)]
pub struct Value<'h> {
    pub(super) cells: Cells<'h>,
    pub(super) offset: u32,
    pub(super) node: ValueNode<'h>,
}

impl<'h> Value<'h> {
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        let node = ValueNode::read(cells, offset)?;
        Ok(Self { cells, offset, node })
    }

    /// The name; empty for the default value. Half a surrogate pair becomes U+FFFD.
    pub fn name(&self) -> String {
        self.node.name().text()
    }

    /// Whether [`Value::name`] is the whole truth: no half of a surrogate pair stands alone in it.
    pub fn name_is_text(&self) -> bool {
        self.node.name().is_text()
    }

    /// The type.
    pub fn kind(&self) -> ValueKind {
        self.node.kind()
    }

    /// The data.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is not all there.
    pub fn data(&self) -> Result<Data<'h>, Error> {
        self.node.data(self.cells, self.offset)
    }

    /// The text of a `REG_SZ`, `REG_EXPAND_SZ` or `REG_LINK` value up to its first zero. Wiped when dropped.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for another type or for bytes that are not UTF-16, [`Error::Damaged`].
    pub fn as_string(&self) -> Result<Zeroizing<String>, Error> {
        let expected = "a text (REG_SZ)";
        match self.kind() {
            ValueKind::String | ValueKind::ExpandString | ValueKind::Link => {}
            other => return Err(self.wrong(expected, other.to_string())),
        }
        let data = self.data()?;
        let (pairs, _) = data.as_chunks::<2>();
        decode(pairs.split(|&pair| pair == [0, 0]).next().unwrap_or_default())
            .ok_or_else(|| self.wrong(expected, "not valid UTF-16".into()))
    }

    /// The texts of a `REG_MULTI_SZ` value. Wiped when dropped.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for another type or for bytes that are not UTF-16, [`Error::Damaged`].
    pub fn as_strings(&self) -> Result<Vec<Zeroizing<String>>, Error> {
        let expected = "a list of texts (REG_MULTI_SZ)";
        if self.kind() != ValueKind::MultiString {
            return Err(self.wrong(expected, self.kind().to_string()));
        }
        let data = self.data()?;
        let (pairs, _) = data.as_chunks::<2>();
        pairs
            .split(|&pair| pair == [0, 0])
            .take_while(|text| !text.is_empty())
            .map(|text| decode(text).ok_or_else(|| self.wrong(expected, "not valid UTF-16".into())))
            .collect()
    }

    /// The number of a `REG_DWORD` or `REG_DWORD_BIG_ENDIAN` value.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for another type or other than 4 bytes, [`Error::Damaged`].
    pub fn as_u32(&self) -> Result<u32, Error> {
        let bytes = self.exactly::<4>(
            &[ValueKind::Dword, ValueKind::DwordBigEndian],
            "a number (REG_DWORD)",
        )?;
        Ok(match self.kind() {
            ValueKind::DwordBigEndian => u32::from_be_bytes(bytes),
            _ => u32::from_le_bytes(bytes),
        })
    }

    /// The number of a `REG_QWORD` value.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for another type or other than 8 bytes, [`Error::Damaged`].
    pub fn as_u64(&self) -> Result<u64, Error> {
        self.exactly::<8>(&[ValueKind::Qword], "a number (REG_QWORD)")
            .map(u64::from_le_bytes)
    }

    fn exactly<const N: usize>(&self, kinds: &[ValueKind], expected: &'static str) -> Result<[u8; N], Error> {
        if !kinds.contains(&self.kind()) {
            return Err(self.wrong(expected, self.kind().to_string()));
        }
        let data = self.data()?;
        array(&data, 0)
            .filter(|_| data.len() == N)
            .ok_or_else(|| self.wrong(expected, format!("{} bytes long", data.len())))
    }

    fn wrong(&self, expected: &'static str, found: String) -> Error {
        Error::WrongKind {
            name: self.node.name().shown(),
            expected,
            found,
        }
    }
}

fn decode(pairs: &[[u8; 2]]) -> Option<Zeroizing<String>> {
    // Three bytes of UTF-8 for one unit is the most there can be: the text never moves, so no copy is left behind.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    for character in char::decode_utf16(pairs.iter().map(|&pair| u16::from_le_bytes(pair))) {
        text.push(character.ok()?);
    }
    Some(text)
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Value")
            .field("name", &self.name())
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}
