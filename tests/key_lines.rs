//! Keys in bulk: every line judged, in order, however it is cut into reads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use std::io::Read;
use wimkey::pkeyconfig::{Context, check_lines};

/// A reader that gives its bytes in pieces of one size.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn names(text: &[u8], piece: usize) -> Vec<(u64, &'static str)> {
    let mut found = Vec::new();
    check_lines(Pieces(text, piece), &Context::default(), |line, verdict| {
        found.push((line, verdict.judgement.name()));
        Ok(())
    })
    .unwrap();
    found
}

#[test]
fn lines_are_judged_in_order_however_they_are_read() {
    let misspelt = format!("{}K", &"33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"[..28]);
    let text = format!(
        "\u{FEFF}W269N-WFGWX-YVC9B-4J6C9-T83GX\r\n\n{misspelt}\nno key\n  w269n-wfgwx-yvc9b-4j6c9-t83gx"
    );
    let expected = vec![
        (1, "published"),
        (2, "malformed"),
        (3, "misspelled"),
        (4, "malformed"),
        (5, "published"),
    ];
    for piece in [1, 2, 7, 29, 30, 31, 4096, 1 << 20] {
        assert_eq!(names(text.as_bytes(), piece), expected, "pieces of {piece}");
    }
}

#[test]
fn a_line_without_end_is_one_malformed_line() {
    let mut text = vec![b'B'; 300_000];
    text.extend(b"\nW269N-WFGWX-YVC9B-4J6C9-T83GX\n");
    for piece in [1000, 4096, 70_000, 1 << 20] {
        assert_eq!(names(&text, piece), vec![(1, "malformed"), (2, "published")]);
    }
}

#[test]
fn an_empty_input_has_no_lines() {
    assert_eq!(names(b"", 1), vec![]);
    assert_eq!(names(b"\n", 1), vec![(1, "malformed")]);
}
