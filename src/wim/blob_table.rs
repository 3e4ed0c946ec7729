//! blob table - the table that leads from a SHA-1 to the place of a content, and from an image to its metadata.
//!
//! Promise: rows keep their order, which is what ties metadata to images and blobs to solid resources; what a row says
//! about places outside the file is refused before anything is read there. Source: libwim's `blob_table.c`.

use super::error::Error;
use super::header::{Header, ResourceHeader, VERSION_PLAIN, resource_flag};
use super::resource::{Hash, NO_HASH, Resource};
use super::storage::Storage;
use crate::bytes;
use std::collections::HashMap;

/// Length of a row in bytes.
pub(super) const ROW_LENGTH: usize = 50;
/// The plain length by which a row is known as that of a solid resource itself.
const SOLID_MARK: u64 = 1 << 32;

mod field {
    pub(super) const PART: usize = 24;
    pub(super) const REFERENCES: usize = 26;
    pub(super) const HASH: usize = 30;
}

/// What a row of the table stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The metadata of the image with this index, counted from 0.
    Metadata(u32),
    /// A content with a resource of its own.
    Own,
    /// A content inside the solid resource with this index in [`BlobTable::solids`], at this offset in its plain text.
    InSolid(usize, u64),
    /// A solid resource.
    Solid,
    /// Nothing that is ever looked up: an empty content, metadata of a deleted image, another part's content.
    Ignored,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) location: ResourceHeader,
    pub(super) part: u16,
    pub(super) references: u32,
    pub(super) hash: Hash,
    pub(super) kind: Kind,
}

impl Row {
    /// The length of the content, in bytes.
    pub(super) fn plain(&self) -> u64 {
        match self.kind {
            Kind::InSolid(..) => self.location.size,
            _ => self.location.plain,
        }
    }

    /// The range of the file that this row owns, if it owns one.
    pub(super) fn range(&self) -> Option<std::ops::Range<u64>> {
        match self.kind {
            Kind::InSolid(..) => None,
            _ => self.location.range(),
        }
    }

    fn encode(&self) -> [u8; ROW_LENGTH] {
        let mut encoded = [0; ROW_LENGTH];
        let fields: [(usize, &[u8]); 4] = [
            (0, &self.location.encode()),
            (field::PART, &self.part.to_le_bytes()),
            (field::REFERENCES, &self.references.to_le_bytes()),
            (field::HASH, &self.hash),
        ];
        for (offset, value) in fields {
            // Every place is a constant within the row.
            let _fits = bytes::put(&mut encoded, offset, value);
        }
        encoded
    }
}

/// The table.
#[derive(Debug, Clone, Default)]
pub(super) struct BlobTable {
    pub(super) rows: Vec<Row>,
    pub(super) solids: Vec<Resource>,
    by_hash: HashMap<Hash, usize>,
    metadata: Vec<usize>,
}

