//! picture - the source line of a fault, safe to show.
//!
//! Promise: text of the shape of a product key, and whatever stands in elements that hold keys or passwords, is masked
//! character by character, so that columns still fit; nothing in the picture steers a terminal.

use super::place::{line_range, part};
use crate::finding::Picture;
use std::ops::Range;

/// The most characters of a line that are shown.
const WIDTH: usize = 120;
/// How many bytes before and behind a place are looked at.
const REACH: usize = 4096;
/// Characters in a group of a product key.
const GROUP: usize = 5;
/// Groups of five in a row that look like a key, complete or not. Two are not enough: `Shell-Setup` has two.
const GROUPS: usize = 3;
/// Letters of a key written without hyphens.
const UNBROKEN: usize = 25;
/// Elements whose text is a key or a password.
const SENSITIVE: [&str; 6] = [
    "Key",
    "ProductKey",
    "Password",
    "AdministratorPassword",
    "Value",
    "MachinePassword",
];

/// The masked picture of the line where `span` of `text` begins; what goes beyond that line is not underlined.
pub(super) fn picture(text: &str, span: Range<usize>) -> Picture {
    picture_with(text, span, 0..0)
}

/// As [`picture`]; what stands in `plain` is no secret whatever its element is called.
pub(super) fn picture_with(text: &str, span: Range<usize>, plain: Range<usize>) -> Picture {
    let line = surroundings(text, span.start);
    let plain = plain.start.saturating_sub(line.start)..plain.end.saturating_sub(line.start);
    let masked = mask_line(
        part(text, line.clone()),
        opens_sensitive(text, line.start),
        &plain,
    );
    let column = part(text, line.start..span.start).chars().count();
    // Of a long line only the surroundings of the place are shown.
    let is_long = masked.chars().count() > WIDTH;
    let skipped = if is_long {
        column.saturating_sub(WIDTH / 2)
    } else {
        0
    };
    let shown: String = masked.chars().skip(skipped).take(WIDTH).collect();
    let caret = column - skipped;
    let length = part(text, span.start..span.end.min(line.end)).chars().count();
    let room = shown.chars().count().saturating_sub(caret);
    Picture::new(shown, caret, length.min(room))
}

/// The line around `offset`; of a very long one the part that matters, so that many findings on one line take no long time.
fn surroundings(text: &str, offset: usize) -> Range<usize> {
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at += 1;
        }
        at
    };
    let start = boundary(offset.saturating_sub(REACH));
    let end = boundary(offset.saturating_add(REACH).min(text.len()));
    let line = line_range(part(text, start..end), offset - start);
    start + line.start..start + line.end
}

/// A text from the file for a message: masked, nothing that steers a terminal.
pub(super) fn shown(text: &str) -> String {
    mask_line(text, false, &(0..0))
}

/// A name from the file for a message: masked, shortened, nothing that steers a terminal.
pub(super) fn shown_name(name: &str) -> String {
    const LONGEST: usize = 60;
    let masked = mask_line(name, false, &(0..0));
    masked.chars().take(LONGEST).collect()
}

/// Whether the text at `offset` is within an element that holds a key or a password. If no tag is near, it is taken for one.
fn opens_sensitive(text: &str, offset: usize) -> bool {
    let mut start = offset.saturating_sub(REACH);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let before = part(text, start..offset);
    match before.rfind('<') {
        Some(tag) => is_sensitive_tag(part(before, tag..before.len())),
        None => start > 0,
    }
}

/// Whether `tag`, which begins with `<`, is a start tag of a sensitive element, whole or not.
fn is_sensitive_tag(tag: &str) -> bool {
    let name = tag
        .trim_start_matches('<')
        .split(|character: char| character.is_whitespace() || character == '>')
        .next()
        .unwrap_or_default();
    let local = name.rsplit(':').next().unwrap_or_default();
    SENSITIVE.iter().any(|known| known.eq_ignore_ascii_case(local))
}

/// `line` with the same number of characters, keys and passwords as `*`, control characters as blanks.
fn mask_line(line: &str, sensitive_from_start: bool, plain: &Range<usize>) -> String {
    let keys = key_shaped(line, true);
    let mut sensitive = sensitive_from_start;
    let mut tag: Option<usize> = None;
    let mut shown = String::with_capacity(line.len());
    for (at, character) in line.char_indices() {
        match character {
            '<' => {
                sensitive = false;
                tag = Some(at);
            }
            '>' => {
                let start = tag.take();
                // A tag that began before the line has been judged already.
                sensitive = start.map_or(sensitive, |start| is_sensitive_tag(part(line, start..at)));
            }
            _ => {}
        }
        let in_value = sensitive
            && tag.is_none()
            && character != '>'
            && !character.is_whitespace()
            && !plain.contains(&at);
        let in_key = character.is_alphanumeric() && is_within(&keys, at);
        shown.push(if in_value || in_key {
            '*'
        } else if crate::text::printable(character.encode_utf8(&mut [0; 4]))
            .chars()
            .count()
            == 1
        {
            character
        } else {
            ' '
        });
    }
    shown
}

/// Whether one of the ranges, which ascend, holds `at`.
pub(super) fn is_within(ranges: &[Range<usize>], at: usize) -> bool {
    let behind = ranges.partition_point(|range| range.end <= at);
    ranges.get(behind).is_some_and(|range| range.contains(&at))
}

