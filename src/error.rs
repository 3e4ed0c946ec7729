//! error - the one error type at the library's edge.

use crate::plan;
use crate::unattend::{self, Picture};
use std::path::{Path, PathBuf};

/// Why wimkey could not do what was asked: what happened, and on the next line what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No key text could be read.
    #[error(transparent)]
    Secret(#[from] crate::secret::Error),
    /// The text is no product key.
    #[error(transparent)]
    Key(#[from] crate::key::Error),
    /// A key configuration that cannot be used.
    #[error("the key configuration: {0}")]
    KeyConfiguration(#[from] crate::pkeyconfig::Error),
    /// A hive that cannot be used.
    #[error(transparent)]
    Hive(#[from] crate::hive::Error),
    /// A hive that cannot be exported, or a registration file that cannot be imported.
    #[error(transparent)]
    Transfer(#[from] crate::transfer::Error),
    /// An answer file that cannot be used.
    #[error(transparent)]
    AnswerFile(#[from] unattend::Error),
    /// An image that cannot be used.
    #[error(transparent)]
    Image(#[from] crate::image::Error),
    /// A wish for an answer file that makes no sense.
    #[error(transparent)]
    Wish(#[from] unattend::WishError),
    /// A request that cannot be carried out.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// A plan file that cannot be carried out.
    #[error(transparent)]
    Apply(#[from] crate::apply::Error),
    /// Traces of keys that cannot be removed.
    #[error(transparent)]
    Scrub(#[from] crate::scrub::Error),
    /// A walk to a KMS host that cannot be told.
    #[error(transparent)]
    Kms(#[from] crate::kms::Error),
    /// The sample for the demo could not be made.
    #[error(transparent)]
    Sample(#[from] crate::sample::Error),
    /// A file that cannot be read or written.
    #[error("{}: {cause}\nCheck that it exists and that you may use it.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file that could not be replaced as it should be; the cause says what it is now.
    #[error("{}: {cause}", path.display())]
    NotReplaced {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: crate::file::Error,
    },
    /// A hive was saved, but its logs still hold old pages of it.
    #[error(
        "{} is saved, but a transaction log beside it could not be emptied: {cause}\nIt still holds old pages of the hive, and maybe a key: empty or remove the log.", path.display()
    )]
    LogsNotEmptied {
        /// The hive.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A fault in a named file.
    #[error("{}: {cause}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: Box<Error>,
    },
    /// Nothing in the tables answers the question.
    #[error("{0}")]
    NotFound(String),
    /// The arguments do not go together.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// A file that the system does not let us use.
    pub fn file(path: &Path, cause: std::io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            cause,
        }
    }

    /// This error, with the file it is about named before it.
    #[must_use]
    pub fn within(self, path: &Path) -> Self {
        Self::In {
            path: path.to_owned(),
            cause: Box::new(self),
        }
    }

    /// The masked source line of a fault in a text file, if the error is about one.
    pub fn picture(&self) -> Option<&Picture> {
        match self {
            Self::AnswerFile(unattend::Error::Malformed { picture, .. })
            | Self::Plan(plan::Error::AnswerFile(unattend::Error::Malformed { picture, .. })) => {
                Some(picture)
            }
            Self::Plan(plan::Error::Input(error)) => error.picture(),
            Self::Apply(error) => error.picture(),
            Self::In { cause, .. } => cause.picture(),
            _ => None,
        }
    }

    /// Whether this is a refusal for the target's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Hive(error) => error.is_refusal(),
            Self::Transfer(error) => error.is_refusal(),
            Self::Image(error) => error.is_refusal(),
            Self::Plan(error) => error.is_refusal(),
            Self::Apply(error) => error.is_refusal(),
            Self::Scrub(error) => error.is_refusal(),
            Self::In { cause, .. } => cause.is_refusal(),
            _ => false,
        }
    }

    /// Whether the arguments make no sense.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Plan(error) => error.is_usage(),
            Self::Apply(error) => error.is_usage(),
            Self::Usage(_) | Self::Wish(_) => true,
            Self::In { cause, .. } => cause.is_usage(),
            _ => false,
        }
    }
}
