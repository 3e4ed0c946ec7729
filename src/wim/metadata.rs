//! metadata - the directory tree of one image, as the bytes of its metadata resource.
//!
//! Promise: once [`Metadata::parse`] has accepted the bytes, every walk over them ends, no entry is visited twice and
//! every name and hash lies within them. Names that could lead out of the image (`.`, `..`, with separators or zeros in
//! them) exist for counting but cannot be found or listed. Source: Microsoft's WIM paper; libwim's `dentry.c`.

mod edit;
mod taken;

use super::error::Error;
use super::resource::{Counts, Hash, NO_HASH};
use crate::{bytes, text};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use taken::Taken;

pub(super) use edit::NewEntry;

/// Deeper trees than this are refused; libwim has the same limit.
const DEEPEST: usize = 16_384;
/// Length of a directory entry without its names.
const ENTRY_LENGTH: usize = 102;
/// Length of a stream entry without its name.
const STREAM_LENGTH: usize = 38;
/// Directory entries, stream entries and lists begin at multiples of this.
const ALIGNMENT: usize = 8;
/// A length up to this one ends a list.
const END_OF_LIST: u64 = 8;

/// Bits of a file's attributes, as Windows numbers them.
pub mod attribute {
    /// A folder.
    pub const DIRECTORY: u32 = 0x10;
    /// To be archived: what a new file has.
    pub const ARCHIVE: u32 = 0x20;
    /// A link, junction or other reparse point.
    pub const REPARSE_POINT: u32 = 0x400;
    /// Encrypted by the file system.
    pub const ENCRYPTED: u32 = 0x4000;
}

/// Offsets of fields in a directory entry.
pub(super) mod field {
    pub(crate) const ATTRIBUTES: usize = 8;
    pub(crate) const SECURITY: usize = 12;
    pub(crate) const CHILDREN: usize = 16;
    pub(crate) const CREATED: usize = 40;
    pub(crate) const ACCESSED: usize = 48;
    pub(crate) const WRITTEN: usize = 56;
    pub(crate) const HASH: usize = 64;
    pub(crate) const LINK: usize = 88;
    pub(crate) const STREAMS: usize = 96;
    pub(crate) const SHORT_NAME: usize = 98;
    pub(crate) const NAME: usize = 100;
    pub(crate) const STREAM_HASH: usize = 16;
    pub(crate) const STREAM_NAME: usize = 36;
}

/// A directory entry: where it stands and what its fixed fields say.
#[derive(Debug, Clone)]
pub(super) struct RawEntry {
    pub(super) offset: usize,
    /// Where its stream entries begin.
    streams_at: usize,
    /// Where the next entry begins, after the stream entries.
    pub(super) end: usize,
    pub(super) attributes: u32,
    pub(super) security: i32,
    pub(super) children: u64,
    pub(super) created: u64,
    pub(super) accessed: u64,
    pub(super) written: u64,
    main_hash: Hash,
    pub(super) link: u64,
    pub(super) stream_count: u16,
    pub(super) name: Range<usize>,
    pub(super) short_name: Range<usize>,
}

/// A stream entry.
#[derive(Debug, Clone)]
pub(super) struct RawStream {
    offset: usize,
    end: usize,
    pub(super) hash: Hash,
    pub(super) name: Range<usize>,
}

/// The metadata of an image.
#[derive(Debug, Clone)]
pub(super) struct Metadata {
    bytes: Vec<u8>,
    root: usize,
    /// Entries that are names of one file: by (link number, content).
    links: HashMap<(u64, Hash), Vec<usize>>,
}

impl Metadata {
    /// How much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.links.len() * size_of::<((u64, Hash), Vec<usize>, usize)>()
    }
}

impl RawEntry {
    /// Whether this is a folder, links to folders included.
    pub(super) fn is_directory(&self) -> bool {
        self.attributes & attribute::DIRECTORY != 0
    }

    /// Whether this is a link, junction or other reparse point.
    pub(super) fn is_reparse_point(&self) -> bool {
        self.attributes & attribute::REPARSE_POINT != 0
    }
}

fn damage(what: &'static str, offset: usize) -> Error {
    let offset = offset as u64;
    Error::Metadata { what, offset }
}

