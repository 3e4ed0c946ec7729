//! commit - writes an update into the file.
//!
//! Promise: atomic. Until the header is written, everyone sees the old WIM; after it, the new one; each is whole. If
//! writing fails before that, the file gets its old length back and what was written in gaps is wiped. If the new state
//! does not read back as wanted, the old header is put back. Only then is wiped what the old state owned and the new
//! one does not, and what a killed run left behind.

mod write;

use super::blob_table::{self, BlobTable, Kind, Row};
use super::encode::{Base, Encoded, Piece, encode, survey};
use super::error::Error;
use super::header::{DATA_START, Header, ResourceHeader, flag, resource_flag};
use super::integrity::{self, Integrity, NextTable};
use super::intent::Intent;
use super::reader::Wim;
use super::resource::{Counts, Hash, Resource, read_exact, sha1};
use super::space::Ranges;
use super::storage::Disk;
use super::update::Update;
use crate::file;
use crate::text::printable;
use crate::threads::{Allowance, lock};
use std::fs::{File, TryLockError};
use std::io;
use std::iter::once;
use std::path::Path;
use std::sync::Arc;
use write::write_error;
use zeroize::Zeroizing;

/// What a commit did. All lengths in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The images that changed.
    pub images: Vec<u32>,
    /// How many new contents were written.
    pub contents_written: usize,
    /// Chunks of old contents that were taken over compressed, as they were.
    pub chunks_kept: usize,
    /// Chunks that were compressed.
    pub chunks_compressed: usize,
    /// Bytes written, tables included.
    pub bytes_written: u64,
    /// Bytes of the old state overwritten with zeros or cut off.
    pub bytes_wiped: u64,
    /// Length of the file before.
    pub length_before: u64,
    /// Length of the file after.
    pub length_after: u64,
    /// Old contents of changed files that are still in the WIM.
    pub left: Vec<Left>,
    /// Contents that nothing referred to before, which other programs had left; they are gone, unless they are solid.
    pub orphans_dropped: usize,
    /// Whether an earlier run had been killed and was cleaned up after.
    pub recovered: bool,
}

/// An old content that could not be wiped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The image whose file had this content.
    pub image: u32,
    /// The path of that file.
    pub path: String,
    /// The content.
    pub hash: Hash,
    /// Why it is still there.
    pub reason: LeftReason,
}

/// Why an old content is still in the WIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftReason {
    /// Other files, of this or another image, have the same content.
    StillUsed,
    /// It is part of a solid resource, which only recompressing the WIM can change.
    Solid,
}

/// What is going to be written, and where.
struct Plan {
    header: Header,
    /// Resources and tables with their places, in the order in which they are written.
    writes: Vec<(u64, Vec<Piece>)>,
    /// The ranges that belong to something in the old state, or are to be wiped with it.
    old: Ranges,
    /// The ranges that belong to something in the new state.
    new: Ranges,
    /// Where the new integrity table goes, and the old one.
    integrity: Option<(u64, NextTable)>,
    report: Report,
}

impl Update {
    /// Writes the changes into the WIM itself. `progress` hears how many of how many bytes are done.
    ///
    /// An update without changes writes nothing, unless an earlier run was killed: then it cleans up after it.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::ChangedMeanwhile`], [`Refusal::Delta`](super::Refusal::Delta), and whatever goes wrong while writing. After
    /// an error the WIM is as it was before, or, if the error came during the wiping, already as wanted.
    pub fn commit(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let length_before = self.wim.file_length;
        let intent = self.wim.interrupted.take();
        // What was changed and changed back is no change.
        let wim = &self.wim;
        let unchanged = |image: u32, bytes: &[u8]| {
            wim.blobs
                .metadata(image)
                .is_some_and(|row| row.hash == sha1(bytes))
        };
        self.edited
            .retain(|&image, edited| !unchanged(image, edited.metadata.bytes()));
        let marked = self.wim.is_marked_as_being_written();
        if self.edited.is_empty() && intent.is_none() && !self.wipe && !marked {
            return Ok(Report {
                length_before,
                length_after: length_before,
                ..Report::default()
            });
        }
        self.lock()?;
        if self.edited.is_empty()
            && !self.wipe
            && !marked
            && let Some(intent) = intent
        {
            return self.clean_up(&intent, progress);
        }
        let plan = self.plan(intent.as_ref())?;
        let storage = Arc::clone(&self.wim.storage);
        write::write(&*storage, &self, plan, intent.as_ref(), progress)
    }

