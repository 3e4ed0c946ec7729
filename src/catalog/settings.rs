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
    /// Any text but an empty one, stored as REG_SZ.
    Text,
    /// A number in this range, stored as REG_SZ.
    Digit(u32, u32),
    /// Domains to publish in, each as `domain[, priority[, weight]]`, stored as REG_MULTI_SZ.
    Publish,
    /// Nothing: the value may only be removed.
    Nothing,
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

/// Where a setting's key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Below the settings key of the SOFTWARE hive.
    Settings,
    /// Below the root of the SOFTWARE hive.
    Software,
    /// Below the root of the default user's hive, which every new profile is copied from.
    DefaultUser,
}

/// A registry value that steers activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as Microsoft spells it, with a part of its key in front where another value has the same name.
    pub name: &'static str,
    /// The name of the registry value.
    pub value: &'static str,
    /// Where its key lies.
    pub place: Place,
    /// The key there; empty for the settings key itself.
    pub subkey: &'static str,
    /// Whether it may also be set for one application (below its ID) or one product (below that and its activation ID).
    pub products: bool,
    /// Whether the same key below `Wow6432Node` has it too.
    pub both: bool,
    /// The first build that reads it; 0 for all.
    pub since: u32,
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
    crate::text::nearest(name, SETTINGS.iter().map(|setting| setting.name))
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
        assert_eq!(suggest("Screensaver"), None);
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
