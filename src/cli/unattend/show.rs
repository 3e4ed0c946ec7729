//! `wimkey unattend show`: what an answer file will do about activation.

use super::super::Failure;
use super::super::terminal::{STRONG, Terminal, paint};
use super::read;
use crate::report::UnattendShow;
use std::path::Path;

pub(super) fn run(file: &Path, terminal: &Terminal) -> Result<(), Failure> {
    let answers = read(file)?;
    let report = UnattendShow::new(file.display().to_string(), &answers);
    terminal.result(&report, |out| report.write_text(|text| paint(STRONG, text), out))?;
    Ok(())
}
