//! builder - makes a small WIM from files in memory, for samples and tests.
//!
//! Promise: the same input gives the same bytes; a content that occurs twice is stored once.

mod tree;

use super::blob_table::{self, Kind, Row};
use super::codec::Codec;
use super::encode::{Encoded, Piece, encode};
use super::error::Error;
use super::header::{DATA_START, HEADER_LENGTH, Header, ResourceHeader, resource_flag};
use super::integrity::USUAL_STRETCH;
use super::resource::{Hash, sha1};
use quick_xml::escape::escape;
use std::collections::HashMap;
use std::fmt::Write as _;

/// A file to put into a new image.
#[derive(Debug, Clone, Default)]
pub struct NewFile {
    /// The content.
    pub content: Vec<u8>,
    /// Attribute bits; see [`super::attribute`].
    pub attributes: u32,
    /// The security descriptor, self-relative; `None` for none of its own.
    pub security: Option<Vec<u8>>,
    /// Created, accessed, written: Windows FILETIMEs.
    pub times: [u64; 3],
    /// The 8.3 name; empty for none.
    pub short_name: String,
    /// Files of one image with the same number other than 0 are names of one file. Their contents must be the same.
    pub link: u64,
}

/// A new image.
#[derive(Debug, Clone, Default)]
pub struct NewImage {
    name: String,
    properties: Vec<(String, String)>,
    /// By path, with `/`. Folders are made as needed.
    files: Vec<(String, NewFile)>,
}

impl NewImage {
    /// An image without files.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Sets an element of the image's XML, as in `WINDOWS/EDITIONID`. Elements of one parent must follow each other.
    #[must_use]
    pub fn property(mut self, path: &str, value: impl std::fmt::Display) -> Self {
        self.properties.push((path.to_owned(), value.to_string()));
        self
    }

    /// Adds a file, with its folders. A file at the same path as an earlier one takes its place.
    #[must_use]
    pub fn file(mut self, path: &str, file: NewFile) -> Self {
        self.files.retain(|(own, _)| own != path);
        self.files.push((path.to_owned(), file));
        self
    }
}

/// A WIM in the making.
#[derive(Debug, Clone)]
pub struct Builder {
    coding: Option<(Codec, u32)>,
    integrity: bool,
    images: Vec<NewImage>,
}

/// What has been laid out so far.
struct Output {
    coding: Option<(Codec, u32)>,
    bytes: Vec<u8>,
    rows: Vec<Row>,
    by_hash: HashMap<Hash, usize>,
}

impl Builder {
    /// A WIM without images, compressed as Windows does with this codec, or not at all.
    pub fn new(codec: Option<Codec>) -> Self {
        let coding = codec.map(|codec| (codec, codec.usual_chunk_size()));
        Self {
            coding,
            integrity: false,
            images: Vec::new(),
        }
    }

    /// Other chunks than Windows usually makes, in bytes.
    #[must_use]
    pub fn chunk_size(mut self, size: u32) -> Self {
        self.coding = self.coding.map(|(codec, _)| (codec, size));
        self
    }

    /// With an integrity table.
    #[must_use]
    pub fn integrity(mut self) -> Self {
        self.integrity = true;
        self
    }

    /// Adds an image.
    #[must_use]
    pub fn image(mut self, image: NewImage) -> Self {
        self.images.push(image);
        self
    }

    /// The bytes of the WIM.
    ///
    /// # Errors
    /// [`Error::Overflow`] for names and contents that no WIM holds; codecs that cannot be had.
    pub fn build(&self) -> Result<Vec<u8>, Error> {
        let mut output = Output {
            coding: self.coding,
            bytes: vec![0; HEADER_LENGTH],
            rows: Vec::new(),
            by_hash: HashMap::new(),
        };
        let mut metadata = Vec::new();
        let mut xml = String::from("<WIM>");
        let mut images = String::new();
        for (number, image) in (1u32..).zip(&self.images) {
            for (_, file) in &image.files {
                output.content(&file.content)?;
            }
            let tree = tree::encode(image)?;
            metadata.push(tree.bytes);
            describe(&mut images, number, image, tree.folders);
        }
        for metadata in metadata {
            let encoded = encode(&metadata, self.coding, None)?;
            let hash = encoded.hash;
            let location = output.append(encoded, resource_flag::METADATA);
            let index = u32::try_from(output.rows.len()).unwrap_or(u32::MAX);
            output.rows.push(Row {
                location,
                part: 1,
                references: 1,
                hash,
                kind: Kind::Metadata(index),
            });
        }
        let guid = sha1(&output.bytes);
        let guid = crate::bytes::array(&guid, 0).unwrap_or_default();
        let mut header = Header::new(self.coding, guid);
        header.images = u32::try_from(self.images.len()).map_err(|_| Error::Overflow {
            what: "the number of images",
        })?;
        header.blob_table = output.plain(&blob_table::encode(&output.rows));
        let _: std::fmt::Result = write!(
            xml,
            "<TOTALBYTES>{}</TOTALBYTES>{images}</WIM>",
            output.bytes.len()
        );
        let form = crate::text::Form {
            encoding: crate::text::Encoding::Utf16Le,
            mark: true,
        };
        header.xml = output.plain(&crate::text::encode(&xml, form));
        if self.integrity {
            let end = header.blob_table.offset + header.blob_table.size;
            let table = sums(&output.bytes, end);
            header.integrity = output.plain(&table);
        }
        let mut bytes = output.bytes;
        crate::bytes::put(&mut bytes, 0, &header.encode()).ok_or(Error::NotAWim)?;
        Ok(bytes)
    }
}

