//! What can be explained: error codes, events, slmgr options, registry values, WMI members, policies and terms, found by their names.

use crate::text::distance;

/// What a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKind {
    /// An error code.
    Error,
    /// An event of the licensing service.
    Event,
    /// An option of slmgr.vbs.
    Slmgr,
    /// A registry value.
    Setting,
    /// A group policy.
    Policy,
    /// A member of a WMI class.
    Wmi,
    /// What the licensing policy of a product fixes.
    PolicyValue,
    /// A word or an identifier.
    Term,
    /// A rule of `unattend lint` or `image audit`.
    Rule,
    /// A setting of answer files.
    Answer,
}

impl TopicKind {
    /// The kind in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error code",
            Self::Event => "event",
            Self::Slmgr => "slmgr option",
            Self::Setting => "registry value",
            Self::Policy => "group policy",
            Self::Wmi => "WMI member",
            Self::PolicyValue => "policy value",
            Self::Term => "term",
            Self::Rule => "rule",
            Self::Answer => "answer file setting",
        }
    }
}

/// Something that can be explained.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// What it is.
    pub kind: TopicKind,
    /// Its name, as Microsoft spells it.
    pub name: &'static str,
    /// Other names it is found by.
    pub names: &'static [&'static str],
    /// What it means.
    pub meaning: &'static str,
    /// What else there is to say: label and text; a label may come several times.
    pub details: &'static [(&'static str, &'static str)],
    /// How it is done, or where it is seen, in an image that is not running; empty where that makes no sense.
    pub offline: &'static str,
    /// Where the facts come from; `keydata/` explains the names.
    pub sources: &'static [&'static str],
}

/// An event of the licensing service.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number.
    pub id: u16,
    /// Name and meaning of each item of its data, in order.
    pub fields: &'static [(&'static str, &'static str)],
}

/// An option of slmgr.vbs.
#[derive(Debug, PartialEq, Eq)]
pub struct SlmgrOption {
    /// Its name, with the stroke.
    pub name: &'static str,
    /// What it takes.
    pub arguments: &'static str,
    /// Whether the running machine must do it and can do it unattended.
    pub first_boot: bool,
    /// What does the same to an image.
    pub offline: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/topics.rs"));

/// The error code that a text means: `0xC004F074`, `C004F074`, or the same number in decimal digits, signed or not.
pub fn error_code(text: &str) -> Option<u32> {
    /// Shorter numbers in hexadecimal digits alone could be anything.
    const DIGITS: usize = 8;
    /// Decimal numbers from here on are codes; smaller ones are events.
    const LEAST: i64 = 0x1_0000;
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    if text.len() == DIGITS && text.chars().all(|digit| digit.is_ascii_hexdigit()) && !text.starts_with('0') {
        return u32::from_str_radix(text, 16).ok();
    }
    let number: i64 = text.parse().ok()?;
    match i32::try_from(number) {
        Ok(signed) if number < 0 => Some(signed.cast_unsigned()),
        _ => u32::try_from(number).ok().filter(|_| number >= LEAST),
    }
}

/// The topic of an error code.
pub fn error(code: u32) -> Option<&'static Topic> {
    let name = format!("0x{code:08X}");
    TOPICS
        .iter()
        .find(|topic| topic.kind == TopicKind::Error && topic.name == name)
}

/// The option of slmgr with this name, with or without the stroke, in any case.
pub fn slmgr_option(name: &str) -> Option<&'static SlmgrOption> {
    let bare = name.trim_start_matches(['/', '-']);
    SLMGR_OPTIONS
        .iter()
        .find(|option| option.name.trim_start_matches('/').eq_ignore_ascii_case(bare))
}

