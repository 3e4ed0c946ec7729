//! The `hive` commands that write: one way in, one way out.
//!
//! Promise: the file is written only if something changed, or if a copy was asked for; a dirty hive is written only after its logs
//! were applied; after a saved change the logs beside the file are zero and empty.

use super::super::arguments::WriteOptions;
use super::super::terminal::{CHANGED, FAINT, Rows, Terminal};
use super::FILE_LIMIT;
use crate::Error;
use crate::activation::{Change, NO_LINK, behind_link, show};
use crate::bytes::slice;
use crate::cli::Failure;
use crate::cli::{interrupt, output};
use crate::file::{self, Draft, Held};
use crate::hive::{self, Hive, Lookup, SaveError, Value, ValueKind};
use crate::report::{HiveChange, HiveWritten};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The part of a hive that applying logs always changes, in bytes.
const BASE_BLOCK: usize = 512;

/// A hive that is being written.
pub(super) struct Writing<'f> {
    pub(super) hive: Hive,
    job: Job<'f>,
    /// The new file, if it is being prepared already.
    draft: Option<Draft>,
}

/// What is known of the writing besides the hive.
struct Job<'f> {
    file: &'f Path,
    options: WriteOptions,
    replayed: bool,
    bytes_before: u64,
    /// Nobody else changes the file meanwhile.
    _held: Held,
}

/// What came of the writing, or would come of it.
struct Written<'c> {
    changes: &'c [Change],
    wiped_bytes: Option<u64>,
    changed: bool,
    bytes_after: u64,
}

impl<'f> Writing<'f> {
    /// Opens the hive in `file`, with what its logs hold if that is asked for; everything is checked.
    pub(super) fn open(file: &'f Path, options: WriteOptions) -> Result<Self, Failure> {
        let held = hold(file, &options)?;
        let mut writing = Self::read(file, options, held, None)?;
        let checked = writing.hive.demand_editable();
        checked.map_err(|cause| writing.job.within(cause))?;
        Ok(writing)
    }

    /// As [`Writing::open`], without the check, which the first edit does. `draft` is what was begun for it.
    fn read(
        file: &'f Path,
        options: WriteOptions,
        held: Held,
        draft: Option<Draft>,
    ) -> Result<Self, Failure> {
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
            hive: Hive::read_bulk(bytes).map_err(within)?,
            job: Job {
                file,
                options,
                replayed,
                bytes_before,
                _held: held,
            },
            draft,
        })
    }

    pub(super) fn set(
        file: &'f Path,
        (key, name): (&str, &str),
        (kind, data): (ValueKind, &[u8]),
        options: WriteOptions,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let is_so = |value: Value<'_>| value.data().map(|old| value.kind() == kind && *old == *data);
        let held = hold(file, &options)?;
        let draft = begin_draft(file, &options, &|hive| {
            let is_there = found(hive, key, name)?.map(is_so).transpose()?;
            Ok(is_there != Some(true))
        });
        let mut writing = Self::read(file, options, held, draft)?;
        refuse_link(&writing.hive, key)?;
        let old = writing.stored(key, name);
        let outcome = writing.hive.set_value(key, name, kind, data);
        let changed = outcome.map_err(|cause| writing.job.within(cause))?.is_change();
        let change = Change {
            place: key.to_owned(),
            name: shown(name),
            old: old?,
            new: Some(show(kind, data)),
            changed,
        };
        writing.finish(&[change], None, terminal)
    }

    pub(super) fn delete(
        file: &'f Path,
        key: &str,
        name: Option<&str>,
        options: WriteOptions,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let held = hold(file, &options)?;
        let draft = begin_draft(file, &options, &|hive| match name {
            Some(name) => Ok(found(hive, key, name)?.is_some()),
            None => Ok(hive.find(key)?.is_some()),
        });
        let mut writing = Self::read(file, options, held, draft)?;
        refuse_link(&writing.hive, key)?;
        let old = match name {
            Some(name) => writing.stored(key, name),
            None => Ok(Some("key".to_owned())),
        };
        let outcome = match name {
            Some(name) => writing.hive.delete_value(key, name),
            None => writing.hive.delete_key(key),
        };
        let changed = outcome.map_err(|cause| writing.job.within(cause))?;
        let change = Change {
            place: key.to_owned(),
            name: name.map(shown).unwrap_or_default(),
            old: old?.filter(|_| changed),
            new: None,
            changed,
        };
        writing.finish(&[change], None, terminal)
    }

    pub(super) fn scrub(mut self, terminal: &Terminal) -> Result<(), Failure> {
        let wiped = self.hive.scrub().map_err(|cause| self.job.within(cause))?;
        self.finish(&[], Some(wiped), terminal)
    }

    /// Writes the compact hive while it is being made; only a dry run keeps it in memory.
    pub(super) fn compact(mut self, terminal: &Terminal) -> Result<(), Failure> {
        if self.job.options.dry_run {
            self.hive = self.hive.compact().map_err(|cause| self.job.within(cause))?;
            return self.finish(&[], None, terminal);
        }
        let Self { hive, job, .. } = self;
        let always = job.replayed || job.options.output.is_some();
        let draft = Draft::new(job.target()).map_err(SaveError::File);
        let compacted = draft.and_then(|draft| hive.compact_into(draft, always));
        let compacted = compacted.map_err(|error| job.not_saved(error))?;
        if always || compacted.changed {
            job.empty_logs()?;
        }
        let written = Written {
            changes: &[],
            wiped_bytes: None,
            changed: job.replayed || compacted.changed,
            bytes_after: compacted.length,
        };
        job.tell(&written, terminal)
    }

    /// What a value holds, for people.
    fn stored(&self, key: &str, name: &str) -> Result<Option<String>, Failure> {
        let shown = |value: Value<'_>| value.data().map(|data| show(value.kind(), &data));
        let value = found(&self.hive, key, name).and_then(|value| value.map(shown).transpose());
        value.map_err(|cause| self.job.within(cause))
    }

    /// Saves what was changed, empties the logs and tells.
    pub(super) fn finish(
        self,
        changes: &[Change],
        wiped_bytes: Option<u64>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let Self { mut hive, job, draft } = self;
        let changed = job.replayed || hive.is_changed();
        let is_copy = job.options.output.is_some();
        let bytes_after = if !job.options.dry_run && (changed || is_copy) {
            let draft = draft.map_or_else(|| Draft::new(job.target()), Ok);
            let saved = draft.map_err(SaveError::File).and_then(|draft| hive.save(draft));
            let length = saved.map_err(|error| job.not_saved(error))?;
            job.empty_logs()?;
            length
        } else {
            hive.rehearse().map_err(|cause| job.within(cause))?
        };
        let written = Written {
            changes,
            wiped_bytes,
            changed,
            bytes_after,
        };
        job.tell(&written, terminal)
    }
}

