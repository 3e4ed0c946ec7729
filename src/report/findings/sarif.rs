//! sarif - findings as a SARIF 2.1.0 log, which code scanning reads.
//!
//! Promise: no snippet, no content of the source. Fingerprints come from rule, file and setting, so a finding keeps its
//! identity when lines move, and nothing of a key is in them.
//! Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.

use crate::finding::{Finding, Level, Rule};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const VERSION: &str = "2.1.0";

/// A log with one run.
#[derive(Debug, Serialize)]
pub struct Sarif {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    full_description: Text,
    help: Text,
    default_configuration: Configuration,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: Level,
}

#[derive(Debug, Serialize)]
struct Text {
    text: String,
}

impl Text {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: &'static str,
    rule_index: usize,
    level: Level,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
}

#[derive(Debug, Serialize)]
struct Fingerprints {
    #[serde(rename = "wimkeyPlace/v1")]
    place: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Debug, Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

/// The findings as a SARIF log. The rules described are those that findings name.
pub fn sarif(findings: &[Finding]) -> Sarif {
    let mut rules: Vec<&'static Rule> = findings.iter().map(|finding| finding.rule).collect();
    rules.sort_by_key(|rule| rule.id);
    rules.dedup_by_key(|rule| rule.id);
    let mut seen = HashMap::new();
    let results = findings
        .iter()
        .map(|finding| result(finding, &rules, &mut seen))
        .collect();
    Sarif {
        schema: SCHEMA,
        version: VERSION,
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: env!("CARGO_PKG_NAME"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: rules.iter().map(|rule| descriptor(rule)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results,
        }],
    }
}

fn descriptor(rule: &Rule) -> Descriptor {
    Descriptor {
        id: rule.id,
        name: rule.name,
        short_description: Text::new(rule.summary),
        full_description: Text::new(rule.reason),
        help: Text::new(rule.remedy),
        default_configuration: Configuration { level: rule.level },
    }
}

fn result(finding: &Finding, rules: &[&'static Rule], seen: &mut HashMap<String, usize>) -> SarifResult {
    let place = match (finding.image, finding.place.as_str()) {
        (None, place) => place.to_owned(),
        (Some(image), "") => format!("image {image}"),
        (Some(image), place) => format!("image {image}/{place}"),
    };
    let identity = format!("{}\n{}\n{place}", finding.rule.id, finding.target);
    // Several findings of one rule at one place are told apart by their order.
    let number = seen.entry(identity.clone()).or_default();
    *number += 1;
    let fingerprint = Sha256::digest(format!("{identity}\n{number}").as_bytes());
    SarifResult {
        rule_id: finding.rule.id,
        rule_index: rules
            .binary_search_by_key(&finding.rule.id, |rule| rule.id)
            .unwrap_or_default(),
        level: finding.level,
        message: Text {
            text: format!("{}. {}", finding.message, finding.help),
        },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation {
                    uri: uri(&finding.target),
                },
                region: finding.line.map(|start_line| Region {
                    start_line,
                    start_column: finding.column,
                    end_column: finding
                        .column
                        .filter(|_| finding.length > 0)
                        .map(|column| column + finding.length),
                }),
            },
            logical_locations: Some(place)
                .filter(|place| !place.is_empty())
                .map(|fully_qualified_name| LogicalLocation { fully_qualified_name })
                .into_iter()
                .collect(),
        }],
        partial_fingerprints: Fingerprints {
            place: crate::text::hex(&fingerprint),
        },
    }
}

/// A path as a URI reference (RFC 3986): relative paths stay relative, so that code scanning finds the file in its checkout.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_the_shape_of_the_standard_and_no_source() {
        let findings = super::super::tests::sample();
        let log = serde_json::to_value(sarif(&findings)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "wimkey");
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 1);
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), findings.len());
        let physical = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "a%20b/Auto%2Cunattend.xml");
        assert_eq!(
            physical["region"],
            serde_json::json!({"startLine": 7, "startColumn": 9, "endColumn": 14})
        );
        assert_eq!(results[1]["level"], "warning");
        assert_eq!(
            results[1]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
            "image 2/Windows/Panther/unattend.xml"
        );
        assert!(
            results[1]["locations"][0]["physicalLocation"]
                .get("region")
                .is_none()
        );
        let text = log.to_string();
        assert!(!text.contains("snippet") && !text.contains("*****"), "{text}");
    }

    #[test]
    fn fingerprints_differ_and_do_not_know_lines() {
        let mut findings = super::super::tests::sample();
        findings.push(findings[0].clone());
        let of = |findings: &[Finding]| -> Vec<String> {
            let results = sarif(findings).runs.into_iter().flat_map(|run| run.results);
            results.map(|result| result.partial_fingerprints.place).collect()
        };
        let before = of(&findings);
        findings[0].line = Some(99);
        assert_eq!(of(&findings), before);
        let mut distinct = before.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), before.len());
    }

    #[test]
    fn paths_are_uri_references() {
        assert_eq!(uri("./a/ü.xml"), "a/%C3%BC.xml");
        assert_eq!(uri("/mnt/a:b"), "file:///mnt/a%3Ab");
    }
}
