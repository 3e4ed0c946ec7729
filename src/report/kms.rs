//! What `kms discover` tells.

use super::SCHEMA;
use crate::kms::Discovery;
use crate::text::printable;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// What `kms discover` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KmsDiscovery {
    schema: &'static str,
    target: String,
    images: Vec<DiscoveredImage>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DiscoveredImage {
    index: u32,
    name: String,
    edition: String,
    build: u32,
    activation_id: Option<String>,
    steps: Vec<DiscoveryStep>,
    hosts: Vec<DiscoveredHost>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DiscoveryStep {
    source: &'static str,
    place: String,
    host: Option<String>,
    port: Option<u16>,
    outcome: &'static str,
    why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DiscoveredHost {
    host: String,
    port: u16,
    domain: String,
    priority: u16,
    weight: u16,
    place: usize,
    share: f64,
}

impl KmsDiscovery {
    /// The report on the images of a target.
    pub fn new(target: String, found: Vec<Discovery>) -> Self {
        Self {
            schema: SCHEMA,
            target,
            images: found.into_iter().map(DiscoveredImage::from).collect(),
        }
    }

    /// The report as text. `strong` paints what stands out.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn write_text(&self, out: &mut dyn Write, strong: &dyn Fn(&str) -> String) -> io::Result<()> {
        for image in &self.images {
            let title = format!("{} {}", image.index, printable(&image.name));
            writeln!(
                out,
                "{} ({}, build {})",
                strong(&title),
                image.edition,
                image.build
            )?;
            for (number, step) in image.steps.iter().enumerate() {
                let host = match (&step.host, step.port) {
                    (Some(host), Some(port)) => format!(" {}:{port}", printable(host)),
                    _ => String::new(),
                };
                let head = format!("{}. {:<15} {}{host}", number + 1, step.source, step.outcome);
                if step.outcome == "asks" {
                    writeln!(out, "  {}", strong(&head))?;
                } else {
                    writeln!(out, "  {head}")?;
                }
                writeln!(out, "     {}", printable(&step.place))?;
                writeln!(out, "     {}", step.why)?;
            }
            for host in &image.hosts {
                writeln!(
                    out,
                    "  priority {:>5}  weight {:>5}  asked {} with {:>3.0} %  {}:{}",
                    host.priority,
                    host.weight,
                    if host.place == 1 {
                        "first"
                    } else {
                        "after those above"
                    },
                    host.share * 100.0,
                    printable(&host.host),
                    host.port
                )?;
            }
            for note in &image.notes {
                writeln!(out, "  note: {note}")?;
            }
        }
        Ok(())
    }
}

impl From<Discovery> for DiscoveredImage {
    fn from(found: Discovery) -> Self {
        let Discovery { image, facts, walk } = found;
        Self {
            index: image.index,
            name: image.name,
            edition: facts.edition,
            build: facts.build,
            activation_id: walk.activation_id,
            steps: walk
                .steps
                .into_iter()
                .map(|step| DiscoveryStep {
                    source: step.source.name(),
                    place: step.place,
                    host: step.host,
                    port: step.port,
                    outcome: step.outcome.name(),
                    why: step.why,
                })
                .collect(),
            hosts: walk
                .hosts
                .into_iter()
                .map(|ranked| DiscoveredHost {
                    host: ranked.record.host,
                    port: ranked.record.port,
                    domain: ranked.record.domain,
                    priority: ranked.record.priority,
                    weight: ranked.record.weight,
                    place: ranked.place,
                    share: ranked.share,
                })
                .collect(),
            notes: walk.notes,
        }
    }
}
