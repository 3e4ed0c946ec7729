//! known - what is known of settings of answer files, drawn from `keydata/unattend.toml`.
//!
//! Source: Microsoft, Unattended Windows Setup Reference.

use super::Pass;

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// A product key.
    Key,
    /// Any text.
    Text,
    /// A text that nobody should see.
    Secret,
    /// One of these, spelled like this.
    OneOf(&'static [&'static str]),
}

/// What is known of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What it is called on the command line; `None` if it is not set that way.
    pub name: Option<&'static str>,
    /// The component that it belongs to.
    pub component: &'static str,
    /// The names of the elements below the component, outermost first.
    pub path: &'static [&'static str],
    /// The passes in which Windows reads it.
    pub passes: &'static [Pass],
    /// What it may be.
    pub allowed: Allowed,
    /// The longest value in characters, where there is a limit.
    pub longest: Option<u16>,
    /// First and last build of Windows that know the component.
    pub builds: (u32, u32),
    /// The component that took its place in later builds.
    pub replaced_by: Option<&'static str>,
    /// Whether it bears on activation.
    pub activation: bool,
    /// What it does, in the words that follow the setting's name.
    pub summary: &'static str,
    /// What else there is to know.
    pub details: &'static str,
    /// Where the facts come from.
    pub sources: &'static [&'static str],
}

/// Every setting that something is known of, in the order of the table.
pub static KNOWN: &[Known] = &include!(concat!(env!("OUT_DIR"), "/unattend.rs"));

impl Known {
    /// The path in one piece, as in `UserData/ProductKey/Key`.
    pub fn path_text(&self) -> String {
        self.path.join("/")
    }

    /// Whether Windows reads it in the pass of this name.
    pub fn is_read_in(&self, pass: &str) -> bool {
        self.passes.iter().any(|own| own.name() == pass)
    }

    /// The setting that the command line calls so, in any case.
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN
            .iter()
            .find(|known| known.name.is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_can_be_addressed() {
        for known in KNOWN {
            for &pass in known.passes {
                let address = super::super::Setting::new(
                    pass,
                    known.component,
                    super::super::Architecture::Amd64,
                    &known.path_text(),
                );
                assert!(address.is_ok(), "{known:?}");
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case_and_belong_to_one_setting() {
        assert_eq!(
            Known::named("skiprearm").unwrap().component,
            "Microsoft-Windows-Security-SPP"
        );
        assert!(Known::named("Key").is_none());
        let mut names: Vec<_> = KNOWN.iter().filter_map(|known| known.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
