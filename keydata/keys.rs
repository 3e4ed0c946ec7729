//! The tables of published keys, host keys, SKU numbers and Windows 7 placements as Rust source.

use crate::rules;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GvlkFile {
    defaults: Defaults,
    gvlk: Vec<Gvlk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    windows_application: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gvlk {
    key: String,
    product: String,
    #[serde(default)]
    also: Vec<String>,
    family: String,
    platform: String,
    #[serde(default)]
    edition: String,
    #[serde(default)]
    builds: Vec<(u32, u32)>,
    kms_group: Option<String>,
    #[serde(default)]
    served_as: Vec<String>,
    group: Option<u32>,
    serial: Option<u32>,
    activation_id: Option<String>,
    application_id: Option<String>,
    kms_id: Option<String>,
    clients_needed: u32,
    sources: Vec<String>,
    status: String,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AvmaFile {
    avma: Vec<Avma>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Avma {
    key: String,
    product: String,
    #[serde(default)]
    also: Vec<String>,
    family: String,
    edition: String,
    #[serde(default)]
    other_editions: Vec<String>,
    builds: Vec<(u32, u32)>,
    hosts: Vec<String>,
    group: u32,
    serial: u32,
    activation_id: String,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostFile {
    rules: HostRules,
    host_key: Vec<HostKey>,
    host_update: Vec<HostUpdate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostRules {
    clients_needed: u32,
    servers_needed: u32,
    office_needed: u32,
    hosts_for_each_key: u32,
    activations_for_each_host: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostKey {
    name: String,
    installed_on: Vec<String>,
    #[serde(default)]
    not_on: Vec<String>,
    activates: Vec<String>,
    activation_ids: Vec<String>,
    sources: Vec<String>,
    #[serde(default)]
    incomplete: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostUpdate {
    host: String,
    for_clients: Vec<String>,
    updates: Vec<String>,
    #[serde(default)]
    or_later: bool,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SkuFile {
    sku: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacementFile {
    placement: Vec<Placement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Placement {
    edition: String,
    group: u32,
    part_number: String,
    serial: u32,
    confirmed: bool,
    #[serde(default)]
    product_code: String,
}

pub(super) fn read<T: serde::de::DeserializeOwned>(tables: &Path, name: &str) -> T {
    let text = std::fs::read_to_string(tables.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All tables that `catalog` includes.
pub(crate) fn tables(tables: &Path) -> String {
    let gvlk: GvlkFile = read(tables, "gvlk.toml");
    let avma: AvmaFile = read(tables, "avma.toml");
    let hosts: HostFile = read(tables, "kms_hosts.toml");
    let skus: SkuFile = read(tables, "sku.toml");
    let placements: PlacementFile = read(tables, "windows7.toml");
    check_hosts(&hosts, &gvlk.gvlk);
    check_placements(&placements, &gvlk.gvlk);
    let mut rust = String::new();
    published(&mut rust, &gvlk, &avma.avma);
    host_tables(&mut rust, &hosts);
    sku_table(&mut rust, &skus);
    placement_table(&mut rust, &placements);
    rust
}

fn published(rust: &mut String, gvlk: &GvlkFile, avma: &[Avma]) {
    // Sorted by the symbols, so that a key is found by bisection.
    let mut rows = BTreeMap::new();
    for row in &gvlk.gvlk {
        let fresh = rows
            .insert(symbols(&row.key), gvlk_row(row, &gvlk.defaults))
            .is_none();
        assert!(fresh, "{}: twice in the tables", row.key);
    }
    for row in avma {
        let fresh = rows
            .insert(symbols(&row.key), avma_row(row, &gvlk.defaults))
            .is_none();
        assert!(fresh, "{}: twice in the tables", row.key);
    }
    let count = rows.len();
    writeln!(rust, "pub(super) static SYMBOLS: [[u8; 25]; {count}] = [").unwrap();
    for symbols in rows.keys() {
        writeln!(rust, "*b{symbols:?},").unwrap();
    }
    writeln!(
        rust,
        "];\npub(super) static PUBLISHED: [PublishedKey; {count}] = ["
    )
    .unwrap();
    for row in rows.values() {
        rust.push_str(row);
    }
    rust.push_str("];\n");
}

fn symbols(key: &str) -> String {
    key.replace('-', "")
}

fn gvlk_row(row: &Gvlk, defaults: &Defaults) -> String {
    rules::key(&row.key, row.group.zip(row.serial));
    rules::one_of(&row.key, &row.platform, &["client", "server", "office"]);
    rules::one_of(&row.key, &row.status, &["current", "superseded", "withdrawn"]);
    rules::builds(&row.key, &row.builds);
    let office = row.platform == "office";
    assert_eq!(
        office,
        row.builds.is_empty(),
        "{}: builds exactly for Windows",
        row.key
    );
    assert!(
        office || !row.edition.is_empty(),
        "{}: Windows without an edition",
        row.key
    );
    assert!(!row.sources.is_empty(), "{}: no source", row.key);
    for id in [&row.activation_id, &row.application_id, &row.kms_id]
        .into_iter()
        .flatten()
    {
        rules::guid(id);
    }
    let application = row
        .application_id
        .as_ref()
        .unwrap_or(&defaults.windows_application);
    let editions: Vec<&str> = Some(row.edition.as_str())
        .filter(|edition| !edition.is_empty())
        .into_iter()
        .collect();
    format!(
        "PublishedKey {{ text: {:?}, kind: KeyKind::Gvlk, product: {:?}, also: &{:?}, family: {:?}, \
         platform: Platform::{}, editions: &{editions:?}, builds: &{:?}, kms_group: {:?}, served_as: &{:?}, \
         group_and_serial: {:?}, activation_id: {:?}, application_id: {application:?}, kms_id: {:?}, \
         clients_needed: {}, hosts: &[], sources: &{:?}, status: Status::{}, note: {:?} }},\n",
        row.key,
        row.product,
        row.also,
        row.family,
        capital(&row.platform),
        row.builds,
        row.kms_group.as_deref(),
        row.served_as,
        row.group.zip(row.serial),
        row.activation_id.as_deref(),
        row.kms_id.as_deref(),
        row.clients_needed,
        row.sources,
        capital(&row.status),
        row.note,
    )
}

fn avma_row(row: &Avma, defaults: &Defaults) -> String {
    rules::key(&row.key, Some((row.group, row.serial)));
    rules::guid(&row.activation_id);
    rules::builds(&row.key, &row.builds);
    assert!(!row.hosts.is_empty(), "{}: no host", row.key);
    let mut editions = vec![row.edition.as_str()];
    editions.extend(row.other_editions.iter().map(String::as_str));
    format!(
        "PublishedKey {{ text: {:?}, kind: KeyKind::Avma, product: {:?}, also: &{:?}, family: {:?}, \
         platform: Platform::Server, editions: &{editions:?}, builds: &{:?}, kms_group: None, served_as: &[], \
         group_and_serial: Some(({}, {})), activation_id: Some({:?}), application_id: {:?}, kms_id: None, \
         clients_needed: 0, hosts: &{:?}, sources: &[{:?}], status: Status::Current, note: \"\" }},\n",
        row.key,
        row.product,
        row.also,
        row.family,
        row.builds,
        row.group,
        row.serial,
        row.activation_id,
        defaults.windows_application,
        row.hosts,
        row.source,
    )
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn check_hosts(hosts: &HostFile, gvlk: &[Gvlk]) {
    let served: BTreeSet<&str> = gvlk
        .iter()
        .flat_map(|row| &row.served_as)
        .map(String::as_str)
        .collect();
    let mut activated = BTreeSet::new();
    for host in &hosts.host_key {
        assert!(!host.sources.is_empty(), "{}: no source", host.name);
        host.activation_ids.iter().for_each(|id| rules::guid(id));
        for name in &host.activates {
            assert!(
                served.contains(name.as_str()),
                "{}: activates {name}, which no key is served as",
                host.name
            );
            activated.insert(name.as_str());
        }
    }
    for name in served {
        assert!(activated.contains(name), "{name}: no host key activates it");
    }
}

fn host_tables(rust: &mut String, hosts: &HostFile) {
    rust.push_str("pub(super) static HOST_KEYS: &[HostKey] = &[\n");
    for row in &hosts.host_key {
        writeln!(
            rust,
            "HostKey {{ name: {:?}, installed_on: &{:?}, not_on: &{:?}, activates: &{:?}, activation_ids: &{:?}, \
             sources: &{:?}, incomplete: {} }},",
            row.name, row.installed_on, row.not_on, row.activates, row.activation_ids, row.sources, row.incomplete
        )
        .unwrap();
    }
    rust.push_str("];\npub(super) static HOST_UPDATES: &[HostUpdate] = &[\n");
    for row in &hosts.host_update {
        writeln!(
            rust,
            "HostUpdate {{ host: {:?}, for_clients: &{:?}, updates: &{:?}, or_later: {}, note: {:?} }},",
            row.host, row.for_clients, row.updates, row.or_later, row.note
        )
        .unwrap();
    }
    let rules = &hosts.rules;
    writeln!(
        rust,
        "];\npub(super) static THRESHOLDS: Thresholds = Thresholds {{ clients: {}, servers: {}, office: {}, \
         hosts_for_each_key: {}, activations_for_each_host: {} }};",
        rules.clients_needed,
        rules.servers_needed,
        rules.office_needed,
        rules.hosts_for_each_key,
        rules.activations_for_each_host
    )
    .unwrap();
}

fn sku_table(rust: &mut String, skus: &SkuFile) {
    // A BTreeMap's order is that of the bytes, which is what bisection compares.
    let rows: Vec<(&str, u32)> = skus
        .sku
        .iter()
        .map(|(edition, &number)| (edition.as_str(), number))
        .collect();
    let numbers: BTreeSet<u32> = rows.iter().map(|row| row.1).collect();
    assert_eq!(numbers.len(), rows.len(), "sku.toml: one number for two editions");
    writeln!(rust, "pub(super) static SKUS: &[(&str, u32)] = &{rows:?};").unwrap();
}

fn check_placements(placements: &PlacementFile, gvlk: &[Gvlk]) {
    const BUILD: u32 = 7601;
    for row in &placements.placement {
        let known = gvlk.iter().any(|key| {
            key.edition == row.edition
                && key.group.is_none()
                && key
                    .builds
                    .iter()
                    .any(|builds| (builds.0..=builds.1).contains(&BUILD))
        });
        assert!(known, "windows7.toml: no published key for {}", row.edition);
        assert!(
            row.product_code.is_empty() || row.product_code.len() == 5,
            "{}: product code",
            row.edition
        );
    }
}

fn placement_table(rust: &mut String, placements: &PlacementFile) {
    rust.push_str("pub(super) static WINDOWS7: &[Windows7Placement] = &[\n");
    for row in &placements.placement {
        let code = Some(row.product_code.as_str()).filter(|code| !code.is_empty());
        writeln!(
            rust,
            "Windows7Placement {{ edition: {:?}, group: {}, part_number: {:?}, serial: {}, confirmed: {}, \
             product_code: {code:?} }},",
            row.edition, row.group, row.part_number, row.serial, row.confirmed
        )
        .unwrap();
    }
    rust.push_str("];\n");
}
