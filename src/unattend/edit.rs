//! edit - setting a value: replacing its bytes, or creating what is missing around it.
//!
//! Promise: one call makes one edit in one place, or none. The file is read again before the edit counts.

use super::content::{Content, Run};
use super::grammar::{escaped, is_allowed};
use super::layout::{Filled, Nest, New, Style};
use super::place::{is_blank, part};
use super::tree::Element;
use super::{AnswerFile, Error, Pass, Setting};
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// The longest value that is written, in bytes. The values this tool writes are far shorter.
const VALUE_LIMIT: usize = 64 * 1024;

/// What [`AnswerFile::set`] did. The old value is wiped when dropped.
pub struct Change {
    /// The value that stood there, without white space around it; `None` if the element was not there.
    pub old: Option<Zeroizing<String>>,
    /// Whether a byte changed.
    pub changed: bool,
}

impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let old = if self.old.is_some() { "elided" } else { "none" };
        write!(formatter, "Change(old value {old}, changed: {})", self.changed)
    }
}

impl AnswerFile {
    /// Gives `setting` the value. What is missing (settings, component, elements of the path) is created: a pass in
    /// Setup's order, the others behind what is there. A value that is there already is not written again.
    ///
    /// # Errors
    /// [`Error::Value`] for an empty value, white space around it, or characters that XML cannot hold;
    /// [`Error::Twice`] if the setting stands more than once; [`Error::Content`] if the place holds elements or
    /// scattered text. The file is then unchanged.
    pub fn set(&mut self, setting: &Setting, value: &str) -> Result<Change, Error> {
        check(setting, value)?;
        let places = self.places(setting);
        if let [first, second, ..] = places.as_slice() {
            return Err(Error::Twice {
                setting: setting.to_string(),
                first: self.line_of(*first),
                second: self.line_of(*second),
            });
        }
        let existing = places.first().and_then(|&index| self.tree.elements.get(index));
        let Some(element) = existing else {
            let (range, piece) = self.creation(setting, value)?;
            self.splice(&range, &piece)?;
            return Ok(Change {
                old: None,
                changed: true,
            });
        };
        let content = Content::read(&self.text, element);
        if content.has_elements {
            return Err(self.refused(element, "holds elements where a value belongs"));
        }
        let old = Zeroizing::new(content.value().trim_matches(is_blank).to_owned());
        let changed = old.as_str() != value;
        if changed {
            let (range, piece) = self.replacement(element, &content, value)?;
            self.splice(&range, &piece)?;
        }
        Ok(Change {
            old: Some(old),
            changed,
        })
    }

    /// The edit that puts `value` in place of the text of `element`.
    fn replacement(
        &self,
        element: &Element,
        content: &Content,
        value: &str,
    ) -> Result<(Range<usize>, Zeroizing<String>), Error> {
        let ascii_only = self.stored.ascii_only();
        let value_text = escaped(value, ascii_only);
        let name = part(&self.text, element.name.clone());
        let closed = |open: &str, close: &str| {
            let trace = Filled::trace(&self.text, element);
            let room = open.len() + value_text.len() + close.len() + trace.len();
            let mut piece = Zeroizing::new(String::with_capacity(room));
            for part in [open, &value_text, close, &trace] {
                piece.push_str(part);
            }
            piece
        };
        let Some(end_tag) = &element.end_tag else {
            let tag = part(&self.text, element.start_tag.clone());
            let open = tag.strip_suffix("/>").unwrap_or(tag).trim_end_matches(is_blank);
            let start = element.start_tag.start + open.len();
            return Ok((start..element.start_tag.end, closed(">", &format!("</{name}>"))));
        };
        let mut filled = content.filled();
        let run = match (filled.next(), filled.next()) {
            (Some(run), None) => run,
            (None, _) => {
                // Blank: the value goes in front, or takes the place of white space that stands alone.
                let inside = element.content();
                return Ok(if content.items.is_empty() {
                    (
                        inside.start..end_tag.end,
                        closed("", part(&self.text, end_tag.clone())),
                    )
                } else {
                    (inside.start..inside.start, value_text)
                });
            }
            _ => return Err(self.refused(element, "holds text in pieces, parted by comments")),
        };
        let range = match section_for(run, value, ascii_only) {
            Some(section) => return Ok((section, Zeroizing::new(value.to_owned()))),
            // White space around the value goes with it, unless a comment gives it a meaning.
            None if content.items.is_empty() => run.range.clone(),
            None => run.trimmed(&self.text),
        };
        Ok((range, value_text))
    }

