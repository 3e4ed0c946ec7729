//! The `hive` commands that write: one way in, one way out.
//!
//! Promise: the file is written only if something changed, or if a copy was asked for; a dirty hive is written only after its logs
//! were applied; after a saved change the logs beside the file are zero and empty.

use super::super::arguments::WriteOptions;
use super::super::terminal::{CHANGED, FAINT, Rows, Terminal};
use super::FILE_LIMIT;
use crate::Error;
use crate::activation::{Change, show};
use crate::bytes::slice;
use crate::cli::Failure;
use crate::cli::interrupt;
use crate::file::Draft;
use crate::hive::{self, Hive, SaveError, Value, ValueKind};
use crate::report::{HiveChange, HiveWritten};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The part of a hive that applying logs always changes, in bytes.
const BASE_BLOCK: usize = 512;

/// A hive that is being written.
pub(super) struct Writing<'f> {
    file: &'f Path,
    options: WriteOptions,
    pub(super) hive: Hive,
    replayed: bool,
    bytes_before: u64,
    /// The new file, if it is being prepared already.
    draft: Option<Draft>,
}

impl<'f> Writing<'f> {
    /// Opens the hive in `file`, with what its logs hold if that is asked for; everything is checked.
    pub(super) fn open(file: &'f Path, options: WriteOptions) -> Result<Self, Failure> {
        let mut writing = Self::read(file, options)?;
        let checked = writing.hive.demand_editable();
        checked.map_err(|cause| writing.within(cause))?;
        Ok(writing)
    }

    /// As [`Writing::open`], without the check, which the first edit does.
    pub(super) fn read(file: &'f Path, options: WriteOptions) -> Result<Self, Failure> {
        interrupt::watch();
        let within = |cause: hive::Error| Error::from(cause).within(file);
        let mut bytes = super::read(file)?;
        let bytes_before = bytes.len() as u64;
        let mut replayed = false;
        if options.replay {
            let before = slice(&bytes, 0, BASE_BLOCK).unwrap_or_default().to_vec();
            let [first, second] =
                hive::read_logs(file, FILE_LIMIT).map_err(|cause| Error::file(file, cause))?;
            bytes = hive::recover(bytes.into(), &first, &second)
                .map_err(within)?
                .into();
            replayed = !bytes.starts_with(&before);
        }
        Ok(Self {
            file,
            options,
            hive: Hive::read_bulk(bytes).map_err(within)?,
            replayed,
            bytes_before,
            draft: None,
        })
    }

    fn within(&self, cause: hive::Error) -> Failure {
        Error::from(cause).within(self.file).into()
    }

    pub(super) fn set(
        mut self,
        key: &str,
        name: &str,
        kind: ValueKind,
        data: &[u8],
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let is_so = |value: Value<'_>| value.data().map(|old| value.kind() == kind && *old == *data);
        let is_there = found(&self.hive, key, name).and_then(|value| value.map(is_so).transpose());
        if matches!(is_there, Ok(None | Some(false))) {
            self.begin_draft();
        }
        let old = self.stored(key, name);
        let outcome = self.hive.set_value(key, name, kind, data);
        let changed = outcome.map_err(|cause| self.within(cause))?.is_change();
        let old = old?;
        let change = Change {
            place: key.to_owned(),
            name: shown(name),
            old,
            new: Some(show(kind, data)),
            changed,
        };
        self.finish(&[change], None, terminal)
    }

    pub(super) fn delete(
        mut self,
        key: &str,
        name: Option<&str>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let old = match name {
            Some(name) => self.stored(key, name),
            None => Ok(Some("key".to_owned())),
        };
        if matches!(old, Ok(Some(_))) && matches!(self.hive.find(key), Ok(Some(_))) {
            self.begin_draft();
        }
        let outcome = match name {
            Some(name) => self.hive.delete_value(key, name),
            None => self.hive.delete_key(key),
        };
        let changed = outcome.map_err(|cause| self.within(cause))?;
        let old = old?;
        let change = Change {
            place: key.to_owned(),
            name: name.map(shown).unwrap_or_default(),
            old: old.filter(|_| changed),
            new: None,
            changed,
        };
        self.finish(&[change], None, terminal)
    }

