//! Reading: text to entries.

use super::scan::{Item, Scanner, Written};
use super::{Action, Entry, Error, Reason, VERSION_4, VERSION_5, ansi, kind};
use crate::secret::Wiped;
use crate::text;
use regashii::{KeyName, Registry, Value, ValueName};
use std::borrow::Cow;
use std::fmt::Write;
use zeroize::Zeroizing;

/// The most entries of a file.
const ENTRY_LIMIT: usize = 16 << 20;
/// How many bytes of text `regashii` is shown at a time.
const PORTION: usize = 1 << 20;

/// A file's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// Texts in hex lists are UTF-16LE.
    Five,
    /// Texts in hex lists are eight-bit.
    Four,
}

/// What the registration file `bytes` asks for, in its order.
///
/// UTF-16 and UTF-8 are understood, with or without byte-order mark; a REGEDIT4 file that is not UTF-8 is taken as code page 1252.
///
/// # Errors
/// [`Error::Text`], [`Error::Header`], [`Error::Line`] with the first line that is not understood.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    let text = match text::decode(bytes) {
        Ok((text, _)) => text,
        Err(_) if bytes.starts_with(VERSION_4.as_bytes()) => {
            let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 3));
            text.extend(bytes.iter().copied().map(ansi::character));
            text
        }
        Err(error) => return Err(error.into()),
    };
    let (header, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let header = header.split(';').next().unwrap_or_default().trim();
    let version = match header {
        VERSION_5 => Version::Five,
        VERSION_4 => Version::Four,
        _ => return Err(Error::Header),
    };
    let mut reader = Reader {
        version,
        entries: Vec::new(),
        waiting: Vec::new(),
        portion: Zeroizing::new(String::new()),
    };
    let mut scanner = Scanner::new(rest, 2);
    let mut key: Option<String> = None;
    while let Some((line, item)) = scanner.next()? {
        match item {
            Item::Key(path) => {
                let path = whole(path, line)?;
                reader.push(line, path.clone(), Action::Create)?;
                key = Some(path);
            }
            Item::DeletedKey(path) => {
                reader.push(line, whole(path, line)?, Action::Delete)?;
                key = None;
            }
            Item::Value { name, data } => {
                let Some(key) = &key else {
                    return Err(Error::Line {
                        line,
                        reason: Reason::Homeless,
                    });
                };
                reader.value(line, key, name, data)?;
            }
        }
    }
    reader.understand()?;
    Ok(reader.entries)
}

/// The path of a key without doubled and trailing backslashes.
fn whole(path: &str, line: usize) -> Result<String, Error> {
    let path = path.trim_end_matches('\\');
    if path.split('\\').any(str::is_empty) {
        return Err(Error::Line {
            line,
            reason: Reason::Path,
        });
    }
    Ok(path.to_owned())
}

struct Reader {
    version: Version,
    entries: Vec<Entry>,
    /// The entries that `regashii` has not seen yet, with their types.
    waiting: Vec<(usize, u32)>,
    /// What it is to be shown: every value under a key of its own, whose name is a number.
    portion: Zeroizing<String>,
}

impl Reader {
    fn push(&mut self, line: usize, key: String, action: Action) -> Result<(), Error> {
        if self.entries.len() >= ENTRY_LIMIT {
            return Err(Error::Line {
                line,
                reason: Reason::TooMany,
            });
        }
        self.entries.push(Entry { line, key, action });
        Ok(())
    }

    fn value(&mut self, line: usize, key: &str, name: &str, data: Written<'_>) -> Result<(), Error> {
        let index = self.entries.len();
        self.push(line, key.to_owned(), Action::Create)?;
        let (kind, data): (u32, Cow<'_, str>) = match data {
            Written::Nothing => (kind::BINARY, "-".into()),
            Written::Quoted(text) => (kind::STRING, text.into()),
            Written::Dword(digits) => (kind::DWORD, format!("dword:{digits:0>8}").into()),
            Written::Hex(kind, list) => (kind, format!("hex:{list}").into()),
        };
        // The default value has no other name.
        let name = if name == "\"\"" { "@" } else { name };
        if self.portion.is_empty() {
            self.portion.push_str(VERSION_5);
        }
        _ = write!(self.portion, "\n[{}]\n{name}={data}\n", self.waiting.len());
        self.waiting.push((index, kind));
        if self.portion.len() > PORTION {
            self.understand()?;
        }
        Ok(())
    }

    /// Shows `regashii` what waits, and puts what it understood into the entries.
    fn understand(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        let portion = std::mem::take(&mut self.portion);
        let understood = if waiting.is_empty() {
            Registry::default()
        } else {
            Registry::deserialize(&portion).unwrap_or_default()
        };
        for (place, (index, kind)) in waiting.into_iter().enumerate() {
            let Some(entry) = self.entries.get_mut(index) else {
                continue;
            };
            let action = understood
                .keys()
                .get(&KeyName::new(place.to_string()))
                .and_then(|key| key.values().first_key_value())
                .and_then(|(name, value)| action(name, value, kind, self.version));
            entry.action = action.ok_or(Error::Line {
                line: entry.line,
                reason: Reason::Data,
            })?;
        }
        Ok(())
    }
}

/// What a value of type `kind` that `regashii` understood asks for.
fn action(name: &ValueName, value: &Value, kind: u32, version: Version) -> Option<Action> {
    let name = match name {
        ValueName::Default => String::new(),
        ValueName::Named(name) => name.clone(),
    };
    let data = match value {
        Value::Delete => return Some(Action::DeleteValue { name }),
        Value::Sz(text) => terminated(text),
        Value::Dword(number) => Zeroizing::new(number.to_le_bytes().to_vec()),
        Value::Binary(bytes) => {
            let is_text = matches!(kind, kind::STRING | kind::EXPAND_STRING | kind::MULTI_STRING);
            if version == Version::Four && is_text {
                wide(bytes)
            } else {
                Zeroizing::new(bytes.clone())
            }
        }
        _ => return None,
    };
    Some(Action::Set { name, kind, data })
}

/// A text with a zero behind it, as a hive holds it.
fn terminated(text: &str) -> Wiped {
    let mut data = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
    data.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    data
}

/// Eight-bit text as a hive holds it.
fn wide(bytes: &[u8]) -> Wiped {
    let mut data = Zeroizing::new(Vec::with_capacity(bytes.len() * 2));
    for &byte in bytes {
        let mut units = [0; 2];
        let units = ansi::character(byte).encode_utf16(&mut units);
        data.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
    data
}
