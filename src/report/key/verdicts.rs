//! verdicts - verdicts on a long list of keys, as text, as one JSON object, or as JSON lines.
//!
//! Promise: made for millions of lines: no allocation for a line once its like was seen, nothing kept but one line for each
//! published key. The fields are those of `key check` in JSON, in the same order in both JSON shapes.

use crate::catalog;
use crate::pkeyconfig::{Judgement, Verdict};
use crate::report::SCHEMA;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Columns for people.
    Text,
    /// One object with all results.
    Json,
    /// One object a line, without a frame.
    JsonLines,
}

/// Gives a judgement's name its colour in text.
pub type Paint = fn(Judgement, &str) -> String;

/// Writes verdicts one after another.
///
/// All verdicts of one writer must have been made against the same ground: what was written for a published key is used again.
#[derive(Debug)]
pub struct VerdictLines {
    shape: Shape,
    /// The names of the judgements in their columns.
    names: [String; Judgement::ALL.len()],
    count: u64,
    number: Number,
    reason: String,
    /// For each published key what follows the number of the line; empty until it occurred.
    known: Vec<Vec<u8>>,
}

/// What a masked key shows of its first four groups.
const MASK: &str = "*****-*****-*****-*****-";
/// Columns of the line's number, and of a judgement's name.
const NUMBER_WIDTH: usize = 4;
const NAME_WIDTH: usize = 16;
/// Stands for a masked key where there is none.
const NOTHING: &str = "-                            ";

/// Takes text as bytes: what is written is text, and asking of each piece whether it is costs time.
struct Sink<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Sink<'_> {
    fn write_str(&mut self, piece: &str) -> std::fmt::Result {
        put(self.0, piece);
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

impl VerdictLines {
    /// Nothing written yet. `paint` gives a judgement's name its colour in text.
    pub fn new(shape: Shape, paint: Paint) -> Self {
        Self {
            shape,
            names: Judgement::ALL.map(|judgement| {
                let name = judgement.name();
                let blanks = NAME_WIDTH.saturating_sub(name.len());
                format!("  {}{:blanks$} ", paint(judgement, name), "")
            }),
            count: 0,
            number: Number::default(),
            reason: String::new(),
            known: vec![Vec::new(); catalog::published().len()],
        }
    }

    /// How many verdicts were written.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Appends the verdict on the line of this number, from 1.
    pub fn write(&mut self, line: u64, verdict: &Verdict<'_>, out: &mut Vec<u8>) {
        if self.shape == Shape::Json {
            self.separate(out);
        }
        self.count += 1;
        let number = self.number.of(line);
        if self.shape == Shape::Text {
            let blanks = NUMBER_WIDTH.saturating_sub(number.len());
            out.extend(std::iter::repeat_n(b' ', blanks));
        } else {
            put(out, "{\"line\":");
        }
        out.extend_from_slice(number);
        // A published key that is written right has the same verdict each time.
        let row = verdict
            .published
            .filter(|_| verdict.position.is_none() && verdict.last_five.is_some())
            .and_then(catalog::row_number);
        if let Some(known) = row
            .and_then(|row| self.known.get(row))
            .filter(|known| !known.is_empty())
        {
            out.extend_from_slice(known);
            return;
        }
        let start = out.len();
        match self.shape {
            Shape::Text => self.columns(verdict, out),
            Shape::Json | Shape::JsonLines => self.fields(verdict, out),
        }
        if let Some(known) = row.and_then(|row| self.known.get_mut(row)) {
            known.extend_from_slice(out.get(start..).unwrap_or_default());
        }
    }

    /// Appends what closes the list.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.shape == Shape::Json {
            if self.count == 0 {
                self.separate(out);
            }
            put(out, "\n]}\n");
        }
    }

    /// What stands before a result of the JSON object.
    fn separate(&self, out: &mut Vec<u8>) {
        if self.count > 0 {
            put(out, ",\n");
        } else {
            for piece in ["{\"schema\":\"", SCHEMA, "\",\"results\":[\n"] {
                put(out, piece);
            }
        }
    }

    fn columns(&self, verdict: &Verdict<'_>, out: &mut Vec<u8>) {
        let name = self.names.get(verdict.judgement as usize);
        put(out, name.map_or("", String::as_str));
        match verdict.last_five {
            Some(last) => masked(last, out),
            None => put(out, NOTHING),
        }
        put(out, "  ");
        _ = verdict.write_reason(&mut Sink(out)); // writing to memory does not fail
        out.push(b'\n');
    }

    fn fields(&mut self, verdict: &Verdict<'_>, out: &mut Vec<u8>) {
        put(out, ",\"verdict\":\"");
        put(out, verdict.judgement.name());
        put(out, "\",\"partial\":");
        match verdict.last_five {
            Some(last) => {
                out.push(b'"');
                masked(last, out);
                out.push(b'"');
            }
            None => put(out, "null"),
        }
        if verdict.product().is_none() {
            put(
                out,
                ",\"product\":null,\"edition\":null,\"channel\":null,\"kms_group\":null",
            );
        } else {
            for (name, text) in [
                (",\"product\":", verdict.product()),
                (",\"edition\":", verdict.edition()),
                (",\"channel\":", verdict.channel()),
                (",\"kms_group\":", verdict.kms_group()),
            ] {
                put(out, name);
                match text {
                    Some(text) => quoted(text, out),
                    None => put(out, "null"),
                }
            }
        }
        put(out, ",\"position\":");
        match verdict.position {
            Some(position) => out.extend_from_slice(Number::default().of(position as u64)),
            None => put(out, "null"),
        }
        put(out, ",\"reason\":\"");
        let start = out.len();
        _ = verdict.write_reason(&mut Sink(out)); // writing to memory does not fail
        if out.get(start..).is_some_and(is_special) {
            self.reason.clear();
            _ = verdict.write_reason(&mut self.reason);
            out.truncate(start);
            escape(&self.reason, out);
        }
        out.push(b'"');
        put(out, if self.shape == Shape::Json { "}" } else { "}\n" });
    }
}

