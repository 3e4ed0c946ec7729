//! apply - a plan file carried out on many targets.
//!
//! Promise: a plan file holds no key, and no error repeats what stands in quotes in it. Every target is looked at before the first is
//! written. What happens to one target does not touch another, and the report tells the state of each.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `document` | the form of a plan file, from which its JSON schema is drawn |
//! | `read` | from its text to a [`Plan`], with line and column of every fault |
//! | `targets` | patterns, media and `RemoteInstall` folders, shares of a list |
//! | `run` | looking at all targets, then writing, several at a time |
//! | `answers` | answer files beside images |
//! | `outcome` | what became of each target |
//! | `order` | which of them wait for others |
//! | `budget` | the memory that they share |
//!
//! A plan:
//! ```toml
#![doc = include_str!("apply/example.toml")]
//! ```

mod answers;
mod budget;
mod document;
mod order;
mod outcome;
mod read;
mod run;
mod targets;

pub use outcome::{Done, Settled, State, TargetError};
pub use run::{Event, Finished, Options, run};
pub use targets::Shard;

use crate::finding::{Level, Picture};
use crate::image::{self, Part, Role, Selector, Target};
use crate::plan::{self, InputError, Request};
use crate::secret::{Source, Wiped};
use crate::{scrub, text};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What a plan file asks for. Paths in it are relative to the current folder, or absolute.
#[derive(Debug)]
pub struct Plan {
    /// The plan file; `None` if the plan comes from elsewhere.
    pub path: Option<PathBuf>,
    /// Names of targets, as on the command line, with patterns.
    pub targets: Vec<String>,
    /// Which images of each target.
    pub selectors: Vec<Selector>,
    /// The folder for changed copies; `None` to change the targets themselves.
    pub output: Option<PathBuf>,
    /// Where the key comes from. Whoever reads it puts it into the request.
    pub key: Option<KeyFrom>,
    /// What is to be done to the images; as yet without a key.
    pub request: Request,
    /// The answer file for WDS' client.
    pub client: Option<ClientAnswers>,
    /// What to remove first.
    pub scrub: Option<scrub::Request>,
    /// What to look for at the end.
    pub audit: Option<Audit>,
}

/// Where a plan's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFrom {
    /// The published key for this edition, or for each image's own.
    Published(Option<String>),
    /// Key text from outside.
    Text(Source),
}

/// The answer file that WDS gives to its client.
#[derive(Debug)]
pub struct ClientAnswers {
    /// Its name in the folder `WdsClientUnattend`.
    pub name: OsString,
    /// Its content.
    pub content: Wiped,
}

/// The look for keys and passwords at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// The least level of a finding that makes the run fail.
    pub fail_on: Level,
}

impl Plan {
    /// Reads a plan file and the files that it names, but no key.
    ///
    /// # Errors
    /// [`Error::Plan`] with line and column; [`Error::KeyInPlan`]; what is wrong with a file that the plan names.
    pub fn read(path: &Path) -> Result<Self, Error> {
        read::plan(path)
    }

    /// A plan that only puts a request into one target.
    pub fn of(target: &Target, request: Request) -> Self {
        Self {
            path: None,
            targets: vec![target.to_string()],
            selectors: Vec::new(),
            output: None,
            key: None,
            request,
            client: None,
            scrub: None,
            audit: None,
        }
    }

    /// The parts of the targets of these names that the plan does something to; of a list, one share.
    ///
    /// # Errors
    /// No name, a pattern that fits nothing or is none, a folder that cannot be read; [`Error::NoWds`] if all of the plan's own targets
    /// are named.
    pub fn parts(&self, names: &[String], shard: Option<Shard>) -> Result<Vec<Part>, Error> {
        let parts = targets::parts(names, &self.selectors, shard)?;
        let is_all = shard.is_none() && names == self.targets;
        if is_all && self.client.is_some() && !parts.iter().any(|part| part.role == Role::ClientAnswers) {
            return Err(Error::NoWds);
        }
        Ok(self.concerned(parts))
    }

    /// Those of the parts that the plan does something to.
    pub fn concerned(&self, mut parts: Vec<Part>) -> Vec<Part> {
        parts.retain(|part| self.concerns(part.role));
        parts
    }

