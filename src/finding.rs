//! finding - what a check found and the rule that it goes by: the one shape in which every check of wimkey reports.
//!
//! Promise: a finding names places and reasons. No key and no password is in it: whoever makes one masks the picture first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// How much a finding matters. The names are those of the command line, of JSON and of SARIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know; nothing has to be done.
    Note,
    /// Does something that is seldom wanted.
    Warning,
    /// Will fail, or will not do what it says.
    Error,
}

impl Level {
    /// Every level, the least first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule of a check: one row of a table in `keydata/`.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable id, as in `WK-U003`. Never given to another rule.
    pub id: &'static str,
    /// Short name in small letters with hyphens, as in `key-bare-text`.
    pub name: &'static str,
    /// How much a finding matters unless it says otherwise itself.
    pub level: Level,
    /// What the rule finds, in a sentence.
    pub summary: &'static str,
    /// Why that matters.
    pub reason: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Where the facts come from.
    pub sources: &'static [&'static str],
}

/// As its id.
impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// A line of a text file, safe to show, and the place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    text: String,
    caret: usize,
    length: usize,
}

impl Picture {
    /// A picture of a line that holds no secret any more; `length` characters from `caret` on are the place.
    pub fn new(text: String, caret: usize, length: usize) -> Self {
        Self { text, caret, length }
    }

    /// The line, masked; of a long line the part around the place. Tabs and other control characters are blanks.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Characters of [`Picture::text`] before the place: where the underline begins.
    pub fn caret(&self) -> usize {
        self.caret
    }

    /// Characters to underline; at least one.
    pub fn length(&self) -> usize {
        self.length.max(1)
    }
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The rule; its id in JSON.
    #[schemars(with = "String")]
    pub rule: &'static Rule,
    /// How much it matters here.
    pub level: Level,
    /// The file or folder, as the command line named it.
    pub target: String,
    /// Index of the image inside the target, from 1; `None` where there are no images.
    pub image: Option<u32>,
    /// Where in it: a path inside the image, a registry value, a setting of an answer file; may be empty.
    pub place: String,
    /// Line in a text file, from 1.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// What was found, in a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Length of the place in characters, on its line; 0 if unknown.
    #[serde(skip)]
    pub length: usize,
    /// The source line.
    #[serde(skip)]
    pub picture: Option<Picture>,
}

impl Finding {
    /// A finding of the rule's own level and remedy, as yet without a place.
    pub fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
            level: rule.level,
            target: String::new(),
            image: None,
            place: String::new(),
            line: None,
            column: None,
            message: message.into(),
            help: rule.remedy.to_owned(),
            length: 0,
            picture: None,
        }
    }

    /// The same, of another level.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The same, with other advice than the rule's.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same, at this place.
    #[must_use]
    pub fn in_place(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// The same, in the file `path` of an image of `target`. What was its place in that file stands behind the path.
    #[must_use]
    pub fn in_image(mut self, target: &str, image: Option<u32>, path: &str) -> Self {
        target.clone_into(&mut self.target);
        self.image = image;
        self.place = if self.place.is_empty() {
            path.to_owned()
        } else {
            format!("{path}: {}", self.place)
        };
        self
    }
}