/// The parts of `text` that look like a product key, complete or not; with `unbroken` also 25 letters and digits in a
/// row.
pub(super) fn key_shaped(text: &str, unbroken: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    if unbroken || has_strange_symbols(text.as_bytes()) {
        key_shaped_in(text, 0..text.len(), unbroken, &mut found);
        return found;
    }
    // Three groups of five have a hyphen with five letters or digits on both sides, and another hyphen behind those.
    let bytes = text.as_bytes();
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || !byte.is_ascii();
    let mut done = 0;
    for at in memchr::memchr_iter(b'-', bytes) {
        let group = |start: usize| {
            bytes
                .get(start..start + GROUP)
                .is_some_and(|group| group.iter().all(u8::is_ascii_alphanumeric))
        };
        let in_groups = at >= done.max(GROUP)
            && bytes.get(at + GROUP + 1) == Some(&b'-')
            && group(at + 1)
            && group(at - GROUP)
            && !at
                .checked_sub(GROUP + 1)
                .and_then(|before| bytes.get(before))
                .is_some_and(u8::is_ascii_alphanumeric);
        if !in_groups {
            continue;
        }
        let before = bytes.get(done..at).unwrap_or_default();
        let start = at - before.iter().rev().take_while(|byte| is_part(byte)).count();
        let after = bytes.get(at..).unwrap_or_default();
        done = at + after.iter().take_while(|byte| is_part(byte)).count();
        key_shaped_in(text, start..done, unbroken, &mut found);
    }
    found
}

/// Whether there are hyphens other than `-`, or full-width letters or digits.
fn has_strange_symbols(bytes: &[u8]) -> bool {
    memchr::memchr3_iter(0xC2, 0xE2, 0xEF, bytes).any(|at| {
        matches!(
            bytes.get(at..),
            Some(
                [0xC2, 0xAD, ..]
                    | [0xE2, 0x80, 0x90..=0x95, ..]
                    | [0xE2, 0x88, 0x92, ..]
                    | [0xEF, 0xB9 | 0xBC | 0xBD, ..]
            )
        )
    })
}

/// As [`key_shaped`], of a part of the text, symbol by symbol.
fn key_shaped_in(text: &str, range: Range<usize>, unbroken: bool, found: &mut Vec<Range<usize>>) {
    let is_part = |character: char| character.is_alphanumeric() || is_hyphen(character);
    let mut at = range.start;
    while let Some(start) = part(text, at..range.end).find(is_part).map(|skip| at + skip) {
        let rest = part(text, start..range.end);
        let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
        at = start + length;
        if looks_like_key(part(text, start..at), unbroken) {
            found.push(start..at);
        }
    }
}

fn looks_like_key(run: &str, unbroken: bool) -> bool {
    let mut in_a_row = 0;
    for group in run.split(is_hyphen) {
        in_a_row = if group.chars().count() == GROUP {
            in_a_row + 1
        } else {
            0
        };
        if in_a_row >= GROUPS {
            return true;
        }
    }
    unbroken && run.len() == UNBROKEN && run.chars().all(|character| character.is_ascii_alphanumeric())
}

/// Hyphens as word processors and web pages write them.
fn is_hyphen(character: char) -> bool {
    matches!(
        character,
        '-' | '\u{AD}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GVLK: &str = "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH";

    #[test]
    fn keys_are_masked_at_equal_length_and_names_are_not() {
        let line = format!("\t<component name=\"Microsoft-Windows-Shell-Setup\"> slmgr /ipk {GVLK} &");
        let picture = picture(&line, line.len() - 1..line.len());
        assert!(picture.text().contains("Microsoft-Windows-Shell-Setup"));
        assert!(picture.text().contains("/ipk ***"));
        assert!(!picture.text().contains("33PXH"));
        assert_eq!(picture.text().chars().count(), line.chars().count());
        assert_eq!(picture.text().chars().nth(picture.caret()), Some('&'));
    }

    #[test]
    fn values_of_sensitive_elements_are_masked_whatever_their_shape() {
        for line in [
            "<Key>33PXH-7Y</Kee>",
            "<u:Value>p4ss w0rd!</x>",
            "<ProductKey>33PXH&7Y6KF</ProductKey>",
        ] {
            let text = picture(line, 3..3).text().to_owned();
            assert!(
                text.contains('*') && !text.contains("33PXH") && !text.contains("p4ss"),
                "{text}"
            );
        }
        let text = "<Password>\n  secret & more\n</Password>";
        assert_eq!(picture(text, 20..20).text(), "  ****** * ****");
    }

    #[test]
    fn the_quick_search_finds_what_the_thorough_one_finds() {
        let wide: String = GVLK
            .chars()
            .map(|c| if c == '-' { '\u{2013}' } else { c })
            .collect();
        let words = [
            GVLK,
            &wide,
            "Microsoft-Windows-Shell-Setup",
            "ABCDE-FGHIJ",
            "ABCDE-FGHIJ-KLMNO",
            "x",
            "\u{e4}",
            "\u{2026}",
            "\u{ff21}BCDE-FGHIJ-KLMNO",
            "-",
            " ",
        ];
        for first in words {
            for second in words {
                for third in words {
                    let text = format!("{first}{second}{third}");
                    let mut thorough = Vec::new();
                    key_shaped_in(&text, 0..text.len(), false, &mut thorough);
                    assert_eq!(key_shaped(&text, false), thorough, "{first} {second} {third}");
                }
            }
        }
    }

    #[test]
    fn a_long_line_is_shown_around_its_place() {
        let line = "a ".repeat(5000);
        let picture = picture(&line, 7000..7001);
        assert_eq!(picture.text().chars().count(), WIDTH);
        assert_eq!(picture.caret(), WIDTH / 2);
    }
}
