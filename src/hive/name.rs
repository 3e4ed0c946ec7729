//! Names of keys and values: Latin-1 or UTF-16, compared and hashed in Windows' upper case.
//!
//! Promise: two names that Windows takes for the same compare as equal, whichever way each is stored.

use crate::bytes::u16_at;
use crate::text::upcase;
use std::cmp::Ordering;

/// The longest key name, in UTF-16 units.
pub(super) const KEY_LIMIT: usize = 255;
/// The longest value name, in UTF-16 units.
pub(super) const VALUE_LIMIT: usize = 16_383;
/// What the hash of a name is multiplied by for each unit.
const HASH_FACTOR: u32 = 37;
/// How many characters of a name are hashed at a time, as the bytes of one number.
const AT_A_TIME: usize = 8;

/// As [`upcase`], quick for what most names are made of: the check hashes and compares every name of a hive.
fn upper(character: u8) -> u16 {
    if character.is_ascii() {
        u16::from(character.to_ascii_uppercase())
    } else {
        upcase(u16::from(character))
    }
}

/// One number with the same in each of its bytes.
const fn in_each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; AT_A_TIME])
}

/// Eight ASCII characters in upper case, the first in the lowest byte; `None` if there is another among them.
fn upper_eight(eight: [u8; AT_A_TIME]) -> Option<u64> {
    const HIGH: u64 = in_each(0x80);
    let eight = u64::from_le_bytes(eight);
    // No byte reaches into the next: each is below 0x80, and becomes at most 0xFE.
    let from_a = eight.wrapping_add(in_each(0x80 - b'a'));
    let behind_z = eight.wrapping_add(in_each(0x7F - b'z'));
    let is_lower = (from_a ^ behind_z) & HIGH;
    (eight & HIGH == 0).then_some(eight ^ (is_lower >> 2))
}

/// What eight ASCII characters add to a hash: two neighbours are put together at a time, all pairs with one multiplication.
fn hash_of_eight(eight: u64) -> u32 {
    const SECOND_BYTES: u64 = 0x00FF_00FF_00FF_00FF;
    const SECOND_HALVES: u64 = 0x0000_FFFF_0000_FFFF;
    let factor = u64::from(HASH_FACTOR);
    // 127 * 37 + 127 has less than 16 bits, and that times 37 * 37 less than 32.
    let twos = (eight & SECOND_BYTES) * factor + (eight >> 8 & SECOND_BYTES);
    let fours = (twos & SECOND_HALVES) * factor.pow(2) + (twos >> 16 & SECOND_HALVES);
    let low = u64::from(u32::MAX);
    let eight = (fours & low) * factor.pow(4) + (fours >> 32);
    u32::try_from(eight & low).unwrap_or_default()
}

/// A stored name.
#[derive(Clone, Copy)]
pub(super) struct Name<'h> {
    bytes: &'h [u8],
    latin1: bool,
}

impl<'h> Name<'h> {
    pub(super) fn new(bytes: &'h [u8], latin1: bool) -> Self {
        Self { bytes, latin1 }
    }

    /// Whether this is the empty name, that of a default value.
    pub(super) fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the stored length is possible: UTF-16 takes two bytes a unit.
    pub(super) fn is_whole(self) -> bool {
        self.latin1 || self.bytes.len().is_multiple_of(2)
    }

    /// The length in UTF-16 units.
    pub(super) fn length(self) -> usize {
        if self.latin1 {
            self.bytes.len()
        } else {
            self.bytes.len() / 2
        }
    }

