//! text - scripts, logs, answer files: lines, and keys that are seen only when the text is decoded.
//!
//! Promise: what is decoded is wiped; a text in UTF-16 is read like one in ASCII, character by character.

use super::sight::Sight;
use super::told::{NAMES_LIMIT, remark, told};
use super::trace::{Kind, Secret, Trace};
use crate::catalog::rules;
use crate::catalog::traces::{self, Scrub};
use crate::finding::Rule;
use crate::image::Stream;
use crate::key::{ProductKey, SYMBOL_COUNT, Stored};
use crate::licensing::Dossier;
use crate::lint::{self, Surroundings};
use crate::secret::Wiped;
use crate::text::{Encoding, Form as TextForm};
use crate::trace::{Form, blobs, shapes};
use crate::unattend::{AnswerFile, KeyKind};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Shorter runs of base64, in characters, hold no key in text.
const SHORTEST_BASE64: usize = 34;
/// How far before 25 symbols a word may stand that says they are a key, in characters.
const NEAR: usize = 40;
/// Words that announce a key.
const ANNOUNCEMENTS: [&[u8]; 4] = [b"key", b"ipk", b"pid", b"serial"];
/// Rules over answer files whose findings the audit tells in its own way.
static TOLD_HERE: [&Rule; 6] = [
    &rules::PLAIN_TEXT_PASSWORD,
    &rules::ENCODED_PASSWORD,
    &rules::PASSWORD_NOT_ENCODED,
    &rules::UNPUBLISHED_KEY,
    &rules::PUBLISHED_KEY,
    &rules::SECRETS_ON_A_WDS_SHARE,
];
/// Takes what people write: with padding or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Where the lines of a text begin.
pub(super) struct Lines {
    starts: Vec<u64>,
    width: u64,
    first: u64,
}

impl Lines {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let narrow = Narrow::of(bytes);
        let mut starts = vec![narrow.first];
        starts.extend(memchr::memchr_iter(b'\n', &narrow.text).map(|at| narrow.place(at + 1)));
        Self {
            starts,
            width: narrow.width,
            first: narrow.first,
        }
    }

    /// Line and column of the byte at `offset`, both from 1. Columns count bytes, in UTF-16 units.
    pub(super) fn place(&self, offset: u64) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(self.first);
        let column = offset.saturating_sub(start) / self.width + 1;
        (line, usize::try_from(column).unwrap_or(usize::MAX))
    }
}

/// A text with one byte for each character of ASCII or unit of UTF-16.
struct Narrow {
    text: Wiped,
    width: u64,
    /// Where the text begins behind a byte-order mark.
    first: u64,
}

impl Narrow {
    fn of(bytes: &[u8]) -> Self {
        let form = TextForm::detect(bytes);
        let body = bytes.get(form.mark_length()..).unwrap_or_default();
        let unit = |pair: &[u8; 2]| match form.encoding {
            Encoding::Utf16Be => u16::from_be_bytes(*pair),
            Encoding::Utf16Le | Encoding::Utf8 => u16::from_le_bytes(*pair),
        };
        let (text, width) = match form.encoding {
            Encoding::Utf8 => (Zeroizing::new(body.to_vec()), 1),
            Encoding::Utf16Le | Encoding::Utf16Be => {
                let (pairs, _) = body.as_chunks::<2>();
                let mut text = Zeroizing::new(Vec::with_capacity(pairs.len()));
                // What is not ASCII is no part of anything that is looked for.
                text.extend(pairs.iter().map(|pair| u8::try_from(unit(pair)).unwrap_or(0xFF)));
                (text, 2)
            }
        };
        Self {
            text,
            width,
            first: form.mark_length() as u64,
        }
    }

    fn place(&self, at: usize) -> u64 {
        self.first + at as u64 * self.width
    }

    fn range(&self, range: &Range<usize>) -> Range<u64> {
        self.place(range.start)..self.place(range.end)
    }
}

