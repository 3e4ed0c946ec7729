//! resource - reads a resource: plain, in chunks, in chunks made for pipes, or solid.
//!
//! Promise: every offset and length from the file is checked before it is used, no more memory is taken than the caller
//! allows, and what is given back has been decompressed in full. Chunks are independent of each other, so they are
//! decompressed on all cores, and hashed in their order meanwhile.

mod chunk_table;
mod decompress;

pub(super) use chunk_table::Chunk;

use super::codec::Codec;
use super::error::Error;
use super::fingerprint::Print;
use super::header::{Header, ResourceHeader, resource_flag};
use super::room::{Content, Room, Seen};
use super::storage::Storage;
use crate::bytes;
use crate::secret::Wiped;
use crate::threads;
use decompress::{Means, Segment, Worker};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A SHA-1: the name of a blob.
pub type Hash = [u8; 20];
/// How often each content is referred to.
pub(super) type Counts = HashMap<Hash, u32>;
/// The name of the empty content, which has no blob.
pub(super) const NO_HASH: Hash = [0; 20];

/// Length of the header of a solid resource: plain length u64, chunk size u32, codec u32.
const SOLID_HEADER_LENGTH: u64 = 16;
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
}
