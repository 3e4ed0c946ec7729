//! Settings by their Microsoft names: `NAME=VALUE` checked against the table of registry values and turned into wishes.

use super::{HiveName, Wanted, Wish, kms_host, string_data};
use crate::catalog::settings::{Allowed, Setting, find, suggest};
use crate::hive::ValueKind;
use zeroize::Zeroizing;

/// Why a setting cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No `=` between name and value.
    #[error("a setting is written NAME=VALUE\nAs in --set VLRenewalInterval=10080.")]
    Shape,
    /// No such setting.
    #[error("there is no setting named {name}{}", hint(*.suggestion))]
    Unknown {
        /// The name asked for, made printable.
        name: String,
        /// The nearest name there is.
        suggestion: Option<&'static str>,
    },
    /// A value that the setting cannot have.
    #[error("{name} cannot be {value:?}: {expected}\n{meaning}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value asked for.
        value: String,
        /// What it may be.
        expected: String,
        /// What the setting does.
        meaning: &'static str,
    },
}

fn hint(name: Option<&str>) -> String {
    name.map_or_else(
        || "\nNames are spelled as Microsoft spells them, as in KeyManagementServiceName.".to_owned(),
        |name| format!("\nDid you mean {name}?"),
    )
}

/// The wish that `NAME=VALUE` stands for, below the settings key `key`.
///
/// # Errors
/// An unknown name (with the nearest known one), a value out of range, and a text without `=`.
pub fn parse_setting(text: &str, key: &str) -> Result<Wish, SettingError> {
    let (name, value) = text.split_once('=').ok_or(SettingError::Shape)?;
    let setting = lookup(name)?;
    let refuse = |expected: String| SettingError::Value {
        name: setting.name,
        value: crate::text::printable(value),
        expected,
        meaning: setting.meaning,
    };
    let (kind, data) = match setting.allowed {
        Allowed::Range(least, most) => {
            let number = value
                .parse()
                .ok()
                .filter(|number| (least..=most).contains(number));
            let number = number.ok_or_else(|| refuse(format!("it is a number from {least} to {most}")))?;
            (
                ValueKind::Dword,
                Zeroizing::new(u32::to_le_bytes(number).to_vec()),
            )
        }
        Allowed::Port => {
            kms_host::parse_port(value).map_err(|_| refuse("it is a port from 1 to 65535".into()))?;
            (ValueKind::String, string_data(value))
        }
        Allowed::Host => {
            let host: super::KmsHost = value
                .parse()
                .map_err(|_| refuse("it is a host name or an address".into()))?;
            if host.port.is_some() {
                return Err(refuse(
                    "the port is a setting of its own, KeyManagementServicePort".into(),
                ));
            }
            (ValueKind::String, string_data(value))
        }
        Allowed::Domain => {
            kms_host::check_name(value).map_err(|_| refuse("it is a DNS domain".into()))?;
            (ValueKind::String, string_data(value))
        }
        Allowed::Url => {
            if !["http://", "https://"]
                .iter()
                .any(|scheme| value.starts_with(scheme))
            {
                return Err(refuse(
                    "it is an address that begins with http:// or https://".into(),
                ));
            }
            (ValueKind::String, string_data(value))
        }
        Allowed::List => {
            let items = value.split(';').map(str::trim).filter(|item| !item.is_empty());
            let mut data = Zeroizing::new(Vec::with_capacity(value.len() * 2 + 4));
            for item in items {
                data.extend_from_slice(&string_data(item));
            }
            data.extend_from_slice(&[0, 0]);
            (ValueKind::MultiString, data)
        }
    };
    let wanted = Wanted::Value {
        kind,
        shown: super::show(kind, &data),
        data,
    };
    Ok(Wish {
        hive: HiveName::Software,
        key: place(setting, key),
        name: setting.name.to_owned(),
        wanted,
    })
}

/// The wish that brings the setting `name` back to what Windows is delivered with.
///
/// # Errors
/// An unknown name.
pub fn unset(name: &str, key: &str) -> Result<Wish, SettingError> {
    let setting = lookup(name)?;
    match setting.default {
        Some(default) => parse_setting(&format!("{}={default}", setting.name), key),
        None => Ok(Wish::absent(
            HiveName::Software,
            place(setting, key),
            setting.name,
        )),
    }
}

fn lookup(name: &str) -> Result<&'static Setting, SettingError> {
    find(name).ok_or_else(|| SettingError::Unknown {
        name: crate::text::printable(name),
        suggestion: suggest(name),
    })
}

fn place(setting: &Setting, key: &str) -> String {
    if setting.subkey.is_empty() {
        key.to_owned()
    } else {
        format!(r"{key}\{}", setting.subkey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Result<(String, String, ValueKind, Vec<u8>), SettingError> {
        let wish = parse_setting(text, "K")?;
        let Wanted::Value { kind, data, .. } = wish.wanted else {
            panic!("a value")
        };
        Ok((wish.key, wish.name, kind, data.to_vec()))
    }

    #[test]
    fn each_type_is_stored_as_windows_stores_it() {
        assert_eq!(
            set("skiprearm=1"),
            Ok(("K".into(), "SkipRearm".into(), ValueKind::Dword, vec![1, 0, 0, 0]))
        );
        assert_eq!(
            set("KeyManagementServicePort=88"),
            Ok((
                "K".into(),
                "KeyManagementServicePort".into(),
                ValueKind::String,
                b"8\x008\0\0\0".to_vec()
            ))
        );
        assert_eq!(set("Manual=1").unwrap().0, r"K\Activation");
        assert_eq!(set("DnsDomainPublishList=a; b").unwrap().3, b"a\0\0\0b\0\0\0\0\0");
    }

    #[test]
    fn ranges_and_names_are_checked() {
        for wrong in [
            "VLRenewalInterval=14",
            "VLRenewalInterval=43201",
            "SkipRearm=2",
            "SkipRearm=",
            "AlternateURL=x",
            "KeyManagementServiceName=a:1",
        ] {
            assert!(matches!(set(wrong), Err(SettingError::Value { .. })), "{wrong}");
        }
        assert_eq!(set("SkipRearm"), Err(SettingError::Shape));
        let error = set("SkipRaerm=1").unwrap_err();
        assert!(error.to_string().contains("Did you mean SkipRearm?"), "{error}");
    }

    #[test]
    fn unset_restores_the_default() {
        assert!(matches!(
            unset("KeyManagementServiceName", "K").unwrap().wanted,
            Wanted::Absent
        ));
        assert!(
            matches!(unset("VLRenewalInterval", "K").unwrap().wanted, Wanted::Value { ref shown, .. } if shown == "10080")
        );
    }
}
