//! report - results as data with fixed field names: what `--format json` prints and the text tables are drawn from.

mod apply;
mod explain;
mod findings;
mod hive;
mod key;
mod kms;
mod page;
mod schemas;
mod scrub;
mod unattend;

pub use apply::Applied;
pub use explain::Explanation;
pub use findings::{Findings, PaintFindings, Sarif, Tone, sarif, totals, write_github, write_text};
pub use hive::{HiveChange, HiveCheck, HiveExport, HiveKey, HiveShow, HiveValue, HiveWritten};
pub use key::{KeyList, Paint, Shape, VerdictLines, platform_name, status_name};
pub use kms::KmsDiscovery;
pub use page::html;
pub use schemas::{SHAPES, Shape as ReportShape};
pub use scrub::ImageScrub;
pub use unattend::{UnattendClear, UnattendSet, UnattendShow};

use crate::activation::{Change, StoredKey};
use crate::catalog;
use crate::image::{ANSWER_FILE, Image};
use crate::plan::{Beside, ImageChanges, Look, Outcome};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The name of this set of shapes. Fields may be added under it, never renamed.
pub const SCHEMA: &str = "wimkey/1";

/// What `image list` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImageList {
    schema: &'static str,
    target: String,
    images: Vec<ListedImage>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ListedImage {
    index: u32,
    name: String,
    edition: Option<String>,
    build: Option<u32>,
    architecture: Option<&'static str>,
    total_bytes: Option<u64>,
}

impl ImageList {
    /// The images of a target as the WIM's XML describes them.
    pub fn new(target: String, images: &[Image]) -> Self {
        let images = images
            .iter()
            .map(|image| ListedImage {
                index: image.index,
                name: image.name.clone(),
                edition: image.edition.clone(),
                build: image.build,
                architecture: image.architecture,
                total_bytes: image.total_bytes,
            })
            .collect();
        Self {
            schema: SCHEMA,
            target,
            images,
        }
    }
}

/// What `image show` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImageShow {
    schema: &'static str,
    target: String,
    images: Vec<ShownImage>,
    /// Files beside the images of a medium or of a `RemoteInstall` folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    beside: Vec<ShownFile>,
}

