//! commit - writes an update into the file.
//!
//! Promise: atomic. Until the header is written, everyone sees the old WIM; after it, the new one; each is whole. If
//! writing fails before that, the file gets its old length back and what was written in gaps is wiped. If the new state
//! does not read back as wanted, the old header is put back. Only then is wiped what the old state owned and the new
//! one does not, and what a killed run left behind.

use super::blob_table::{self, BlobTable, Kind, Row};
use super::encode::{Base, Encoded, Piece, encode, survey};
use super::error::{Error, Refusal};
use super::header::{DATA_START, Header, ResourceHeader, resource_flag};
use super::integrity::{self, Integrity};
use super::intent::Intent;
use super::reader::{Wim, add_counts, lock};
use super::resource::{Hash, Resource, read_exact, sha1};
use super::space::Ranges;
use super::storage::{Disk, Storage};
use super::update::{Update, Wanted};
use crate::text::printable;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How much is copied or wiped at once, in bytes.
const STEP: usize = 1 << 20;

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
    /// The ranges that belong to something in the old state.
    old: Ranges,
    /// The ranges that belong to something in the new state.
    new: Ranges,
    /// Where the new integrity table goes, and the old one.
    integrity: Option<(u64, Option<Integrity>)>,
    report: Report,
}

fn write_error(what: &'static str, offset: u64) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Write { what, offset, source }
}

