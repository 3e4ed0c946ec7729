//! Findings on the terminal: in every format, and as an exit code.

use super::options::Format;
use super::terminal::{FAINT, FAULT, STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::finding::{Finding, Level};
use crate::report::{self, Findings, PaintFindings, Tone};
use clap::{Args, ValueEnum};
use std::io::Write;

/// Which findings make the command fail.
#[derive(Debug, Args)]
pub(super) struct FailOptions {
    /// The least level of a finding that makes the exit code 10
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailOn::Error)]
    pub(super) fail_on: FailOn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Note,
    Warning,
    Error,
}

impl FailOn {
    fn level(self) -> Level {
        match self {
            Self::Note => Level::Note,
            Self::Warning => Level::Warning,
            Self::Error => Level::Error,
        }
    }
}

/// How findings look on a terminal.
pub(super) const PAINT: PaintFindings = |tone, text| match tone {
    Tone::Level(Level::Error) => paint(FAULT, text),
    Tone::Level(Level::Warning) => paint(WARNING, text),
    Tone::Level(Level::Note) | Tone::Message => paint(STRONG, text),
    Tone::Frame => paint(FAINT, text),
};

/// Prints the findings in the format that was asked for, and says how the run ends.
pub(super) fn tell(
    findings: &[Finding],
    options: &FailOptions,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    print(findings, terminal)?;
    let fails = |finding: &Finding| finding.level >= options.fail_on.level();
    Ok(if findings.iter().any(fails) {
        Outcome::Findings
    } else {
        Outcome::Done
    })
}

/// Prints the findings in the format that was asked for.
pub(super) fn print(findings: &[Finding], terminal: &Terminal) -> Result<(), Failure> {
    match terminal.format() {
        Format::Sarif => terminal.result(&report::sarif(findings), |_| Ok(()))?,
        Format::Github => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            report::write_github(findings, &mut out)?;
            out.flush()?;
        }
        Format::Json | Format::Reg => terminal.result(&Findings::new(findings), |_| Ok(()))?,
        Format::Text => {
            let plain: PaintFindings = |_, text| text.to_owned();
            let is_plain = anstream::AutoStream::choice(&std::io::stdout()) == anstream::ColorChoice::Never;
            // All of it at once: standard output writes line by line otherwise.
            let mut text = Vec::new();
            report::write_text(findings, if is_plain { plain } else { PAINT }, &mut text)?;
            let mut out = std::io::stdout().lock();
            out.write_all(&text)?;
            out.flush()?;
        }
    }
    Ok(())
}
