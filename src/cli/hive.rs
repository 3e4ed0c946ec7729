//! `wimkey hive`: a hive file on its own.

mod data;
mod transfer;
mod write;

use super::arguments::HiveCommand;
use super::terminal::{FAULT, PLAIN, Rows, STRONG, Terminal, WARNING};
use super::{Failure, Outcome};
use crate::Error;
use crate::hive::{self, Finding, Hive, Lookup, LookupError, Severity, Value, ValueKind};
use crate::report::{HiveCheck, HiveKey, HiveShow, HiveValue};
use crate::secret::Bulk;
use std::fs::File;
use std::path::Path;
use write::{Writing, recover};

/// The largest hive file accepted, in bytes.
const FILE_LIMIT: usize = 2 << 30;

pub(super) fn run(command: HiveCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        HiveCommand::Check { file } => return check(&file, terminal),
        HiveCommand::Show { file } => show(&file, terminal)?,
        HiveCommand::Get { file, key, name } => get(&file, &key, name.as_deref(), terminal)?,
        HiveCommand::Set {
            file,
            key,
            name,
            kind,
            data,
            options,
        } => {
            let data = data::parse(kind, &data)?;
            Writing::set(&file, (&key, &name), (kind, &data), options, terminal)?;
        }
        HiveCommand::Delete {
            file,
            key,
            name,
            options,
        } => Writing::delete(&file, &key, name.as_deref(), options, terminal)?,
        HiveCommand::Export {
            file,
            key,
            prefix,
            output,
        } => transfer::export(&file, key.as_deref(), prefix, output.as_deref(), terminal)?,
        HiveCommand::Import {
            file,
            reg,
            prefix,
            options,
        } => transfer::import(&file, &reg, prefix, options, terminal)?,
        HiveCommand::Scrub { file, options } => Writing::open(&file, options)?.scrub(terminal)?,
        HiveCommand::Compact { file, options } => Writing::open(&file, options)?.compact(terminal)?,
        HiveCommand::Recover {
            file,
            dry_run,
            output,
        } => recover(&file, dry_run, output, terminal)?,
    }
    Ok(Outcome::Done)
}

/// Says that newer values may be in the logs, if they may.
fn note_dirt(is_dirty: bool, terminal: &Terminal) {
    if is_dirty {
        terminal.say("note: the hive is dirty; its transaction logs may hold newer values than those shown");
    }
}

fn show(file: &Path, terminal: &Terminal) -> Result<(), Failure> {
    let within = |cause: hive::Error| Error::from(cause).within(file);
    let bytes = read(file)?;
    let length = bytes.len() as u64;
    let hive = Hive::read_bulk(bytes).map_err(within)?;
    let report = HiveShow::new(file.display().to_string(), &hive, length).map_err(within)?;
    terminal.result(&report, |out| {
        let mut table = Rows::new();
        for row in report.rows() {
            table.add(STRONG, row);
        }
        table.write(out, 0)
    })?;
    Ok(())
}

/// The error for a key that is not there.
fn no_key(file: &Path, path: &str) -> Error {
    Error::NotFound(format!(
        "{} has no key {}\nWrite the path below the hive's root, without HKEY_LOCAL_MACHINE or the hive's name.",
        file.display(),
        crate::text::printable(path)
    ))
}

fn check(file: &Path, terminal: &Terminal) -> Result<Outcome, Failure> {
    let findings = hive::check(&read(file)?);
    let report = HiveCheck::new(file.display().to_string(), &findings);
    terminal.result(&report, |out| {
        let mut table = Rows::new();
        for Finding {
            offset,
            severity,
            sentence,
        } in &findings
        {
            let (style, level) = match severity {
                Severity::Refuse => (FAULT, "error"),
                Severity::Warn => (WARNING, "warning"),
            };
            table.add(
                style,
                [level.to_owned(), format!("{offset:#010x}"), sentence.clone()],
            );
        }
        table.write(out, 0)?;
        match findings.len() {
            0 => writeln!(out, "{}: sound", file.display()),
            1 => writeln!(out, "{}: 1 finding", file.display()),
            count => writeln!(out, "{}: {count} findings", file.display()),
        }
    })?;
    Ok(if findings.is_empty() {
        Outcome::Done
    } else {
        Outcome::Findings
    })
}

/// What `hive get` found: a value, a whole key, no such value, or no such key.
enum Found {
    Value(HiveValue),
    Key(HiveKey),
    NoValue,
    NoKey,
}

fn get(file: &Path, path: &str, name: Option<&str>, terminal: &Terminal) -> Result<(), Failure> {
    let failed = |cause: LookupError| match cause {
        LookupError::Hive(cause) => Error::from(cause).within(file),
        LookupError::System(cause) => Error::file(file, cause),
    };
    let opened = File::open(file).map_err(|cause| Error::file(file, cause))?;
    let mut lookup = Lookup::open(opened, FILE_LIMIT).map_err(failed)?;
    let is_dirty = lookup.ask(|hive| Ok(hive.is_dirty())).map_err(failed)?;
    note_dirt(is_dirty, terminal);
    match lookup.ask(|hive| find(hive, path, name)).map_err(failed)? {
        Found::NoKey => return Err(no_key(file, path).into()),
        Found::NoValue => {
            return Err(Error::NotFound(format!(
                "{} has no value {} in {}\nWithout a name all values of the key are printed.",
                file.display(),
                crate::text::printable(name.unwrap_or_default()),
                crate::text::printable(path)
            ))
            .into());
        }
        Found::Value(report) => terminal.result(&report, |out| writeln!(out, "{}", report.text()))?,
        Found::Key(report) => terminal.result(&report, |out| {
            let mut table = Rows::new();
            for value in report.values() {
                table.add(PLAIN, [value.shown_name(), value.kind().to_owned(), value.text()]);
            }
            for subkey in report.subkeys() {
                table.add(STRONG, [format!("{}\\", crate::text::printable(subkey))]);
            }
            table.write(out, 0)
        })?,
    }
    Ok(())
}

fn find(hive: &Hive, path: &str, name: Option<&str>) -> Result<Found, hive::Error> {
    let Some(key) = hive.find(path)? else {
        return Ok(Found::NoKey);
    };
    if let Some(name) = name {
        return Ok(match key.value(name)? {
            Some(value) => Found::Value(described(path, &value)?),
            None => Found::NoValue,
        });
    }
    let values: Result<_, _> = key.values().map(|value| described(path, &value?)).collect();
    let subkeys: Result<Vec<_>, hive::Error> = key.subkeys().map(|subkey| Ok(subkey?.name())).collect();
    Ok(Found::Key(HiveKey::new(path, values?, &subkeys?)))
}

fn described(path: &str, value: &Value<'_>) -> Result<HiveValue, hive::Error> {
    let data = value.data()?;
    let kind: ValueKind = value.kind();
    Ok(HiveValue::new(path, &value.name(), kind, &data))
}

fn read(file: &Path) -> Result<Bulk, Failure> {
    let bytes = Bulk::read(file, FILE_LIMIT);
    bytes.map_err(|cause| Failure::Work(Error::file(file, cause)))
}