    /// Writes a changed copy to `output`, which must not exist, and leaves the original alone.
    ///
    /// # Errors
    /// As [`Update::commit`]; after an error there is no `output`.
    pub fn commit_to(mut self, output: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let name = || printable(&output.to_string_lossy());
        let failed = |source: io::Error| Error::Create {
            path: name(),
            // Without the temporary name, which means nothing to anybody.
            source: source.kind().into(),
        };
        if output.try_exists().map_err(failed)? {
            return Err(Error::Taken { path: name() });
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Beside the output, so that giving it its name moves nothing.
        let folder = folder.unwrap_or(Path::new("."));
        let mut copy = file::fresh_in(folder).map_err(failed)?;
        let mut original = File::open(&self.wim.path).map_err(|source| Error::Open {
            path: printable(&self.wim.path.to_string_lossy()),
            source,
        })?;
        // Nobody may write to it while it is copied; where there are no locks, a change is noticed most of the time.
        if matches!(original.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Err(Error::Locked);
        }
        io::copy(&mut original, copy.as_file_mut()).map_err(failed)?;
        self.wim.storage = Arc::new(Disk::open(copy.path()).map_err(failed)?);
        // From here on the update's own lock holds it.
        copy.as_file().unlock().map_err(failed)?;
        let report = self.commit(progress)?;
        // Only now, for the original may be one that nobody may write to, as on a medium.
        let mode = original.metadata().map(|metadata| metadata.permissions());
        mode.and_then(|mode| copy.as_file().set_permissions(mode))
            .map_err(failed)?;
        copy.persist_noclobber(output)
            .map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::Taken { path: name() },
                _ => failed(error.error),
            })?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(report)
    }

    /// Takes the lock and makes sure that the file is still the one that was opened.
    fn lock(&self) -> Result<(), Error> {
        let storage = &*self.wim.storage;
        storage.begin_writing().map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => Error::Locked,
            _ => write_error("open the WIM for writing", 0)(source),
        })?;
        let mut now = self.wim.header_found;
        read_exact(storage, "header", 0, &mut now)?;
        let length = storage.length().map_err(write_error("measure the file", 0))?;
        if now != self.wim.header_found || length != self.wim.file_length {
            return Err(Error::ChangedMeanwhile);
        }
        // Two other updates may have brought the header back to what it was: places are used again.
        let table = BlobTable::read(storage, &self.wim.header, length)?;
        if table.rows != self.wim.blobs.rows {
            return Err(Error::ChangedMeanwhile);
        }
        Ok(())
    }

    /// Decides on the place of everything.
    fn plan(&mut self, intent: Option<&Intent>) -> Result<Plan, Error> {
        let counts = self.count_references()?;
        let metadata = self.encode_metadata()?;
        let wim = &self.wim;
        let mut old = wim.live();
        let mut taken = old.with(wim.filled_gaps(&old)?.iter());
        if self.wipe {
            old = once(0..wim.file_length).collect();
        }
        let mut report = self.report(&counts, wim.was_interrupted() || intent.is_some());
        let mut writes = Vec::new();
        let mut place = |encoded: Encoded, flags: u8| {
            let offset = taken
                .place(encoded.size(), DATA_START)
                .ok_or(Error::Overflow { what: "the WIM" })?;
            let location = encoded.location(offset, flags);
            report.chunks_kept += encoded.chunks_kept;
            report.chunks_compressed += encoded.chunks_made;
            writes.push((offset, encoded.pieces));
            Ok::<_, Error>(location)
        };
        let mut header = wim.header.clone();
        header.flags &= !flag::WRITE_IN_PROGRESS; // nobody else writes: this update holds the lock
        let mut rows = kept_rows(&wim.blobs, &counts);
        for encoded in std::mem::take(&mut self.pending) {
            if let Some(&references) = counts.get(&encoded.hash) {
                let hash = encoded.hash;
                let location = place(encoded, 0)?;
                report.contents_written += 1;
                rows.push(new_row(location, header.part, references, hash));
            }
        }
        for (image, encoded) in metadata {
            let hash = encoded.hash;
            let location = place(encoded, resource_flag::METADATA)?;
            if header.boot_index == image {
                header.boot_metadata = location;
            }
            if let Some(row) = rows.iter_mut().find(|row| row.kind == Kind::Metadata(image - 1)) {
                (row.location, row.hash) = (location, hash);
            }
        }
        // A row that is kept although nobody uses it may claim what is not there; it takes no room.
        let reach = taken.end().max(wim.file_length);
        let mut new: Ranges = rows
            .iter()
            .filter_map(Row::range)
            .filter(|range| range.end <= reach)
            .chain(once(0..DATA_START))
            .collect();
        // Windows and libwim want the tables behind all resources, in this order.
        let next_sums = self.next_integrity(intent);
        let table = blob_table::encode(&rows);
        let table_size = table.len() as u64;
        let changes: Vec<_> = self
            .edited
            .iter()
            .map(|(image, edited)| (*image, edited.totals))
            .collect();
        let longest_xml = wim.xml.with_totals(&changes, u64::MAX).len() as u64;
        let sums = |end: u64| {
            next_sums
                .as_ref()
                .map_or(0, |next| integrity::table_length(end, next.stretch()))
        };
        let upper = taken.end().saturating_add(table_size);
        let table_offset = taken
            .place(table_size + longest_xml + sums(upper), new.end())
            .ok_or(Error::Overflow { what: "the WIM" })?;
        let table_end = table_offset + table_size;
        let xml = wim.xml.with_totals(&changes, table_end);
        let xml_size = xml.len() as u64;
        header.blob_table = plain_resource(table_offset, table_size);
        header.xml = plain_resource(table_end, xml_size);
        let mut end = table_end + xml_size;
        let sums_size = sums(table_end);
        header.integrity = ResourceHeader::default();
        let integrity = next_sums.map(|next| (end, next));
        if integrity.is_some() {
            header.integrity = plain_resource(end, sums_size);
            end += sums_size;
        }
        new = new.with(once(table_offset..end));
        writes.push((
            table_offset,
            vec![
                Piece::Bytes(Zeroizing::new(table)),
                Piece::Bytes(Zeroizing::new(xml)),
            ],
        ));
        report.length_after = end.max(new.end());
        Ok(Plan {
            header,
            writes,
            old,
            new,
            integrity,
            report,
        })
    }

    /// The references of all images after the update.
    fn count_references(&self) -> Result<Counts, Error> {
        let pending = |hash: &Hash| self.pending.iter().any(|encoded| encoded.hash == *hash);
        self.wim.add_up(
            |image, counts| match self.edited.get(&image) {
                Some(edited) => edited.metadata.count_references(counts),
                None => self.wim.peek_metadata(image)?.count_references(counts),
            },
            |hash| self.wim.blobs.find(hash).is_some() || pending(hash),
        )
    }

    /// The new metadata resources.
    fn encode_metadata(&self) -> Result<Vec<(u32, Encoded)>, Error> {
        let wim = &self.wim;
        let mut all = Vec::with_capacity(self.edited.len());
        for (&image, edited) in &self.edited {
            let base = wim.blobs.metadata(image).and_then(|row| {
                let resource = Resource::new(row.location, &wim.header, wim.file_length).ok()?;
                let prints = lock(&wim.fingerprints).get(&row.hash).cloned()?;
                let chunks = resource.chunks(&*wim.storage).ok()?;
                Some(Base { chunks, prints })
            });
            let (bytes, coding) = (edited.metadata.bytes(), wim.header.coding);
            let survey = survey(bytes, coding, base.as_ref(), &Allowance::default());
            all.push((image, encode(bytes, coding, base.as_ref(), survey, &wim.cache)?));
        }
        Ok(all)
    }

    /// `Some` if the WIM is to have an integrity table, with the old one if it is still there and whole.
    fn next_integrity(&self, intent: Option<&Intent>) -> Option<NextTable> {
        let header = &self.wim.header;
        let had = header.integrity.plain != 0 || intent.is_some_and(|intent| intent.stretch.is_some());
        had.then(|| {
            let end = header.blob_table.range().map_or(0, |range| range.end);
            let old = Integrity::read(&*self.wim.storage, header.integrity, end);
            NextTable {
                old: old.filter(|_| intent.is_none()),
            }
        })
    }

    fn report(&self, counts: &Counts, recovered: bool) -> Report {
        let left = self.wanted.iter().filter_map(|wanted| {
            let hash = wanted.old.filter(|hash| wanted.new != Some(*hash))?;
            let reason = match self.wim.blobs.find(&hash)?.kind {
                _ if counts.contains_key(&hash) => LeftReason::StillUsed,
                Kind::InSolid(..) => LeftReason::Solid,
                _ => return None,
            };
            Some(Left {
                image: wanted.image,
                path: wanted.path.clone(),
                hash,
                reason,
            })
        });
        let replaced = |hash: &Hash| self.wanted.iter().any(|wanted| wanted.old.as_ref() == Some(hash));
        let orphans =
            self.wim.blobs.rows.iter().filter(|row| {
                row.kind == Kind::Own && !counts.contains_key(&row.hash) && !replaced(&row.hash)
            });
        Report {
            images: self.edited.keys().copied().collect(),
            length_before: self.wim.file_length,
            left: left.collect(),
            orphans_dropped: orphans.count(),
            recovered,
            ..Report::default()
        }
    }

    /// Finishes what a killed run meant to do, without changes of its own.
    fn clean_up(&self, intent: &Intent, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let wim = &self.wim;
        let storage = &*wim.storage;
        let live = wim.live();
        let end = live.end();
        let dead: Ranges = intent.ranges.with(once(end..wim.file_length)).without(&live);
        let mut header = wim.header.clone();
        // A torn header is made whole before anything else.
        write::write_header(storage, &header.without_integrity())?;
        let mut done = 0;
        write::wipe(storage, &dead, wim.file_length, &mut |bytes| {
            done += bytes;
            progress(done, dead.total());
        })?;
        let mut length_after = end;
        if let Some(next) = self.next_integrity(Some(intent)) {
            let table_end = header.blob_table.range().map_or(0, |range| range.end);
            let table = integrity::build(storage, next.old.as_ref(), &Ranges::default(), table_end)?;
            header.integrity = plain_resource(end, table.len() as u64);
            length_after = end + table.len() as u64;
            write::write_integrity(storage, &table, end, &header)?;
        }
        write::set_length(storage, length_after)?;
        Ok(Report {
            bytes_wiped: dead.total(),
            length_before: wim.file_length,
            length_after,
            recovered: true,
            ..Report::default()
        })
    }
}

