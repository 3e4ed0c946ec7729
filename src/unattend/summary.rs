//! summary - what an answer file does about activation, pass by pass.
//!
//! Promise: no key is in a summary; values that are not secret are.
//! Source: Microsoft, Unattended Windows Setup Reference, the pages of the components named below.

use super::content::Content;
use super::keys::{KeyKind, kind_of};
use super::place::is_blank;
use super::{Allowed, AnswerFile, KNOWN, Known, Value};

/// The longest value that a summary repeats, in characters.
const SHOWN_LIMIT: usize = 60;

/// What an answer file does about activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The architectures that the file has components for, as it spells them.
    pub architectures: Vec<String>,
    /// One entry for every setting that bears on activation, in the order of the file.
    pub effects: Vec<Effect>,
}

/// One setting that bears on activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The pass it stands in, as the file spells it.
    pub pass: String,
    /// The component.
    pub component: String,
    /// The component's architecture, as the file spells it.
    pub architecture: String,
    /// The path below the component.
    pub path: String,
    /// Line of the element, from 1.
    pub line: usize,
    /// The value, if it is not secret; keys and passwords are `None`. What could steer a terminal is escaped.
    pub value: Option<String>,
    /// How the key stands there; `None` for a setting that holds no key.
    pub key: Option<KeyKind>,
    /// What the setting does.
    pub means: &'static str,
    /// What else there is to know of it.
    pub details: &'static str,
    /// Whether Setup heeds it in this pass.
    pub in_effect: bool,
    /// The element.
    index: usize,
}

impl AnswerFile {
    /// What the file does about activation.
    pub fn summary(&self) -> Summary {
        let mut effects: Vec<(usize, Effect)> = Vec::new();
        for component in self.components() {
            let bears = |known: &&Known| known.activation && known.component == component.name;
            for known in KNOWN.iter().filter(bears) {
                for (index, content) in self.reached(component.index, known) {
                    let value = content.value();
                    let bare = known.path.last() == Some(&"Key") && self.is_product_key(index);
                    let is_key = known.allowed == Allowed::Key;
                    let is_secret = is_key || known.allowed == Allowed::Secret;
                    let key = is_key.then(|| match kind_of(&value) {
                        KeyKind::Key if bare => KeyKind::BareText,
                        kind => kind,
                    });
                    let path = if bare {
                        known.path.get(..known.path.len() - 1)
                    } else {
                        Some(known.path)
                    };
                    let effect = Effect {
                        pass: component.pass.clone(),
                        component: component.name.clone(),
                        architecture: component.architecture.clone(),
                        path: path.unwrap_or_default().join("/"),
                        line: 0, // known once the effects are in order
                        value: (!is_secret).then(|| shown(&value)),
                        key,
                        means: known.summary,
                        details: known.details,
                        index,
                        in_effect: known.is_read_in(&component.pass),
                    };
                    effects.push((index, effect));
                }
            }
        }
        effects.sort_by_key(|(index, _)| *index);
        let mut walker = self.walker();
        for (index, effect) in &mut effects {
            let start = self
                .tree
                .elements
                .get(*index)
                .map_or(0, |element| element.start_tag.start);
            effect.line = walker.to(start).line;
        }
        Summary {
            architectures: self.architectures(),
            effects: effects.into_iter().map(|(_, effect)| effect).collect(),
        }
    }

    /// What the element of an effect holds, which may be a key or a password.
    pub fn value_of(&self, effect: &Effect) -> Value {
        self.node(effect.index).value()
    }

    /// The elements of a known setting in one component; also a `ProductKey` that holds text instead of `Key`.
    fn reached(&self, component: usize, known: &Known) -> Vec<(usize, Content)> {
        let mut level = vec![component];
        let mut bare = Vec::new();
        for name in known.path {
            let below = level
                .iter()
                .flat_map(|&index| self.tree.named(&self.text, index, name));
            let next: Vec<usize> = below.map(|(index, _)| index).collect();
            if *name == "Key" {
                bare = level;
            }
            level = next;
        }
        let read = |index: usize| Some((index, Content::read(&self.text, self.tree.elements.get(index)?)));
        let bare = bare
            .into_iter()
            .filter_map(read)
            .filter(|(_, content)| !content.is_blank() || !content.has_elements);
        bare.chain(level.into_iter().filter_map(read)).collect()
    }

    fn is_product_key(&self, index: usize) -> bool {
        let element = self.tree.elements.get(index);
        element.is_some_and(|element| element.local_name(&self.text) == "ProductKey")
    }
}

/// A value that is not secret, shortened, with nothing that steers a terminal.
fn shown(value: &str) -> String {
    let text: String = value.trim_matches(is_blank).chars().take(SHOWN_LIMIT).collect();
    crate::text::printable(&text)
}
