//! known - many forms of many keys looked for at once.
//!
//! Every form is at least fifteen bytes long, so wherever one stands, four bytes in a row at one of every twelfth place of the
//! text belong to it. Only these are looked at: a bitmap says whether any form holds them, and a sorted table which and where.
//!
//! Promise: finds what comparing every form at every place would find.

use super::forms::{self, Form, Pattern};
use crate::bytes::{array, slice};
use crate::key::ProductKey;
use zeroize::Zeroizing;

/// Bytes looked at together.
const GRAM: usize = 4;
/// The length of the shortest form.
const SHORTEST: usize = 15;
/// From one look to the next: any farther, and a form could stand between two.
const STEP: usize = SHORTEST - GRAM + 1;
/// Bits of the map for each entry of the table, so that few looks at other bytes lead to the table.
const BITS_PER_ENTRY: usize = 32;
const LEAST_BITS: usize = 1 << 16;
/// Large and small letters differ in this bit. Set in every byte before bytes are looked up.
const SMALL: u32 = 0x2020_2020;

/// The forms of some keys, ready to be looked for. Wiped when dropped.
#[derive(Default)]
pub struct Traces {
    patterns: Vec<(usize, Pattern)>,
    /// One bit for each value of a hash of four bytes: whether a form holds such bytes.
    map: Zeroizing<Vec<u64>>,
    shift: u32,
    /// Four bytes of a form, which form it is, and where in it they stand; in ascending order.
    table: Zeroizing<Vec<u64>>,
}

/// Where a known key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its first byte.
    pub offset: usize,
    /// How many bytes it takes.
    pub length: usize,
    /// Which of the keys it is, from 0.
    pub key: usize,
    /// How it is written.
    pub form: Form,
}

impl Traces {
    /// The length of the longest form, in bytes: base64 of the text in UTF-16, itself in UTF-16.
    pub const LONGEST: usize = 160;

    /// The forms of each of `keys`.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k ProductKey>) -> Self {
        let mut patterns: Vec<(usize, Pattern)> = Vec::new();
        let mut known: Vec<&ProductKey> = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            // A key that is named twice is found once.
            if !known.iter().any(|known| known.symbols() == key.symbols()) {
                known.push(key);
                patterns.extend(forms::of(key).into_iter().map(|pattern| (index, pattern)));
            }
        }
        if patterns.is_empty() {
            return Self::default();
        }
        let count = patterns.len() * STEP;
        let bits = (count * BITS_PER_ENTRY).next_power_of_two().max(LEAST_BITS);
        let shift = u32::BITS - bits.trailing_zeros();
        let mut map = Zeroizing::new(vec![0u64; bits / 64]);
        let mut table = Zeroizing::new(Vec::with_capacity(count));
        for (index, (_, pattern)) in patterns.iter().enumerate() {
            for offset in 0..STEP {
                let Some(gram) = array::<GRAM>(&pattern.bytes, offset) else {
                    continue;
                };
                let gram = folded(gram);
                let bit = hash(gram, shift);
                if let Some(word) = map.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
                table.push(entry(gram, index, offset));
            }
        }
        table.sort_unstable();
        Self {
            patterns,
            map,
            shift,
            table,
        }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How often the keys occur in `bytes`. A place where one is written in a way that is found as several forms counts once.
    pub fn count(&self, bytes: &[u8]) -> u64 {
        self.find(bytes).len() as u64
    }

    /// Where the keys occur in `bytes`, in ascending order.
    pub fn find(&self, bytes: &[u8]) -> Vec<Place> {
        let mut found = Vec::new();
        if self.is_empty() {
            return found;
        }
        let mut offset = 0;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            let [a, b, c, d, ..] = *step;
            self.look(bytes, offset, [a, b, c, d], &mut found);
            offset += STEP;
        }
        if let Some(&gram) = rest.first_chunk::<GRAM>() {
            self.look(bytes, offset, gram, &mut found);
        }
        found.sort_unstable_by_key(|place| (place.offset, std::cmp::Reverse(place.length)));
        // Digits in two halves, or an overlap by chance of repeated symbols: one place all the same.
        found.dedup_by(|next, first| next.key == first.key && next.offset < first.offset + first.length);
        found
    }

    /// Notes the forms that hold `gram`, which stands at `offset`, if all of them is there.
    #[inline]
    fn look(&self, bytes: &[u8], offset: usize, gram: [u8; GRAM], found: &mut Vec<Place>) {
        let gram = folded(gram);
        let bit = hash(gram, self.shift);
        let word = self.map.get(bit / 64).copied().unwrap_or_default();
        if word >> (bit % 64) & 1 != 0 {
            self.compare(bytes, offset, gram, found);
        }
    }

    #[cold]
    fn compare(&self, bytes: &[u8], offset: usize, gram: u32, found: &mut Vec<Place>) {
        let first = self.table.partition_point(|&entry| gram_of(entry) < gram);
        let entries = self.table.get(first..).unwrap_or_default();
        for &entry in entries.iter().take_while(|&&entry| gram_of(entry) == gram) {
            let (index, inside) = place_of(entry);
            let Some((key, pattern)) = self.patterns.get(index) else {
                continue;
            };
            let there = offset
                .checked_sub(inside)
                .and_then(|start| Some((start, slice(bytes, start, pattern.bytes.len())?)));
            let Some((start, there)) = there else {
                continue;
            };
            let same = if pattern.any_case {
                there.eq_ignore_ascii_case(&pattern.bytes)
            } else {
                there == &pattern.bytes[..]
            };
            // What ends in a zero byte is UTF-16LE, and is found as that.
            let is_other = pattern.big_endian && bytes.get(start + pattern.bytes.len()) == Some(&0);
            if same && !is_other {
                found.push(Place {
                    offset: start,
                    length: pattern.bytes.len(),
                    key: *key,
                    form: pattern.form,
                });
            }
        }
    }
}

