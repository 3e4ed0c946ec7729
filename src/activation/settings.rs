//! Settings by their Microsoft names: `NAME=VALUE` checked against the table of registry values and turned into wishes.

use super::{HiveName, Wanted, Wish, kms_host, string_data};
use crate::catalog;
use crate::catalog::settings::{Allowed, Place, SETTINGS, Scope, Setting, find, suggest};
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
    /// A setting that there is only once.
    #[error(
        "{name} is for the whole machine, not for one application or product\nLeave out what stands in front of it."
    )]
    NotForProducts {
        /// The setting.
        name: &'static str,
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

/// The wish that `NAME=VALUE` stands for, below the settings key `key`. `NAME` may have an application's ID, and a product's
/// activation ID behind it, in front: `APPID\\NAME`, `APPID\\ACTIVATIONID\\NAME`; a published activation ID also stands alone.
///
/// # Errors
/// An unknown name (with the nearest known one), a value out of range, and a text without `=`.
pub fn parse_setting(text: &str, key: &str) -> Result<Wish, SettingError> {
    let (name, value) = text.split_once('=').ok_or(SettingError::Shape)?;
    let named = lookup(name)?;
    let setting = named.setting;
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
        Allowed::Text => {
            if value.is_empty() {
                return Err(refuse("it is a text".into()));
            }
            (ValueKind::String, string_data(value))
        }
        Allowed::Digit(least, most) => {
            let number: Option<u32> = value.parse().ok();
            number
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| refuse(format!("it is a number from {least} to {most}")))?;
            (ValueKind::String, string_data(value))
        }
        Allowed::Nothing => {
            return Err(refuse(format!(
                "it can only be removed: --unset {}",
                setting.name
            )));
        }
        Allowed::Publish => {
            let items = value.split(';').map(str::trim).filter(|item| !item.is_empty());
            let mut data = Zeroizing::new(Vec::with_capacity(value.len() * 2 + 4));
            for item in items {
                if !is_publication(item) {
                    return Err(refuse(format!(
                        "{item:?} is no domain[, priority[, weight]], each number from 0 to 65535"
                    )));
                }
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
    Ok(named.wish(key, wanted))
}

/// Whether a text is `domain[, priority[, weight]]`, as `DnsDomainPublishList` takes it.
fn is_publication(item: &str) -> bool {
    let mut parts = item.split(',').map(str::trim);
    let number = |part: Option<&str>| part.is_none_or(|part| part.parse::<u16>().is_ok());
    parts
        .next()
        .is_some_and(|domain| kms_host::check_name(domain).is_ok())
        && number(parts.next())
        && number(parts.next())
        && parts.next().is_none()
}

/// The wish that brings the setting `name` back to what Windows is delivered with.
///
/// # Errors
/// An unknown name.
pub fn unset(name: &str, key: &str) -> Result<Wish, SettingError> {
    let named = lookup(name)?;
    match named.setting.default {
        Some(default) => parse_setting(&format!("{}={default}", named.setting.name), key),
        None => Ok(named.wish(key, Wanted::Absent)),
    }
}

/// The same wish for the key that 32-bit programs of a 64-bit Windows see, for settings that stand in both.
pub fn twin(wish: &Wish) -> Option<Wish> {
    let setting = SETTINGS
        .iter()
        .find(|setting| setting.value == wish.name && setting.both)?;
    if wish.hive != HiveName::Software || setting.place != Place::Settings {
        return None;
    }
    let wanted = match &wish.wanted {
        Wanted::Absent => Wanted::Absent,
        Wanted::Key | Wanted::NoKey => return None,
        Wanted::Value { kind, data, shown } => Wanted::Value {
            kind: *kind,
            data: data.clone(),
            shown: shown.clone(),
        },
    };
    Some(Wish {
        hive: wish.hive,
        key: format!(r"{WOW64}\{}", wish.key),
        name: wish.name.clone(),
        wanted,
    })
}

/// The key of SOFTWARE whose content 32-bit programs of a 64-bit Windows see instead of its own.
const WOW64: &str = "Wow6432Node";

/// What speaks against setting `text` (`NAME=VALUE`) in an image of this edition and build, if anything does.
pub fn warning(text: &str, edition: &str, build: u32) -> Option<String> {
    let (name, _) = text.split_once('=')?;
    let setting = lookup(name).ok()?.setting;
    if setting.scope == Scope::Host && !edition.starts_with("Server") {
        return Some(format!(
            "{} is read by KMS hosts only, and {edition} is an edition for clients: it does nothing unless the machine becomes a KMS host",
            setting.name
        ));
    }
    (build != 0 && build < setting.since).then(|| {
        format!(
            "{} is read by Windows of build {} and later, and this is build {build}: it does nothing here",
            setting.name, setting.since
        )
    })
}

/// A setting, and the application or product it is for.
struct Named {
    setting: &'static Setting,
    /// The keys between the settings key and the value; empty for all products.
    product: String,
}

impl Named {
    fn wish(&self, settings: &str, wanted: Wanted) -> Wish {
        let setting = self.setting;
        let start = match setting.place {
            Place::Settings => settings,
            Place::Software | Place::DefaultUser => "",
        };
        let parts = [start, setting.subkey, &self.product];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Wish {
            hive: match setting.place {
                Place::Settings | Place::Software => HiveName::Software,
                Place::DefaultUser => HiveName::DefaultUser,
            },
            key: parts.join(r"\"),
            name: setting.value.to_owned(),
            wanted,
        }
    }
}

/// Finds a setting by its name, with or without its key, an application or a product in front.
fn lookup(name: &str) -> Result<Named, SettingError> {
    let name = name.replace('/', r"\");
    let found = |setting| Named {
        setting,
        product: String::new(),
    };
    if let Some(setting) = find(&name) {
        return Ok(found(setting));
    }
    let (path, last) = name.rsplit_once('\\').unwrap_or(("", &name));
    let unknown = || SettingError::Unknown {
        name: crate::text::printable(&name),
        suggestion: suggest(last).or_else(|| suggest(&name)),
    };
    let setting = find(last).ok_or_else(unknown)?;
    if path.eq_ignore_ascii_case(setting.subkey) {
        return Ok(found(setting));
    }
    let ids: Vec<String> = path
        .split('\\')
        .map(guid)
        .collect::<Option<_>>()
        .ok_or_else(unknown)?;
    let product = match ids.as_slice() {
        [id] => match catalog::by_activation_id(id).next() {
            Some(row) => format!(r"{}\{id}", row.application_id),
            None => id.clone(),
        },
        [application, product] => format!(r"{application}\{product}"),
        _ => return Err(unknown()),
    };
    if setting.products {
        Ok(Named { setting, product })
    } else {
        Err(SettingError::NotForProducts { name: setting.name })
    }
}

/// An ID in small letters without braces, if the text is one.
fn guid(text: &str) -> Option<String> {
    /// Digits between the dashes.
    const PARTS: [usize; 5] = [8, 4, 4, 4, 12];
    let bare = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or(text);
    let parts: Vec<&str> = bare.split('-').collect();
    let right = parts.len() == PARTS.len()
        && parts.iter().zip(PARTS).all(|(part, length)| {
            part.len() == length && part.chars().all(|digit| digit.is_ascii_hexdigit())
        });
    right.then(|| bare.to_ascii_lowercase())
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
            "DnsDomainPublishList=a b",
            "DnsDomainPublishList=a, 65536",
            "DnsDomainPublishList=a, 1, 2, 3",
            "WallpaperStyle=6",
            "Wallpaper=",
            "KeyManagementServicePort=0",
            "KeyManagementServiceName=2001:db8::1",
        ] {
            assert!(matches!(set(wrong), Err(SettingError::Value { .. })), "{wrong}");
        }
        assert_eq!(set("SkipRearm"), Err(SettingError::Shape));
        let error = set("SkipRaerm=1").unwrap_err();
        assert!(error.to_string().contains("Did you mean SkipRearm?"), "{error}");
    }

    #[test]
    fn settings_go_to_their_own_keys_and_hives() {
        let place = |text: &str| {
            let wish = parse_setting(text, "K").unwrap();
            (wish.hive, wish.key, wish.name)
        };
        let windows = "55c92734-d682-4d71-983e-d6ec3f16059f";
        let enterprise = "ae2ee509-1b34-41c0-acb7-6d4650168915";
        let software = |key: &str, name: &str| (HiveName::Software, key.to_owned(), name.to_owned());
        for (text, key) in [
            (
                format!("{windows}/KeyManagementServiceName=kms"),
                format!(r"K\{windows}"),
            ),
            (
                format!(r"{{{windows}}}\{enterprise}\keymanagementservicename=kms"),
                format!(r"K\{windows}\{enterprise}"),
            ),
            (
                format!(r"{enterprise}\KeyManagementServiceName=[2001:db8::1]"),
                format!(r"K\{windows}\{enterprise}"),
            ),
        ] {
            assert_eq!(place(&text), software(&key, "KeyManagementServiceName"), "{text}");
        }
        assert_eq!(place(r"Activation\Manual=1"), software(r"K\Activation", "Manual"));
        assert_eq!(
            place("NoGenTicket=1"),
            software(
                r"Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform",
                "NoGenTicket"
            )
        );
        assert_eq!(place(r"Policies\UserOperations=1").2, "UserOperations");
        assert_eq!(place("WallpaperStyle=4").0, HiveName::DefaultUser);
        let error = parse_setting(&format!("{windows}/SkipRearm=1"), "K").unwrap_err();
        assert_eq!(error, SettingError::NotForProducts { name: "SkipRearm" });
        assert!(matches!(
            parse_setting("nonsense/Manual=1", "K"),
            Err(SettingError::Unknown { .. })
        ));
    }

    #[test]
    fn what_may_only_go_is_refused_and_goes_from_both_keys() {
        let error = parse_setting("BackupProductKeyDefault=x", "K").unwrap_err();
        assert!(
            error.to_string().contains("--unset BackupProductKeyDefault"),
            "{error}"
        );
        let wish = unset("BackupProductKeyDefault", "K").unwrap();
        assert!(matches!(wish.wanted, Wanted::Absent));
        assert_eq!(twin(&wish).unwrap().key, r"Wow6432Node\K");
        assert!(twin(&unset("SkipRearm", "K").unwrap()).is_none());
    }

    #[test]
    fn settings_out_of_their_place_are_warned_of() {
        assert!(
            warning("DisableDnsPublishing=1", "Enterprise", 7601)
                .unwrap()
                .contains("KMS hosts")
        );
        assert_eq!(warning("DisableDnsPublishing=1", "ServerStandard", 7601), None);
        assert!(
            warning("VLActivationType=1", "Enterprise", 7601)
                .unwrap()
                .contains("9200")
        );
        assert_eq!(warning("VLActivationType=1", "Enterprise", 9200), None);
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
