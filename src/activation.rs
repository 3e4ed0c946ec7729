//! activation - what volume activation wants in an image, as changes to registry values.
//!
//! Promise: every edit is first a [`Wish`], then a [`Change`] in the list that is printed; nothing is written that is not in that list,
//! and a wish that is already met changes no byte.

mod first_boot;
mod kms_host;
mod product_key;
mod registry_file;
mod settings;
mod state;

pub use first_boot::{FirstBootError, FirstBootStep, SETUP_COMPLETE, extend, steps_in};
pub use kms_host::{KmsHost, KmsHostError};
pub use product_key::{Occasion, StoredKey, key_wishes, read_stored_key, stored_key, unpublished_key};
pub use registry_file::{RegistryFileError, registry_wishes};
pub use settings::{SettingError, parse_setting, twin, unset, warning};
pub use state::State;

use crate::catalog;
use crate::hive::{self, Hive, ValueKind};
use crate::key::ProductKey;
use crate::secret::Wiped;
use zeroize::Zeroizing;

/// `Microsoft\Windows NT\CurrentVersion`, below which Windows keeps what it is.
pub const CURRENT_VERSION: &str = r"Microsoft\Windows NT\CurrentVersion";

/// The first build that keeps its settings under `SoftwareProtectionPlatform` (Windows 7); Windows Vista and Server 2008 use `SL`.
const FIRST_SPP_BUILD: u32 = 7600;

/// A registry hive of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HiveName {
    /// `Windows\System32\config\SOFTWARE`.
    Software,
    /// `Windows\System32\config\SYSTEM`.
    System,
    /// `Users\Default\NTUSER.DAT`, which every new profile is copied from.
    DefaultUser,
}

impl HiveName {
    /// The name that Windows uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Software => "SOFTWARE",
            Self::System => "SYSTEM",
            Self::DefaultUser => r"Users\Default\NTUSER.DAT",
        }
    }
}

/// What a registry value should be.
#[derive(Debug)]
pub enum Wanted {
    /// This type and these bytes, and how the change list shows them.
    Value {
        /// The type.
        kind: ValueKind,
        /// The data; wiped when dropped, for it may hold a key.
        data: Wiped,
        /// The data for people, with no more of a key than may be printed.
        shown: String,
    },
    /// No such value.
    Absent,
    /// The key itself, with or without values.
    Key,
    /// No such key, and nothing below it.
    NoKey,
}

/// One registry value and what it should be.
#[derive(Debug)]
pub struct Wish {
    /// The hive.
    pub hive: HiveName,
    /// The key's path below the hive's root.
    pub key: String,
    /// The value's name; empty for the default value.
    pub name: String,
    /// What it should be.
    pub wanted: Wanted,
}

impl Wish {
    /// A wish for a REG_SZ.
    pub fn text(hive: HiveName, key: impl Into<String>, name: &str, text: &str) -> Self {
        let wanted = Wanted::Value {
            kind: ValueKind::String,
            data: string_data(text),
            shown: text.to_owned(),
        };
        Self {
            hive,
            key: key.into(),
            name: name.to_owned(),
            wanted,
        }
    }

    /// A wish for a REG_DWORD.
    pub fn number(hive: HiveName, key: impl Into<String>, name: &str, number: u32) -> Self {
        let data = Zeroizing::new(number.to_le_bytes().to_vec());
        let wanted = Wanted::Value {
            kind: ValueKind::Dword,
            data,
            shown: number.to_string(),
        };
        Self {
            hive,
            key: key.into(),
            name: name.to_owned(),
            wanted,
        }
    }

    /// Whether the value that is wanted is a product key, in text or as Windows stores it.
    pub fn holds_key(&self) -> bool {
        match &self.wanted {
            Wanted::Value { data, .. } => {
                product_key::key_in(data).is_some() || ProductKey::parse(&text_of(data)).is_ok()
            }
            Wanted::Absent | Wanted::Key | Wanted::NoKey => false,
        }
    }

    /// A wish that a value be absent.
    pub fn absent(hive: HiveName, key: impl Into<String>, name: &str) -> Self {
        Self {
            hive,
            key: key.into(),
            name: name.to_owned(),
            wanted: Wanted::Absent,
        }
    }
}

/// What was found in place of a wish, and what the run makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Hive and key, or the path of a file.
    pub place: String,
    /// The value's name; for a file, the setting inside it.
    pub name: String,
    /// What was there, for people; `None` if nothing was.
    pub old: Option<String>,
    /// What is there afterwards; `None` for nothing.
    pub new: Option<String>,
    /// Whether the two differ.
    pub changed: bool,
}

/// What was done to a hive.
#[derive(Debug, Default)]
pub struct Applied {
    /// Value by value what it took.
    pub changes: Vec<Change>,
    /// The places of the wishes that were not met yet, in their list.
    pub unmet: Vec<usize>,
    /// Keys that stood in values which are now other ones.
    pub replaced: Vec<ProductKey>,
}

