//! traces - where product keys and passwords lie about in images, and the rules about them, drawn from `keydata/traces.toml`.

use crate::finding::{Level, Rule};
use crate::text::upcase;

include!(concat!(env!("OUT_DIR"), "/traces.rs"));

/// What a registry value holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A key among other things: `DigitalProductId`, `DigitalProductId4`.
    Blob,
    /// A key in plain text.
    Text,
    /// A password in plain text.
    Password,
}

/// How a place is rid of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scrub {
    /// The key bytes become zero, and what is computed of them is computed anew.
    Clear,
    /// The value is deleted.
    Delete,
    /// The file becomes empty.
    Empty,
    /// The symbols of the key become X.
    Mask,
    /// The file is a hive or an answer file and is edited as such.
    Edit,
    /// Not at all: it is only reported.
    Report,
}

/// What files of a path are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Transaction log of a hive.
    Log,
    /// Copy of a hive.
    HiveCopy,
    /// Log of Setup or of servicing.
    SetupLog,
    /// Something that a shell runs.
    Script,
    /// PID.txt.
    Pid,
    /// A file in which Microsoft publishes Setup's own keys.
    Own,
    /// Part of the licence store, which nobody edits.
    Store,
    /// Anything else that is known to hold keys.
    Report,
}

/// Registry values that hold a key or a password.
#[derive(Debug, PartialEq, Eq)]
pub struct TracedValue {
    /// The file name of the hive.
    pub hive: &'static str,
    /// The path of the key; `*` within a part stands for any characters.
    pub key: &'static str,
    /// The names of the values.
    pub names: &'static [&'static str],
    /// What they hold.
    pub holds: Holds,
    /// The rule about them.
    pub rule: &'static Rule,
    /// What becomes of them.
    pub scrub: Scrub,
}

/// Files of a path.
#[derive(Debug, PartialEq, Eq)]
pub struct TracedFile {
    /// The path; `*` within a part stands for any characters, `**` for any parts.
    pub path: &'static str,
    /// What they are.
    pub kind: FileKind,
    /// What becomes of them.
    pub scrub: Scrub,
}

/// The row of a registry value, if it is one of those that are known to hold something.
pub fn value(key: &str, name: &str) -> Option<&'static TracedValue> {
    VALUES.iter().find(|row| {
        row.names.iter().any(|own| crate::text::same_name(own, name))
            && fits(row.key.split('\\'), key.split('\\'))
    })
}

/// The row of a file, if it is one of those that are known to hold something. Parts of the path are separated by `/`.
pub fn file(path: &str) -> Option<&'static TracedFile> {
    FILES
        .iter()
        .find(|row| fits(row.path.split('/'), path.split('/')))
}

/// Whether the parts of a path fit those of a pattern.
fn fits<'p>(pattern: impl Iterator<Item = &'p str>, path: impl Iterator<Item = &'p str>) -> bool {
    let pattern: Vec<&str> = pattern.collect();
    let path: Vec<&str> = path.collect();
    matches(
        &pattern,
        &path,
        |part| *part == "**",
        |part, own| {
            let units = |text: &str| text.encode_utf16().map(upcase).collect::<Vec<u16>>();
            matches(
                &units(part),
                &units(own),
                |&unit| unit == u16::from(b'*'),
                u16::eq,
            )
        },
    )
}

/// Whether `text` is `pattern`, in which a wild element stands for any number of elements.
fn matches<P, T>(
    pattern: &[P],
    text: &[T],
    is_wild: impl Fn(&P) -> bool,
    same: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut pattern_left, mut text_left) = (pattern, text);
    // Where to go on if what follows the last wild element does not fit: one element later.
    let mut retry: Option<(&[P], &[T])> = None;
    loop {
        match (pattern_left.split_first(), text_left.split_first()) {
            (Some((wild, rest)), _) if is_wild(wild) => {
                pattern_left = rest;
                retry = Some((rest, text_left));
            }
            (Some((first, rest)), Some((own, own_rest))) if same(first, own) => {
                (pattern_left, text_left) = (rest, own_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after_wild, from)) = retry else {
                    return false;
                };
                let Some((_, later)) = from.split_first() else {
                    return false;
                };
                (pattern_left, text_left) = (after_wild, later);
                retry = Some((after_wild, later));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_key_and_name_in_any_case() {
        let row = value(
            r"setup\source os (Updated on 1/2/2023 03:04:05)",
            "digitalproductid4",
        )
        .unwrap();
        assert_eq!(row.rule, &UPGRADE_KEY);
        assert_eq!(
            value(r"Microsoft\Windows NT\CurrentVersion", "DigitalProductId")
                .unwrap()
                .scrub,
            Scrub::Clear
        );
        assert_eq!(
            value(r"Microsoft\Office\16.0\Registration\{0}", "DigitalProductId")
                .unwrap()
                .scrub,
            Scrub::Report
        );
        assert_eq!(
            value(r"Microsoft\Windows NT\CurrentVersion\Other", "DigitalProductId"),
            None
        );
        assert_eq!(value(r"Microsoft\Windows NT\CurrentVersion", "ProductName"), None);
    }

    #[test]
    fn files_are_known_by_path_and_the_first_row_counts() {
        for (path, kind) in [
            ("Windows/System32/config/SOFTWARE.LOG1", Some(FileKind::Log)),
            (
                "Windows.old/WINDOWS/system32/config/RegBack/SOFTWARE",
                Some(FileKind::HiveCopy),
            ),
            ("Windows/Panther/setupact.log", Some(FileKind::SetupLog)),
            ("Users/Default/NTUSER.DAT.LOG2", Some(FileKind::Log)),
            ("Windows/Setup/Scripts/SetupComplete.cmd", Some(FileKind::Script)),
            ("pid.TXT", Some(FileKind::Pid)),
            ("Windows/System32/spp/store/2.0/tokens.dat", Some(FileKind::Store)),
            ("Windows/System32/config/SOFTWARE", None),
        ] {
            assert_eq!(file(path).map(|row| row.kind), kind, "{path}");
        }
    }

    #[test]
    fn wild_elements_stand_for_any_number() {
        let fits = |pattern: &str, path: &str| fits(pattern.split('/'), path.split('/'));
        assert!(fits("**/a*b*c/**/d", "x/y/aXbYc/d"));
        assert!(fits("**/d", "d") && fits("a/**", "a") && fits("**", ""));
        assert!(!fits("**/d", "d/e") && !fits("a*c", "ab") && !fits("a", "a/b"));
    }
}