impl Output {
    /// Stores a content, or counts one more reference to it.
    fn content(&mut self, content: &[u8]) -> Result<(), Error> {
        if content.is_empty() {
            return Ok(());
        }
        let hash = sha1(content);
        if let Some(row) = self
            .by_hash
            .get(&hash)
            .and_then(|index| self.rows.get_mut(*index))
        {
            row.references += 1;
            return Ok(());
        }
        let encoded = encode(content, self.coding, None)?;
        let location = self.append(encoded, 0);
        self.by_hash.insert(hash, self.rows.len());
        self.rows.push(Row {
            location,
            part: 1,
            references: 1,
            hash,
            kind: Kind::Own,
        });
        Ok(())
    }

    fn append(&mut self, encoded: Encoded, flags: u8) -> ResourceHeader {
        let location = encoded.location(self.bytes.len() as u64, flags);
        for piece in encoded.pieces {
            // Without an old resource there is nothing to copy.
            if let Piece::Bytes(bytes) = piece {
                self.bytes.extend_from_slice(&bytes);
            }
        }
        location
    }

    fn plain(&mut self, bytes: &[u8]) -> ResourceHeader {
        let (offset, size) = (self.bytes.len() as u64, bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        ResourceHeader {
            size,
            flags: 0,
            offset,
            plain: size,
        }
    }
}

/// An integrity table over the bytes up to `end`.
fn sums(bytes: &[u8], end: u64) -> Vec<u8> {
    let data = usize::try_from(DATA_START)
        .ok()
        .zip(usize::try_from(end).ok())
        .and_then(|(start, end)| bytes.get(start..end));
    let sums: Vec<u8> = data
        .unwrap_or_default()
        .chunks(USUAL_STRETCH as usize)
        .flat_map(sha1)
        .collect();
    let count = u32::try_from(sums.len() / 20).unwrap_or(u32::MAX);
    let length = 12 + u32::try_from(sums.len()).unwrap_or(u32::MAX);
    let mut table: Vec<u8> = [length, count, USUAL_STRETCH]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    table.extend_from_slice(&sums);
    table
}

/// Adds an image's element to the XML. Writing to a string cannot fail.
fn describe(xml: &mut String, number: u32, image: &NewImage, folders: usize) {
    let total: usize = image.files.iter().map(|(_, file)| file.content.len()).sum();
    let mut seen = std::collections::HashSet::new();
    let linked = image
        .files
        .iter()
        .filter(|(_, file)| file.link != 0 && !seen.insert(file.link));
    let linked: usize = linked.map(|(_, file)| file.content.len()).sum();
    let _: std::fmt::Result = write!(
        xml,
        "<IMAGE INDEX=\"{number}\"><DIRCOUNT>{folders}</DIRCOUNT><FILECOUNT>{}</FILECOUNT><TOTALBYTES>{total}</TOTALBYTES>\
         <HARDLINKBYTES>{linked}</HARDLINKBYTES>",
        image.files.len()
    );
    let mut open: Vec<&str> = Vec::new();
    let name = [("NAME".to_owned(), image.name.clone())];
    for (path, value) in image.properties.iter().chain(&name) {
        let parts: Vec<&str> = path.split('/').collect();
        let Some((leaf, parents)) = parts.split_last() else {
            continue;
        };
        let shared = open
            .iter()
            .zip(parents)
            .take_while(|(left, right)| left == right)
            .count();
        for part in open.drain(shared..).rev() {
            let _: std::fmt::Result = write!(xml, "</{part}>");
        }
        for part in parents.iter().skip(shared) {
            let _: std::fmt::Result = write!(xml, "<{part}>");
            open.push(part);
        }
        let _: std::fmt::Result = write!(xml, "<{leaf}>{}</{leaf}>", escape(value.as_str()));
    }
    xml.push_str("</IMAGE>");
}
