//! intent - a note at the end of the file that says which bytes an update is going to write and wipe.
//!
//! Promise: a run that was killed leaves either no valid note or one that names every byte it may have written or meant
//! to wipe, so the next update can finish the wiping. The note holds places only, no content; other programs take it
//! for dead bytes behind the end of the WIM.
//!
//! Layout, little-endian: magic (16), old header (208), new header (208), number of ranges u32, stretch of the integrity
//! table or 0 u32, ranges (start u64, end u64) each, SHA-1 over all of this (20), length of all before this field u64,
//! closing magic (16).

use super::header::{HEADER_LENGTH, Header};
use super::resource::{read_exact, sha1};
use super::space::Ranges;
use super::storage::Storage;
use crate::bytes;

const MAGIC: &[u8; 16] = b"wimkey: intent 1";
const CLOSING: &[u8; 16] = b"wimkey: note end";
const FIXED_LENGTH: usize = 16 + 2 * HEADER_LENGTH + 8;
const RANGE_LENGTH: usize = 16;
const SUM_LENGTH: usize = 20;
const TRAILER_LENGTH: usize = 8 + 16;
/// A note is never longer than this, in bytes: an update touches few places.
const LONGEST: usize = 16 << 20;

/// What an update is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) old_header: [u8; HEADER_LENGTH],
    pub(super) new_header: [u8; HEADER_LENGTH],
    /// The stretch of the integrity table, if the WIM has one.
    pub(super) stretch: Option<u32>,
    /// Every byte that may have to be zero afterwards: those that are written and those that die.
    pub(super) ranges: Ranges,
}

impl Intent {
    /// The bytes of the note.
    pub(super) fn encode(&self) -> Vec<u8> {
        let ranges: Vec<_> = self.ranges.iter().collect();
        let mut note =
            Vec::with_capacity(FIXED_LENGTH + ranges.len() * RANGE_LENGTH + SUM_LENGTH + TRAILER_LENGTH);
        note.extend_from_slice(MAGIC);
        note.extend_from_slice(&self.old_header);
        note.extend_from_slice(&self.new_header);
        note.extend_from_slice(&u32::try_from(ranges.len()).unwrap_or(u32::MAX).to_le_bytes());
        note.extend_from_slice(&self.stretch.unwrap_or_default().to_le_bytes());
        for range in ranges {
            note.extend_from_slice(&range.start.to_le_bytes());
            note.extend_from_slice(&range.end.to_le_bytes());
        }
        note.extend_from_slice(&sha1(&note));
        note.extend_from_slice(&(note.len() as u64).to_le_bytes());
        note.extend_from_slice(CLOSING);
        note
    }

    /// The note at the end of the file, if there is a whole one.
    pub(super) fn read(storage: &dyn Storage, file_length: u64) -> Option<Self> {
        let mut trailer = [0; TRAILER_LENGTH];
        let trailer_offset = file_length.checked_sub(TRAILER_LENGTH as u64)?;
        read_exact(storage, "end of the file", trailer_offset, &mut trailer).ok()?;
        let length = bytes::u64_at(&trailer, 0).filter(|_| trailer.ends_with(CLOSING))?;
        let mut note = vec![0; usize::try_from(length).ok().filter(|&length| length <= LONGEST)?];
        read_exact(storage, "note", trailer_offset.checked_sub(length)?, &mut note).ok()?;
        Self::parse(&note)
    }

    fn parse(note: &[u8]) -> Option<Self> {
        let (body, sum) = note.split_at_checked(note.len().checked_sub(SUM_LENGTH)?)?;
        if sha1(body) != *sum || !body.starts_with(MAGIC) {
            return None;
        }
        let count = bytes::u32_at(body, FIXED_LENGTH - 8)? as usize;
        let stretch = bytes::u32_at(body, FIXED_LENGTH - 4)?;
        let ranges = body.get(FIXED_LENGTH..)?.chunks_exact(RANGE_LENGTH);
        let ranges: Option<Ranges> = ranges
            .take(count)
            .map(|range| Some(bytes::u64_at(range, 0)?..bytes::u64_at(range, 8)?))
            .collect();
        Some(Self {
            old_header: bytes::array(body, MAGIC.len())?,
            new_header: bytes::array(body, MAGIC.len() + HEADER_LENGTH)?,
            stretch: (stretch != 0).then_some(stretch),
            ranges: ranges?,
        })
    }

