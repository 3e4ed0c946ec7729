//! `wimkey completions` and `wimkey man`: both are drawn from the arguments as clap knows them.

use super::arguments::{Arguments, Shell};
use super::terminal::Terminal;
use super::{Failure, Outcome};
use crate::Error;
use crate::report::ReportShape;
use clap::CommandFactory;
use std::fmt::Write as _;
use std::io::{self, Write as _};
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
    let mut program = Arguments::command();
    program.build();
    let mut commands = vec![program];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        let mut rendered = Vec::new();
        let man = clap_mangen::Man::new(command);
        let path = folder.join(man.get_filename());
        man.render(&mut rendered).map_err(failed)?;
        std::fs::write(path, page(&String::from_utf8_lossy(&rendered))).map_err(failed)?;
    }
    Ok(Outcome::Done)
}

/// A page as its readers expect it: the program's name and version at its foot, examples under their own heading and in the lines in
/// which they can be pasted, letters beyond ASCII in the way that every formatter knows.
fn page(rendered: &str) -> String {
    let mut page = String::new();
    // From the heading of what stands behind the options on, lines count.
    let (mut in_text, mut is_literal) = (false, false);
    for line in rendered.lines() {
        if let Some(title) = line.strip_prefix(".TH ").and_then(|rest| rest.split(' ').next()) {
            let version = env!("CARGO_PKG_VERSION");
            _ = writeln!(page, ".TH {title} 1 \"\" \"wimkey {version}\" \"wimkey manual\"");
            continue;
        }
        if line.starts_with(".SH ") {
            in_text = line == ".SH EXTRA";
        }
        let literal = in_text && line.starts_with("  ");
        if literal != is_literal {
            page.push_str(if literal { ".nf\n" } else { ".fi\n" });
            is_literal = literal;
        }
        for letter in line.chars() {
            if letter.is_ascii() {
                page.push(letter);
            } else {
                _ = write!(page, "\\[u{:04X}]", u32::from(letter));
            }
        }
        page.push('\n');
    }
    if is_literal {
        page.push_str(".fi\n");
    }
    page.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
        .replace("\n\nExamples:\n", "\n.SH EXAMPLES\n")
        .replace(".SH EXTRA\n", ".SH NOTES\n")
}
