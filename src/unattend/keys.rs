//! keys - every place of an answer file that carries a product key, and the removal of keys and passwords.
//!
//! Promise: a key is shown only by [`KeyPlace::expose`]. A removal takes whole elements and leaves the rest as it was.

use super::content::Content;
use super::picture::{is_within, key_shaped, picture};
use super::place::{is_blank, line_and_column, part};
use super::tree::Element;
use super::walker::Walker;
use super::{AnswerFile, Error, Fault, SETUP};
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// The most elements that one call removes.
const REMOVAL_LIMIT: usize = 256;
/// The element that holds a key or, in Microsoft-Windows-Setup, the element `Key`.
const PRODUCT_KEY: &str = "ProductKey";
/// Elements that hold a password or, as `Value`, its text.
pub const PASSWORDS: [&str; 3] = ["Password", "AdministratorPassword", "MachinePassword"];
/// What Setup writes over passwords and keys in its own copies of an answer file.
pub const DELETED: &str = "*SENSITIVE*DATA*DELETED*";
/// Marks of templates whose value is filled in later.
const TEMPLATE_MARKS: [&str; 6] = ["${", "{{", "%", "@@", "[[", "<"];

/// How a key stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A value where a value belongs. Whether it is a valid key is not judged here.
    Key,
    /// The element is there without a value. Setup does not accept that.
    Empty,
    /// No key but a stand-in for one: zeros, a template's variable, or Setup's mark of a deleted value.
    Placeholder,
    /// Text straight in `ProductKey` of Microsoft-Windows-Setup, where an element `Key` belongs. Setup cannot read it.
    BareText,
    /// Text of the shape of a key within other text: a command, a path, an attribute.
    Embedded,
    /// Text of the shape of a key within a comment.
    Comment,
}

/// A place that carries a key, or should. The key is wiped when dropped.
pub struct KeyPlace {
    /// The pass, as the file spells it; empty outside of one.
    pub pass: String,
    /// The component; empty outside of one.
    pub component: String,
    /// The component's architecture, as the file spells it.
    pub architecture: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How the key stands there.
    pub kind: KeyKind,
    /// The bytes of the value.
    pub bytes: Range<usize>,
    value: Zeroizing<String>,
}

impl KeyPlace {
    /// The text of the key as it stands there, without white space around it.
    pub fn expose(&self) -> &str {
        self.value.trim_matches(is_blank)
    }
}

impl fmt::Debug for KeyPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pass,
            component,
            architecture,
            line,
            column,
            kind,
            ..
        } = self;
        write!(
            formatter,
            "KeyPlace({kind:?}, {pass} {component} ({architecture}), line {line}, column {column}, elided)"
        )
    }
}

/// What [`AnswerFile::clear`] did.
#[derive(Debug)]
pub struct Cleared {
    /// Elements with keys that were removed.
    pub keys: usize,
    /// Elements with passwords that were removed.
    pub passwords: usize,
    /// Keys that remain, in commands or comments: they cannot be removed without changing what surrounds them.
    pub left: Vec<KeyPlace>,
}

/// A component's elements and what they are part of.
struct Scope {
    indices: Range<usize>,
    pass: String,
    component: String,
    architecture: String,
}

/// A key that was found.
struct Held {
    /// The element it is in; if the key has an element of its own, the one whose removal removes it.
    index: usize,
    kind: KeyKind,
    range: Range<usize>,
    value: Zeroizing<String>,
}

impl Held {
    fn place(self, scopes: &[Scope], walker: &mut Walker<'_>) -> KeyPlace {
        let scope = scope_of(scopes, self.index);
        let start = walker.to(self.range.start);
        let end = walker.to(self.range.end);
        let of_scope = |field: fn(&Scope) -> &String| scope.map(field).cloned().unwrap_or_default();
        KeyPlace {
            pass: of_scope(|scope| &scope.pass),
            component: of_scope(|scope| &scope.component),
            architecture: of_scope(|scope| &scope.architecture),
            line: start.line,
            column: start.column,
            kind: self.kind,
            bytes: start.byte..end.byte,
            value: self.value,
        }
    }
}

