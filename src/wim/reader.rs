//! reader - a WIM opened for reading: images, directory entries, contents.
//!
//! Promise: opening reads the header, the tables and the XML data only; metadata is read when an image is first asked
//! for; a content is given out only after its SHA-1 has been checked.

use super::blob_table::{BlobTable, Kind, Row};
use super::codec::Codec;
use super::encode::ChunkCache;
use super::error::{Error, Refusal};
use super::fingerprint::Print;
use super::header::{self, HEADER_LENGTH, Header, flag};
use super::intent::Intent;
use super::metadata::{Metadata, RawEntry, attribute};
use super::resource::{Hash, NO_HASH, Resource, read_exact, sha1};
use super::room::{Content, Room};
use super::storage::{Disk, Storage};
use super::xml::{Document, ImageInfo};
use crate::secret::{Bulk, Wiped};
use crate::text::printable;
use crate::threads::lock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// Longer XML data than this, in bytes, describes no WIM.
const XML_LIMIT: u64 = 64 << 20;
/// Longer metadata than this, in bytes, is refused: Windows 11 has about 30 MiB an image.
const METADATA_LIMIT: u64 = 1 << 30;

/// A WIM opened for reading. May be used from several threads at once.
pub struct Wim {
    pub(super) path: PathBuf,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) header: Header,
    /// The header as it stands in the file; another one if that is torn.
    pub(super) header_found: [u8; HEADER_LENGTH],
    /// The note of an update that was killed.
    pub(super) interrupted: Option<Intent>,
    pub(super) file_length: u64,
    pub(super) blobs: BlobTable,
    pub(super) xml: Document,
    pub(super) metadata: Mutex<HashMap<u32, Arc<Metadata>>>,
    /// The fingerprints of contents that were read: an update needs not decompress them again to compare.
    pub(super) fingerprints: Mutex<HashMap<Hash, Arc<[Print]>>>,
    /// Chunks that were compressed for an update of this WIM.
    pub(super) cache: Mutex<ChunkCache>,
    /// Whether all contents are whole, once that was looked at.
    pub(super) verified: OnceLock<bool>,
}

/// A file or folder of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name; empty for the root.
    pub name: String,
    /// The 8.3 name, if there is one.
    pub short_name: Option<String>,
    /// Windows' attribute bits; see [`attribute`].
    pub attributes: u32,
    /// Length of the content in bytes; `None` if the content is not in this file (split or delta WIM).
    pub size: Option<u64>,
    /// SHA-1 of the content; all zeros for an empty one.
    pub hash: Hash,
    /// The number of its security descriptor in this image, if it has one.
    pub security: Option<u32>,
    /// When it was created, as a Windows FILETIME (100 ns since 1601).
    pub created: u64,
    /// When it was last accessed.
    pub accessed: u64,
    /// When its content was last changed.
    pub written: u64,
    /// How many names in this image are the same file: 1 unless it has hard links.
    pub links: usize,
    /// Its named streams.
    pub streams: Vec<Stream>,
}

/// A named stream of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// The name, without colon.
    pub name: String,
    /// SHA-1 of the content; all zeros for an empty one.
    pub hash: Hash,
}

impl Entry {
    /// Whether this is a folder.
    pub fn is_directory(&self) -> bool {
        self.attributes & attribute::DIRECTORY != 0
    }

    /// Whether this is a link, junction or other reparse point.
    pub fn is_reparse_point(&self) -> bool {
        self.attributes & attribute::REPARSE_POINT != 0
    }
}

