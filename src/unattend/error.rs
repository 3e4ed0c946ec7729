//! error - why an answer file was refused: the place, what is wrong there, and what to do.
//!
//! Promise: no error holds a key or a password. Names from the file are shortened and masked, the picture is masked.

use crate::finding::Picture;
use crate::text;

/// Why an answer file could not be read or changed. Every message says what happened, then what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes than an answer file may have.
    #[error(
        "the answer file has {size} bytes, more than the {limit} that wimkey reads\nCheck that this is an answer file."
    )]
    TooLarge {
        /// Bytes in the file.
        size: usize,
        /// The most that is read.
        limit: usize,
    },
    /// The bytes are not text in the encoding that the file shows.
    #[error("the answer file is {0}\nSave it again as UTF-8.")]
    Text(#[from] text::Error),
    /// The declaration names an encoding that cannot be edited without touching other bytes.
    #[error(
        "the answer file declares the encoding {label}, which wimkey cannot edit\nSave it again as UTF-8."
    )]
    Encoding {
        /// The declared name, masked and shortened.
        label: String,
    },
    /// The file is not well-formed XML, or goes beyond a stated limit.
    #[error("line {line}, column {column}: {fault}\n{}", fault.remedy())]
    Malformed {
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        fault: Fault,
        /// The masked source line.
        picture: Picture,
    },
    /// Well-formed XML, but not an answer file.
    #[error(
        "the root element is <{root}>, not <unattend> of the namespace {}\nGive an answer file (Unattend.xml).",
        super::NAMESPACE
    )]
    NotAnAnswerFile {
        /// Name of the root element, masked and shortened.
        root: String,
    },
    /// The setting stands in more than one place.
    #[error(
        "{setting} stands more than once, at lines {first} and {second}\nRemove one of them: Setup accepts a setting once."
    )]
    Twice {
        /// The setting, without its value.
        setting: String,
        /// Line of the first.
        first: usize,
        /// Line of the second.
        second: usize,
    },
    /// The element holds something that a value cannot replace without loss.
    #[error("line {line}: <{name}> {holds}\nCorrect that place by hand, then try again.")]
    Content {
        /// Line of the element.
        line: usize,
        /// Its name.
        name: String,
        /// What it holds.
        holds: &'static str,
    },
    /// The value cannot stand in an answer file.
    #[error("the value for {setting} {problem}\nGive another value.")]
    Value {
        /// The setting, without its value.
        setting: String,
        /// Why not.
        problem: &'static str,
    },
    /// A pass, component, architecture or path that cannot exist.
    #[error(
        "no answer file can hold this setting: {problem}\nGive the pass, component and path as Microsoft's reference spells them."
    )]
    Setting {
        /// Why not.
        problem: &'static str,
    },
    /// An edit that did not leave a well-formed file; the file is unchanged.
    #[error(
        "line {line}: the edit would not leave a well-formed file, so nothing was changed\nReport this file's structure as a fault of wimkey."
    )]
    Edit {
        /// Line at which the edit went wrong.
        line: usize,
    },
}

/// What is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An end tag that does not close the innermost open element.
    #[error("the end tag </{found}> does not close <{expected}> of line {opened}")]
    MismatchedEnd {
        /// The element that is open.
        expected: String,
        /// What the end tag names.
        found: String,
        /// Line of the open element.
        opened: usize,
    },
    /// An end tag with nothing to close.
    #[error("an end tag closes nothing")]
    UnexpectedEnd,
    /// The file ends within an element.
    #[error("the file ends while <{name}> of line {opened} is open")]
    Unclosed {
        /// The open element.
        name: String,
        /// Its line.
        opened: usize,
    },
    /// Markup that never ends, or none at all after `<`.
    #[error("{0}")]
    Markup(&'static str),
    /// `&` that begins no reference.
    #[error("a bare & stands here")]
    BareAmpersand,
    /// A reference to an entity that XML does not predefine, or to a character that XML forbids.
    #[error("a reference that XML does not know")]
    Reference,
    /// A character that XML forbids.
    #[error("the character U+{0:04X} is not allowed in XML")]
    Character(u32),
    /// `]]>` in text.
    #[error("]]> stands in text")]
    SectionEnd,
    /// `--` within a comment.
    #[error("-- stands within a comment")]
    DoubleHyphen,
    /// A name that XML forbids.
    #[error("not a valid name")]
    Name,
    /// A prefix without a namespace.
    #[error("the prefix {0} is not declared")]
    Prefix(String),
    /// A namespace declaration that the namespaces recommendation forbids.
    #[error("a namespace declaration that is not allowed")]
    Declaration,
    /// An attribute that is not `name="value"`.
    #[error("{0}")]
    Attribute(&'static str),
    /// The same attribute twice.
    #[error("the attribute {0} stands twice")]
    DuplicateAttribute(String),
    /// An XML declaration that is not the very first thing in the file.
    #[error("the XML declaration is not at the start of the file")]
    LateXmlDeclaration,
    /// An XML declaration of the wrong form.
    #[error("the XML declaration is not of the form <?xml version=\"1.0\" encoding=\"...\"?>")]
    XmlDeclaration,
    /// A document type declaration.
    #[error("a document type declaration (DOCTYPE) stands here")]
    DocumentType,
    /// Text before or after the root element.
    #[error("text outside the root element")]
    Outside,
    /// A second root element.
    #[error("a second root element")]
    SecondRoot,
    /// No element at all.
    #[error("no element at all")]
    NoRoot,
    /// More of something than any answer file has.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
}

impl Fault {
    /// The second half of the message: what to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::MismatchedEnd { .. } | Self::UnexpectedEnd | Self::Unclosed { .. } => {
                "Give every element one end tag of its own name."
            }
            Self::BareAmpersand | Self::Reference => "Write & as &amp;, or as &#38;.",
            Self::LateXmlDeclaration => "Remove what stands before <?xml.",
            Self::DocumentType => "Remove it: an answer file needs none, and wimkey expands no entities.",
            Self::DoubleHyphen => "Write a single hyphen.",
            Self::SectionEnd => "Write it as ]]&gt;.",
            Self::Prefix(_) => "Declare it with xmlns:prefix on the element or above it.",
            Self::Limit { .. } => "Check that this is an answer file.",
            _ => "Correct the file at this place.",
        }
    }
}
