//! walker - lines, columns and bytes of many places of a file.

use super::place::part;
use super::stored::Stored;

/// Lines, columns and bytes of many places, in one walk through the text if they are asked for in its order.
pub(super) struct Walker<'a> {
    text: &'a str,
    stored: Stored,
    offset: usize,
    place: Place,
    after_return: bool,
}

/// Where a character stands: line and column from 1, byte from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) byte: usize,
}

impl<'a> Walker<'a> {
    pub(super) fn new(text: &'a str, stored: Stored) -> Self {
        let place = Place {
            line: 1,
            column: 1,
            byte: stored.mark_length(),
        };
        Self {
            text,
            stored,
            offset: 0,
            place,
            after_return: false,
        }
    }

    /// The place of the character at `offset`.
    pub(super) fn to(&mut self, offset: usize) -> Place {
        if offset < self.offset {
            *self = Self::new(self.text, self.stored);
        }
        for character in part(self.text, self.offset..offset).chars() {
            let breaks = character == '\r' || character == '\n' && !self.after_return;
            let second_half = character == '\n' && self.after_return;
            self.place.line += usize::from(breaks);
            self.place.column = if breaks || second_half {
                1
            } else {
                self.place.column + 1
            };
            self.place.byte += self.stored.width(character);
            self.after_return = character == '\r';
        }
        self.offset = offset;
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unattend::place::line_and_column;

    #[test]
    fn a_walk_finds_what_single_looks_find() {
        let text = "a\r\nb\n\rc\u{e9}\u{1d11e}\n\nd";
        for bytes in [&b"\xFF\xFEa\0"[..], b"a"] {
            let stored = Stored::decode(bytes).unwrap().1;
            let mut walker = Walker::new(text, stored);
            let starts = text.char_indices().map(|(at, _)| at);
            for at in starts.chain([text.len(), 3]) {
                let place = walker.to(at);
                assert_eq!((place.line, place.column), line_and_column(text, at));
                assert_eq!(place.byte, stored.byte_offset(text, at));
            }
        }
    }
}