impl Update {
    /// Writes the changes into the WIM itself. `progress` hears how many of how many bytes are done.
    ///
    /// An update without changes writes nothing, unless an earlier run was killed: then it cleans up after it.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::ChangedMeanwhile`], [`Refusal::Delta`], and whatever goes wrong while writing. After
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
        if self.edited.is_empty() && intent.is_none() {
            return Ok(Report {
                length_before,
                length_after: length_before,
                ..Report::default()
            });
        }
        self.lock()?;
        if self.edited.is_empty()
            && let Some(intent) = intent
        {
            return self.clean_up(&intent, progress);
        }
        let plan = self.plan(intent.as_ref())?;
        let storage = Arc::clone(&self.wim.storage);
        write(&*storage, &self, plan, intent.as_ref(), progress)
    }

    /// Writes a changed copy to `output`, which must not exist, and leaves the original alone.
    ///
    /// # Errors
    /// As [`Update::commit`]; after an error there is no `output`.
    pub fn commit_to(mut self, output: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let open_error = |path: &Path| {
            let path = printable(&path.to_string_lossy());
            move |source| Error::Open { path, source }
        };
        if output.try_exists().map_err(open_error(output))? {
            return Err(open_error(output)(io::ErrorKind::AlreadyExists.into()));
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Beside the output, so that giving it its name moves nothing.
        let copy = tempfile::NamedTempFile::new_in(folder).map_err(open_error(folder))?;
        std::fs::copy(&self.wim.path, copy.path()).map_err(open_error(copy.path()))?;
        self.wim.storage = Arc::new(Disk::open(copy.path()).map_err(open_error(copy.path()))?);
        let report = self.commit(progress)?;
        copy.persist_noclobber(output)
            .map_err(|error| open_error(output)(error.error))?;
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
        Ok(())
    }

    /// Decides on the place of everything.
    fn plan(&mut self, intent: Option<&Intent>) -> Result<Plan, Error> {
        let counts = self.count_references()?;
        let metadata = self.encode_metadata()?;
        let wim = &self.wim;
        let old = wim.live();
        let mut taken = old.clone();
        let mut report = self.report(&counts, intent.is_some());
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
        let mut new: Ranges = rows
            .iter()
            .filter_map(Row::range)
            .chain([0..DATA_START])
            .collect();
        // Windows and libwim want the tables behind all resources, in this order.
        let stretch = self.integrity_stretch(intent);
        let table = blob_table::encode(&rows);
        let table_size = table.len() as u64;
        let changes: Vec<_> = self
            .edited
            .iter()
            .map(|(image, edited)| (*image, edited.totals))
            .collect();
        let longest_xml = wim.xml.with_totals(&changes, u64::MAX).len() as u64;
        let sums = |end: u64| {
            stretch.as_ref().map_or(0, |old| {
                integrity::table_length(end, integrity::stretch_of(old.as_ref()))
            })
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
        let integrity = stretch.map(|old| (end, old));
        if integrity.is_some() {
            header.integrity = plain_resource(end, sums_size);
            end += sums_size;
        }
        new = new.with([table_offset..end]);
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
    fn count_references(&self) -> Result<HashMap<Hash, u32>, Error> {
        let mut counts = HashMap::new();
        for image in 1..=self.wim.image_count() {
            let mut own = HashMap::new();
            match self.edited.get(&image) {
                Some(edited) => edited.metadata.count_references(&mut own)?,
                None => self.wim.peek_metadata(image)?.count_references(&mut own)?,
            }
            let pending = |hash: &Hash| self.pending.iter().any(|encoded| encoded.hash == *hash);
            if own
                .keys()
                .any(|hash| self.wim.blobs.find(hash).is_none() && !pending(hash))
            {
                return Err(Refusal::Delta { image }.into());
            }
            add_counts(&mut counts, own);
        }
        Ok(counts)
    }

    /// The new metadata resources.
    fn encode_metadata(&self) -> Result<Vec<(u32, Encoded)>, Error> {
        let wim = &self.wim;
        let mut all = Vec::with_capacity(self.edited.len());
        for (&image, edited) in &self.edited {
            let base = wim.blobs.metadata(image).and_then(|row| {
                let resource = Resource::new(row.location, &wim.header, wim.file_length).ok()?;
                let fingerprints = lock(&wim.fingerprints).get(&row.hash).cloned()?;
                let chunks = resource.chunks(&*wim.storage).ok()?;
                Some(Base { chunks, fingerprints })
            });
            let (bytes, coding) = (edited.metadata.bytes(), wim.header.coding);
            let survey = survey(bytes, coding, base.as_ref());
            all.push((image, encode(bytes, coding, base.as_ref(), survey)?));
        }
        Ok(all)
    }

    /// `Some` if the WIM is to have an integrity table, with the old one if it is still there and whole.
    fn integrity_stretch(&self, intent: Option<&Intent>) -> Option<Option<Integrity>> {
        let header = &self.wim.header;
        let had = header.integrity.plain != 0 || intent.is_some_and(|intent| intent.stretch.is_some());
        had.then(|| {
            let end = header.blob_table.range().map_or(0, |range| range.end);
            Integrity::read(&*self.wim.storage, header.integrity, end).filter(|_| intent.is_none())
        })
    }

    fn report(&self, counts: &HashMap<Hash, u32>, recovered: bool) -> Report {
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
        Report {
            images: self.edited.keys().copied().collect(),
            length_before: self.wim.file_length,
            left: left.collect(),
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
        let dead: Ranges = intent.ranges.with([end..wim.file_length]).without(&live);
        let mut header = wim.header.clone();
        // A torn header is made whole before anything else.
        write_header(storage, &header)?;
        let mut done = 0;
        wipe(storage, &dead, wim.file_length, &mut |bytes| {
            done += bytes;
            progress(done, dead.total());
        })?;
        let mut length_after = end;
        if let Some(old) = self.integrity_stretch(Some(intent)) {
            let table_end = header.blob_table.range().map_or(0, |range| range.end);
            let table = integrity::build(storage, old.as_ref(), &Ranges::default(), table_end)?;
            header.integrity = plain_resource(end, table.len() as u64);
            length_after = end + table.len() as u64;
            storage
                .write_at(&table, end)
                .map_err(write_error("write the integrity table", end))?;
            sync(storage)?;
            write_header(storage, &header)?;
        }
        storage
            .set_length(length_after)
            .map_err(write_error("shorten the file", length_after))?;
        sync(storage)?;
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
            .chain([0..DATA_START])
            .filter(|range| range.end <= self.file_length)
            .collect()
    }
}

/// The rows that stay, with their references counted afresh.
fn kept_rows(blobs: &BlobTable, counts: &HashMap<Hash, u32>) -> Vec<Row> {
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

fn sync(storage: &dyn Storage) -> Result<(), Error> {
    storage
        .sync()
        .map_err(write_error("make sure that the data is on the medium", 0))
}

fn write_header(storage: &dyn Storage, header: &Header) -> Result<(), Error> {
    storage
        .write_at(&header.encode(), 0)
        .map_err(write_error("write the header", 0))?;
    sync(storage)
}

/// Executes the plan.
fn write(
    storage: &dyn Storage,
    update: &Update,
    plan: Plan,
    intent: Option<&Intent>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Error> {
    let Plan {
        header,
        writes,
        old,
        new,
        integrity,
        mut report,
    } = plan;
    let old_length = update.wim.file_length;
    let placed = new.without(&old);
    let interrupted = intent.map_or_else(Ranges::default, |intent| intent.ranges.clone());
    // What is behind the end of the old WIM is what a killed run left, or nothing that belongs to a WIM.
    let behind = old.end()..old_length.max(old.end());
    let dead = old.with(interrupted.iter()).with([behind]).without(&new);
    let note = Intent {
        old_header: update.wim.header.encode(),
        new_header: header.encode(),
        stretch: integrity
            .as_ref()
            .map(|(_, old)| integrity::stretch_of(old.as_ref())),
        ranges: placed.with(dead.iter()),
    };
    report.bytes_written = writes
        .iter()
        .flat_map(|(_, pieces)| pieces)
        .map(Piece::length)
        .sum();
    report.bytes_wiped = dead.total();
    let total = report.bytes_written + report.bytes_wiped;
    let mut done = 0;
    let mut step = |bytes: u64| {
        done += bytes;
        progress(done, total);
    };

    let without_integrity = Header {
        integrity: ResourceHeader::default(),
        ..header.clone()
    };
    let prepared = prepare(
        storage,
        &note,
        writes,
        old_length.max(report.length_after),
        &mut step,
    );
    if let Err(error) = prepared {
        undo(storage, &placed, old_length);
        return Err(error);
    }
    write_header(storage, &without_integrity)?;
    if let Err(what) = read_back(&update.wim, &update.wanted) {
        let mut back = update.wim.header.clone();
        back.bytes = update.wim.header.bytes;
        write_header(storage, &back)?;
        undo(storage, &placed, old_length);
        return Err(Error::ReadBack { what });
    }
    wipe(storage, &dead, old_length, &mut step)?;
    if let Some((offset, old_table)) = integrity {
        let table_end = header.blob_table.range().map_or(0, |range| range.end);
        let table = integrity::build(storage, old_table.as_ref(), &placed.with(dead.iter()), table_end)?;
        storage
            .write_at(&table, offset)
            .map_err(write_error("write the integrity table", offset))?;
        sync(storage)?;
        write_header(storage, &header)?;
    }
    let length = report.length_after;
    storage
        .set_length(length)
        .map_err(write_error("shorten the file", length))?;
    sync(storage)?;
    Ok(report)
}

/// Writes everything that the new header will point to, after a note that says where.
fn prepare(
    storage: &dyn Storage,
    note: &Intent,
    writes: Vec<(u64, Vec<Piece>)>,
    note_offset: u64,
    step: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    storage
        .write_at(&note.encode(), note_offset)
        .map_err(write_error("write at the end of the WIM", note_offset))?;
    sync(storage)?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(STEP));
    for (offset, pieces) in writes {
        let mut position = offset;
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    for part in bytes.chunks(STEP) {
                        if buffer.len() + part.len() > STEP {
                            flush(storage, &mut buffer, &mut position, step)?;
                        }
                        buffer.extend_from_slice(part);
                    }
                }
                Piece::Copy(range) => copy(storage, range, &mut buffer, &mut position, step)?,
            }
        }
        flush(storage, &mut buffer, &mut position, step)?;
    }
    sync(storage)
}

/// Copies a range of the file to the end of what is being written.
fn copy(
    storage: &dyn Storage,
    range: std::ops::Range<u64>,
    buffer: &mut Zeroizing<Vec<u8>>,
    position: &mut u64,
    step: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let mut from = range.start;
    while from < range.end {
        if buffer.len() == STEP {
            flush(storage, buffer, position, step)?;
        }
        let filled = buffer.len();
        let room = usize::try_from(range.end - from)
            .unwrap_or(STEP)
            .min(STEP - filled);
        buffer.resize(filled + room, 0); // within the capacity: nothing moves
        read_exact(
            storage,
            "chunk",
            from,
            buffer.get_mut(filled..).unwrap_or_default(),
        )?;
        from += room as u64;
    }
    Ok(())
}

fn flush(
    storage: &dyn Storage,
    buffer: &mut Zeroizing<Vec<u8>>,
    position: &mut u64,
    step: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    if !buffer.is_empty() {
        storage
            .write_at(buffer, *position)
            .map_err(write_error("write data", *position))?;
        *position += buffer.len() as u64;
        step(buffer.len() as u64);
        buffer.clear();
    }
    Ok(())
}

/// Overwrites ranges with zeros, as far as the file goes, and syncs.
fn wipe(
    storage: &dyn Storage,
    ranges: &Ranges,
    file_length: u64,
    step: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let zeros = vec![0; STEP];
    for range in ranges.iter() {
        let (mut offset, end) = (range.start, range.end.min(file_length));
        while offset < end {
            let length = usize::try_from(end - offset).unwrap_or(STEP).min(STEP);
            let part = zeros.get(..length).unwrap_or_default();
            storage
                .write_at(part, offset)
                .map_err(write_error("wipe", offset))?;
            offset += length as u64;
            step(length as u64);
        }
    }
    sync(storage)
}

/// Takes back what was written before the header. Best effort: the error that led here is the one to report.
fn undo(storage: &dyn Storage, placed: &Ranges, old_length: u64) {
    let wiped = wipe(storage, placed, old_length, &mut |_| {});
    if wiped.is_ok() && storage.set_length(old_length).is_ok() {
        let _best_effort = storage.sync();
    }
}

/// Opens the new state and looks at every path that changed. An error is what is not as wanted.
fn read_back(old: &Wim, wanted: &[Wanted]) -> Result<(), String> {
    let wim = Wim::open_storage(Arc::clone(&old.storage), &old.path).map_err(|error| error.to_string())?;
    for wanted in wanted {
        let path = printable(&wanted.path);
        let found = wim
            .find(wanted.image, &wanted.path)
            .map_err(|error| error.to_string())?;
        if found.as_ref().map(|entry| entry.hash) != wanted.new {
            return Err(format!("{path} in image {}", wanted.image));
        }
        if found.is_some_and(|entry| entry.size.is_none()) {
            return Err(format!("the content of {path} in image {}", wanted.image));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
