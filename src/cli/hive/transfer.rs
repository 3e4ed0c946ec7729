//! `hive export` and `hive import`: hives and registration files.

use super::super::arguments::WriteOptions;
use super::super::terminal::Terminal;
use super::write::Writing;
use super::{FILE_LIMIT, no_key, note_dirt, read};
use crate::Error;
use crate::cli::Failure;
use crate::cli::{interrupt, output};
use crate::hive::{self, Hive};
use crate::report::HiveExport;
use crate::secret::Wiped;
use crate::transfer::{self, Exported};
use crate::{bytes, file, regfile, secret};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

/// What the hive stands for: what was said, or what its file name says.
fn place(file: &Path, prefix: Option<String>) -> String {
    prefix.unwrap_or_else(|| {
        let name = file.file_name().unwrap_or_default();
        transfer::place_of(&name.to_string_lossy())
    })
}

/// What is written, in memory that leaves no copies behind as it grows.
struct Collected(Wiped);

impl Write for Collected {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let start = self.0.len();
        secret::grow(&mut self.0, start.saturating_add(part.len()));
        bytes::put(&mut self.0, start, part).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn export(
    path: &Path,
    key: Option<&str>,
    prefix: Option<String>,
    output: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let within = |cause: hive::Error| Error::from(cause).within(path);
    let prefix = place(path, prefix);
    let hive = Hive::read_bulk(read(path)?).map_err(within)?;
    note_dirt(hive.is_dirty(), terminal);
    let wanted = key.unwrap_or_default();
    let start = hive
        .find(wanted)
        .map_err(within)?
        .ok_or_else(|| no_key(path, wanted))?;
    let failed = |cause: transfer::Error| Error::from(cause).within(path);
    let Some(output) = output else {
        let out = io::stdout();
        if out.is_terminal() {
            return Err(Error::Usage(
                "the registration file would go to the terminal\nName a file with --output, or redirect standard output."
                    .to_owned(),
            )
            .into());
        }
        transfer::export(&start, &prefix, BufWriter::new(out.lock())).map_err(failed)?;
        return Ok(());
    };
    output::demand_place(output, output::Kind::RegistrationFile, "--output")?;
    let mut text = Collected(Wiped::default());
    let Exported { keys, values } = transfer::export(&start, &prefix, &mut text).map_err(failed)?;
    interrupt::watch();
    file::replace(output, &text.0, |_| Ok(())).map_err(|cause| Error::NotReplaced {
        path: output.to_owned(),
        cause,
    })?;
    let name = |path: &Path| path.display().to_string();
    let report = HiveExport::new(name(path), name(output), prefix, keys, values);
    terminal.result(&report, |out| {
        writeln!(out, "{}: {keys} keys, {values} values", output.display())
    })?;
    Ok(())
}

pub(super) fn import(
    path: &Path,
    reg: &Path,
    prefix: Option<String>,
    options: WriteOptions,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let failed = |cause: transfer::Error| Error::from(cause).within(reg);
    let prefix = place(path, prefix);
    let text = secret::read_file(reg, FILE_LIMIT).map_err(|cause| Error::file(reg, cause))?;
    let entries = regfile::parse(&text).map_err(|cause| failed(cause.into()))?;
    let mut writing = Writing::open(path, options)?;
    let changes = transfer::import(&mut writing.hive, &prefix, &entries).map_err(failed)?;
    writing.finish(&changes, None, terminal)
}
