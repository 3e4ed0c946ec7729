//! write - the order of writes that makes an update safe: data, sync, header, sync, look, wipe, sync.

use super::layout::Layout;
use super::{Report, Update};
use crate::wim::encode::Piece;
use crate::wim::error::Error;
use crate::wim::header::{HEADER_LENGTH, Header, ResourceHeader};
use crate::wim::integrity::{self, Integrity};
use crate::wim::metadata::Metadata;
use crate::wim::reader::Wim;
use crate::wim::resource::{Hash, NO_HASH, read_exact};
use crate::wim::space::Ranges;
use crate::wim::storage::Storage;
use std::ops::Range;
use std::sync::Arc;

/// How many bytes are copied or wiped at a time.
const STEP: usize = 1 << 20;

impl Update {
    /// Locks the file and makes sure that it is still what was opened.
    pub(super) fn begin_writing(&mut self) -> Result<(), Error> {
        let storage = &self.wim.storage;
        storage.begin_writing().map_err(|source| match source.kind() {
            std::io::ErrorKind::WouldBlock => Error::Locked,
            _ => Error::Write {
                what: "open the WIM for writing",
                offset: 0,
                source,
            },
        })?;
        let mut now = [0; HEADER_LENGTH];
        read_exact(&**storage, "header", 0, &mut now)?;
        let length = storage.length().map_err(|source| Error::Read {
            what: "length of the file",
            offset: 0,
            source,
        })?;
        if now != self.wim.header.bytes || length != self.wim.file_length {
            return Err(Error::ChangedMeanwhile);
        }
        Ok(())
    }

    /// Writes the new state and switches to it.
    pub(super) fn execute(mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, Error> {
        let old_header = self.wim.header.clone();
        let table_end = old_header
            .blob_table
            .offset
            .saturating_add(old_header.blob_table.size);
        let integrity = (old_header.integrity.size > 0)
            .then(|| Integrity::read(&*self.wim.storage, old_header.integrity, table_end))
            .flatten();
        let layout = self.layout(integrity.as_ref())?;
        let (storage, old_length) = (Arc::clone(&self.wim.storage), self.wim.file_length);
        let file = Writer { storage: &*storage };

        let switched = file
            .without_sums(&old_header)
            .and_then(|()| file.new_data(&layout, progress))
            .and_then(|()| file.header(&layout.header))
            .and_then(|()| self.look(&storage));
        if let Err(error) = switched {
            // Back to the old state; if even that fails, the first error tells more.
            let _: Result<(), Error> = file.header(&old_header);
            let _: std::io::Result<()> = storage.set_length(old_length).and_then(|()| storage.sync());
            return Err(error);
        }

        let end = layout.new.end();
        let dead = layout.old.with([end..old_length.max(end)]).without(&layout.new);
        file.wipe(&dead)?;
        file.length(end)?;
        if let Some(at) = layout.integrity_at {
            let touched = dead.with(layout.new.without(&layout.old).iter());
            file.sums(at, integrity.as_ref(), &touched, layout.header.clone())?;
        }
        let encoded = layout.resources.iter().map(|(_, encoded)| encoded);
        Ok(Report {
            changed: true,
            written: layout.size(),
            chunks_kept: encoded.clone().map(|encoded| encoded.chunks_kept).sum(),
            chunks_made: encoded.map(|encoded| encoded.chunks_made).sum(),
            wiped: dead.total(),
        })
    }

    /// Opens the new state and finds everything that was asked for.
    fn look(&self, storage: &Arc<dyn Storage>) -> Result<(), Error> {
        let fault = |what: String| Error::ReadBack { what };
        let wim = Wim::open_storage(Arc::clone(storage), &self.wim.path)?;
        for (image, path) in &self.wanted {
            let content = |metadata: &Metadata| -> Result<Option<Hash>, Error> {
                let found = metadata.find(path)?;
                Ok(found
                    .and_then(|found| metadata.content(&found))
                    .map(|(_, hash)| hash))
            };
            let Some(changed) = self.changed.get(image) else {
                continue;
            };
            let found = content(&*wim.metadata(*image)?)?;
            let is_there = found.is_none_or(|hash| hash == NO_HASH || wim.blobs.find(&hash).is_some());
            if found != content(changed)? || !is_there {
                return Err(fault(format!(
                    "{} in image {image}",
                    crate::text::printable(path)
                )));
            }
        }
        Ok(())
    }
}

/// Writes to the file, with errors that say what was being done.
struct Writer<'s> {
    storage: &'s dyn Storage,
}

