//! What the `key` commands tell.

use super::SCHEMA;
use crate::catalog::{self, PublishedKey, Status};
use crate::pkeyconfig::Verdict;
use serde::Serialize;

/// The verdict on one line, as `key check` tells it.
#[derive(Debug, Serialize)]
pub struct ReportedVerdict<'a> {
    line: u64,
    verdict: &'static str,
    partial: Option<String>,
    product: Option<&'a str>,
    edition: Option<&'a str>,
    channel: Option<&'a str>,
    kms_group: Option<&'static str>,
    position: Option<usize>,
    reason: String,
}

impl<'a> ReportedVerdict<'a> {
    /// The verdict on the line of this number, from 1.
    pub fn new(line: u64, verdict: &Verdict<'a>) -> Self {
        Self {
            line,
            verdict: verdict.judgement.name(),
            partial: verdict.partial(),
            product: verdict.product(),
            edition: verdict.edition(),
            channel: verdict.channel(),
            kms_group: verdict.kms_group(),
            position: verdict.position,
            reason: verdict.to_string(),
        }
    }
}

/// What `key lookup` and `key list` tell.
#[derive(Debug, Serialize)]
pub struct KeyList {
    schema: &'static str,
    results: Vec<PublishedRow>,
}

#[derive(Debug, Serialize)]
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
    status: &'static str,
    note: &'static str,
    sources: &'static [&'static str],
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
