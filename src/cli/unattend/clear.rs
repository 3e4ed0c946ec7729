//! `wimkey unattend clear`: keys out of an answer file, and passwords with them.

use super::super::Failure;
use super::super::arguments::DestinationOptions;
use super::super::terminal::Terminal;
use super::{Destination, read};
use crate::Error;
use crate::report::UnattendClear;
use std::path::Path;

pub(super) fn run(
    file: &Path,
    secrets: bool,
    destination: DestinationOptions,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let destination = Destination::from(destination);
    let mut answers = read(file)?;
    let cleared = answers
        .clear(secrets)
        .map_err(|cause| Error::from(cause).within(file))?;
    let changed = cleared.keys + cleared.passwords > 0;
    let report = UnattendClear::new(file.display().to_string(), &cleared, destination.is_nowhere());
    if destination.write(file, &answers.into_bytes(), changed)? {
        return Ok(());
    }
    terminal.result(&report, |out| report.write_text(out))?;
    Ok(())
}