impl Writer<'_> {
    fn write(&self, what: &'static str, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.storage
            .write_at(bytes, offset)
            .map_err(|source| Error::Write { what, offset, source })
    }

    fn sync(&self) -> Result<(), Error> {
        self.storage.sync().map_err(|source| Error::Write {
            what: "sync the WIM",
            offset: 0,
            source,
        })
    }

    /// Takes the integrity table out of the header that is in force: its sums would not hold while bytes change.
    fn without_sums(&self, header: &Header) -> Result<(), Error> {
        if header.integrity == ResourceHeader::default() {
            return Ok(());
        }
        let mut header = header.clone();
        header.integrity = ResourceHeader::default();
        self.header(&header)
    }

    /// Writes a header in one write and waits until it is on the medium.
    fn header(&self, header: &Header) -> Result<(), Error> {
        self.write("write the header", &header.encode(), 0)?;
        self.sync()
    }

    /// Writes resources and tables to bytes that nobody owns, and waits until they are on the medium.
    fn new_data(&self, layout: &Layout, progress: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
        let total = layout.size();
        let mut done = 0;
        progress(done, total);
        for (at, encoded) in &layout.resources {
            let mut offset = *at;
            for piece in &encoded.pieces {
                match piece {
                    Piece::Bytes(bytes) => self.write("write data", bytes, offset)?,
                    Piece::Copy(range) => self.copy(range.clone(), offset)?,
                }
                offset += piece.length();
                done += piece.length();
                progress(done, total);
            }
        }
        self.write(
            "write the blob table",
            &layout.blob_table,
            layout.header.blob_table.offset,
        )?;
        self.write("write the XML data", &layout.xml, layout.header.xml.offset)?;
        progress(total, total);
        self.sync()
    }

    /// Copies bytes of the file to another place in it.
    fn copy(&self, from: Range<u64>, to: u64) -> Result<(), Error> {
        let mut buffer = vec![0; STEP];
        let mut offset = from.start;
        while offset < from.end {
            let step = usize::try_from(from.end - offset).unwrap_or(STEP).min(STEP);
            let part = buffer.get_mut(..step).unwrap_or_default();
            read_exact(self.storage, "data", offset, part)?;
            self.write("write data", part, to + (offset - from.start))?;
            offset += step as u64;
        }
        Ok(())
    }

    /// Overwrites ranges with zeros and waits until that is on the medium.
    fn wipe(&self, dead: &Ranges) -> Result<(), Error> {
        let zeros = vec![0; STEP];
        for range in dead.iter() {
            let mut offset = range.start;
            while offset < range.end {
                let step = usize::try_from(range.end - offset).unwrap_or(STEP).min(STEP);
                self.write("wipe old data", zeros.get(..step).unwrap_or_default(), offset)?;
                offset += step as u64;
            }
        }
        self.sync()
    }

    /// Cuts off what lies behind the new state.
    fn length(&self, end: u64) -> Result<(), Error> {
        let now = self.storage.length().map_err(|source| Error::Read {
            what: "length of the file",
            offset: 0,
            source,
        })?;
        if now > end {
            self.storage.set_length(end).map_err(|source| Error::Write {
                what: "cut off old data",
                offset: end,
                source,
            })?;
            self.sync()?;
        }
        Ok(())
    }

    /// Writes the integrity table at `at` and names it in the header.
    fn sums(
        &self,
        at: u64,
        old: Option<&Integrity>,
        touched: &Ranges,
        mut header: Header,
    ) -> Result<(), Error> {
        let end = header.blob_table.offset + header.blob_table.size;
        let table = integrity::build(self.storage, old, touched, end)?;
        self.write("write the integrity table", &table, at)?;
        self.sync()?;
        let size = table.len() as u64;
        header.integrity = ResourceHeader {
            size,
            flags: 0,
            offset: at,
            plain: size,
        };
        self.header(&header)
    }
}
