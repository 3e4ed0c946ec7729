//! reason - verdicts in words: one sentence each, without key text except published keys.

use super::judge::{Reason, Verdict};
use crate::catalog::{KeyKind, PublishedKey, Status};
use std::fmt::{Display, Formatter, Result, Write};

/// The reason of a verdict as one sentence.
impl Display for Verdict<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        self.write_reason(out)
    }
}

/// Passes on what is written to it, up to the first line end.
struct FirstLine<'a, W> {
    out: &'a mut W,
    ended: bool,
}

impl<W: Write> Write for FirstLine<'_, W> {
    fn write_str(&mut self, piece: &str) -> Result {
        if self.ended {
            return Ok(());
        }
        let line = piece.split_once('\n');
        self.ended = line.is_some();
        self.out.write_str(line.map_or(piece, |(line, _)| line))
    }
}

/// A column in decimal digits.
fn number(value: usize, out: &mut impl Write) -> Result {
    if value >= 10 {
        number(value / 10, out)?;
    }
    let digit = u32::try_from(value % 10)
        .ok()
        .and_then(|digit| char::from_digit(digit, 10));
    out.write_char(digit.unwrap_or('0'))
}

/// The other products of a key.
fn also(key: &PublishedKey, out: &mut impl Write) -> Result {
    for product in key.also {
        out.write_str(", ")?;
        out.write_str(product)?;
    }
    Ok(())
}

impl Verdict<'_> {
    /// Writes the reason as one sentence: what `Display` does, without its detours, for long lists.
    ///
    /// # Errors
    /// What `out` reports; a `String` never does.
    pub fn write_reason(&self, out: &mut impl Write) -> Result {
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
            Reason::NotInstalled => {
                out.write_str("the edition fits, but the image has no licence installed for ")?;
                self.target(out)?;
                self.image(out)
            }
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

    fn published(&self, out: &mut impl Write) -> Result {
        let Some(key) = self.published else { return Ok(()) };
        let kind = match key.kind {
            KeyKind::Gvlk => "the published client setup key of",
            KeyKind::Avma => "the published AVMA key, for guests on an activated Hyper-V Datacenter host, of",
        };
        for piece in [kind, " ", key.product] {
            out.write_str(piece)?;
        }
        also(key, out)?;
        match key.status {
            Status::Current => Ok(()),
            Status::Superseded => out.write_str("; warning: superseded, current documents print another key"),
            Status::Withdrawn => out.write_str("; warning: Microsoft has withdrawn it, use another key"),
        }
    }

    fn shape(&self, error: &crate::key::Error, out: &mut impl Write) -> Result {
        // The second line of an error says what to do; here the sentence goes on instead.
        let mut first = FirstLine {
            out: &mut *out,
            ended: false,
        };
        write!(first, "{error}")?;
        match self.did_you_mean() {
            Some(key) => write!(out, "; did you mean {} ({})?", key.text, key.product),
            None => Ok(()),
        }
    }

    fn near(&self, out: &mut impl Write) -> Result {
        let Some(key) = self.published else { return Ok(()) };
        let column = self.position.unwrap_or_default();
        if let Some(other) = self.swapped_with {
            out.write_str("the symbols in columns ")?;
            number(column, out)?;
            out.write_str(" and ")?;
            number(other, out)?;
            out.write_str(" have changed places")?;
        } else {
            out.write_str("the symbol in column ")?;
            number(column, out)?;
            out.write_str(" is wrong")?;
        }
        // Piece by piece: this sentence is written for many a line of a long list.
        for piece in [
            ": did you mean ",
            key.text,
            ", the published key of ",
            key.product,
            "?",
        ] {
            out.write_str(piece)?;
        }
        Ok(())
    }

    /// What the key is for.
    fn target(&self, out: &mut impl Write) -> Result {
        if let Some(key) = self.published {
            out.write_str(key.product)?;
            return also(key, out);
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

    fn image(&self, out: &mut impl Write) -> Result {
        match self.image {
            Some(image) => write!(out, "; the image is {}, build {}", image.edition, image.build),
            None => Ok(()),
        }
    }
}
