//! shape - text that looks like a product key: five groups of five of its symbols, in ASCII or UTF-16.
//!
//! Promise: what Microsoft's alphabet does not allow, stand-ins for keys, GUIDs and parts of longer numbers are no keys. Whether a
//! key is valid is not judged here.

use crate::key::{self, SYMBOL_COUNT, TEXT_LENGTH};
use zeroize::Zeroizing;

/// From one dash of a key to the next.
const GROUP: usize = 6;
/// The first dash stands after five symbols.
const FIRST_DASH: usize = GROUP - 1;
/// A key with fewer letters than this does not exist: five of its 25 symbols at random are digits about never that often.
const LEAST_LETTERS: usize = 5;

/// Text of the shape of a key. The symbols are wiped when dropped.
pub struct Shape {
    /// The first byte.
    pub offset: usize,
    /// How many bytes it takes: 29, or twice that in UTF-16.
    pub length: usize,
    symbols: Zeroizing<[u8; SYMBOL_COUNT]>,
}

impl Shape {
    /// The 25 symbols, large letters, without dashes.
    pub fn symbols(&self) -> &[u8; SYMBOL_COUNT] {
        &self.symbols
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { offset, length, .. } = self;
        write!(formatter, "Shape({length} bytes at {offset:#x} elided)")
    }
}

/// Every place of `bytes` that holds text of the shape of a key, in ascending order.
pub fn shapes(bytes: &[u8]) -> impl Iterator<Item = Shape> + '_ {
    memchr::memchr_iter(b'-', bytes).filter_map(move |dash| {
        // The third dash of a narrow key and the second of a wide one stand at the same distance.
        let is_dash = |distance: usize| {
            bytes
                .get(dash.checked_add(distance)?)
                .filter(|&&byte| byte == b'-')
        };
        is_dash(2 * GROUP)?;
        if is_dash(GROUP).is_some() && is_dash(3 * GROUP).is_some() {
            read(bytes, dash.checked_sub(FIRST_DASH)?, 1)
        } else if is_dash(4 * GROUP).is_some() && is_dash(6 * GROUP).is_some() {
            read(bytes, dash.checked_sub(2 * FIRST_DASH)?, 2)
        } else {
            None
        }
    })
}

/// The key whose first symbol stands at `start`, with `width` bytes a character.
fn read(bytes: &[u8], start: usize, width: usize) -> Option<Shape> {
    let character = |index: usize| {
        let place = start.checked_add(index.checked_mul(width)?)?;
        bytes.get(place).copied()
    };
    let mut symbols = Zeroizing::new([0; SYMBOL_COUNT]);
    let mut filled = symbols.iter_mut();
    let mut letters = 0;
    for index in 0..TEXT_LENGTH {
        let symbol = character(index)?;
        if index % GROUP == FIRST_DASH {
            if symbol != b'-' {
                return None;
            }
            continue;
        }
        let symbol = symbol.to_ascii_uppercase();
        if key::strangeness(symbol) != 0 {
            return None;
        }
        letters += usize::from(symbol.is_ascii_alphabetic());
        *filled.next()? = symbol;
    }
    let length = TEXT_LENGTH * width;
    if width == 2 && !is_wide(bytes, start, length) {
        return None;
    }
    let runs_on = |character: Option<u8>| {
        character.is_some_and(|character| character.is_ascii_alphanumeric() || character == b'-')
    };
    let before = start
        .checked_sub(width)
        .and_then(|place| bytes.get(place).copied());
    if runs_on(before) || runs_on(character(TEXT_LENGTH)) {
        return None;
    }
    if letters < LEAST_LETTERS || key::form(&symbols).is_none() || key::placeholder_of(&symbols).is_some() {
        return None;
    }
    Some(Shape {
        offset: start,
        length,
        symbols,
    })
}

/// Whether the other byte of each character is zero, as in UTF-16LE and UTF-16BE.
fn is_wide(bytes: &[u8], start: usize, length: usize) -> bool {
    let zero = |start: Option<usize>| {
        start
            .and_then(|start| crate::bytes::slice(bytes, start, length))
            .is_some_and(|other| other.iter().step_by(2).all(|&byte| byte == 0))
    };
    // The last character of UTF-16LE ends with the byte after it, which may be the end of the text.
    zero(start.checked_add(1)) || zero(start.checked_sub(1)) || {
        crate::bytes::slice(bytes, start, length)
            .is_some_and(|key| key.iter().skip(1).step_by(2).all(|&byte| byte == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published for Windows 10 and 11 Enterprise.
    const PUBLISHED: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

    fn found(bytes: &[u8]) -> Vec<(usize, usize)> {
        shapes(bytes).map(|shape| (shape.offset, shape.length)).collect()
    }

    #[test]
    fn keys_are_found_in_every_encoding_wherever_they_stand() {
        for before in ["", "x: ", "\"", "\0\0"] {
            for after in ["", "\r\n", "<", "\0"] {
                for text in [PUBLISHED.to_owned(), PUBLISHED.to_lowercase()] {
                    let text = format!("{before}{text}{after}");
                    assert_eq!(found(text.as_bytes()), [(before.len(), 29)]);
                    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    assert_eq!(found(&little), [(before.len() * 2, 58)]);
                    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
                    assert_eq!(found(&big), [(before.len() * 2 + 1, 58)]);
                }
            }
        }
        let shape = shapes(PUBLISHED.to_lowercase().as_bytes()).next().unwrap();
        assert_eq!(shape.symbols(), b"NPPR9FWDCXD2C8JH872K2YT43");
        assert!(!format!("{shape:?}").contains("2YT43"));
    }

    #[test]
    fn what_only_resembles_a_key_is_none() {
        for text in [
            "55c92734-d682-4d71-983e-d6ec3f16059f",
            "BBBBB-BBBBB-BBBBB-BBBBB-BBBBB",
            "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX",
            "12345-12345-12345-12345-12345",
            "22346-78923-46789-23467-89234",
            "WHILE-THESE-WORDS-ARENT-AKEYS",
            "00371-OEM-8992671-00524",
            // A sixth group, before or after.
            "NPPR9-NPPR9-FWDCX-D2C8J-H872K-2YT43",
            // Two of the letter that stands once.
            "NPPRN-FWDCX-D2C8J-H872K-2YT43",
        ] {
            assert_eq!(found(text.as_bytes()), [], "{text}");
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(found(&wide), [], "{text}");
        }
        assert_eq!(found(&PUBLISHED.as_bytes()[..28]), []);
        assert_eq!(found(&[b'-'; 500]), []);
    }
}
