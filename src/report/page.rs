//! page - the report of `apply` as one HTML page for people: no script, nothing from elsewhere, readable on a phone and on paper.

use super::apply::{Applied, AppliedTarget};
use super::{ChangedImage, ReportedChange, totals};
use crate::finding::{Finding, Level};
use crate::text::printable;
use std::fmt::{self, Write};

/// Colours of the system's light or dark theme; tables become lists where the screen is narrow; no page break within a row.
const STYLE: &str = include_str!("page.css");

/// The page.
pub fn html(report: &Applied<'_>) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    _ = write(report, &mut page);
    page
}

/// A text that may come from anywhere, made safe for HTML.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in printable(self.0).chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                _ => formatter.write_char(character)?,
            }
        }
        Ok(())
    }
}

fn write(report: &Applied<'_>, out: &mut String) -> fmt::Result {
    let version = env!("CARGO_PKG_VERSION");
    let verdict = verdict(report);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>wimkey: {plan}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{plan}</h1>\n<p>{verdict}</p>\n",
        plan = Text(report.plan()),
    )?;
    summary(report, out)?;
    for (number, target) in report.targets.iter().enumerate() {
        section(report, number + 1, target, out)?;
    }
    write!(
        out,
        "</main>\n<footer><p>Written by wimkey {version}. Keys that nobody published are shown by their last five symbols.</p></footer>\n\
         </body>\n</html>\n"
    )
}

/// How it all ended, in a sentence or two.
fn verdict(report: &Applied<'_>) -> String {
    let targets = &report.targets;
    let undone = targets.iter().filter(|target| target.error.is_some()).count();
    let ended = match (undone, report.is_dry_run()) {
        (0, true) => "Nothing was written: this is what would change.".to_owned(),
        (_, true) => format!(
            "{undone} of {} targets cannot be done. Nothing was written: this is what would change in the others.",
            targets.len()
        ),
        (0, false) if report.is_verified() => {
            "Every target was done, read back and found as asked.".to_owned()
        }
        (0, false) => "Not everything that was asked is done and proved.".to_owned(),
        (_, false) => format!("{undone} of {} targets could not be done.", targets.len()),
    };
    if !targets.iter().any(|target| target.searched) {
        return ended;
    }
    let findings: Vec<Finding> = targets
        .iter()
        .flat_map(|target| target.findings)
        .cloned()
        .collect();
    format!("{ended} Findings: {}.", totals(&findings))
}

/// A state in words.
fn words(state: &str) -> &str {
    match state {
        "already" => "already as asked",
        "would-change" => "would change",
        "not-begun" => "not begun",
        other => other,
    }
}

/// All targets in a table.
fn summary(report: &Applied<'_>, out: &mut String) -> fmt::Result {
    out.push_str(
        "<table>\n<caption>Targets</caption>\n<thead><tr><th scope=\"col\">Target</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Changes</th><th scope=\"col\">Removed</th><th scope=\"col\">Findings</th>\
         <th scope=\"col\">Read back</th></tr></thead>\n<tbody>\n",
    );
    for (number, target) in report.targets.iter().enumerate() {
        let changes = report
            .images_of(&target.target)
            .flat_map(|image| &image.changes)
            .filter(|change| change.is_changed())
            .count()
            + usize::from(
                target
                    .answer_file
                    .as_ref()
                    .is_some_and(ReportedChange::is_changed),
            );
        writeln!(
            out,
            "<tr><th scope=\"row\"><a href=\"#t{number}\">{name}</a></th><td data-label=\"State\" class=\"{state}\">{words}</td>\
             <td data-label=\"Changes\">{changes}</td><td data-label=\"Removed\">{removed}</td>\
             <td data-label=\"Findings\">{findings}</td><td data-label=\"Read back\">{verified}</td></tr>",
            number = number + 1,
            name = Text(&target.target),
            state = target.state,
            words = words(target.state),
            removed = target.removed.len(),
            findings = if target.searched {
                totals(target.findings)
            } else {
                "-".to_owned()
            },
            verified = verified(target),
        )?;
    }
    out.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn verified(target: &AppliedTarget<'_>) -> String {
    match (target.verified, target.residue) {
        (true, 0) => "as asked".to_owned(),
        (_, 0) => "no".to_owned(),
        (_, residue) => format!("{residue} traces left"),
    }
}

/// One target.
fn section(report: &Applied<'_>, number: usize, target: &AppliedTarget<'_>, out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<section id=\"t{number}\">\n<h2>{} <span class=\"{}\">{}</span></h2>",
        Text(&target.target),
        target.state,
        words(target.state)
    )?;
    if target.written != target.target && !target.target.starts_with(&target.written) {
        writeln!(out, "<p>Written to {}.</p>", Text(&target.written))?;
    }
    if let Some(error) = &target.error {
        out.push_str("<p class=\"error\">");
        for (line, text) in error.lines().enumerate() {
            if line > 0 {
                out.push_str("<br/>");
            }
            write!(out, "{}", Text(text))?;
        }
        out.push_str("</p>\n");
    }
    if let Some(change) = &target.answer_file {
        changes("Answer file", std::slice::from_ref(change), out)?;
    }
    for image in report.images_of(&target.target) {
        of_image(image, out)?;
    }
    if !target.removed.is_empty() {
        out.push_str(
            "<table>\n<caption>Removed</caption>\n<thead><tr><th scope=\"col\">File</th><th scope=\"col\">Place</th>\
             <th scope=\"col\">What</th><th scope=\"col\">How</th></tr></thead>\n<tbody>\n",
        );
        for removed in &target.removed {
            let image = removed.image.map(|image| format!("image {image}: "));
            writeln!(
                out,
                "<tr><th scope=\"row\">{}{}</th><td data-label=\"Place\">{}</td><td data-label=\"What\">{}</td><td data-label=\"How\">{}</td></tr>",
                image.unwrap_or_default(),
                Text(removed.path),
                Text(removed.place),
                Text(removed.what),
                removed.state
            )?;
        }
        out.push_str("</tbody>\n</table>\n");
    }
    if !target.findings.is_empty() {
        findings(target.findings, out)?;
    }
    out.push_str("</section>\n");
    Ok(())
}

