//! stored - how an answer file's characters lie in its bytes.
//!
//! Promise: [`Stored::byte_offset`] finds the byte of every character, so that an edit of the text is an edit of just
//! those bytes. Code pages of one byte a character are carried through without knowing what their letters are.

use super::Error;
use super::picture::shown_name;
use crate::secret::Wiped;
use crate::text::{self, Encoding, Form};
use zeroize::Zeroizing;

/// Beginnings of encoding names whose characters are one byte each and whose lower half is ASCII.
const CODE_PAGES: [&str; 9] = [
    "windows-125",
    "windows-874",
    "cp125",
    "iso-8859-",
    "iso8859-",
    "latin",
    "us-ascii",
    "ascii",
    "koi8-",
];
/// Names of encodings that [`text::decode`] recognises by the bytes themselves, whatever a file declares.
const UNICODE: [&str; 5] = ["utf-8", "utf8", "utf-16", "utf-16le", "utf-16be"];

/// The storage of a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// A Unicode encoding.
    Unicode(Form),
    /// A code page: every byte is one character; those above 127 are not interpreted.
    CodePage,
}

impl Stored {
    /// The text of `bytes`, without byte-order mark, and how it is stored. The bytes are given back unless they are the
    /// text as it is.
    pub(super) fn take(mut bytes: Wiped) -> Result<(Zeroizing<String>, Option<Wiped>, Self), Error> {
        let form = Form::detect(&bytes);
        if form.encoding != Encoding::Utf8 || form.mark || Self::declares_another(&bytes)? {
            let (text, stored) = Self::decode(&bytes)?;
            return Ok((text, Some(bytes), stored));
        }
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok((Zeroizing::new(text), None, Self::Unicode(form))),
            Err(error) => {
                let position = error.utf8_error().valid_up_to();
                drop(Zeroizing::new(error.into_bytes())); // wiped
                Err(text::Error::Utf8(position).into())
            }
        }
    }

    /// Whether ASCII bytes without a mark declare a code page.
    fn declares_another(bytes: &[u8]) -> Result<bool, Error> {
        match declared(bytes) {
            Some(label) if CODE_PAGES.iter().any(|known| label.starts_with(known)) => Ok(true),
            Some(label) if !UNICODE.contains(&label.as_str()) => Err(Error::Encoding {
                label: shown_name(&label),
            }),
            _ => Ok(false),
        }
    }

    /// The text of `bytes`, without byte-order mark, and how it is stored.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Zeroizing<String>, Self), Error> {
        let form = Form::detect(bytes);
        if form.encoding == Encoding::Utf8 && !form.mark && Self::declares_another(bytes)? {
            // Two bytes of UTF-8 for one above 127 is the most there can be: the string never moves.
            let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
            text.extend(bytes.iter().map(|&byte| char::from(byte)));
            return Ok((text, Self::CodePage));
        }
        let (text, form) = text::decode(bytes)?;
        Ok((text, Self::Unicode(form)))
    }

    /// The bytes of a piece of text that goes into the file. In a code page it must be ASCII, which all that wimkey
    /// writes is ([`Stored::ascii_only`]).
    pub(super) fn encode(self, piece: &str) -> Wiped {
        match self {
            Self::Unicode(form) => text::encode(piece, Form { mark: false, ..form }),
            Self::CodePage => Zeroizing::new(piece.as_bytes().to_vec()),
        }
    }

    /// Whether characters beyond ASCII must be written as references.
    pub(super) fn ascii_only(self) -> bool {
        self == Self::CodePage
    }

    /// How many bytes of byte-order mark stand before the text.
    pub(super) fn mark_length(self) -> usize {
        match self {
            Self::CodePage => 0,
            Self::Unicode(form) => form.mark_length(),
        }
    }

    /// How many bytes the character takes in the file.
    pub(super) fn width(self, character: char) -> usize {
        match self {
            Self::CodePage => 1,
            Self::Unicode(form) if form.encoding == Encoding::Utf8 => character.len_utf8(),
            Self::Unicode(_) => character.len_utf16() * 2,
        }
    }

    /// The byte at which the character at `offset` of `text` is stored.
    pub(super) fn byte_offset(self, text: &str, offset: usize) -> usize {
        let before = super::place::part(text, 0..offset);
        let body: usize = match self {
            Self::Unicode(form) if form.encoding == Encoding::Utf8 => offset,
            _ => before.chars().map(|character| self.width(character)).sum(),
        };
        self.mark_length() + body
    }
}

/// The encoding that the XML declaration of a file with ASCII bytes names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    /// Longer than any real declaration.
    const REACH: usize = 200;
    // Two bytes of UTF-8 for one above 127 is the most there can be; what follows a short declaration may be a key.
    let mut head = Zeroizing::new(String::with_capacity(REACH * 2));
    head.extend(bytes.iter().take(REACH).map(|&byte| char::from(byte)));
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration
        .split_once("encoding")?
        .1
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let label = value.get(1..)?.split_once(quote)?.0;
    Some(label.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_page_passes_through_unread() {
        let bytes = b"<?xml version='1.0' encoding='Windows-1252'?><a>\xFC</a>";
        let (text, stored) = Stored::decode(bytes).unwrap();
        assert_eq!(stored, Stored::CodePage);
        assert_eq!(stored.byte_offset(&text, text.len()), bytes.len());
    }

    #[test]
    fn an_encoding_of_unknown_shape_is_refused_by_name() {
        let error = Stored::decode(b"<?xml version='1.0' encoding='Shift_JIS'?><a/>").unwrap_err();
        assert!(error.to_string().contains("shift_jis"));
    }

    #[test]
    fn the_declaration_does_not_overrule_the_bytes() {
        let form = Form {
            encoding: Encoding::Utf16Be,
            mark: false,
        };
        let bytes = text::encode("<?xml version='1.0' encoding='utf-8'?><a/>", form);
        assert_eq!(Stored::decode(&bytes).unwrap().1, Stored::Unicode(form));
    }
}