/// Every topic that `query` names; where none has that name, those with all its words in their names, else in their texts.
pub fn find(query: &str) -> Vec<&'static Topic> {
    let query = query.trim();
    if query.is_empty() {
        return Vec::new();
    }
    if let Some(code) = error_code(query) {
        return error(code).into_iter().collect();
    }
    let named: Vec<_> = TOPICS
        .iter()
        .filter(|topic| names(topic).any(|name| name.eq_ignore_ascii_case(query)))
        .collect();
    if !named.is_empty() {
        return named;
    }
    let words: Vec<String> = query.split_whitespace().map(str::to_ascii_lowercase).collect();
    // A command line of slmgr, copied whole.
    if let Some(option) = words.iter().find(|word| word.starts_with('/')) {
        let found: Vec<_> = TOPICS.iter().filter(|topic| topic.name == option).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let holding = |text_of: fn(&'static Topic) -> String| -> Vec<&'static Topic> {
        let mut found: Vec<_> = TOPICS
            .iter()
            .filter(|topic| {
                let text = text_of(topic).to_ascii_lowercase();
                words.iter().all(|word| text.contains(word))
            })
            .collect();
        found.sort_by_key(|topic| topic.name.len());
        found
    };
    let found = holding(|topic| names(topic).collect::<Vec<_>>().join(" "));
    if !found.is_empty() {
        return found;
    }
    holding(|topic| {
        let details = topic.details.iter().map(|(_, text)| *text);
        names(topic)
            .chain([topic.meaning])
            .chain(details)
            .collect::<Vec<_>>()
            .join(" ")
    })
}

/// The names nearest to `query`, nearest first, a few at most; none if none is near.
pub fn near(query: &str) -> Vec<&'static str> {
    /// More would not help.
    const MOST: usize = 3;
    // Half of the letters may be wrong: the answer is only a question back.
    let limit = query.chars().count() / 2;
    let mut found: Vec<_> = TOPICS
        .iter()
        .filter_map(|topic| {
            let nearest = names(topic).map(|name| distance(query, name)).min()?;
            (nearest <= limit).then_some((nearest, topic.name))
        })
        .collect();
    found.sort_unstable();
    found.dedup_by_key(|(_, name)| *name);
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

fn names(topic: &'static Topic) -> impl Iterator<Item = &'static str> {
    [topic.name].into_iter().chain(topic.names.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str) -> Vec<&'static str> {
        find(query).iter().map(|topic| topic.name).collect()
    }

    #[test]
    fn error_codes_are_found_however_they_are_written() {
        for query in [
            "0xC004F074",
            "c004f074",
            "-1073418124",
            "3221549172",
            "SL_E_VL_BINDING_SERVICE_UNAVAILABLE",
        ] {
            assert_eq!(found(query), ["0xC004F074"], "{query}");
        }
        assert_eq!(error_code("12288"), None);
    }

    #[test]
    fn options_are_found_with_and_without_the_stroke_and_in_command_lines() {
        for query in [
            "/skms",
            "skms",
            "slmgr /skms",
            "slmgr.vbs /skms kms.example.com:1688",
        ] {
            assert_eq!(found(query), ["/skms"], "{query}");
        }
    }

    #[test]
    fn a_name_may_be_many_things_and_part_of_a_word_is_enough() {
        let all = find("VLRenewalInterval");
        assert!(all.iter().any(|topic| topic.kind == TopicKind::Setting));
        assert!(all.iter().filter(|topic| topic.kind == TopicKind::Wmi).count() >= 2);
        assert!(found("wallp").contains(&"Wallpaper"));
        assert!(found("host caching").contains(&"DisableKeyManagementServiceHostCaching"));
        assert!(found("").is_empty());
    }

    #[test]
    fn near_names_are_suggested() {
        assert!(near("SkipRaerm").contains(&"SkipRearm"));
        assert!(near("/smks").contains(&"/skms"));
        assert!(near("zzzzzzzzzzzzzzzzzzzzzz").is_empty());
    }

    #[test]
    fn every_value_and_option_named_in_a_row_has_a_row() {
        for topic in TOPICS {
            for (label, text) in topic.details {
                if *label == "slmgr" {
                    for name in text.split(", ") {
                        assert!(slmgr_option(name).is_some(), "{}: {name}", topic.name);
                    }
                }
            }
        }
        for setting in super::super::settings::SETTINGS {
            assert!(!find(setting.name).is_empty(), "{}", setting.name);
        }
    }
}