fn of_image(image: &ChangedImage<'_>, out: &mut String) -> fmt::Result {
    let heading = format!(
        "{} {} ({}, build {}, {})",
        image.index, image.name, image.edition, image.build, image.architecture
    );
    changes(&heading, &image.changes, out)?;
    if !image.notes.is_empty() {
        out.push_str("<ul>\n");
        for note in image.notes {
            writeln!(out, "<li>{}</li>", Text(note))?;
        }
        out.push_str("</ul>\n");
    }
    Ok(())
}

/// A change list: settings before and after.
fn changes(heading: &str, changes: &[ReportedChange<'_>], out: &mut String) -> fmt::Result {
    writeln!(
        out,
        "<table>\n<caption>{}</caption>\n<thead><tr><th scope=\"col\">Setting</th><th scope=\"col\">Before</th>\
         <th scope=\"col\">After</th></tr></thead>\n<tbody>",
        Text(heading)
    )?;
    for change in changes {
        let class = if change.is_changed() { "changed" } else { "already" };
        writeln!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}<small>{}</small></th><td data-label=\"Before\">{}</td>\
             <td data-label=\"After\">{}</td></tr>",
            Text(change.name),
            Text(change.place),
            Text(change.old.unwrap_or("-")),
            Text(change.new.unwrap_or("-")),
        )?;
    }
    out.push_str("</tbody>\n</table>\n");
    Ok(())
}

fn findings(findings: &[Finding], out: &mut String) -> fmt::Result {
    out.push_str(
        "<table>\n<caption>Findings</caption>\n<thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Place</th>\
         <th scope=\"col\">What</th><th scope=\"col\">What to do</th></tr></thead>\n<tbody>\n",
    );
    for level in Level::ALL.into_iter().rev() {
        for finding in findings.iter().filter(|finding| finding.level == level) {
            let image = finding.image.map(|image| format!("image {image} "));
            writeln!(
                out,
                "<tr class=\"{level}\"><th scope=\"row\">{rule} <span>{level}</span></th><td data-label=\"Place\">{image}{place}</td>\
                 <td data-label=\"What\">{message}</td><td data-label=\"What to do\">{help}</td></tr>",
                level = level.name(),
                rule = finding.rule.id,
                image = image.unwrap_or_default(),
                place = Text(&finding.place),
                message = Text(&finding.message),
                help = Text(&finding.help),
            )?;
        }
    }
    out.push_str("</tbody>\n</table>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_taken_for_html() {
        let text = Text("<script>&\"'\u{1b}[0m").to_string();
        assert!(!text.contains(['<', '>', '"', '\'', '\u{1b}']), "{text}");
        assert!(text.starts_with("&lt;script&gt;&amp;&quot;&#39;"), "{text}");
    }
}
