//! placeholder - texts that have the shape of a key and stand for none.

/// What kind of stand-in a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// One symbol repeated 25 times: zeros, X's.
    Repeated,
    /// `BBBBB-…`: how Windows shows the sixteen zero bytes of a cleared key.
    Cleared,
    /// A key of which only the last group is shown.
    Masked,
    /// The alphabet or the digits in order, as in printed examples.
    Example,
    /// A template variable that nothing has filled in.
    Template,
}

impl std::fmt::Display for Placeholder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Repeated => "one symbol repeated: a placeholder, not a key",
            Self::Cleared => "all B: what Windows shows for a key that was cleared",
            Self::Masked => "a masked key, of which only the last group is shown",
            Self::Example => "the example key of printed documents, not a real one",
            Self::Template => "a template variable that nothing has filled in",
        })
    }
}

/// Five symbols, five times.
const GROUPS: usize = 5;
const GROUP_LENGTH: usize = 5;

/// Which placeholder `text` is, if it is one. Dashes, spaces and case do not matter.
pub(crate) fn recognise(text: &str) -> Option<Placeholder> {
    let text = text.trim();
    let wrapped = |start: &str, end: &str| text.starts_with(start) && text.ends_with(end) && text.len() > 2;
    if wrapped("{{", "}}")
        || wrapped("${", "}")
        || wrapped("$(", ")")
        || wrapped("%", "%")
        || wrapped("<", ">")
    {
        return Some(Placeholder::Template);
    }
    let mut symbols = [0u8; GROUPS * GROUP_LENGTH];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
        *symbols.get_mut(count)? = byte.to_ascii_uppercase();
        count += 1;
    }
    let kind = if count == symbols.len() {
        of_symbols(&symbols)
    } else {
        None
    };
    zeroize::Zeroize::zeroize(&mut symbols);
    kind
}

/// Which placeholder 25 symbols are, if they are one.
#[inline]
pub(crate) fn of_symbols(symbols: &[u8; GROUPS * GROUP_LENGTH]) -> Option<Placeholder> {
    let (groups, _) = symbols.as_chunks::<GROUP_LENGTH>();
    let first = *symbols.first()?;
    let run = |group: &[u8; GROUP_LENGTH]| group.iter().all(|symbol| Some(symbol) == group.first());
    let ascending =
        |group: &[u8; GROUP_LENGTH]| group.is_sorted_by(|left, right| left.wrapping_add(1) == *right);
    if symbols.iter().all(|&symbol| symbol == first) {
        return Some(if first == b'B' {
            Placeholder::Cleared
        } else {
            Placeholder::Repeated
        });
    }
    if groups
        .iter()
        .take(GROUPS - 1)
        .flatten()
        .all(|symbol| matches!(symbol, b'*' | b'X' | b'?' | b'#'))
    {
        return Some(Placeholder::Masked);
    }
    let example = groups.iter().all(run) || groups.iter().filter(|group| ascending(group)).count() >= 2;
    example.then_some(Placeholder::Example)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_recognised() {
        for (text, kind) in [
            ("00000-00000-00000-00000-00000", Placeholder::Repeated),
            ("xxxxx-xxxxx-xxxxx-xxxxx-xxxxx", Placeholder::Repeated),
            ("BBBBB-BBBBB-BBBBB-BBBBB-BBBBB", Placeholder::Cleared),
            ("*****-*****-*****-*****-HVTHH", Placeholder::Masked),
            ("XXXXX-XXXXX-XXXXX-XXXXX-2YT43", Placeholder::Masked),
            ("12345-67890-ABCDE-FGHIJ-KLMNO", Placeholder::Example),
            ("AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", Placeholder::Example),
            ("{{ product_key }}", Placeholder::Template),
            ("%PRODUCTKEY%", Placeholder::Template),
            ("${KEY}", Placeholder::Template),
            ("$(KEY)", Placeholder::Template),
            ("<your key>", Placeholder::Template),
        ] {
            assert_eq!(recognise(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn a_variable_has_two_ends_and_a_name() {
        for text in ["<>", "%%", "%", "<key", "key>", "${KEY", "$(KEY}", "{{key}"] {
            assert_eq!(recognise(text), None, "{text}");
        }
    }

    #[test]
    fn each_kind_says_what_it_is() {
        for (kind, word) in [
            (Placeholder::Repeated, "repeated"),
            (Placeholder::Cleared, "cleared"),
            (Placeholder::Masked, "masked"),
            (Placeholder::Example, "example"),
            (Placeholder::Template, "template"),
        ] {
            assert!(kind.to_string().contains(word), "{kind}");
        }
    }

    #[test]
    fn published_keys_are_none() {
        assert_eq!(recognise("33PXH-7Y6KF-2VJC9-XBBR8-HVTHH"), None);
        assert_eq!(recognise(""), None);
    }
}
