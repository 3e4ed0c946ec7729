//! put - files on their way into images.
//!
//! Promise: all of a WIM's go in one update, which reads back what it wrote; each of a folder's replaces the old one whole or not at all.

use super::{Error, Images, Kind, Phase, Progress};
use crate::secret::{Bulk, Wiped};
use crate::wim::{self, Left, Room};
use std::path::Path;

/// A file to put into an image.
pub struct NewFile {
    /// The image's index.
    pub image: u32,
    /// Path inside the image, with `/`.
    pub path: String,
    /// The whole new content.
    pub content: Wiped,
}

impl std::fmt::Debug for NewFile {
    /// Without the content, which may hold a key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("NewFile")
            .field("image", &self.image)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A file that is ready to be put into an image: in a WIM only what is new of its content is kept.
pub struct PackedFile {
    image: u32,
    path: String,
    content: PackedContent,
}

impl std::fmt::Debug for PackedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PackedFile")
            .field("image", &self.image)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

enum PackedContent {
    Wim(wim::Packed),
    Folder(Bulk),
}

impl PackedFile {
    /// How many bytes of the content are kept.
    pub fn kept(&self) -> u64 {
        match &self.content {
            PackedContent::Wim(content) => content.kept(),
            PackedContent::Folder(content) => content.len() as u64,
        }
    }
}

impl Images {
    /// Makes `content` ready to be put into the image with this index; in a WIM, `room` gets the memory of it. May be called for
    /// several files at once.
    ///
    /// # Errors
    /// What keeps the file from being put there.
    pub fn pack(
        &self,
        image: u32,
        path: impl Into<String>,
        content: impl Into<Bulk>,
        room: &mut Room,
    ) -> Result<PackedFile, Error> {
        let (path, content) = (path.into(), content.into());
        let content = match &self.kind {
            Kind::Wim(wim) => {
                let packed = wim.pack(image, &path, &content, room.allowance());
                room.put_back(content);
                PackedContent::Wim(packed.map_err(|cause| self.wim_error(cause))?)
            }
            Kind::Folder(_) => PackedContent::Folder(content),
        };
        Ok(PackedFile { image, path, content })
    }

    /// Puts all `files` into their images: one update of a WIM, one safe replacement a file in a folder. Gives the old contents that are
    /// still there.
    ///
    /// # Errors
    /// What keeps the update from being made; the WIM is then what it was.
    pub fn commit(
        self,
        files: Vec<NewFile>,
        output: Option<&Path>,
        progress: Progress<'_>,
    ) -> Result<Vec<Left>, Error> {
        let total = files.iter().map(|file| file.content.len() as u64).sum();
        let mut done = 0;
        let mut packed = Vec::with_capacity(files.len());
        for file in files {
            progress(Phase::Compress, done, total);
            done += file.content.len() as u64;
            packed.push(self.pack(file.image, file.path, file.content, &mut Room::default())?);
        }
        self.commit_packed(packed, output, progress)
    }

    /// As [`Images::commit`], with files that [`Images::pack`] made ready.
    ///
    /// # Errors
    /// As [`Images::commit`].
    pub fn commit_packed(
        self,
        files: Vec<PackedFile>,
        output: Option<&Path>,
        progress: Progress<'_>,
    ) -> Result<Vec<Left>, Error> {
        let path = self.path;
        match self.kind {
            Kind::Wim(wim) => {
                let fail = |cause| Error::Wim {
                    path: path.clone(),
                    cause,
                };
                let mut update = wim.update().map_err(fail)?;
                for file in files {
                    if let PackedContent::Wim(content) = file.content {
                        update.put_packed(file.image, &file.path, content).map_err(fail)?;
                    }
                }
                finish(update, output, progress).map_err(fail)
            }
            Kind::Folder(folder) => {
                let contents = files.iter().filter_map(|file| match &file.content {
                    PackedContent::Folder(content) => Some((&file.path, content)),
                    PackedContent::Wim(_) => None,
                });
                let total = contents.clone().map(|(_, content)| content.len() as u64).sum();
                let mut done = 0;
                for (path, content) in contents {
                    progress(Phase::Write, done, total);
                    done += content.len() as u64;
                    folder.write(path, content)?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// Whether a commit reads back all it has written, so that nothing remains to be verified: a WIM's does.
    pub fn reads_back(&self) -> bool {
        matches!(self.kind, Kind::Wim(_))
    }
}

/// Writes an update, into a copy if there is an `output`; gives the old contents that are still there.
pub(super) fn finish(
    update: wim::Update,
    output: Option<&Path>,
    progress: Progress<'_>,
) -> Result<Vec<Left>, wim::Error> {
    let mut written = |done, total| progress(Phase::Write, done, total);
    let report = match output {
        Some(output) => update.commit_to(output, &mut written),
        None => update.commit(&mut written),
    };
    Ok(report?.left)
}