/// Adds the keys that are seen only when the text is decoded: without dashes, in base64, in hexadecimal digits.
pub(super) fn decode(bytes: &[u8], sights: &mut Vec<Sight>) {
    let narrow = Narrow::of(bytes);
    let mut found: Vec<(Range<usize>, ProductKey, Form, &'static str)> = Vec::new();
    for run in runs(&narrow.text, SYMBOL_COUNT, |byte| byte.is_ascii_alphanumeric()) {
        found.extend(dashless(&narrow.text, &run).map(|key| (run, key, Form::Dashless, "")));
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    for run in runs(&narrow.text, SHORTEST_BASE64, is_base64) {
        let text = narrow.text.get(run.clone()).unwrap_or_default();
        // A lone character at the end carries nothing whole.
        let whole = text.len() - usize::from(text.len() % 4 == 1);
        let mut decoded = Zeroizing::new(vec![0; whole / 4 * 3 + 3]);
        let text = text.get(..whole).unwrap_or_default();
        if let Ok(length) = BASE64.decode_slice(text, &mut decoded) {
            inside(&decoded, length, &run, Form::Base64, &mut found);
        }
    }
    for (run, decoded) in hexadecimal(&narrow.text) {
        inside(&decoded, decoded.len(), &run, Form::Hexadecimal, &mut found);
    }
    for (run, key, form, by) in found {
        let range = narrow.range(&run);
        let overlaps = |sight: &Sight| sight.range.start < range.end && range.start < sight.range.end;
        if !sights.iter().any(overlaps) {
            sights.push(Sight {
                range,
                key: Some(Arc::new(key)),
                form,
                wanted: false,
                decoded: Some(by).filter(|by| !by.is_empty()),
            });
        }
    }
    sights.sort_by_key(|sight| sight.range.start);
}

/// Runs of at least `least` bytes that fit.
fn runs(text: &[u8], least: usize, fits: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            let start = at + rest.iter().position(|&byte| fits(byte))?;
            let rest = text.get(start..)?;
            let length = rest.iter().position(|&byte| !fits(byte)).unwrap_or(rest.len());
            at = start + length;
            if length >= least {
                return Some(start..at);
            }
        }
    })
}

/// The key that a run of exactly 25 symbols is, if its checksum or a word before it says that it is one.
fn dashless(text: &[u8], run: &Range<usize>) -> Option<ProductKey> {
    let mut symbols = Zeroizing::new(<[u8; SYMBOL_COUNT]>::try_from(text.get(run.clone())?).ok()?);
    symbols.make_ascii_uppercase();
    let key = ProductKey::from_symbols(&symbols).filter(|key| key.placeholder().is_none())?;
    let before = text
        .get(run.start.saturating_sub(NEAR)..run.start)
        .unwrap_or_default();
    let announced = || {
        ANNOUNCEMENTS.iter().any(|word| {
            before
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word))
        })
    };
    let fits = key.fields().is_some_and(|fields| fields.checksum_fits);
    (fits || announced()).then_some(key)
}

/// The keys in what a run was decoded to.
fn inside(
    decoded: &[u8],
    length: usize,
    run: &Range<usize>,
    form: Form,
    found: &mut Vec<(Range<usize>, ProductKey, Form, &'static str)>,
) {
    let decoded = decoded.get(..length).unwrap_or_default();
    for shape in shapes(decoded) {
        if let Some(key) = ProductKey::from_symbols(shape.symbols()) {
            found.push((run.clone(), key, form, "plain text when decoded"));
        }
    }
    for blob in blobs(decoded) {
        if let Stored::Key(key) = blob.key {
            found.push((run.clone(), key, form, "a stored value when decoded"));
        }
    }
}

/// The lists of bytes in a registration file: `hex:a4,00,…`, broken across lines by backslashes.
fn hexadecimal(text: &[u8]) -> Vec<(Range<usize>, Wiped)> {
    let mut lists = Vec::new();
    for start in memchr::memmem::find_iter(text, b"hex") {
        let mut rest = text.get(start + 3..).unwrap_or_default();
        if let Some(kind) = rest.strip_prefix(b"(") {
            let Some(end) = kind.iter().take(10).position(|&byte| byte == b')') else {
                continue;
            };
            rest = kind.get(end + 1..).unwrap_or_default();
        }
        let Some(list) = rest.strip_prefix(b":") else {
            continue;
        };
        let is_list = |byte: u8| byte.is_ascii_hexdigit() || b",\\ \t\r\n".contains(&byte);
        let length = list.iter().position(|&byte| !is_list(byte)).unwrap_or(list.len());
        let list = list.get(..length).unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(length / 2));
        let mut high = None;
        for &byte in list {
            let digit = char::from(byte)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok());
            match (high.take(), digit) {
                (None, Some(digit)) => high = Some(digit),
                (Some(high), Some(digit)) => bytes.push(high << 4 | digit),
                (_, None) => {}
            }
        }
        let end = text.len() - rest.len() + 1 + length;
        lists.push((start..end, bytes));
    }
    lists
}

