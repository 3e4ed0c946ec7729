//! verify - reads every content of a WIM and compares its SHA-1.
//!
//! Promise: memory for one chunk is taken; each content is decompressed once. Nothing is said of bytes that belong to nothing.

use super::contents::Content;
use super::error::{Error, Refusal};
use super::header::flag;
use super::reader::Wim;
use super::resource::Hash;
use sha1::{Digest, Sha1};

/// The content that is being hashed.
struct Current {
    content: Content,
    hasher: Sha1,
    length: u64,
}

impl Wim {
    /// Makes sure that every content is what its SHA-1 says and that every file of every image has its content.
    ///
    /// # Errors
    /// [`Error::Hash`] for the first content that is another one; whatever else is wrong.
    pub fn verify(&self) -> Result<(), Error> {
        self.references()?;
        for group in self.groups()? {
            let mut current: Option<Current> = None;
            let mut wrong = None;
            self.stream(&group, &mut |content, bytes| {
                if current
                    .as_ref()
                    .is_none_or(|current| current.content.hash != content.hash)
                {
                    wrong = wrong.or(current.take().and_then(Current::wrong));
                    current = Some(Current {
                        content: *content,
                        hasher: Sha1::new(),
                        length: 0,
                    });
                }
                if let Some(current) = &mut current {
                    current.hasher.update(bytes);
                    current.length += bytes.len() as u64;
                }
            })?;
            if let Some(hash) = wrong.or(current.and_then(Current::wrong)) {
                return Err(Error::Hash {
                    what: format!("the content {}", crate::text::hex(&hash)),
                    offset: group.offset(),
                });
            }
        }
        Ok(())
    }

    /// Whether another program was stopped while it wrote this file: it left its mark.
    pub fn is_marked_as_being_written(&self) -> bool {
        self.header.flags & flag::WRITE_IN_PROGRESS != 0
    }

    /// Refuses a file that another program was writing, unless all of it is whole. Looked at once only.
    pub(super) fn refuse_unfinished(&self) -> Result<(), Error> {
        let whole = || self.verify().is_ok();
        if self.is_marked_as_being_written() && !*self.verified.get_or_init(whole) {
            return Err(Refusal::WriteInProgress.into());
        }
        Ok(())
    }
}

impl Current {
    /// The SHA-1 it should have, if it has another one. What was not handed out whole, within another content, is not judged.
    fn wrong(self) -> Option<Hash> {
        let judged = self.length == self.content.size && self.content.size > 0;
        let found: Hash = self.hasher.finalize().into();
        (judged && found != self.content.hash).then_some(self.content.hash)
    }
}
