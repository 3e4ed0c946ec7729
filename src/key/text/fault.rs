//! fault - why a text is not a key, by place and reason; the text itself is not repeated.

use super::INPUT_LIMIT;
use crate::key::placeholder::Placeholder;

/// Why a text is not a key. Columns count characters of the input from 1, symbols and groups of the key from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing but white space.
    #[error("there is no key here, only white space\nGive the 25 symbols of a product key.")]
    Empty,
    /// More than [`INPUT_LIMIT`] characters.
    #[error(
        "more than {INPUT_LIMIT} characters, so this is not a product key\nGive one key on a line of its own."
    )]
    TooLong,
    /// A text that stands for no key.
    #[error("{0}\nGive a real key, or --gvlk for Microsoft's published one.")]
    Placeholder(Placeholder),
    /// A character that no key contains.
    #[error(
        "column {column}, symbol {symbol}: no product key contains {}\n{}",
        shown(*.found),
        advice(*.found)
    )]
    NotASymbol {
        /// Column in the input.
        column: usize,
        /// Which symbol of the key stands there.
        symbol: usize,
        /// The character.
        found: char,
    },
    /// Not 25 symbols.
    #[error("{found} symbols where a key has 25{}\nCompare the key with its source.", in_group(*.group))]
    Count {
        /// How many symbols there are.
        found: usize,
        /// The first group that has not five symbols.
        group: Option<usize>,
    },
    /// 25 symbols, but not in five groups of five.
    #[error(
        "column {column}: the dashes do not make five groups of five symbols\nPut a dash after every fifth symbol."
    )]
    Grouping {
        /// Column in the input where a group ends too early or too late.
        column: usize,
    },
    /// A second letter `N`.
    #[error(
        "column {column}, symbol {symbol}: a second letter N, and no key has two\nCompare the key with its source; H, M and W look alike."
    )]
    SecondN {
        /// Column in the input.
        column: usize,
        /// Which symbol of the key stands there.
        symbol: usize,
    },
    /// The letter `N` in the last place.
    #[error(
        "column {column}: the letter N stands last, where no key has it\nCompare the key with its source."
    )]
    LastN {
        /// Column in the input.
        column: usize,
    },
}

impl Error {
    /// The column of the fault in the input, from 1, where it has one.
    pub fn column(&self) -> Option<usize> {
        match *self {
            Self::NotASymbol { column, .. }
            | Self::Grouping { column }
            | Self::SecondN { column, .. }
            | Self::LastN { column } => Some(column),
            Self::Empty | Self::TooLong | Self::Placeholder(_) | Self::Count { .. } => None,
        }
    }
}

fn shown(found: char) -> String {
    if found.is_ascii_graphic() {
        format!("'{found}'")
    } else {
        format!(
            "'{}' (U+{:04X})",
            crate::text::printable(found.encode_utf8(&mut [0; 4])),
            u32::from(found)
        )
    }
}

/// What a character that no key contains is often taken for.
fn advice(found: char) -> &'static str {
    match found.to_ascii_uppercase() {
        'O' | '0' => "Look again: it may be Q, D or C.",
        'I' | 'L' | '1' => "Look again: it may be J, T or 7.",
        'S' | '5' => "Look again: it may be 8, 3 or 6.",
        'Z' => "Look again: it may be 2 or 7.",
        'A' => "Look again: it may be 4, R or H.",
        'E' => "Look again: it may be F, B or 3.",
        'U' => "Look again: it may be V, W or J.",
        _ => "Compare the key with its source.",
    }
}

fn in_group(group: Option<usize>) -> String {
    group
        .map(|group| format!(" (group {group} has not five)"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::advice;
    use crate::key::symbols::is_symbol;

    #[test]
    fn advice_names_only_symbols_that_keys_contain() {
        let general = advice('!');
        for found in "O0oIL1S5ZAEU".chars() {
            let text = advice(found);
            assert_ne!(text, general, "{found}");
            let (_, symbols) = text.split_once("may be ").unwrap();
            let named = symbols.bytes().filter(|symbol| !matches!(symbol, b'o' | b'r'));
            let named: Vec<u8> = named.filter(u8::is_ascii_alphanumeric).collect();
            assert!(named.len() >= 2, "{found}");
            for symbol in named {
                assert!(is_symbol(symbol), "{found}: {}", char::from(symbol));
            }
        }
        assert!(general.ends_with("its source."));
    }
}
