//! unattend - answer files (Unattend.xml), read and edited without touching a byte that an edit does not own.
//!
//! Promise: encoding, byte-order mark, line ends, comments, CDATA, references, prefixes, attribute order and indentation
//! of everything else stay; an edit that cannot keep them is refused and changes nothing. A value that is already there
//! is not written again. What `set` created, `remove` takes away to the byte, also in a later run.
//!
//! | file | what |
//! | --- | --- |
//! | `stored` | bytes and characters: encodings, and which byte holds which character |
//! | `grammar`, `tree`, `content` | well-formedness; where every element stands; what stands inside one |
//! | `setting`, `find` | the address of a setting; where it stands |
//! | `layout`, `edit`, `remove` | the look of inserted elements; setting; removing |
//! | `wish` | settings by name, as the command line and plan files give them |
//! | `node` | walking through a file |
//! | `known`, `keys`, `secrets`, `summary` | the table of settings; every place with a key; passwords, and blanking both; what a file does about activation |
//! | `error`, `picture`, `place` | refusals with line, column and a masked picture |
//!
//! Source: Microsoft, Unattended Windows Setup Reference; answer files of public projects for what files look like.

mod content;
mod edit;
mod error;
mod find;
mod grammar;
mod keys;
mod known;
mod layout;
mod node;
mod picture;
mod place;
mod remove;
mod secrets;
mod setting;
mod stored;
mod summary;
mod tree;
mod walker;
mod wish;

pub use crate::finding::Picture;
pub use edit::Change;
pub use error::{Error, Fault};
pub use find::Found;
pub use keys::{Cleared, DELETED, KeyKind, KeyPlace, PASSWORDS};
pub use known::{Allowed, KNOWN, Known};
pub use node::{ComponentNode, Node, Value};
pub use secrets::{Blanked, PasswordPlace};
pub use setting::{Architecture, Pass, Setting};
pub use summary::{Effect, Summary};
pub use wish::{Fulfilled, Wish, WishError};

use crate::secret::Wiped;
use std::ops::Range;
use stored::Stored;
use tree::Tree;
use zeroize::Zeroizing;

/// The namespace of answer files.
pub const NAMESPACE: &str = "urn:schemas-microsoft-com:unattend";
/// The most bytes that an answer file may have; real ones have some ten thousand.
pub const SIZE_LIMIT: usize = 16 * 1024 * 1024;

/// The component that holds the key for activation.
pub const SHELL_SETUP: &str = "Microsoft-Windows-Shell-Setup";
/// The component that holds the key for installation.
pub const SETUP: &str = "Microsoft-Windows-Setup";
/// An answer file that answers nothing, as UTF-8 with the line ends of Windows.
const MINIMAL: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<unattend xmlns=\"urn:schemas-microsoft-com:unattend\">\r\n</unattend>\r\n";

/// An answer file: its bytes, and where everything in it stands. Wiped when dropped.
pub struct AnswerFile {
    /// The file, where it is not the text byte for byte.
    bytes: Option<Wiped>,
    text: Zeroizing<String>,
    stored: Stored,
    tree: Tree,
}

impl std::fmt::Debug for AnswerFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.bytes().len();
        write!(formatter, "AnswerFile({count} bytes elided, {:?})", self.stored)
    }
}