fn folded(gram: [u8; GRAM]) -> u32 {
    u32::from_le_bytes(gram) | SMALL
}

/// Multiplicative hashing (Knuth, volume 3, 6.4): the upper bits of the product.
#[inline]
fn hash(gram: u32, shift: u32) -> usize {
    const GOLDEN: u32 = 0x9E37_79B1;
    (gram.wrapping_mul(GOLDEN) >> shift) as usize
}

/// Four bytes, the number of a form and a place in it, as one number that sorts by the bytes.
fn entry(gram: u32, index: usize, offset: usize) -> u64 {
    u64::from(gram) << 32 | (index as u64 & 0xFF_FFFF) << 8 | offset as u64 & 0xFF
}

fn gram_of(entry: u64) -> u32 {
    u32::try_from(entry >> 32).unwrap_or_default()
}

fn place_of(entry: u64) -> (usize, usize) {
    let part = |bits: u64| usize::try_from(bits).unwrap_or_default();
    (part(entry >> 8 & 0xFF_FFFF), part(entry & 0xFF))
}

impl std::fmt::Debug for Traces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{} forms elided]", self.patterns.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    /// Published for Windows 7 Enterprise, and for Windows 10 and 11 Enterprise.
    const PUBLISHED: [&str; 2] = ["33PXH-7Y6KF-2VJC9-XBBR8-HVTHH", "NPPR9-FWDCX-D2C8J-H872K-2YT43"];

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn keys() -> Vec<ProductKey> {
        PUBLISHED
            .iter()
            .map(|text| ProductKey::parse(text).unwrap().key)
            .collect()
    }

    fn written(index: usize) -> Vec<(Form, Vec<u8>)> {
        let text = PUBLISHED[index];
        let key = ProductKey::parse(text).unwrap().key;
        let dashless = text.replace('-', "");
        let stored = key.stored().expose().to_vec();
        let big: Vec<u8> = dashless.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let command = base64(&wide(&format!("cscript slmgr.vbs /ipk {text}")));
        let list: Vec<String> = stored.iter().map(|byte| format!("{byte:02X}")).collect();
        vec![
            (Form::Text, text.as_bytes().to_vec()),
            (Form::Text, text.to_lowercase().into_bytes()),
            (Form::Text, wide(text)),
            (Form::Dashless, dashless.as_bytes().to_vec()),
            (Form::Dashless, wide(&dashless.to_lowercase())),
            (Form::Dashless, big),
            (Form::Stored, stored.clone()),
            (Form::Hash, Sha256Of(&stored).get()),
            (Form::Base64, command.clone().into_bytes()),
            (Form::Base64, wide(&command)),
            (Form::Base64, base64(&[&[7], &stored[..]].concat()).into_bytes()),
            (
                Form::Base64,
                base64(&[&[7, 7], &stored[..]].concat()).into_bytes(),
            ),
            (Form::Hexadecimal, crate::text::hex(&stored).into_bytes()),
            (Form::Hexadecimal, list.join(",").into_bytes()),
            (
                Form::Hexadecimal,
                wide(&list.join(",").replacen(',', ",\\\r\n  ", 3)),
            ),
        ]
    }

    struct Sha256Of<'a>(&'a [u8]);

    impl Sha256Of<'_> {
        fn get(&self) -> Vec<u8> {
            use sha2::Digest as _;
            sha2::Sha256::digest(self.0).to_vec()
        }
    }

    #[test]
    fn every_form_is_found_at_every_place_and_nothing_else() {
        let keys = keys();
        let traces = Traces::of(&keys);
        for (index, _) in keys.iter().enumerate() {
            for (form, bytes) in written(index) {
                for before in 0..30 {
                    let text = [&vec![1; before][..], &bytes, &[1; 50]].concat();
                    let found = traces.find(&text);
                    assert!(!found.is_empty(), "{form:?} after {before} bytes");
                    assert!(found.iter().all(|place| place.key == index && place.form == form));
                    assert!(found[0].offset >= before);
                    // At the very end too, and not when the last byte is missing.
                    let end = found.last().map(|place| place.offset + place.length).unwrap();
                    assert_eq!(traces.count(&text[..end]), found.len() as u64);
                    assert_eq!(traces.count(&text[..end - 1]), found.len() as u64 - 1, "{form:?}");
                }
            }
        }
        assert_eq!(traces.count(&[0; 1000]), 0);
        assert_eq!(traces.count(&[0x20; 1000]), 0);
        assert_eq!(Traces::default().count(&[0; 1000]), 0);
    }

    #[test]
    fn one_place_counts_once_and_two_keys_side_by_side_twice() {
        let keys = keys();
        let traces = Traces::of(&keys);
        for form in PUBLISHED {
            assert_eq!(traces.count(form.as_bytes()), 1);
            assert_eq!(traces.count(&wide(form)), 1);
        }
        assert_eq!(traces.count(PUBLISHED.concat().as_bytes()), 2);
    }

    #[test]
    fn no_form_is_shorter_or_longer_than_the_search_counts_on() {
        for key in keys() {
            for pattern in forms::of(&key) {
                assert!((SHORTEST..=Traces::LONGEST).contains(&pattern.bytes.len()));
            }
        }
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", Traces::of(&keys()));
        assert!(shown.ends_with("forms elided]"), "{shown}");
    }
}
