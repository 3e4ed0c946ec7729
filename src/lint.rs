//! lint - rules over answer files, with what is known of the image that they are for and of the media they lie on.
//!
//! Promise: a finding says what is wrong, where, and what to do, and holds no key and no password. A file that cannot be
//! read is a finding too. What is not certain is not called an error. At most a thousand findings are kept of one file.
//!
//! | file | what |
//! | --- | --- |
//! | `draft` | findings in the making: places in the text become lines, columns and pictures |
//! | `allow` | comments that allow a finding |
//! | `keys` | product keys: absent, empty, wrong, in the wrong place, secret |
//! | `structure` | passes, components, architectures, encodings |
//! | `settings` | values, lengths, passes of single settings |
//! | `secrets` | passwords; secrets on a WDS share |
//! | `media` | the image that is named; `ei.cfg` and `PID.txt` |
//!
//! The rules themselves are rows of [`crate::catalog::rules`].
//!
//! ```
//! use wimkey::lint::{self, Surroundings};
//! let file = br#"<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialise"/></unattend>"#;
//! let findings = lint::answer_file(file, &Surroundings::default());
//! assert_eq!(findings[0].rule.id, "WK-U029");
//! assert_eq!((findings[0].line, findings[0].column), (Some(1), Some(70)));
//! ```

mod allow;
mod draft;
mod keys;
mod media;
mod named;
mod secrets;
mod settings;
mod structure;

use crate::catalog::rules;
use crate::finding::Finding;
use crate::pkeyconfig::{self, Context, KeyConfiguration, Licences};
use crate::secret::Wiped;
use crate::unattend::{AnswerFile, ComponentNode, Error};
use draft::Drafts;

/// What is known beside the answer file itself. Everything may be left out; the more there is, the more is found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings<'a> {
    /// Every image that the file could install, or the one that it lies in; empty if none is known.
    pub images: &'a [KnownImage<'a>],
    /// Whether the answer file lies in the image (the first of `images`): a copy that Windows reads or has read there.
    pub in_image: bool,
    /// `ei.cfg` and `PID.txt` from the folder of the answer file or from `sources` below it.
    pub beside: &'a [Neighbour],
    /// The path of the file, if it has one: a folder's name may say whom the file is handed out to.
    pub path: &'a str,
}

/// An image, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct KnownImage<'a> {
    /// Index in its WIM, from 1.
    pub index: u32,
    /// Name in its WIM.
    pub name: &'a str,
    /// Description in its WIM, if it has one.
    pub description: Option<&'a str>,
    /// Whether it is meant; the others are there so that names of images can be told from mistakes.
    pub meant: bool,
    /// `EditionID`, such as `Professional`; empty if unknown.
    pub edition: &'a str,
    /// Build, such as 7601; 0 if unknown.
    pub build: u32,
    /// Architecture as answer files name it; `None` if unknown.
    pub architecture: Option<&'a str>,
    /// The image's own key configuration.
    pub configuration: Option<&'a KeyConfiguration>,
    /// The licences that it has installed for its edition.
    pub licences: Option<&'a Licences>,
}

impl<'a> KnownImage<'a> {
    /// What a key for this image is judged against.
    pub fn context(&self) -> Context<'a> {
        Context {
            configuration: self.configuration,
            image: (!self.edition.is_empty()).then_some(pkeyconfig::Image {
                edition: self.edition,
                build: self.build,
            }),
            licences: self.licences,
        }
    }
}

/// A file beside the answer file that Setup reads as well.
#[derive(Debug)]
pub struct Neighbour {
    /// Its path, for messages.
    pub path: String,
    /// Which it is.
    pub kind: NeighbourKind,
    /// Its content.
    pub content: Wiped,
}

/// Which file beside an answer file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourKind {
    /// `ei.cfg`: edition and channel.
    EiCfg,
    /// `PID.txt`: a product key.
    PidTxt,
}

/// Everything that there is to say of the answer file with this content, in the order of the file. Target and image are
/// left to the caller ([`Finding::in_image`]); a finding in a neighbour has its path as target.
pub fn answer_file(bytes: &[u8], surroundings: &Surroundings<'_>) -> Vec<Finding> {
    match AnswerFile::parse(Wiped::new(bytes.to_vec())) {
        Ok(file) => parsed(&file, surroundings),
        Err(error) => vec![unreadable(&error)],
    }
}

/// As [`answer_file`], of a file that has been read already.
pub fn parsed(file: &AnswerFile, surroundings: &Surroundings<'_>) -> Vec<Finding> {
    let ground = Ground {
        file,
        components: file.component_nodes(),
        surroundings,
    };
    let mut drafts = Drafts::default();
    structure::check(&ground, &mut drafts);
    settings::check(&ground, &mut drafts);
    let keys = keys::check(&ground, &mut drafts);
    let has_password = secrets::check(&ground, &mut drafts);
    media::check(&ground, &keys, &mut drafts);
    secrets::check_share(&ground, has_password || keys.has_secret(), &mut drafts);
    allow::apply(file, &mut drafts);
    drafts.finish(file)
}

/// The finding for a file that is no answer file or cannot be read.
pub fn unreadable(error: &Error) -> Finding {
    let text = error.to_string();
    let (what, help) = text.split_once('\n').unwrap_or((&text, ""));
    let rule = match error {
        Error::NotAnAnswerFile { .. } => &rules::NOT_AN_ANSWER_FILE,
        Error::Encoding { .. } => &rules::ENCODING_NOT_TRUE,
        _ => &rules::NOT_WELL_FORMED,
    };
    let mut finding = Finding::new(rule, what).with_help(help);
    if let Error::Malformed {
        line,
        column,
        fault,
        picture,
    } = error
    {
        finding.message = fault.to_string();
        finding.line = Some(*line);
        finding.column = Some(*column);
        finding.length = picture.length();
        finding.picture = Some(picture.clone());
    }
    finding
}

/// What every check looks at.
struct Ground<'a> {
    file: &'a AnswerFile,
    components: Vec<ComponentNode<'a>>,
    surroundings: &'a Surroundings<'a>,
}

impl<'a> Ground<'a> {
    /// The images that are meant.
    fn meant(&self) -> impl Iterator<Item = &'a KnownImage<'a>> {
        self.surroundings.images.iter().filter(|image| image.meant)
    }
}

/// Whether a value is filled in later, by a program that makes answer files from templates.
fn is_template(value: &str) -> bool {
    let marks = |byte: u8| matches!(byte, b'$' | b'%' | b'{' | b'@' | b'[');
    if !value.bytes().any(marks) {
        return false;
    }
    let between = |open: &str, close: &str| {
        value
            .split_once(open)
            .is_some_and(|(_, rest)| rest.contains(close))
    };
    between("${", "}")
        || between("%{", "}")
        || between("{{", "}}")
        || between("@@", "@@")
        || between("[[", "]]")
        || between("<%", "%>")
        || is_variable(value)
}

/// Whether the whole value is a variable, as in `%ARCH%`.
fn is_variable(value: &str) -> bool {
    let inner = value.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    let inner = inner.or_else(|| value.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')')));
    inner.is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    })
}