fn masked(last: [u8; 5], out: &mut Vec<u8>) {
    put(out, MASK);
    out.extend_from_slice(&last);
}

/// Whether JSON writes any of these bytes otherwise than they are.
fn is_special(text: &[u8]) -> bool {
    // Numbers instead of branches: the compiler then takes many bytes at once.
    let found = text.iter().fold(0, |found, &byte| {
        found | u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    found != 0
}

/// A JSON string.
fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if is_special(text.as_bytes()) {
        escape(text, out);
    } else {
        put(out, text);
    }
    out.push(b'"');
}

/// The inside of a JSON string.
fn escape(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '"' => put(out, "\\\""),
            '\\' => put(out, "\\\\"),
            control if u32::from(control) < 0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                put(out, "\\u00");
                for digit in [u32::from(control) >> 4, u32::from(control) & 0xF] {
                    let digit = usize::try_from(digit).ok().and_then(|digit| HEX.get(digit));
                    out.push(digit.copied().unwrap_or(b'0'));
                }
            }
            other => put(out, other.encode_utf8(&mut [0; 4])),
        }
    }
}

/// Decimal digits of one number after another.
#[derive(Debug, Default)]
struct Number {
    digits: [u8; 20],
    start: usize,
    value: u64,
}

impl Number {
    fn of(&mut self, value: u64) -> &[u8] {
        let is_next = self.value > 0 && Some(value) == self.value.checked_add(1);
        self.value = value;
        if !is_next || !self.count_on() {
            self.write(value);
        }
        self.digits.get(self.start..).unwrap_or_default()
    }

    /// Adds one, unless that takes another digit.
    fn count_on(&mut self) -> bool {
        let digits = self.digits.get_mut(self.start..).unwrap_or_default();
        for digit in digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return true;
            }
            *digit = b'0';
        }
        false
    }

    fn write(&mut self, mut value: u64) {
        self.start = self.digits.len();
        for place in self.digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(value % 10).unwrap_or_default();
            value /= 10;
            self.start -= 1;
            if value == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Draft;
    use crate::pkeyconfig::{Context, judge_text};

    const LINES: [&str; 6] = [
        "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH",
        "33pxh-7y6kf-2vjc9-xbbr8-hvthh",
        "33PXH-7Y6KF-2VJC9-XBBR8-HVTHO",
        "33PXH-7Y6KF-2V\"C9-XBBR8-HVTHH",
        "33PXH-7Y6KF-2VJC9-XBBR8-HVT",
        "\\",
    ];

    fn written(shape: Shape) -> String {
        let mut lines = VerdictLines::new(shape, |_, name| name.to_owned());
        let mut out = Vec::new();
        let mut draft = Draft::new();
        for (number, line) in (1..).zip(LINES) {
            lines.write(
                number,
                &judge_text(line.as_bytes(), &mut draft, &Context::default()),
                &mut out,
            );
        }
        lines.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_json_shapes_say_the_same_and_are_read_by_others() {
        let object: serde_json::Value = serde_json::from_str(&written(Shape::Json)).unwrap();
        let lines: Vec<serde_json::Value> = written(Shape::JsonLines)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(object["schema"], SCHEMA);
        assert_eq!(object["results"], serde_json::Value::Array(lines.clone()));
        assert_eq!(lines[0]["product"], "Windows 7 Enterprise");
        assert_eq!(lines[2]["position"], 29);
        assert!(lines[3]["reason"].as_str().unwrap().contains("contains '\"'"));
        for (line, text) in lines.iter().zip(LINES) {
            let mut draft = Draft::new();
            let verdict = judge_text(text.as_bytes(), &mut draft, &Context::default());
            assert_eq!(line["reason"], verdict.to_string());
            assert_eq!(line["verdict"], verdict.judgement.name());
        }
    }

    #[test]
    fn an_empty_list_is_an_object_too() {
        let mut out = Vec::new();
        VerdictLines::new(Shape::Json, |_, name| name.to_owned()).finish(&mut out);
        let object: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(object["results"], serde_json::json!([]));
    }

    #[test]
    fn text_stands_in_columns() {
        let text = written(Shape::Text);
        let first = "   1  published        *****-*****-*****-*****-HVTHH  the published client setup key";
        assert!(text.starts_with(first), "{text}");
        assert!(
            text.lines()
                .nth(4)
                .unwrap()
                .starts_with("   5  malformed        -    "),
            "{text}"
        );
        assert_eq!(text.lines().count(), LINES.len());
    }

    #[test]
    fn numbers_and_control_characters_are_written() {
        let mut number = Number::default();
        let steps = (0..2000).chain([9, 10, 1_000_000, 1_000_001, u64::MAX - 1, u64::MAX, 0, 1]);
        for value in steps {
            assert_eq!(number.of(value), value.to_string().as_bytes());
        }
        let mut out = Vec::new();
        quoted("a\"b\\c\u{1}\u{1f}é", &mut out);
        assert_eq!(
            serde_json::from_slice::<String>(&out).unwrap(),
            "a\"b\\c\u{1}\u{1f}é"
        );
    }
}
