//! cli - the command line: arguments become plain structs at once, results become text or JSON.
//!
//! Promise: a key is never an argument, and nothing printed holds more of an unpublished key than its last five symbols.

mod apply;
mod arguments;
mod audit;
mod changes;
mod demo;
mod explain;
mod findings;
mod help;
mod hints;
mod hive;
mod image;
pub mod interrupt;
mod key;
mod key_source;
mod kms;
mod manual;
mod options;
mod output;
mod scrub;
mod terminal;
mod unattend;

use crate::Error;
use arguments::{Arguments, Command};
use clap::Parser;
use options::Format;
use std::ffi::OsString;
use terminal::Terminal;

/// How a run ended when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done, or there was none to do.
    Done,
    /// The command looks for faults and found some.
    Findings,
    /// Some of several targets could not be done, which was told.
    Failed,
    /// Some of several targets were refused and none failed otherwise, which was told.
    Refused,
}

/// Why a run ended early.
#[derive(Debug)]
pub enum Failure {
    /// The arguments make no sense; help and version requests come this way too. The texts go to the terminal as they are.
    Usage(clap::Error),
    /// An argument looks like a product key that nobody published.
    KeyInArguments,
    /// The work could not be done.
    Work(Error),
    /// Standard output or standard error is gone.
    Output(std::io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Work(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// Gives every error of the library's parts the library's own type.
macro_rules! failure_from {
    ($($part:ty),* $(,)?) => { $(
        impl From<$part> for Failure {
            fn from(error: $part) -> Self {
                Self::Work(error.into())
            }
        }
    )* };
}
failure_from!(
    crate::apply::Error,
    crate::image::Error,
    crate::plan::Error,
    crate::scrub::Error,
    crate::secret::Error,
    crate::hive::Error,
    crate::transfer::Error,
    crate::unattend::Error,
    crate::unattend::WishError,
    crate::key::Error,
    crate::kms::Error,
    crate::pkeyconfig::Error,
    crate::sample::Error,
);

/// Runs the command that `arguments` (with the program's name first) ask for.
///
/// # Errors
/// [`Failure`], which the program turns into an exit code and a sentence on standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<Outcome, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    key_source::refuse_keys(&arguments)?;
    let arguments = Arguments::try_parse_from(arguments).map_err(Failure::Usage)?;
    if matches!(arguments.output.format, Format::Sarif | Format::Github)
        && !arguments.command.tells_findings()
    {
        let sentence =
            "only commands that tell findings have the formats sarif and github\nUse --format text or json.";
        return Err(Error::Usage(sentence.into()).into());
    }
    if arguments.output.format == Format::Reg && !arguments.command.plans_settings() {
        let sentence =
            "only image set --dry-run has the format reg\nimage show --reg writes what an image has.";
        return Err(Error::Usage(sentence.into()).into());
    }
    let terminal = Terminal::new(&arguments.output);
    if !crate::secret::forbid_core_dumps() {
        terminal.detail("The system does not switch core dumps off: a crash could write keys to a file.");
    }
    match arguments.command {
        Command::Apply(arguments) => apply::run(&arguments, &terminal),
        Command::Schema { name } => manual::schema(name),
        Command::Key(command) => key::run(command, &terminal),
        Command::Image(command) => image::run(command, &terminal),
        Command::Hive(command) => hive::run(command, &terminal),
        Command::Unattend(command) => unattend::run(command, &terminal),
        Command::Kms(command) => kms::run(command, &terminal),
        Command::Explain { topic } => explain::run(&topic, &terminal),
        Command::Demo { folder } => demo::run(folder.as_deref(), &terminal),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { folder } => manual::pages(&folder),
    }
}
