//! room - memory in which one content after the other is read, and what it still holds of the last one.
//!
//! Promise: the memory wipes itself when the room is dropped. A chunk is taken as read only if it has the compressed text of the
//! chunk that stood in the same place before and the memory still holds that one's plain text; the caller of the reader checks
//! the SHA-1 of the whole all the same. Hives of the images of one WIM are alike, so this spares most of the decompressing.

use super::fingerprint::{self, BLOCK, Print};
use super::resource::Hash;
use crate::secret::Bulk;
use crate::threads::Allowance;
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Memory for contents that are read one after the other, one at a time.
#[derive(Default)]
pub struct Room {
    bytes: Option<Bulk>,
    /// Whether it is to be memory of the heap, which becomes a vector without being copied.
    on_heap: bool,
    seen: Option<Seen>,
    allowance: Allowance,
}

impl std::fmt::Debug for Room {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Room")
            .field("length", &self.bytes.as_ref().map(|bytes| bytes.len()))
            .finish_non_exhaustive()
    }
}

/// A content that was read.
pub(super) struct Content {
    pub(super) plain: Bulk,
    pub(super) hash: Hash,
    /// The fingerprint of every block; none if it was not compressed.
    pub(super) prints: Arc<[Print]>,
}

/// A chunk as it stood in the file: its length and its fingerprint, if it is short enough to have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    length: usize,
    print: Option<Print>,
}

/// What was read last.
pub(super) struct Seen {
    pub(super) places: Vec<Place>,
    pub(super) prints: Arc<[Print]>,
}

impl Place {
    /// A compressed chunk.
    pub(super) fn of(compressed: &[u8]) -> Self {
        Self {
            length: compressed.len(),
            print: (compressed.len() <= BLOCK).then(|| fingerprint::print(compressed)),
        }
    }
}

impl Seen {
    /// The fingerprint of `plain` if that is the plain text of the chunk at `place` already.
    pub(super) fn holds(&self, number: usize, place: Place, plain: &[u8]) -> Option<Print> {
        let same = plain.len() <= BLOCK && place.print.is_some() && self.places.get(number) == Some(&place);
        let known = self.prints.get(number).filter(|_| same)?;
        (fingerprint::print(plain) == *known).then_some(*known)
    }
}

impl Room {
    /// A room of one of several workers.
    pub fn of_worker(allowance: &Allowance) -> Self {
        Self {
            allowance: allowance.clone(),
            ..Self::default()
        }
    }

    /// A room for one content that becomes a vector.
    pub(super) fn on_heap() -> Self {
        Self {
            on_heap: true,
            ..Self::default()
        }
    }

    /// Gives memory back that came from this room, for the next content. It may hold anything.
    pub fn put_back(&mut self, bytes: Bulk) {
        self.bytes = Some(bytes);
    }

    /// The threads of him whose room it is.
    pub fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// Memory of `length` bytes with anything in it, and what it holds.
    pub(super) fn take(&mut self, length: usize) -> io::Result<(Bulk, Option<Seen>)> {
        let seen = self.seen.take();
        match self.bytes.take() {
            Some(mut bytes) => {
                bytes.truncate(length);
                bytes.grow(length)?;
                Ok((bytes, seen))
            }
            None if self.on_heap => Ok((Bulk::from(Zeroizing::new(vec![0; length])), None)),
            None => Ok((Bulk::zeroed(length)?, None)),
        }
    }

    /// Notes what memory from this room holds.
    pub(super) fn holds(&mut self, seen: Seen) {
        self.seen = Some(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_with_what_it_held() {
        let mut room = Room::default();
        let (bytes, seen) = room.take(100).unwrap();
        assert!(seen.is_none());
        let at = bytes.as_ptr();
        room.holds(Seen {
            places: Vec::new(),
            prints: Arc::default(),
        });
        room.put_back(bytes);
        let (bytes, seen) = room.take(90).unwrap();
        assert!(seen.is_some());
        assert_eq!((bytes.as_ptr(), bytes.len()), (at, 90));
    }

    #[test]
    fn a_chunk_counts_as_read_only_where_both_texts_are_those_seen() {
        let (compressed, plain) = ([1u8; 40], [2u8; 90]);
        let seen = Seen {
            places: vec![Place::of(&compressed)],
            prints: [fingerprint::print(&plain)].into(),
        };
        assert!(seen.holds(0, Place::of(&compressed), &plain).is_some());
        assert!(seen.holds(1, Place::of(&compressed), &plain).is_none());
        assert!(seen.holds(0, Place::of(&[3; 40]), &plain).is_none());
        assert!(seen.holds(0, Place::of(&compressed), &[2; 89]).is_none());
        let mut edited = plain;
        edited[50] = 0;
        assert!(seen.holds(0, Place::of(&compressed), &edited).is_none());
    }

    #[test]
    fn a_chunk_that_is_longer_than_a_block_never_counts_as_read() {
        let (short, long) = ([1u8; 40], vec![2u8; BLOCK + 1]);
        let seen = |compressed: &[u8], plain: &[u8]| Seen {
            places: vec![Place::of(compressed)],
            prints: fingerprint::prints(plain).collect(),
        };
        assert!(seen(&short, &long).holds(0, Place::of(&short), &long).is_none());
        // Nothing is known of a compressed text that is longer than a block but its length.
        let other = vec![3u8; BLOCK + 1];
        assert!(seen(&long, &short).holds(0, Place::of(&other), &short).is_none());
        let whole = vec![4u8; BLOCK];
        assert!(seen(&whole, &whole).holds(0, Place::of(&whole), &whole).is_some());
    }

    #[test]
    fn a_room_of_a_worker_has_his_threads_and_any_other_has_all() {
        let all = crate::threads::available();
        let worker = Room::of_worker(&Allowance::among(100 * all));
        assert_eq!(worker.allowance().threads(), 1);
        assert_eq!(Room::default().allowance().threads(), all);
    }

    #[test]
    fn a_long_content_on_the_heap_becomes_a_vector_where_it_is() {
        let (bytes, _) = Room::on_heap().take(5 << 20).unwrap();
        let at = bytes.as_ptr();
        assert_eq!(crate::secret::Wiped::from(bytes).as_ptr(), at);
    }

    #[test]
    fn what_is_shown_of_a_room_is_the_length_of_its_memory() {
        let mut room = Room::default();
        room.put_back(Zeroizing::new(b"secret".to_vec()).into());
        assert_eq!(format!("{room:?}"), "Room { length: Some(6), .. }");
    }
}
