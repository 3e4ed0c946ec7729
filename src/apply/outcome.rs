//! What became of each target of a plan.

use crate::activation::Change;
use crate::file;
use crate::finding::Finding;
use crate::image::{self, Part};
use crate::plan;
use crate::scrub;
use crate::unattend;
use std::path::PathBuf;

/// What became of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was changed, read back and found as asked.
    Changed,
    /// It was as asked before; nothing was written.
    Already,
    /// It would be changed.
    WouldChange,
    /// It was refused for its safety. Nothing was written.
    Refused,
    /// It could not be done; the error says what it is now.
    Failed,
    /// It was not begun, because of another one or an interruption.
    NotBegun,
    /// The run was interrupted while it was at this one.
    Interrupted,
}

impl State {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Already => "already",
            Self::WouldChange => "would-change",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotBegun => "not-begun",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Why a target could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It cannot be read.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The request cannot be carried out on it.
    #[error(transparent)]
    Plan(Box<plan::Error>),
    /// Traces cannot be removed from it.
    #[error(transparent)]
    Scrub(#[from] scrub::Error),
    /// An answer file beside the images cannot be used.
    #[error(transparent)]
    AnswerFile(#[from] unattend::Error),
    /// A file cannot be read or made.
    #[error("{}: {cause}\nCheck the folder's free space and rights.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file could not be replaced; the cause says what it is now.
    #[error("{}: {cause}", path.display())]
    NotReplaced {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: file::Error,
    },
}

impl From<plan::Error> for TargetError {
    fn from(error: plan::Error) -> Self {
        Self::Plan(Box::new(error))
    }
}

impl TargetError {
    /// Whether this is a refusal for the target's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Image(error) => error.is_refusal(),
            Self::Plan(error) => error.is_refusal(),
            Self::Scrub(error) => error.is_refusal(),
            Self::AnswerFile(_) | Self::File { .. } | Self::NotReplaced { .. } => false,
        }
    }
}

/// What was done to a target, or would be.
#[derive(Debug, Default)]
pub struct Settled {
    /// What was put into its images.
    pub changes: Option<plan::Outcome>,
    /// What was put into an answer file beside images.
    pub answers: Option<Change>,
    /// What was removed.
    pub scrubbed: Option<scrub::Outcome>,
    /// Whether anything looked for keys and passwords.
    pub searched: bool,
    /// What is left, and what the look at the end found.
    pub findings: Vec<Finding>,
}

impl Settled {
    /// Whether anything was changed, or would be.
    pub(super) fn changed(&self) -> bool {
        self.changes.as_ref().is_some_and(plan::Outcome::changed)
            || self.answers.as_ref().is_some_and(|change| change.changed)
            || self
                .scrubbed
                .as_ref()
                .is_some_and(|outcome| !outcome.removals.is_empty())
    }

    /// Whether everything that was written was read back and is as asked.
    pub fn verified(&self) -> bool {
        self.changes.as_ref().is_none_or(|outcome| outcome.verified)
            && self.scrubbed.as_ref().is_none_or(|outcome| outcome.verified)
    }

    /// Places in which something that was removed or replaced still stands.
    pub fn residue(&self) -> u64 {
        self.changes.as_ref().map_or(0, |outcome| outcome.residue)
            + self.scrubbed.as_ref().map_or(0, |outcome| outcome.residue)
    }
}

/// A target, and what became of it.
#[derive(Debug)]
pub struct Done {
    /// The target.
    pub part: Part,
    /// The file that was written: the target itself or a copy.
    pub written: PathBuf,
    /// How it ended.
    pub state: State,
    /// What was done.
    pub settled: Settled,
    /// Why it could not be done.
    pub error: Option<TargetError>,
}

impl Done {
    /// The target's name: the file or folder.
    pub fn name(&self) -> String {
        self.part.target.path().display().to_string()
    }
}
