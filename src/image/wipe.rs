//! Writing files so that nothing of their old contents stays: not in the WIM, and as far as anybody can tell not on the disk.

use super::put::finish;
use super::{Error, Images, Kind, NewFile, Phase, Progress};
use crate::wim::{Left, Wim};
use std::path::Path;

impl Images {
    /// As [`Images::commit`]; in a WIM, contents that nothing refers to are dropped and bytes that belong to nothing overwritten, even
    /// if there are no `files`; in a folder, old contents are overwritten before they are given back.
    ///
    /// # Errors
    /// As [`Images::commit`].
    pub fn commit_and_wipe(
        self,
        files: Vec<NewFile>,
        output: Option<&Path>,
        progress: Progress<'_>,
    ) -> Result<Vec<Left>, Error> {
        let path = self.path;
        let total = files.iter().map(|file| file.content.len() as u64).sum();
        let mut done = 0;
        match self.kind {
            Kind::Wim(wim) => {
                let fail = |cause| Error::Wim {
                    path: path.clone(),
                    cause,
                };
                let mut update = wim.update().map_err(fail)?;
                update.wipe_unused();
                for file in files {
                    progress(Phase::Compress, done, total);
                    done += file.content.len() as u64;
                    update.put(file.image, &file.path, file.content).map_err(fail)?;
                }
                finish(update, output, progress).map_err(fail)
            }
            Kind::Folder(folder) => {
                for file in files {
                    progress(Phase::Write, done, total);
                    done += file.content.len() as u64;
                    folder.write_over(&file.path, &file.content)?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// Whether contents of a WIM lie in solid resources, which no update in place can change.
    pub fn is_solid(&self) -> bool {
        match &self.kind {
            Kind::Wim(wim) => wim.is_solid(),
            Kind::Folder(_) => false,
        }
    }
}

/// Writes a WIM afresh, so that solid resources lose what no image refers to; see [`Wim::rebuild`].
///
/// # Errors
/// As [`Wim::rebuild`].
pub fn rebuild(path: &Path) -> Result<(), Error> {
    Wim::rebuild(path).map_err(|cause| Error::Wim {
        path: path.to_owned(),
        cause,
    })
}
