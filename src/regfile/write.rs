//! Writing: keys and values to text.

use super::{Error, VERSION_5, kind};
use crate::text;
use regashii::{Format, Key, Kind, Registry, Value, ValueName};
use std::fmt::Write as _;
use std::io::Write;
use zeroize::Zeroizing;

/// The byte-order mark of UTF-16LE, as text.
const MARK: &str = "\u{FEFF}";
/// Stands for the key when `regashii` writes a value.
const STAND_IN: &str = "k";
/// The highest number of a type that `regashii` can write.
const KNOWN_KINDS: u32 = u8::MAX as u32;

/// Writes a version 5 file as regedit does: UTF-16LE with a byte-order mark, lines that end with CR LF.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A file that begins at `out`. Many small pieces are written: give it a buffer.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn new(out: W) -> Result<Self, Error> {
        let mut writer = Self { out };
        writer.put(MARK)?;
        writer.put(VERSION_5)?;
        writer.put("\r\n")?;
        Ok(writer)
    }

    fn put(&mut self, text: &str) -> Result<(), Error> {
        Ok(self.out.write_all(&text::utf16le(text))?)
    }

    /// Begins the key `path`, which is whole, from `HKEY_…` on.
    ///
    /// # Errors
    /// [`Error::Name`] for a path with a line break, [`Error::Output`].
    pub fn key(&mut self, path: &str) -> Result<(), Error> {
        if path.contains(['\r', '\n']) {
            return Err(Error::Name(text::printable(path)));
        }
        self.put("\r\n[")?;
        self.put(path)?;
        self.put("]\r\n")
    }

    /// Writes a value of the key: its name (empty for the default value), the number of its type, its data as a hive holds it.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn value(&mut self, name: &str, kind: u32, data: &[u8]) -> Result<(), Error> {
        let text = Zeroizing::new(written(name, kind, data));
        self.put(&text)
    }

    /// Says that a value of the key is to be gone: its name (empty for the default value).
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn delete_value(&mut self, name: &str) -> Result<(), Error> {
        let text = line(name, Value::Delete);
        self.put(&text)?;
        self.put("\r\n")
    }

    /// Says that the key `path` is to be gone, with all below it.
    ///
    /// # Errors
    /// As [`Writer::key`].
    pub fn delete_key(&mut self, path: &str) -> Result<(), Error> {
        self.key(&format!("-{path}"))
    }

    /// Ends the file and gives back where it was written to.
    ///
    /// # Errors
    /// [`Error::Output`].
    pub fn finish(mut self) -> Result<W, Error> {
        self.put("\r\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The line (of a list: the lines) that `regashii` writes for a value.
fn line(name: &str, value: Value) -> Zeroizing<String> {
    let name = if name.is_empty() {
        ValueName::Default
    } else {
        ValueName::Named(name.to_owned())
    };
    let file = Zeroizing::new(
        Registry::new(Format::Regedit5)
            .with(STAND_IN, Key::new().with(name, value))
            .serialize(),
    );
    // Before the value: the first line, an empty one, the key.
    let line = file.splitn(4, '\n').nth(3).unwrap_or_default();
    Zeroizing::new(line.strip_suffix('\n').unwrap_or(line).to_owned())
}

/// `name=data` and a line break.
fn written(name: &str, kind: u32, data: &[u8]) -> String {
    let value = match kind {
        kind::STRING => plain_text(data).map(Value::Sz),
        kind::DWORD => data
            .try_into()
            .ok()
            .map(|bytes| Value::Dword(u32::from_le_bytes(bytes))),
        _ => None,
    };
    // For `regashii` a type is a byte; whatever is written for it is replaced below.
    let known = u8::try_from(kind.min(KNOWN_KINDS)).unwrap_or(u8::MAX);
    let value = value.unwrap_or_else(|| Value::Hex {
        kind: Kind::from(known),
        bytes: data.to_vec(),
    });
    let is_list = matches!(value, Value::Hex { .. });
    let line = line(name, value);
    let mut text = String::with_capacity(line.len() + line.len() / 32 + 2);
    // In a list no letter is an `h`: the last one begins it.
    match line
        .rfind("hex")
        .filter(|_| is_list)
        .and_then(|place| line.split_at_checked(place))
    {
        Some((name, list)) => {
            text.push_str(name);
            let (beginning, bytes) = list.split_once(':').unwrap_or((list, ""));
            if kind > KNOWN_KINDS {
                _ = write!(text, "hex({kind:x})");
            } else {
                text.push_str(beginning);
            }
            text.push(':');
            text.push_str(&bytes.replace('\n', "\r\n"));
        }
        None => text.push_str(&line),
    }
    text.push_str("\r\n");
    text
}

/// The text that `data` is, if it is one that can stand in quotation marks: with one zero, which is at its end, and in one line.
fn plain_text(data: &[u8]) -> Option<String> {
    let (pairs, []) = data.as_chunks::<2>() else {
        return None;
    };
    let (&[0, 0], pairs) = pairs.split_last()? else {
        return None;
    };
    let units = pairs.iter().map(|&pair| u16::from_le_bytes(pair));
    let mut text = String::with_capacity(pairs.len() * 3);
    for character in char::decode_utf16(units) {
        match character {
            Ok('\0' | '\r' | '\n') | Err(_) => return None,
            Ok(character) => text.push(character),
        }
    }
    Some(text)
}