/// The entry at `offset`, or `None` where the list ends.
fn entry_at(bytes: &[u8], offset: usize) -> Result<Option<RawEntry>, Error> {
    let outside = || damage("a directory entry goes past the end", offset);
    let length = bytes::u64_at(bytes, offset).ok_or_else(outside)?;
    if length <= END_OF_LIST {
        return Ok(None);
    }
    let length = usize::try_from(length)
        .ok()
        .and_then(|length| bytes::align_up(length, ALIGNMENT));
    let length = length.ok_or_else(outside)?;
    let raw = bytes::slice(bytes, offset, length).ok_or_else(outside)?;
    let mut entry =
        fixed_fields(raw, offset).ok_or_else(|| damage("a directory entry is too short", offset))?;
    entry.streams_at = offset + length;
    entry.end = entry.streams_at;
    for _ in 0..entry.stream_count {
        entry.end = stream_at(bytes, entry.end)?.end;
    }
    Ok(Some(entry))
}

fn fixed_fields(raw: &[u8], offset: usize) -> Option<RawEntry> {
    let name_length = usize::from(bytes::u16_at(raw, field::NAME)?);
    let short_length = usize::from(bytes::u16_at(raw, field::SHORT_NAME)?);
    // A name is followed by two zero bytes; one that is not there by none.
    let after_name = ENTRY_LENGTH + if name_length == 0 { 0 } else { name_length + 2 };
    bytes::slice(raw, ENTRY_LENGTH, name_length)?;
    bytes::slice(raw, after_name, short_length)?;
    if name_length % 2 != 0 || short_length % 2 != 0 {
        return None;
    }
    Some(RawEntry {
        offset,
        streams_at: 0,
        end: 0,
        attributes: bytes::u32_at(raw, field::ATTRIBUTES)?,
        security: bytes::i32_at(raw, field::SECURITY)?,
        children: bytes::u64_at(raw, field::CHILDREN)?,
        created: bytes::u64_at(raw, field::CREATED)?,
        accessed: bytes::u64_at(raw, field::ACCESSED)?,
        written: bytes::u64_at(raw, field::WRITTEN)?,
        main_hash: bytes::array(raw, field::HASH)?,
        link: bytes::u64_at(raw, field::LINK)?,
        stream_count: bytes::u16_at(raw, field::STREAMS)?,
        name: offset + ENTRY_LENGTH..offset + ENTRY_LENGTH + name_length,
        short_name: offset + after_name..offset + after_name + short_length,
    })
}

fn stream_at(bytes: &[u8], offset: usize) -> Result<RawStream, Error> {
    let bad = || damage("a stream entry goes past the end", offset);
    let length = bytes::u64_at(bytes, offset).ok_or_else(bad)?;
    let length = usize::try_from(length)
        .ok()
        .and_then(|length| bytes::align_up(length, ALIGNMENT));
    let length = length.filter(|&length| length >= STREAM_LENGTH).ok_or_else(bad)?;
    let raw = bytes::slice(bytes, offset, length).ok_or_else(bad)?;
    let name_length = usize::from(bytes::u16_at(raw, field::STREAM_NAME).ok_or_else(bad)?);
    bytes::slice(raw, STREAM_LENGTH, name_length)
        .filter(|name| name.len() % 2 == 0)
        .ok_or_else(bad)?;
    Ok(RawStream {
        offset,
        end: offset + length,
        hash: bytes::array(raw, field::STREAM_HASH).ok_or_else(bad)?,
        name: offset + STREAM_LENGTH..offset + STREAM_LENGTH + name_length,
    })
}

