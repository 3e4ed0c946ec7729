//! `wimkey image audit`: keys and passwords that lie about in images.

use super::findings::{FailOptions, tell};
use super::terminal::Terminal;
use super::{Failure, Outcome};
use crate::Error;
use crate::audit::{self, Options};
use crate::finding::Finding;
use crate::image::{self, Target};
use crate::key::ProductKey;
use crate::secret::Source;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// What `image audit` is told.
#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// WIM files (every image, or one by `:INDEX` or `:NAME`), root folders of images, installation media, folders of WDS
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    keys: KnownKeys,
    #[command(flatten)]
    options: FailOptions,
}

/// Keys to look for, one a line.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_field_names, reason = "the fields are named after the options")]
pub(super) struct KnownKeys {
    /// Look for the keys in this file too (- for standard input), one a line, in all forms in every byte
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// As --key-file, from the environment variable of this name
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// As --key-file, from an open file descriptor
    #[arg(long, value_name = "N", value_parser = super::key_source::descriptor)]
    key_fd: Option<u32>,
}

impl KnownKeys {
    /// Reads the keys; none if no source is named.
    pub(super) fn read(self, terminal: &Terminal) -> Result<Vec<Arc<ProductKey>>, Failure> {
        let file = self.key_file.map(|path| {
            if path.as_os_str() == "-" {
                Source::Stdin
            } else {
                Source::File(path)
            }
        });
        let source = file
            .or(self.key_env.map(Source::Variable))
            .or(self.key_fd.map(Source::Descriptor));
        let Some(source) = source else {
            return Ok(Vec::new());
        };
        let text = super::key_source::read_text(&source, terminal)?;
        let mut keys = Vec::new();
        for line in text.expose().lines().filter(|line| !line.trim().is_empty()) {
            keys.push(Arc::new(ProductKey::parse(line)?.key));
        }
        if keys.is_empty() {
            let sentence = format!("{source} holds no key\nName a source with a key on each line.");
            return Err(Error::Usage(sentence).into());
        }
        Ok(keys)
    }
}

pub(super) fn run(arguments: AuditArguments, terminal: &Terminal) -> Result<Outcome, Failure> {
    let options = Options {
        keys: arguments.keys.read(terminal)?,
        only: false,
    };
    let mut findings: Vec<Finding> = Vec::new();
    for name in &arguments.targets {
        for part in image::parts(&Target::new(name))? {
            let Some(images) = part.searched()? else { continue };
            let bar = terminal.progress();
            let audit = audit::search(&images, &options, &|phase, done, total| {
                bar.set(phase, done, total);
            })?;
            drop(bar);
            let target = images.path().display().to_string();
            findings.extend(audit.findings(&target, images.is_folder()));
            terminal.detail(&format!(
                "{target}: {} streams searched, {}",
                audit.streams,
                indicatif::BinaryBytes(audit.bytes)
            ));
        }
    }
    if findings.is_empty() {
        terminal.say("No keys or passwords found.");
    }
    tell(&findings, &arguments.options, terminal)
}