impl AnswerFile {
    /// Reads an answer file with full checking.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Text`], [`Error::Encoding`] if the bytes are not text; [`Error::Malformed`] with
    /// line, column and picture if the text is not well-formed; [`Error::NotAnAnswerFile`] for any other root element.
    ///
    /// ```
    /// use wimkey::unattend::{AnswerFile, Architecture, Setting};
    /// let mut file = AnswerFile::minimal();
    /// let setting = Setting::product_key(Architecture::Amd64);
    /// assert!(file.set(&setting, "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH")?.changed);
    /// assert!(!file.set(&setting, "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH")?.changed);
    /// assert_eq!(file.get(&setting).len(), 1);
    /// assert!(file.remove(&setting)?);
    /// assert_eq!(file.bytes(), AnswerFile::minimal().bytes());
    /// # Ok::<(), wimkey::unattend::Error>(())
    /// ```
    pub fn parse(bytes: Wiped) -> Result<Self, Error> {
        if bytes.len() > SIZE_LIMIT {
            return Err(Error::TooLarge {
                size: bytes.len(),
                limit: SIZE_LIMIT,
            });
        }
        let (text, bytes, stored) = Stored::take(bytes)?;
        let tree = Tree::build(&text).map_err(|(offset, fault)| {
            let (line, column) = place::line_and_column(&text, offset);
            Error::Malformed {
                line,
                column,
                fault,
                picture: picture::picture(&text, offset..offset),
            }
        })?;
        let root = tree.elements.first();
        if !root.is_some_and(|root| root.in_namespace && root.local_name(&text) == "unattend") {
            let name = root.map_or("", |root| place::part(&text, root.name.clone()));
            return Err(Error::NotAnAnswerFile {
                root: picture::shown_name(name),
            });
        }
        Ok(Self {
            bytes,
            text,
            stored,
            tree,
        })
    }

    /// An answer file that answers nothing: the start of a new one.
    pub fn minimal() -> Self {
        let bytes = Zeroizing::new(MINIMAL.as_bytes().to_vec());
        // The text above is an answer file; a unit test holds it to that.
        Self::parse(bytes).unwrap_or_else(|_| Self {
            bytes: None,
            text: Zeroizing::default(),
            stored: Stored::Unicode(crate::text::Form::detect(&[])),
            tree: Tree::default(),
        })
    }

    /// The file as it is now.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref().map_or(self.text.as_bytes(), |bytes| bytes)
    }

    /// The file as it is now, given away.
    pub fn into_bytes(mut self) -> Wiped {
        match self.bytes.take() {
            Some(bytes) => bytes,
            None => Wiped::new(std::mem::take(&mut *self.text).into_bytes()),
        }
    }

    /// The values of `processorArchitecture` in the file, each once, in the order of the file and as it spells them.
    pub fn architectures(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for component in self.components() {
            if !component.architecture.is_empty()
                && !found
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(&component.architecture))
            {
                found.push(component.architecture);
            }
        }
        found
    }

    /// Puts `piece` in place of `range` of the text, in the bytes as well. All or nothing.
    fn splice(&mut self, range: &Range<usize>, piece: &str) -> Result<(), Error> {
        let size = self.bytes().len().saturating_add(piece.len());
        if size > SIZE_LIMIT {
            return Err(Error::TooLarge {
                size,
                limit: SIZE_LIMIT,
            });
        }
        let text = spliced(self.text.as_bytes(), range, piece.as_bytes());
        // Both ends lie between characters, so this is text.
        let Ok(text) = std::str::from_utf8(&text) else {
            return Err(Error::Edit { line: 1 });
        };
        let tree = Tree::build(text).map_err(|(offset, _)| Error::Edit {
            line: place::line_and_column(text, offset).0,
        })?;
        let stored =
            self.stored.byte_offset(&self.text, range.start)..self.stored.byte_offset(&self.text, range.end);
        if let Some(bytes) = &mut self.bytes {
            *bytes = spliced(bytes, &stored, &self.stored.encode(piece));
        }
        self.text = Zeroizing::new(text.to_owned());
        self.tree = tree;
        Ok(())
    }
}

/// `bytes` with `piece` in place of `range`, in memory that is wiped.
fn spliced(bytes: &[u8], range: &Range<usize>, piece: &[u8]) -> Wiped {
    let mut edited = Zeroizing::new(Vec::with_capacity(bytes.len().saturating_add(piece.len())));
    edited.extend_from_slice(bytes.get(..range.start).unwrap_or_default());
    edited.extend_from_slice(piece);
    edited.extend_from_slice(bytes.get(range.end..).unwrap_or_default());
    edited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimal_file_is_an_answer_file() {
        let file = AnswerFile::minimal();
        assert_eq!(file.bytes(), MINIMAL.as_bytes());
        assert!(file.architectures().is_empty());
    }
}
