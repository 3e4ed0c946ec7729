//! node - walking through an answer file: components, elements, values, comments.
//!
//! Promise: nothing here changes the file. Values are wiped when dropped.

use super::content::Content;
use super::place::{all_blank, is_blank, line_range, part};
use super::walker::Walker;
use super::{AnswerFile, grammar, picture};
use crate::finding::Picture;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// The element whose `Key` and `Value` name an image.
const METADATA: &str = "MetaData";

/// An element. Its places are offsets into the text of the file, for [`AnswerFile::picture`] and [`AnswerFile::lines_and_columns`].
#[derive(Clone, Copy)]
pub struct Node<'a> {
    file: &'a AnswerFile,
    index: usize,
}

/// What an element holds. Wiped when dropped and shown only by [`Value::expose`].
pub struct Value {
    /// Where the text stands, without the white space around it; for an element without text, its start tag.
    pub span: Range<usize>,
    /// Whether the element holds other elements.
    pub has_elements: bool,
    text: Zeroizing<String>,
}

impl Value {
    /// The text: references resolved, comments left out, without the white space around it.
    pub fn expose(&self) -> &str {
        self.text.trim_matches(is_blank)
    }

    /// Whether there is no text but white space.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, .. } = self;
        write!(formatter, "Value(at {span:?}, elided)")
    }
}

/// A component and the pass that it stands in.
#[derive(Clone, Copy)]
pub struct ComponentNode<'a> {
    /// The element `settings` around it.
    pub settings: Node<'a>,
    /// The element itself.
    pub node: Node<'a>,
    /// The pass, as the file spells it.
    pub pass: &'a str,
    /// The component's name, as the file spells it.
    pub name: &'a str,
    /// Its architecture, as the file spells it.
    pub architecture: &'a str,
}

impl ComponentNode<'_> {
    /// The address of a setting in this component, as in `specialize Microsoft-Windows-Shell-Setup (amd64) ProductKey`.
    /// Safe to show.
    pub fn address(&self, path: &str) -> String {
        let Self {
            pass,
            name,
            architecture,
            ..
        } = self;
        let address = format!("{pass} {name} ({architecture}) {path}");
        picture::shown(address.trim_end())
    }
}

impl<'a> Node<'a> {
    fn element(self) -> Option<&'a super::tree::Element> {
        self.file.tree.elements.get(self.index)
    }

    /// The name without prefix.
    pub fn name(&self) -> &'a str {
        self.element()
            .map_or("", |element| element.local_name(&self.file.text))
    }

    /// The raw value of an attribute without prefix, and where it stands. No value that matters here needs references.
    pub fn attribute(&self, name: &str) -> Option<(&'a str, Range<usize>)> {
        let attributes = self.element()?.attributes(&self.file.text);
        let found = attributes
            .into_iter()
            .find(|found| part(&self.file.text, found.name.clone()) == name)?;
        Some((part(&self.file.text, found.value.clone()), found.value))
    }

    /// Name with prefix, raw value, and where the value stands, of every attribute.
    pub fn attributes(&self) -> Vec<(&'a str, &'a str, Range<usize>)> {
        let text = &self.file.text;
        let attributes = self.element().map(|element| element.attributes(text));
        let read = |found: grammar::Attribute| {
            let value = part(text, found.value.clone());
            (part(text, found.name), value, found.value)
        };
        attributes.unwrap_or_default().into_iter().map(read).collect()
    }

    /// The child elements in the namespace of answer files.
    pub fn children(self) -> impl Iterator<Item = Node<'a>> {
        let file = self.file;
        file.tree
            .children(self.index)
            .filter(|(_, element)| element.in_namespace)
            .map(move |(index, _)| Node { file, index })
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<Node<'a>> {
        self.children().find(|child| child.name() == name)
    }

    /// Every element within this one, in the order of the file, with its depth below it, from 1.
    pub fn descendants(self) -> impl Iterator<Item = (usize, Node<'a>)> {
        let file = self.file;
        let end = self.element().map_or(0, |element| element.next);
        let mut ends: Vec<usize> = Vec::new();
        (self.index + 1..end).map(move |index| {
            while ends.pop_if(|end| *end <= index).is_some() {}
            ends.push(file.tree.elements.get(index).map_or(end, |element| element.next));
            (ends.len(), Node { file, index })
        })
    }

    /// The element around this one.
    pub fn parent(&self) -> Option<Node<'a>> {
        let index = self.element()?.parent?;
        Some(Node {
            file: self.file,
            index,
        })
    }

    /// Where the whole element stands.
    pub fn range(&self) -> Range<usize> {
        self.element().map_or(0..0, super::tree::Element::range)
    }

    /// Where the start tag stands.
    pub fn start_tag(&self) -> Range<usize> {
        self.element().map_or(0..0, |element| element.start_tag.clone())
    }

    /// Its text.
    pub fn value(&self) -> Value {
        let Some(element) = self.element() else {
            return Value {
                span: 0..0,
                has_elements: false,
                text: Zeroizing::default(),
            };
        };
        let text = &self.file.text;
        let inside = element.content();
        let raw = part(text, inside.clone());
        if !raw.contains('<') {
            // No markup within: the text is all there is.
            let trimmed = raw.trim_matches(is_blank);
            let start = inside.start + (raw.len() - raw.trim_start_matches(is_blank).len());
            return Value {
                span: if trimmed.is_empty() {
                    element.start_tag.clone()
                } else {
                    start..start + trimmed.len()
                },
                has_elements: false,
                text: grammar::resolved(trimmed),
            };
        }
        let content = Content::read(text, element);
        let span = content
            .filled()
            .next()
            .map_or(element.start_tag.clone(), |run| run.trimmed(text));
        Value {
            span,
            has_elements: content.has_elements,
            text: content.value(),
        }
    }
}