impl Job<'_> {
    fn target(&self) -> &Path {
        self.options.output.as_deref().unwrap_or(self.file)
    }

    fn within(&self, cause: hive::Error) -> Failure {
        Error::from(cause).within(self.file).into()
    }

    fn not_saved(&self, error: SaveError) -> Failure {
        match error {
            SaveError::Hive(cause) => self.within(cause),
            SaveError::File(cause) => {
                let path = self.target().to_owned();
                Error::NotReplaced { path, cause }.into()
            }
        }
    }

    /// The logs beside what was written hold old pages.
    fn empty_logs(&self) -> Result<(), Failure> {
        let path = self.target();
        hive::empty_logs(path).map_err(|cause| {
            let path = path.to_owned();
            Error::LogsNotEmptied { path, cause }.into()
        })
    }

    fn tell(&self, written: &Written<'_>, terminal: &Terminal) -> Result<(), Failure> {
        let output = self.options.output.as_ref();
        let facts = HiveWritten {
            target: self.file.display().to_string(),
            output: output.map(|path| path.display().to_string()),
            dry_run: self.options.dry_run,
            changed: written.changed,
            replayed: self.replayed,
            wiped_bytes: written.wiped_bytes,
            bytes_before: self.bytes_before,
            bytes_after: written.bytes_after,
        };
        let report = HiveChange::new(facts, written.changes);
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

/// Refuses a path that leads through the link that only a running Windows has.
fn refuse_link(hive: &Hive, path: &str) -> Result<(), Failure> {
    match behind_link(hive, path) {
        None => Ok(()),
        Some(set) => Err(Error::Usage(format!(
            "{NO_LINK}\nName {set}, which is the current one, instead."
        ))
        .into()),
    }
}

/// Keeps other runs from changing the hive in `file`, if its changed copy has a place to go.
fn hold(file: &Path, options: &WriteOptions) -> Result<Held, Failure> {
    if let Some(output) = &options.output {
        output::demand_place(output, output::Kind::Hive, "--output")?;
    }
    file::hold(file).map_err(|cause| Error::file(file, cause).into())
}

/// Begins to prepare the new file if a change is ahead; the hive is read and checked meanwhile. Only a few parts of it are looked at
/// here, so what hinders this hinders the reading and the saving too, which say so.
fn begin_draft(
    file: &Path,
    options: &WriteOptions,
    is_ahead: &dyn Fn(&Hive) -> Result<bool, hive::Error>,
) -> Option<Draft> {
    if options.dry_run || options.replay {
        return None;
    }
    let mut lookup = Lookup::open(File::open(file).ok()?, FILE_LIMIT).ok()?;
    let is_ahead = lookup.ask(|hive| Ok(!hive.is_dirty() && is_ahead(hive)?));
    let target = options.output.as_deref().unwrap_or(file);
    if is_ahead.ok()? {
        Draft::of(target, File::open(file).ok()?).ok()
    } else {
        None
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
