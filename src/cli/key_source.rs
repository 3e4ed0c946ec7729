//! Where a command takes its key from, the reading of it, and the refusal of keys on the command line.
//!
//! Promise: an argument that looks like an unpublished key stops the run before anything is parsed, and is not repeated.

use super::Failure;
use super::terminal::{Terminal, WARNING, paint};
use crate::Error;
use crate::catalog;
use crate::key::ProductKey;
use crate::secret::{self, Source};
use clap::Args;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The key sources; at most one.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct KeySource {
    #[expect(clippy::option_option, reason = "absent, without an edition, with one")]
    /// Take the published client setup key for EDITION, or for each image's own edition
    #[arg(long, value_name = "EDITION", num_args = 0..=1, value_parser = super::hints::editions(), hide_possible_values = true)]
    pub(super) gvlk: Option<Option<String>>,
    /// Take the key from a file (- for standard input)
    #[arg(long, value_name = "PATH")]
    pub(super) key_file: Option<PathBuf>,
    /// Take the key from the environment variable of this name
    #[arg(long, value_name = "NAME")]
    pub(super) key_env: Option<String>,
    /// Take the key from an open file descriptor
    #[arg(long, value_name = "N", value_parser = descriptor)]
    pub(super) key_fd: Option<u32>,
}

/// Reads the number of a file descriptor.
pub(super) fn descriptor(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .map_err(|_| "a file descriptor is a number, as in --key-fd 3")
}

/// The key source that the arguments name.
#[derive(Debug)]
pub(super) enum Choice {
    /// The published key for this edition, or for the image's own.
    Published(Option<String>),
    /// Key text from outside.
    Text(Source),
    /// None was named.
    None,
}

impl KeySource {
    /// The source named, if any.
    pub(super) fn choice(self) -> Choice {
        if let Some(edition) = self.gvlk {
            return Choice::Published(edition);
        }
        let file = self.key_file.map(|path| {
            if path.as_os_str() == "-" {
                Source::Stdin
            } else {
                Source::File(path)
            }
        });
        file.or(self.key_env.map(Source::Variable))
            .or(self.key_fd.map(Source::Descriptor))
            .map_or(Choice::None, Choice::Text)
    }
}

/// Says so if others can read where the key comes from.
pub(super) fn warn_of_exposure(source: &Source, terminal: &Terminal) {
    if let Some(exposure) = source.exposure() {
        terminal.say(&format!("{} {exposure}", paint(WARNING, "warning:")));
    }
}

/// Reads and parses a key; says where its memory could not be locked.
pub(super) fn read_key(source: &Source, terminal: &Terminal) -> Result<ProductKey, Failure> {
    let text = read_text(source, terminal)?;
    let parsed = ProductKey::parse(text.expose());
    let named = |error: crate::key::Error| Error::from(error).within(Path::new(&source.to_string()));
    Ok(parsed.map_err(named)?.key)
}

/// Reads key text; says where its memory could not be locked.
pub(super) fn read_text(source: &Source, terminal: &Terminal) -> Result<secret::Text, Failure> {
    warn_of_exposure(source, terminal);
    let text = source.read()?;
    tell_of_swap(text.is_locked(), terminal);
    Ok(text)
}

/// Says that a key's memory could not be locked.
pub(super) fn tell_of_swap(is_locked: bool, terminal: &Terminal) {
    if !is_locked {
        terminal.detail("The system does not lock the key's memory: it could be written to swap space.");
    }
}

/// Whether a person can be asked for a key.
pub(super) fn can_prompt() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Stops a run whose arguments hold what looks like a product key, unless it is a published one.
pub(super) fn refuse_keys(arguments: &[OsString]) -> Result<(), Failure> {
    let mut arguments = arguments.iter().skip(1);
    if arguments.any(|argument| catalog::exposed_key(&argument.to_string_lossy()).is_some()) {
        Err(Failure::KeyInArguments)
    } else {
        Ok(())
    }
}