    pub(super) fn units(self) -> Units<'h> {
        Units(self)
    }

    /// The hash that stands beside a key in an `lh` list.
    pub(super) fn hash(self) -> u32 {
        let add = |hash: u32, unit| hash.wrapping_mul(HASH_FACTOR).wrapping_add(u32::from(unit));
        if !self.latin1 {
            return self.units().map(upcase).fold(0, add);
        }
        let (eights, rest) = self.bytes.as_chunks::<AT_A_TIME>();
        let hash = eights.iter().fold(0u32, |hash, &eight| match upper_eight(eight) {
            Some(eight) => hash
                .wrapping_mul(HASH_FACTOR.wrapping_pow(8))
                .wrapping_add(hash_of_eight(eight)),
            None => eight.map(upper).into_iter().fold(hash, add),
        });
        rest.iter().copied().map(upper).fold(hash, add)
    }

    /// A number that is the same for names that are the same: their length and their ends.
    pub(super) fn sketch(self) -> u64 {
        let length = self.length();
        let unit = |place: usize| {
            if self.latin1 {
                self.bytes.get(place).copied().map_or(0, upper)
            } else {
                u16_at(self.bytes, place.saturating_mul(2)).map_or(0, upcase)
            }
        };
        let ends = [0, length / 2, length.wrapping_sub(2), length.wrapping_sub(1)];
        let ends = ends
            .into_iter()
            .fold(0u64, |ends, place| ends << 16 | u64::from(unit(place)));
        ends ^ (length as u64).rotate_right(16)
    }

    /// The beginning that stands beside a key in an `lf` list: up to four Latin-1 characters, or zeros if one of the four
    /// is not Latin-1 (seen in a hive of Windows 7).
    pub(super) fn hint(self) -> u32 {
        let mut hint = [0; 4];
        for (place, unit) in hint.iter_mut().zip(self.units()) {
            match u8::try_from(unit) {
                Ok(character) => *place = character,
                Err(_) => return 0,
            }
        }
        u32::from_le_bytes(hint)
    }

    /// The order of keys in a list.
    pub(super) fn compare(self, other: Name<'_>) -> Ordering {
        if self.latin1 && other.latin1 {
            let pairs = self.bytes.iter().zip(other.bytes);
            let same = pairs.take_while(|(mine, other)| mine == other).count();
            let mine = self.bytes.iter().skip(same).copied();
            let theirs = other.bytes.iter().skip(same).copied();
            mine.map(upper).cmp(theirs.map(upper))
        } else {
            self.units().map(upcase).cmp(other.units().map(upcase))
        }
    }

    /// Whether Windows takes the two for the same name. Upper-casing keeps the number of units, so most are told apart by it.
    pub(super) fn is_same(self, other: Name<'_>) -> bool {
        self.length() == other.length() && self.compare(other) == Ordering::Equal
    }

    /// The name as text; half a surrogate pair becomes U+FFFD.
    pub(super) fn text(self) -> String {
        char::decode_utf16(self.units())
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }

    /// Whether [`Name::text`] loses nothing: no half of a surrogate pair stands alone.
    pub(super) fn is_text(self) -> bool {
        self.latin1 || char::decode_utf16(self.units()).all(|character| character.is_ok())
    }

    /// Whether there is a backslash in it.
    pub(super) fn has_separator(self) -> bool {
        const SEPARATOR: u8 = b'\\';
        if self.latin1 {
            return memchr::memchr(SEPARATOR, self.bytes).is_some();
        }
        self.units().any(|unit| unit == u16::from(SEPARATOR))
    }

    /// The name for a sentence.
    pub(super) fn shown(self) -> String {
        crate::text::printable(&self.text())
    }
}

/// The UTF-16 units of a name.
pub(super) struct Units<'h>(Name<'h>);

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.0.latin1 {
            let (&first, rest) = self.0.bytes.split_first()?;
            self.0.bytes = rest;
            Some(u16::from(first))
        } else {
            let (&first, rest) = self.0.bytes.split_first_chunk::<2>()?;
            self.0.bytes = rest;
            Some(u16::from_le_bytes(first))
        }
    }
}

/// A name from text, in the form that Windows stores: Latin-1 where that is possible.
pub(super) struct NewName {
    bytes: Vec<u8>,
    latin1: bool,
}

impl NewName {
    pub(super) fn new(text: &str) -> Self {
        let latin1: Option<Vec<u8>> = text
            .chars()
            .map(|character| u8::try_from(character).ok())
            .collect();
        match latin1 {
            Some(bytes) => Self { bytes, latin1: true },
            None => Self {
                bytes: text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                latin1: false,
            },
        }
    }

    pub(super) fn name(&self) -> Name<'_> {
        Name::new(&self.bytes, self.latin1)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_latin1(&self) -> bool {
        self.latin1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_of_storing_does_not_matter() {
        let wide = Name::new(b"a\0\xE4\0", false);
        let narrow = NewName::new("AÄ");
        assert!(narrow.is_latin1());
        assert_eq!(wide.compare(narrow.name()), Ordering::Equal);
        assert_eq!(wide.hash(), narrow.name().hash());
        assert_eq!(wide.text(), "aä");
    }

    #[test]
    fn the_hash_is_the_sum_that_windows_makes_and_the_sketch_is_shared() {
        for text in [
            "",
            "a",
            "abc",
            "abcd",
            "abcdefgh1",
            "é{Abc-1}ÿ",
            "a longer name, in words",
        ] {
            let sum = text.encode_utf16().map(upcase).fold(0u32, |sum, unit| {
                sum.wrapping_mul(37).wrapping_add(u32::from(unit))
            });
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let upper = NewName::new(&text.to_ascii_uppercase());
            for name in [NewName::new(text).name(), Name::new(&wide, false), upper.name()] {
                assert_eq!(name.hash(), sum, "{text}");
                assert_eq!(name.sketch(), upper.name().sketch(), "{text}");
            }
        }
        assert_ne!(
            NewName::new("a0").name().sketch(),
            NewName::new("a1").name().sketch()
        );
    }

    #[test]
    fn the_hint_holds_four_latin_characters() {
        assert_eq!(NewName::new("Abcde").name().hint(), u32::from_le_bytes(*b"Abcd"));
        assert_eq!(NewName::new("A").name().hint(), u32::from_le_bytes(*b"A\0\0\0"));
        assert_eq!(NewName::new("AΩb").name().hint(), 0);
        assert_eq!(NewName::new("AbcdΩ").name().hint(), u32::from_le_bytes(*b"Abcd"));
    }

    #[test]
    fn units_are_ordered_not_characters() {
        let surrogates = NewName::new("\u{10000}");
        let private = NewName::new("\u{E000}");
        assert_eq!(surrogates.name().compare(private.name()), Ordering::Less);
    }
}