    /// The header that counts if the one at the beginning of the file is torn.
    ///
    /// Headers are written in this order: the old one without its integrity table, the new one without, the new one
    /// with it. Only after what each points to is on the medium is it written, so a mixture of two may be taken for the
    /// later one, except that an integrity table does not count before its header is whole. Any other header was written by another
    /// program since the kill, and counts as it is.
    pub(super) fn header_instead_of(&self, found: &[u8; HEADER_LENGTH]) -> Option<Header> {
        let (old, new) = (
            Header::parse(&self.old_header).ok()?,
            Header::parse(&self.new_header).ok()?,
        );
        let whole = [
            self.old_header,
            self.new_header,
            old.without_integrity(),
            new.without_integrity(),
        ];
        if whole.contains(found) || !is_torn(found, &whole) {
            return None;
        }
        let apart_from_integrity = |header: &Header| {
            let found = Header::parse(found).ok();
            found.is_some_and(|found| found.without_integrity() == header.without_integrity())
        };
        let counts = if apart_from_integrity(&old) { old } else { new };
        Header::parse(&counts.without_integrity()).ok()
    }
}

/// Whether `found` begins as one of `whole` and goes on as another of them up to its end, as a write leaves it that was cut off.
fn is_torn(found: &[u8; HEADER_LENGTH], whole: &[[u8; HEADER_LENGTH]]) -> bool {
    let same = |header: &[u8; HEADER_LENGTH], backwards: bool| {
        let mut pairs = header.iter().zip(found);
        let wrong = if backwards {
            pairs.rev().position(|(own, found)| own != found)
        } else {
            pairs.position(|(own, found)| own != found)
        };
        wrong.unwrap_or(HEADER_LENGTH)
    };
    let longest = |backwards| whole.iter().map(|header| same(header, backwards)).max();
    longest(false).unwrap_or_default() + longest(true).unwrap_or_default() >= HEADER_LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wim::header::ResourceHeader;

    #[test]
    fn a_header_that_no_cut_write_leaves_is_another_programs() {
        let whole = [[1; HEADER_LENGTH], [2; HEADER_LENGTH]];
        for cut in 0..=HEADER_LENGTH {
            let mut found = [1; HEADER_LENGTH];
            found[..cut].fill(2);
            assert!(is_torn(&found, &whole), "{cut}");
            let at = cut.min(HEADER_LENGTH - 1);
            found[at] = 3;
            assert!(!is_torn(&found, &whole), "{cut}");
        }
    }

    #[test]
    fn a_note_comes_back_and_a_cut_one_does_not() {
        let header = Header::new(None, [1; 16]).encode();
        let mut other = header;
        other[60] = 9;
        let intent = Intent {
            old_header: header,
            new_header: other,
            stretch: Some(10 << 20),
            ranges: [5..9, 20..21].into_iter().collect(),
        };
        let note = intent.encode();
        let body = &note[..note.len() - TRAILER_LENGTH];
        assert_eq!(Intent::parse(body), Some(intent));
        for length in 0..body.len() {
            assert_eq!(Intent::parse(&body[..length]), None);
        }
    }

    #[test]
    fn a_note_says_how_many_ranges_it_has() {
        for stretch in [None, Some(4096)] {
            let intent = Intent {
                old_header: [0; HEADER_LENGTH],
                new_header: [0; HEADER_LENGTH],
                stretch,
                ranges: [0..1, 2..9, 20..21].into_iter().collect(),
            };
            let note = intent.encode();
            assert_eq!(bytes::u32_at(&note, 16 + 2 * HEADER_LENGTH), Some(3));
            assert_eq!(Intent::parse(&note[..note.len() - TRAILER_LENGTH]), Some(intent));
        }
    }

    #[test]
    fn a_torn_header_is_the_later_one_but_for_an_integrity_table_that_came_in_force_only_with_it() {
        let header = |place: u64| {
            let table = |plain| ResourceHeader {
                size: plain,
                flags: 2,
                offset: place + plain,
                plain,
            };
            let mut header = Header::new(None, [1; 16]);
            (header.blob_table, header.xml, header.integrity) = (table(1000), table(2000), table(3000));
            Header::parse(&header.encode()).unwrap()
        };
        let (old, new) = (header(0x0101_0101), header(0x0202_0202));
        let intent = Intent {
            old_header: old.encode(),
            new_header: new.encode(),
            stretch: Some(4096),
            ranges: Ranges::default(),
        };
        // In the order in which they are written.
        let steps = [
            (old.encode(), old.without_integrity(), &old),
            (old.without_integrity(), new.without_integrity(), &new),
            (new.without_integrity(), new.encode(), &new),
        ];
        for (number, (before, after, expected)) in steps.into_iter().enumerate() {
            let mut torn = 0;
            for arrived in 0..=HEADER_LENGTH {
                let mut found = before;
                found[..arrived].copy_from_slice(&after[..arrived]);
                let counts = intent.header_instead_of(&found).map(|header| header.encode());
                if found == before || found == after {
                    assert_eq!(counts, None);
                } else {
                    torn += 1;
                    assert_eq!(counts, Some(expected.without_integrity()), "{number} {arrived}");
                }
            }
            assert!(torn > 10, "{number}");
        }
    }
}
