//! `wimkey image scrub`: removes keys and passwords that lie about in an image, and proves it.

use super::audit::KnownKeys;
use super::terminal::{CHANGED, Rows, STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::audit::Kind;
use crate::finding::Finding;
use crate::image::{self, Target};
use crate::plan::Destination;
use crate::report::ImageScrub;
use crate::scrub::{self, Request};
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::path::PathBuf;

/// What `image scrub` is told.
#[derive(Debug, Args)]
pub(super) struct ScrubArguments {
    /// WIM files (every image, or one by `:INDEX` or `:NAME`), root folders of images, installation media, folders of WDS
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    #[command(flatten)]
    keys: KnownKeys,
    /// Remove only these kinds; otherwise all but other
    #[arg(long = "kind", value_enum, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<KindName>,
    /// Remove keys that Microsoft publishes too
    #[arg(long)]
    published: bool,
    /// If solid resources of a WIM hold what is to be removed, write the whole WIM afresh (takes minutes)
    #[arg(long)]
    rewrite_solid: bool,
    /// Print what would be removed and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write a changed copy of the WIM here and leave TARGET alone
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindName {
    /// Registry values that hold keys
    Registry,
    /// Parts of hives that are not in use
    Unused,
    /// Transaction logs of hives
    HiveLog,
    /// Keys in answer files
    AnswerFile,
    /// Passwords in answer files and in the registry
    Password,
    /// Logs of Setup and of servicing
    SetupLog,
    /// PID.txt
    Pid,
    /// Contents that no image refers to, and dead bytes of the WIM
    Container,
    /// Plain text in any other file but programs and scripts
    Other,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Registry => Self::Registry,
            KindName::Unused => Self::Unused,
            KindName::HiveLog => Self::HiveLog,
            KindName::AnswerFile => Self::AnswerFile,
            KindName::Password => Self::Password,
            KindName::SetupLog => Self::SetupLog,
            KindName::Pid => Self::Pid,
            KindName::Container => Self::Container,
            KindName::Other => Self::Other,
        }
    }
}

pub(super) fn run(arguments: ScrubArguments, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut parts = Vec::new();
    for name in &arguments.targets {
        parts.extend(image::parts(&Target::new(name))?);
    }
    if arguments.output.is_some() && parts.len() > 1 {
        let sentence = "--output names one file but there are several targets\nScrub them one by one.";
        return Err(crate::Error::Usage(sentence.into()).into());
    }
    let request = Request {
        kinds: arguments.kinds.iter().copied().map(Kind::from).collect(),
        keys: arguments.keys.read(terminal)?,
        published: arguments.published,
        rewrite_solid: arguments.rewrite_solid,
        except: Vec::new(),
    };
    let destination = match &arguments.output {
        _ if arguments.dry_run => Destination::Nowhere,
        Some(path) => Destination::Copy(path),
        None => Destination::Target,
    };
    let mut is_left = false;
    for part in &parts {
        let Some(images) = part.searched()? else { continue };
        let target = &part.target;
        let name = &target.to_string();
        let bar = terminal.progress();
        let outcome = scrub::execute_on(images, target, &request, destination, &|phase, done, total| {
            bar.set(phase, done, total);
        })?;
        drop(bar);
        let is_folder = target.path().is_dir();
        let shown = target.path().display().to_string();
        let findings: Vec<Finding> = outcome
            .left
            .iter()
            .map(|trace| trace.finding(&shown, is_folder))
            .collect();
        is_left |= !outcome.is_clean();
        let report = ImageScrub::new(name, &outcome, &findings, arguments.dry_run);
        terminal.result(&report, |out| {
            write_outcome(out, name, &outcome, &findings, arguments.dry_run)
        })?;
    }
    Ok(if is_left { Outcome::Findings } else { Outcome::Done })
}

/// What was removed, file by file; what is left; how it ended.
fn write_outcome(
    out: &mut dyn Write,
    name: &str,
    outcome: &scrub::Outcome,
    findings: &[Finding],
    dry_run: bool,
) -> io::Result<()> {
    writeln!(out, "{}", paint(STRONG, crate::text::printable(name)))?;
    write_removals(out, outcome, findings_have_images(name), dry_run)?;
    if !findings.is_empty() {
        let heading = if dry_run {
            "These would stay:"
        } else {
            "These are left:"
        };
        writeln!(out, "{}", paint(WARNING, heading))?;
        crate::report::write_text(findings, super::findings::PAINT, out)?;
    }
    let unknown = outcome.not_searched();
    let sentence = match (outcome.removals.is_empty(), dry_run) {
        (true, _) if unknown > 0 => {
            format!(
                "Nothing was written, but this proves nothing: {unknown} places could not be searched, see above."
            )
        }
        (true, _) => "There was nothing to remove; nothing was written.".to_owned(),
        (false, true) => "Nothing was written (--dry-run).".to_owned(),
        (false, false) if outcome.residue == 0 && unknown > 0 => format!(
            "Written and searched again, but not everywhere: {unknown} places could not be searched, see above."
        ),
        (false, false) if outcome.residue == 0 => {
            "Written, searched again everywhere: no form of a removed key is left in its place.".to_owned()
        }
        (false, false) => format!(
            "Written and searched again: {} places still hold a removed key, see above.",
            outcome.residue
        ),
    };
    writeln!(out, "{sentence}")
}

/// What was removed, file by file.
pub(super) fn write_removals(
    out: &mut dyn Write,
    outcome: &scrub::Outcome,
    has_images: bool,
    dry_run: bool,
) -> io::Result<()> {
    let mut table = Rows::new();
    let mut file = None;
    for removal in &outcome.removals {
        if file != Some((removal.image, &removal.path)) {
            table.write(out, 4)?;
            table = Rows::new();
            file = Some((removal.image, &removal.path));
            let path = crate::text::printable(&removal.path);
            match removal.image.filter(|_| has_images) {
                Some(image) => writeln!(out, "  image {image}: {path}")?,
                None => writeln!(out, "  {path}")?,
            }
        }
        let state = if dry_run { "found" } else { removal.how };
        table.add(
            CHANGED,
            [
                state.to_owned(),
                crate::text::printable(&removal.place),
                removal.what.clone(),
            ],
        );
    }
    table.write(out, 4)
}

/// Whether the target is a WIM, whose images have numbers.
fn findings_have_images(name: &str) -> bool {
    !Target::new(name).path().is_dir()
}
