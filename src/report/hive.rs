//! What the `hive` commands tell.

use super::SCHEMA;
use crate::activation;
use crate::bytes;
use crate::hive::{Finding, Severity, ValueKind};
use serde::Serialize;

/// What `hive check` tells.
#[derive(Debug, Serialize)]
pub struct HiveCheck {
    schema: &'static str,
    target: String,
    findings: Vec<ReportedFinding>,
}

#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
pub struct HiveValue {
    schema: &'static str,
    key: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

/// A value's data as JSON has it: a number, a string, a list of strings, or hexadecimal digits.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data {
    Number(u64),
    Text(String),
    List(Vec<String>),
}

impl HiveValue {
    /// A value of the key `key`.
    pub fn new(key: String, name: String, kind: ValueKind, data: &[u8]) -> Self {
        let hexadecimal = || Data::Text(crate::text::hex(data));
        let shown = match kind {
            ValueKind::Dword => bytes::u32_at(data, 0).map(|number| Data::Number(number.into())),
            ValueKind::DwordBigEndian => {
                bytes::array(data, 0).map(|number| Data::Number(u32::from_be_bytes(number).into()))
            }
            ValueKind::Qword => bytes::u64_at(data, 0).map(Data::Number),
            ValueKind::String | ValueKind::ExpandString | ValueKind::Link => {
                Some(Data::Text(activation::text_of(data)))
            }
            ValueKind::MultiString => {
                let text = activation::text_of(data);
                let items = text.split('\0').filter(|item| !item.is_empty());
                Some(Data::List(items.map(str::to_owned).collect()))
            }
            _ => None,
        };
        Self {
            schema: SCHEMA,
            key,
            name,
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
#[derive(Debug, Serialize)]
pub struct HiveKey {
    schema: &'static str,
    key: String,
    values: Vec<HiveValue>,
    subkeys: Vec<String>,
}

impl HiveKey {
    /// A key, its values and the names of its subkeys.
    pub fn new(key: String, values: Vec<HiveValue>, subkeys: Vec<String>) -> Self {
        Self {
            schema: SCHEMA,
            key,
            values,
            subkeys,
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