impl AnswerFile {
    /// Every place that carries a key, or should, in the order of the file.
    pub fn product_keys(&self) -> Vec<KeyPlace> {
        let scopes = self.scopes();
        let held = self.held(&scopes);
        let known: Vec<Range<usize>> = held
            .iter()
            .filter_map(|key| Some(self.tree.elements.get(key.index)?.range()))
            .collect();
        let mut all = held;
        for (index, kind, range) in self.elsewhere() {
            if !is_within(&known, range.start) {
                let value = Zeroizing::new(part(&self.text, range.clone()).to_owned());
                all.push(Held {
                    index,
                    kind,
                    range,
                    value,
                });
            }
        }
        all.sort_by_key(|key| key.range.start);
        let mut walker = self.walker();
        let place = |key: Held| key.place(&scopes, &mut walker);
        all.into_iter().map(place).collect()
    }

    /// Removes every element that holds a key or a stand-in for one, and with `passwords` every element that holds a
    /// password. Elements that are empty already stay: they hold nothing, and some tools count on them.
    ///
    /// # Errors
    /// [`Error::Malformed`] with [`Fault::Limit`] if there are more such elements than any real file has; what
    /// [`AnswerFile::remove`] reports.
    pub fn clear(&mut self, passwords: bool) -> Result<Cleared, Error> {
        let held = self.held(&self.scopes()).into_iter();
        let filled = held.filter(|key| key.kind != KeyKind::Empty);
        let keys: Vec<usize> = filled.map(|key| key.index).collect();
        let secrets = if passwords {
            self.password_elements()
        } else {
            Vec::new()
        };
        let mut all = [keys.as_slice(), &secrets].concat();
        all.sort_unstable();
        all.dedup();
        if let Some(element) = all
            .get(REMOVAL_LIMIT)
            .and_then(|&index| self.tree.elements.get(index))
        {
            let (line, column) = line_and_column(&self.text, element.start_tag.start);
            return Err(Error::Malformed {
                line,
                column,
                fault: Fault::Limit {
                    what: "elements with keys or passwords",
                    limit: REMOVAL_LIMIT,
                },
                picture: picture(&self.text, element.start_tag.clone()),
            });
        }
        // From the end, so that the indices before stay valid.
        for &index in all.iter().rev() {
            self.remove_element(index)?;
        }
        let mut left = self.product_keys();
        left.retain(|place| place.kind != KeyKind::Empty);
        Ok(Cleared {
            keys: keys.len(),
            passwords: secrets.len(),
            left,
        })
    }

    fn scopes(&self) -> Vec<Scope> {
        let scope = |component: super::find::Component| {
            let end = self.tree.elements.get(component.index)?.next;
            Some(Scope {
                indices: component.index..end,
                pass: component.pass,
                component: component.name,
                architecture: component.architecture,
            })
        };
        self.components().into_iter().filter_map(scope).collect()
    }

    /// The keys that have an element of their own.
    fn held(&self, scopes: &[Scope]) -> Vec<Held> {
        let mut found = Vec::new();
        for scope in scopes {
            let mut index = scope.indices.start;
            while index < scope.indices.end {
                let Some(element) = self.tree.elements.get(index) else {
                    break;
                };
                if element.in_namespace && element.local_name(&self.text) == PRODUCT_KEY {
                    self.held_in(index, element, &scope.component, &mut found);
                    index = element.next;
                } else {
                    index += 1;
                }
            }
        }
        found
    }

