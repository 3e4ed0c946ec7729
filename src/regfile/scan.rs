//! Takes the text of a registration file apart into keys and values, with their lines.
//!
//! Promise: the work is linear in the text; nothing that is not understood is passed over.

use super::{Error, Reason, kind};

/// A part of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'t> {
    /// `[path]`.
    Key(&'t str),
    /// `[-path]`.
    DeletedKey(&'t str),
    /// `name=data`.
    Value {
        /// `@`, or the name in its quotation marks.
        name: &'t str,
        data: Written<'t>,
    },
}

/// Data as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written<'t> {
    /// `-`.
    Nothing,
    /// A text in its quotation marks.
    Quoted(&'t str),
    /// The digits behind `dword:`.
    Dword(&'t str),
    /// The number of the type, and the list behind the colon without line breaks and blanks.
    Hex(u32, String),
}

/// The items of a file with the lines on which they begin.
pub(super) struct Scanner<'t> {
    rest: &'t str,
    line: usize,
}

impl<'t> Scanner<'t> {
    /// The items of `text`, whose first line has the number `line`.
    pub(super) fn new(text: &'t str, line: usize) -> Self {
        Self { rest: text, line }
    }

    fn fault(&self, reason: Reason) -> Error {
        Error::Line {
            line: self.line,
            reason,
        }
    }

    /// Takes `length` bytes, which end between characters.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += taken.bytes().filter(|&byte| byte == b'\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|character| !fits(character));
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    fn skip_line(&mut self) {
        self.take_while(|character| !is_break(character));
    }

    /// The next item with its line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Item<'t>)>, Error> {
        loop {
            self.take_while(|character| is_blank(character) || is_break(character));
            let line = self.line;
            let item = match self.rest.chars().next() {
                None => return Ok(None),
                Some(';') => {
                    self.skip_line();
                    continue;
                }
                Some('[') => self.key()?,
                Some('@' | '"') => self.value()?,
                Some(_) => return Err(self.fault(Reason::Unknown)),
            };
            return Ok(Some((line, item)));
        }
    }

    /// The name of a key may hold brackets: it ends at the last one of its line.
    fn key(&mut self) -> Result<Item<'t>, Error> {
        let bracket = self.fault(Reason::Bracket);
        let line = self.take_while(|character| !is_break(character));
        let Some((name, behind)) = line.rsplit_once(']') else {
            return Err(bracket);
        };
        if !behind.trim().is_empty() && !behind.trim_start().starts_with(';') {
            return Err(self.fault(Reason::Rest));
        }
        let name = name.get(1..).unwrap_or_default();
        Ok(match name.strip_prefix('-') {
            Some(name) => Item::DeletedKey(name),
            None => Item::Key(name),
        })
    }

    fn value(&mut self) -> Result<Item<'t>, Error> {
        let name = if self.rest.starts_with('@') {
            self.take(1)
        } else {
            self.quoted()?
        };
        self.skip_blanks();
        if !self.rest.starts_with('=') {
            return Err(self.fault(Reason::Equals));
        }
        self.take(1);
        self.skip_blanks();
        let data = self.data()?;
        self.skip_blanks();
        match self.rest.chars().next() {
            None => {}
            Some(';') => self.skip_line(),
            Some(character) if is_break(character) => {}
            Some(_) => return Err(self.fault(Reason::Rest)),
        }
        Ok(Item::Value { name, data })
    }

    /// A text with its quotation marks; it may hold line breaks.
    fn quoted(&mut self) -> Result<&'t str, Error> {
        let mut is_escaped = false;
        let end = self.rest.bytes().enumerate().skip(1).find_map(|(place, byte)| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends.then_some(place + 1)
        });
        let known = |escape: &[u8]| matches!(escape, [b'\\', b'\\' | b'"']);
        match end {
            Some(end) => {
                let text = self.rest.get(..end).unwrap_or_default();
                if !escapes(text).all(known) {
                    return Err(self.fault(Reason::Escape));
                }
                Ok(self.take(end))
            }
            None => Err(self.fault(Reason::Quote)),
        }
    }

    fn data(&mut self) -> Result<Written<'t>, Error> {
        if self.rest.starts_with('"') {
            return Ok(Written::Quoted(self.quoted()?));
        }
        if self.rest.starts_with('-') {
            self.take(1);
            return Ok(Written::Nothing);
        }
        if self.begins("dword:") {
            self.skip_blanks();
            let digits = self.take_while(|character| character.is_ascii_hexdigit());
            return match digits.len() {
                1..=8 => Ok(Written::Dword(digits)),
                _ => Err(self.fault(Reason::Dword)),
            };
        }
        if self.begins("hex:") {
            return Ok(Written::Hex(kind::BINARY, self.list()?));
        }
        if self.begins("hex(") {
            let digits = self.take_while(|character| character.is_ascii_hexdigit());
            let number = u32::from_str_radix(digits, 16).map_err(|_| self.fault(Reason::Kind))?;
            if !self.begins("):") {
                return Err(self.fault(Reason::Kind));
            }
            return Ok(Written::Hex(number, self.list()?));
        }
        Err(self.fault(Reason::Data))
    }

    /// Takes `word`, in any case, if the text goes on with it.
    fn begins(&mut self, word: &str) -> bool {
        let begins = self
            .rest
            .get(..word.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(word));
        if begins {
            self.take(word.len());
        }
        begins
    }

    /// Bytes in hexadecimal digits with commas between. A backslash at the end of a line continues it; a comma may stand last.
    fn list(&mut self) -> Result<String, Error> {
        let mut list = String::new();
        loop {
            self.skip_blanks();
            let digits = self.take_while(|character| character.is_ascii_hexdigit());
            match digits.len() {
                0 => {}
                1 => list.extend(['0'].into_iter().chain(digits.chars())),
                2 => list.push_str(digits),
                _ => return Err(self.fault(Reason::Hex)),
            }
            let has_digits = !digits.is_empty();
            self.skip_blanks();
            match self.rest.chars().next() {
                Some(',') if has_digits => {
                    list.push(',');
                    self.take(1);
                    self.skip_blanks();
                    if !self.rest.starts_with('\\') {
                        continue;
                    }
                    self.continue_line()?;
                }
                Some('\\') => self.continue_line()?,
                _ => break,
            }
        }
        if list.ends_with(',') {
            list.pop();
        }
        Ok(list)
    }

    /// Takes the backslash at the end of a line, a comment behind it, and the line break.
    fn continue_line(&mut self) -> Result<(), Error> {
        self.take(1);
        self.skip_blanks();
        if self.rest.starts_with(';') {
            self.skip_line();
        }
        if self.take_while(is_break).is_empty() && !self.rest.is_empty() {
            return Err(self.fault(Reason::Hex));
        }
        Ok(())
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// The backslashes of a text in quotation marks, each with what it is to escape.
fn escapes(text: &str) -> impl Iterator<Item = &[u8]> {
    let bytes = text.as_bytes();
    let mut place = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(place..)?;
        let found = memchr::memchr(b'\\', rest)?;
        place += found + 2;
        rest.get(found..found + 2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Result<Vec<(usize, Item<'_>)>, Error> {
        let mut scanner = Scanner::new(text, 1);
        let mut items = Vec::new();
        while let Some(item) = scanner.next()? {
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn items_are_told_with_their_lines() {
        let text = "; a\r\n[A\\b]c] ; d\r\n\"n\\\"=\\\\\"=hex(1F4):1,\\ ; e\r\n  02,\\\r\n 3\r\n[-A]\n@=-\n\"a\nb\"=\"c\nd\"\n@=dword:1";
        let found = items(text).unwrap();
        let expected = [
            (2, Item::Key("A\\b]c")),
            (
                3,
                Item::Value {
                    name: "\"n\\\"=\\\\\"",
                    data: Written::Hex(0x1F4, "01,02,03".into()),
                },
            ),
            (6, Item::DeletedKey("A")),
            (
                7,
                Item::Value {
                    name: "@",
                    data: Written::Nothing,
                },
            ),
            (
                8,
                Item::Value {
                    name: "\"a\nb\"",
                    data: Written::Quoted("\"c\nd\""),
                },
            ),
            (
                11,
                Item::Value {
                    name: "@",
                    data: Written::Dword("1"),
                },
            ),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_fault_has_its_line_and_reason() {
        for (text, expected_line, expected) in [
            ("\n\nabc", 3, Reason::Unknown),
            ("\n[A", 2, Reason::Bracket),
            ("[A] b", 1, Reason::Rest),
            ("\n\"a", 2, Reason::Quote),
            ("\"a\"=\"c:\\dir\"", 1, Reason::Escape),
            ("\n\"a\\b\"=\"x\"", 2, Reason::Escape),
            ("\"a\" 1", 1, Reason::Equals),
            ("\n@=1", 2, Reason::Data),
            ("@=dword:123456789", 1, Reason::Dword),
            ("@=dword:", 1, Reason::Dword),
            ("@=hex:012", 1, Reason::Hex),
            ("@=hex:01,\\\n02,\\ x", 2, Reason::Hex),
            ("@=hex:,", 1, Reason::Rest),
            ("@=hex(x):1", 1, Reason::Kind),
            ("@=hex(123456789):1", 1, Reason::Kind),
            ("@=\"a\" b", 1, Reason::Rest),
        ] {
            match items(text) {
                Err(Error::Line { line, reason }) => {
                    assert_eq!((line, reason), (expected_line, expected), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
