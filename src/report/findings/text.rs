//! text - findings for people: the place, what is wrong there, the source line with the place underlined, what to do.

use crate::finding::{Finding, Level};
use crate::text::printable;
use std::io::{self, Write};

/// What a piece of the text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Level and rule, and the underline.
    Level(Level),
    /// What is wrong.
    Message,
    /// Line numbers and the frame.
    Frame,
}

/// Gives a piece its colour.
pub type PaintFindings = fn(Tone, &str) -> String;

/// Writes the findings, with an empty line between two, and how many there are of each level.
///
/// # Errors
/// What writing to `out` reports.
pub fn write_text(findings: &[Finding], paint: PaintFindings, out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        write_one(finding, paint, out)?;
        writeln!(out)?;
    }
    if !findings.is_empty() {
        writeln!(out, "{}", totals(findings))?;
    }
    Ok(())
}

fn write_one(finding: &Finding, paint: PaintFindings, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", printable(&finding.target))?;
    if let Some(line) = finding.line {
        write!(out, ":{line}")?;
        if let Some(column) = finding.column {
            write!(out, ":{column}")?;
        }
    }
    let level = format!("{} {}", finding.level.name(), finding.rule.id);
    writeln!(
        out,
        ": {}: {}",
        paint(Tone::Level(finding.level), &level),
        paint(Tone::Message, &printable(&finding.message))
    )?;
    let number = finding.line.map(|line| line.to_string()).unwrap_or_default();
    let margin = number.len().max(2);
    let frame = |left: &str, sign: &str| paint(Tone::Frame, &format!("{left:>margin$} {sign}"));
    if finding.image.is_some() || !finding.place.is_empty() {
        let image = finding.image.map(|image| format!("image {image} "));
        let place = format!("{}{}", image.unwrap_or_default(), printable(&finding.place));
        writeln!(out, "{} {}", frame("", "-->"), place.trim_end())?;
    }
    if let Some(picture) = &finding.picture {
        writeln!(out, "{} {}", frame(&number, "|"), picture.text())?;
        let shown = picture.text().chars().count().saturating_sub(picture.caret());
        let underline = "^".repeat(picture.length().min(shown.max(1)));
        writeln!(
            out,
            "{} {:caret$}{}",
            frame("", "|"),
            "",
            paint(Tone::Level(finding.level), &underline),
            caret = picture.caret()
        )?;
    }
    for line in finding.help.lines() {
        writeln!(out, "{} {}", frame("", "="), printable(line))?;
    }
    Ok(())
}

/// As in `2 errors, 1 note`; `none` if there are none.
pub fn totals(findings: &[Finding]) -> String {
    let counted = Level::ALL.into_iter().rev().filter_map(|level| {
        let count = findings.iter().filter(|finding| finding.level == level).count();
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {}{plural}", level.name()))
    });
    if findings.is_empty() {
        return "none".to_owned();
    }
    counted.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_underlined() {
        let mut out = Vec::new();
        write_text(
            &super::super::tests::sample(),
            |_, text| text.to_owned(),
            &mut out,
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        let wanted = "\
a b/Auto,unattend.xml:7:9: error WK-T001: the key is 50% wrong
   --> specialize ProductKey
 7 |     <Key>*****</Key>
   |          ^^^^^
   = put it right

install.wim: warning WK-T001: left behind
   --> image 2 Windows/Panther/unattend.xml
   = put it right

/mnt/image: note WK-T001: good\\u{a}to know
   = put it right

1 error, 1 warning, 1 note
";
        assert_eq!(text, wanted);
    }
}
