//! write - executes the plan of a commit, step by step, each on the medium before the next begins.
//!
//! Promise: the order. A note of all places; the data, read and compared; the header without integrity table (the
//! switch); a look at the new state; the wiping; the integrity table; the header with it; the length of the file. A kill between any two of these
//! leaves a whole WIM, and the note until everything is done.

use super::{Plan, Report};
use crate::secret::Wiped;
use crate::text::printable;
use crate::threads::{self, lock};
use crate::wim::encode::Piece;
use crate::wim::error::Error;
use crate::wim::header::{DATA_START, HEADER_LENGTH, Header};
use crate::wim::integrity;
use crate::wim::intent::Intent;
use crate::wim::reader::Wim;
use crate::wim::resource::read_exact;
use crate::wim::space::Ranges;
use crate::wim::storage::Storage;
use crate::wim::update::{Update, Wanted};
use std::io;
use std::iter::once;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// How much is copied or wiped at once, in bytes.
pub(super) const STEP: usize = 1 << 20;
/// Shorter dead ranges than this, in bytes, stay on the medium as zeros.
const WORTH_A_HOLE: u64 = 64 << 10;

pub(super) fn write_error(what: &'static str, offset: u64) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Write { what, offset, source }
}

/// Executes the plan. `intent` is the note of an update that was killed, if there is one.
pub(super) fn write(
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
    let wim = &update.wim;
    let placed = new.without(&wim.live());
    let interrupted = intent.map_or_else(Ranges::default, |intent| intent.ranges.clone());
    // What is behind the end of the old WIM is what a killed run left, or nothing that belongs to a WIM.
    let behind = old.end()..wim.file_length.max(old.end());
    let dead = old.with(interrupted.iter()).with(once(behind)).without(&new);
    let note = Intent {
        old_header: wim.header.encode(),
        new_header: header.encode(),
        stretch: integrity.as_ref().map(|(_, next)| next.stretch()),
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
    if wim.header_found != wim.header.encode() {
        write_header(storage, &wim.header.encode())?; // it was torn
    }
    let note_offset = wim.file_length.max(report.length_after);
    let prepared = write_note(storage, &note, note_offset)
        .and_then(|()| suspend_integrity(storage, &wim.header, &placed))
        .and_then(|()| reserve(storage, integrity.as_ref().map(|(offset, _)| *offset), &header))
        .and_then(|()| prepare(storage, writes, &mut step))
        .and_then(|()| switch(storage, &wim.header, &header));
    match prepared {
        Ok(()) => {}
        Err(Failed::Before(error)) => {
            undo(storage, &placed, wim);
            return Err(error);
        }
        Err(Failed::Unclear(error)) => return Err(error),
    }
    if let Err(what) = read_back(wim, &update.wanted) {
        write_header(storage, &wim.header.without_integrity())?;
        undo(storage, &placed, wim);
        return Err(Error::ReadBack { what });
    }
    wipe(storage, &dead, wim.file_length, &mut step)?;
    if let Some((offset, next)) = integrity {
        let table_end = header.blob_table.range().map_or(0, |range| range.end);
        let touched = placed.with(dead.iter());
        let table = integrity::build(storage, next.old.as_ref(), &touched, table_end)?;
        write_integrity(storage, &table, offset, &header)?;
    }
    set_length(storage, report.length_after)?;
    Ok(report)
}

/// An error and which state the file is in.
enum Failed {
    /// The old header stands.
    Before(Error),
    /// Either header may stand.
    Unclear(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Before(error)
    }
}

fn write_note(storage: &dyn Storage, note: &Intent, offset: u64) -> Result<(), Failed> {
    storage
        .write_at(&note.encode(), offset)
        .map_err(write_error("write at the end of the WIM", offset))?;
    Ok(sync(storage)?)
}

/// Takes the old integrity table out of force before anything is written into a gap that it covers.
fn suspend_integrity(storage: &dyn Storage, old: &Header, placed: &Ranges) -> Result<(), Failed> {
    let table_end = old.blob_table.range().map_or(0, |range| range.end);
    if old.integrity.plain != 0 && placed.touches(&(DATA_START..table_end)) {
        write_header(storage, &old.without_integrity())?;
    }
    Ok(())
}

/// Takes room for the integrity table, which is written last: a full disk shows while the old state is still valid.
fn reserve(storage: &dyn Storage, offset: Option<u64>, new: &Header) -> Result<(), Failed> {
    if let Some(offset) = offset {
        let length = usize::try_from(new.integrity.plain).map_err(|_| Error::Overflow {
            what: "the integrity table",
        })?;
        storage
            .write_at(&vec![0; length], offset)
            .map_err(write_error("write the integrity table", offset))?;
    }
    Ok(())
}

/// Makes the new state valid; if that fails, the old one again.
fn switch(storage: &dyn Storage, old: &Header, new: &Header) -> Result<(), Failed> {
    write_header(storage, &new.without_integrity()).map_err(|error| {
        match write_header(storage, &old.without_integrity()) {
            Ok(()) => Failed::Before(error),
            Err(_) => Failed::Unclear(error),
        }
    })
}

/// Writes an integrity table and brings it into force; if that fails, none is in force.
pub(super) fn write_integrity(
    storage: &dyn Storage,
    table: &[u8],
    offset: u64,
    header: &Header,
) -> Result<(), Error> {
    storage
        .write_at(table, offset)
        .map_err(write_error("write the integrity table", offset))?;
    compare(storage, table, offset, &mut vec![0; table.len()])?;
    sync(storage)?;
    write_header(storage, &header.encode()).inspect_err(|_| {
        // The error that led here is the one to report.
        _ = write_header(storage, &header.without_integrity());
    })
}

/// Gives the file its length.
pub(super) fn set_length(storage: &dyn Storage, length: u64) -> Result<(), Error> {
    storage
        .set_length(length)
        .map_err(write_error("set the length of the file", length))?;
    sync(storage)
}

fn sync(storage: &dyn Storage) -> Result<(), Error> {
    storage
        .sync()
        .map_err(write_error("make sure that the data is on the medium", 0))
}

/// Writes a header, waits until it is on the medium, and compares.
pub(super) fn write_header(storage: &dyn Storage, header: &[u8; HEADER_LENGTH]) -> Result<(), Error> {
    storage
        .write_at(header, 0)
        .map_err(write_error("write the header", 0))?;
    sync(storage)?;
    compare(storage, header, 0, &mut [0; HEADER_LENGTH])
}

/// Reads what was written at `offset` into `buffer`, which is as long, and compares.
fn compare(storage: &dyn Storage, written: &[u8], offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
    read_exact(storage, "what was written", offset, buffer)?;
    if *buffer == *written {
        return Ok(());
    }
    let what = format!("{} bytes at offset {offset:#x}", written.len());
    Err(Error::ReadBack { what })
}

/// Writes one stretch after the other, through one buffer.
struct Writer<'a> {
    storage: &'a dyn Storage,
    buffer: Wiped,
    /// What was just written, as the file has it.
    read_back: Wiped,
    position: u64,
    step: &'a mut dyn FnMut(u64),
}

