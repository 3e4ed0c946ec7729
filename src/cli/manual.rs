//! `wimkey completions` and `wimkey man`: both are drawn from the arguments as clap knows them.

use super::arguments::{Arguments, Shell};
use super::terminal::Terminal;
use super::{Failure, Outcome};
use crate::Error;
use crate::report::ReportShape;
use clap::CommandFactory;
use std::io::{self, Write};
use std::path::Path;

/// Writes the completion script of a shell to standard output.
pub(super) fn completions(shell: Shell) -> Result<Outcome, Failure> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
    };
    // Written in one piece: the generator itself panics when its output is closed early.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "wimkey", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Prints the JSON schema of a shape.
pub(super) fn schema(shape: &ReportShape) -> Result<Outcome, Failure> {
    Terminal::json(&shape.schema())?;
    Ok(Outcome::Done)
}

/// Writes the manual pages, one a command, into `folder`.
pub(super) fn pages(folder: &Path) -> Result<Outcome, Failure> {
    let failed = |cause| Error::file(folder, cause);
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)?;
    Ok(Outcome::Done)
}
