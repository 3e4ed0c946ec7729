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

/// What stands before and after a judgement's name in text, such as colours.
pub type Paint = fn(Judgement, &str) -> String;

/// Writes verdicts one after another.
///
/// All verdicts of one writer must have been made against the same ground: what was written for a published key is used again.
#[derive(Debug)]
pub struct VerdictLines {
    shape: Shape,
    paint: Paint,
    count: u64,
    number: Number,
    reason: String,
    /// For each published key what follows the number of the line; empty until it occurred.
    known: Vec<String>,
}

/// What a masked key shows of its first four groups.
const MASK: &str = "*****-*****-*****-*****-";
/// Columns of the line's number, and of a judgement's name.
const NUMBER_WIDTH: usize = 4;
const NAME_WIDTH: usize = 16;
const BLANKS: &str = "                             ";

impl VerdictLines {
    /// Nothing written yet. `paint` gives a judgement's name its colour in text.
    pub fn new(shape: Shape, paint: Paint) -> Self {
        Self {
            shape,
            paint,
            count: 0,
            number: Number::default(),
            reason: String::new(),
            known: vec![String::new(); catalog::published().len()],
        }
    }

    /// How many verdicts were written.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Appends the verdict on the line of this number, from 1.
    pub fn write(&mut self, line: u64, verdict: &Verdict<'_>, out: &mut String) {
        if self.shape == Shape::Json {
            self.separate(out);
        }
        self.count += 1;
        let number = self.number.of(line);
        if self.shape == Shape::Text {
            let blanks = NUMBER_WIDTH.saturating_sub(number.len());
            out.push_str(BLANKS.get(..blanks).unwrap_or_default());
        } else {
            out.push_str("{\"line\":");
        }
        out.push_str(number);
        // A published key that is written right has the same verdict each time.
        let row = verdict
            .published
            .filter(|_| verdict.position.is_none() && verdict.last_five.is_some())
            .and_then(catalog::row_number);
        if let Some(known) = row
            .and_then(|row| self.known.get(row))
            .filter(|known| !known.is_empty())
        {
            out.push_str(known);
            return;
        }
        let start = out.len();
        self.reason.clear();
        _ = verdict.write_reason(&mut self.reason); // writing to a String does not fail
        match self.shape {
            Shape::Text => self.columns(verdict, out),
            Shape::Json | Shape::JsonLines => self.fields(verdict, out),
        }
        if let Some(known) = row.and_then(|row| self.known.get_mut(row)) {
            known.push_str(out.get(start..).unwrap_or_default());
        }
    }

    /// Appends what closes the list.
    pub fn finish(&mut self, out: &mut String) {
        if self.shape == Shape::Json {
            if self.count == 0 {
                self.separate(out);
            }
            out.push_str("\n]}\n");
        }
    }

    /// What stands before a result of the JSON object.
    fn separate(&self, out: &mut String) {
        if self.count > 0 {
            out.push_str(",\n");
        } else {
            for piece in ["{\"schema\":\"", SCHEMA, "\",\"results\":[\n"] {
                out.push_str(piece);
            }
        }
    }

    fn columns(&self, verdict: &Verdict<'_>, out: &mut String) {
        let name = verdict.judgement.name();
        out.push_str("  ");
        out.push_str(&(self.paint)(verdict.judgement, name));
        out.push_str(
            BLANKS
                .get(..NAME_WIDTH.saturating_sub(name.len()))
                .unwrap_or_default(),
        );
        out.push(' ');
        match &verdict.last_five {
            Some(last) => masked(last, out),
            None => {
                out.push('-');
                out.push_str(BLANKS.get(1..).unwrap_or_default());
            }
        }
        out.push_str("  ");
        out.push_str(&self.reason);
        out.push('\n');
    }

    fn fields(&mut self, verdict: &Verdict<'_>, out: &mut String) {
        out.push_str(",\"verdict\":\"");
        out.push_str(verdict.judgement.name());
        out.push_str("\",\"partial\":");
        match &verdict.last_five {
            Some(last) => {
                out.push('"');
                masked(last, out);
                out.push('"');
            }
            None => out.push_str("null"),
        }
        for (name, text) in [
            (",\"product\":", verdict.product()),
            (",\"edition\":", verdict.edition()),
            (",\"channel\":", verdict.channel()),
            (",\"kms_group\":", verdict.kms_group()),
        ] {
            out.push_str(name);
            match text {
                Some(text) => quoted(text, out),
                None => out.push_str("null"),
            }
        }
        out.push_str(",\"position\":");
        match verdict.position {
            Some(position) => out.push_str(self.number.of(position as u64)),
            None => out.push_str("null"),
        }
        out.push_str(",\"reason\":");
        quoted(&self.reason, out);
        out.push_str(if self.shape == Shape::Json { "}" } else { "}\n" });
    }
}

fn masked(last: &[u8; 5], out: &mut String) {
    out.push_str(MASK);
    out.push_str(std::str::from_utf8(last).unwrap_or_default());
}

/// A JSON string.
fn quoted(text: &str, out: &mut String) {
    // Without a branch for each byte the compiler takes many at once.
    let special = text.bytes().fold(false, |found, byte| {
        found | (byte < b' ') | (byte == b'"') | (byte == b'\\')
    });
    if !special {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if u32::from(control) < 0x20 => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.push_str("\\u00");
                for digit in [u32::from(control) >> 4, u32::from(control) & 0xF] {
                    let digit = usize::try_from(digit).ok().and_then(|digit| HEX.get(digit));
                    out.push(char::from(digit.copied().unwrap_or(b'0')));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Decimal digits of one number after another.
#[derive(Debug, Default)]
struct Number {
    digits: [u8; 20],
}

impl Number {
    fn of(&mut self, mut value: u64) -> &str {
        let mut start = self.digits.len();
        for place in self.digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(value % 10).unwrap_or_default();
            value /= 10;
            start -= 1;
            if value == 0 {
                break;
            }
        }
        std::str::from_utf8(self.digits.get(start..).unwrap_or_default()).unwrap_or_default()
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
        "33PXH-7Y6KF-2VJC9-XBBR8-HVTH\"",
        "33PXH-7Y6KF-2VJC9-XBBR8-HVT",
        "\\",
    ];

    fn written(shape: Shape) -> String {
        let mut lines = VerdictLines::new(shape, |_, name| name.to_owned());
        let mut out = String::new();
        let mut draft = Draft::new();
        for (number, line) in (1..).zip(LINES) {
            lines.write(
                number,
                &judge_text(line.as_bytes(), &mut draft, &Context::default()),
                &mut out,
            );
        }
        lines.finish(&mut out);
        out
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
        let mut out = String::new();
        VerdictLines::new(Shape::Json, |_, name| name.to_owned()).finish(&mut out);
        let object: serde_json::Value = serde_json::from_str(&out).unwrap();
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
        for value in [0, 9, 10, 1_000_000, u64::MAX] {
            assert_eq!(number.of(value), value.to_string());
        }
        let mut out = String::new();
        quoted("a\"b\\c\u{1}\u{1f}é", &mut out);
        assert_eq!(
            serde_json::from_str::<String>(&out).unwrap(),
            "a\"b\\c\u{1}\u{1f}é"
        );
    }
}
