//! resource - reads a resource: plain, in chunks, in chunks made for pipes, or solid.
//!
//! Promise: every offset and length from the file is checked before it is used, no more memory is taken than the caller
//! allows, and what is given back has been decompressed in full. Chunks are independent of each other, so they are
//! decompressed on all cores, and hashed in their order meanwhile.

use super::codec::{Codec, Decompressor};
use super::error::Error;
use super::fingerprint::{self, Print, blocks};
use super::header::{Header, ResourceHeader, resource_flag};
use super::reader::lock;
use super::room::{Content, Place, Room, Seen};
use super::storage::Storage;
use crate::bytes;
use crate::secret::Wiped;
use crate::threads;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// A SHA-1: the name of a blob.
pub type Hash = [u8; 20];
/// The name of the empty content, which has no blob.
pub(super) const NO_HASH: Hash = [0; 20];

/// Length of the header of a solid resource: plain length u64, chunk size u32, codec u32.
const SOLID_HEADER_LENGTH: u64 = 16;
/// Length of the header before each chunk of a pipable WIM.
const PIPABLE_CHUNK_HEADER: u64 = 4;
/// From this plain length on, offsets in a chunk table are eight bytes wide.
const WIDE_OFFSETS_FROM: u64 = 1 << 32;
/// So many plain bytes are read and decompressed at a time.
const SEGMENT: usize = 1 << 20;
/// Fewer chunks than this for each thread are not worth a thread.
const CHUNKS_WORTH_A_THREAD: usize = 8;

/// How the bytes of a resource stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As they are.
    Plain,
    /// A table of offsets, then chunks.
    Chunked,
    /// Chunks with a header each, then the table.
    Pipable,
    /// A header of its own, a table of lengths, then chunks.
    Solid,
}

/// A resource and how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) plain: u64,
    pub(super) layout: Layout,
    /// Codec and chunk size; never `None` unless the layout is plain.
    pub(super) coding: Option<(Codec, u32)>,
}

/// Where one chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Length of the plain text.
    pub(super) plain: u32,
}

/// The SHA-1 of `bytes`.
pub(super) fn sha1(bytes: &[u8]) -> Hash {
    Sha1::digest(bytes).into()
}

/// How many threads are worth it for `chunks` chunks.
pub(super) fn threads_for(chunks: usize) -> usize {
    threads::available().min(chunks / CHUNKS_WORTH_A_THREAD).max(1)
}

/// Reads exactly `buffer.len()` bytes and names what was being read if that fails.
pub(super) fn read_exact(
    storage: &dyn Storage,
    what: &'static str,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), Error> {
    storage.read_at(buffer, offset).map_err(|source| {
        if source.kind() == std::io::ErrorKind::UnexpectedEof {
            let needed = buffer.len() as u64;
            Error::Short { what, offset, needed }
        } else {
            Error::Read { what, offset, source }
        }
    })
}

impl Resource {
    /// The resource that a resource header of a WIM with `header` points to. Not for blobs inside solid resources.
    pub(super) fn new(location: ResourceHeader, header: &Header, file_length: u64) -> Result<Self, Error> {
        let compressed = location.has(resource_flag::COMPRESSED);
        let (layout, coding) = match header.coding {
            Some(coding) if compressed && header.pipable => (Layout::Pipable, Some(coding)),
            Some(coding) if compressed => (Layout::Chunked, Some(coding)),
            None if compressed => return Err(Error::UnknownCodec { flags: header.flags }),
            _ => (Layout::Plain, None),
        };
        // Some writers leave nonsense in the length of a plain resource; its plain length says the same.
        let size = if layout == Layout::Plain {
            location.plain
        } else {
            location.size
        };
        let resource = Self {
            offset: location.offset,
            size,
            plain: location.plain,
            layout,
            coding,
        };
        resource.check_inside(file_length)?;
        Ok(resource)
    }

