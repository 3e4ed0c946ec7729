//! Subkey lists: leaves (`li`, `lf`, `lh`) and roots over leaves (`ri`).
//!
//! Promise: an [`Index`] is whole: all the entries that it counts lie inside its cell.

use super::Error;
use super::cell::{Cells, number, short};
use super::name::Name;
use crate::bytes::slice;

/// Where the entries begin; the count stands before them.
pub(super) const ENTRIES: usize = 4;
/// Where the number of entries stands.
pub(super) const COUNT: usize = 2;
/// What a root begins with.
pub(super) const ROOT_SIGNATURE: &[u8; 2] = b"ri";
/// The size of an entry of a root, in bytes.
pub(super) const ROOT_WIDTH: usize = 4;
/// The first minor version whose lists hold hashes.
const HASHES_SINCE: u32 = 5;

/// What stands beside the offset of a key in a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    /// `li`: nothing.
    Bare,
    /// `lf`: the beginning of its name.
    Hint,
    /// `lh`: the hash of its name.
    Hash,
}

impl LeafKind {
    /// The kind that Windows makes in a hive of this minor version.
    pub(super) fn of_version(minor: u32) -> Self {
        if minor >= HASHES_SINCE {
            Self::Hash
        } else {
            Self::Hint
        }
    }

    pub(super) fn signature(self) -> &'static [u8; 2] {
        match self {
            Self::Bare => b"li",
            Self::Hint => b"lf",
            Self::Hash => b"lh",
        }
    }

    /// The size of an entry, in bytes.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Bare => 4,
            Self::Hint | Self::Hash => 8,
        }
    }

    /// The most entries that Windows lets a leaf have before it splits it (measured on real hives).
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Hint => 506,
            Self::Bare | Self::Hash => 1012,
        }
    }

    /// What stands beside a key of this name.
    pub(super) fn tag(self, name: Name<'_>) -> u32 {
        match self {
            Self::Bare => 0,
            Self::Hint => name.hint(),
            Self::Hash => name.hash(),
        }
    }

    /// The bytes of an entry.
    pub(super) fn entry(self, offset: u32, tag: u32) -> Vec<u8> {
        let mut entry = Vec::with_capacity(self.width());
        self.push_entry(&mut entry, offset, tag);
        entry
    }

    /// Adds the bytes of an entry to `entries`.
    pub(super) fn push_entry(self, entries: &mut Vec<u8>, offset: u32, tag: u32) {
        entries.extend_from_slice(&offset.to_le_bytes());
        if self != Self::Bare {
            entries.extend_from_slice(&tag.to_le_bytes());
        }
    }
}

/// A list of keys.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'h> {
    pub(super) kind: LeafKind,
    entries: &'h [u8],
}

impl<'h> Leaf<'h> {
    pub(super) fn len(self) -> usize {
        self.entries.len() / self.kind.width()
    }

    /// The offset of the key at `index`, and what stands beside it.
    pub(super) fn entry(self, index: usize) -> Option<(u32, u32)> {
        let entry = slice(
            self.entries,
            index.checked_mul(self.kind.width())?,
            self.kind.width(),
        )?;
        Some((number(entry, 0), number(entry, 4)))
    }

    pub(super) fn entries(self) -> impl Iterator<Item = (u32, u32)> + use<'h> {
        self.entries
            .chunks_exact(self.kind.width())
            .map(|entry| (number(entry, 0), number(entry, 4)))
    }

    /// The leaf in parts of at most `count` entries.
    pub(super) fn parts(self, count: usize) -> impl Iterator<Item = Self> {
        let parts = self.entries.chunks(count * self.kind.width());
        parts.map(move |entries| Self { entries, ..self })
    }

    /// The bytes of all entries.
    pub(super) fn bytes(self) -> &'h [u8] {
        self.entries
    }
}

/// A list of leaves.
#[derive(Clone, Copy)]
pub(super) struct Root<'h> {
    entries: &'h [u8],
}

impl<'h> Root<'h> {
    pub(super) fn len(self) -> usize {
        self.entries.len() / ROOT_WIDTH
    }

