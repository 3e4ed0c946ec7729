//! transfer - the content of a hive as a registration file, and a registration file put into a hive.
//!
//! Promise: an export names every key below its start and every value with its exact type and data; importing it into an empty hive
//! and exporting that gives the same file. An import is refused before it changes anything if one of its keys is not in the hive.

use crate::activation::{Change, NO_LINK, behind_link, show};
use crate::hive::{self, Hive, Key};
use crate::regfile::{self, Action, Entry, Writer};
use crate::text::same_name;
use std::io::Write;

/// Why a hive was not exported or a file was not imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The hive cannot be read or edited.
    #[error(transparent)]
    Hive(#[from] hive::Error),
    /// The registration file cannot be read or written.
    #[error(transparent)]
    File(#[from] regfile::Error),
    /// A key of the file is not below the path at which the hive is taken to be.
    #[error(
        "line {line}: the key is not in this hive, which stands for {prefix}\nNothing was imported; name the path that the hive stands for with --prefix."
    )]
    Elsewhere {
        /// The line, from 1.
        line: usize,
        /// What the hive stands for.
        prefix: String,
    },
    /// A key below a link that only a running Windows has.
    #[error("line {line}: {NO_LINK}\nNothing was imported; write {set}, which is the current one, instead.")]
    Link {
        /// The line, from 1.
        line: usize,
        /// The control set that it would lead to.
        set: String,
    },
    /// An entry that the hive does not take.
    #[error("line {line}: {cause}")]
    Entry {
        /// The line, from 1.
        line: usize,
        /// Why.
        cause: hive::Error,
    },
}

impl Error {
    /// Whether this is a refusal for the hive's safety rather than a failure of the request.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Hive(cause) | Self::Entry { cause, .. } => cause.is_refusal(),
            _ => false,
        }
    }
}

/// Where Windows loads the hive files of these names.
const PLACES: [(&str, &str); 8] = [
    ("SOFTWARE", r"HKEY_LOCAL_MACHINE\SOFTWARE"),
    ("SYSTEM", r"HKEY_LOCAL_MACHINE\SYSTEM"),
    ("SAM", r"HKEY_LOCAL_MACHINE\SAM"),
    ("SECURITY", r"HKEY_LOCAL_MACHINE\SECURITY"),
    ("COMPONENTS", r"HKEY_LOCAL_MACHINE\COMPONENTS"),
    ("DEFAULT", r"HKEY_USERS\.DEFAULT"),
    ("NTUSER.DAT", "HKEY_CURRENT_USER"),
    ("UsrClass.dat", r"HKEY_CURRENT_USER\Software\Classes"),
];
/// The short names of the root keys, and the long ones.
const ROOTS: [(&str, &str); 4] = [
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKU", "HKEY_USERS"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
];

/// Where Windows loads a hive file of this name; for another name, a key of that name in `HKEY_LOCAL_MACHINE`.
///
/// ```
/// use wimkey::transfer::place_of;
/// assert_eq!(place_of("software"), r"HKEY_LOCAL_MACHINE\SOFTWARE");
/// assert_eq!(place_of("copy.hiv"), r"HKEY_LOCAL_MACHINE\copy.hiv");
/// ```
pub fn place_of(file_name: &str) -> String {
    PLACES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(file_name))
        .map_or_else(
            || format!(r"HKEY_LOCAL_MACHINE\{file_name}"),
            |(_, place)| (*place).to_owned(),
        )
}

/// How much was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// How many keys.
    pub keys: usize,
    /// How many values.
    pub values: usize,
}

/// Writes `key` and all keys below it to `out` as a registration file, the root key of the hive as `prefix`.
///
/// # Errors
/// [`Error::Hive`] if the hive is damaged; [`Error::File`] for a name that the format cannot carry, or if `out` fails.
pub fn export(key: &Key<'_>, prefix: &str, out: impl Write) -> Result<Exported, Error> {
    let mut writer = Writer::new(out)?;
    let mut done = Exported { keys: 0, values: 0 };
    // Where `key` itself stands, and then, at each depth, how long the path there is.
    let start = key.path()?;
    let mut whole = prefix.to_owned();
    if !start.is_empty() {
        whole.push('\\');
        whole.push_str(&start);
    }
    let mut lengths = vec![whole.len()];
    let mut walk = key.walk();
    while let Some(key) = walk.next() {
        let key = key?;
        if let Some(above) = walk.depth().checked_sub(1) {
            lengths.truncate(above + 1);
            whole.truncate(lengths.last().copied().unwrap_or_default());
            let name = key.name();
            whole.push('\\');
            whole.push_str(&name);
            lengths.push(whole.len());
            if !key.name_is_text() || name.contains('\\') {
                return Err(regfile::Error::Name(crate::text::printable(&whole)).into());
            }
        }
        writer.key(&whole)?;
        done.keys += 1;
        for value in key.values() {
            let value = value?;
            if !value.name_is_text() {
                return Err(regfile::Error::Name(crate::text::printable(&whole)).into());
            }
            writer.value(&value.name(), value.kind().number(), &value.data()?)?;
            done.values += 1;
        }
    }
    writer.finish()?;
    Ok(done)
}

