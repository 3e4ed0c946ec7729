//! grammar - the rules of XML 1.0 and its namespaces that the event reader leaves to its user.
//!
//! Source: Extensible Markup Language 1.0 (Fifth Edition), sections 2.2 to 3.1 and 4.1; Namespaces in XML 1.0.
//! Promise: everything here looks at each character a bounded number of times.

use super::error::Fault;
use super::picture::shown_name;
use super::place::{is_blank, part};
use std::ops::Range;
use zeroize::Zeroizing;

/// The most attributes that one element may have. Real answer files have at most nine.
const ATTRIBUTE_LIMIT: usize = 128;
/// The longest reference that is looked at: `&#x0010FFFF;` with zeros to spare.
const REFERENCE_LIMIT: usize = 32;

/// A fault at an offset of the text.
pub(super) type At<T> = Result<T, (usize, Fault)>;

/// An attribute: where its name and its raw value stand.
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// Whether XML 1.0 allows the character at all (production 2).
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Characters that may begin a name (production 4), the colon aside.
fn begins_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// Characters that may continue a name (production 4a), the colon aside.
fn continues_name(character: char) -> bool {
    begins_name(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// Whether `name` is a name without colon.
pub(super) fn is_plain_name(name: &str) -> bool {
    // Nearly every name is ASCII.
    if let [first, rest @ ..] = name.as_bytes()
        && (first.is_ascii_alphabetic() || *first == b'_')
        && rest
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    {
        return true;
    }
    let mut characters = name.chars();
    characters.next().is_some_and(begins_name) && characters.all(continues_name)
}

/// Splits `prefix:local`; the prefix is empty if there is none. `None` if this is not a name.
pub(super) fn split_name(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) if is_plain_name(prefix) => (prefix, local),
        Some(_) => return None,
        None => ("", name),
    };
    is_plain_name(local).then_some((prefix, local))
}

