//! `wimkey unattend`: answer files.

mod lint;

use super::arguments::UnattendCommand;
use super::image::{read_answer_file, read_key};
use super::key::newest;
use super::key_source::{Choice, KeySource, can_prompt};
use super::terminal::{CHANGED, FAINT, Rows, Terminal};
use super::{Failure, Outcome};
use crate::Error;
use crate::activation::Change;
use crate::catalog;
use crate::file;
use crate::key::ProductKey;
use crate::report::UnattendSet;
use crate::secret::{Source, Wiped};
use crate::unattend::{AnswerFile, Architecture, Setting};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(command: UnattendCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        UnattendCommand::Lint {
            files,
            image,
            options,
        } => return lint::run(&files, image.as_deref(), &options, terminal),
        UnattendCommand::Set {
            file,
            source,
            architecture,
            dry_run,
            output,
        } => {
            set(
                &file,
                source,
                &architecture,
                &Destination::new(dry_run, output),
                terminal,
            )?;
        }
    }
    Ok(Outcome::Done)
}

/// Where the changed answer file goes.
enum Destination {
    Nowhere,
    Itself,
    Stdout,
    File(PathBuf),
}

impl Destination {
    fn new(dry_run: bool, output: Option<PathBuf>) -> Self {
        match output {
            _ if dry_run => Self::Nowhere,
            Some(path) if path.as_os_str() == "-" => Self::Stdout,
            Some(path) => Self::File(path),
            None => Self::Itself,
        }
    }
}

fn set(
    file: &Path,
    source: KeySource,
    architectures: &[String],
    destination: &Destination,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let within = |cause: crate::unattend::Error| Failure::Work(Error::from(cause).within(file));
    let mut answers = AnswerFile::parse(read_answer_file(file)?).map_err(within)?;
    let architectures = architectures_of(&answers, architectures)?;
    let key = choose(source, terminal)?;
    let text = key.text();
    let text = std::str::from_utf8(text.expose()).unwrap_or_default();

    let mut changes = Vec::new();
    for architecture in architectures {
        let setting = Setting::product_key(architecture);
        let change = answers.set(&setting, text).map_err(within)?;
        let shown = catalog::shown(&key);
        let old = match change.old {
            _ if !change.changed => Some(shown.clone()),
            Some(old) => Some(
                ProductKey::parse(&old)
                    .map_or_else(|_| "another text".to_owned(), |old| catalog::shown(&old.key)),
            ),
            None => None,
        };
        let place = file.display().to_string();
        changes.push(Change {
            place,
            name: setting.to_string(),
            old,
            new: Some(shown),
            changed: change.changed,
        });
    }
    let changed = changes.iter().any(|change| change.changed);
    let content = answers.into_bytes();
    match destination {
        Destination::Nowhere => {}
        Destination::Stdout => {
            // The file is the result here, so nothing else may be printed.
            let mut out = std::io::stdout().lock();
            out.write_all(&content)?;
            out.flush()?;
            return Ok(());
        }
        Destination::Itself if !changed => {}
        Destination::Itself => replace(file, &content)?,
        Destination::File(path) => replace(path, &content)?,
    }
    let report = UnattendSet::new(
        file.display().to_string(),
        &changes,
        matches!(destination, Destination::Nowhere),
    );
    terminal.result(&report, |out| {
        let mut table = Rows::new();
        for change in &changes {
            let (style, state) = if change.changed {
                (CHANGED, "changed")
            } else {
                (FAINT, "already")
            };
            table.add(
                style,
                [
                    state.to_owned(),
                    change.name.clone(),
                    change.new.clone().unwrap_or_default(),
                ],
            );
        }
        table.write(out, 0)?;
        if matches!(destination, Destination::Nowhere) {
            writeln!(out, "Nothing was written (--dry-run).")
        } else {
            Ok(())
        }
    })?;
    Ok(())
}

/// The architectures asked for; else those that the file speaks of; else that of nearly every Windows today.
fn architectures_of(answers: &AnswerFile, asked: &[String]) -> Result<Vec<Architecture>, Failure> {
    let mut chosen = Vec::new();
    for name in asked {
        let parsed = name.parse().map_err(|_| {
            Error::Usage(format!(
                "there is no architecture {}\nIt is one of x86, amd64, arm, arm64, ia64.",
                crate::text::printable(name)
            ))
        })?;
        chosen.push(parsed);
    }
    if chosen.is_empty() {
        chosen.extend(
            answers
                .architectures()
                .iter()
                .filter_map(|name| name.parse::<Architecture>().ok()),
        );
    }
    if chosen.is_empty() {
        chosen.push(Architecture::Amd64);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

fn choose(source: KeySource, terminal: &Terminal) -> Result<ProductKey, Failure> {
    let source = match source.choice() {
        Choice::Published(Some(edition)) => {
            let row = newest(&edition).map_err(Error::NotFound)?;
            terminal.say(&format!("{}: {}", row.product, row.text));
            return Ok(row.key()?);
        }
        Choice::Published(None) => {
            return Err(Error::Usage("an answer file alone does not tell its edition\nName it: --gvlk EDITION, as in --gvlk Professional.".into()).into());
        }
        Choice::Text(source) => source,
        Choice::None if can_prompt() => Source::Prompt,
        Choice::None => {
            return Err(Error::Usage("no key is named\nUse --gvlk EDITION, --key-file PATH (- for standard input), --key-env NAME or --key-fd N.".into()).into());
        }
    };
    read_key(&source, terminal)
}

/// Replaces the file whole or not at all, keeping its mode.
fn replace(path: &Path, content: &Wiped) -> Result<(), Failure> {
    file::replace(path, content, |_| Ok(())).map_err(|cause| {
        Failure::Work(Error::NotReplaced {
            path: path.to_owned(),
            cause,
        })
    })
}