impl AnswerFile {
    /// The root element.
    pub fn root(&self) -> Node<'_> {
        self.node(0)
    }

    /// The element of this index.
    pub(super) fn node(&self, index: usize) -> Node<'_> {
        Node { file: self, index }
    }

    /// Every component, in the order of the file.
    pub fn component_nodes(&self) -> Vec<ComponentNode<'_>> {
        let mut found = Vec::new();
        for settings in self.root().children().filter(|node| node.name() == "settings") {
            let pass = settings.attribute("pass").map_or("", |(pass, _)| pass);
            for node in settings.children().filter(|node| node.name() == "component") {
                let mut component = ComponentNode {
                    settings,
                    node,
                    pass,
                    name: "",
                    architecture: "",
                };
                for (name, value, _) in node.attributes() {
                    match name {
                        "name" => component.name = value,
                        "processorArchitecture" => component.architecture = value,
                        _ => {}
                    }
                }
                found.push(component);
            }
        }
        found
    }

    /// Every comment: where it stands, and what stands between its delimiters.
    pub fn comments(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.tree.comments.iter().map(|range| {
            let inside = range.start + "<!--".len()..range.end - "-->".len();
            (range.clone(), part(&self.text, inside))
        })
    }

    /// The first element that begins at or behind `offset`.
    pub fn next_element(&self, offset: usize) -> Option<Node<'_>> {
        let elements = &self.tree.elements;
        let index = elements.partition_point(|element| element.start_tag.start < offset);
        (index < elements.len()).then_some(Node { file: self, index })
    }

    /// Line and column, both from 1 and in characters, of offsets in ascending order.
    pub fn lines_and_columns(&self, offsets: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
        let mut walker = Walker::new(&self.text, self.stored);
        let place = |offset| {
            let place = walker.to(offset);
            (place.line, place.column)
        };
        offsets.into_iter().map(place).collect()
    }

    /// The masked line where `span` begins, with the span as the place in it.
    pub fn picture(&self, span: Range<usize>) -> Picture {
        // What names an image stands in elements of the same names as keys and passwords.
        let elements = &self.tree.elements;
        let index = elements
            .partition_point(|element| element.start_tag.start <= span.start)
            .checked_sub(1);
        let node = index.map(|index| self.node(index));
        let of_image = |node: &Node<'_>| node.parent().is_some_and(|parent| parent.name() == METADATA);
        let plain = node.filter(of_image).map_or(0..0, |node| node.range());
        picture::picture_with(&self.text, span, plain)
    }

    /// How many characters of `span` stand on its first line.
    pub fn length_on_line(&self, span: Range<usize>) -> usize {
        let text = part(&self.text, span);
        text.chars()
            .take_while(|character| !matches!(character, '\r' | '\n'))
            .count()
    }

    /// The text at `span`, which may be a secret.
    pub fn exposed(&self, span: Range<usize>) -> &str {
        part(&self.text, span)
    }

    /// The part of the line before `offset`, if more than white space stands there.
    pub fn line_before(&self, offset: usize) -> Option<Range<usize>> {
        let line = line_range(&self.text, offset);
        let before = line.start..offset;
        (!all_blank(part(&self.text, before.clone()))).then_some(before)
    }

    /// The encoding that the XML declaration names, and where; `None` if it names none.
    pub fn declared_encoding(&self) -> Option<(&str, Range<usize>)> {
        let declaration = self.text.strip_prefix("<?xml")?.split_once("?>")?.0;
        let start = "<?xml".len();
        let attributes = grammar::attributes(&self.text, start..start + declaration.len()).ok()?;
        let found = attributes
            .into_iter()
            .find(|found| part(&self.text, found.name.clone()) == "encoding")?;
        Some((part(&self.text, found.value.clone()), found.value))
    }

    /// The Unicode form in which the file is stored; `None` for a code page.
    pub fn form(&self) -> Option<crate::text::Form> {
        match self.stored {
            super::stored::Stored::Unicode(form) => Some(form),
            super::stored::Stored::CodePage => None,
        }
    }
}