    /// The edit that creates `setting`, which does not stand in the file.
    fn creation(&self, setting: &Setting, value: &str) -> Result<(Range<usize>, Zeroizing<String>), Error> {
        let names = setting.names();
        // As far as the address exists: settings, component, then the path.
        let mut parent = 0;
        let mut after = None;
        let mut found = 0;
        let settings: Vec<usize> = self.settings_of(setting.pass());
        let components = self.components_of(setting);
        if let Some(&component) = components.first() {
            parent = component;
            found = 2;
            for name in &names {
                let Some((next, _)) = self.tree.named(&self.text, parent, name).next() else {
                    break;
                };
                parent = next;
                found += 1;
            }
        } else if let Some(&first) = settings.first() {
            parent = first;
            found = 1;
        } else {
            after = Some(self.before_pass(setting.pass()));
        }
        let Some(element) = self.tree.elements.get(parent) else {
            return Err(Error::Edit { line: 1 });
        };
        let prefix = element.prefix(&self.text);
        let elements: Vec<New> = news(setting, prefix).into_iter().skip(found).collect();
        let value = escaped(value, self.stored.ascii_only());
        let nest = Nest {
            elements: &elements,
            value: &value,
        };
        let content = Content::read(&self.text, element);
        if !content.is_blank() {
            // A key written straight into <ProductKey> instead of <ProductKey><Key>: the element takes its place.
            let mut filled = content.filled();
            return match (filled.next(), filled.next(), found > 2) {
                (Some(run), None, true) => Ok((run.trimmed(&self.text), nest.inline())),
                _ => Err(self.refused(element, "holds text where only elements belong")),
            };
        }
        let after = after.unwrap_or_else(|| self.tree.children(parent).last().map(|(index, _)| index));
        let after = after.and_then(|index| self.tree.elements.get(index));
        let style = Style::of(&self.text, &self.tree);
        Ok(nest.insertion(&self.text, &style, element, after))
    }

    /// The settings elements of a pass.
    fn settings_of(&self, pass: Pass) -> Vec<usize> {
        let all = self.tree.named(&self.text, 0, "settings");
        let of_pass =
            all.filter(|(_, element)| element.attribute(&self.text, "pass").as_deref() == Some(pass.name()));
        of_pass.map(|(index, _)| index).collect()
    }

    /// The child of the root behind which a new pass belongs; `None`: before all of them.
    fn before_pass(&self, pass: Pass) -> Option<usize> {
        let mut previous = None;
        let mut last_settings = None;
        for (index, element) in self.tree.children(0) {
            if element.in_namespace && element.local_name(&self.text) == "settings" {
                let other = element
                    .attribute(&self.text, "pass")
                    .and_then(|name| name.parse::<Pass>().ok());
                if other.is_some_and(|other| other > pass) {
                    return previous;
                }
                last_settings = Some(index);
            }
            previous = Some(index);
        }
        last_settings
    }

    fn refused(&self, element: &Element, holds: &'static str) -> Error {
        Error::Content {
            line: super::place::line_and_column(&self.text, element.start_tag.start).0,
            name: self.shown(element),
            holds,
        }
    }
}

/// The inside of a CDATA section that can hold `value` as it is.
fn section_for(run: &Run, value: &str, ascii_only: bool) -> Option<Range<usize>> {
    let plain = !value.contains("]]>") && !value.contains('\r') && (value.is_ascii() || !ascii_only);
    run.section.clone().filter(|_| plain)
}

/// All elements of a setting's address, from `settings` to the last of the path.
fn news(setting: &Setting, prefix: &str) -> Vec<New> {
    let new = |name: &str, attributes: &str| New {
        start: format!("<{prefix}{name}{attributes}>"),
        end: format!("</{prefix}{name}>"),
    };
    let pass = format!(" pass=\"{}\"", setting.pass());
    let component = format!(
        " name=\"{}\" processorArchitecture=\"{}\" publicKeyToken=\"31bf3856ad364e35\" language=\"neutral\" versionScope=\"nonSxS\"",
        setting.component(),
        setting.architecture()
    );
    let mut elements = vec![new("settings", &pass), new("component", &component)];
    elements.extend(setting.names().into_iter().map(|name| new(name, "")));
    elements
}

fn check(setting: &Setting, value: &str) -> Result<(), Error> {
    let problem = if value.is_empty() {
        "is empty, which Setup refuses"
    } else if value.trim_matches(is_blank).len() != value.len() {
        "has white space around it"
    } else if value.len() > VALUE_LIMIT {
        "is too long"
    } else if !value.chars().all(is_allowed) {
        "holds a character that XML cannot hold"
    } else {
        return Ok(());
    };
    Err(Error::Value {
        setting: setting.to_string(),
        problem,
    })
}
