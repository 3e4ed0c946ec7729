//! The places of keys and passwords: `traces.toml`. Its rules are read as those of `lint.toml`.

use std::fmt::Write as _;
use std::path::Path;

/// A registry value.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    hive: String,
    key: String,
    names: Vec<String>,
    holds: String,
    rule: String,
    scrub: String,
    sources: Vec<String>,
}

/// Files of a path.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    kind: String,
    scrub: String,
    sources: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

#[derive(serde::Deserialize)]
struct Table {
    rule: Vec<Named>,
    value: Vec<Value>,
    file: Vec<File>,
}

/// `traces.toml` as two lists; a name that nothing has stops the build.
pub(super) fn tables(tables: &Path) -> String {
    let table: Table = crate::keys::read(tables, "traces.toml");
    let mut rust = String::from(
        "/// Registry values that hold keys or passwords.\npub static VALUES: &[TracedValue] = &[\n",
    );
    for row in &table.value {
        assert!(
            table.rule.iter().any(|rule| rule.name == row.rule),
            "{}: no rule has the name {}",
            row.key,
            row.rule
        );
        assert!(
            !row.names.is_empty() && !row.sources.is_empty(),
            "{}: no name or no source",
            row.key
        );
        crate::rules::one_of(&row.key, &row.hive, &["SOFTWARE", "SYSTEM"]);
        writeln!(
            rust,
            "TracedValue {{ hive: {:?}, key: {:?}, names: &{:?}, holds: Holds::{}, rule: &{}, scrub: Scrub::{} }},",
            row.hive,
            row.key,
            row.names,
            variant(&row.key, &row.holds, &["blob", "text", "password"]),
            row.rule.to_uppercase().replace('-', "_"),
            variant(&row.key, &row.scrub, &["clear", "delete", "report"]),
        )
        .expect("a string");
    }
    rust.push_str("];\n/// Kinds of files by their paths; the first row that fits counts.\npub static FILES: &[TracedFile] = &[\n");
    for row in &table.file {
        assert!(!row.sources.is_empty(), "{}: no source", row.path);
        let kinds = [
            "log",
            "hive-copy",
            "setup-log",
            "script",
            "pid",
            "own",
            "store",
            "report",
        ];
        writeln!(
            rust,
            "TracedFile {{ path: {:?}, kind: FileKind::{}, scrub: Scrub::{} }},",
            row.path,
            variant(&row.path, &row.kind, &kinds),
            variant(&row.path, &row.scrub, &["empty", "mask", "edit", "report"]),
        )
        .expect("a string");
    }
    rust.push_str("];\n");
    rust
}

/// The name of the variant for one of the allowed words.
fn variant(of: &str, word: &str, allowed: &[&str]) -> String {
    crate::rules::one_of(of, word, allowed);
    word.split('-')
        .map(|part| {
            let (first, rest) = part.split_at(1);
            first.to_uppercase() + rest
        })
        .collect()
}