/// Every character of `raw`, which stands at `base`, must be allowed.
pub(super) fn check_characters(raw: &str, base: usize) -> At<()> {
    // Without branches, so that many bytes are looked at together: nearly every text is plain.
    let strange = raw.bytes().fold(false, |strange, byte| {
        strange | !byte.is_ascii() | (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'))
    });
    if !strange {
        return Ok(());
    }
    match raw.char_indices().find(|&(_, character)| !is_allowed(character)) {
        Some((at, character)) => Err((base + at, Fault::Character(character.into()))),
        None => Ok(()),
    }
}

/// Character data between markup.
pub(super) fn check_text(raw: &str, base: usize) -> At<()> {
    check_characters(raw, base)?;
    memchr::memmem::find(raw.as_bytes(), b"]]>").map_or(Ok(()), |at| Err((base + at, Fault::SectionEnd)))
}

/// What stands between `<!--` and `-->`.
pub(super) fn check_comment(raw: &str, base: usize) -> At<()> {
    check_characters(raw, base)?;
    let double =
        memchr::memmem::find(raw.as_bytes(), b"--").or_else(|| raw.ends_with('-').then(|| raw.len() - 1));
    double.map_or(Ok(()), |at| Err((base + at, Fault::DoubleHyphen)))
}

/// What stands between `<?` and `?>`.
pub(super) fn check_instruction(raw: &str, base: usize) -> At<()> {
    check_characters(raw, base)?;
    let target = raw.split(is_blank).next().unwrap_or_default();
    if target.eq_ignore_ascii_case("xml") {
        return Err((base, Fault::LateXmlDeclaration));
    }
    if split_name(target).is_none() {
        return Err((base, Fault::Name));
    }
    Ok(())
}

/// The XML declaration, from `<?` to `?>`: version, then encoding, then standalone (production 23).
pub(super) fn check_xml_declaration(text: &str, range: &Range<usize>) -> At<()> {
    let wrong = || (range.start, Fault::XmlDeclaration);
    let inside = range.start + "<?xml".len()..range.end.saturating_sub("?>".len());
    let attributes = attributes(text, inside).map_err(|_| wrong())?;
    let mut expected = ["version", "encoding", "standalone"].into_iter();
    for (index, attribute) in attributes.iter().enumerate() {
        let name = part(text, attribute.name.clone());
        let value = part(text, attribute.value.clone());
        let digits =
            |text: &str| !text.is_empty() && text.chars().all(|character| character.is_ascii_digit());
        let valid = match name {
            "version" => value.strip_prefix("1.").is_some_and(digits),
            "encoding" => {
                value.starts_with(|first: char| first.is_ascii_alphabetic())
                    && value
                        .chars()
                        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
            }
            _ => matches!(value, "yes" | "no"),
        };
        if !valid || !expected.any(|next| next == name) || (index == 0) != (name == "version") {
            return Err(wrong());
        }
    }
    if attributes.is_empty() {
        Err(wrong())
    } else {
        Ok(())
    }
}

/// The attributes of a tag; `range` is what follows its name, up to `>` or `/>`.
pub(super) fn attributes(text: &str, range: Range<usize>) -> At<Vec<Attribute>> {
    let mut found: Vec<Attribute> = Vec::new();
    let mut at = range.start;
    loop {
        let rest = part(text, at..range.end);
        let trimmed = rest.trim_start_matches(is_blank);
        let blanks = rest.len() - trimmed.len();
        at += blanks;
        if trimmed.is_empty() {
            return Ok(found);
        }
        if blanks == 0 {
            return Err((
                at,
                Fault::Attribute("white space is missing before this attribute"),
            ));
        }
        let name_length = trimmed
            .find(|character| is_blank(character) || matches!(character, '=' | '"' | '\'' | '<'))
            .unwrap_or(trimmed.len());
        let name = at..at + name_length;
        if split_name(part(text, name.clone())).is_none() {
            return Err((at, Fault::Name));
        }
        let value_part = part(text, name.end..range.end).trim_start_matches(is_blank);
        let Some(value_part) = value_part.strip_prefix('=') else {
            return Err((name.end, Fault::Attribute("an attribute has no =")));
        };
        let value_part = value_part.trim_start_matches(is_blank);
        let quote_at = range.end - value_part.len();
        let Some(quote) = value_part
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))
        else {
            return Err((
                quote_at,
                Fault::Attribute("an attribute value does not stand in quotes"),
            ));
        };
        let value_start = quote_at + 1;
        let Some(length) = part(text, value_start..range.end).find(quote) else {
            return Err((
                quote_at,
                Fault::Attribute("an attribute value has no closing quote"),
            ));
        };
        let value = value_start..value_start + length;
        check_value(part(text, value.clone()), value.start)?;
        let name_text = part(text, name.clone());
        if found
            .iter()
            .any(|other| part(text, other.name.clone()) == name_text)
        {
            return Err((at, Fault::DuplicateAttribute(shown_name(name_text))));
        }
        if found.len() >= ATTRIBUTE_LIMIT {
            let fault = Fault::Limit {
                what: "attributes in one element",
                limit: ATTRIBUTE_LIMIT,
            };
            return Err((at, fault));
        }
        at = value.end + 1;
        found.push(Attribute { name, value });
    }
}

/// The raw value of an attribute: no `<`, and only references that XML knows.
fn check_value(raw: &str, base: usize) -> At<()> {
    check_characters(raw, base)?;
    if let Some(at) = raw.find('<') {
        return Err((base + at, Fault::Attribute("< stands in an attribute value")));
    }
    for (at, _) in raw.match_indices('&') {
        let head: String = part(raw, at..raw.len()).chars().take(REFERENCE_LIMIT).collect();
        let Some((body, _)) = head.get(1..).and_then(|rest| rest.split_once(';')) else {
            return Err((base + at, Fault::BareAmpersand));
        };
        check_reference(body, base + at)?;
    }
    Ok(())
}

/// What stands between `&` and `;`.
pub(super) fn check_reference(body: &str, base: usize) -> At<()> {
    if referred(body).is_some() {
        return Ok(());
    }
    let known_shape = body.starts_with('#') || split_name(body).is_some();
    Err((
        base,
        if known_shape {
            Fault::Reference
        } else {
            Fault::BareAmpersand
        },
    ))
}

