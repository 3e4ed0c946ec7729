//! place - offsets into the decoded text, and the lines and columns people count.
//!
//! Promise: an offset outside the text or inside a character gives an empty part, never a panic.

use std::ops::Range;

/// The part of `text` at `range`; empty if there is none.
pub(super) fn part(text: &str, range: Range<usize>) -> &str {
    text.get(range).unwrap_or_default()
}

/// Line and column of `offset`, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let line = line_range(text, offset);
    let before = part(text, 0..line.start);
    let breaks = before.matches('\n').count() + before.matches('\r').count() - before.matches("\r\n").count();
    let column = part(text, line.start..offset).chars().count();
    (breaks + 1, column + 1)
}

/// The line around `offset`, without its line end.
pub(super) fn line_range(text: &str, offset: usize) -> Range<usize> {
    let is_break = |character| matches!(character, '\n' | '\r');
    let start = part(text, 0..offset).rfind(is_break).map_or(0, |at| at + 1);
    let end = text
        .get(offset..)
        .and_then(|rest| rest.find(is_break))
        .map_or(text.len(), |at| offset + at);
    start..end.max(start)
}

/// The white space of XML.
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// Whether `text` holds nothing but white space.
pub(super) fn all_blank(text: &str) -> bool {
    text.chars().all(is_blank)
}

/// The white space directly before `offset`.
pub(super) fn gap_before(text: &str, offset: usize) -> Range<usize> {
    let before = part(text, 0..offset);
    before.trim_end_matches(is_blank).len()..before.len()
}

/// The last line break of white space and the indentation after it, as (line break, indentation).
pub(super) fn indentation(gap: &str) -> Option<(&str, &str)> {
    let last = gap.rfind(['\n', '\r'])?;
    let start = if gap.get(..=last).is_some_and(|head| head.ends_with("\r\n")) {
        last - 1
    } else {
        last
    };
    Some((gap.get(start..=last)?, gap.get(last + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_every_kind_of_line_end() {
        assert_eq!(line_and_column("a\r\nb\nc\rdé!", 0), (1, 1));
        assert_eq!(line_and_column("a\r\nb\nc\rdé!", 3), (2, 1));
        assert_eq!(line_and_column("a\r\nb\nc\rdé!", 10), (4, 3));
        assert_eq!(line_and_column("", 5), (1, 1));
    }

    #[test]
    fn indentation_is_what_follows_the_last_line_end() {
        assert_eq!(indentation("\r\n \r\n\t "), Some(("\r\n", "\t ")));
        assert_eq!(indentation("  \n"), Some(("\n", "")));
        assert_eq!(indentation("  "), None);
    }
}