    /// Whether the plan does something to parts of this role.
    fn concerns(&self, role: Role) -> bool {
        let looks = self.scrub.is_some() || self.audit.is_some();
        match role {
            Role::Install => looks || self.key.is_some() || !self.request.is_empty(),
            Role::Boot | Role::Loose => looks,
            Role::SetupAnswers | Role::ImageAnswers => self.request.answer_file.is_some(),
            Role::ClientAnswers => self.client.is_some(),
        }
    }

    /// The JSON schema of plan files.
    pub fn schema() -> schemars::Schema {
        read::schema()
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan file, or a folder with targets, cannot be read.
    #[error("{}: {cause}\nCheck that it exists and that you may use it.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A WIM where the plan file belongs.
    #[error("{name} is a WIM, not a plan file\nThe plan comes first: wimkey apply PLAN.toml {name}", name = path.display())]
    NotAPlan {
        /// The file.
        path: PathBuf,
    },
    /// The plan file is no text.
    #[error("{}: {cause}\nSave it again as UTF-8.", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: text::Error,
    },
    /// Something in the plan file makes no sense.
    #[error("{}: line {line}, column {column}: {fault}", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there, and what to do.
        fault: String,
        /// The line, without what stands in quotes.
        picture: Option<Picture>,
    },
    /// A product key that nobody published stands in the plan file.
    #[error(
        "{}: line {line}, column {column}: this looks like a product key, so nothing was done\n\
         A plan is no place for secrets: treat the key as exposed if the file was ever shared. Name where the key comes from, as in \
         key = {{ env = \"MAK\" }} or key = {{ file = \"mak.txt\" }}.",
        path.display()
    )]
    KeyInPlan {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// There is no target.
    #[error(
        "there is no target\nName some in the plan, as in targets = [\"images/*.wim\"], or behind it on the command line."
    )]
    NoTargets,
    /// A pattern that fits no file.
    #[error("{pattern} fits no file\nCheck the pattern; in a plan it is relative to the plan's folder.")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// A pattern that is none.
    #[error("{pattern} is no pattern: {cause}\nWrite [[] where the name has a bracket.")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// Nothing is asked for.
    #[error(
        "the plan asks for nothing\nName a key, a setting, an answer file, [scrub] or [audit]; {}",
        SEE_SCHEMA
    )]
    Nothing,
    /// An answer file for WDS' client, and no folder of WDS.
    #[error(
        "the plan has an answer file for the client of WDS, but none of its targets is a RemoteInstall folder, which would hold it\n\
         Name that folder as a target, or take [wds] out of the plan."
    )]
    NoWds,
    /// Two targets would be written to one file of the output folder.
    #[error("two targets would both become {}\nName targets of different names, or leave output out.", path.display())]
    SameOutput {
        /// The file.
        path: PathBuf,
    },
    /// The folder for copies is a file.
    #[error("the output {} is a file\nName a folder for the changed copies.", path.display())]
    OutputNoFolder {
        /// The file.
        path: PathBuf,
    },
    /// A folder cannot be written as a changed copy.
    #[error("{} is a folder, of which no changed copy can be made\nLeave output out of the plan, or name WIM files.", path.display())]
    FolderOutput {
        /// The folder.
        path: PathBuf,
    },
    /// A file that the plan names.
    #[error(transparent)]
    Input(#[from] InputError),
    /// What the plan asks for cannot be done.
    #[error(transparent)]
    Request(Box<plan::Error>),
    /// A folder that cannot be looked into.
    #[error(transparent)]
    Image(#[from] image::Error),
}

impl From<plan::Error> for Error {
    fn from(error: plan::Error) -> Self {
        Self::Request(Box::new(error))
    }
}

/// Where the form of a plan is told.
const SEE_SCHEMA: &str = "wimkey schema plan prints all that a plan may hold.";

impl Error {
    /// The masked line of a fault in a plan or an answer file.
    pub fn picture(&self) -> Option<&Picture> {
        match self {
            Self::Plan { picture, .. } => picture.as_ref(),
            Self::Input(error) => error.picture(),
            _ => None,
        }
    }

    /// Whether this is a refusal for the safety of what is there.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Request(error) => error.is_refusal(),
            Self::Image(error) => error.is_refusal(),
            _ => false,
        }
    }

    /// Whether the plan or the command makes no sense.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::File { .. } | Self::Image(_) => false,
            Self::Input(error) => error.is_usage(),
            Self::Request(error) => error.is_usage(),
            _ => true,
        }
    }
}
