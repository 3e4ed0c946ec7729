//! What the `hive` commands tell.
//!
//! Promise: of a product key that nobody published, no more than its last five symbols.

mod mask;

use super::SCHEMA;
use crate::activation::{self, Change};
use crate::bytes;
use crate::hive::{self, Finding, Hive, Severity, ValueKind};
use schemars::JsonSchema;
use serde::Serialize;

/// What `hive check` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveCheck {
    schema: &'static str,
    target: String,
    findings: Vec<ReportedFinding>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReportedFinding {
    level: &'static str,
    offset: u64,
    message: String,
}

impl HiveCheck {
    /// The findings of a full check.
    pub fn new(target: String, findings: &[Finding]) -> Self {
        let findings = findings
            .iter()
            .map(|finding| ReportedFinding {
                level: match finding.severity {
                    Severity::Refuse => "error",
                    Severity::Warn => "warning",
                },
                offset: finding.offset,
                message: finding.sentence.clone(),
            })
            .collect();
        Self {
            schema: SCHEMA,
            target,
            findings,
        }
    }
}

/// What `hive get` tells of one value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveValue {
    schema: &'static str,
    key: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

/// A value's data as JSON has it: a number, a string, a list of strings, or hexadecimal digits.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Data {
    Number(u64),
    Text(String),
    List(Vec<String>),
}

impl HiveValue {
    /// A value of the key `key`.
    pub fn new(key: &str, name: &str, kind: ValueKind, data: &[u8]) -> Self {
        // A value that carries an unpublished key in Microsoft's packed form is told, not shown.
        let hexadecimal = || Data::Text(activation::unpublished_key(data).unwrap_or_else(|| mask::hex(data)));
        let shown = match kind {
            ValueKind::Dword => bytes::u32_at(data, 0).map(|number| Data::Number(number.into())),
            ValueKind::DwordBigEndian => {
                bytes::array(data, 0).map(|number| Data::Number(u32::from_be_bytes(number).into()))
            }
            ValueKind::Qword => bytes::u64_at(data, 0).map(Data::Number),
            ValueKind::String | ValueKind::ExpandString | ValueKind::Link => {
                Some(Data::Text(mask::text(&activation::text_of(data))))
            }
            ValueKind::MultiString => {
                let text = activation::text_of(data);
                let items = text.split('\0').filter(|item| !item.is_empty());
                Some(Data::List(items.map(mask::text).collect()))
            }
            _ => None,
        };
        Self {
            schema: SCHEMA,
            key: mask::text(key),
            name: mask::text(name),
            kind: kind.to_string(),
            data: shown.unwrap_or_else(hexadecimal),
        }
    }

    /// The data as one line.
    pub fn text(&self) -> String {
        match &self.data {
            Data::Number(number) => number.to_string(),
            Data::Text(text) => crate::text::printable(text),
            Data::List(items) => items
                .iter()
                .map(|item| crate::text::printable(item))
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    /// The type as Windows names it.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name, or a word for the default value.
    pub fn shown_name(&self) -> String {
        if self.name.is_empty() {
            "(default)".to_owned()
        } else {
            crate::text::printable(&self.name)
        }
    }
}

/// What `hive get` tells of a whole key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveKey {
    schema: &'static str,
    key: String,
    values: Vec<HiveValue>,
    subkeys: Vec<String>,
}

impl HiveKey {
    /// A key, its values and the names of its subkeys.
    pub fn new(key: &str, values: Vec<HiveValue>, subkeys: &[String]) -> Self {
        Self {
            schema: SCHEMA,
            key: mask::text(key),
            values,
            subkeys: subkeys.iter().map(|name| mask::text(name)).collect(),
        }
    }

    /// The values.
    pub fn values(&self) -> &[HiveValue] {
        &self.values
    }

    /// The names of the subkeys.
    pub fn subkeys(&self) -> &[String] {
        &self.subkeys
    }
}

/// What `hive show` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveShow {
    schema: &'static str,
    target: String,
    version: String,
    dirty: Option<String>,
    root: String,
    last_written: String,
    subkeys: Vec<String>,
    keys: u64,
    values: u64,
    data_bytes: u64,
    file_bytes: u64,
}

impl HiveShow {
    /// What the hive file `target` of `file_bytes` bytes holds.
    ///
    /// # Errors
    /// What reading its keys and values reports.
    pub fn new(target: String, hive: &Hive, file_bytes: u64) -> Result<Self, hive::Error> {
        let root = hive.root()?;
        let mut told = Self {
            schema: SCHEMA,
            target,
            version: format!("1.{}", hive.minor()),
            dirty: hive.dirt().map(|finding| finding.sentence.clone()),
            root: mask::text(&root.name()),
            last_written: String::new(),
            subkeys: Vec::new(),
            keys: 0,
            values: 0,
            data_bytes: 0,
            file_bytes,
        };
        for subkey in root.subkeys() {
            told.subkeys.push(mask::text(&subkey?.name()));
        }
        let mut newest = 0;
        for key in hive.walk() {
            let key = key?;
            newest = newest.max(key.last_written());
            told.keys += 1;
            for value in key.values() {
                told.values += 1;
                told.data_bytes += value?.data()?.len() as u64;
            }
        }
        told.last_written = moment(newest);
        Ok(told)
    }