impl std::fmt::Debug for Wim {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wim")
            .field("path", &self.path)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Wim {
    /// Opens the WIM at `path` for reading.
    ///
    /// # Errors
    /// [`Error`] with the first thing that is wrong with it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let disk = Disk::open(path).map_err(|source| Error::Open {
            path: printable(&path.to_string_lossy()),
            source,
        })?;
        Self::open_storage(Arc::new(disk), path)
    }

    /// Opens a WIM from any storage; `path` is for messages.
    pub(super) fn open_storage(storage: Arc<dyn Storage>, path: &Path) -> Result<Self, Error> {
        let file_length = storage.length().map_err(|source| Error::Read {
            what: "length of the file",
            offset: 0,
            source,
        })?;
        let header_found = read_header(&*storage, file_length)?;
        let interrupted = Intent::read(&*storage, file_length);
        let torn = interrupted
            .as_ref()
            .and_then(|intent| intent.header_instead_of(&header_found));
        let header = torn.map_or_else(|| Header::parse(&header_found), Ok)?;
        let blobs = BlobTable::read(&*storage, &header, file_length)?;
        let xml = Resource::new(header.xml, &header, file_length)?;
        let xml = xml.read(&*storage, XML_LIMIT)?;
        let xml = Document::parse(&xml)?;
        let wim = Self {
            path: path.to_owned(),
            storage,
            header,
            header_found,
            interrupted,
            file_length,
            blobs,
            xml,
            metadata: Mutex::default(),
            fingerprints: Mutex::default(),
            cache: Mutex::default(),
            verified: OnceLock::new(),
        };
        wim.check_counts()?;
        Ok(wim)
    }

    fn check_counts(&self) -> Result<(), Error> {
        let (in_header, in_xml) = (self.header.images as usize, self.xml.images.len());
        let in_table = self.blobs.metadata_count();
        if in_xml != in_header || (self.header.part == 1 && in_table != in_header) {
            let reason = format!(
                "{in_header} images in the header, {in_xml} in the XML data, {in_table} in the blob table"
            );
            return Err(Error::Xml { reason });
        }
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many images there are.
    pub fn image_count(&self) -> u32 {
        self.header.images
    }

    /// What the XML data says about each image, in the order of their numbers.
    pub fn images(&self) -> &[ImageInfo] {
        &self.xml.images
    }

    /// The number of the image that boots, if one does.
    pub fn boot_image(&self) -> Option<u32> {
        (1..=self.header.images)
            .contains(&self.header.boot_index)
            .then_some(self.header.boot_index)
    }

    /// The compression of the WIM and its chunk size in bytes; `None` if it is not compressed.
    pub fn compression(&self) -> Option<(Codec, u32)> {
        self.header.coding
    }

    /// Whether an update of this file was killed. What one of ours did or did not do is whole; the next update cleans up after it.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.is_some() || self.is_marked_as_being_written()
    }

    /// Whether some contents lie in solid resources, as in an ESD.
    pub fn is_solid(&self) -> bool {
        !self.blobs.solids.is_empty()
    }

    /// The file or folder at `path` (parts separated by `/` or `\`; case does not matter), or `None`.
    ///
    /// # Errors
    /// When the metadata of the image cannot be read.
    pub fn find(&self, image: u32, path: &str) -> Result<Option<Entry>, Error> {
        let metadata = self.metadata(image)?;
        Ok(metadata.find(path)?.map(|raw| self.entry(&metadata, &raw)))
    }

    /// What lies in the folder at `path`, in the order of the image. Empty for a file.
    ///
    /// # Errors
    /// [`Error::NotFound`]; when the metadata of the image cannot be read.
    pub fn children(&self, image: u32, path: &str) -> Result<Vec<Entry>, Error> {
        let metadata = self.metadata(image)?;
        let folder = metadata.find(path)?.ok_or_else(|| not_found(image, path))?;
        let children = metadata.children(&folder)?;
        Ok(children.iter().map(|raw| self.entry(&metadata, raw)).collect())
    }

    /// The content of the file at `path`, checked against its SHA-1.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it has more than `limit` bytes; [`Error::NotFound`], [`Error::WrongKind`] for folders,
    /// links and encrypted files, [`Error::Elsewhere`], and whatever is wrong with the data.
    pub fn read(&self, image: u32, path: &str, limit: u64) -> Result<Wiped, Error> {
        let content = self.read_into(image, path, limit, &mut Room::on_heap())?;
        Ok(content.into())
    }

    /// How many bytes of this file the content of the file at `path` takes up; `None` if there is no such file, or it has nothing of
    /// its own here: it is empty, or part of a solid resource.
    ///
    /// # Errors
    /// When the metadata of the image cannot be read.
    pub fn stored_size(&self, image: u32, path: &str) -> Result<Option<u64>, Error> {
        let entry = self.find(image, path)?;
        let row = entry.and_then(|entry| self.blobs.find(&entry.hash));
        Ok(row
            .filter(|row| row.kind == Kind::Own)
            .map(|row| row.location.size))
    }

    /// As [`Wim::read`], in the memory of `room`. Whoever reads many contents that are alike, one after the other, saves time by
    /// giving the memory back with [`Room::put_back`].
    ///
    /// # Errors
    /// As [`Wim::read`].
    pub fn read_into(&self, image: u32, path: &str, limit: u64, room: &mut Room) -> Result<Bulk, Error> {
        let metadata = self.metadata(image)?;
        let raw = metadata.find(path)?.ok_or_else(|| not_found(image, path))?;
        let hash = content_of(&metadata, &raw, image, path)?;
        if hash == NO_HASH {
            return Ok(Bulk::default());
        }
        let row = self.blobs.find(&hash).ok_or_else(|| Error::Elsewhere {
            image,
            path: printable(path),
        })?;
        if row.plain() > limit {
            return Err(Error::TooLarge {
                what: printable(path),
                size: row.plain(),
                limit,
            });
        }
        self.read_blob(row, limit, &printable(path), room)
    }

    /// The content of `row`, checked against its SHA-1; `what` names it in errors.
    pub(super) fn read_blob(
        &self,
        row: &Row,
        limit: u64,
        what: &str,
        room: &mut Room,
    ) -> Result<Bulk, Error> {
        let mut content = self.read_unchecked(row, limit, room)?;
        if content.hash != row.hash {
            // Not the fault of what the room held before.
            content = self.read_unchecked(row, limit, &mut Room::default())?;
        }
        let Content { plain, hash, prints } = content;
        if hash != row.hash {
            return Err(Error::Hash {
                what: what.to_owned(),
                offset: row.location.offset,
            });
        }
        if !prints.is_empty() {
            lock(&self.fingerprints).insert(row.hash, prints);
        }
        Ok(plain)
    }

    fn read_unchecked(&self, row: &Row, limit: u64, room: &mut Room) -> Result<Content, Error> {
        let storage = &*self.storage;
        let Kind::InSolid(index, offset) = row.kind else {
            let resource = Resource::new(row.location, &self.header, self.file_length)?;
            return resource.read_into(storage, limit, room);
        };
        let solid = self.blobs.solids.get(index).ok_or(Error::NotAWim)?;
        let plain = solid.read_part(storage, offset, row.location.size, limit)?;
        Ok(Content {
            hash: sha1(&plain),
            plain: plain.into(),
            prints: Arc::default(),
        })
    }

    /// Whether this WIM can be changed in place. Reads the metadata of all images.
    ///
    /// # Errors
    /// [`Error::Refused`] with the reason and the way out; what is wrong with the metadata.
    pub fn writable(&self) -> Result<(), Error> {
        self.refuse_by_header()?;
        self.references().map(drop)
    }

    /// The refusals that the header decides: alone, or with a look at all contents.
    pub(super) fn refuse_by_header(&self) -> Result<(), Error> {
        let header = &self.header;
        let refusal = if header.parts != 1 {
            Refusal::Split {
                part: header.part,
                parts: header.parts,
            }
        } else if header.pipable {
            Refusal::Pipable
        } else if header.flags & flag::READ_ONLY != 0 {
            Refusal::ReadOnly
        } else if self.is_cut_off() {
            Refusal::CutOff
        } else {
            return self.refuse_unfinished();
        };
        Err(refusal.into())
    }

    /// Whether the integrity table, which stands last, is not all there. A killed update leaves no such file.
    fn is_cut_off(&self) -> bool {
        let table = self.header.integrity;
        let is_there = table.range().is_some_and(|range| range.end <= self.file_length);
        table.size != 0 && !is_there
    }

    /// The metadata of an image, kept for the next call.
    pub(super) fn metadata(&self, image: u32) -> Result<Arc<Metadata>, Error> {
        let metadata = self.peek_metadata(image)?;
        lock(&self.metadata).insert(image, Arc::clone(&metadata));
        Ok(metadata)
    }

    /// About how much memory the open WIM takes, in bytes: its tables, the directory trees that were read, what is kept for an update.
    pub fn memory(&self) -> u64 {
        let trees: usize = lock(&self.metadata).values().map(|tree| tree.memory()).sum();
        let prints: usize = lock(&self.fingerprints)
            .values()
            .map(|prints| size_of_val::<[Print]>(prints))
            .sum();
        let chunks = lock(&self.cache).size();
        (self.blobs.memory() + trees + prints + chunks) as u64
    }

    /// How much memory the directory tree of an image takes when it is read, in bytes; 0 if it lies elsewhere.
    pub fn tree_size(&self, image: u32) -> u64 {
        self.blobs.metadata(image).map_or(0, Row::plain)
    }

    /// The metadata of an image, not kept if it was not kept before.
    pub(super) fn peek_metadata(&self, image: u32) -> Result<Arc<Metadata>, Error> {
        if let Some(metadata) = lock(&self.metadata).get(&image) {
            return Ok(Arc::clone(metadata));
        }
        let count = self.header.images;
        if !(1..=count).contains(&image) {
            return Err(Error::NoImage { image, count });
        }
        let row = self.blobs.metadata(image).ok_or(Error::NoMetadata {
            part: self.header.part,
        })?;
        let what = format!("the metadata of image {image}");
        let mut bytes: Wiped = self
            .read_blob(row, METADATA_LIMIT, &what, &mut Room::on_heap())?
            .into();
        Ok(Arc::new(Metadata::parse(std::mem::take(&mut *bytes))?))
    }

    fn entry(&self, metadata: &Metadata, raw: &RawEntry) -> Entry {
        let hash = metadata.content(raw).map_or(NO_HASH, |(_, hash)| hash);
        let streams = metadata.streams(raw).filter(|stream| !stream.name.is_empty());
        Entry {
            name: metadata.name(&raw.name),
            short_name: (!raw.short_name.is_empty()).then(|| metadata.name(&raw.short_name)),
            attributes: raw.attributes,
            size: if hash == NO_HASH {
                Some(0)
            } else {
                self.blobs.find(&hash).map(Row::plain)
            },
            hash,
            security: u32::try_from(raw.security).ok(),
            created: raw.created,
            accessed: raw.accessed,
            written: raw.written,
            links: metadata.links(raw).len(),
            streams: streams
                .map(|stream| Stream {
                    name: metadata.name(&stream.name),
                    hash: stream.hash,
                })
                .collect(),
        }
    }
}

