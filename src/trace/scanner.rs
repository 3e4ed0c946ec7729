//! scanner - everything that is looked for, over bytes that come in pieces.
//!
//! Promise: what is found, and where, does not depend on how the bytes were cut. The pieces are wiped when the scanner is dropped.

use super::{Form, Traces, blobs, shapes};
use crate::key::{DIGITAL_PRODUCT_ID4_LENGTH, ProductKey, Stored};
use crate::secret::Wiped;
use zeroize::Zeroizing;

/// The longest thing that is looked for, in bytes: what begins nearer to the end of a piece waits for the next.
const LONGEST: usize = DIGITAL_PRODUCT_ID4_LENGTH;
/// How much of what was looked at is kept, in bytes, to see what stands before a hit.
const CONTEXT: usize = 64;
/// How many bytes are looked at together: they stay in the processor's cache.
const WINDOW: usize = 128 << 10;

/// Something found.
#[derive(Debug)]
pub struct Hit {
    /// The first byte, from the beginning of all pieces.
    pub offset: u64,
    /// How many bytes it takes.
    pub length: usize,
    /// What it is.
    pub what: What,
}

/// What was found.
#[derive(Debug)]
pub enum What {
    /// One of the keys that were looked for, by its number, and how it is written.
    Known(usize, Form),
    /// A key that nobody named, in plain text.
    Text(ProductKey),
    /// A key that nobody named, in a value that Windows stores.
    Blob(ProductKey),
    /// A stored value whose key was zeroed but for its hash.
    Hash,
}

/// Looks for known keys and, if asked, for the shapes of unknown ones.
pub struct Scanner<'t> {
    traces: &'t Traces,
    shapes: bool,
    window: Wiped,
    /// How much of the window was looked at already.
    seen: usize,
    /// Where the window begins.
    position: u64,
}

impl<'t> Scanner<'t> {
    /// The length of the longest thing that is looked for, in bytes.
    pub const LONGEST: usize = LONGEST;

    /// A scanner for these keys; with `shapes` also for every other one.
    pub fn new(traces: &'t Traces, shapes: bool) -> Self {
        Self {
            traces,
            shapes,
            window: Zeroizing::new(Vec::with_capacity(WINDOW + LONGEST + CONTEXT)),
            seen: 0,
            position: 0,
        }
    }

    /// Takes the next piece and tells what was found in it or across its beginning.
    pub fn feed(&mut self, mut piece: &[u8], found: &mut dyn FnMut(Hit)) {
        while !piece.is_empty() {
            let room = (WINDOW + LONGEST + CONTEXT).saturating_sub(self.window.len());
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.window.extend_from_slice(now);
            piece = later;
            if room == now.len() {
                let end = self.window.len().saturating_sub(LONGEST);
                self.look(end, found);
                let kept = end.saturating_sub(CONTEXT);
                let length = self.window.len();
                self.window.copy_within(kept.., 0);
                self.window.truncate(length - kept);
                self.seen = end - kept;
                self.position += kept as u64;
            }
        }
    }

    /// Tells what was found at the end, and makes ready for other bytes.
    pub fn finish(&mut self, found: &mut dyn FnMut(Hit)) {
        self.look(self.window.len(), found);
        self.window.clear();
        self.seen = 0;
        self.position = 0;
    }

    /// Tells of everything that begins between what was seen and `end`.
    fn look(&self, end: usize, found: &mut dyn FnMut(Hit)) {
        let fresh = self.seen..end;
        let mut tell = |offset: usize, length, what| {
            found(Hit {
                offset: self.position + offset as u64,
                length,
                what,
            });
        };
        for place in self.traces.find(&self.window) {
            if fresh.contains(&place.offset) {
                tell(place.offset, place.length, What::Known(place.key, place.form));
            }
        }
        if !self.shapes {
            return;
        }
        for shape in shapes(&self.window) {
            if fresh.contains(&shape.offset)
                && let Some(key) = ProductKey::from_symbols(shape.symbols())
            {
                tell(shape.offset, shape.length, What::Text(key));
            }
        }
        for blob in blobs(&self.window) {
            if !fresh.contains(&blob.offset) {
                continue;
            }
            match blob.key {
                Stored::Key(key) => tell(blob.offset, blob.length, What::Blob(key)),
                Stored::Cleared if blob.hash_stays => tell(blob.offset, blob.length, What::Hash),
                Stored::Cleared | Stored::NotAKey => {}
            }
        }
    }
}

impl std::fmt::Debug for Scanner<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Scanner({} bytes elided)", self.window.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published for Windows 7 Enterprise, and for Windows 10 and 11 Enterprise.
    const KNOWN: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";
    const OTHER: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

    #[test]
    fn what_is_found_does_not_depend_on_the_pieces() {
        let key = ProductKey::parse(KNOWN).unwrap().key;
        let traces = Traces::of([&key]);
        let mut text = vec![7u8; 3 * WINDOW];
        let mut expected = Vec::new();
        for (index, place) in [
            0,
            1000,
            WINDOW - 10,
            WINDOW + 1262,
            2 * WINDOW + 5,
            3 * WINDOW - 29,
        ]
        .into_iter()
        .enumerate()
        {
            let written = if index % 2 == 0 { KNOWN } else { OTHER };
            text[place..place + written.len()].copy_from_slice(written.as_bytes());
            expected.push(place as u64);
            if index % 2 == 0 {
                expected.push(place as u64); // found by its shape as well
            }
        }
        for piece in [1, 29, 4096, WINDOW, text.len()] {
            let mut scanner = Scanner::new(&traces, true);
            let mut found = Vec::new();
            for piece in text.chunks(piece) {
                scanner.feed(piece, &mut |hit| found.push(hit.offset));
            }
            scanner.finish(&mut |hit| found.push(hit.offset));
            found.sort_unstable();
            assert_eq!(found, expected, "in pieces of {piece}");
            // And again, for other bytes.
            scanner.feed(OTHER.as_bytes(), &mut |_| panic!("too early"));
            let mut again = Vec::new();
            scanner.finish(&mut |hit| again.push(hit.offset));
            assert_eq!(again, [0]);
        }
    }
}
