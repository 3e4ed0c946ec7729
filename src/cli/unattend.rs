//! `wimkey unattend`: answer files.

mod clear;
mod lint;
mod set;
mod show;

use super::arguments::{DestinationOptions, UnattendCommand};
use super::image::read_answer_file;
use super::interrupt;
use super::output;
use super::terminal::Terminal;
use super::{Failure, Outcome};
use crate::Error;
use crate::file;
use crate::secret::Wiped;
use crate::unattend::{AnswerFile, Architecture};
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn run(command: UnattendCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        UnattendCommand::Lint {
            files,
            image,
            options,
        } => return lint::run(&files, image.as_deref(), &options, terminal),
        UnattendCommand::Show { file } => show::run(&file, terminal)?,
        UnattendCommand::Set(arguments) => set::run(*arguments, terminal)?,
        UnattendCommand::Clear {
            file,
            secrets,
            destination,
        } => clear::run(&file, secrets, destination, terminal)?,
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

impl From<DestinationOptions> for Destination {
    fn from(options: DestinationOptions) -> Self {
        match options.output {
            _ if options.dry_run => Self::Nowhere,
            Some(path) if path.as_os_str() == "-" => Self::Stdout,
            Some(path) => Self::File(path),
            None => Self::Itself,
        }
    }
}

impl Destination {
    /// Whether nothing is to be written.
    fn is_nowhere(&self) -> bool {
        matches!(self, Self::Nowhere)
    }

    /// Puts the changed content there. Gives whether it went to standard output: then nothing else may be printed.
    fn write(&self, file: &Path, content: &Wiped, changed: bool) -> Result<bool, Failure> {
        match self {
            Self::Nowhere => {}
            Self::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(content)?;
                out.flush()?;
                return Ok(true);
            }
            Self::Itself if !changed => {}
            Self::Itself => replace(file, content)?,
            Self::File(path) => {
                output::demand_place(path, output::Kind::AnswerFile, "--output")?;
                replace(path, content)?;
            }
        }
        Ok(false)
    }
}

/// Reads an answer file for work on it.
fn read(file: &Path) -> Result<AnswerFile, Failure> {
    AnswerFile::parse(read_answer_file(file)?).map_err(|cause| Error::from(cause).within(file).into())
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
        return Ok(answers.own_architectures());
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// Replaces the file whole or not at all, keeping its mode.
fn replace(path: &Path, content: &Wiped) -> Result<(), Failure> {
    interrupt::watch();
    file::replace(path, content, |_| Ok(())).map_err(|cause| {
        Failure::Work(Error::NotReplaced {
            path: path.to_owned(),
            cause,
        })
    })
}
