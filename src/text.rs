//! text - encodings, byte-order marks, and upper-casing as Windows does it.
//!
//! Promise: [`decode`] then [`encode`] gives the original bytes back; what cannot be decoded is refused with its place.

use zeroize::Zeroizing;

/// How a text file's characters are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

/// An encoding and whether a byte-order mark stands before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The encoding.
    pub encoding: Encoding,
    /// Whether the file begins with the byte-order mark of that encoding.
    pub mark: bool,
}

/// Why bytes are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not UTF-8.
    #[error("not valid UTF-8 at byte {0}")]
    Utf8(usize),
    /// A UTF-16 text with an odd number of bytes or a lone surrogate.
    #[error("not valid UTF-16 at byte {0}")]
    Utf16(usize),
}

impl Form {
    /// Guesses the form from a byte-order mark or, without one, from where zero bytes stand beside a leading ASCII character.
    pub fn detect(bytes: &[u8]) -> Self {
        let (encoding, mark) = match *bytes {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, true),
            [0xFF, 0xFE, ..] => (Encoding::Utf16Le, true),
            [0xFE, 0xFF, ..] => (Encoding::Utf16Be, true),
            [first, 0, ..] if first != 0 => (Encoding::Utf16Le, false),
            [0, second, ..] if second != 0 => (Encoding::Utf16Be, false),
            _ => (Encoding::Utf8, false),
        };
        Self { encoding, mark }
    }

    /// How many bytes the byte-order mark takes: 0, 2 or 3.
    pub fn mark_length(self) -> usize {
        match (self.mark, self.encoding) {
            (false, _) => 0,
            (true, Encoding::Utf8) => 3,
            (true, _) => 2,
        }
    }
}

/// Text and the form it was stored in. The text is wiped when dropped, for it may hold a key.
///
/// # Errors
/// The place of the first byte that is not text in the form that [`Form::detect`] sees.
pub fn decode(bytes: &[u8]) -> Result<(Zeroizing<String>, Form), Error> {
    let form = Form::detect(bytes);
    let body = bytes.get(form.mark_length()..).unwrap_or_default();
    let text = match form.encoding {
        Encoding::Utf8 => {
            let text = std::str::from_utf8(body)
                .map_err(|error| Error::Utf8(form.mark_length() + error.valid_up_to()))?;
            Zeroizing::new(text.to_owned())
        }
        Encoding::Utf16Le => decode_units(body, form, u16::from_le_bytes)?,
        Encoding::Utf16Be => decode_units(body, form, u16::from_be_bytes)?,
    };
    Ok((text, form))
}

fn decode_units(body: &[u8], form: Form, unit: fn([u8; 2]) -> u16) -> Result<Zeroizing<String>, Error> {
    let (pairs, rest) = body.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::Utf16(form.mark_length() + body.len() - 1));
    }
    // Three bytes of UTF-8 for one unit is the most there can be: the string never moves, so no copy is left behind.
    let mut text = Zeroizing::new(String::with_capacity(pairs.len() * 3));
    let mut position = form.mark_length();
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        let character = character.map_err(|_| Error::Utf16(position))?;
        position += character.len_utf16() * 2;
        text.push(character);
    }
    Ok(text)
}

/// The bytes of `text` in `form`, byte-order mark included. Wiped when dropped.
pub fn encode(text: &str, form: Form) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 3));
    if form.mark {
        bytes.extend_from_slice(match form.encoding {
            Encoding::Utf8 => &[0xEF, 0xBB, 0xBF],
            Encoding::Utf16Le => &[0xFF, 0xFE],
            Encoding::Utf16Be => &[0xFE, 0xFF],
        });
    }
    match form.encoding {
        Encoding::Utf8 => bytes.extend_from_slice(text.as_bytes()),
        Encoding::Utf16Le => bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        Encoding::Utf16Be => bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
    }
    bytes
}

/// The UTF-16LE bytes of `text`, without mark and without terminator. Wiped when dropped.
pub fn utf16le(text: &str) -> Zeroizing<Vec<u8>> {
    encode(
        text,
        Form {
            encoding: Encoding::Utf16Le,
            mark: false,
        },
    )
}

/// Windows' upper case of (UTF-16 unit, upper case), in ascending order of units.
static UPCASE: &[(u16, u16)] = &include!(concat!(env!("OUT_DIR"), "/upcase.rs"));

/// A UTF-16 unit in upper case as Windows' `RtlUpcaseUnicodeChar` does it, which is not Unicode's way:
/// `µ`, `ı`, `ſ`, `ς` stay as they are.
pub fn upcase(unit: u16) -> u16 {
    match unit {
        0x61..=0x7A => unit - 0x20,
        0..=0x7F => unit,
        _ => UPCASE
            .binary_search_by_key(&unit, |pair| pair.0)
            .ok()
            .and_then(|index| UPCASE.get(index))
            .map_or(unit, |pair| pair.1),
    }
}

/// Whether two names are the same to Windows, which ignores case.
pub fn same_name(left: &str, right: &str) -> bool {
    left.encode_utf16()
        .map(upcase)
        .eq(right.encode_utf16().map(upcase))
}

/// Bytes as hexadecimal digits, two a byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('?', char::from);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)])
        .collect()
}

/// `text` with everything that could steer a terminal (control, bidi and zero-width characters) written as `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let steering = character.is_control()
            || matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
        if steering {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The name nearest to `name`, if one is near: a third of the letters may be wrong.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count() / 3;
    let (distance, nearest) = names.into_iter().map(|own| (distance(name, own), own)).min()?;
    (distance <= limit).then_some(nearest)
}

/// How many letters to add, drop or change to make one name of the other, in any case.
pub fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(letter.to_ascii_lowercase() != *other);
            diagonal = *cell;
            *cell = change.min(before + 1).min(*cell + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_comes_back_byte_for_byte() {
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
            for mark in [false, true] {
                let form = Form { encoding, mark };
                let bytes = encode("<a>é𝄞</a>", form);
                let (text, found) = decode(&bytes).unwrap();
                assert_eq!(found, form);
                assert_eq!(*encode(&text, found), *bytes);
            }
        }
    }

    #[test]
    fn what_is_not_text_is_refused_with_its_place() {
        assert_eq!(decode(b"ab\xFFc").unwrap_err(), Error::Utf8(2));
        assert_eq!(decode(b"\xFF\xFEa\0b").unwrap_err(), Error::Utf16(4));
        assert_eq!(decode(b"\xFF\xFEa\0\0\xD8b\0").unwrap_err(), Error::Utf16(4));
    }

    #[test]
    fn upper_case_is_that_of_windows() {
        assert_eq!(UPCASE.len(), 973);
        assert_eq!(upcase(u16::from(b'z')), u16::from(b'Z'));
        assert_eq!(upcase(0xE4), 0xC4);
        assert_eq!(upcase(0x1F80), 0x1F88);
        for stays in [0xB5, 0x131, 0x17F, 0x3C2] {
            assert_eq!(upcase(stays), stays);
        }
        assert!(same_name("Ärger", "äRGER"));
        assert!(!same_name("ſ", "S"));
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
    }

    #[test]
    fn distances_are_counted_in_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