/// Does to `hive`, which stands for `prefix`, what `entries` ask for, and says what that took: each value, and each key that was
/// made for itself or deleted.
///
/// # Errors
/// [`Error::Elsewhere`] and [`Error::Link`] before anything is touched; [`Error::Entry`] with the line, and the hive is then unfit for saving.
pub fn import(hive: &mut Hive, prefix: &str, entries: &[Entry]) -> Result<Vec<Change>, Error> {
    let prefix = long(prefix.trim_end_matches('\\'));
    let mut paths = Vec::with_capacity(entries.len());
    for entry in entries {
        let path = below(&prefix, &entry.key).ok_or_else(|| Error::Elsewhere {
            line: entry.line,
            prefix: crate::text::printable(&prefix),
        })?;
        if let Some(set) = behind_link(hive, &path) {
            return Err(Error::Link {
                line: entry.line,
                set,
            });
        }
        paths.push(path);
    }
    let mut changes = Vec::new();
    for (entry, path) in entries.iter().zip(&paths) {
        let change = act(hive, path, entry).map_err(|cause| Error::Entry {
            line: entry.line,
            cause,
        })?;
        changes.extend(change);
    }
    Ok(changes)
}

/// `path` with the long name of its root key.
fn long(path: &str) -> String {
    let (root, rest) = path.split_once('\\').unwrap_or((path, ""));
    let root = ROOTS
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(root))
        .map_or(root, |(_, long)| long);
    if rest.is_empty() {
        root.to_owned()
    } else {
        format!(r"{root}\{rest}")
    }
}

/// The path below `prefix`, or `None` if it is elsewhere.
fn below(prefix: &str, path: &str) -> Option<String> {
    let path = long(path);
    let mut parts = path.split('\\');
    for wanted in prefix.split('\\') {
        if !same_name(parts.next()?, wanted) {
            return None;
        }
    }
    Some(parts.collect::<Vec<_>>().join("\\"))
}

/// Does what one entry asks for. A key that is there already is worth no word.
fn act(hive: &mut Hive, path: &str, entry: &Entry) -> Result<Option<Change>, hive::Error> {
    let change = |name: &str, old, new, changed| {
        Some(Change {
            place: path.to_owned(),
            name: name.to_owned(),
            old,
            new,
            changed,
        })
    };
    Ok(match &entry.action {
        Action::Create => {
            let made = hive.create_key(path)?.is_change();
            made.then(|| change("", None, Some("key".into()), true)).flatten()
        }
        Action::Delete => {
            let was = hive.delete_key(path)?;
            change("", was.then(|| "key".into()), None, was)
        }
        Action::Set { name, kind, data } => {
            let old = stored(hive, path, name)?;
            let changed = hive.set_value(path, name, (*kind).into(), data)?.is_change();
            change(name, old, Some(show((*kind).into(), data)), changed)
        }
        Action::DeleteValue { name } => {
            let old = stored(hive, path, name)?;
            let was = hive.delete_value(path, name)?;
            change(name, old, None, was)
        }
    })
}