/// What an answer file holds; `None` if the text is none. Sights that it accounts for are taken away.
pub(super) fn answer_file(
    bytes: &Wiped,
    stream: &Stream,
    sights: &mut Vec<Sight>,
    images: &[Dossier],
) -> Option<Vec<Trace>> {
    let is_xml = |path: &str| path.to_ascii_lowercase().ends_with(".xml");
    if !stream.names.iter().any(|(_, path)| is_xml(path)) {
        return None;
    }
    let answers = AnswerFile::parse(bytes.clone()).ok()?;
    let mut found = Vec::new();
    for place in answers.product_keys() {
        if matches!(place.kind, KeyKind::Empty | KeyKind::Placeholder) {
            continue;
        }
        let Ok(parsed) = ProductKey::parse(place.expose()) else {
            continue;
        };
        if parsed.key.placeholder().is_some() {
            continue;
        }
        let range = place.bytes.start as u64..place.bytes.end as u64;
        let mut wanted = false;
        sights.retain(|sight| {
            let inside = sight.range.start < range.end && range.start < sight.range.end;
            wanted |= inside && sight.wanted;
            !inside
        });
        let sight = Sight {
            range: range.clone(),
            key: Some(Arc::new(parsed.key)),
            form: Form::Text,
            wanted,
            decoded: None,
        };
        let within = match place.kind {
            KeyKind::Embedded => " within other text",
            KeyKind::Comment => " within a comment",
            _ => "",
        };
        found.extend(told(stream, |path| Trace {
            level: sight.level(traces::ANSWER_FILE_KEY.level),
            kind: Kind::AnswerFile,
            scrub: Scrub::Edit,
            place: [place.pass.as_str(), &place.component]
                .join(" ")
                .trim()
                .to_owned(),
            line: Some((place.line, place.column)),
            range: range.clone(),
            secret: sight.secret(),
            words: format!("{}{within}", Form::Text.words()),
            wanted,
            ..remark(&traces::ANSWER_FILE_KEY, path, String::new())
        }));
    }
    for place in answers.passwords() {
        found.extend(told(stream, |path| Trace {
            kind: Kind::Password,
            scrub: Scrub::Edit,
            place: place.element.clone(),
            line: Some((place.line, place.column)),
            range: place.bytes.start as u64..place.bytes.end as u64,
            secret: Secret::Password,
            words: "that whoever has the file can read".to_owned(),
            ..remark(&traces::ANSWER_FILE_PASSWORD, path, String::new())
        }));
    }
    faults(&answers, stream, images, &mut found);
    Some(found)
}

/// What is wrong with an answer file besides the secrets in it, for each image that has it.
fn faults(answers: &AnswerFile, stream: &Stream, images: &[Dossier], found: &mut Vec<Trace>) {
    // A content that no image refers to is for none.
    let names = stream.names.iter().take(NAMES_LIMIT).cloned().map(Some);
    for name in names.chain(stream.names.is_empty().then_some(None)) {
        let dossier = name
            .as_ref()
            .and_then(|(index, _)| images.iter().find(|dossier| dossier.image.index == *index));
        let known: Vec<_> = dossier.map(|dossier| dossier.known(true)).into_iter().collect();
        let surroundings = Surroundings {
            images: &known,
            in_image: true,
            beside: &[],
            path: name.as_ref().map_or("", |(_, path)| path.as_str()),
        };
        let one = Stream {
            names: name.iter().cloned().collect(),
            ..stream.clone()
        };
        for finding in lint::parsed(answers, &surroundings) {
            if TOLD_HERE.iter().any(|told| told.id == finding.rule.id) {
                continue;
            }
            found.extend(told(&one, |path| Trace {
                level: finding.level,
                place: finding.place.clone(),
                line: finding.line.zip(finding.column),
                ..remark(finding.rule, path, finding.message.clone())
            }));
        }
    }
}
