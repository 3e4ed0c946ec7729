//! trace - something found, and how it is told.

use crate::catalog;
use crate::catalog::traces::{self, Scrub};
use crate::finding::{Finding, Level, Rule};
use crate::key::ProductKey;
use crate::text::printable;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// What a trace is a trace of.
#[derive(Debug, Clone)]
pub enum Secret {
    /// A product key.
    Key(Arc<ProductKey>),
    /// The hash of a key that is not there itself.
    Hash,
    /// A password.
    Password,
    /// None: something that could not be searched, or a setting that matters.
    None,
}

/// Kinds of traces, by which they are chosen for removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Registry values.
    Registry,
    /// Parts of hives that are not in use.
    Unused,
    /// Transaction logs of hives.
    HiveLog,
    /// Keys in answer files.
    AnswerFile,
    /// Passwords in answer files and in the registry.
    Password,
    /// Logs of Setup.
    SetupLog,
    /// PID.txt.
    Pid,
    /// Contents that no image refers to, and dead bytes of a WIM.
    Container,
    /// Plain text in any other file.
    Other,
    /// What is only reported: scripts, names, settings.
    #[serde(skip)]
    Report,
}

/// Something found.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The rule it goes by.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub level: Level,
    /// Its kind.
    pub kind: Kind,
    /// How its place is rid of it.
    pub scrub: Scrub,
    /// The image; `None` for what belongs to none.
    pub image: Option<u32>,
    /// The file in the image, or what it is instead of a file.
    pub path: String,
    /// Where in the file, in words; may be empty.
    pub place: String,
    /// The key and the name of the registry value that it is, if it is one.
    pub value: Option<(String, String)>,
    /// Line and column in a text file, from 1.
    pub line: Option<(usize, usize)>,
    /// Where the stream begins in the WIM; 0 for files.
    pub stream: u64,
    /// The bytes in the stream.
    pub range: Range<u64>,
    /// What it is.
    pub secret: Secret,
    /// Channel and edition of an unpublished key, in brackets, if the image's own key configuration has a place for it.
    pub known_as: Option<String>,
    /// How it is written, or what else is to be said.
    pub words: String,
    /// Whether it lies in a solid resource, which cannot be changed in place.
    pub solid: bool,
    /// Whether the key was asked for by the operator.
    pub wanted: bool,
}

impl Trace {
    /// The key, if it is one.
    pub fn key(&self) -> Option<&Arc<ProductKey>> {
        match &self.secret {
            Secret::Key(key) => Some(key),
            Secret::Hash | Secret::Password | Secret::None => None,
        }
    }

    /// What was found, in words.
    pub fn message(&self) -> String {
        match &self.secret {
            Secret::Key(key) => match catalog::row_of(key) {
                Some(row) => format!("the published key {} ({}) {}", row.text, row.product, self.words),
                None => format!(
                    "the key {}{}, which nobody published, {}",
                    key.partial(),
                    self.known_as.as_deref().unwrap_or_default(),
                    self.words
                ),
            },
            Secret::Hash => "the hash of a key whose own bytes were zeroed".to_owned(),
            Secret::Password => format!("a password {}", self.words),
            Secret::None => self.words.clone(),
        }
    }

    /// Whether it is a key that Microsoft publishes.
    pub fn is_published(&self) -> bool {
        self.key().is_some_and(|key| catalog::row_of(key).is_some())
    }

    /// Whether it says that something secret is there.
    pub fn is_secret(&self) -> bool {
        !matches!(self.secret, Secret::None)
    }

    /// Whether it says that something could not be searched.
    pub fn is_not_searched(&self) -> bool {
        self.rule.id == traces::NOT_SEARCHED.id
    }

    /// By what traces are sorted.
    pub(super) fn order(&self) -> impl Ord + '_ {
        (
            self.image.unwrap_or(u32::MAX),
            self.path.as_str(),
            self.stream,
            self.range.start,
            self.rule.id,
        )
    }

    /// The trace as a finding.
    pub fn finding(&self, target: &str, is_folder: bool) -> Finding {
        let mut finding = Finding::new(self.rule, self.message())
            .at_level(self.level)
            .in_place(printable(&self.place))
            .in_image(target, self.image.filter(|_| !is_folder), &printable(&self.path));
        if self.level == Level::Note && self.is_published() && !self.wanted {
            finding = finding
                .with_help("Nothing: Microsoft publishes this key, and it activates nothing by itself.");
        }
        if self.solid {
            finding = finding.with_help(format!(
                "{} It lies in a solid resource, which only recompressing changes: wimkey image scrub --rewrite-solid.",
                self.rule.remedy
            ));
        }
        (finding.line, finding.column) = (self.line.map(|place| place.0), self.line.map(|place| place.1));
        finding
    }
}
