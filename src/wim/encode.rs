//! encode - turns a content into the pieces of a resource, taking over the chunks of an old one that did not change.
//!
//! Promise: a chunk is copied compressed only if its plain text has the fingerprint of the old one's; every chunk that is
//! compressed anew is decompressed again and compared before it counts. Pieces that hold plain or compressed content
//! are wiped when dropped.

use super::codec::{Codec, Compressor, Decompressor};
use super::error::Error;
use super::fingerprint::{self, Print, blocks};
use super::header::{ResourceHeader, resource_flag};
use super::resource::{Chunk, Hash, sha1, threads_for};
use crate::secret::Wiped;
use crate::threads::{Allowance, lock};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Shorter contents than this, in bytes, are hashed before a second thread is there.
const WORTH_A_THREAD: usize = 1 << 20;

/// A stretch of a new resource.
pub(super) enum Piece {
    /// Bytes that stand in the file already.
    Copy(Range<u64>),
    /// New bytes.
    Bytes(Wiped),
}

impl Piece {
    /// How much memory it takes, in bytes.
    pub(super) fn kept(&self) -> u64 {
        match self {
            Self::Copy(_) => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Length in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Copy(range) => range.end - range.start,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// A resource that is ready to be written.
pub(super) struct Encoded {
    pub(super) hash: Hash,
    pub(super) plain: u64,
    pub(super) compressed: bool,
    pub(super) pieces: Vec<Piece>,
    /// Chunks taken over from the old resource.
    pub(super) chunks_kept: usize,
    /// Chunks compressed anew.
    pub(super) chunks_made: usize,
}

/// The old resource whose chunks may be taken over.
pub(super) struct Base {
    pub(super) chunks: Vec<Chunk>,
    pub(super) prints: Arc<[Print]>,
}

impl Base {
    /// Whether the old chunk with this index has the plain text `plain`.
    fn holds(&self, index: usize, plain: &[u8], chunk_size: usize) -> bool {
        let same_length = self
            .chunks
            .get(index)
            .is_some_and(|old| old.plain as usize == plain.len());
        let first = index * blocks(chunk_size);
        let old = self.prints.get(first..first + blocks(plain.len()));
        same_length && old.is_some_and(|old| fingerprint::prints(plain).eq(old.iter().copied()))
    }
}

impl Encoded {
    /// Length in the file.
    pub(super) fn size(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// The resource header when it stands at `offset`.
    pub(super) fn location(&self, offset: u64, flags: u8) -> ResourceHeader {
        ResourceHeader {
            size: self.size(),
            flags: flags
                | if self.compressed {
                    resource_flag::COMPRESSED
                } else {
                    0
                },
            offset,
            plain: self.plain,
        }
    }
}

/// A chunk that is being compressed or was: `None` at first; then the compressed bytes, or `None` where they are not shorter.
type Slot = Arc<Mutex<Option<Option<Wiped>>>>;

/// Chunks that were compressed already, by the SHA-1 of their plain text. Images of one WIM have hives that differ little: a chunk
/// that changes in all of them in the same way is compressed once, even if several threads come to it at the same time.
#[derive(Default)]
pub(super) struct ChunkCache {
    slots: HashMap<Hash, Slot>,
    size: usize,
}

impl ChunkCache {
    /// Chunks of more plain bytes than this are not kept.
    const LIMIT: usize = 32 << 20;

    /// How many bytes are kept.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The place of the chunk `plain`, for all who come to the same one.
    fn slot(&mut self, plain: &[u8]) -> Slot {
        let hash = sha1(plain);
        if let Some(slot) = self.slots.get(&hash) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        if self.size + plain.len() <= Self::LIMIT {
            self.size += plain.len();
            self.slots.insert(hash, Arc::clone(&slot));
        }
        slot
    }
}

/// What is known of a content before anything is compressed.
pub(super) struct Survey {
    pub(super) hash: Hash,
    /// The chunks that cannot be taken over.
    changed: Vec<usize>,
}

/// Hashes `content` and compares its chunks with the old ones; at the same time where `allowance` has a thread to spare.
pub(super) fn survey(
    content: &[u8],
    coding: Option<(Codec, u32)>,
    base: Option<&Base>,
    allowance: &Allowance,
) -> Survey {
    let chunk_size = coding.map_or(usize::MAX, |(_, size)| size as usize);
    let is_changed =
        |(index, plain): &(usize, &[u8])| !base.is_some_and(|base| base.holds(*index, plain, chunk_size));
    let chunks = content.chunks(chunk_size).enumerate();
    if content.len() >= WORTH_A_THREAD && allowance.threads() > 1 {
        return std::thread::scope(|scope| {
            let hash = scope.spawn(|| sha1(content));
            let changed = chunks.filter(is_changed).map(|(index, _)| index).collect();
            let hash = hash
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Survey { hash, changed }
        });
    }
    let mut hasher = Sha1::new();
    // Chunk by chunk, while it is near.
    let hashed = chunks.inspect(|(_, plain)| hasher.update(plain));
    let changed = hashed.filter(is_changed).map(|(index, _)| index).collect();
    Survey {
        hash: hasher.finalize().into(),
        changed,
    }
}

/// Encodes `content`, of which `survey` speaks, with the codec and chunk size of the WIM.
pub(super) fn encode(
    content: &[u8],
    coding: Option<(Codec, u32)>,
    base: Option<&Base>,
    survey: Survey,
    cache: &Mutex<ChunkCache>,
) -> Result<Encoded, Error> {
    let Survey { hash, changed } = survey;
    let Some((codec, chunk_size)) = coding.filter(|_| !content.is_empty()) else {
        return Ok(stored(content, hash));
    };
    let chunk_size = chunk_size as usize;
    let count = content.len().div_ceil(chunk_size);
    let mut made = made_before_or_now(content, codec, chunk_size, &changed, cache)?;
    if made.len() == count && made.values().all(Option::is_none) {
        return Ok(stored(content, hash));
    }
    let mut data = Vec::with_capacity(changed.len() * 2 + 1);
    let mut offsets = Vec::with_capacity(count);
    let mut end = 0u64;
    for (index, plain) in content.chunks(chunk_size).enumerate() {
        let old = base.and_then(|base| base.chunks.get(index));
        let piece = match (made.remove(&index), old) {
            (Some(Some(compressed)), _) => Piece::Bytes(compressed),
            (None, Some(chunk)) => Piece::Copy(chunk.offset..chunk.offset + u64::from(chunk.length)),
            _ => Piece::Bytes(Zeroizing::new(plain.to_vec())),
        };
        end += piece.length();
        offsets.push(end);
        push(&mut data, piece);
    }
    offsets.pop(); // the first chunk begins at 0, so the table holds where the others begin
    let wide = u32::try_from(content.len()).is_err();
    let table: Vec<u8> = if wide {
        offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect()
    } else {
        offsets
            .iter()
            .flat_map(|&offset| u32::try_from(offset).unwrap_or(u32::MAX).to_le_bytes())
            .collect()
    };
    if table.len() as u64 + end >= content.len() as u64 {
        return Ok(stored(content, hash));
    }
    let mut pieces = vec![Piece::Bytes(Zeroizing::new(table))];
    pieces.extend(data);
    Ok(Encoded {
        hash,
        plain: content.len() as u64,
        compressed: true,
        pieces,
        chunks_kept: count - changed.len(),
        chunks_made: changed.len(),
    })
}

/// A content that is stored as it is.
fn stored(content: &[u8], hash: Hash) -> Encoded {
    Encoded {
        hash,
        plain: content.len() as u64,
        compressed: false,
        pieces: vec![Piece::Bytes(Zeroizing::new(content.to_vec()))],
        chunks_kept: 0,
        chunks_made: 0,
    }
}

/// Adds a piece; two that follow each other in the file become one.
fn push(pieces: &mut Vec<Piece>, piece: Piece) {
    if let (Some(Piece::Copy(last)), Piece::Copy(next)) = (pieces.last_mut(), &piece)
        && last.end == next.start
    {
        last.end = next.end;
        return;
    }
    pieces.push(piece);
}

/// Chunks by index: compressed, or `None` where compressing does not make them shorter.
type Made = HashMap<usize, Option<Wiped>>;

/// The chunks with these indices, from the cache or compressed now.
fn made_before_or_now(
    content: &[u8],
    codec: Codec,
    chunk_size: usize,
    indices: &[usize],
    cache: &Mutex<ChunkCache>,
) -> Result<Made, Error> {
    let plain = |index: usize| {
        let start = index * chunk_size;
        content
            .get(start..content.len().min(start + chunk_size))
            .unwrap_or_default()
    };
    let slots: Vec<(usize, Slot)> = indices
        .iter()
        .map(|&index| (index, lock(cache).slot(plain(index))))
        .collect();
    let largest = chunk_size.min(content.len());
    let work = || -> Result<(), Error> {
        let mut encoder = None;
        for (index, slot) in &slots {
            // One that somebody else is at is left to him.
            if let Ok(mut slot) = slot.try_lock()
                && slot.is_none()
            {
                *slot =
                    Some(ChunkEncoder::of(&mut encoder, codec, chunk_size, largest)?.encode(plain(*index)));
            }
        }
        Ok(())
    };
    let threads = threads_for(indices.len());
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        others.fold(own, Result::and)
    })?;
    let mut encoder = None;
    let mut made = Made::with_capacity(slots.len());
    for (index, slot) in slots {
        // Waits for him who is at it; if he failed, it is done here.
        let mut slot = lock(&slot);
        if slot.is_none() {
            *slot = Some(ChunkEncoder::of(&mut encoder, codec, chunk_size, largest)?.encode(plain(index)));
        }
        made.insert(index, slot.clone().flatten());
    }
    Ok(made)
}

/// Compresses one chunk after the other.
struct ChunkEncoder {
    compressor: Compressor,
    decompressor: Decompressor,
    compressed: Wiped,
    back: Wiped,
}

impl ChunkEncoder {
    /// The encoder in `place`, made if there is none yet: a compressor takes megabytes.
    fn of(
        place: &mut Option<Self>,
        codec: Codec,
        chunk_size: usize,
        largest: usize,
    ) -> Result<&mut Self, Error> {
        if place.is_none() {
            // LZX codes depend on the chunk size; LZMS codes do not, and its compressor takes many times the chunk in memory.
            let compressor_size = if codec == Codec::Lzms { largest } else { chunk_size };
            *place = Some(Self {
                compressor: Compressor::new(codec, compressor_size)?,
                decompressor: Decompressor::new(codec, chunk_size)?,
                compressed: Zeroizing::new(vec![0; largest]),
                back: Zeroizing::new(vec![0; largest]),
            });
        }
        place
            .as_mut()
            .ok_or(Error::CodecUnavailable { codec, chunk_size })
    }

    /// The compressed chunk; `None` if it would not be shorter.
    fn encode(&mut self, plain: &[u8]) -> Option<Wiped> {
        // A chunk as long as its plain text would be taken for a plain one: it has to become shorter.
        let room = self.compressed.get_mut(..plain.len().saturating_sub(1))?;
        let length = self.compressor.compress(plain, room)?;
        let chunk = self.compressed.get(..length)?;
        let back = self.back.get_mut(..plain.len())?;
        // What does not come back is stored plain: a fault in a codec must not cost a file.
        (self.decompressor.decompress(chunk, back) && back == plain).then(|| Zeroizing::new(chunk.to_vec()))
    }
}

#[cfg(test)]
mod tests;
