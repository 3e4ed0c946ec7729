//! content - what stands directly inside one element: text, comments, elements.
//!
//! Promise: the pieces follow each other without gaps, so an edit of one leaves the others alone.

use super::grammar;
use super::place::{all_blank, part};
use super::tree::Element;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::ops::Range;
use zeroize::Zeroizing;

/// The pieces of an element's content.
#[derive(Default)]
pub(super) struct Content {
    /// Runs of text, references and CDATA sections, each as long as no comment, instruction or element parts it.
    pub(super) runs: Vec<Run>,
    /// Comments, processing instructions and elements.
    pub(super) items: Vec<Range<usize>>,
    /// Whether one of the items is an element.
    pub(super) has_elements: bool,
}

/// A run of character data.
pub(super) struct Run {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// The inside of a CDATA section, if the run is that section and white space around it.
    pub(super) section: Option<Range<usize>>,
    sections: usize,
    blank: bool,
    value: Zeroizing<String>,
}

impl Content {
    /// The content of `element`.
    pub(super) fn read(text: &str, element: &Element) -> Self {
        let mut content = Self::default();
        if element.end_tag.is_none() {
            return content;
        }
        // Read from the start tag on: the reader drops a byte-order mark that is the first character it sees.
        let base = element.start_tag.start;
        let mut reader = Reader::from_str(part(text, element.range()));
        let mut start = base;
        let mut open: Vec<usize> = Vec::new();
        while let Ok(event) = reader.read_event() {
            let end = base.saturating_add(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX));
            let range = start..end;
            start = end;
            match event {
                Event::Start(_) => open.push(range.start),
                Event::End(_) => match (open.pop(), open.len()) {
                    (Some(begin), 1) => content.element(begin..range.end),
                    (_, 0) => break,
                    _ => {}
                },
                Event::Eof => break,
                _ if open.len() > 1 => {}
                Event::Empty(_) => content.element(range),
                Event::Text(_) | Event::GeneralRef(_) => content.text(text, range),
                Event::CData(_) => content.section(text, range),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {
                    content.items.push(range);
                }
            }
        }
        content
    }

    fn element(&mut self, range: Range<usize>) {
        self.has_elements = true;
        self.items.push(range);
    }

    /// The run that ends at `range.start`, lengthened by `range`, or a new one.
    fn run(&mut self, range: Range<usize>) -> Option<&mut Run> {
        if self.runs.last().is_none_or(|last| last.range.end != range.start) {
            self.runs.push(Run {
                range: range.clone(),
                section: None,
                sections: 0,
                blank: true,
                value: Zeroizing::default(),
            });
        }
        let run = self.runs.last_mut()?;
        run.range.end = range.end;
        Some(run)
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        let value = grammar::resolved(part(text, range.clone()));
        if let Some(run) = self.run(range) {
            let blank = all_blank(&value);
            if !blank {
                run.section = None;
                run.sections += 1; // no longer just one section
            }
            run.blank &= blank;
            append(&mut run.value, &value);
        }
    }

    fn section(&mut self, text: &str, range: Range<usize>) {
        let inside = range.start + "<![CDATA[".len()..range.end.saturating_sub("]]>".len());
        let raw = grammar::with_line_feeds(part(text, inside.clone()));
        if let Some(run) = self.run(range) {
            run.sections += 1;
            run.section = (run.sections == 1).then_some(inside);
            run.blank &= all_blank(&raw);
            append(&mut run.value, &raw);
        }
    }

    /// All character data, references resolved. Wiped when dropped.
    pub(super) fn value(&self) -> Zeroizing<String> {
        let mut value = Zeroizing::default();
        for run in &self.runs {
            append(&mut value, &run.value);
        }
        value
    }

    /// Whether all character data is white space.
    pub(super) fn is_blank(&self) -> bool {
        self.runs.iter().all(|run| run.blank)
    }

    /// The runs that hold more than white space.
    pub(super) fn filled(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| !run.blank)
    }
}

impl Run {
    /// The run without the white space around it.
    pub(super) fn trimmed(&self, text: &str) -> Range<usize> {
        let raw = part(text, self.range.clone());
        let start = self.range.start + (raw.len() - raw.trim_start_matches(super::place::is_blank).len());
        let length = raw.trim_matches(super::place::is_blank).len();
        start..start + length
    }
}

/// Lengthens a string that may hold a secret without leaving a copy of it in freed memory.
fn append(text: &mut Zeroizing<String>, more: &str) {
    if text.len() + more.len() > text.capacity() {
        let mut moved = Zeroizing::new(String::with_capacity((text.len() + more.len()) * 2));
        moved.push_str(text);
        *text = moved; // the old allocation is wiped as it drops
    }
    text.push_str(more);
}
