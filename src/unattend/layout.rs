//! layout - how inserted elements look: line ends, indentation, and the trace that lets them be taken away exactly.
//!
//! Promise: an element that is put among others begins a line indented like theirs, or none if they do not. An element
//! that was empty and gets its first child keeps a trace of how it was written: blanks at the end of the line before
//! the child. Without that trace nobody could tell it from an element that was created along with the child, and
//! removing the child could not give the original bytes.

use super::content::Content;
use super::place::{all_blank, gap_before, indentation, is_blank, part};
use super::tree::{Element, Tree};
use std::ops::Range;
use zeroize::Zeroizing;

/// The indentation of a level where the file shows none: that of Windows System Image Manager.
const USUAL_UNIT: &str = "    ";

/// How an element without children was written; the number of blanks that is its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    /// `<a></a>`
    Pair = 1,
    /// `<a/>`
    Single = 2,
    /// `<a>`, white space, `</a>`
    Blank = 3,
}

impl Empty {
    fn trace(self) -> &'static str {
        match self {
            Self::Pair => " ",
            Self::Single => "  ",
            Self::Blank => "   ",
        }
    }

    /// The trace in the white space before an only child.
    pub(super) fn traced(gap: &str) -> Option<Self> {
        let blanks = gap.find(['\r', '\n']).unwrap_or(gap.len());
        match part(gap, 0..blanks) {
            " " => Some(Self::Pair),
            "  " => Some(Self::Single),
            "   " => Some(Self::Blank),
            _ => None,
        }
    }
}

/// How an element was written before a value filled it, kept as white space behind its end tag. With it, taking the value away
/// gives the original bytes.
pub(super) struct Filled;

impl Filled {
    /// For `<a></a>`.
    const PAIR: &'static str = " \t ";
    /// Around what stood before the slash of `<a/>`.
    const SINGLE: &'static str = "\t \t";
    /// Around white space that stood alone between the tags.
    const BLANK: &'static str = "\t  \t";

    /// The trace of an element before it is filled.
    pub(super) fn trace(text: &str, element: &Element) -> String {
        let between = |mark: &str, blanks: &str| {
            // Blanks that could be taken for the mark leave no trace.
            let behind = format!("{blanks}{mark}");
            if behind.split_once(mark) == Some((blanks, "")) {
                format!("{mark}{behind}")
            } else {
                String::new()
            }
        };
        if element.end_tag.is_none() {
            let tag = part(text, element.start_tag.clone());
            let open = tag.strip_suffix("/>").unwrap_or(tag);
            let blanks = part(open, open.trim_end_matches(is_blank).len()..open.len());
            return between(Self::SINGLE, blanks);
        }
        match part(text, element.content()) {
            "" => Self::PAIR.to_owned(),
            blanks => between(Self::BLANK, blanks),
        }
    }

    /// The edit that empties an element with a trace; `None` for an element that was not filled.
    pub(super) fn undone(text: &str, element: &Element) -> Option<(Range<usize>, String)> {
        let end_tag = element.end_tag.clone()?;
        let inside = element.content();
        let behind = part(text, end_tag.end..text.len());
        let close = part(text, end_tag.clone());
        let between = |mark: &str| {
            let blanks = behind.strip_prefix(mark)?.split_once(mark)?.0;
            blanks
                .chars()
                .all(is_blank)
                .then_some((blanks, end_tag.end + blanks.len() + 2 * mark.len()))
        };
        if behind.starts_with(Self::PAIR) {
            return Some((inside.start..end_tag.end + Self::PAIR.len(), close.to_owned()));
        }
        if let Some((blanks, end)) = between(Self::BLANK) {
            return Some((inside.start..end, format!("{blanks}{close}")));
        }
        let (blanks, end) = between(Self::SINGLE)?;
        Some((element.start_tag.end - 1..end, format!("{blanks}/>")))
    }
}

/// The look of a file: its line end (empty if it has a single line) and one level of indentation.
pub(super) struct Style<'a> {
    line_end: &'a str,
    unit: &'a str,
}

impl<'a> Style<'a> {
    /// The style of `text`, read off the first elements that show it, or else the first line end.
    pub(super) fn of(text: &'a str, tree: &Tree) -> Self {
        let indented = |element: &Element| indentation(part(text, gap_before(text, element.start_tag.start)));
        let line_end = tree
            .elements
            .iter()
            .find_map(|element| Some(indented(element)?.0));
        let any_line_end = || {
            let first = text.find(['\r', '\n'])?;
            let both = text.get(first..first + 2).filter(|pair| *pair == "\r\n");
            both.or_else(|| text.get(first..=first))
        };
        let unit = tree.elements.iter().find_map(|element| {
            let parent = tree.elements.get(element.parent?)?;
            let outer = indented(parent).map_or("", |(_, indent)| indent);
            let unit = indented(element)?.1.strip_prefix(outer)?;
            (!unit.is_empty()).then_some(unit)
        });
        Self {
            line_end: line_end.or_else(any_line_end).unwrap_or_default(),
            unit: unit.unwrap_or(USUAL_UNIT),
        }
    }
}

/// An element to be created: its start tag and its end tag.
pub(super) struct New {
    pub(super) start: String,
    pub(super) end: String,
}

