//! `wimkey kms`: which KMS host the clients of an image will ask.

use super::arguments::KmsCommand;
use super::terminal::{STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::image::Target;
use crate::kms;
use crate::report::KmsDiscovery;
use crate::{secret, text};

/// The largest zone file accepted, in bytes.
const ZONE_LIMIT: usize = 16 << 20;

pub(super) fn run(command: KmsCommand, terminal: &Terminal) -> Result<Outcome, Failure> {
    let KmsCommand::Discover { target, zone } = command;
    let zone = match zone {
        Some(path) => {
            let bytes = secret::read_file(&path, ZONE_LIMIT).map_err(|cause| Error::file(&path, cause))?;
            let content = text::decode(&bytes).map_err(|cause| {
                Error::Usage(format!(
                    "{}: {cause}\nGive the zone as text, as a DNS server's zone file is.",
                    path.display()
                ))
            })?;
            let records = kms::parse_zone(&content.0)
                .map_err(|cause| Error::from(kms::Error::from(cause)).within(&path))?;
            if records.is_empty() {
                terminal.say(&format!(
                    "{} {} holds no SRV record at all: is it a zone file?",
                    paint(WARNING, "warning:"),
                    text::printable(&path.display().to_string())
                ));
            }
            Some(records)
        }
        None => None,
    };
    let found = kms::discover(&Target::new(&target), zone.as_deref())?;
    let report = KmsDiscovery::new(target, found);
    terminal.result(&report, |out| report.write_text(out, &|text| paint(STRONG, text)))?;
    Ok(Outcome::Done)
}
