//! reason - verdicts in words: one sentence each, without key text except published keys.

use super::judge::{Reason, Verdict};
use crate::catalog::{KeyKind, Status};
use std::fmt::{Display, Formatter, Result};

/// The reason of a verdict as one sentence.
impl Display for Verdict<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self.reason {
            Reason::Published => self.published(out),
            Reason::Matched => {
                let channel = self.channel().unwrap_or_default();
                write!(out, "the key configuration knows it as {channel} for {}", self.edition().unwrap_or_default())
            }
            Reason::ChecksumFits => out.write_str(
                "shape and checksum are right; what it is for shows only an image's key configuration (--image, --pkeyconfig)",
            ),
            Reason::NoSerialToRead => out.write_str(
                "the shape is right; a key without the letter N cannot be matched to an edition offline unless it is published",
            ),
            Reason::Shape(error) => self.shape(&error, out),
            Reason::NotText => out.write_str("the line is not UTF-8 text"),
            Reason::Near => self.near(out),
            Reason::ChecksumOff => {
                out.write_str("its checksum does not fit, so at least one symbol is wrong; compare it with its source")
            }
            Reason::OtherEdition | Reason::OlderThanImage => {
                out.write_str("the key is for ")?;
                self.target(out)?;
                self.image(out)
            }
            Reason::EvaluationImage => {
                out.write_str("the image is an evaluation edition, which takes no such key; convert it first")?;
                self.image(out)
            }
            Reason::OfficeKey => {
                write!(out, "a key of {}, which Windows does not take", self.published.map_or("Office", |key| key.product))
            }
            Reason::UnknownToConfiguration => match self.published {
                Some(key) => {
                    write!(out, "the published key of {}, which this image's key configuration does not know", key.product)
                }
                None => out.write_str(
                    "the checksum fits, but this image's key configuration knows no such key: it is of another Windows",
                ),
            },
            Reason::NewerThanImage => {
                out.write_str("a key with the letter N is for Windows 8 and later")?;
                self.image(out)
            }
            Reason::PreviewKey => out.write_str("a key of the placeholder group 999999, which no edition accepts"),
            Reason::HostKey => {
                out.write_str("a KMS host key (Volume:CSVLK): it makes the machine a KMS host and does not belong into a client")
            }
            Reason::NoN => out.write_str(
                "no letter N, which every client key of Windows 8 and later has: a key of Windows 7 or older, or a KMS host key",
            ),
            Reason::GuestKey => {
                out.write_str("a key for server guests on an activated Hyper-V host (AVMA); the image is no Windows Server")
            }
        }
    }
}

impl Verdict<'_> {
    fn published(&self, out: &mut Formatter<'_>) -> Result {
        let Some(key) = self.published else { return Ok(()) };
        let kind = match key.kind {
            KeyKind::Gvlk => "the published client setup key of",
            KeyKind::Avma => "the published AVMA key, for guests on an activated Hyper-V Datacenter host, of",
        };
        write!(out, "{kind} {}", key.product)?;
        for product in key.also {
            write!(out, ", {product}")?;
        }
        match key.status {
            Status::Current => Ok(()),
            Status::Superseded => out.write_str("; current documents print another key"),
            Status::Withdrawn => out.write_str("; Microsoft has withdrawn it"),
        }
    }

    fn shape(&self, error: &crate::key::Error, out: &mut Formatter<'_>) -> Result {
        // The second line of an error says what to do; here the sentence goes on instead.
        let text = error.to_string();
        out.write_str(text.lines().next().unwrap_or_default())?;
        match self.did_you_mean() {
            Some(key) => write!(out, "; did you mean {} ({})?", key.text, key.product),
            None => Ok(()),
        }
    }

    fn near(&self, out: &mut Formatter<'_>) -> Result {
        let Some(key) = self.published else { return Ok(()) };
        let column = self.position.unwrap_or_default();
        match self.swapped_with {
            Some(other) => write!(
                out,
                "the symbols in columns {column} and {other} have changed places"
            )?,
            None => write!(out, "the symbol in column {column} is wrong")?,
        }
        write!(
            out,
            ": did you mean {}, the published key of {}?",
            key.text, key.product
        )
    }

    /// What the key is for.
    fn target(&self, out: &mut Formatter<'_>) -> Result {
        if let Some(key) = self.published {
            out.write_str(key.product)?;
            for product in key.also {
                write!(out, ", {product}")?;
            }
            return Ok(());
        }
        match self.matched {
            Some(matched) => {
                let editions = matched.configuration.editions();
                for (number, edition) in editions.enumerate() {
                    out.write_str(if number == 0 { "" } else { ", " })?;
                    out.write_str(edition)?;
                }
                write!(out, " ({})", matched.configuration.key_type)
            }
            None => out.write_str("another edition"),
        }
    }

    fn image(&self, out: &mut Formatter<'_>) -> Result {
        match self.image {
            Some(image) => write!(out, "; the image is {}, build {}", image.edition, image.build),
            None => Ok(()),
        }
    }
}