/// Elements within each other, the innermost with a value.
pub(super) struct Nest<'a> {
    pub(super) elements: &'a [New],
    /// The value as it stands in the file. Wiped by its owner.
    pub(super) value: &'a str,
}

impl Nest<'_> {
    /// The text of these elements, the outermost of which is indented by `indent`. Wiped when dropped.
    fn text(&self, line_end: &str, indent: &str, unit: &str) -> Zeroizing<String> {
        let levels = self.elements.len();
        let tags: usize = self
            .elements
            .iter()
            .map(|new| new.start.len() + new.end.len())
            .sum();
        let blanks = 2 * levels * (line_end.len() + indent.len() + levels * unit.len());
        // With this capacity the string never moves.
        let mut text = Zeroizing::new(String::with_capacity(tags + blanks + self.value.len()));
        let new_line = |text: &mut String, level: usize| {
            if !line_end.is_empty() {
                text.push_str(line_end);
                text.push_str(indent);
                (0..level).for_each(|_| text.push_str(unit));
            }
        };
        for (level, new) in self.elements.iter().enumerate() {
            if level > 0 {
                new_line(&mut text, level);
            }
            text.push_str(&new.start);
        }
        text.push_str(self.value);
        for (level, new) in self.elements.iter().enumerate().rev() {
            if level + 1 < levels {
                new_line(&mut text, level);
            }
            text.push_str(&new.end);
        }
        text
    }

    /// The text alone, for a place that has none around it.
    pub(super) fn inline(&self) -> Zeroizing<String> {
        self.text("", "", "")
    }

    /// The edit that puts these elements into `parent` behind its child element `after`, or before all of them.
    pub(super) fn insertion(
        &self,
        text: &str,
        style: &Style<'_>,
        parent: &Element,
        after: Option<&Element>,
    ) -> (Range<usize>, Zeroizing<String>) {
        let content = Content::read(text, parent);
        let outer = indentation(part(text, gap_before(text, parent.start_tag.start)));
        let (line_end, outer) = outer.unwrap_or((style.line_end, ""));
        let inside = parent.content();
        let empty = match &parent.end_tag {
            None => Some(Empty::Single),
            Some(_) if inside.is_empty() => Some(Empty::Pair),
            Some(_) if content.items.is_empty() => Some(Empty::Blank),
            Some(_) => None,
        };
        let Some(empty) = empty else {
            let anchor = end_of_line_comments(
                text,
                &content,
                after.map_or(inside.start, |element| element.range().end),
            );
            let mut gaps = content
                .items
                .iter()
                .map(|item| part(text, gap_before(text, item.start)));
            let Some((line_end, indent)) = gaps.find_map(indentation) else {
                return (anchor..anchor, self.inline());
            };
            let nest = self.text(line_end, indent, style.unit);
            return (anchor..anchor, joined(&[line_end, indent, &nest]));
        };
        let (line_end, indent) = if line_end.is_empty() {
            ("", String::new())
        } else {
            (line_end, format!("{outer}{}", style.unit))
        };
        let nest = self.text(line_end, &indent, style.unit);
        let closing = if line_end.is_empty() { "" } else { outer };
        match empty {
            Empty::Pair => {
                let piece = joined(&[empty.trace(), line_end, &indent, &nest, line_end, closing]);
                (inside, piece)
            }
            Empty::Blank => {
                let piece = joined(&[empty.trace(), line_end, &indent, &nest]);
                (inside.start..inside.start, piece)
            }
            Empty::Single => {
                let slash = parent.start_tag.end.saturating_sub("/>".len());
                let name = part(text, parent.name.clone());
                let parts = [
                    ">",
                    empty.trace(),
                    line_end,
                    &indent,
                    &nest,
                    line_end,
                    closing,
                    "</",
                    name,
                    ">",
                ];
                (slash..parent.start_tag.end, joined(&parts))
            }
        }
    }
}

/// Behind the comments that follow `anchor` on its line: they belong to what stands before them.
fn end_of_line_comments(text: &str, content: &Content, anchor: usize) -> usize {
    let mut end = anchor;
    for item in content.items.iter().filter(|item| item.start >= anchor) {
        let between = part(text, end..item.start);
        let is_comment = part(text, item.clone()).starts_with("<!--");
        if !is_comment || !all_blank(between) || between.contains(['\r', '\n']) {
            break;
        }
        // A comment that something follows on the same line belongs to that instead.
        let rest = part(text, item.end..text.len()).trim_start_matches([' ', '\t']);
        if !rest.starts_with(['\r', '\n']) && !rest.starts_with("<!--") {
            break;
        }
        end = item.end;
    }
    end
}

/// The parts one after the other, in memory that is wiped.
fn joined(parts: &[&str]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        text.push_str(part);
    }
    text
}

/// What stands before an element on its line, with the line break: what an insertion put there.
pub(super) fn line_before(text: &str, start: usize) -> Range<usize> {
    let gap = gap_before(text, start);
    let own = indentation(part(text, gap)).map_or(0, |(line_end, indent)| line_end.len() + indent.len());
    start - own..start
}

/// Whether `element` holds nothing but white space around what stands at `child`.
pub(super) fn is_only_child(text: &str, element: &Element, child: &Range<usize>) -> bool {
    let inside = element.content();
    let around = [inside.start..child.start, child.end..inside.end];
    around
        .into_iter()
        .all(|range| part(text, range).chars().all(is_blank))
}
