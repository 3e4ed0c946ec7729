//! Tables of rules: `lint.toml`.

use std::fmt::Write as _;
use std::path::Path;

/// One row.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) level: String,
    pub(crate) summary: String,
    pub(crate) reason: String,
    pub(crate) remedy: String,
    pub(crate) sources: Vec<String>,
}

/// The rules of a table.
pub(crate) fn rows(tables: &Path, file: &str) -> Vec<Rule> {
    #[derive(serde::Deserialize)]
    struct Table {
        rule: Vec<Rule>,
    }
    let table: Table = crate::keys::read(tables, file);
    table.rule
}

/// A table of rules as one static for each, named after it, and the list `RULES` of all in the order of their ids.
pub(super) fn tables(tables: &Path, file: &str) -> String {
    let rules = rows(tables, file);
    assert!(
        rules.is_sorted_by(|left, right| left.id < right.id),
        "{file}: ids out of order or given twice"
    );
    let mut rust = String::new();
    let mut names = Vec::new();
    for row in &rules {
        let (kind, number) = row
            .id
            .rsplit_once(|c: char| c.is_ascii_uppercase())
            .expect("WK-U001");
        assert!(
            kind == "WK-" && number.len() == 3 && number.parse::<u16>().is_ok(),
            "{}: not an id",
            row.id
        );
        assert!(
            row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
            "{}: not a name",
            row.name
        );
        let level = match row.level.as_str() {
            "note" => "Note",
            "warning" => "Warning",
            "error" => "Error",
            other => panic!("{}: level = {other:?}", row.id),
        };
        for text in [&row.summary, &row.reason, &row.remedy] {
            assert!(
                !text.is_empty() && !text.contains('\n'),
                "{}: an empty text or a line break",
                row.id
            );
        }
        assert!(
            !row.summary.ends_with('.'),
            "{}: a summary with a full stop",
            row.id
        );
        assert!(!row.sources.is_empty(), "{}: no source", row.id);
        let name = row.name.to_uppercase().replace('-', "_");
        assert!(!names.contains(&name), "{}: a name given twice", row.id);
        writeln!(
            rust,
            "/// {}, {}.\npub static {name}: Rule = Rule {{ id: {:?}, name: {:?}, level: Level::{level}, summary: {:?}, reason: {:?}, remedy: {:?}, sources: &{:?} }};",
            row.id, row.name, row.id, row.name, row.summary, row.reason, row.remedy, row.sources
        )
        .expect("a string");
        names.push(name);
    }
    let all: Vec<String> = names.iter().map(|name| format!("&{name}")).collect();
    writeln!(
        rust,
        "/// Every rule, in the order of the ids.\npub static RULES: &[&Rule] = &[{}];",
        all.join(", ")
    )
    .expect("a string");
    rust
}
