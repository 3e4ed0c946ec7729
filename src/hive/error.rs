//! Why a hive cannot be read or edited, and the findings of the check.
//!
//! Promise: no text here holds value data; names of keys and values are made safe for a terminal.

use std::fmt;

/// What a finding means for someone who wants to edit the hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Found in hives that Windows itself wrote; harmless.
    Warn,
    /// The hive is damaged or dirty: it is not edited.
    Refuse,
}

/// One fault in a hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where the fault is: bytes from the beginning of the file.
    pub offset: u64,
    /// Whether the fault forbids edits.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub sentence: String,
}

impl Finding {
    /// A fault that forbids edits, in the cell at `cell` (bytes from the first bin).
    pub(super) fn refuse(cell: u32, sentence: impl Into<String>) -> Self {
        Self::at_file(super::cell::file_position(cell), Severity::Refuse, sentence)
    }

    /// A harmless fault in the cell at `cell`.
    pub(super) fn warn(cell: u32, sentence: impl Into<String>) -> Self {
        Self::at_file(super::cell::file_position(cell), Severity::Warn, sentence)
    }

    pub(super) fn at_file(offset: u64, severity: Severity, sentence: impl Into<String>) -> Self {
        Self {
            offset,
            severity,
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (at byte {:#x})", self.sentence, self.offset)
    }
}

/// Why a hive cannot be read or edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file does not begin as a hive does.
    #[error("this is not a registry hive: {0}\nName a hive file, such as Windows/System32/config/SOFTWARE.")]
    NotAHive(&'static str),
    /// A format version that is not understood.
    #[error(
        "the hive has format version {major}.{minor}; versions 1.3 to 1.6 are understood\nLoad and save it once with a Windows of today."
    )]
    Version {
        /// The major version; always 1 in real hives.
        major: u32,
        /// The minor version.
        minor: u32,
    },
    /// Not all changes are in the hive file.
    #[error(
        "the hive is dirty: {reason}\nIts last changes are only in the transaction logs beside it (.LOG1, .LOG2): apply them with `hive recover` or --replay, or let Windows load it once."
    )]
    Dirty {
        /// How it shows.
        reason: String,
    },
    /// A structure is broken.
    #[error(
        "the hive is damaged: {0}\nTake a whole copy of the hive; `hive check` lists everything that is wrong with this one."
    )]
    Damaged(Finding),
    /// A key path with an empty part, or a part that is too long.
    #[error("`{path}` is not a key path: {reason}\nWrite it as in `Microsoft\\Windows NT\\CurrentVersion`.")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A value name that is too long.
    #[error("a value name has at most {limit} characters, this one has {length}\nShorten it.")]
    NameTooLong {
        /// Its length in UTF-16 units.
        length: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// More data than a value holds.
    #[error("a value holds at most {limit} bytes, these are {length}\nKeep large data in a file.")]
    ValueTooLarge {
        /// The length of the data in bytes.
        length: usize,
        /// The most that there may be.
        limit: usize,
    },
    /// A key of a sort that only a running Windows can edit.
    #[error("the key `{path}` is {sort}, which is not edited offline\nName the key that it stands for.")]
    SpecialKey {
        /// The path of the key.
        path: String,
        /// What the key is.
        sort: &'static str,
    },
    /// The root key cannot be deleted.
    #[error("the root key of a hive cannot be deleted\nName a key below it.")]
    RootStays,
    /// The hive would grow past a limit of the format.
    #[error("the hive would grow past {0}\nRemove keys that are not needed first.")]
    Full(&'static str),
    /// A value of another type was expected.
    #[error("the value `{name}` is {found}, not {expected}\nLook at it with `hive get`.")]
    WrongKind {
        /// The name of the value.
        name: String,
        /// The type, or the shape, that was expected.
        expected: &'static str,
        /// The type that it has.
        found: String,
    },
    /// An edit stopped half-way; the bytes in memory are not to be saved.
    #[error("an earlier edit of this hive failed half-way\nNothing was saved; open the hive again.")]
    Broken,
    /// There is nothing to make the hive whole with.
    #[error(
        "the hive is dirty, and there is no transaction log beside it, or none that holds anything\nTake it together with its logs (.LOG1 and .LOG2, or .LOG) from the same moment, or shut Windows down cleanly before it is captured."
    )]
    NoLogs,
    /// The transaction logs cannot be applied.
    #[error("the transaction logs do not fit the hive: {0}\nTake hive and logs from the same moment.")]
    Logs(String),
}

impl Error {
    /// Whether this is a refusal for the hive's safety rather than a failure of the request.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Version { .. }
                | Self::Dirty { .. }
                | Self::Damaged(_)
                | Self::SpecialKey { .. }
                | Self::NoLogs
                | Self::Logs(_)
        )
    }

    /// A broken structure in the cell at `cell` (bytes from the first bin).
    pub(super) fn damaged(cell: u32, sentence: impl Into<String>) -> Self {
        Self::Damaged(Finding::refuse(cell, sentence))
    }
}