    /// The solid resource that a resource header points to.
    pub(super) fn solid(
        storage: &dyn Storage,
        location: ResourceHeader,
        file_length: u64,
    ) -> Result<Self, Error> {
        let mut raw = [0; 16];
        read_exact(storage, "header of a solid resource", location.offset, &mut raw)?;
        let number = bytes::u32_at(&raw, 12).unwrap_or_default();
        let chunk_size = bytes::u32_at(&raw, 8).unwrap_or_default();
        let codec = Codec::from_number(number).ok_or(Error::UnknownCodec { flags: number })?;
        if !codec.allows_chunk_size(chunk_size) {
            return Err(Error::ChunkSize {
                codec,
                found: chunk_size,
            });
        }
        let resource = Self {
            offset: location.offset,
            size: location.size,
            plain: bytes::u64_at(&raw, 0).unwrap_or_default(),
            layout: Layout::Solid,
            coding: Some((codec, chunk_size)),
        };
        resource.check_inside(file_length)?;
        Ok(resource)
    }

    fn check_inside(&self, file_length: u64) -> Result<(), Error> {
        let inside = self
            .offset
            .checked_add(self.size)
            .is_some_and(|end| end <= file_length);
        inside.then_some(()).ok_or(Error::Short {
            what: "resource",
            offset: self.offset,
            needed: self.size,
        })
    }

    fn damaged(&self, what: &'static str, expected: u64, found: u64) -> Error {
        Error::Damaged {
            what,
            offset: self.offset,
            expected,
            found,
        }
    }

    /// Where every chunk stands. A plain resource has none.
    pub(super) fn chunks(&self, storage: &dyn Storage) -> Result<Vec<Chunk>, Error> {
        let Some((_, chunk_size)) = self.coding else {
            return Ok(Vec::new());
        };
        let count = self.plain.div_ceil(u64::from(chunk_size));
        if count == 0 {
            return Ok(Vec::new());
        }
        let wide = self.plain >= WIDE_OFFSETS_FROM && self.layout != Layout::Solid;
        let width: u64 = if wide { 8 } else { 4 };
        let (entries, before) = match self.layout {
            Layout::Solid => (count, SOLID_HEADER_LENGTH),
            _ => (count - 1, 0),
        };
        // Each chunk has at least one byte, so the table is never much longer than the resource.
        let table_length = entries
            .checked_mul(width)
            .filter(|length| {
                length
                    .checked_add(before + count)
                    .is_some_and(|all| all <= self.size)
            })
            .ok_or_else(|| self.damaged("length of a chunk table", self.size, count.saturating_mul(width)))?;
        let table_offset = match self.layout {
            Layout::Pipable => self.offset + self.size - table_length,
            _ => self.offset + before,
        };
        let mut table = vec![
            0;
            usize::try_from(table_length).map_err(|_| Error::Overflow {
                what: "a chunk table"
            })?
        ];
        read_exact(storage, "chunk table", table_offset, &mut table)?;
        let numbers = table.chunks_exact(if wide { 8 } else { 4 }).map(|entry| {
            let wide = bytes::u64_at(entry, 0);
            wide.unwrap_or_else(|| u64::from(bytes::u32_at(entry, 0).unwrap_or_default()))
        });
        let data_length = self.size - before - table_length;
        self.spans(numbers, count, data_length, table_offset + table_length)
    }

    /// Turns the numbers of a chunk table into places.
    fn spans(
        &self,
        numbers: impl Iterator<Item = u64>,
        count: u64,
        data_length: u64,
        after_table: u64,
    ) -> Result<Vec<Chunk>, Error> {
        let (data_start, header_each, lengths) = match self.layout {
            Layout::Pipable => (self.offset, PIPABLE_CHUNK_HEADER, false),
            Layout::Solid => (after_table, 0, true),
            _ => (after_table, 0, false),
        };
        let headers = header_each * count;
        let end = data_length
            .checked_sub(headers)
            .ok_or_else(|| self.damaged("length of a resource", headers, data_length))?;
        let chunk_size = u64::from(self.coding.map_or(0, |(_, size)| size));
        let mut chunks = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        let mut add = |start: u64, stop: u64| {
            let index = chunks.len() as u64;
            let plain = chunk_size.min(self.plain - index * chunk_size);
            let length = stop
                .checked_sub(start)
                .filter(|length| (1..=plain).contains(length) && stop <= end);
            let length = length.ok_or_else(|| self.damaged("chunk table of a resource", end, stop))?;
            chunks.push(Chunk {
                offset: data_start + start + header_each * (index + 1),
                length: u32::try_from(length).unwrap_or(u32::MAX),
                plain: u32::try_from(plain).unwrap_or(u32::MAX),
            });
            Ok::<(), Error>(())
        };
        let mut start = 0u64;
        for number in numbers {
            let stop = if lengths {
                start.saturating_add(number)
            } else {
                number
            };
            add(start, stop)?;
            start = stop;
        }
        if !lengths {
            add(start, end)?;
        }
        Ok(chunks)
    }