impl BlobTable {
    /// How much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.rows.len() * (size_of::<Row>() + size_of::<(Hash, usize)>())
    }

    /// Reads the table that `header` points to.
    pub(super) fn read(storage: &dyn Storage, header: &Header, file_length: u64) -> Result<Self, Error> {
        let resource = Resource::new(header.blob_table, header, file_length)?;
        // Stored plain by all known writers: never longer than the file.
        let raw = resource.read(storage, file_length)?;
        let mut table = Self {
            rows: Vec::with_capacity(raw.len() / ROW_LENGTH),
            ..Self::default()
        };
        for raw in raw.chunks_exact(ROW_LENGTH) {
            table.rows.extend(parse_row(raw, header));
        }
        table.classify(storage, header, file_length)?;
        Ok(table)
    }

    /// Finds out what each row stands for.
    fn classify(&mut self, storage: &dyn Storage, header: &Header, file_length: u64) -> Result<(), Error> {
        let mut position = 0;
        while let Some(row) = self.rows.get(position) {
            if row.location.has(resource_flag::SOLID) {
                position = self.classify_run(storage, position, file_length)?;
            } else {
                self.classify_row(position, header, file_length)?;
                position += 1;
            }
        }
        for (index, row) in self.rows.iter().enumerate() {
            if matches!(row.kind, Kind::Own | Kind::InSolid(..)) {
                self.by_hash.entry(row.hash).or_insert(index);
            }
        }
        Ok(())
    }

    fn classify_row(&mut self, index: usize, header: &Header, file_length: u64) -> Result<(), Error> {
        let images = self.metadata.len();
        let Some(row) = self.rows.get_mut(index) else {
            return Ok(());
        };
        if row.hash == NO_HASH || row.location.plain == 0 || row.part != header.part {
            return Ok(()); // ignored, as libwim does
        }
        let location = row.location;
        if !location.has(resource_flag::COMPRESSED) && location.size != location.plain {
            return Err(damaged(
                header,
                index,
                "length in the blob table",
                location.plain,
                location.size,
            ));
        }
        Resource::new(location, header, file_length)?;
        if !location.has(resource_flag::METADATA) {
            row.kind = Kind::Own;
        } else if row.references == 1 && header.part == 1 && images < header.images as usize {
            row.kind = Kind::Metadata(u32::try_from(images).unwrap_or(u32::MAX));
            self.metadata.push(index);
        } else if row.references > 1 {
            // Neither Windows nor libwim lets two images share a metadata resource.
            return Err(damaged(
                header,
                index,
                "reference count of a metadata resource",
                1,
                row.references.into(),
            ));
        }
        Ok(())
    }

    /// Classifies a run of solid rows that begins at `first`; gives back where it ends.
    fn classify_run(
        &mut self,
        storage: &dyn Storage,
        first: usize,
        file_length: u64,
    ) -> Result<usize, Error> {
        let rest = self.rows.get(first..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|row| row.location.has(resource_flag::SOLID))
            .count();
        let first_solid = self.solids.len();
        for row in self.rows.iter_mut().skip(first).take(length) {
            if row.location.plain == SOLID_MARK {
                row.kind = Kind::Solid;
                self.solids
                    .push(Resource::solid(storage, row.location, file_length)?);
            }
        }
        for row in self.rows.iter_mut().skip(first).take(length) {
            if row.kind == Kind::Solid || row.hash == NO_HASH || row.location.size == 0 {
                continue;
            }
            // Offsets go on from one solid resource of the run to the next, as Windows writes them.
            let mut offset = row.location.offset;
            let mut place = None;
            for (index, solid) in self.solids.iter().enumerate().skip(first_solid) {
                if offset
                    .checked_add(row.location.size)
                    .is_some_and(|end| end <= solid.plain)
                {
                    place = Some(Kind::InSolid(index, offset));
                    break;
                }
                offset = offset.saturating_sub(solid.plain);
            }
            row.kind = place.ok_or(Error::Damaged {
                what: "place of a blob in its solid resource",
                offset: row.location.offset,
                expected: self
                    .solids
                    .iter()
                    .map(|solid| solid.plain)
                    .max()
                    .unwrap_or_default(),
                found: row.location.size,
            })?;
        }
        Ok(first + length)
    }

    /// The row of a content.
    pub(super) fn find(&self, hash: &Hash) -> Option<&Row> {
        self.rows.get(*self.by_hash.get(hash)?)
    }

    /// The row of the metadata of an image, counted from 1.
    pub(super) fn metadata(&self, image: u32) -> Option<&Row> {
        let index = usize::try_from(image.checked_sub(1)?).ok()?;
        self.rows.get(*self.metadata.get(index)?)
    }

    /// How many images have metadata here.
    pub(super) fn metadata_count(&self) -> usize {
        self.metadata.len()
    }
}

/// The bytes of a table with these rows.
pub(super) fn encode(rows: &[Row]) -> Vec<u8> {
    rows.iter().flat_map(Row::encode).collect()
}

fn parse_row(raw: &[u8], header: &Header) -> Option<Row> {
    let mut location = ResourceHeader::read(raw, 0)?;
    if header.version == VERSION_PLAIN {
        location.flags &= !resource_flag::SOLID; // it has no meaning in this version
    }
    Some(Row {
        location,
        part: bytes::u16_at(raw, field::PART)?,
        references: bytes::u32_at(raw, field::REFERENCES)?,
        hash: bytes::array(raw, field::HASH)?,
        kind: Kind::Ignored,
    })
}

fn damaged(header: &Header, index: usize, what: &'static str, expected: u64, found: u64) -> Error {
    let offset = header
        .blob_table
        .offset
        .saturating_add((index * ROW_LENGTH) as u64);
    Error::Damaged {
        what,
        offset,
        expected,
        found,
    }
}

#[cfg(test)]
mod tests;