/// Writes everything that the new header will point to, reads it again and compares.
fn prepare(
    storage: &dyn Storage,
    writes: Vec<(u64, Vec<Piece>)>,
    step: &mut dyn FnMut(u64),
) -> Result<(), Failed> {
    let total: u64 = writes
        .iter()
        .flat_map(|(_, pieces)| pieces)
        .map(Piece::length)
        .sum();
    let threads = threads_for_bytes(total).min(writes.len());
    let waiting = Mutex::new(writes.into_iter());
    on_threads(threads, step, |step| {
        let mut writer = Writer {
            storage,
            buffer: Zeroizing::new(Vec::with_capacity(STEP)),
            read_back: Zeroizing::new(vec![0; STEP]),
            position: 0,
            step,
        };
        loop {
            let Some((offset, pieces)) = lock(&waiting).next() else {
                return Ok(());
            };
            if let Err(error) = writer.resource(offset, pieces) {
                lock(&waiting).by_ref().for_each(drop); // nobody needs to go on
                return Err(error);
            }
        }
    })?;
    Ok(sync(storage)?)
}

/// How many threads are worth it for work on so many bytes.
fn threads_for_bytes(bytes: u64) -> usize {
    /// Less than this is done sooner than a thread is there.
    const EACH: u64 = 8 << 20;
    threads::available()
        .min(usize::try_from(bytes / EACH).unwrap_or(usize::MAX))
        .max(1)
}