    /// The whole plain text, if it is not longer than `limit`; not hashed.
    pub(super) fn read(&self, storage: &dyn Storage, limit: u64) -> Result<Wiped, Error> {
        let length = self.within(limit, self.plain)?;
        // Before memory is taken: a chunk table that fits the file bounds the plain length.
        let chunks = self.chunks(storage)?;
        let mut plain = Zeroizing::new(vec![0; length]);
        match self.layout {
            Layout::Plain => read_exact(storage, "resource", self.offset, &mut plain)?,
            _ => _ = self.decompress(storage, &chunks, &mut plain, &Means::default())?,
        }
        Ok(plain)
    }

    /// The whole plain text, if it is not longer than `limit`, in the memory of `room`, with its hash.
    pub(super) fn read_into(
        &self,
        storage: &dyn Storage,
        limit: u64,
        room: &mut Room,
    ) -> Result<Content, Error> {
        let length = self.within(limit, self.plain)?;
        let chunks = self.chunks(storage)?;
        let (mut plain, seen) = room.take(length).map_err(|source| Error::Read {
            what: "resource",
            offset: self.offset,
            source,
        })?;
        if self.layout == Layout::Plain {
            read_exact(storage, "resource", self.offset, &mut plain)?;
            let hash = sha1(&plain);
            return Ok(Content {
                plain,
                hash,
                prints: Arc::default(),
            });
        }
        let means = Means {
            threads: Some(room.allowance().threads()),
            seen: seen.as_ref(),
            hash: true,
        };
        let (hash, places, prints) = self.decompress(storage, &chunks, &mut plain, &means)?;
        let prints: Arc<[Print]> = prints.into();
        room.holds(Seen {
            places,
            prints: Arc::clone(&prints),
        });
        Ok(Content { plain, hash, prints })
    }

    /// `size` plain bytes from `offset` on, if they are not more than `limit`: a blob inside a solid resource.
    pub(super) fn read_part(
        &self,
        storage: &dyn Storage,
        offset: u64,
        size: u64,
        limit: u64,
    ) -> Result<Wiped, Error> {
        let length = self.within(limit, size)?;
        let end = offset.checked_add(size).filter(|&end| end <= self.plain);
        let (Some(end), Some((_, chunk_size))) = (end, self.coding) else {
            return Err(self.damaged("place of a blob in a solid resource", self.plain, offset));
        };
        let chunk_size = u64::from(chunk_size);
        let (first, last) = (offset / chunk_size, end.div_ceil(chunk_size));
        let chunks = self.chunks(storage)?;
        let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let needed = chunks.get(index(first)..index(last)).unwrap_or_default();
        let covered = needed.iter().map(|chunk| u64::from(chunk.plain)).sum();
        let mut plain = Zeroizing::new(vec![0; index(covered)]);
        self.decompress(storage, needed, &mut plain, &Means::default())?;
        let part = bytes::slice(&plain, index(offset - first * chunk_size), length);
        let part =
            part.ok_or_else(|| self.damaged("place of a blob in a solid resource", self.plain, offset))?;
        Ok(Zeroizing::new(part.to_vec()))
    }