impl Wim {
    /// What is not zero between `live` ranges: it is not this program's to overwrite.
    fn filled_gaps(&self, live: &Ranges) -> Result<Ranges, Error> {
        let all: Ranges = once(0..live.end()).collect();
        let mut filled = Vec::new();
        let mut buffer = vec![0; write::STEP];
        for gap in all.without(live).iter() {
            let mut offset = gap.start;
            while offset < gap.end {
                let length = usize::try_from(gap.end - offset)
                    .unwrap_or(write::STEP)
                    .min(write::STEP);
                let part = buffer.get_mut(..length).unwrap_or_default();
                read_exact(&*self.storage, "gap", offset, part)?;
                let first = part.iter().position(|&byte| byte != 0);
                let last = part.iter().rposition(|&byte| byte != 0);
                if let (Some(first), Some(last)) = (first, last) {
                    filled.push(offset + first as u64..offset + last as u64 + 1);
                }
                offset += length as u64;
            }
        }
        Ok(filled.into_iter().collect())
    }

    /// The ranges of the file that belong to something.
    pub(super) fn live(&self) -> Ranges {
        let header = &self.header;
        let tables = [header.blob_table, header.xml, header.integrity];
        let tables = tables.into_iter().filter_map(|table| {
            // The length of a plain table counts, whatever its other length says.
            let size = if table.has(resource_flag::COMPRESSED) {
                table.size
            } else {
                table.plain
            };
            ResourceHeader { size, ..table }.range()
        });
        let rows = self.blobs.rows.iter().filter_map(Row::range);
        rows.chain(tables)
            .chain(once(0..DATA_START))
            .filter(|range| range.end <= self.file_length)
            .collect()
    }
}

/// The rows that stay, with their references counted afresh.
fn kept_rows(blobs: &BlobTable, counts: &Counts) -> Vec<Row> {
    let keep = |row: &Row| match row.kind {
        Kind::Own | Kind::InSolid(..) => counts
            .get(&row.hash)
            .map(|&references| Row { references, ..*row }),
        // Metadata of an image that was deleted.
        Kind::Ignored if row.location.has(resource_flag::METADATA) && row.references == 0 => None,
        Kind::Metadata(_) | Kind::Solid | Kind::Ignored => Some(*row),
    };
    blobs.rows.iter().filter_map(keep).collect()
}

fn new_row(location: ResourceHeader, part: u16, references: u32, hash: Hash) -> Row {
    Row {
        location,
        part,
        references,
        hash,
        kind: Kind::Own,
    }
}

fn plain_resource(offset: u64, size: u64) -> ResourceHeader {
    ResourceHeader {
        size,
        flags: resource_flag::METADATA,
        offset,
        plain: size,
    }
}

#[cfg(test)]
mod tests;
