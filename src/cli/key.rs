//! `wimkey key`: what a key is for, and which key an edition takes.

mod check;

use super::arguments::{KeyCommand, PlatformName};
use super::terminal::{PLAIN, Rows, STRONG, Terminal, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::catalog::{self, PublishedKey};
use crate::key::ProductKey;
use crate::report::{KeyList, status_name};
use std::io;

pub(super) fn run(command: KeyCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        KeyCommand::Check {
            source,
            image,
            pkeyconfig,
            lines,
        } => {
            let ground = check::Ground::new(image.as_deref(), pkeyconfig.as_deref())?;
            check::run(source, &ground, lines, terminal)
        }
        KeyCommand::Lookup { query } => lookup(&query.join(" "), terminal),
        KeyCommand::List { family, platform } => list(family.as_deref(), platform, terminal),
    }
}

/// The published key for an edition of today's Windows, or for a product by its name.
pub(super) fn newest(edition: &str) -> Result<&'static PublishedKey, String> {
    let query = crate::text::printable(edition);
    if let Ok(row) = catalog::newest_gvlk(edition) {
        return Ok(row);
    }
    let found: Vec<_> = catalog::search(edition)
        .into_iter()
        .filter(|row| {
            row.kind == catalog::KeyKind::Gvlk
                && row.status == catalog::Status::Current
                && row.platform != catalog::Platform::Office
        })
        .collect();
    match found.as_slice() {
        [] => {
            let remedy = match catalog::near_edition(edition) {
                Some(near) => format!("Did you mean {near}?"),
                None => "See wimkey key list for the names there are.".to_owned(),
            };
            Err(format!(
                "there is no published client setup key for {query}\n{remedy}"
            ))
        }
        [row] => Ok(row),
        [first, ..] if found.iter().all(|row| row.text == first.text) => Ok(first),
        several => {
            let names: Vec<_> = several.iter().take(5).map(|row| row.product).collect();
            Err(format!(
                "{query} could be several products: {}\nName one of them in full.",
                names.join(", ")
            ))
        }
    }
}

fn lookup(query: &str, terminal: &Terminal) -> Result<Outcome, Failure> {
    let rows = find(query);
    if rows.is_empty() {
        let shown = ProductKey::parse(query)
            .map_or_else(|_| crate::text::printable(query), |parsed| parsed.key.partial());
        let meant = catalog::suggest_query(query);
        let meant = meant.map_or_else(String::new, |meant| format!("Did you mean \"{meant}\"? "));
        let sentence = format!(
            "nothing published matches {shown}\n{meant}Ask with a published key, its last five symbols, a product or edition name, or an activation ID."
        );
        return Err(Error::NotFound(sentence).into());
    }
    terminal.result(&KeyList::new(&rows), |out| {
        for row in &rows {
            writeln!(out, "{}  {}", row.text, paint(STRONG, row.product))?;
            let mut line = |label: &str, text: &str| {
                if text.is_empty() {
                    Ok(())
                } else {
                    writeln!(out, "  {label:<15} {text}")
                }
            };
            line("also", &row.also.join(", "))?;
            line("edition", &row.editions.join(", "))?;
            line("channel", row.kind.channel())?;
            line("KMS group", row.kms_group.unwrap_or_default())?;
            if let [_] = rows.as_slice() {
                hosts(row, &mut line)?;
            } else {
                let hosts: Vec<_> = catalog::host_keys_for(row).map(|host| host.name).collect();
                line("host keys", &hosts.join("; "))?;
            }
            if row.clients_needed > 0 {
                line("KMS threshold", &format!("{} machines", row.clients_needed))?;
            }
            line("activation ID", row.activation_id.unwrap_or_default())?;
            if row.status != catalog::Status::Current {
                line("status", status_name(row.status))?;
            }
            line("note", row.note)?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}

/// The host keys that activate a row, each with the systems it is installed on, and the updates that older ones of these need.
fn hosts(row: &PublishedKey, line: &mut impl FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
    let mut label = "host keys";
    for host in catalog::host_keys_for(row) {
        line(label, host.name)?;
        label = "";
        if !host.installed_on.is_empty() {
            line("", &format!("  installed on {}", host.installed_on.join(", ")))?;
        }
        if !host.not_on.is_empty() {
            line("", &format!("  but not on {}", host.not_on.join(", ")))?;
        }
    }
    label = "host updates";
    for update in catalog::host_updates_for(row) {
        let later = if update.or_later { " or later" } else { "" };
        let note = if update.note.is_empty() { "" } else { "; " };
        let updates = update.updates.join(" and ");
        line(
            label,
            &format!("{} needs {updates}{later}{note}{}", update.host, update.note),
        )?;
        label = "";
    }
    Ok(())
}

/// Rows for a key, a key's last five symbols, an activation ID, or a name in plain words, whatever fits first.
fn find(query: &str) -> Vec<&'static PublishedKey> {
    let query = query.trim();
    if let Ok(parsed) = ProductKey::parse(query) {
        return catalog::row_of(&parsed.key).into_iter().collect();
    }
    let mut rows: Vec<_> = catalog::by_activation_id(query).collect();
    if rows.is_empty() {
        rows.extend(catalog::by_last_five(query));
    }
    if rows.is_empty() {
        rows = catalog::search(query);
    }
    rows
}

fn list(
    family: Option<&str>,
    platform: Option<PlatformName>,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let wanted = |row: &&PublishedKey| {
        family.is_none_or(|family| row.family.eq_ignore_ascii_case(family))
            && platform.is_none_or(|platform| {
                row.platform
                    == match platform {
                        PlatformName::Client => catalog::Platform::Client,
                        PlatformName::Server => catalog::Platform::Server,
                        PlatformName::Office => catalog::Platform::Office,
                    }
            })
    };
    let mut rows: Vec<_> = catalog::published().iter().filter(wanted).collect();
    rows.sort_by_key(|row| (row.platform, row.family, row.product));
    if rows.is_empty() {
        let mut families: Vec<_> = catalog::published().iter().map(|row| row.family).collect();
        families.sort_unstable();
        families.dedup();
        return Err(Error::NotFound(format!(
            "there is no such family\nThere are: {}.",
            families.join(", ")
        ))
        .into());
    }
    terminal.result(&KeyList::new(&rows), |out| {
        let mut table = Rows::new();
        table.add(
            STRONG,
            ["KEY", "PRODUCT", "EDITION", "CHANNEL", "KMS GROUP", "STATUS"],
        );
        for row in &rows {
            table.add(
                PLAIN,
                [
                    row.text,
                    row.product,
                    row.edition().unwrap_or("-"),
                    row.kind.channel(),
                    row.kms_group.unwrap_or("-"),
                    status_name(row.status),
                ],
            );
        }
        table.write(out, 0)
    })?;
    Ok(Outcome::Done)
}