    /// The offset of the leaf at `index`.
    pub(super) fn leaf(self, index: usize) -> Option<u32> {
        slice(self.entries, index.checked_mul(ROOT_WIDTH)?, ROOT_WIDTH).map(|entry| number(entry, 0))
    }

    pub(super) fn leaves(self) -> impl Iterator<Item = u32> + use<'h> {
        self.entries
            .chunks_exact(ROOT_WIDTH)
            .map(|entry| number(entry, 0))
    }
}

/// A subkey list of either shape.
#[derive(Clone, Copy)]
pub(super) enum Index<'h> {
    Leaf(Leaf<'h>),
    Root(Root<'h>),
}

impl<'h> Index<'h> {
    /// The list in the cell at `offset`.
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        Self::parse(cells.payload(offset, "a subkey list")?, offset)
    }

    /// The list that is `payload`, the content of the cell at `offset`.
    pub(super) fn parse(payload: &'h [u8], offset: u32) -> Result<Self, Error> {
        let kind = match payload.get(..COUNT) {
            Some(b"li") => Some(LeafKind::Bare),
            Some(b"lf") => Some(LeafKind::Hint),
            Some(b"lh") => Some(LeafKind::Hash),
            Some(b"ri") => None,
            _ => {
                return Err(Error::damaged(
                    offset,
                    "there is no subkey list where one is expected",
                ));
            }
        };
        let count = usize::from(short(payload, COUNT));
        let width = kind.map_or(ROOT_WIDTH, LeafKind::width);
        let entries = slice(payload, ENTRIES, count * width).ok_or_else(|| {
            Error::damaged(
                offset,
                format!("a subkey list of {count} entries leaves its cell"),
            )
        })?;
        Ok(match kind {
            Some(kind) => Self::Leaf(Leaf { kind, entries }),
            None => Self::Root(Root { entries }),
        })
    }

    /// The leaf in the cell at `offset`; a root there is a fault, for roots do not nest.
    pub(super) fn read_leaf(cells: Cells<'h>, offset: u32) -> Result<Leaf<'h>, Error> {
        match Self::read(cells, offset)? {
            Self::Leaf(leaf) => Ok(leaf),
            Self::Root(_) => Err(Error::damaged(
                offset,
                "a root of subkey lists stands under another",
            )),
        }
    }

    /// How many bytes of the cell are in use.
    pub(super) fn used(self) -> usize {
        ENTRIES
            + match self {
                Self::Leaf(leaf) => leaf.entries.len(),
                Self::Root(root) => root.entries.len(),
            }
    }
}

/// The offsets of the keys in a subkey list, with what stands beside each; ends after an error.
#[derive(Clone)]
pub(super) struct Entries<'h> {
    cells: Cells<'h>,
    root: Option<Root<'h>>,
    next_leaf: usize,
    leaf: Option<Leaf<'h>>,
    next_entry: usize,
}

impl<'h> Entries<'h> {
    /// No entries.
    pub(super) fn none(cells: Cells<'h>) -> Self {
        Self {
            cells,
            root: None,
            next_leaf: 0,
            leaf: None,
            next_entry: 0,
        }
    }

    /// The entries of the list in the cell at `offset`.
    pub(super) fn read(cells: Cells<'h>, offset: u32) -> Result<Self, Error> {
        let none = Self::none(cells);
        Ok(match Index::read(cells, offset)? {
            Index::Leaf(leaf) => Self {
                leaf: Some(leaf),
                ..none
            },
            Index::Root(root) => Self {
                root: Some(root),
                ..none
            },
        })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(LeafKind, u32, u32), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(leaf) = self.leaf {
                if let Some((offset, tag)) = leaf.entry(self.next_entry) {
                    self.next_entry += 1;
                    return Some(Ok((leaf.kind, offset, tag)));
                }
                self.leaf = None;
            }
            let offset = self.root?.leaf(self.next_leaf)?;
            self.next_leaf += 1;
            self.next_entry = 0;
            match Index::read_leaf(self.cells, offset) {
                Ok(leaf) => self.leaf = Some(leaf),
                Err(error) => {
                    self.root = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