    fn held_in(&self, index: usize, element: &Element, component: &str, found: &mut Vec<Held>) {
        let content = Content::read(&self.text, element);
        if let Some(run) = content.filled().next() {
            let value = content.value();
            let kind = match kind_of(&value) {
                KeyKind::Key if component == SETUP => KeyKind::BareText,
                kind => kind,
            };
            found.push(Held {
                index,
                kind,
                range: run.trimmed(&self.text),
                value,
            });
        } else if !content.has_elements {
            found.push(Held {
                index,
                kind: KeyKind::Empty,
                range: element.content(),
                value: Zeroizing::default(),
            });
        } else {
            for (key_index, key) in self.tree.named(&self.text, index, "Key") {
                let content = Content::read(&self.text, key);
                let range = content
                    .filled()
                    .next()
                    .map_or(key.content(), |run| run.trimmed(&self.text));
                let value = content.value();
                found.push(Held {
                    index: key_index,
                    kind: kind_of(&value),
                    range,
                    value,
                });
            }
        }
    }

    /// Text of the shape of a key anywhere in the file, keys in elements of their own included: where, and whether in a
    /// comment ([`KeyKind::Comment`]) or not ([`KeyKind::Embedded`]).
    pub fn stray_keys(&self) -> Vec<(Range<usize>, KeyKind)> {
        let shaped = key_shaped(&self.text, false).into_iter();
        let kind = |start: usize| {
            let behind = self.tree.comments.partition_point(|comment| comment.end <= start);
            let comment = self.tree.comments.get(behind);
            if comment.is_some_and(|comment| comment.contains(&start)) {
                KeyKind::Comment
            } else {
                KeyKind::Embedded
            }
        };
        shaped.map(|range| (range.clone(), kind(range.start))).collect()
    }

    /// Text of the shape of a key, anywhere: the element it is in, how it stands there, and where.
    fn elsewhere(&self) -> Vec<(usize, KeyKind, Range<usize>)> {
        let mut found = Vec::new();
        let mut reader = Reader::from_str(&self.text);
        let mut start = 0;
        let mut begun = 0usize;
        let mut open: Vec<usize> = Vec::new();
        while let Ok(event) = reader.read_event() {
            let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let mut index = open.last().copied().unwrap_or_default();
            match event {
                Event::Start(_) => {
                    index = begun;
                    open.push(begun);
                    begun += 1;
                }
                Event::Empty(_) => {
                    index = begun;
                    begun += 1;
                }
                Event::End(_) => drop(open.pop()),
                Event::Eof => break,
                _ => {}
            }
            let kind = match event {
                Event::Comment(_) | Event::PI(_) => KeyKind::Comment,
                _ => KeyKind::Embedded,
            };
            let runs = key_shaped(part(&self.text, start..end), false);
            found.extend(
                runs.into_iter()
                    .map(|run| (index, kind, start + run.start..start + run.end)),
            );
            start = end;
        }
        found
    }

    /// The outermost elements that hold a password.
    pub(super) fn password_elements(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut index = 0;
        while let Some(element) = self.tree.elements.get(index) {
            if element.in_namespace && PASSWORDS.contains(&element.local_name(&self.text)) {
                found.push(index);
                index = element.next;
            } else {
                index += 1;
            }
        }
        found
    }
}

/// The scope, of scopes in ascending order, that an element is in.
fn scope_of(scopes: &[Scope], index: usize) -> Option<&Scope> {
    let behind = scopes.partition_point(|scope| scope.indices.end <= index);
    scopes.get(behind).filter(|scope| scope.indices.contains(&index))
}

/// What the text of an element that should hold a key is.
pub(super) fn kind_of(value: &str) -> KeyKind {
    let value = value.trim_matches(is_blank);
    let zeros = value.chars().all(|character| matches!(character, '0' | '-'));
    if value.is_empty() {
        KeyKind::Empty
    } else if zeros || value == DELETED || TEMPLATE_MARKS.iter().any(|mark| value.contains(mark)) {
        KeyKind::Placeholder
    } else {
        KeyKind::Key
    }
}