    pub(super) fn scrub(mut self, terminal: &Terminal) -> Result<(), Failure> {
        let wiped = self.hive.scrub().map_err(|cause| self.within(cause))?;
        self.finish(&[], Some(wiped), terminal)
    }

    pub(super) fn compact(mut self, terminal: &Terminal) -> Result<(), Failure> {
        self.hive = self.hive.compact().map_err(|cause| self.within(cause))?;
        self.finish(&[], None, terminal)
    }

    /// Begins to prepare the new file, because a change is ahead; the full check runs meanwhile.
    fn begin_draft(&mut self) {
        if self.options.dry_run || self.hive.is_dirty() {
            return;
        }
        // What hinders this will hinder saving, which says so.
        let draft = File::open(self.file)
            .ok()
            .map(|file| Draft::of(self.target(), file));
        self.draft = draft.and_then(Result::ok);
    }

    fn target(&self) -> &Path {
        self.options.output.as_deref().unwrap_or(self.file)
    }

    /// What a value holds, for people.
    fn stored(&self, key: &str, name: &str) -> Result<Option<String>, Failure> {
        let shown = |value: Value<'_>| value.data().map(|data| show(value.kind(), &data));
        let value = found(&self.hive, key, name).and_then(|value| value.map(shown).transpose());
        value.map_err(|cause| self.within(cause))
    }

    /// Saves what was changed, empties the logs and tells.
    pub(super) fn finish(
        mut self,
        changes: &[Change],
        wiped_bytes: Option<u64>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let is_changed = self.replayed || self.hive.is_changed();
        let target = self.target().to_owned();
        let is_copy = self.options.output.is_some();
        let bytes_after = if !self.options.dry_run && (is_changed || is_copy) {
            let draft = self.draft.map_or_else(|| Draft::new(&target), Ok);
            let saved = draft
                .map_err(SaveError::File)
                .and_then(|draft| self.hive.save(draft));
            let length = saved.map_err(|error| match error {
                SaveError::Hive(cause) => Error::from(cause).within(self.file),
                SaveError::File(cause) => Error::NotReplaced {
                    path: target.clone(),
                    cause,
                },
            })?;
            hive::empty_logs(&target).map_err(|cause| Error::file(&target, cause))?;
            length
        } else {
            let length = self.hive.rehearse();
            length.map_err(|cause| Error::from(cause).within(self.file))?
        };
        let facts = HiveWritten {
            target: self.file.display().to_string(),
            output: self
                .options
                .output
                .as_ref()
                .map(|path| path.display().to_string()),
            dry_run: self.options.dry_run,
            changed: is_changed,
            replayed: self.replayed,
            wiped_bytes,
            bytes_before: self.bytes_before,
            bytes_after,
        };
        let report = HiveChange::new(facts, changes);
        terminal.result(&report, |out| {
            let mut table = Rows::new();
            for (changed, row) in report.rows() {
                table.add(if changed { CHANGED } else { FAINT }, row);
            }
            table.write(out, 0)?;
            writeln!(out, "{}", report.sentence())
        })?;
        Ok(())
    }
}

/// The value `name` of the key at `path`, if there is one.
fn found<'h>(hive: &'h Hive, path: &str, name: &str) -> Result<Option<Value<'h>>, hive::Error> {
    Ok(hive.find(path)?.map(|key| key.value(name)).transpose()?.flatten())
}

/// The name of a value for a change list, where no name means the key itself.
fn shown(name: &str) -> String {
    if name.is_empty() {
        "(default)".to_owned()
    } else {
        name.to_owned()
    }
}

/// Applies the logs of the hive in `file`.
pub(super) fn recover(
    file: &Path,
    dry_run: bool,
    output: Option<PathBuf>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let options = WriteOptions {
        dry_run,
        output,
        replay: true,
    };
    Writing::open(file, options)?.finish(&[], None, terminal)
}
