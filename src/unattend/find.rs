//! find - where settings stand.

use super::content::Content;
use super::picture::shown_name;
use super::place::{is_blank, line_and_column};
use super::tree::Element;
use super::walker::Walker;
use super::{AnswerFile, Setting};
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// A setting that stands in the file. The value is wiped when dropped and shown only by [`Found::expose`].
pub struct Found {
    /// Line of the value, or of its element if there is none; from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes of the file between start and end tag; empty for `<Name/>`.
    pub bytes: Range<usize>,
    value: Zeroizing<String>,
}

impl Found {
    /// The value: references resolved, comments left out, without the white space around it.
    pub fn expose(&self) -> &str {
        self.value.trim_matches(is_blank)
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line, column, bytes, ..
        } = self;
        write!(
            formatter,
            "Found(line {line}, column {column}, bytes {bytes:?}, value elided)"
        )
    }
}

/// A component element and the pass it stands in, as the file spells them.
pub(super) struct Component {
    pub(super) index: usize,
    pub(super) pass: String,
    pub(super) name: String,
    pub(super) architecture: String,
}

impl AnswerFile {
    /// Every place where `setting` stands. Setup accepts one; more are a fault of the file.
    pub fn get(&self, setting: &Setting) -> Vec<Found> {
        let mut walker = self.walker();
        let places = self.places(setting).into_iter();
        let elements = places.filter_map(|index| self.tree.elements.get(index));
        elements.map(|element| self.found(element, &mut walker)).collect()
    }

    fn found(&self, element: &Element, walker: &mut Walker<'_>) -> Found {
        let content = Content::read(&self.text, element);
        let inside = element.content();
        let value = content.filled().next().map(|run| run.trimmed(&self.text).start);
        // An element without value is pointed to by its own beginning.
        let beginning = walker.to(element.start_tag.start);
        let first_byte = walker.to(inside.start).byte;
        let place = value.map_or(beginning, |start| walker.to(start));
        Found {
            line: place.line,
            column: place.column,
            bytes: first_byte..walker.to(inside.end).byte,
            value: content.value(),
        }
    }

    /// A walk through the text from its beginning.
    pub(super) fn walker(&self) -> Walker<'_> {
        Walker::new(&self.text, self.stored)
    }

    /// The elements of `setting`.
    pub(super) fn places(&self, setting: &Setting) -> Vec<usize> {
        let mut level = self.components_of(setting);
        for name in setting.names() {
            let below = level
                .iter()
                .flat_map(|&index| self.tree.named(&self.text, index, name));
            level = below.map(|(index, _)| index).collect();
        }
        level
    }

    /// The component elements in which `setting` may stand.
    pub(super) fn components_of(&self, setting: &Setting) -> Vec<usize> {
        let wanted = |component: &Component| {
            component.pass == setting.pass().name()
                && component.name == setting.component()
                && component
                    .architecture
                    .eq_ignore_ascii_case(setting.architecture().name())
        };
        self.components()
            .into_iter()
            .filter(wanted)
            .map(|component| component.index)
            .collect()
    }

    /// All component elements, in the order of the file.
    pub(super) fn components(&self) -> Vec<Component> {
        let mut found = Vec::new();
        for (settings, element) in self.tree.named(&self.text, 0, "settings") {
            let pass = element.attribute(&self.text, "pass").unwrap_or_default();
            for (index, component) in self.tree.named(&self.text, settings, "component") {
                let attribute = |name| component.attribute(&self.text, name).unwrap_or_default();
                found.push(Component {
                    index,
                    pass: pass.clone(),
                    name: attribute("name"),
                    architecture: attribute("processorArchitecture"),
                });
            }
        }
        found
    }

    /// Line of an element.
    pub(super) fn line_of(&self, index: usize) -> usize {
        let start = self
            .tree
            .elements
            .get(index)
            .map_or(0, |element| element.start_tag.start);
        line_and_column(&self.text, start).0
    }

    /// Name of an element for a message.
    pub(super) fn shown(&self, element: &Element) -> String {
        shown_name(element.local_name(&self.text))
    }
}