    /// What is told, as pairs of a word and a text.
    pub fn rows(&self) -> Vec<[String; 2]> {
        let row = |word: &str, text: String| [word.to_owned(), text];
        let mut rows = vec![
            row("version", self.version.clone()),
            row("root key", crate::text::printable(&self.root)),
            row("last written", self.last_written.clone()),
            row("keys", self.keys.to_string()),
            row("values", self.values.to_string()),
            row("data", format!("{} bytes", self.data_bytes)),
            row("file", format!("{} bytes", self.file_bytes)),
        ];
        if let Some(dirt) = &self.dirty {
            rows.push(row("dirty", dirt.clone()));
        }
        rows.extend(
            self.subkeys
                .iter()
                .map(|name| row("", format!("{}\\", crate::text::printable(name)))),
        );
        rows
    }
}

/// A FILETIME (steps of 100 nanoseconds since 1601) as people of the whole world write it, in UTC.
fn moment(filetime: u64) -> String {
    const STEPS: u64 = 10_000_000;
    const DAY: u64 = 86_400;
    const HOUR: u64 = 3600;
    const MINUTE: u64 = 60;
    const CYCLE_DAYS: u64 = 146_097;
    let seconds = filetime / STEPS;
    // Years begin in March here, so that the leap day is the last; 1601-01-01 is day 306 of the cycle that began in March 1600.
    let days = seconds / DAY + 306;
    let (cycle, day) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    let year = 1600 + cycle * 400 + year;
    let time = seconds % DAY;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        time / HOUR,
        time % HOUR / MINUTE,
        time % MINUTE
    )
}

/// What a `hive` command that writes tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveChange {
    schema: &'static str,
    target: String,
    /// The file written, if it is another one.
    output: Option<String>,
    dry_run: bool,
    changed: bool,
    /// Whether changes came out of the transaction logs.
    replayed: bool,
    changes: Vec<ToldChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wiped_bytes: Option<u64>,
    bytes_before: u64,
    bytes_after: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ToldChange {
    place: String,
    name: String,
    old: Option<String>,
    new: Option<String>,
    state: &'static str,
}

/// The facts of a [`HiveChange`].
#[derive(Debug, Default)]
pub struct HiveWritten {
    /// The hive file.
    pub target: String,
    /// The file written, if it is another one.
    pub output: Option<String>,
    /// Whether nothing was written because nothing should be.
    pub dry_run: bool,
    /// Whether the hive is another than before.
    pub changed: bool,
    /// Whether changes came out of the transaction logs.
    pub replayed: bool,
    /// How many bytes a scrub wiped.
    pub wiped_bytes: Option<u64>,
    /// The length of the file before.
    pub bytes_before: u64,
    /// The length of the file after.
    pub bytes_after: u64,
}

impl HiveChange {
    /// The report on a run that came to `changes`.
    pub fn new(facts: HiveWritten, changes: &[Change]) -> Self {
        let masked = |text: &Option<String>| text.as_deref().map(mask::text);
        let changes = changes
            .iter()
            .map(|change| ToldChange {
                place: mask::text(&change.place),
                name: mask::text(&change.name),
                old: masked(&change.old),
                new: masked(&change.new),
                state: if change.changed { "changed" } else { "already" },
            })
            .collect();
        Self {
            schema: SCHEMA,
            target: facts.target,
            output: facts.output,
            dry_run: facts.dry_run,
            changed: facts.changed,
            replayed: facts.replayed,
            changes,
            wiped_bytes: facts.wiped_bytes,
            bytes_before: facts.bytes_before,
            bytes_after: facts.bytes_after,
        }
    }

    /// What was done, line by line: whether it changed anything, where, and what.
    pub fn rows(&self) -> impl Iterator<Item = (bool, [String; 3])> {
        self.changes.iter().map(|change| {
            let place = match (change.place.as_str(), change.name.as_str()) {
                (place, "") => place.to_owned(),
                ("", name) => name.to_owned(),
                (place, name) => format!(r"{place}\{name}"),
            };
            let value = match (&change.old, &change.new) {
                (Some(old), Some(new)) if old != new => format!("{old} -> {new}"),
                (_, Some(new)) => new.clone(),
                (Some(old), None) => format!("{old} -> (none)"),
                (None, None) => "(none)".to_owned(),
            };
            let cells = [
                change.state.to_owned(),
                crate::text::printable(&place),
                crate::text::printable(&value),
            ];
            (change.state == "changed", cells)
        })
    }

    /// What was done, in a sentence.
    pub fn sentence(&self) -> String {
        let size = if self.bytes_before == self.bytes_after {
            String::new()
        } else {
            format!(", {} -> {} bytes", self.bytes_before, self.bytes_after)
        };
        let wiped = self
            .wiped_bytes
            .map_or_else(String::new, |wiped| format!(", {wiped} bytes wiped"));
        let replayed = if self.replayed { ", logs applied" } else { "" };
        let state = match (self.changed, self.dry_run) {
            (false, _) => "already as wanted",
            (true, true) => "would change; nothing was written (--dry-run)",
            (true, false) => "changed",
        };
        let file = self.output.as_ref().unwrap_or(&self.target);
        format!("{file}: {state}{replayed}{wiped}{size}")
    }
}

/// What `hive export` tells when the export went to a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HiveExport {
    schema: &'static str,
    target: String,
    output: String,
    prefix: String,
    keys: usize,
    values: usize,
}

impl HiveExport {
    /// The report on an export.
    pub fn new(target: String, output: String, prefix: String, keys: usize, values: usize) -> Self {
        Self {
            schema: SCHEMA,
            target,
            output,
            prefix,
            keys,
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(moment(0), "1601-01-01T00:00:00Z");
        assert_eq!(moment(116_444_736_000_000_000), "1970-01-01T00:00:00Z");
        assert_eq!(moment(125_963_423_990_000_000), "2000-02-29T23:59:59Z");
    }
}
