//! builder - makes a new small WIM from a tree in memory, for demonstrations and tests.
//!
//! Promise: the same calls give the same bytes; a content that occurs several times is stored once. The whole WIM is put
//! together in memory, so it is for megabytes, not gigabytes.

mod tree;

use super::blob_table::{self, Kind, Row};
use super::codec::Codec;
use super::encode::{Encoded, Piece, encode, survey};
use super::error::Error;
use super::header::{HEADER_LENGTH, Header, ResourceHeader, resource_flag};
use super::integrity;
use super::memory::Memory;
use super::resource::{Hash, NO_HASH, sha1};
use super::space::Ranges;
use crate::text;
use crate::threads::Allowance;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

pub use tree::{ImageBuilder, Properties};

/// A WIM in the making.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    coding: Option<(Codec, u32)>,
    integrity: bool,
    boot: Option<u32>,
    images: Vec<ImageBuilder>,
}

/// The contents of a WIM in the making, each once.
#[derive(Default)]
struct Contents {
    bytes: Vec<u8>,
    rows: Vec<Row>,
    by_hash: BTreeMap<Hash, usize>,
}

impl Builder {
    /// A WIM without compression and without images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compresses with `codec` in chunks of `chunk_size` bytes, or of the size Windows uses for it.
    ///
    /// # Errors
    /// [`Error::ChunkSize`] if the codec has no such chunks.
    pub fn compress(mut self, codec: Codec, chunk_size: Option<u32>) -> Result<Self, Error> {
        let size = chunk_size.unwrap_or(codec.usual_chunk_size());
        if !codec.allows_chunk_size(size) {
            return Err(Error::ChunkSize { codec, found: size });
        }
        self.coding = Some((codec, size));
        Ok(self)
    }

    /// Adds an integrity table.
    #[must_use]
    pub fn integrity(mut self) -> Self {
        self.integrity = true;
        self
    }

    /// Lets the image of this number (from 1) boot.
    #[must_use]
    pub fn boot(mut self, image: u32) -> Self {
        self.boot = Some(image);
        self
    }

    /// Adds an image.
    #[must_use]
    pub fn image(mut self, image: ImageBuilder) -> Self {
        self.images.push(image);
        self
    }

    /// The bytes of the WIM.
    ///
    /// # Errors
    /// When a codec is not available or something is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut contents = Contents {
            bytes: vec![0; HEADER_LENGTH],
            ..Contents::default()
        };
        let mut metadata = Vec::new();
        let mut xml = String::new();
        for (index, image) in (1u32..).zip(&self.images) {
            let serialized = image.serialize(|content| contents.add(content, self.coding))?;
            xml.push_str(&image.xml(index, &serialized));
            metadata.push(serialized.metadata);
        }
        let mut header = Header::new(self.coding, guid_of(&contents.bytes, &xml));
        header.images = u32::try_from(metadata.len()).map_err(|_| Error::Overflow {
            what: "the number of images",
        })?;
        for (index, metadata) in (0u32..).zip(&metadata) {
            let encoded = encode(
                metadata,
                self.coding,
                None,
                survey(metadata, self.coding, None, &Allowance::default()),
                &Mutex::default(),
            )?;
            let row = contents.append(&encoded, resource_flag::METADATA, Kind::Metadata(index));
            if self.boot == Some(index + 1) {
                header.boot_index = index + 1;
                header.boot_metadata = row.location;
            }
        }
        let Contents { mut bytes, rows, .. } = contents;
        header.blob_table = append_table(&mut bytes, &blob_table::encode(&rows));
        let table_end = bytes.len() as u64;
        let form = text::Form {
            encoding: text::Encoding::Utf16Le,
            mark: true,
        };
        let xml = format!("<WIM><TOTALBYTES>{table_end}</TOTALBYTES>{xml}</WIM>");
        header.xml = append_table(&mut bytes, &text::encode(&xml, form));
        if self.integrity {
            let file = Memory::new(bytes);
            let table = integrity::build(&file, None, &Ranges::default(), table_end)?;
            bytes = file.into_bytes();
            header.integrity = append_table(&mut bytes, &table);
        }
        if let Some(start) = bytes.get_mut(..HEADER_LENGTH) {
            start.copy_from_slice(&header.encode());
        }
        Ok(bytes)
    }

    /// Writes the WIM to a new file.
    ///
    /// # Errors
    /// As [`Builder::to_bytes`]; [`Error::Open`] if the file exists or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes = self.to_bytes()?;
        let created = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path);
        let written = created.and_then(|mut file| std::io::Write::write_all(&mut file, &bytes));
        written.map_err(|source| Error::Open {
            path: text::printable(&path.to_string_lossy()),
            source,
        })
    }
}

impl Contents {
    /// Stores a content, or counts one more reference to it.
    fn add(&mut self, content: &[u8], coding: Option<(Codec, u32)>) -> Result<Hash, Error> {
        if content.is_empty() {
            return Ok(NO_HASH);
        }
        let hash = sha1(content);
        if let Some(row) = self
            .by_hash
            .get(&hash)
            .and_then(|&index| self.rows.get_mut(index))
        {
            row.references += 1;
            return Ok(hash);
        }
        let encoded = encode(
            content,
            coding,
            None,
            survey(content, coding, None, &Allowance::default()),
            &Mutex::default(),
        )?;
        self.by_hash.insert(hash, self.rows.len());
        self.append(&encoded, 0, Kind::Own);
        Ok(hash)
    }

    fn append(&mut self, encoded: &Encoded, flags: u8, kind: Kind) -> Row {
        let row = Row {
            location: encoded.location(self.bytes.len() as u64, flags),
            part: 1,
            references: 1,
            hash: encoded.hash,
            kind,
        };
        for piece in &encoded.pieces {
            // Without an old resource there is nothing to copy.
            if let Piece::Bytes(bytes) = piece {
                self.bytes.extend_from_slice(bytes);
            }
        }
        self.rows.push(row);
        row
    }
}

fn append_table(bytes: &mut Vec<u8>, table: &[u8]) -> ResourceHeader {
    let size = table.len() as u64;
    let location = ResourceHeader {
        size,
        flags: resource_flag::METADATA,
        offset: bytes.len() as u64,
        plain: size,
    };
    bytes.extend_from_slice(table);
    location
}

/// A GUID that depends on the content alone.
fn guid_of(contents: &[u8], xml: &str) -> [u8; 16] {
    let hash = sha1(&[sha1(contents), sha1(xml.as_bytes())].concat());
    crate::bytes::array(&hash, 0).unwrap_or_default()
}
