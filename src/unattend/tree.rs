//! tree - where every element of an answer file stands, in document order.
//!
//! Promise: a tree is built only of well-formed text with correct namespaces, by iteration, within stated limits. It
//! holds places, never text, so that nothing in it needs wiping.

use super::error::Fault;
use super::grammar::{self, At, Attribute};
use super::picture::shown_name;
use super::place::{all_blank, is_blank, line_and_column, part};
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use quick_xml::{Error as ReaderError, errors::IllFormedError, errors::SyntaxError};
use std::ops::Range;
use std::rc::Rc;

/// The deepest nesting that is read; real answer files reach 9.
const DEPTH_LIMIT: usize = 128;
/// The most elements that are read; real answer files have some hundreds.
const ELEMENT_LIMIT: usize = 300_000;
/// The most namespace declarations in force at one place.
const NAMESPACE_LIMIT: usize = 128;
/// The namespace that the prefix `xml` always means.
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of namespace declarations themselves.
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// An element: places in the text, and what is needed to walk.
pub(super) struct Element {
    /// From `<` to the `>` of the start tag, or of the only tag.
    pub(super) start_tag: Range<usize>,
    /// The name, prefix included.
    pub(super) name: Range<usize>,
    /// Where the name begins behind the prefix.
    local: usize,
    /// The end tag; `None` for `<name/>`.
    pub(super) end_tag: Option<Range<usize>>,
    /// Whether it is in the namespace of answer files.
    pub(super) in_namespace: bool,
    /// The element around it; `None` for the root.
    pub(super) parent: Option<usize>,
    /// Index of the first element after this one and all within it.
    pub(super) next: usize,
}

impl Element {
    /// Where the whole element stands.
    pub(super) fn range(&self) -> Range<usize> {
        self.start_tag.start..self.end_tag.as_ref().unwrap_or(&self.start_tag).end
    }

    /// What stands between the tags; empty for `<name/>`.
    pub(super) fn content(&self) -> Range<usize> {
        self.start_tag.end..self.end_tag.as_ref().map_or(self.start_tag.end, |tag| tag.start)
    }

    /// The name without prefix.
    pub(super) fn local_name<'a>(&self, text: &'a str) -> &'a str {
        part(text, self.local..self.name.end)
    }

    /// The prefix with its colon; empty if there is none.
    pub(super) fn prefix<'a>(&self, text: &'a str) -> &'a str {
        part(text, self.name.start..self.local)
    }

    /// The attributes. The tree was built, so they are correct.
    pub(super) fn attributes(&self, text: &str) -> Vec<Attribute> {
        let tail = if self.end_tag.is_some() { 1 } else { 2 };
        grammar::attributes(text, self.name.end..self.start_tag.end - tail).unwrap_or_default()
    }

    /// The value of the attribute of this name, without prefix.
    pub(super) fn attribute(&self, text: &str, name: &str) -> Option<String> {
        let attributes = self.attributes(text);
        let found = attributes
            .iter()
            .find(|found| part(text, found.name.clone()) == name)?;
        Some(grammar::resolved(part(text, found.value.clone())).to_string())
    }
}

/// All elements, in document order; the first is the root.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) elements: Vec<Element>,
    /// Where the comments stand, in document order.
    pub(super) comments: Vec<Range<usize>>,
}

impl Tree {
    /// Reads `text`.
    ///
    /// # Errors
    /// The offset and kind of the first fault.
    pub(super) fn build(text: &str) -> At<Self> {
        Builder::new(text).run()
    }

    /// The child elements of the element at `index`.
    pub(super) fn children(&self, index: usize) -> impl Iterator<Item = (usize, &Element)> {
        let end = self.elements.get(index).map_or(0, |element| element.next);
        let mut at = index + 1;
        std::iter::from_fn(move || {
            let element = self.elements.get(at).filter(|_| at < end)?;
            let found = (at, element);
            at = element.next;
            Some(found)
        })
    }

    /// The children in the namespace of answer files whose local name is `name`.
    pub(super) fn named<'a>(
        &'a self,
        text: &'a str,
        index: usize,
        name: &'a str,
    ) -> impl Iterator<Item = (usize, &'a Element)> {
        self.children(index)
            .filter(move |(_, element)| element.in_namespace && element.local_name(text) == name)
    }
}

/// A namespace prefix in force.
struct Binding {
    depth: usize,
    prefix: Rc<str>,
    namespace: Rc<str>,
}

