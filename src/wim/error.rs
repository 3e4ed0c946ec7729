//! error - what can be wrong with a WIM, and what to do about it.
//!
//! Every text has two halves: what happened and where, then (on the next line) what to do. No file content appears in
//! any of them; names from inside the WIM are escaped by [`crate::text::printable`] before they get here.

use super::codec::Codec;
use std::io;

/// Why a WIM cannot be read or changed. Offsets are bytes from the beginning of the file unless said otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or created.
    #[error("cannot open {path}: {source}\nCheck that the file exists and that you may read it.")]
    Open {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A copy cannot be made.
    #[error(
        "cannot make {path}: {source}\nCheck that its folder exists, that you may write there and that there is room."
    )]
    Create {
        /// The copy.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Something has the name that a copy is to have.
    #[error(
        "{path} is there already, and is not overwritten\nName another file for the copy, or move that one away first."
    )]
    Taken {
        /// The copy.
        path: String,
    },
    /// The system reports an error while reading.
    #[error(
        "cannot read the {what} at offset {offset:#x}: {source}\nCheck the medium, then get the file again."
    )]
    Read {
        /// What was being read.
        what: &'static str,
        /// Where.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The system reports an error while writing.
    #[error(
        "cannot {what} at offset {offset:#x}: {source}\nCheck free space and permissions, then run the same command again: the WIM is as it was before, or already complete."
    )]
    Write {
        /// What was being done.
        what: &'static str,
        /// Where.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// Another program is writing to the WIM.
    #[error(
        "another program holds the lock on the WIM\nWait until it has finished, then run the same command again."
    )]
    Locked,
    /// The file is not what it was when it was opened.
    #[error("the WIM was changed by another program after it was opened\nRun the same command again.")]
    ChangedMeanwhile,
    /// The file does not begin like a WIM.
    #[error(
        "this is not a WIM: it does not begin with MSWIM\nName a .wim or .esd file, not an ISO image or a folder."
    )]
    NotAWim,
    /// The file ends too early.
    #[error(
        "the WIM ends before its {what}: {needed} bytes are needed at offset {offset:#x}\nGet the file again; the download or copy was cut off."
    )]
    Short {
        /// What should stand there.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// How long it is.
        needed: u64,
    },
    /// A number in the file is impossible.
    #[error(
        "the {what} at offset {offset:#x} is damaged: expected {expected:#x}, found {found:#x}\nGet the file again, or check it with `wimlib-imagex verify`."
    )]
    Damaged {
        /// Which number.
        what: &'static str,
        /// Where it stands; inside the metadata resource for metadata.
        offset: u64,
        /// What it should be, or its limit.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// The directory tree of an image contradicts itself.
    #[error(
        "the metadata is damaged at its byte {offset:#x}: {what}\nGet the file again; no program can read this image in full."
    )]
    Metadata {
        /// What is wrong.
        what: &'static str,
        /// Offset in the plain text of the metadata resource.
        offset: u64,
    },
    /// Data does not have the SHA-1 that the WIM states for it.
    #[error(
        "the SHA-1 of {what} at offset {offset:#x} is wrong: the data is damaged\nGet the file again, or check it with `wimlib-imagex verify`."
    )]
    Hash {
        /// What was read.
        what: String,
        /// Where its resource begins.
        offset: u64,
    },
    /// A compressed chunk cannot be decompressed.
    #[error(
        "the compressed data at offset {offset:#x} is damaged\nGet the file again, or check it with `wimlib-imagex verify`."
    )]
    Chunk {
        /// Where the chunk begins.
        offset: u64,
    },
    /// A version that neither Windows nor libwim documents.
    #[error("the WIM has the unknown version {found:#x}\nExport it with a current DISM or wimlib first.")]
    UnknownVersion {
        /// The version field.
        found: u32,
    },
    /// The header names no known codec.
    #[error(
        "the WIM is compressed in an unknown way (flags {flags:#x})\nExport it with a current DISM or wimlib first."
    )]
    UnknownCodec {
        /// The flags field.
        flags: u32,
    },
    /// A chunk size that the codec does not have.
    #[error(
        "chunks of {found} bytes do not exist in {codec:?}\nGet the file again, or export it with DISM or wimlib."
    )]
    ChunkSize {
        /// The codec.
        codec: Codec,
        /// The chunk size in bytes.
        found: u32,
    },
    /// libwim could not set up a codec.
    #[error(
        "libwim has no {codec:?} codec for chunks of {chunk_size} bytes\nFree some memory and try again."
    )]
    CodecUnavailable {
        /// The codec.
        codec: Codec,
        /// The chunk size in bytes.
        chunk_size: usize,
    },
    /// libwim could not write the WIM afresh.
    #[error(
        "libwim cannot write the WIM afresh: {what}\nThe WIM is as it was. Look for room on the disk and in memory, and check the WIM with `wimlib-imagex verify`."
    )]
    Library {
        /// What libwim says.
        what: String,
    },
    /// A WIM that was written afresh is not the same.
    #[error(
        "the WIM that libwim wrote afresh has other files in image {image}\nThe WIM is as it was: please report this."
    )]
    Rebuilt {
        /// The image; 0 if the images are not as many.
        image: u32,
    },
    /// The XML data is not what a WIM needs.
    #[error(
        "the XML data of the WIM is damaged: {reason}\nGet the file again, or repair it with `wimlib-imagex info`."
    )]
    Xml {
        /// What is wrong with it.
        reason: String,
    },
    /// An ESD whose content is encrypted.
    #[error(
        "this ESD is encrypted\nUse the decrypted file; Windows Update and the media creation tool decrypt it."
    )]
    Encrypted,
    /// There is no image of that number.
    #[error("the WIM has no image {image}; it has {count}\nName an image from 1 to {count}.")]
    NoImage {
        /// The number asked for.
        image: u32,
        /// How many there are.
        count: u32,
    },
    /// This file holds no metadata.
    #[error("part {part} of a split WIM holds no images\nName the first part.")]
    NoMetadata {
        /// The number of this part.
        part: u16,
    },
    /// There is no such path in the image.
    #[error("image {image} has no {path}\nCheck the spelling; case does not matter.")]
    NotFound {
        /// The image.
        image: u32,
        /// The path.
        path: String,
    },
    /// The path leads to something other than what is needed.
    #[error("{path} in image {image} {what}\nName an ordinary file in an ordinary folder.")]
    WrongKind {
        /// The image.
        image: u32,
        /// The path.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// A name that Windows does not allow.
    #[error(
        "{path} is not a path that Windows allows: {what}\nName a path such as Windows\\Panther\\unattend.xml."
    )]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The content is longer than the caller takes.
    #[error(
        "{what} is {size} bytes long, more than the limit of {limit}\nThis is no file of the expected kind; look at it by hand."
    )]
    TooLarge {
        /// What was to be read.
        what: String,
        /// Its length in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The content lies in another file.
    #[error(
        "the content of {path} in image {image} is not in this file\nJoin the parts (`wimlib-imagex join`), or rebuild a delta WIM together with its base (`wimlib-imagex export --ref`)."
    )]
    Elsewhere {
        /// The image.
        image: u32,
        /// The path, or what is known of it.
        path: String,
    },
    /// This WIM is not one that can be changed in place.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The WIM read back after writing is not what was written; the old state was put back.
    #[error(
        "the WIM was not as wanted when read back: {what}\nThe old state was restored; check the medium and the memory of this machine."
    )]
    ReadBack {
        /// What differed.
        what: String,
    },
    /// More than a WIM can hold.
    #[error("{what} is too large for a WIM\nUse a smaller file.")]
    Overflow {
        /// What it is.
        what: &'static str,
    },
}

