//! The settings table: `registry.toml`.

use std::fmt::Write as _;
use std::path::Path;

/// One row of `registry.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryValue {
    name: String,
    #[serde(default)]
    key: String,
    kind: String,
    allowed: String,
    default: String,
    scope: String,
    slmgr: Vec<String>,
    meaning: String,
    sources: Vec<String>,
}

/// `registry.toml` as a list of settings.
pub(super) fn tables(tables: &Path) -> String {
    #[derive(serde::Deserialize)]
    struct Table {
        value: Vec<RegistryValue>,
    }
    let table: Table = crate::keys::read(tables, "registry.toml");
    let mut rust = String::from("[\n");
    for row in &table.value {
        let (allowed, kind) = match row.allowed.as_str() {
            "port" => ("Allowed::Port".to_owned(), "REG_SZ"),
            "host" => ("Allowed::Host".to_owned(), "REG_SZ"),
            "domain" => ("Allowed::Domain".to_owned(), "REG_SZ"),
            "url" => ("Allowed::Url".to_owned(), "REG_SZ"),
            "list" => ("Allowed::List".to_owned(), "REG_MULTI_SZ"),
            range => {
                let (least, most) = range
                    .split_once("..=")
                    .unwrap_or_else(|| panic!("{}: allowed = {range:?}", row.name));
                let (least, most): (u32, u32) =
                    (least.parse().expect("a number"), most.parse().expect("a number"));
                assert!(least <= most, "{}: an empty range", row.name);
                (format!("Allowed::Range({least}, {most})"), "REG_DWORD")
            }
        };
        assert_eq!(
            row.kind, kind,
            "{}: kind and allowed do not go together",
            row.name
        );
        let scope = match row.scope.as_str() {
            "client" => "Scope::Client",
            "host" => "Scope::Host",
            "all" => "Scope::All",
            other => panic!("{}: scope = {other:?}", row.name),
        };
        let default = if row.default == "absent" {
            None
        } else {
            Some(&row.default)
        };
        writeln!(
            rust,
            "Setting {{ name: {:?}, subkey: {:?}, allowed: {allowed}, default: {default:?}, scope: {scope}, slmgr: &{:?}, meaning: {:?}, sources: &{:?} }},",
            row.name, row.key, row.slmgr, row.meaning, row.sources
        )
        .expect("a string");
    }
    rust.push(']');
    rust
}
