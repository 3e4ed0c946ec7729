//! The data of a value as people type it.

use crate::Error;
use crate::hive::ValueKind;
use crate::secret::Wiped;
use crate::text;
use zeroize::Zeroizing;

/// The bytes for `text` in a value of type `kind`.
pub(super) fn parse(kind: ValueKind, text: &str) -> Result<Wiped, Error> {
    let bytes = match kind {
        ValueKind::String | ValueKind::ExpandString => text::utf16le(&format!("{text}\0")),
        ValueKind::Link => text::utf16le(text),
        ValueKind::MultiString => {
            let items = text.split(';').filter(|item| !item.is_empty());
            let joined: Zeroizing<String> = Zeroizing::new(items.flat_map(|item| [item, "\0"]).collect());
            text::utf16le(&format!("{}\0", *joined))
        }
        ValueKind::Dword => Zeroizing::new(
            u32::try_from(number(kind, text)?)
                .map_err(|_| no_number(kind))?
                .to_le_bytes()
                .to_vec(),
        ),
        ValueKind::DwordBigEndian => Zeroizing::new(
            u32::try_from(number(kind, text)?)
                .map_err(|_| no_number(kind))?
                .to_be_bytes()
                .to_vec(),
        ),
        ValueKind::Qword => Zeroizing::new(number(kind, text)?.to_le_bytes().to_vec()),
        _ => hexadecimal(text)?,
    };
    Ok(bytes)
}

fn no_number(kind: ValueKind) -> Error {
    let bits = if kind == ValueKind::Qword { 64 } else { 32 };
    Error::Usage(format!(
        "the data of a {kind} is a number of {bits} bits\nWrite it as in 10 or 0xA."
    ))
}

fn number(kind: ValueKind, text: &str) -> Result<u64, Error> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits
        .map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16))
        .map_err(|_| no_number(kind))
}

/// Pairs of digits; commas and blanks between them do not matter.
fn hexadecimal(text: &str) -> Result<Wiped, Error> {
    let fault = || {
        Error::Usage(
            "the data is not bytes in hexadecimal digits\nWrite two digits for each byte, as in 01ff00."
                .to_owned(),
        )
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let mut high = None;
    for character in text.chars().filter(|character| !matches!(character, ',' | ' ')) {
        let digit = character
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
            .ok_or_else(fault)?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    if high.is_some() { Err(fault()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_read_by_its_type() {
        for (kind, text, expected) in [
            (ValueKind::String, "a", &b"a\0\0\0"[..]),
            (ValueKind::Link, "a", b"a\0"),
            (ValueKind::MultiString, "a;b", b"a\0\0\0b\0\0\0\0\0"),
            (ValueKind::MultiString, "", b"\0\0"),
            (ValueKind::Dword, "0xA", &[10, 0, 0, 0]),
            (ValueKind::DwordBigEndian, "10", &[0, 0, 0, 10]),
            (ValueKind::Qword, "4294967296", &[0, 0, 0, 0, 1, 0, 0, 0]),
            (ValueKind::Binary, "01, fF", &[1, 255]),
            (ValueKind::None, "", &[]),
        ] {
            assert_eq!(parse(kind, text).unwrap()[..], *expected, "{kind} {text}");
        }
        for (kind, text) in [
            (ValueKind::Dword, "4294967296"),
            (ValueKind::Dword, "-1"),
            (ValueKind::Qword, "x"),
            (ValueKind::Binary, "012"),
            (ValueKind::Binary, "0g"),
        ] {
            assert!(parse(kind, text).unwrap_err().is_usage(), "{kind} {text}");
        }
    }
}
