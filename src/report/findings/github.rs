//! github - findings as workflow commands, which GitHub Actions shows beside the changed line.
//!
//! Source: GitHub Docs, Workflow commands for GitHub Actions (notice, warning, error); the runner's own code for escapes.

use crate::finding::{Finding, Level};
use std::io::{self, Write};

/// Writes one workflow command for each finding.
///
/// # Errors
/// What writing to `out` reports.
pub fn write_github(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        write!(out, "::{command} file={}", property(&finding.target))?;
        if let Some(line) = finding.line {
            write!(out, ",line={line}")?;
        }
        if let Some(column) = finding.column {
            write!(out, ",col={column}")?;
            if finding.length > 0 {
                write!(out, ",endColumn={}", column + finding.length)?;
            }
        }
        let image = finding.image.map(|image| format!("image {image}: "));
        let message = format!(
            "{}{}\n{}",
            image.unwrap_or_default(),
            place_and_message(finding),
            finding.help
        );
        writeln!(out, ",title={}::{}", property(finding.rule.id), data(&message))?;
    }
    Ok(())
}

fn place_and_message(finding: &Finding) -> String {
    if finding.place.is_empty() {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.place, finding.message)
    }
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_one_line_with_escapes() {
        let mut out = Vec::new();
        write_github(&super::super::tests::sample(), &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error file=a b/Auto%2Cunattend.xml,line=7,col=9,endColumn=14,title=WK-T001::specialize ProductKey: the key is 50%25 wrong%0Aput it right\n\
             ::warning file=install.wim,title=WK-T001::image 2: Windows/Panther/unattend.xml: left behind%0Aput it right\n\
             ::notice file=/mnt/image,title=WK-T001::good%0Ato know%0Aput it right\n"
        );
    }
}