impl Metadata {
    /// Takes the plain text of a metadata resource and checks all of it.
    ///
    /// # Errors
    /// The first contradiction, with its offset.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, Error> {
        let security = bytes::u32_at(&bytes, 0).ok_or_else(|| damage("there is no security data", 0))?;
        let root = usize::try_from(security)
            .ok()
            .and_then(|length| bytes::align_up(length, ALIGNMENT));
        // A length of 0 really means 8, as libwim found in files.
        let root = root
            .map(|length| length.max(ALIGNMENT))
            .filter(|&length| length <= bytes.len());
        let root = root.ok_or_else(|| damage("the security data goes past the end", 0))?;
        let mut metadata = Self {
            bytes,
            root,
            links: HashMap::new(),
        };
        if !metadata.root()?.is_none_or(|root| root.is_directory()) {
            return Err(damage("the root is not a folder", root));
        }
        metadata.links = metadata.check_tree()?;
        Ok(metadata)
    }

    /// Walks the whole tree once, so that later walks need no checks of their own.
    fn check_tree(&self) -> Result<HashMap<(u64, Hash), Vec<usize>>, Error> {
        let mut taken = Taken::new(self.bytes.len());
        let mut lists = HashSet::new();
        let mut links: HashMap<_, Vec<usize>> = HashMap::new();
        let mut pending: Vec<(usize, usize)> = Vec::new();
        if let Some(root) = self.root()? {
            taken.take(&(root.offset..root.end));
            pending.extend(list_of(&root).map(|list| (list, 1)));
        }
        while let Some((list, depth)) = pending.pop() {
            if depth > DEEPEST {
                return Err(damage("folders are nested too deeply", list));
            }
            let mut offset = list;
            while let Some(entry) = entry_at(&self.bytes, offset)? {
                if offset == list && !lists.insert(list) {
                    return Err(damage(
                        "a folder contains itself, or two folders share their content",
                        list,
                    ));
                }
                if !taken.take(&(offset..entry.end)) {
                    return Err(damage("directory entries overlap", offset));
                }
                if entry.is_directory() {
                    pending.extend(list_of(&entry).map(|list| (list, depth + 1)));
                } else if entry.link != 0 && !entry.is_reparse_point() {
                    let hash = self.content(&entry).map_or(NO_HASH, |(_, hash)| hash);
                    links.entry((entry.link, hash)).or_default().push(offset);
                }
                offset = entry.end;
            }
        }
        Ok(links)
    }

    /// The plain text of the metadata resource.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The root folder; `None` in an image without anything.
    pub(super) fn root(&self) -> Result<Option<RawEntry>, Error> {
        if self.root == self.bytes.len() {
            return Ok(None);
        }
        entry_at(&self.bytes, self.root)
    }

    /// The entry at `offset`, which must be one.
    pub(super) fn entry(&self, offset: usize) -> Result<RawEntry, Error> {
        entry_at(&self.bytes, offset)?.ok_or_else(|| damage("a directory entry is missing", offset))
    }

    /// All entries of a folder, unreachable names included.
    pub(super) fn list(&self, folder: &RawEntry) -> Result<Vec<RawEntry>, Error> {
        let mut entries = Vec::new();
        let mut next = list_of(folder).filter(|_| folder.is_directory());
        while let Some(offset) = next {
            next = None;
            if let Some(entry) = entry_at(&self.bytes, offset)? {
                next = Some(entry.end);
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    /// The entries of a folder that have a usable name; of several with the very same name only the first.
    pub(super) fn children(&self, folder: &RawEntry) -> Result<Vec<RawEntry>, Error> {
        let mut names = HashSet::new();
        let mut entries = self.list(folder)?;
        entries.retain(|entry| {
            let units = self.units(&entry.name);
            is_reachable(&units) && names.insert(units)
        });
        Ok(entries)
    }

    /// Calls `visit` for every entry of the tree, the root included.
    pub(super) fn walk(&self, mut visit: impl FnMut(&RawEntry)) -> Result<(), Error> {
        let Some(root) = self.root()? else {
            return Ok(());
        };
        visit(&root);
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in self.list(&folder)? {
                visit(&entry);
                if entry.is_directory() {
                    folders.push(entry);
                }
            }
        }
        Ok(())
    }

    /// How often each content is referred to.
    pub(super) fn count_references(&self, counts: &mut Counts) -> Result<(), Error> {
        let mut count = |hash: Hash| {
            if hash != NO_HASH {
                let references = counts.entry(hash).or_default();
                *references = references.saturating_add(1);
            }
        };
        self.walk(|entry| {
            count(entry.main_hash);
            self.streams(entry).for_each(|stream| count(stream.hash));
        })
    }

    /// The stream entries of an entry.
    pub(super) fn streams<'a>(&'a self, entry: &RawEntry) -> impl Iterator<Item = RawStream> + use<'a> {
        let mut offset = entry.streams_at;
        (0..entry.stream_count).map_while(move |_| {
            let stream = stream_at(&self.bytes, offset).ok()?;
            offset = stream.end;
            Some(stream)
        })
    }

    /// The SHA-1 of the file's content (its unnamed data stream) and the offset at which it stands; `None` for a
    /// reparse point without one.
    ///
    /// The format does not say which of several unnamed streams is the content. As libwim and Windows see it: of a
    /// reparse point the first one is the link's data; a main hash of zero gives way to an unnamed stream entry.
    pub(super) fn content(&self, entry: &RawEntry) -> Option<(usize, Hash)> {
        let main = (entry.offset + field::HASH, entry.main_hash);
        let unnamed = self
            .streams(entry)
            .filter(|stream| stream.name.is_empty())
            .map(|stream| (stream.offset + field::STREAM_HASH, stream.hash));
        let mut candidates = Some(main)
            .filter(|main| main.1 != NO_HASH)
            .into_iter()
            .chain(unnamed)
            .skip(usize::from(entry.is_reparse_point()));
        candidates
            .next()
            .or_else(|| (!entry.is_reparse_point()).then_some(main))
    }

    /// All entries that are names of the same file as `entry`, itself included.
    pub(super) fn links(&self, entry: &RawEntry) -> Vec<usize> {
        let names = self.links.get(&self.link_key(entry)).filter(|_| entry.link != 0);
        names.cloned().unwrap_or_else(|| vec![entry.offset])
    }

    fn link_key(&self, entry: &RawEntry) -> (u64, Hash) {
        (entry.link, self.content(entry).map_or(NO_HASH, |(_, hash)| hash))
    }

    /// The UTF-16 units of a name.
    pub(super) fn units(&self, name: &Range<usize>) -> Vec<u16> {
        let raw = self.bytes.get(name.clone()).unwrap_or_default();
        raw.chunks_exact(2)
            .filter_map(|pair| bytes::u16_at(pair, 0))
            .collect()
    }

    /// A name as text.
    pub(super) fn name(&self, name: &Range<usize>) -> String {
        String::from_utf16_lossy(&self.units(name))
    }

    /// The entry of `folder` with this name: case does not matter, but one in the very same case is preferred.
    pub(super) fn child(&self, folder: &RawEntry, name: &str) -> Result<Option<RawEntry>, Error> {
        let exact: Vec<u16> = name.encode_utf16().collect();
        let upper: Vec<u16> = exact.iter().copied().map(text::upcase).collect();
        let mut found = None;
        for entry in self.list(folder)? {
            let units = self.units(&entry.name);
            if units == exact && is_reachable(&units) {
                return Ok(Some(entry));
            }
            let same = units.len() == upper.len()
                && units.iter().copied().map(text::upcase).eq(upper.iter().copied());
            if same && is_reachable(&units) && found.is_none() {
                found = Some(entry);
            }
        }
        Ok(found)
    }

    /// The entry at `path`, whose parts are separated by `/` or `\`; the root for an empty path.
    pub(super) fn find(&self, path: &str) -> Result<Option<RawEntry>, Error> {
        let mut current = self.root()?;
        for part in parts(path) {
            current = match current {
                Some(folder) if folder.is_directory() => self.child(&folder, part)?,
                _ => return Ok(None),
            };
        }
        Ok(current)
    }
}

/// The parts of a path.
pub(super) fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty())
}

/// Where the entries of a folder begin, if it has any.
fn list_of(folder: &RawEntry) -> Option<usize> {
    // An offset that does not fit is as good as one past the end, which reading refuses.
    (folder.children != 0).then(|| usize::try_from(folder.children).unwrap_or(usize::MAX))
}

/// Whether a name can be part of a path.
fn is_reachable(name: &[u16]) -> bool {
    const DOT: u16 = b'.' as u16;
    const FORBIDDEN: [u16; 3] = [0, b'/' as u16, b'\\' as u16];
    !matches!(name, [] | [DOT] | [DOT, DOT]) && !name.iter().any(|unit| FORBIDDEN.contains(unit))
}
