//! What the `key` commands tell.

mod verdicts;

use super::SCHEMA;
use crate::catalog::{self, PublishedKey, Status};
use schemars::JsonSchema;
use serde::Serialize;
pub use verdicts::{Paint, Shape, VerdictLines};

/// What `key lookup` and `key list` tell.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeyList {
    schema: &'static str,
    results: Vec<PublishedRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PublishedRow {
    key: &'static str,
    product: &'static str,
    also: &'static [&'static str],
    family: &'static str,
    platform: &'static str,
    editions: &'static [&'static str],
    channel: &'static str,
    kms_group: Option<&'static str>,
    activation_id: Option<&'static str>,
    clients_needed: u32,
    kms_hosts: Vec<&'static str>,
    host_keys: Vec<HostKeyRow>,
    host_updates: Vec<HostUpdateRow>,
    status: &'static str,
    note: &'static str,
    sources: &'static [&'static str],
}

/// What `key check` tells. Only its schema is drawn from it: the lines themselves are written by [`VerdictLines`], a million in a second.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape and nothing else")]
pub(super) struct KeyCheck {
    schema: String,
    results: Vec<KeyVerdict>,
}

/// The verdict on a line.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape and nothing else")]
struct KeyVerdict {
    /// The line of the input, from 1.
    line: u64,
    /// published, matched, well-formed, placeholder, malformed, misspelled, wrong-edition or not-a-client-key.
    verdict: String,
    /// All but the last five symbols hidden.
    partial: Option<String>,
    product: Option<String>,
    edition: Option<String>,
    channel: Option<String>,
    kms_group: Option<String>,
    /// Where a malformed key goes wrong: a character of the line, from 1.
    position: Option<u64>,
    reason: String,
}

/// A kind of KMS host key that activates a row, and where it is installed.
#[derive(Debug, Serialize, JsonSchema)]
struct HostKeyRow {
    name: &'static str,
    installed_on: &'static [&'static str],
    not_on: &'static [&'static str],
}

/// What an older host system needs to serve a row.
#[derive(Debug, Serialize, JsonSchema)]
struct HostUpdateRow {
    host: &'static str,
    updates: &'static [&'static str],
    or_later: bool,
    note: &'static str,
}

impl KeyList {
    /// Rows of the published tables.
    pub fn new(rows: &[&'static PublishedKey]) -> Self {
        let results = rows
            .iter()
            .map(|row| PublishedRow {
                key: row.text,
                product: row.product,
                also: row.also,
                family: row.family,
                platform: platform_name(row),
                editions: row.editions,
                channel: row.kind.channel(),
                kms_group: row.kms_group,
                activation_id: row.activation_id,
                clients_needed: row.clients_needed,
                kms_hosts: catalog::host_keys_for(row).map(|host| host.name).collect(),
                host_keys: catalog::host_keys_for(row)
                    .map(|host| HostKeyRow {
                        name: host.name,
                        installed_on: host.installed_on,
                        not_on: host.not_on,
                    })
                    .collect(),
                host_updates: catalog::host_updates_for(row)
                    .map(|update| HostUpdateRow {
                        host: update.host,
                        updates: update.updates,
                        or_later: update.or_later,
                        note: update.note,
                    })
                    .collect(),
                status: status_name(row.status),
                note: row.note,
                sources: row.sources,
            })
            .collect();
        Self {
            schema: SCHEMA,
            results,
        }
    }
}

/// The name of a row's platform on the command line.
pub fn platform_name(row: &PublishedKey) -> &'static str {
    match row.platform {
        catalog::Platform::Client => "client",
        catalog::Platform::Server => "server",
        catalog::Platform::Office => "office",
    }
}

/// The name of a row's status.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Current => "current",
        Status::Superseded => "superseded",
        Status::Withdrawn => "withdrawn",
    }
}