/// The character that a predefined entity or a character reference stands for.
fn referred(body: &str) -> Option<char> {
    let digits = |text: &str, radix| {
        let valid = !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix));
        valid.then(|| u32::from_str_radix(text, radix).ok()).flatten()
    };
    match body {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = body.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hexadecimal) => digits(hexadecimal, 16),
                None => digits(number, 10),
            };
            code.and_then(char::from_u32)
                .filter(|&character| is_allowed(character))
        }
    }
}

/// The text that well-formed raw text stands for: references resolved, line ends as line feeds. Wiped when dropped.
pub(super) fn resolved(raw: &str) -> Zeroizing<String> {
    // References and line ends only shrink, so the string never moves.
    let mut text = Zeroizing::new(String::with_capacity(raw.len()));
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\r']) {
        text.push_str(part(rest, 0..at));
        let tail = part(rest, at..rest.len());
        let reference = tail.strip_prefix('&').and_then(|tail| tail.split_once(';'));
        if let Some((character, after)) = reference.and_then(|(body, after)| Some((referred(body)?, after))) {
            text.push(character);
            rest = after;
        } else if let Some(after) = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix('\r')) {
            text.push('\n');
            rest = after;
        } else {
            text.push('&');
            rest = part(tail, 1..tail.len());
        }
    }
    text.push_str(rest);
    text
}

/// `raw` with every line end as a line feed, as XML hands it on. Wiped when dropped.
pub(super) fn with_line_feeds(raw: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(raw.len()));
    let mut after_return = false;
    for character in raw.chars() {
        match character {
            '\r' => text.push('\n'),
            '\n' if after_return => {}
            _ => text.push(character),
        }
        after_return = character == '\r';
    }
    text
}

/// `value` as text of an element: markup characters, and if need be all beyond ASCII, as references. Wiped when dropped.
pub(super) fn escaped(value: &str, ascii_only: bool) -> Zeroizing<String> {
    use std::fmt::Write as _;
    /// The longest reference written: `&#1114111;`.
    const LONGEST: usize = 10;
    let mut text = Zeroizing::new(String::with_capacity(value.len().saturating_mul(LONGEST)));
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\r' => text.push_str("&#13;"),
            _ if ascii_only && !character.is_ascii() => {
                // Writing to a string cannot fail.
                let _ = write!(*text, "&#{};", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_and_resolving_are_opposites() {
        for value in ["a&b<c>d\"e'", "\r\n\r", "é𝄞&#38;", "]]>"] {
            assert_eq!(*resolved(&escaped(value, false)), value);
            let ascii = escaped(value, true);
            assert!(ascii.is_ascii());
            assert_eq!(*resolved(&ascii), value);
        }
    }

    #[test]
    fn line_ends_are_line_feeds() {
        assert_eq!(*with_line_feeds("a\r\n\r\rb\n\r\n"), "a\n\n\nb\n\n");
    }

    #[test]
    fn attributes_follow_the_grammar_to_the_letter() {
        let ok = |text: &str| attributes(text, 0..text.len()).map(|found| found.len());
        assert_eq!(ok(" a = \"1\"\n b:c='&#x41;&amp;' "), Ok(2));
        for wrong in [
            " a",
            " a=1",
            " a=\"1\"b='2'",
            " a='<'",
            " a='&'",
            " a='&x;'",
            " a='1' a='2'",
            " 1='1'",
            " a:b:c=''",
        ] {
            assert!(ok(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn references_are_the_five_names_and_allowed_characters() {
        for body in ["amp", "#38", "#x26", "#x10FFFF"] {
            assert_eq!(check_reference(body, 0), Ok(()), "{body}");
        }
        for body in ["nbsp", "#0", "#xD800", "#+5", "#x110000", "#", "#X41"] {
            assert_eq!(check_reference(body, 0), Err((0, Fault::Reference)), "{body}");
        }
    }
}
