//! Registration files for an image: each key goes to the hive that Windows would load it from.

use super::{HiveName, Wanted, Wish};
use crate::hive::ValueKind;
use crate::regfile::{Action, Entry};
use crate::text::same_name;
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

/// Why a registration file is not for an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line}: {what}\nAn image takes keys below HKEY_LOCAL_MACHINE\\SOFTWARE, HKEY_LOCAL_MACHINE\\SYSTEM and HKEY_CURRENT_USER, the template of new users. Nothing was written."
)]
pub struct RegistryFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// The hive of an entry, and the path there. `CurrentControlSet` is left as it is.
fn route(key: &str) -> Result<(HiveName, String), &'static str> {
    let mut parts = key.split('\\');
    let root = parts.next().unwrap_or_default().to_ascii_uppercase();
    let hive = match root.as_str() {
        "HKEY_LOCAL_MACHINE" | "HKLM" => match parts.next() {
            Some(name) if same_name(name, "SOFTWARE") => HiveName::Software,
            Some(name) if same_name(name, "SYSTEM") => HiveName::System,
            _ => return Err("the key is in none of the hives that wimkey changes"),
        },
        "HKEY_CURRENT_USER" | "HKCU" => HiveName::DefaultUser,
        "HKEY_USERS" | "HKU" => {
            return Err(
                "the key is of a user that the image may not have; .DEFAULT is the system account, not the template of new users",
            );
        }
        _ => return Err("the key is in none of the hives that wimkey changes"),
    };
    let path: Vec<&str> = parts.collect();
    if path.is_empty() {
        return Err("a whole hive is neither made nor deleted");
    }
    Ok((hive, path.join("\\")))
}

/// The wishes that the entries stand for, in the order of the file.
///
/// # Errors
/// The first entry that no hive takes, and a key that is deleted and then made again: a second run could not tell that all is done.
pub fn registry_wishes(entries: &[Entry]) -> Result<Vec<Wish>, RegistryFileError> {
    let mut wishes: Vec<Wish> = Vec::with_capacity(entries.len());
    let mut deleted: Vec<(HiveName, String)> = Vec::new();
    let mut places: HashMap<(HiveName, String, String), usize> = HashMap::new();
    for entry in entries {
        let fault = |what| RegistryFileError {
            line: entry.line,
            what,
        };
        let (hive, key) = route(&entry.key).map_err(fault)?;
        let small = key.to_lowercase();
        let is_below = |(of, above): &(HiveName, String)| {
            let rest = small.strip_prefix(above.as_str());
            *of == hive && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
        };
        let (name, wanted) = match &entry.action {
            Action::Delete => {
                deleted.push((hive, small));
                ("", Wanted::NoKey)
            }
            _ if deleted.iter().any(is_below) => {
                return Err(fault(
                    "the key is deleted above and made again here; delete its values by name instead",
                ));
            }
            Action::Create => ("", Wanted::Key),
            Action::DeleteValue { name } => (name.as_str(), Wanted::Absent),
            Action::Set { name, kind, data } => {
                let kind = ValueKind::from(*kind);
                let wanted = Wanted::Value {
                    kind,
                    data: data.clone(),
                    shown: super::show(kind, data),
                };
                (name.as_str(), wanted)
            }
        };
        if matches!(entry.action, Action::Set { .. } | Action::DeleteValue { .. }) {
            // As with regedit, the last of several lines for one value counts.
            match places.entry((hive, key.to_lowercase(), name.to_lowercase())) {
                Occupied(place) => {
                    if let Some(earlier) = wishes.get_mut(*place.get()) {
                        earlier.wanted = wanted;
                    }
                    continue;
                }
                Vacant(place) => _ = place.insert(wishes.len()),
            }
        }
        wishes.push(Wish {
            hive,
            key,
            name: name.to_owned(),
            wanted,
        });
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regfile::parse;

    fn told(body: &str) -> Result<Vec<(HiveName, String)>, usize> {
        let text = format!("Windows Registry Editor Version 5.00\r\n\r\n{body}\r\n");
        let entries = parse(text.as_bytes()).unwrap();
        match registry_wishes(&entries) {
            Ok(wishes) => Ok(wishes.into_iter().map(|wish| (wish.hive, wish.key)).collect()),
            Err(error) => Err(error.line),
        }
    }

    #[test]
    fn each_key_goes_to_its_hive() {
        assert_eq!(
            told(
                "[HKEY_LOCAL_MACHINE\\Software\\A\\B]\r\n[HKLM\\SYSTEM\\CurrentControlSet\\C]\r\n[HKEY_CURRENT_USER\\D]"
            ),
            Ok(vec![
                (HiveName::Software, r"A\B".into()),
                (HiveName::System, r"CurrentControlSet\C".into()),
                (HiveName::DefaultUser, "D".into()),
            ])
        );
    }

    #[test]
    fn what_no_hive_takes_is_refused_with_its_line() {
        for body in [
            "[HKEY_USERS\\.DEFAULT\\A]",
            "[HKEY_LOCAL_MACHINE\\SAM\\A]",
            "[-HKEY_LOCAL_MACHINE\\SOFTWARE]",
            "[HKEY_CLASSES_ROOT\\A]",
        ] {
            assert_eq!(told(body), Err(3), "{body}");
        }
        assert_eq!(
            told("[-HKEY_CURRENT_USER\\A]\r\n[HKEY_CURRENT_USER\\a\\b]"),
            Err(4)
        );
        assert!(told("[-HKEY_CURRENT_USER\\A]\r\n[HKEY_CURRENT_USER\\AB]").is_ok());
    }
}
