//! Where a key comes from: a file, standard input, a descriptor, a named variable, a prompt.
//!
//! Promise: the text goes into one fixed, locked buffer; no `String` holds it. Errors name the source, never the text.

use super::Secret;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use zeroize::Zeroize;

/// The longest key text accepted, in bytes.
pub const TEXT_LIMIT: usize = 4096;

/// The permission of group and world to read a file.
#[cfg(unix)]
const OTHERS_READ: u32 = 0o044;

/// Where to take a key from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file; its content is the key.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// The environment variable of this name.
    Variable(String),
    /// An open file descriptor of this process.
    Descriptor(u32),
    /// A question on the terminal, without echo.
    Prompt,
}

/// Key text as it was read: UTF-8, byte-order mark removed, at most [`TEXT_LIMIT`] bytes.
pub struct Text {
    bytes: Secret<TEXT_LIMIT>,
    length: usize,
}

/// Why no key text could be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be read.
    #[error("cannot read the key from {place}: {cause}\nCheck that {place} exists and may be read by you.")]
    Unreadable {
        /// The source in words.
        place: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The variable is not set.
    #[error("the environment variable {0} is not set\nSet it, or name another source: --key-file, --key-fd.")]
    VariableMissing(String),
    /// More than [`TEXT_LIMIT`] bytes.
    #[error(
        "{place} holds more than {TEXT_LIMIT} bytes, so it is not a product key\nName a file that holds one key."
    )]
    TooLong {
        /// The source in words.
        place: String,
    },
    /// Standard input was read before.
    #[error(
        "standard input is named twice, but can be read only once\nName another source for one of the two: --key-file PATH, --key-env, --key-fd."
    )]
    StdinTaken,
    /// Neither UTF-8 nor UTF-16.
    #[error("{place} is not text: neither UTF-8 nor UTF-16\nSave the key as plain text.")]
    NotText {
        /// The source in words.
        place: String,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Stdin => formatter.write_str("standard input"),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Descriptor(number) => write!(formatter, "file descriptor {number}"),
            Self::Prompt => formatter.write_str("the terminal"),
        }
    }
}

impl Source {
    /// Reads the key text.
    ///
    /// UTF-16 with or without byte-order mark, as PowerShell 5 writes to files and pipes, is understood.
    ///
    /// # Errors
    /// [`Error`], which names the source and never its content.
    pub fn read(&self) -> Result<Text, Error> {
        match self {
            Self::File(path) => self.take(std::fs::File::open(path)),
            Self::Stdin => {
                static TAKEN: AtomicBool = AtomicBool::new(false);
                if TAKEN.swap(true, Ordering::Relaxed) {
                    return Err(Error::StdinTaken);
                }
                self.take(Ok(std::io::stdin().lock()))
            }
            Self::Descriptor(number) => self.take(std::fs::File::open(format!("/dev/fd/{number}"))),
            Self::Variable(name) => {
                let value = std::env::var_os(name).ok_or_else(|| Error::VariableMissing(name.clone()))?;
                let mut value = value.into_encoded_bytes();
                let text = self.take(Ok(&value[..]));
                value.zeroize();
                text
            }
            Self::Prompt => {
                let mut answer =
                    rpassword::prompt_password("Product key: ").map_err(|cause| self.unreadable(cause))?;
                let text = self.take(Ok(answer.as_bytes()));
                answer.zeroize();
                text
            }
        }
    }

    /// Why others than the user can read the key where it comes from; `None` if they cannot, as far as this can be told.
    pub fn exposure(&self) -> Option<String> {
        #[cfg(unix)]
        if let Self::File(path) = self {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = std::fs::metadata(path).ok()?;
            let mode = metadata.permissions().mode() & 0o7777;
            if metadata.is_file() && mode & OTHERS_READ != 0 {
                return Some(format!(
                    "{self} can be read by other users of this machine (mode {mode:04o}): chmod 600 {self}"
                ));
            }
        }
        None
    }

    fn unreadable(&self, cause: std::io::Error) -> Error {
        Error::Unreadable {
            place: self.to_string(),
            cause,
        }
    }

    fn take(&self, reader: std::io::Result<impl Read>) -> Result<Text, Error> {
        let mut reader = reader.map_err(|cause| self.unreadable(cause))?;
        let mut raw = Secret::<TEXT_LIMIT>::new();
        let mut length = 0;
        while let Some(free) = raw.expose_mut().get_mut(length..).filter(|free| !free.is_empty()) {
            match reader.read(free) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.unreadable(cause)),
            }
        }
        if length == TEXT_LIMIT {
            return Err(Error::TooLong {
                place: self.to_string(),
            });
        }
        let raw = raw.expose().get(..length).unwrap_or_default();
        Text::decode(raw).ok_or_else(|| Error::NotText {
            place: self.to_string(),
        })
    }
}

impl Text {
    /// Text from bytes in UTF-8 or UTF-16; `None` if they are neither or too long.
    pub fn decode(raw: &[u8]) -> Option<Self> {
        let (decoded, _) = crate::text::decode(raw).ok()?;
        let mut bytes = Secret::<TEXT_LIMIT>::new();
        crate::bytes::put(bytes.expose_mut(), 0, decoded.as_bytes())?;
        Some(Self {
            bytes,
            length: decoded.len(),
        })
    }

    /// The text.
    pub fn expose(&self) -> &str {
        let bytes = self.bytes.expose().get(..self.length).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Whether the system keeps this text out of the swap space.
    pub fn is_locked(&self) -> bool {
        self.bytes.is_locked()
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[key text elided]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_powershell_pipes_is_understood() {
        let piped = b"\xFF\xFEA\0B\0\r\0\n\0";
        assert_eq!(Text::decode(piped).unwrap().expose(), "AB\r\n");
        assert_eq!(Text::decode(b"\xEF\xBB\xBFAB").unwrap().expose(), "AB");
        assert!(Text::decode(b"\xFF\xFF\xFF").is_none());
    }

    #[test]
    fn a_long_file_is_no_key_and_its_content_stays_out_of_the_error() {
        let source = Source::Stdin;
        let error = source.take(Ok(&[b'Q'; 5000][..])).unwrap_err();
        assert!(matches!(error, Error::TooLong { .. }));
        assert!(!error.to_string().contains("QQ"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_told_with_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = Source::File(file.path().to_owned());
        assert_eq!(source.exposure(), None);
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(source.exposure().unwrap().contains("mode 0640"));
        assert_eq!(Source::Stdin.exposure(), None);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = Source::Variable("WIMKEY_NO_SUCH_VARIABLE".into())
            .read()
            .unwrap_err();
        assert!(error.to_string().contains("WIMKEY_NO_SUCH_VARIABLE"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", Text::decode(b"ABC").unwrap()),
            "[key text elided]"
        );
    }
}