/// Makes `hive` what `wishes` for it ask, and says value by value what that took. `CurrentControlSet` stands for the set that boots.
///
/// # Errors
/// What the hive engine refuses; the hive is then unfit for saving.
pub fn apply(hive: &mut Hive, name: HiveName, wishes: &[Wish]) -> Result<Applied, hive::Error> {
    let control_set = control_set(hive)?;
    let mut applied = Applied::default();
    let own = |(_, wish): &(usize, &Wish)| wish.hive == name;
    for (place, wish) in wishes.iter().enumerate().filter(own) {
        let path = wish.key.replacen(CONTROL_SET, &control_set, 1);
        if let Wanted::Key | Wanted::NoKey = wish.wanted {
            let change = apply_to_key(hive, name, &path, wish)?;
            let is_unmet = change.as_ref().is_some_and(|change| change.changed);
            applied.unmet.extend(is_unmet.then_some(place));
            applied.changes.extend(change);
            continue;
        }
        let old = stored(hive, &path, &wish.name)?;
        let (new, changed) = match &wish.wanted {
            Wanted::Value { kind, data, shown } => {
                let same = old
                    .as_ref()
                    .is_some_and(|(was, bytes)| was == kind && bytes[..] == data[..]);
                if !same {
                    hive.set_value(&path, &wish.name, *kind, data)?;
                }
                (Some(shown.clone()), !same)
            }
            _ => (None, old.is_some() && hive.delete_value(&path, &wish.name)?),
        };
        applied.unmet.extend(changed.then_some(place));
        let old = if changed {
            applied
                .replaced
                .extend(old.as_ref().and_then(|(_, data)| product_key::key_in(data)));
            old.map(|(kind, data)| show(kind, &data))
        } else {
            new.clone()
        };
        applied.changes.push(Change {
            place: format!(r"{}\{path}", name.as_str()),
            name: wish.name.clone(),
            old,
            new,
            changed,
        });
    }
    Ok(applied)
}

/// Makes or deletes a key. One that is there already is worth no word.
fn apply_to_key(
    hive: &mut Hive,
    name: HiveName,
    path: &str,
    wish: &Wish,
) -> Result<Option<Change>, hive::Error> {
    let told = |old: Option<&str>, new: Option<&str>, changed| Change {
        place: format!(r"{}\{path}", name.as_str()),
        name: "the key".to_owned(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        changed,
    };
    let there = "there";
    if matches!(wish.wanted, Wanted::NoKey) {
        let changed = hive.delete_key(path)?;
        return Ok(Some(told(changed.then_some(there), None, changed)));
    }
    let changed = hive.create_key(path)?.is_change();
    Ok(changed.then(|| told(None, Some(there), true)))
}

/// Type and data of a value, if it is there.
fn stored(hive: &Hive, path: &str, name: &str) -> Result<Option<(ValueKind, Wiped)>, hive::Error> {
    let Some(key) = hive.find(path)? else {
        return Ok(None);
    };
    let Some(value) = key.value(name)? else {
        return Ok(None);
    };
    Ok(Some((value.kind(), Wiped::new(value.data()?.to_vec()))))
}

/// What a running Windows calls the control set that it was started with.
const CONTROL_SET: &str = "CurrentControlSet";

/// The control set that a SYSTEM hive boots: `Select\Current`, the first if nothing says.
///
/// # Errors
/// A damaged hive.
pub fn control_set(hive: &Hive) -> Result<String, hive::Error> {
    let number = match stored(hive, "Select", "Current")? {
        Some((_, data)) => crate::bytes::u32_at(&data, 0),
        None => None,
    };
    Ok(format!("ControlSet{:03}", number.unwrap_or(1)))
}

/// Why a path through the link is refused; [`behind_link`] names what to write instead.
pub(crate) const NO_LINK: &str =
    "the hive has no key CurrentControlSet: Windows makes it at its start, as a link to one of the sets";

/// The control set that `path` means if it begins with `CurrentControlSet`, in a SYSTEM hive that has no key of that name: only a running
/// Windows makes that link.
pub fn behind_link(hive: &Hive, path: &str) -> Option<String> {
    let first = path.split('\\').find(|part| !part.is_empty())?;
    let is_there = |path: &str| matches!(hive.find(path), Ok(Some(_)));
    let is_link = crate::text::same_name(first, CONTROL_SET) && !is_there(CONTROL_SET) && is_there("Select");
    is_link.then(|| control_set(hive).ok()).flatten()
}

/// A registry value's data for people. Nothing of a key is shown but what may be printed.
pub fn show(kind: ValueKind, data: &[u8]) -> String {
    if let Some(blob) = stored_key(data) {
        return blob;
    }
    match kind {
        ValueKind::Dword => {
            crate::bytes::u32_at(data, 0).map_or_else(|| hex(data), |number| number.to_string())
        }
        ValueKind::String | ValueKind::ExpandString => {
            let text = text_of(data);
            ProductKey::parse(&text).map_or_else(
                |_| crate::text::printable(&text),
                |parsed| catalog::shown(&parsed.key),
            )
        }
        ValueKind::MultiString => {
            crate::text::printable(&text_of(data).trim_end_matches('\0').replace('\0', "; "))
        }
        _ => hex(data),
    }
}

fn hex(data: &[u8]) -> String {
    /// Longer data is told by its length.
    const SHOWN: usize = 16;
    if data.len() > SHOWN {
        return format!("{} bytes", data.len());
    }
    crate::text::hex(data)
}

/// The text of a REG_SZ: up to the terminator, unpaired surrogates replaced.
pub fn text_of(data: &[u8]) -> String {
    let units: Vec<u16> = data
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&pair| u16::from_le_bytes(pair))
        .collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned()
}

/// The bytes of a REG_SZ with its terminator.
pub fn string_data(text: &str) -> Wiped {
    let mut data = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
    data.extend(text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    data
}

/// The key that holds the activation settings of a build: `…\SoftwareProtectionPlatform`, or `…\SL` on Windows Vista and Server 2008.
pub fn settings_key(build: u32) -> String {
    let name = if build < FIRST_SPP_BUILD {
        "SL"
    } else {
        "SoftwareProtectionPlatform"
    };
    format!(r"{CURRENT_VERSION}\{name}")
}
