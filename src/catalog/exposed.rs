//! Text in which no key should stand: arguments, plan files.

use crate::key::ProductKey;

/// Where the first word begins that looks like a product key which nobody published, in bytes.
///
/// It looks like one with four groups of five letters or digits in a row, for its end may be cut off, or with 25 symbols in one piece.
pub fn exposed_key(text: &str) -> Option<usize> {
    let is_border = |character: char| {
        character.is_whitespace()
            || matches!(
                character,
                '=' | ','
                    | ';'
                    | ':'
                    | '/'
                    | '\\'
                    | '"'
                    | '\''
                    | '('
                    | ')'
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | '<'
                    | '>'
                    | '#'
            )
    };
    let mut start = 0;
    for word in text.split(is_border) {
        if looks_like_key(word) && !is_published(word) {
            return Some(start);
        }
        let rest = text.get(start + word.len()..).unwrap_or_default();
        start += word.len() + rest.chars().next().map_or(0, char::len_utf8);
    }
    None
}

/// Four groups of five letters or digits in a row, as a key has them even when its end is cut off, or 25 symbols of a key in one piece.
fn looks_like_key(word: &str) -> bool {
    const GROUP: usize = 5;
    const ENOUGH: usize = 4;
    let mut run = 0;
    let grouped = word
        .split(|character: char| matches!(character, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}'))
        .any(|group| {
            let fits = group.chars().count() == GROUP && group.chars().all(char::is_alphanumeric);
            run = if fits { run + 1 } else { 0 };
            run == ENOUGH
        });
    grouped || ProductKey::parse(word).is_ok()
}

fn is_published(word: &str) -> bool {
    ProductKey::parse(word).is_ok_and(|parsed| super::row_of(&parsed.key).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_nobody_published_is_seen_and_its_place_told() {
        let own = ["QRTVW"; 5].join("-");
        let text = format!("key = \"{own}\"");
        assert_eq!(exposed_key(&text), Some(7));
        assert_eq!(exposed_key(&format!("é {}", own.get(..23).unwrap())), Some(3));
    }

    #[test]
    fn published_keys_and_ordinary_words_are_not() {
        for text in [
            "33PXH-7Y6KF-2VJC9-XBBR8-HVTHH",
            "targets = [\"images/*.wim\"]",
            "",
            "first-order-logic",
        ] {
            assert_eq!(exposed_key(text), None, "{text}");
        }
    }
}
