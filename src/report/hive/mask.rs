//! Hides product keys in what is printed of a registry.
//!
//! Promise: of every 5x5 text that nobody published, and of every word that is a product key without dashes, only the last five
//! symbols are left; everything else stays as it is.

use crate::catalog;
use crate::key::{ProductKey, SYMBOL_COUNT, TEXT_LENGTH};

/// How many symbols of a key, and how many characters of its text, come before the last group.
const HIDDEN_SYMBOLS: usize = 20;
const HIDDEN_TEXT: usize = 24;
/// Every so many characters of a key's text there is a dash.
const GROUP_AND_DASH: usize = 6;

/// `text` without its keys.
pub(super) fn text(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut shown = characters.clone();
    for place in places(&characters, |character| {
        u8::try_from(*character).ok().filter(u8::is_ascii).unwrap_or(0)
    }) {
        hide(&mut shown, place, |hidden| {
            if *hidden != '-' {
                *hidden = '*';
            }
        });
    }
    shown.into_iter().collect()
}

/// `data` in hexadecimal digits, without the keys in it, be they stored in bytes or in UTF-16LE.
pub(super) fn hex(data: &[u8]) -> String {
    let mut shown: Vec<Option<u8>> = data.iter().copied().map(Some).collect();
    for place in places(data, |byte| *byte) {
        hide(&mut shown, place, |hidden| *hidden = None);
    }
    for start in 0..2 {
        let pairs: Vec<u16> = data
            .get(start..)
            .unwrap_or_default()
            .as_chunks::<2>()
            .0
            .iter()
            .map(|&pair| u16::from_le_bytes(pair))
            .collect();
        for (place, length) in places(&pairs, |unit| u8::try_from(*unit).unwrap_or(0)) {
            hide(&mut shown, (start + place * 2, length * 2), |hidden| {
                *hidden = None;
            });
        }
    }
    shown
        .into_iter()
        .map(|byte| byte.map_or_else(|| "**".to_owned(), |byte| format!("{byte:02x}")))
        .collect()
}

fn hide<T>(shown: &mut [T], (place, length): (usize, usize), mut replace: impl FnMut(&mut T)) {
    for hidden in shown.iter_mut().skip(place).take(length) {
        replace(hidden);
    }
}

/// Where what is to be hidden begins, and how long it is.
fn places<T>(units: &[T], letter: impl Fn(&T) -> u8) -> Vec<(usize, usize)> {
    let letters: Vec<u8> = units.iter().map(letter).collect();
    let mut places = Vec::new();
    let mut start = 0;
    for word in letters.split(|letter| !letter.is_ascii_alphanumeric() && *letter != b'-') {
        for (place, candidate) in word.windows(TEXT_LENGTH).enumerate() {
            let is_key_shaped = candidate.iter().enumerate().all(|(index, letter)| {
                let wants_dash = index % GROUP_AND_DASH == GROUP_AND_DASH - 1;
                wants_dash == (*letter == b'-')
            });
            if is_key_shaped && !is_published(candidate) {
                places.push((start + place, HIDDEN_TEXT));
            }
        }
        if word.len() == SYMBOL_COUNT && is_key(word) && !is_published(word) {
            places.push((start, HIDDEN_SYMBOLS));
        }
        start += word.len() + 1;
    }
    places
}

fn parsed(letters: &[u8]) -> Option<ProductKey> {
    let text = std::str::from_utf8(letters).ok()?;
    ProductKey::parse(text).ok().map(|parsed| parsed.key)
}

fn is_key(letters: &[u8]) -> bool {
    parsed(letters).is_some()
}

fn is_published(letters: &[u8]) -> bool {
    parsed(letters).is_some_and(|key| catalog::row_of(&key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
    /// Of the shape of a key and none: it has symbols that no key has.
    const SHAPED: &str = "AAAAA-EEEEE-IIIII-OOOOO-12345";

    #[test]
    fn only_the_last_five_symbols_of_an_unpublished_key_are_left() {
        assert_eq!(text(PUBLISHED), PUBLISHED);
        let sentence = format!("a {SHAPED}, key={SHAPED};\0x{PUBLISHED}");
        let expected =
            format!("a *****-*****-*****-*****-12345, key=*****-*****-*****-*****-12345;\0x{PUBLISHED}");
        assert_eq!(text(&sentence), expected);
        assert_eq!(
            text("ä{01234567-89AB-CDEF-0123-456789ABCDEF}"),
            "ä{01234567-89AB-CDEF-0123-456789ABCDEF}"
        );
    }

    #[test]
    fn keys_in_bytes_are_hidden_whichever_way_they_are_stored() {
        for wide in [false, true] {
            for shift in 0..2 {
                let mut data = vec![1; shift];
                if wide {
                    data.extend(crate::text::utf16le(SHAPED).iter());
                } else {
                    data.extend(SHAPED.as_bytes());
                }
                data.push(2);
                let shown = hex(&data);
                let width = if wide { 2 } else { 1 };
                assert_eq!(shown.matches("**").count(), HIDDEN_TEXT * width, "{shown}");
                assert!(shown.starts_with(&"01".repeat(shift)) && shown.ends_with("02"));
            }
        }
        assert_eq!(hex(&[0, 0xFF, b'-']), "00ff2d");
    }
}
