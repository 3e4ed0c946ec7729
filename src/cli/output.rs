//! output - where a new file goes that an option names.
//!
//! Promise: a file takes the place of a file of its own kind only, so that a slip costs no image, no hive and no key file.

use super::Failure;
use crate::Error;
use crate::hive;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Hive,
    AnswerFile,
    RegistrationFile,
    /// The page for people.
    Report,
}

/// As much of a file as tells what it is, in bytes.
const BEGINNING: u64 = 128;
/// What registration files begin with.
const REGISTRATION: [&str; 2] = ["Windows Registry Editor", "REGEDIT4"];
/// What the page for people begins with.
const PAGE: &[u8] = b"<!DOCTYPE html>";

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Hive => "hive",
            Self::AnswerFile => "answer file",
            Self::RegistrationFile => "registration file",
            Self::Report => "report",
        }
    }

    /// Whether a file that begins so is one; an empty file is nothing yet.
    fn is_begun(self, beginning: &[u8]) -> bool {
        // Of UTF-16 every other byte is zero, and marks of order are no text.
        let text: String = beginning
            .iter()
            .filter(|byte| byte.is_ascii() && **byte != 0)
            .map(|&byte| char::from(byte))
            .collect();
        beginning.is_empty()
            || match self {
                Self::Hive => hive::is_hive(beginning),
                Self::AnswerFile => text.trim_start().starts_with('<') && !beginning.starts_with(PAGE),
                Self::RegistrationFile => REGISTRATION.iter().any(|header| text.starts_with(header)),
                Self::Report => beginning.starts_with(PAGE),
            }
    }
}

/// Demands that nothing is lost when a file of this kind takes its place at `path`, which `option` named.
pub(super) fn demand_place(path: &Path, kind: Kind, option: &str) -> Result<(), Failure> {
    let is_one = |file: File| {
        let mut beginning = Vec::new();
        let read = file.take(BEGINNING).read_to_end(&mut beginning);
        read.is_ok() && kind.is_begun(&beginning)
    };
    if path.exists() && !(path.is_file() && File::open(path).is_ok_and(is_one)) {
        let (path, name) = (path.display(), kind.name());
        return Err(Error::Usage(format!(
            "{path} is there already and is no {name}, so it is not overwritten\nName another file for {option}."
        ))
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_beginning_in_any_encoding() {
        let utf16 = |text: &str| [&[0xFF, 0xFE], crate::text::utf16le(text).as_slice()].concat();
        let registration = "Windows Registry Editor Version 5.00\r\n";
        let begun = [
            (Kind::Hive, b"regf1234".to_vec()),
            (Kind::AnswerFile, b"\xEF\xBB\xBF\r\n<?xml version".to_vec()),
            (Kind::AnswerFile, utf16("<unattend>")),
            (Kind::RegistrationFile, utf16(registration)),
            (Kind::RegistrationFile, b"REGEDIT4\n".to_vec()),
            (Kind::Report, b"<!DOCTYPE html><title>".to_vec()),
        ];
        for (kind, beginning) in &begun {
            for other in [Kind::Hive, Kind::AnswerFile, Kind::RegistrationFile, Kind::Report] {
                assert_eq!(other.is_begun(beginning), other == *kind, "{other:?} {kind:?}");
            }
            assert!(kind.is_begun(b"") && !kind.is_begun(b"MSWIM\0\0\0"));
        }
    }
}