    /// Hands out the plain text part by part, in order, with memory for one segment, or for one chunk where that is longer.
    pub(super) fn for_each_part(
        &self,
        storage: &dyn Storage,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Error> {
        const STEP: u64 = 1 << 20;
        let Some((codec, chunk_size)) = self.coding else {
            let mut done = 0;
            let mut part = Zeroizing::new(Vec::new());
            while done < self.plain {
                let length = usize::try_from((self.plain - done).min(STEP)).unwrap_or_default();
                crate::secret::grow(&mut part, length);
                part.truncate(length);
                read_exact(storage, "resource", self.offset + done, &mut part)?;
                visit(&part);
                done += length as u64;
            }
            return Ok(());
        };
        let chunks = self.chunks(storage)?;
        let chunk_size = chunk_size as usize;
        let each = (SEGMENT / chunk_size).max(1);
        let mut worker = Worker::new(storage, codec, chunk_size, None)?;
        let mut plain = Zeroizing::new(vec![0; each.saturating_mul(chunk_size)]);
        for (index, chunks) in chunks.chunks(each).enumerate() {
            let length: usize = chunks.iter().map(|chunk| chunk.plain as usize).sum();
            let segment = Segment {
                index,
                first_chunk: index * each,
                chunks,
                plain: plain.get_mut(..length).unwrap_or_default(),
            };
            visit(worker.decompress(segment)?.plain);
        }
        Ok(())
    }

    fn within(&self, limit: u64, size: u64) -> Result<usize, Error> {
        usize::try_from(size)
            .ok()
            .filter(|_| size <= limit)
            .ok_or_else(|| Error::TooLarge {
                what: format!("the resource at offset {:#x}", self.offset),
                size,
                limit,
            })
    }

    /// Decompresses `chunks`, which follow each other, into `plain`, which is as long as their plain text. Gives the hash of it if
    /// that is wanted, where each chunk came from, and the fingerprint of each block.
    fn decompress<'p>(
        &self,
        storage: &dyn Storage,
        chunks: &[Chunk],
        plain: &'p mut [u8],
        means: &Means<'_>,
    ) -> Result<(Hash, Vec<Place>, Vec<Print>), Error> {
        let Some((codec, chunk_size)) = self.coding else {
            return Ok((NO_HASH, Vec::new(), Vec::new()));
        };
        let chunk_size = chunk_size as usize;
        let each = (SEGMENT / chunk_size).max(1);
        let segments = chunks
            .chunks(each)
            .zip(plain.chunks_mut(each.saturating_mul(chunk_size)))
            .enumerate()
            .map(|(index, (chunks, plain))| Segment {
                index,
                first_chunk: index * each,
                chunks,
                plain,
            });
        let mut gathered = Gathered {
            hasher: means.hash.then(Sha1::new),
            places: Vec::with_capacity(chunks.len()),
            prints: Vec::with_capacity(chunks.len()),
        };
        let new_worker = || Worker::new(storage, codec, chunk_size, means.seen);
        let threads = means
            .threads
            .unwrap_or_else(threads::available)
            .min(chunks.len() / CHUNKS_WORTH_A_THREAD);
        if threads <= 1 {
            let mut worker = new_worker()?;
            for segment in segments {
                gathered.add(&worker.decompress(segment)?);
            }
        } else {
            let segments = Mutex::new(segments);
            let work = |results: &Sender<Result<Finished<'p>, Error>>| {
                let mut worker = new_worker();
                loop {
                    let Some(segment) = lock(&segments).next() else {
                        return;
                    };
                    let finished = match &mut worker {
                        Ok(worker) => worker.decompress(segment),
                        Err(_) => Err(Error::CodecUnavailable { codec, chunk_size }),
                    };
                    let failed = finished.is_err();
                    if results.send(finished).is_err() || failed {
                        return;
                    }
                }
            };
            let (sender, results) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    let sender = sender.clone();
                    let work = &work;
                    scope.spawn(move || work(&sender));
                }
                drop(sender);
                gathered.add_in_order(results)
            })?;
        }
        let hash = gathered.hasher.map_or(NO_HASH, |hasher| hasher.finalize().into());
        Ok((hash, gathered.places, gathered.prints))
    }
}

