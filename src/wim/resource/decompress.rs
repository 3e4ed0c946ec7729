//! decompress - chunks to plain text on all cores, hashed in their order meanwhile.

use super::{CHUNKS_WORTH_A_THREAD, Chunk, Hash, NO_HASH, Resource, SEGMENT, read_exact};
use crate::bytes;
use crate::secret::Wiped;
use crate::threads::{self, lock};
use crate::wim::codec::{Codec, Decompressor};
use crate::wim::error::Error;
use crate::wim::fingerprint::{self, Print, blocks};
use crate::wim::room::{Place, Seen};
use crate::wim::storage::Storage;
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::Sender;
use zeroize::Zeroizing;

impl Resource {
    /// Decompresses `chunks`, which follow each other, into `plain`, which is as long as their plain text. Gives the hash of it if
    /// that is wanted, where each chunk came from, and the fingerprint of each block.
    pub(super) fn decompress<'p>(
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
pub(super) struct Means<'a> {
    /// With how many threads; as many as there are cores if `None`.
    pub(super) threads: Option<usize>,
    /// What the memory holds already.
    pub(super) seen: Option<&'a Seen>,
    /// Whether the plain text is to be hashed.
    pub(super) hash: bool,
}

/// Some chunks of a resource and the place of their plain text.
pub(super) struct Segment<'c, 'p> {
    pub(super) index: usize,
    pub(super) first_chunk: usize,
    pub(super) chunks: &'c [Chunk],
    pub(super) plain: &'p mut [u8],
}

/// A segment that was decompressed.
pub(super) struct Finished<'a> {
    index: usize,
    pub(super) plain: &'a [u8],
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
pub(super) struct Worker<'a> {
    storage: &'a dyn Storage,
    decompressor: Decompressor,
    chunk_size: usize,
    /// The chunks of a segment as they stand in the file.
    compressed: Wiped,
    seen: Option<&'a Seen>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
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

    pub(super) fn decompress<'p>(&mut self, segment: Segment<'_, 'p>) -> Result<Finished<'p>, Error> {
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