/// Does the same on several threads, each of which tells of its steps.
fn on_threads(
    threads: usize,
    step: &mut dyn FnMut(u64),
    work: impl Fn(&mut dyn FnMut(u64)) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    if threads <= 1 {
        return work(step);
    }
    let (sender, steps) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let sender = sender.clone();
                let work = &work;
                // The receiver lives until all senders are gone.
                scope.spawn(move || work(&mut |bytes| _ = sender.send(bytes)))
            })
            .collect();
        drop(sender);
        steps.into_iter().for_each(step);
        let mut all = Ok(());
        for worker in workers {
            let own = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all = all.and(own);
        }
        all
    })
}

impl Writer<'_> {
    fn resource(&mut self, offset: u64, pieces: Vec<Piece>) -> Result<(), Error> {
        self.position = offset;
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => self.add(&bytes)?,
                Piece::Copy(range) => self.copy(range)?,
            }
        }
        self.flush()
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(STEP - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            rest = later;
            self.flush_if_full()?;
        }
        Ok(())
    }

    /// Adds bytes that stand in the file already.
    fn copy(&mut self, range: std::ops::Range<u64>) -> Result<(), Error> {
        let mut from = range.start;
        while from < range.end {
            let filled = self.buffer.len();
            let room = usize::try_from(range.end - from)
                .unwrap_or(STEP)
                .min(STEP - filled);
            self.buffer.resize(filled + room, 0); // within the capacity: nothing moves
            let free = self.buffer.get_mut(filled..).unwrap_or_default();
            read_exact(self.storage, "chunk", from, free)?;
            from += room as u64;
            self.flush_if_full()?;
        }
        Ok(())
    }

    fn flush_if_full(&mut self) -> Result<(), Error> {
        if self.buffer.len() == STEP {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let length = self.buffer.len();
        if length > 0 {
            let offset = self.position;
            self.storage
                .write_at(&self.buffer, offset)
                .map_err(write_error("write data", offset))?;
            let read_back = self.read_back.get_mut(..length).unwrap_or_default();
            compare(self.storage, &self.buffer, offset, read_back)?;
            self.storage.begin_sync(offset..offset + length as u64);
            self.position += length as u64;
            (self.step)(length as u64);
            self.buffer.clear();
        }
        Ok(())
    }
}

/// Overwrites ranges with zeros, as far as the file goes, waits until the zeros are on the medium, and gives it back to the system
/// where that can be done.
pub(super) fn wipe(
    storage: &dyn Storage,
    ranges: &Ranges,
    file_length: u64,
    step: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let steps = ranges.iter().flat_map(|range| {
        let end = range.end.min(file_length);
        (range.start..end)
            .step_by(STEP)
            .map(move |start| start..end.min(start.saturating_add(STEP as u64)))
    });
    let zeros = vec![0; STEP];
    let waiting = Mutex::new(steps);
    on_threads(threads_for_bytes(ranges.total()), step, |step| {
        loop {
            let Some(range) = lock(&waiting).next() else {
                return Ok(());
            };
            let length = range.end - range.start;
            let part = usize::try_from(length)
                .ok()
                .and_then(|length| zeros.get(..length));
            storage
                .write_at(part.unwrap_or_default(), range.start)
                .map_err(write_error("wipe", range.start))?;
            storage.begin_sync(range);
            step(length);
        }
    })?;
    sync(storage)?;
    for range in ranges.iter() {
        let end = range.end.min(file_length);
        if end.saturating_sub(range.start) >= WORTH_A_HOLE {
            // Zeros are what matters; that they cost nothing any more is welcome.
            _ = storage.punch(range.start..end);
        }
    }
    Ok(())
}

/// Takes back what was written before the header. Best effort: the error that led here is the one to report.
fn undo(storage: &dyn Storage, placed: &Ranges, old: &Wim) {
    let restored = wipe(storage, placed, old.file_length, &mut |_| {})
        .and_then(|()| write_header(storage, &old.header.encode()))
        .and_then(|()| set_length(storage, old.file_length));
    // Whatever is left undone, the note at the end of the file tells the next update.
    drop(restored);
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
