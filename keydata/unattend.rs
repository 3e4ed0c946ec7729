//! The settings of answer files: `unattend.toml`.

use std::fmt::Write as _;
use std::path::Path;

/// One row.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    #[serde(default)]
    name: Option<String>,
    component: String,
    path: String,
    passes: Vec<String>,
    value: Value,
    #[serde(default)]
    longest: Option<u16>,
    #[serde(default)]
    builds: Option<(u32, u32)>,
    #[serde(default)]
    replaced_by: Option<String>,
    #[serde(default)]
    activation: bool,
    summary: String,
    details: String,
    sources: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Value {
    Kind(String),
    OneOf(Vec<String>),
}

/// `unattend.toml` as a list of settings.
pub(super) fn tables(tables: &Path) -> String {
    #[derive(serde::Deserialize)]
    struct Table {
        setting: Vec<Setting>,
    }
    let table: Table = crate::keys::read(tables, "unattend.toml");
    let mut rust = String::from("[\n");
    for row in &table.setting {
        let of = format!("{} {}", row.component, row.path);
        let passes: Vec<String> = row.passes.iter().map(|pass| self::pass(&of, pass)).collect();
        assert!(!passes.is_empty(), "{of}: no pass");
        let value = match &row.value {
            Value::Kind(kind) => match kind.as_str() {
                "key" => "Allowed::Key".to_owned(),
                "text" => "Allowed::Text".to_owned(),
                "secret" => "Allowed::Secret".to_owned(),
                other => panic!("{of}: value = {other:?}"),
            },
            Value::OneOf(values) => format!("Allowed::OneOf(&{values:?})"),
        };
        let (first, last) = row.builds.unwrap_or((0, u32::MAX));
        assert!(first <= last, "{of}: a build range that ends before it starts");
        let last = if last == u32::MAX {
            "u32::MAX".to_owned()
        } else {
            last.to_string()
        };
        assert!(
            row.replaced_by.is_none() || row.builds.is_some(),
            "{of}: replaced without an end"
        );
        assert!(
            !row.summary.is_empty() && !row.details.is_empty() && !row.sources.is_empty(),
            "{of}: an empty field"
        );
        let path: Vec<&str> = row.path.split('/').collect();
        writeln!(
            rust,
            "Known {{ name: {:?}, component: {:?}, path: &{path:?}, passes: &[{}], allowed: {value}, longest: {:?}, builds: ({first}, {last}), replaced_by: {:?}, activation: {}, summary: {:?}, details: {:?}, sources: &{:?} }},",
            row.name, row.component, passes.join(", "), row.longest, row.replaced_by, row.activation, row.summary, row.details, row.sources
        )
        .expect("a string");
    }
    rust.push(']');
    rust
}

fn pass(of: &str, name: &str) -> String {
    let name = match name {
        "windowsPE" => "WindowsPe",
        "offlineServicing" => "OfflineServicing",
        "generalize" => "Generalize",
        "specialize" => "Specialize",
        "auditSystem" => "AuditSystem",
        "auditUser" => "AuditUser",
        "oobeSystem" => "OobeSystem",
        other => panic!("{of}: pass {other:?}"),
    };
    format!("Pass::{name}")
}