/// A file beside images.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownFile {
    path: String,
    says: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ShownImage {
    /// The WIM, where the target has several parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    index: u32,
    name: String,
    edition: String,
    build: u32,
    architecture: &'static str,
    product: Option<String>,
    activation: Activation,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Activation {
    skip_rearm: Option<u32>,
    kms: Kms,
    product_key: Option<ShownKey>,
    settings: BTreeMap<String, String>,
    answer_file: Option<AnswerFileKeys>,
    first_boot: Vec<String>,
    outlook: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Kms {
    host: Option<String>,
    port: Option<String>,
    asked: Vec<Asked>,
}

/// A place where a KMS host is named or looked for, and what the client makes of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Asked {
    source: &'static str,
    place: String,
    host: Option<String>,
    port: Option<u16>,
    outcome: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ShownKey {
    partial: String,
    channel: Option<String>,
    edition: Option<String>,
    product: Option<&'static str>,
    product_id: String,
    activation_id: Option<String>,
}

impl From<StoredKey> for ShownKey {
    /// What the stored values do not tell, the published tables may.
    fn from(stored: StoredKey) -> Self {
        let row = catalog::row_of(&stored.key);
        Self {
            partial: stored.key.partial(),
            channel: stored
                .key_type
                .or_else(|| row.map(|row| row.kind.channel().to_owned())),
            edition: stored
                .edition
                .or_else(|| row.and_then(|row| row.edition().map(str::to_owned))),
            product: row.map(|row| row.product),
            product_id: stored.product_id,
            activation_id: stored.activation_id,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct AnswerFileKeys {
    path: &'static str,
    keys: Vec<String>,
}

impl ImageShow {
    /// The report on the images of a target: those of each of its WIMs, which has a name if there may be several, and what lies beside.
    pub fn new(target: String, looks: Vec<(Option<String>, Vec<Look>)>, beside: Vec<Beside>) -> Self {
        let images = looks.into_iter().flat_map(|(of, looks)| {
            looks.into_iter().map(move |look| ShownImage {
                target: of.clone(),
                ..ShownImage::from(look)
            })
        });
        Self {
            schema: SCHEMA,
            target,
            images: images.collect(),
            beside: beside
                .into_iter()
                .map(|file| ShownFile {
                    path: file.path,
                    says: file.says,
                })
                .collect(),
        }
    }

    /// The report as text.
    ///
    /// # Errors
    /// What writing to `out` reports.
    pub fn write_text(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut wim = None;
        for image in &self.images {
            if image.target != *wim.get_or_insert(None) {
                writeln!(
                    out,
                    "{}",
                    crate::text::printable(image.target.as_deref().unwrap_or_default())
                )?;
                wim = Some(image.target.clone());
            }
            let line = |out: &mut dyn std::io::Write, label: &str, value: &str| {
                writeln!(out, "  {label:<14} {value}")
            };
            writeln!(out, "{} {}", image.index, crate::text::printable(&image.name))?;
            let product = image.product.as_deref().unwrap_or("unknown product");
            line(out, "product", &crate::text::printable(product))?;
            line(
                out,
                "edition",
                &format!("{}, build {}, {}", image.edition, image.build, image.architecture),
            )?;
            let activation = &image.activation;
            match &activation.product_key {
                Some(key) => {
                    let of = key.product.or(key.edition.as_deref()).unwrap_or("unknown");
                    let channel = key.channel.as_deref().unwrap_or("unknown channel");
                    line(out, "product key", &format!("{} ({of}, {channel})", key.partial))?;
                    line(out, "product ID", &key.product_id)?;
                }
                None => line(out, "product key", "none in the hive")?,
            }
            let rearm = match activation.skip_rearm {
                None => "absent: sysprep resets the licensing state".to_owned(),
                Some(0) => "0: sysprep resets the licensing state".to_owned(),
                Some(value) => format!("{value}: sysprep leaves the licensing state alone"),
            };
            line(out, "SkipRearm", &rearm)?;
            let host = match (&activation.kms.host, &activation.kms.port) {
                (Some(host), Some(port)) => format!("{host}:{port}"),
                (Some(host), None) => format!("{host}, port 1688"),
                (None, _) => "found through DNS".to_owned(),
            };
            line(out, "KMS host", &crate::text::printable(&host))?;
            let told = |asked: &&Asked| asked.outcome != "skipped" || asked.host.is_some();
            for asked in activation.kms.asked.iter().filter(told) {
                let host = match (&asked.host, asked.port) {
                    (Some(host), Some(port)) => format!("{host}:{port} "),
                    _ => String::new(),
                };
                let step = format!("{} {host}({}, {})", asked.outcome, asked.source, asked.place);
                line(out, "", &crate::text::printable(&step))?;
            }
            line(
                out,
                "rearm count",
                "in the licensing store: slmgr /dlv tells it on the machine",
            )?;
            if let Some(file) = &activation.answer_file {
                let keys = if file.keys.is_empty() {
                    "no key".to_owned()
                } else {
                    file.keys.join(", ")
                };
                line(out, "answer file", &format!("{} ({keys})", file.path))?;
            }
            for step in &activation.first_boot {
                line(out, "first start", &format!("slmgr {step}"))?;
            }
            for (name, value) in &activation.settings {
                line(
                    out,
                    "setting",
                    &format!("{name} = {}", crate::text::printable(value)),
                )?;
            }
            line(out, "then", &crate::text::printable(&activation.outlook))?;
        }
        for file in &self.beside {
            writeln!(out, "{}: {}", crate::text::printable(&file.path), file.says)?;
        }
        Ok(())
    }
}

impl From<Look> for ShownImage {
    fn from(look: Look) -> Self {
        let outlook = look.outlook();
        let Look {
            image,
            facts,
            state,
            key,
            answer_file,
            first_boot,
            walk,
        } = look;
        Self {
            target: None,
            index: image.index,
            name: image.name,
            edition: facts.edition,
            build: facts.build,
            architecture: facts.architecture,
            product: facts.product,
            activation: Activation {
                skip_rearm: state.skip_rearm,
                kms: Kms {
                    host: state.kms_host,
                    port: state.kms_port,
                    asked: walk
                        .steps
                        .into_iter()
                        .filter(|step| step.outcome != crate::kms::Outcome::Nothing)
                        .map(|step| Asked {
                            source: step.source.name(),
                            place: step.place,
                            host: step.host,
                            port: step.port,
                            outcome: step.outcome.name(),
                        })
                        .collect(),
                },
                product_key: key.map(ShownKey::from),
                settings: state.settings,
                first_boot,
                outlook,
                answer_file: answer_file.map(|keys| AnswerFileKeys {
                    path: ANSWER_FILE,
                    keys,
                }),
            },
        }
    }
}

/// What `image set` tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImageSet<'a> {
    schema: &'static str,
    target: String,
    dry_run: bool,
    changed: bool,
    images: Vec<ChangedImage<'a>>,
    verified: bool,
    residue: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ChangedImage<'a> {
    index: u32,
    name: &'a str,
    edition: &'a str,
    build: u32,
    architecture: &'static str,
    changes: Vec<ReportedChange<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
}

/// The state of a line that differs from before.
const CHANGED: &str = "changed";

/// One line of a change list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportedChange<'a> {
    place: &'a str,
    name: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    state: &'static str,
}

impl ReportedChange<'_> {
    /// Whether it differs from before.
    pub(crate) fn is_changed(&self) -> bool {
        self.state == CHANGED
    }
}

impl<'a> From<&'a Change> for ReportedChange<'a> {
    fn from(change: &'a Change) -> Self {
        Self {
            place: &change.place,
            name: &change.name,
            old: change.old.as_deref(),
            new: change.new.as_deref(),
            state: if change.changed { CHANGED } else { "already" },
        }
    }
}

impl<'a> ImageSet<'a> {
    /// The report on a run.
    pub fn new(target: String, outcome: &'a Outcome, dry_run: bool) -> Self {
        let images = outcome.images.iter().map(ChangedImage::new).collect();
        Self {
            schema: SCHEMA,
            target,
            dry_run,
            changed: outcome.changed(),
            images,
            verified: outcome.verified,
            residue: outcome.residue,
        }
    }
}

impl<'a> ChangedImage<'a> {
    fn new(image: &'a ImageChanges) -> Self {
        Self {
            index: image.index,
            name: &image.name,
            edition: &image.facts.edition,
            build: image.facts.build,
            architecture: image.facts.architecture,
            changes: image.changes.iter().map(ReportedChange::from).collect(),
            notes: &image.notes,
        }
    }
}
