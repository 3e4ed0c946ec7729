//! layout - where everything of the new state goes, and what its tables say.
//!
//! Promise: nothing new lies on bytes that the old state owns, so that the old state stays whole until the header is switched. Dead
//! bytes are used again. The tables come after all resources, as other programs expect.

use super::Update;
use crate::wim::blob_table::{self, Kind, Row};
use crate::wim::encode::{Encoded, encode};
use crate::wim::error::Error;
use crate::wim::header::{DATA_START, Header, ResourceHeader, resource_flag};
use crate::wim::integrity::{self, Integrity};
use crate::wim::reader::add_counts;
use crate::wim::resource::Hash;
use crate::wim::space::Ranges;
use crate::wim::xml::TotalsChange;
use std::collections::HashMap;

/// The new state, ready to be written.
pub(super) struct Layout {
    /// New resources and where each goes.
    pub(super) resources: Vec<(u64, Encoded)>,
    pub(super) blob_table: Vec<u8>,
    pub(super) xml: Vec<u8>,
    /// The new header; its integrity table is not named yet.
    pub(super) header: Header,
    /// Where the integrity table goes, if there is to be one.
    pub(super) integrity_at: Option<u64>,
    /// What the old state owns.
    pub(super) old: Ranges,
    /// What the new state owns, the place of its integrity table included.
    pub(super) new: Ranges,
}

impl Layout {
    /// Bytes to write before the header is switched.
    pub(super) fn size(&self) -> u64 {
        let resources: u64 = self.resources.iter().map(|(_, encoded)| encoded.size()).sum();
        resources + self.blob_table.len() as u64 + self.xml.len() as u64
    }
}

/// What a state owns: header, resources and tables.
pub(super) fn owned(header: &Header, rows: &[Row]) -> Ranges {
    let tables = [
        header.blob_table,
        header.xml,
        header.boot_metadata,
        header.integrity,
    ];
    let tables = tables.into_iter().filter_map(ResourceHeader::range);
    std::iter::once(0..DATA_START)
        .chain(rows.iter().filter_map(Row::range))
        .chain(tables)
        .collect()
}

impl Update {
    /// Works the new state out. Takes the new contents out of the update.
    pub(super) fn layout(&mut self, integrity: Option<&Integrity>) -> Result<Layout, Error> {
        let old = owned(&self.wim.header, &self.wim.blobs.rows);
        let references = self.references()?;
        let mut taken = old.clone();
        let mut header = self.wim.header.clone();
        header.integrity = ResourceHeader::default();
        let mut resources = Vec::new();
        let mut place = |encoded: Encoded, flags: u8| -> Result<ResourceHeader, Error> {
            let at = taken
                .place(encoded.size(), DATA_START)
                .ok_or(Error::Overflow { what: "the file" })?;
            let location = encoded.location(at, flags);
            resources.push((at, encoded));
            Ok(location)
        };

        let before = self.wim.references()?;
        let mut rows = Vec::with_capacity(self.wim.blobs.rows.len() + self.fresh.len());
        for row in &self.wim.blobs.rows {
            let mut row = *row;
            match row.kind {
                Kind::Metadata(index) => {
                    if let Some(encoded) = self.encoded_metadata(index + 1, &row)? {
                        row.hash = encoded.hash;
                        row.location = place(encoded, resource_flag::METADATA)?;
                        if header.boot_index == index + 1 {
                            header.boot_metadata = row.location;
                        }
                    }
                }
                Kind::Own | Kind::InSolid(..) => match references.get(&row.hash) {
                    Some(&count) => row.references = count,
                    // Nothing refers to it any more. What nothing referred to before is not ours to drop.
                    None if before.contains_key(&row.hash) => continue,
                    None => {}
                },
                Kind::Solid | Kind::Ignored => {}
            }
            rows.push(row);
        }
        let mut fresh: Vec<_> = std::mem::take(&mut self.fresh).into_iter().collect();
        fresh.sort_unstable_by_key(|(hash, _)| *hash);
        for (hash, encoded) in fresh {
            // A content that was replaced again by the same update.
            let Some(&count) = references.get(&hash) else {
                continue;
            };
            let location = place(encoded, 0)?;
            rows.push(Row {
                location,
                part: header.part,
                references: count,
                hash,
                kind: Kind::Own,
            });
        }

        let blob_table = blob_table::encode(&rows);
        let totals: Vec<(u32, TotalsChange)> = self
            .totals
            .iter()
            .map(|(image, change)| (*image, *change))
            .collect();
        let resources_end = taken_end(&rows);
        let table_size = blob_table.len() as u64;
        // The number of bytes before the XML stands in the XML: its digits may change its length.
        let mut at = resources_end;
        let (table_at, xml, integrity_at) = loop {
            let xml = self.wim.xml.with_totals(&totals, at + table_size);
            let xml_end = table_size + xml.len() as u64;
            let sums = integrity.map_or(0, |old| {
                integrity::table_length(at + table_size, integrity::stretch_of(Some(old)))
            });
            let found = taken
                .clone()
                .place(xml_end + sums, at)
                .ok_or(Error::Overflow { what: "the file" })?;
            if found == at {
                break (at, xml, integrity.map(|_| at + xml_end));
            }
            at = found;
        };
        header.blob_table = plain(table_at, table_size);
        header.xml = plain(table_at + table_size, xml.len() as u64);
        let integrity_range = integrity_at.map(|at| {
            let length = integrity::table_length(table_at + table_size, integrity::stretch_of(integrity));
            at..at + length
        });
        let new = owned(&header, &rows).with(integrity_range);
        Ok(Layout {
            resources,
            blob_table,
            xml,
            header,
            integrity_at,
            old,
            new,
        })
    }

    /// How often each content is referred to after the update.
    fn references(&self) -> Result<HashMap<Hash, u32>, Error> {
        let mut counts = HashMap::new();
        for image in 1..=self.wim.header.images {
            let mut own = HashMap::new();
            match self.changed.get(&image) {
                Some(metadata) => metadata.count_references(&mut own)?,
                None => self.wim.peek_metadata(image)?.count_references(&mut own)?,
            }
            add_counts(&mut counts, own);
        }
        Ok(counts)
    }

    /// The new metadata resource of an image, if it changed.
    fn encoded_metadata(&self, image: u32, row: &Row) -> Result<Option<Encoded>, Error> {
        let Some(metadata) = self.changed.get(&image) else {
            return Ok(None);
        };
        let read = || self.wim.read_blob(row, super::BASE_LIMIT, "metadata").map(drop);
        let base = self.base_at(row.hash, row.location, read)?;
        encode(metadata.bytes(), self.wim.header.coding, base.as_ref()).map(Some)
    }
}

/// Where the last resource ends.
fn taken_end(rows: &[Row]) -> u64 {
    rows.iter()
        .filter_map(Row::range)
        .map(|range| range.end)
        .max()
        .unwrap_or(DATA_START)
}

/// The resource header of something stored as it is.
fn plain(offset: u64, size: u64) -> ResourceHeader {
    ResourceHeader {
        size,
        flags: 0,
        offset,
        plain: size,
    }
}
