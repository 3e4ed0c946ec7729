//! secrets - passwords in answer files, and blanking of passwords and keys as Setup blanks them in its own copies.
//!
//! Promise: the file stays an answer file with the same elements; what is blanked leaves no byte of itself behind. A password is
//! never given out, only its place.

use super::content::Content;
use super::keys::{DELETED, kind_of};
use super::{AnswerFile, Error, KeyKind, spliced};
use crate::secret::Wiped;
use std::ops::Range;
use zeroize::Zeroizing;

/// What Setup appends to a password before it writes it in base64: an empty password is that alone.
const NAMES_IN_BASE64: [&str; 3] = [
    "UABhAHMAcwB3AG8AcgBkAA==",
    "QQBkAG0AaQBuAGkAcwB0AHIAYQB0AG8AcgBQAGEAcwBzAHcAbwByAGQA",
    "TQBhAGMAaABpAG4AZQBQAGEAcwBzAHcAbwByAGQA",
];

/// A place that holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPlace {
    /// The name of the element.
    pub element: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes of the element's content.
    pub bytes: Range<usize>,
}

/// What was blanked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Blanked {
    /// Keys.
    pub keys: usize,
    /// Passwords.
    pub passwords: usize,
}

impl AnswerFile {
    /// Every element that holds a password: no empty one, no stand-in of a template, none that Setup has blanked.
    pub fn passwords(&self) -> Vec<PasswordPlace> {
        let mut walker = self.walker();
        let mut found = Vec::new();
        for index in self.password_elements() {
            let Some(element) = self.tree.elements.get(index) else {
                continue;
            };
            if !self.holds_password(index) {
                continue;
            }
            let content = element.content();
            let place = walker.to(element.start_tag.start);
            let start = walker.to(content.start).byte;
            found.push(PasswordPlace {
                element: element.local_name(&self.text).to_owned(),
                line: place.line,
                column: place.column,
                bytes: start..walker.to(content.end).byte,
            });
        }
        found
    }

    fn holds_password(&self, index: usize) -> bool {
        let Some(element) = self.tree.elements.get(index) else {
            return false;
        };
        let mut values = vec![Content::read(&self.text, element).value()];
        for (_, child) in self.tree.named(&self.text, index, "Value") {
            values.push(Content::read(&self.text, child).value());
        }
        values.iter().any(|value| {
            kind_of(value) == KeyKind::Key
                && !NAMES_IN_BASE64.contains(&value.trim_matches(super::place::is_blank))
        })
    }

    /// Blanks passwords, if asked, and the keys whose text `is_doomed`: an element of its own gets Setup's mark of a deleted value, a
    /// key within other text an X for each symbol.
    ///
    /// # Errors
    /// As [`AnswerFile::parse`], should the result not be an answer file; the file is then unchanged.
    pub fn blank(&mut self, passwords: bool, is_doomed: &dyn Fn(&str) -> bool) -> Result<Blanked, Error> {
        let mut done = Blanked::default();
        let mut edits: Vec<(Range<usize>, Wiped)> = Vec::new();
        if passwords {
            for place in self.passwords() {
                done.passwords += 1;
                edits.push((place.bytes, self.stored.encode(DELETED)));
            }
        }
        for place in self.product_keys() {
            let inside_other = edits.iter().any(|(range, _)| range.contains(&place.bytes.start));
            if matches!(place.kind, KeyKind::Empty | KeyKind::Placeholder)
                || inside_other
                || *masked(place.expose()) == place.expose()
                || !is_doomed(place.expose())
            {
                continue;
            }
            done.keys += 1;
            let piece = match place.kind {
                KeyKind::Embedded | KeyKind::Comment => self.stored.encode(&masked(place.expose())),
                _ => self.stored.encode(DELETED),
            };
            edits.push((place.bytes, piece));
        }
        if edits.is_empty() {
            return Ok(done);
        }
        // From the end, so that the places before stay valid.
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut bytes = Wiped::new(self.bytes().to_vec());
        for (range, piece) in &edits {
            bytes = spliced(&bytes, range, piece);
        }
        *self = Self::parse(bytes)?;
        Ok(done)
    }
}

/// `text` with an X for each letter and digit.
fn masked(text: &str) -> Zeroizing<String> {
    let mask = |character: char| {
        if character.is_alphanumeric() {
            'X'
        } else {
            character
        }
    };
    Zeroizing::new(text.chars().map(mask).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published for Windows 10 and 11 Pro.
    const KEY: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";

    fn file() -> Vec<u8> {
        format!(
            r#"<?xml version="1.0"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize">
<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64"><!-- {KEY} -->
<ProductKey>{KEY}</ProductKey>
<AutoLogon><Password><Value>aGVsbG8=</Value><PlainText>false</PlainText></Password></AutoLogon>
<UserAccounts><AdministratorPassword><Value></Value></AdministratorPassword>
<LocalAccounts><LocalAccount><Password><Value>UABhAHMAcwB3AG8AcgBkAA==</Value></Password></LocalAccount></LocalAccounts></UserAccounts>
<FirstLogonCommands><SynchronousCommand><CommandLine>slmgr /ipk {KEY}</CommandLine></SynchronousCommand></FirstLogonCommands>
</component></settings></unattend>"#
        )
        .into_bytes()
    }

    #[test]
    fn passwords_have_places_and_empty_ones_are_none() {
        let file = AnswerFile::parse(file().into()).unwrap();
        let places = file.passwords();
        assert_eq!(places.len(), 1);
        assert_eq!((places[0].line, places[0].element.as_str()), (5, "Password"));
    }

    #[test]
    fn what_is_blanked_is_gone_in_every_encoding_and_the_rest_stays() {
        let utf8 = file();
        let text = String::from_utf8(utf8.clone()).unwrap();
        let wide: Vec<u8> = "\u{FEFF}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [utf8, wide] {
            let mut file = AnswerFile::parse(bytes.clone().into()).unwrap();
            let kept = file.blank(false, &|_| false).unwrap();
            assert_eq!((kept, file.bytes()), (Blanked::default(), &bytes[..]));
            let done = file.blank(true, &|text| text == KEY).unwrap();
            assert_eq!(
                done,
                Blanked {
                    keys: 3,
                    passwords: 1
                }
            );
            let (after, _) = crate::text::decode(file.bytes()).unwrap();
            assert!(
                !after.contains("T83GX") && !after.contains("aGVsbG8="),
                "{}",
                *after
            );
            assert!(after.contains("<ProductKey>*SENSITIVE*DATA*DELETED*</ProductKey>"));
            assert!(after.contains("<Password>*SENSITIVE*DATA*DELETED*</Password>"));
            assert!(after.contains("slmgr /ipk XXXXX-XXXXX-XXXXX-XXXXX-XXXXX<"));
            assert!(file.passwords().is_empty());
            assert_eq!(file.blank(true, &|_| true).unwrap(), Blanked::default());
        }
    }
}
