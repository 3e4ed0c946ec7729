//! The settings table: registry values that steer activation, drawn from `keydata/registry.toml`.

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// A number in this range, stored as REG_DWORD.
    Range(u32, u32),
    /// A port from 1 to 65535, stored as REG_SZ.
    Port,
    /// A host name or an address.
    Host,
    /// A DNS domain.
    Domain,
    /// An http or https address.
    Url,
    /// Several texts, stored as REG_MULTI_SZ.
    List,
}

/// Who reads a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// KMS clients.
    Client,
    /// KMS hosts.
    Host,
    /// Every Windows.
    All,
}

/// A registry value that steers activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as Microsoft spells it.
    pub name: &'static str,
    /// The key below the settings key; empty for that key itself.
    pub subkey: &'static str,
    /// What it may be.
    pub allowed: Allowed,
    /// The value Windows is delivered with; `None` if the value is absent then.
    pub default: Option<&'static str>,
    /// Who reads it.
    pub scope: Scope,
    /// The slmgr options that set or clear it.
    pub slmgr: &'static [&'static str],
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// Where the facts come from.
    pub sources: &'static [&'static str],
}

/// Every setting, in the order of the table.
pub static SETTINGS: &[Setting] = &include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// The setting of this name, in any case.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.name.eq_ignore_ascii_case(name))
}

/// The name nearest to `name`, if one is near.
pub fn suggest(name: &str) -> Option<&'static str> {
    // A third of the letters may be wrong.
    let limit = name.chars().count() / 3;
    let (distance, nearest) = SETTINGS
        .iter()
        .map(|setting| (distance(name, setting.name), setting.name))
        .min()?;
    (distance <= limit).then_some(nearest)
}

/// How many letters to add, drop or change to make one name of the other, in any case.
pub(super) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|letter| letter.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(&right) {
            let change = diagonal + usize::from(letter.to_ascii_lowercase() != *other);
            diagonal = *cell;
            *cell = change.min(before + 1).min(*cell + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_near_misses_are_suggested() {
        assert_eq!(find("skiprearm").unwrap().name, "SkipRearm");
        assert_eq!(suggest("SkipRaerm"), Some("SkipRearm"));
        assert_eq!(
            suggest("KeyManagmentServiceName"),
            Some("KeyManagementServiceName")
        );
        assert_eq!(suggest("Wallpaper"), None);
    }

    #[test]
    fn distances_are_counted_in_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn every_row_has_a_source_and_a_meaning() {
        for setting in SETTINGS {
            assert!(
                !setting.sources.is_empty() && !setting.meaning.is_empty(),
                "{}",
                setting.name
            );
        }
    }
}
