//! What a run changed in images, for people.

use super::terminal::{CHANGED, FAINT, Rows, STRONG, WARNING, paint};
use crate::plan;
use std::io::{self, Write};

/// The change list, image by image, and how it ended.
pub(super) fn write_outcome(out: &mut dyn Write, outcome: &plan::Outcome, dry_run: bool) -> io::Result<()> {
    write_changes(out, outcome, dry_run, true)?;
    let sentence = match (outcome.changed(), dry_run) {
        (false, _) if outcome.cleaned => {
            "Everything is already as asked; only what an interrupted run had left was taken away."
        }
        (false, _) => "Everything is already as asked; nothing was written.",
        (true, true) => "Nothing was written (--dry-run).",
        (true, false) => "Written, read back and found as asked.",
    };
    writeln!(out, "{sentence}")
}

/// The change list, image by image; without `all`, only what differs from before.
pub(super) fn write_changes(
    out: &mut dyn Write,
    outcome: &plan::Outcome,
    dry_run: bool,
    all: bool,
) -> io::Result<()> {
    for image in &outcome.images {
        let facts = &image.facts;
        let what = format!(
            "({}, build {}, {})",
            facts.edition, facts.build, facts.architecture
        );
        writeln!(
            out,
            "{} {what}",
            paint(
                STRONG,
                format!("{} {}", image.index, crate::text::printable(&image.name))
            )
        )?;
        let mut table = Rows::new();
        let mut place = "";
        for change in image.changes.iter().filter(|change| all || change.changed) {
            if change.place != place {
                table.write(out, 4)?;
                table = Rows::new();
                place = &change.place;
                writeln!(out, "  {place}")?;
            }
            let style = if change.changed { CHANGED } else { FAINT };
            let state = match (change.changed, dry_run) {
                (true, true) => "would change",
                (true, false) => "changed",
                (false, _) => "already",
            };
            let nothing = || "-".to_owned();
            let new = change.new.clone().unwrap_or_else(nothing);
            let value = if change.changed {
                format!("{} -> {new}", change.old.clone().unwrap_or_else(nothing))
            } else {
                new
            };
            table.add(style, [state.to_owned(), change.name.clone(), value]);
        }
        table.write(out, 4)?;
        for note in &image.notes {
            writeln!(out, "  {} {note}", paint(WARNING, "note:"))?;
        }
    }
    Ok(())
}