pub(super) fn not_found(image: u32, path: &str) -> Error {
    Error::NotFound {
        image,
        path: printable(path),
    }
}

/// The SHA-1 of the content of an ordinary file.
pub(super) fn content_of(metadata: &Metadata, raw: &RawEntry, image: u32, path: &str) -> Result<Hash, Error> {
    let wrong = |what| Error::WrongKind {
        image,
        path: printable(path),
        what,
    };
    if raw.is_directory() {
        return Err(wrong("is a folder"));
    }
    if raw.attributes & attribute::ENCRYPTED != 0 {
        return Err(wrong("is encrypted by the file system"));
    }
    if raw.is_reparse_point() {
        return Err(wrong("is a link or another reparse point"));
    }
    let content = metadata.content(raw).ok_or_else(|| wrong("has no content"))?;
    Ok(content.1)
}

fn read_header(storage: &dyn Storage, file_length: u64) -> Result<[u8; HEADER_LENGTH], Error> {
    let mut raw = [0; HEADER_LENGTH];
    if file_length < HEADER_LENGTH as u64 {
        let needed = HEADER_LENGTH as u64;
        return Err(Error::Short {
            what: "header",
            offset: 0,
            needed,
        });
    }
    read_exact(storage, "header", 0, &mut raw)?;
    if header::is_pipable(&raw) {
        read_exact(storage, "header", file_length - HEADER_LENGTH as u64, &mut raw)?;
    }
    Ok(raw)
}
