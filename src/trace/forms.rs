//! forms - every way in which a key is written.
//!
//! Promise: each form holds the whole key or, where it may be broken across lines, so much of it that no other key has the same.

use crate::key::ProductKey;
use crate::secret::Wiped;
use base64::Engine as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The last stored byte is always zero and says nothing.
const TELLING: usize = crate::key::STORED_LENGTH - 1;
/// Lists of hexadecimal digits in .reg files are broken between any two bytes: one of two halves is whole.
const HALF: usize = TELLING / 2;
/// Base64 turns three bytes into four characters, so what it makes of a key depends on where in three bytes the key begins.
const ALIGNMENTS: usize = 3;
const BITS_PER_CHARACTER: usize = 6;
/// A number of fewer different bytes than this is one that other data has too: it is not looked for as bytes. Fifteen bytes at
/// random have so few less than once in a million.
const LEAST_DISTINCT: usize = 8;

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// Five groups with dashes.
    Text,
    /// 25 symbols in one piece.
    Dashless,
    /// The bytes that Windows stores.
    Stored,
    /// The SHA-256 of the bytes that Windows stores: with the last five symbols, which Windows shows, it gives the key away.
    Hash,
    /// One of the others in base64.
    Base64,
    /// The bytes that Windows stores in hexadecimal digits.
    Hexadecimal,
}

impl Form {
    /// The form in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "in plain text",
            Self::Dashless => "in plain text without dashes",
            Self::Stored => "in the bytes that Windows stores",
            Self::Hash => "as the hash that Windows stores beside it",
            Self::Base64 => "in base64",
            Self::Hexadecimal => "in hexadecimal digits",
        }
    }
}

/// What is looked for: bytes, and whether letters may be large or small.
pub(super) struct Pattern {
    pub(super) form: Form,
    pub(super) any_case: bool,
    /// UTF-16BE, which stands inside UTF-16LE as well, one byte earlier.
    pub(super) big_endian: bool,
    pub(super) bytes: Wiped,
}

/// All forms of a key.
pub(super) fn of(key: &ProductKey) -> Vec<Pattern> {
    let mut all = Vec::new();
    let text = key.text();
    let stored = key.stored();
    let telling = stored.expose().get(..TELLING).unwrap_or_default();
    for (form, ascii) in [
        (Form::Text, &text.expose()[..]),
        (Form::Dashless, &key.symbols()[..]),
    ] {
        add_wide(&mut all, form, true, ascii);
        all.push(Pattern {
            form,
            any_case: true,
            big_endian: true,
            bytes: widened(ascii, |symbol| [0, symbol]),
        });
        add_base64(&mut all, ascii);
        add_base64(&mut all, &widened(ascii, |symbol| [symbol, 0]));
    }
    let hash = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(stored.expose())));
    all.push(exact(Form::Hash, &hash[..]));
    if distinct(telling) < LEAST_DISTINCT {
        return all;
    }
    all.push(exact(Form::Stored, telling));
    add_base64(&mut all, telling);
    add_wide(&mut all, Form::Hexadecimal, true, &digits(telling, None));
    let (first, second) = telling.split_at(HALF);
    for half in [first, second] {
        for separator in [b',', b' '] {
            add_wide(&mut all, Form::Hexadecimal, true, &digits(half, Some(separator)));
        }
    }
    all
}

/// How many different bytes there are.
fn distinct(bytes: &[u8]) -> usize {
    (0..bytes.len())
        .filter(|&index| {
            let (before, rest) = bytes.split_at(index);
            rest.first().is_some_and(|byte| !before.contains(byte))
        })
        .count()
}

fn exact(form: Form, bytes: &[u8]) -> Pattern {
    Pattern {
        form,
        any_case: false,
        big_endian: false,
        bytes: Zeroizing::new(bytes.to_vec()),
    }
}

/// Adds `ascii` as it is and in UTF-16LE.
fn add_wide(all: &mut Vec<Pattern>, form: Form, any_case: bool, ascii: &[u8]) {
    for bytes in [
        Zeroizing::new(ascii.to_vec()),
        widened(ascii, |symbol| [symbol, 0]),
    ] {
        all.push(Pattern {
            form,
            any_case,
            big_endian: false,
            bytes,
        });
    }
}

fn widened(ascii: &[u8], unit: fn(u8) -> [u8; 2]) -> Wiped {
    let mut wide = Zeroizing::new(Vec::with_capacity(ascii.len() * 2));
    wide.extend(ascii.iter().copied().flat_map(unit));
    wide
}

/// Adds the characters of base64 that `bytes` alone decide, for each place in three bytes at which they can begin.
fn add_base64(all: &mut Vec<Pattern>, bytes: &[u8]) {
    let room = (ALIGNMENTS + bytes.len()).div_ceil(3) * 4;
    for before in 0..ALIGNMENTS {
        let mut padded = Zeroizing::new(Vec::with_capacity(ALIGNMENTS + bytes.len()));
        padded.resize(before, 0);
        padded.extend_from_slice(bytes);
        let mut encoded = Zeroizing::new(vec![0; room]);
        let length = base64::engine::general_purpose::STANDARD
            .encode_slice(&padded, &mut encoded)
            .unwrap_or_default();
        let first = (before * 8).div_ceil(BITS_PER_CHARACTER);
        let end = (padded.len() * 8 / BITS_PER_CHARACTER).min(length);
        add_wide(
            all,
            Form::Base64,
            false,
            encoded.get(first..end).unwrap_or_default(),
        );
    }
}

/// `bytes` in hexadecimal digits, small letters.
fn digits(bytes: &[u8], separator: Option<u8>) -> Wiped {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() * 3));
    for (index, byte) in bytes.iter().enumerate() {
        text.extend(separator.filter(|_| index > 0));
        for nibble in [byte >> 4, byte & 0xF] {
            text.push(if nibble < 10 {
                b'0' + nibble
            } else {
                b'a' + nibble - 10
            });
        }
    }
    text
}