struct Builder<'a> {
    text: &'a str,
    elements: Vec<Element>,
    comments: Vec<Range<usize>>,
    open: Vec<usize>,
    bindings: Vec<Binding>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let xml = Binding {
            depth: 0,
            prefix: "xml".into(),
            namespace: XML_NAMESPACE.into(),
        };
        Self {
            text,
            elements: Vec::new(),
            comments: Vec::new(),
            open: Vec::new(),
            bindings: vec![xml],
        }
    }

    fn run(mut self) -> At<Tree> {
        if self.text.starts_with('\u{FEFF}') {
            return Err((0, Fault::Outside)); // a second byte-order mark
        }
        let mut reader = Reader::from_str(self.text);
        let mut start = 0;
        loop {
            let event = reader
                .read_event()
                .map_err(|error| self.reader_fault(&error, reader.error_position()))?;
            let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            if matches!(event, Event::Eof) {
                break;
            }
            self.event(&event, start..end)?;
            start = end;
        }
        if let Some(element) = self.open.last().and_then(|&index| self.elements.get(index)) {
            let fault = Fault::Unclosed {
                name: shown_name(part(self.text, element.name.clone())),
                opened: line_and_column(self.text, element.start_tag.start).0,
            };
            return Err((self.text.len(), fault));
        }
        if self.elements.is_empty() {
            return Err((self.text.len(), Fault::NoRoot));
        }
        Ok(Tree {
            elements: self.elements,
            comments: self.comments,
        })
    }

    fn event(&mut self, event: &Event<'_>, range: Range<usize>) -> At<()> {
        let raw = part(self.text, range.clone());
        // What stands between the delimiters of markup.
        let inside = |open: &str, close: &str| {
            let body = raw.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            body.ok_or((range.start, Fault::Markup("< begins nothing that XML knows here")))
        };
        match event {
            Event::Start(_) => {
                inside("<", ">")?;
                self.start(range, false)
            }
            Event::Empty(_) => {
                inside("<", "/>")?;
                self.start(range, true)
            }
            Event::End(_) => {
                inside("</", ">")?;
                self.end(range)
            }
            Event::Text(_) if self.open.is_empty() => {
                let blank = raw.len() - raw.trim_start_matches(is_blank).len();
                if all_blank(raw) {
                    Ok(())
                } else {
                    Err((range.start + blank, Fault::Outside))
                }
            }
            Event::Text(_) => grammar::check_text(raw, range.start),
            Event::GeneralRef(_) | Event::CData(_) if self.open.is_empty() => {
                Err((range.start, Fault::Outside))
            }
            Event::GeneralRef(_) => grammar::check_reference(inside("&", ";")?, range.start),
            Event::CData(_) => {
                grammar::check_characters(inside("<![CDATA[", "]]>")?, range.start + "<![CDATA[".len())
            }
            Event::Comment(_) => {
                grammar::check_comment(inside("<!--", "-->")?, range.start + "<!--".len())?;
                self.comments.push(range);
                Ok(())
            }
            Event::Decl(_) if range.start == 0 => grammar::check_xml_declaration(self.text, &range),
            Event::Decl(_) => Err((range.start, Fault::LateXmlDeclaration)),
            Event::PI(_) => grammar::check_instruction(inside("<?", "?>")?, range.start + "<?".len()),
            Event::DocType(_) => Err((range.start, Fault::DocumentType)),
            Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, tag: Range<usize>, empty: bool) -> At<()> {
        if self.open.is_empty() && !self.elements.is_empty() {
            return Err((tag.start, Fault::SecondRoot));
        }
        let limit = |what, limit| Err((tag.start, Fault::Limit { what, limit }));
        if self.open.len() >= DEPTH_LIMIT {
            return limit("levels of elements", DEPTH_LIMIT);
        }
        if self.elements.len() >= ELEMENT_LIMIT {
            return limit("elements", ELEMENT_LIMIT);
        }
        let inside = tag.start + 1..tag.end - if empty { 2 } else { 1 };
        let body = part(self.text, inside.clone());
        let name = inside.start..inside.start + body.find(is_blank).unwrap_or(body.len());
        let Some((prefix, local)) = grammar::split_name(part(self.text, name.clone())) else {
            return Err((name.start, Fault::Name));
        };
        let local = name.end - local.len();
        let attributes = grammar::attributes(self.text, name.end..inside.end)?;
        self.declare(&attributes)?;
        if self.bindings.len() > NAMESPACE_LIMIT {
            return limit("namespace declarations at one place", NAMESPACE_LIMIT);
        }
        let in_namespace = match self.namespace(prefix) {
            Some(namespace) => &**namespace == super::NAMESPACE,
            None if prefix.is_empty() => false,
            None => return Err((name.start, Fault::Prefix(shown_name(prefix)))),
        };
        self.check_attribute_names(&attributes)?;
        let index = self.elements.len();
        self.elements.push(Element {
            start_tag: tag,
            name,
            local,
            end_tag: None,
            in_namespace,
            parent: self.open.last().copied(),
            next: index + 1,
        });
        if empty {
            self.close_bindings();
        } else {
            self.open.push(index);
        }
        Ok(())
    }

    fn end(&mut self, tag: Range<usize>) -> At<()> {
        let after = self.elements.len();
        let Some(element) = self.open.pop().and_then(|index| self.elements.get_mut(index)) else {
            return Err((tag.start, Fault::UnexpectedEnd));
        };
        let name = part(self.text, tag.start + 2..tag.end - 1).trim_end_matches(is_blank);
        if name != part(self.text, element.name.clone()) {
            let fault = Fault::MismatchedEnd {
                expected: shown_name(part(self.text, element.name.clone())),
                found: shown_name(name),
                opened: line_and_column(self.text, element.start_tag.start).0,
            };
            return Err((tag.start, fault));
        }
        element.end_tag = Some(tag);
        element.next = after;
        self.close_bindings();
        Ok(())
    }

    /// Takes the namespace declarations of the element that begins now into force.
    fn declare(&mut self, attributes: &[Attribute]) -> At<()> {
        for attribute in attributes {
            let name = part(self.text, attribute.name.clone());
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) => match rest.strip_prefix(':') {
                    Some(prefix) => prefix,
                    None => continue,
                },
                None => continue,
            };
            let namespace = grammar::resolved(part(self.text, attribute.value.clone()));
            let forbidden = prefix == "xmlns"
                || *namespace == XMLNS_NAMESPACE
                || (prefix == "xml") != (*namespace == XML_NAMESPACE)
                || (namespace.is_empty() && !prefix.is_empty());
            if forbidden {
                return Err((attribute.name.start, Fault::Declaration));
            }
            self.bindings.push(Binding {
                depth: self.open.len() + 1,
                prefix: prefix.into(),
                namespace: namespace.as_str().into(),
            });
        }
        Ok(())
    }

    fn close_bindings(&mut self) {
        let depth = self.open.len();
        while self.bindings.pop_if(|binding| binding.depth > depth).is_some() {}
    }

    fn namespace(&self, prefix: &str) -> Option<&Rc<str>> {
        let found = self
            .bindings
            .iter()
            .rev()
            .find(|binding| &*binding.prefix == prefix);
        found.map(|binding| &binding.namespace)
    }

    /// Prefixes of attributes must be declared, and no two attributes may be the same one under different prefixes.
    fn check_attribute_names(&self, attributes: &[Attribute]) -> At<()> {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for attribute in attributes {
            let name = part(self.text, attribute.name.clone());
            let Some((prefix, local)) = name.split_once(':').filter(|(prefix, _)| *prefix != "xmlns") else {
                continue;
            };
            let Some(namespace) = self.namespace(prefix) else {
                return Err((attribute.name.start, Fault::Prefix(shown_name(prefix))));
            };
            if seen.contains(&(namespace, local)) {
                return Err((attribute.name.start, Fault::DuplicateAttribute(shown_name(name))));
            }
            seen.push((namespace, local));
        }
        Ok(())
    }

    /// What the event reader complains of, in words of ours: its own messages quote the file.
    fn reader_fault(&self, error: &ReaderError, position: u64) -> (usize, Fault) {
        let position = usize::try_from(position)
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        let fault = match error {
            ReaderError::Syntax(syntax) => Fault::Markup(match syntax {
                SyntaxError::UnclosedPI | SyntaxError::UnclosedXmlDecl => "a <? has no ?>",
                SyntaxError::UnclosedComment => "a comment has no -->",
                SyntaxError::UnclosedDoctype => "a <!DOCTYPE has no >",
                SyntaxError::UnclosedCData => "a <![CDATA[ has no ]]>",
                SyntaxError::InvalidBangMarkup => "<! begins nothing that XML knows",
                SyntaxError::UnclosedSingleQuotedAttributeValue
                | SyntaxError::UnclosedDoubleQuotedAttributeValue => {
                    "an attribute value has no closing quote"
                }
                SyntaxError::UnclosedTag => "a tag has no >",
            }),
            ReaderError::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
                let opened = self.open.last().and_then(|&index| self.elements.get(index));
                Fault::MismatchedEnd {
                    expected: shown_name(expected),
                    found: shown_name(found),
                    opened: opened.map_or(1, |element| line_and_column(self.text, element.start_tag.start).0),
                }
            }
            ReaderError::IllFormed(IllFormedError::UnmatchedEndTag(_)) => Fault::UnexpectedEnd,
            ReaderError::IllFormed(IllFormedError::UnclosedReference) => Fault::BareAmpersand,
            ReaderError::IllFormed(IllFormedError::DoubleHyphenInComment) => Fault::DoubleHyphen,
            ReaderError::IllFormed(IllFormedError::MissingDoctypeName) => Fault::DocumentType,
            _ => Fault::Markup("< begins nothing that XML knows here"),
        };
        (position, fault)
    }
}