impl Error {
    /// Whether this is a refusal for the WIM's safety rather than a failure.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Encrypted
                | Self::Locked
                | Self::ChangedMeanwhile
                | Self::UnknownVersion { .. }
                | Self::UnknownCodec { .. }
        )
    }
}

/// Why a WIM that can be read is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// One part of several.
    #[error(
        "this is part {part} of a split WIM of {parts} parts\nJoin them first: wimlib-imagex join whole.wim part*.swm"
    )]
    Split {
        /// The number of this part.
        part: u16,
        /// How many parts there are.
        parts: u16,
    },
    /// A WIM made for pipes, which cannot be appended to.
    #[error(
        "this is a pipable WIM, which cannot be changed in place\nMake an ordinary one first: wimlib-imagex export in.wim all out.wim"
    )]
    Pipable,
    /// The read-only flag is set.
    #[error(
        "the WIM is marked read-only\nIf it is yours to change, make a copy without the mark: wimlib-imagex export in.wim all out.wim"
    )]
    ReadOnly,
    /// The write-in-progress flag is set, and some content is damaged.
    #[error(
        "another program was, or is, writing to the WIM, and not all of it is whole\nIf none is, see what is damaged (wimlib-imagex verify) and take the file from its source again."
    )]
    WriteInProgress,
    /// The table of checksums that the header names is not all there.
    #[error(
        "the WIM ends before its integrity table does, so it was not copied whole\nTake the file from its source again; if its contents are whole all the same (wimlib-imagex verify --nocheck), wimlib-imagex optimize writes it afresh."
    )]
    CutOff,
    /// Content is missing, so that references cannot be counted.
    #[error(
        "image {image} refers to content that is not in this file (a delta WIM)\nRebuild it together with its base: wimlib-imagex export --ref=base.wim in.wim all out.wim"
    )]
    Delta {
        /// The first image with missing content.
        image: u32,
    },
    /// A file that is to be written afresh has hard links.
    #[error(
        "the file has {names} names (hard links): the others would still show its old contents\nRemove or copy the others first (find -samefile FILE lists them), so that one name is left."
    )]
    OtherNames {
        /// How many names it has.
        names: u64,
    },
    /// Fewer metadata resources than images.
    #[error("the metadata of some images is not in this file\nName the whole WIM, not one part of it.")]
    MetadataMissing,
}
