//! wish - settings by the names of the command line, as `NAME=VALUE`, and carrying them out.

use super::{Allowed, AnswerFile, Architecture, Error, KNOWN, Known, Setting};
use crate::text::printable;

/// A setting and the value that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The setting.
    pub known: &'static Known,
    /// The value; `None` for none.
    pub value: Option<String>,
}

/// Why a wish makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// There is no `=` in it.
    #[error("{0} is not NAME=VALUE\nAs in --set WillShowUI=Never.")]
    NotAnAssignment(String),
    /// Nothing is called so.
    #[error("there is no setting {0}\nThere are: {names}.", names = names().join(", "))]
    NoSetting(String),
    /// The setting takes other values.
    #[error("{name} does not take this value\nIt takes {values}.")]
    WrongValue {
        /// The setting.
        name: String,
        /// What it takes.
        values: String,
    },
    /// A setting is named more than once.
    #[error("{0} is named twice\nName it once.")]
    Twice(&'static str),
}

/// What a wish did to an answer file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilled {
    /// Where the setting stands.
    pub setting: Setting,
    /// The value before, safe to show.
    pub old: Option<String>,
    /// Whether the file is another one now.
    pub changed: bool,
}

/// The names of all settings that have one.
fn names() -> Vec<&'static str> {
    KNOWN.iter().filter_map(|known| known.name).collect()
}

impl Wish {
    /// Reads `NAME=VALUE`.
    ///
    /// # Errors
    /// [`WishError`], but not [`WishError::Twice`].
    pub fn parse(text: &str) -> Result<Self, WishError> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| WishError::NotAnAssignment(printable(text)))?;
        Self::set(name, value)
    }

    /// The wish that the setting `name` has this value.
    ///
    /// # Errors
    /// [`WishError::NoSetting`], [`WishError::WrongValue`].
    pub fn set(name: &str, value: &str) -> Result<Self, WishError> {
        let known = named(name)?;
        let value = match known.allowed {
            Allowed::OneOf(values) => values
                .iter()
                .find(|allowed| allowed.eq_ignore_ascii_case(value))
                .ok_or_else(|| WishError::WrongValue {
                    name: name.to_owned(),
                    values: values.join(", "),
                })?,
            Allowed::Key | Allowed::Text | Allowed::Secret => value,
        };
        Ok(Self {
            known,
            value: Some(value.to_owned()),
        })
    }

    /// The wish that the setting `name` is not there.
    ///
    /// # Errors
    /// [`WishError::NoSetting`].
    pub fn unset(name: &str) -> Result<Self, WishError> {
        Ok(Self {
            known: named(name)?,
            value: None,
        })
    }

    /// Makes sure that each setting is named once.
    ///
    /// # Errors
    /// [`WishError::Twice`].
    pub fn each_once(wishes: &[Self]) -> Result<(), WishError> {
        for (at, wish) in wishes.iter().enumerate() {
            let before = wishes.iter().take(at);
            if before
                .map(|other| other.known)
                .any(|other| std::ptr::eq(other, wish.known))
            {
                return Err(WishError::Twice(wish.known.name.unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Carries the wish out for one architecture, in the first pass that reads the setting.
    ///
    /// # Errors
    /// Where the setting cannot be written; the file is as it was then.
    pub fn apply(&self, answers: &mut AnswerFile, architecture: Architecture) -> Result<Fulfilled, Error> {
        let known = self.known;
        // Every row has a pass: the build refuses a table without.
        let pass = known.passes.first().copied().unwrap_or(super::Pass::Specialize);
        let setting = Setting::new(pass, known.component, architecture, &known.path_text())?;
        let found = answers.get(&setting);
        let old = found.first().map(|found| printable(found.expose()));
        drop(found);
        let changed = match &self.value {
            Some(value) => answers.set(&setting, value)?.changed,
            None => answers.remove(&setting)?,
        };
        Ok(Fulfilled {
            setting,
            old,
            changed,
        })
    }
}

fn named(name: &str) -> Result<&'static Known, WishError> {
    Known::named(name).ok_or_else(|| WishError::NoSetting(printable(name)))
}

impl AnswerFile {
    /// The architectures that the file speaks of; that of nearly every Windows today if it speaks of none.
    pub fn own_architectures(&self) -> Vec<Architecture> {
        let names = self.architectures();
        let mut own: Vec<_> = names.iter().filter_map(|name| name.parse().ok()).collect();
        if own.is_empty() {
            own.push(Architecture::Amd64);
        }
        own.sort_unstable();
        own.dedup();
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_in_any_case_and_spelled_as_setup_wants_them() {
        let wish = Wish::parse("willshowui=onerror").unwrap();
        assert_eq!(wish.known.name, Some("WillShowUI"));
        assert_eq!(wish.value.as_deref(), Some("OnError"));
        assert_eq!(
            Wish::parse("WillShowUI"),
            Err(WishError::NotAnAssignment("WillShowUI".into()))
        );
        assert!(matches!(
            Wish::parse("WillShowUI=Maybe"),
            Err(WishError::WrongValue { .. })
        ));
        let unknown = Wish::parse("Screensaver=1").unwrap_err().to_string();
        assert!(unknown.contains("WillShowUI"), "{unknown}");
    }

    #[test]
    fn a_setting_is_named_once() {
        let twice = [
            Wish::set("SkipRearm", "1").unwrap(),
            Wish::unset("skiprearm").unwrap(),
        ];
        assert_eq!(Wish::each_once(&twice), Err(WishError::Twice("SkipRearm")));
        assert_eq!(Wish::each_once(&twice[..1]), Ok(()));
    }

    #[test]
    fn a_wish_is_fulfilled_once_and_taken_back() {
        let mut answers = AnswerFile::minimal();
        assert_eq!(answers.own_architectures(), [Architecture::Amd64]);
        let wish = Wish::set("SkipRearm", "1").unwrap();
        assert!(wish.apply(&mut answers, Architecture::Amd64).unwrap().changed);
        let again = wish.apply(&mut answers, Architecture::Amd64).unwrap();
        assert!(!again.changed && again.old.as_deref() == Some("1"));
        let gone = Wish::unset("SkipRearm")
            .unwrap()
            .apply(&mut answers, Architecture::Amd64)
            .unwrap();
        assert!(gone.changed);
    }
}