/// What a value holds, for people.
fn stored(hive: &mut Hive, path: &str, name: &str) -> Result<Option<String>, hive::Error> {
    let Some(value) = hive.value_before_edit(path, name)? else {
        return Ok(None);
    };
    Ok(Some(show(value.kind(), &value.data()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::ValueKind;

    fn exported(hive: &Hive) -> Vec<u8> {
        let mut out = Vec::new();
        export(&hive.root().unwrap(), r"HKEY_LOCAL_MACHINE\X", &mut out).unwrap();
        out
    }

    #[test]
    fn every_shape_of_value_comes_back_from_its_export() {
        let mut hive = Hive::create(5).unwrap();
        let texts = ["", "a", "a\0b", "a\r\nb", "a\"b\\c;", "ä日𝄞"];
        for (number, text) in texts.iter().enumerate() {
            for terminator in ["", "\0", "\0\0"] {
                let data = crate::text::utf16le(&format!("{text}{terminator}"));
                for kind in [1, 2, 6, 7] {
                    let name = format!("{number} {} {kind}", terminator.len());
                    hive.set_value(r"Texts\[x] y", &name, kind.into(), &data).unwrap();
                }
            }
        }
        for kind in [
            0,
            1,
            2,
            3,
            4,
            5,
            6,
            7,
            8,
            9,
            10,
            11,
            12,
            0xFF,
            0x100,
            0x1F4,
            0xFFFF_0012,
        ] {
            for length in [0, 1, 3, 4, 5, 8, 100] {
                let data: Vec<u8> = (0..length).map(|byte: u8| byte.wrapping_mul(7) | 1).collect();
                hive.set_value("Kinds", &format!("{kind} {length}"), kind.into(), &data)
                    .unwrap();
            }
        }
        for name in [
            "",
            "@",
            "\"",
            "\\",
            "hex(3):01",
            "a\nb",
            "a\r\n;b",
            "\u{212A}",
            "k",
            "ſ",
            "s",
            "=",
            "日",
        ] {
            hive.set_value("Names", name, ValueKind::Dword, &[1, 0, 0, 0])
                .unwrap();
        }
        for key in [r"Empty\Below", "\u{212A}", "k", "a]b;c", "-minus"] {
            hive.create_key(key).unwrap();
        }
        let text = exported(&hive);
        let mut copy = Hive::create(5).unwrap();
        let entries = regfile::parse(&text).unwrap();
        let changes = import(&mut copy, r"hklm\x", &entries).unwrap();
        assert!(changes.iter().all(|change| change.changed));
        let copy = Hive::open(copy.finish().unwrap()).unwrap();
        assert!(exported(&copy) == text);
        let mut again = copy;
        let changes = import(&mut again, r"HKLM\X\", &entries).unwrap();
        assert!(!again.is_changed() && changes.iter().all(|change| !change.changed));
    }

    #[test]
    fn an_import_sets_and_deletes_in_the_order_of_the_file() {
        let mut hive = Hive::create(5).unwrap();
        hive.set_value("A", "old", ValueKind::Dword, &[1, 0, 0, 0])
            .unwrap();
        hive.set_value(r"B\C", "v", ValueKind::Dword, &[1, 0, 0, 0])
            .unwrap();
        let text = "REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\X\\A]\n\"old\"=-\n\"none\"=-\n@=\"t\u{E4}\"\n\"e\"=hex(2):e4,00\n[-HKEY_LOCAL_MACHINE\\X\\B]\n[HKEY_LOCAL_MACHINE\\X\\B]\n";
        let bytes: Vec<u8> = text.chars().map(|character| character as u8).collect();
        let changes = import(
            &mut hive,
            r"HKEY_LOCAL_MACHINE\X",
            &regfile::parse(&bytes).unwrap(),
        )
        .unwrap();
        let outcomes: Vec<bool> = changes.iter().map(|change| change.changed).collect();
        assert_eq!(outcomes, [true, false, true, true, true, true]);
        let key = hive.find("A").unwrap().unwrap();
        assert_eq!(*key.value("").unwrap().unwrap().as_string().unwrap(), "tä");
        assert_eq!(*key.value("e").unwrap().unwrap().data().unwrap(), [0xE4, 0, 0, 0]);
        assert_eq!(key.value_count(), 2);
        assert!(hive.find(r"B\C").unwrap().is_none() && hive.find("B").unwrap().is_some());
    }

    #[test]
    fn a_key_of_another_hive_is_refused_before_anything_is_touched() {
        let mut hive = Hive::create(5).unwrap();
        let text = b"REGEDIT4\n[HKLM\\X\\A]\n[HKLM\\XY]\n";
        let error = import(&mut hive, r"HKLM\X", &regfile::parse(text).unwrap()).unwrap_err();
        assert!(matches!(error, Error::Elsewhere { line: 3, .. }));
        assert!(hive.find("A").unwrap().is_none());
    }

    #[test]
    fn the_root_key_is_not_deleted() {
        let mut hive = Hive::create(5).unwrap();
        let entries = regfile::parse(b"REGEDIT4\n\n[-HKLM\\X]\n").unwrap();
        let error = import(&mut hive, r"HKLM\X", &entries).unwrap_err();
        assert!(error.to_string().starts_with("line 3: the root key"));
    }
}