/// How a resource is to be decompressed.
#[derive(Default)]
struct Means<'a> {
    /// With how many threads; as many as there are cores if `None`.
    threads: Option<usize>,
    /// What the memory holds already.
    seen: Option<&'a Seen>,
    /// Whether the plain text is to be hashed.
    hash: bool,
}

/// Some chunks of a resource and the place of their plain text.
struct Segment<'c, 'p> {
    index: usize,
    first_chunk: usize,
    chunks: &'c [Chunk],
    plain: &'p mut [u8],
}

/// A segment that was decompressed.
struct Finished<'a> {
    index: usize,
    plain: &'a [u8],
    places: Vec<Place>,
    prints: Vec<Print>,
}

/// What is known of all segments so far.
struct Gathered {
    hasher: Option<Sha1>,
    places: Vec<Place>,
    prints: Vec<Print>,
}

impl Gathered {
    fn add(&mut self, finished: &Finished<'_>) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(finished.plain);
        }
        self.places.extend_from_slice(&finished.places);
        self.prints.extend_from_slice(&finished.prints);
    }

    /// Adds segments that come in any order; hashes while others are still being decompressed.
    fn add_in_order<'a>(
        &mut self,
        results: impl IntoIterator<Item = Result<Finished<'a>, Error>>,
    ) -> Result<(), Error> {
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for finished in results {
            let finished = finished?;
            waiting.insert(finished.index, finished);
            while let Some(finished) = waiting.remove(&next) {
                self.add(&finished);
                next += 1;
            }
        }
        Ok(())
    }
}

/// Decompresses one segment after the other.
struct Worker<'a> {
    storage: &'a dyn Storage,
    decompressor: Decompressor,
    chunk_size: usize,
    /// The chunks of a segment as they stand in the file.
    compressed: Wiped,
    seen: Option<&'a Seen>,
}

impl<'a> Worker<'a> {
    fn new(
        storage: &'a dyn Storage,
        codec: Codec,
        chunk_size: usize,
        seen: Option<&'a Seen>,
    ) -> Result<Self, Error> {
        Ok(Self {
            storage,
            decompressor: Decompressor::new(codec, chunk_size)?,
            chunk_size,
            compressed: Wiped::default(),
            seen,
        })
    }

    fn decompress<'p>(&mut self, segment: Segment<'_, 'p>) -> Result<Finished<'p>, Error> {
        let Segment {
            index,
            first_chunk,
            chunks,
            plain,
        } = segment;
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
            return Err(Error::Chunk { offset: 0 });
        };
        // One reading for all: a chunk is short, and chunks stand one behind the other.
        let length = last.offset + u64::from(last.length) - first.offset;
        let length = usize::try_from(length).map_err(|_| Error::Chunk { offset: first.offset })?;
        if length > self.compressed.len() {
            self.compressed = Zeroizing::new(vec![0; length]);
        }
        let raw = self.compressed.get_mut(..length).unwrap_or_default();
        read_exact(self.storage, "chunk", first.offset, raw)?;
        let mut places = Vec::with_capacity(chunks.len());
        let mut prints = Vec::with_capacity(blocks(plain.len()));
        for (number, (chunk, plain)) in
            (first_chunk..).zip(chunks.iter().zip(plain.chunks_mut(self.chunk_size)))
        {
            let damaged = Error::Chunk { offset: chunk.offset };
            let start = usize::try_from(chunk.offset - first.offset).unwrap_or(usize::MAX);
            let Some(compressed) = bytes::slice(raw, start, chunk.length as usize) else {
                return Err(damaged);
            };
            let place = Place::of(compressed);
            places.push(place);
            if chunk.length == chunk.plain {
                plain.copy_from_slice(compressed);
            } else if let Some(known) = self.seen.and_then(|seen| seen.holds(number, place, plain)) {
                prints.push(known);
                continue;
            } else if !self.decompressor.decompress(compressed, plain) {
                return Err(damaged);
            }
            prints.extend(fingerprint::prints(plain));
        }
        Ok(Finished {
            index,
            plain,
            places,
            prints,
        })
    }
}
