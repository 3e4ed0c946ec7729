//! The settings tables: `registry.toml` and `policies.toml`.

use std::fmt::Write as _;
use std::path::Path;

/// One row of `registry.toml` or `policies.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryValue {
    pub(super) name: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) allowed: String,
    pub(super) default: String,
    pub(super) scope: String,
    pub(super) slmgr: Vec<String>,
    pub(super) meaning: String,
    #[serde(default)]
    since: u32,
    #[serde(default)]
    products: bool,
    #[serde(default)]
    both: bool,
    #[serde(default)]
    pub(super) note: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) policy: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) template: String,
    pub(super) sources: Vec<String>,
}

impl RegistryValue {
    /// The key for people, with its hive.
    pub(super) fn full_key(&self) -> String {
        match self.place.as_str() {
            "" | "settings" => {
                let below = if self.key.is_empty() {
                    String::new()
                } else {
                    format!(r"\{}", self.key)
                };
                format!(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform{below}")
            }
            "software" => format!(r"SOFTWARE\{}", self.key),
            _ => format!(r"Users\Default\NTUSER.DAT: {}", self.key),
        }
    }

    /// Whether it may only be removed.
    pub(super) fn is_remove_only(&self) -> bool {
        self.allowed == "nothing"
    }
}

/// Every row: the registry values, then the policies.
pub(super) fn rows(tables: &Path, file: &str) -> Vec<RegistryValue> {
    #[derive(serde::Deserialize)]
    struct Table {
        value: Vec<RegistryValue>,
    }
    let table: Table = crate::keys::read(tables, file);
    table.value
}

/// The variant for `allowed` and the type that goes with it.
fn allowed(row: &RegistryValue) -> (String, &'static str) {
    let range = |text: &str| {
        let (least, most) = text
            .split_once("..=")
            .unwrap_or_else(|| panic!("{}: allowed = {text:?}", row.name));
        let (least, most): (u32, u32) = (least.parse().expect("a number"), most.parse().expect("a number"));
        assert!(least <= most, "{}: an empty range", row.name);
        format!("{least}, {most}")
    };
    match row.allowed.as_str() {
        "port" => ("Allowed::Port".to_owned(), "REG_SZ"),
        "host" => ("Allowed::Host".to_owned(), "REG_SZ"),
        "domain" => ("Allowed::Domain".to_owned(), "REG_SZ"),
        "url" => ("Allowed::Url".to_owned(), "REG_SZ"),
        "text" => ("Allowed::Text".to_owned(), "REG_SZ"),
        "nothing" => ("Allowed::Nothing".to_owned(), "REG_SZ"),
        "publish" => ("Allowed::Publish".to_owned(), "REG_MULTI_SZ"),
        other => match other.strip_prefix("digit ") {
            Some(digits) => (format!("Allowed::Digit({})", range(digits)), "REG_SZ"),
            None => (format!("Allowed::Range({})", range(other)), "REG_DWORD"),
        },
    }
}

/// Both tables as a list of settings.
pub(super) fn tables(tables: &Path) -> String {
    let mut rust = String::from("[\n");
    let mut names: Vec<String> = Vec::new();
    for row in rows(tables, "registry.toml")
        .iter()
        .chain(&rows(tables, "policies.toml"))
    {
        let (allowed, kind) = allowed(row);
        assert_eq!(
            row.kind, kind,
            "{}: kind and allowed do not go together",
            row.name
        );
        assert!(!names.contains(&row.name), "{}: given twice", row.name);
        names.push(row.name.clone());
        let scope = match row.scope.as_str() {
            "client" => "Scope::Client",
            "host" => "Scope::Host",
            "all" => "Scope::All",
            other => panic!("{}: scope = {other:?}", row.name),
        };
        let place = match row.place.as_str() {
            "" | "settings" => "Place::Settings",
            "software" => "Place::Software",
            "default-user" => "Place::DefaultUser",
            other => panic!("{}: place = {other:?}", row.name),
        };
        let default = if row.default == "absent" {
            None
        } else {
            Some(&row.default)
        };
        let value = if row.value.is_empty() {
            &row.name
        } else {
            &row.value
        };
        writeln!(
            rust,
            "Setting {{ name: {:?}, value: {value:?}, place: {place}, subkey: {:?}, products: {}, both: {}, since: {}, allowed: {allowed}, default: {default:?}, scope: {scope}, slmgr: &{:?}, meaning: {:?}, sources: &{:?} }},",
            row.name, row.key, row.products, row.both, row.since, row.slmgr, row.meaning, row.sources
        )
        .expect("a string");
    }
    rust.push(']');
    rust
}
