//! lines - verdicts on a stream of keys, one a line.
//!
//! Promise: constant memory, order kept, no allocation for a line in the usual writing; the buffer is wiped on every
//! path. A line without end is judged once and skipped.

use super::judge::{Context, Verdict, judge_text};
use crate::key::{Draft, TEXT_LENGTH};
use std::io::Read;
use zeroize::Zeroizing;

const BUFFER: usize = 64 * 1024;

/// Lines longer than this, in bytes, are no key whatever they hold.
const LINE_LIMIT: usize = 4096;

/// Judges every line of `reader` and hands the verdict to `take`, with the line's number from 1.
///
/// Lines end with `\n` or `\r\n`; a blank line is judged too, as malformed. A byte-order mark of UTF-8 is understood.
///
/// # Errors
/// What `reader` or `take` reports; the lines before have been handed over.
pub fn check_lines<'a>(
    mut reader: impl Read,
    context: &Context<'a>,
    mut take: impl FnMut(u64, &Verdict<'a>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut buffer = Zeroizing::new(vec![0u8; BUFFER]);
    let mut draft = Draft::new();
    let mut filled = 0usize;
    let mut number = 0u64;
    // Inside a line that was too long and has been judged.
    let mut skipping = false;
    loop {
        let read = match reader.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += read;
        let mut rest = buffer.get(..filled).unwrap_or_default();
        while let Some((line, after)) = next_line(rest) {
            rest = after;
            if std::mem::take(&mut skipping) {
                continue;
            }
            number += 1;
            take(number, &judge_text(line, &mut draft, context))?;
        }
        let left = rest.len();
        if read == 0 {
            if left > 0 && !skipping {
                take(number + 1, &judge_text(rest, &mut draft, context))?;
            }
            return Ok(());
        }
        if left > LINE_LIMIT {
            if !skipping {
                number += 1;
                take(number, &judge_text(rest, &mut draft, context))?;
            }
            skipping = true;
            filled = 0;
        } else {
            buffer.copy_within(filled - left..filled, 0);
            filled = left;
        }
    }
}

/// The first line without its end, and what follows; `None` if no line is complete.
#[inline]
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Nearly every line of a list of keys ends here.
    let end = match bytes.get(TEXT_LENGTH) {
        Some(b'\n') if !holds_line_end(bytes.first_chunk()?) => TEXT_LENGTH,
        _ => bytes.iter().position(|&byte| byte == b'\n')?,
    };
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), bytes.get(end + 1..)?))
}

/// Whether there is a line end among so few bytes; all are looked at, many at once.
#[inline]
fn holds_line_end(bytes: &[u8; TEXT_LENGTH]) -> bool {
    bytes
        .iter()
        .fold(0, |found, &byte| found | u8::from(byte == b'\n'))
        != 0
}
