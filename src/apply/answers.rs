//! Answer files beside images: on a medium, in the folders of WDS.

use super::outcome::TargetError;
use super::{ClientAnswers, Plan};
use crate::activation::Change;
use crate::catalog::{self, PublishedKey};
use crate::file;
use crate::image::{self, Images, Target};
use crate::key::ProductKey;
use crate::plan::KeyChoice;
use crate::secret::{self, Wiped};
use crate::unattend::{self, AnswerFile, Setting};
use std::path::{Path, PathBuf};

/// A file beside images with the content that it is to have.
pub(super) struct Wanted {
    path: PathBuf,
    content: Wiped,
    change: Change,
}

impl Wanted {
    /// The plan's answer file for a place beside images, with the key in it if one key is for all of them; `None` if the plan has none.
    pub(super) fn answers(plan: &Plan, path: &Path) -> Result<Option<Self>, TargetError> {
        let request = &plan.request;
        let Some(template) = &request.answer_file else {
            return Ok(None);
        };
        let mut answers = AnswerFile::parse(template.clone())?;
        let has_place = request.places.is_none_or(|places| places.answer_file);
        let key = match &request.key {
            Some(KeyChoice::Own(key)) => ProductKey::from_symbols(key.symbols()),
            Some(KeyChoice::Published(Some(edition))) => {
                catalog::newest_gvlk(edition).ok().and_then(|row| row.key().ok())
            }
            Some(KeyChoice::Published(None)) => own_key(plan, path),
            None => None,
        };
        let mut shown = String::from("as given");
        if let Some(key) = key.filter(|_| has_place) {
            for architecture in answers.own_architectures() {
                let text = key.text();
                let text = std::str::from_utf8(text.expose()).unwrap_or_default();
                answers.set(&Setting::product_key(architecture), text)?;
            }
            shown = catalog::shown(&key);
        }
        Self::compared(path.to_owned(), answers.into_bytes(), shown).map(Some)
    }

    /// The answer file of WDS' client in the folder where WDS looks for it.
    pub(super) fn client(client: &ClientAnswers, folder: &Path) -> Result<Self, TargetError> {
        let path = folder.join(&client.name);
        Self::compared(path, client.content.clone(), "as given".to_owned())
    }

    fn compared(path: PathBuf, content: Wiped, shown: String) -> Result<Self, TargetError> {
        let failed = |cause| TargetError::File {
            path: path.clone(),
            cause,
        };
        let old = if path.exists() {
            Some(secret::read_file(&path, unattend::SIZE_LIMIT).map_err(failed)?)
        } else {
            None
        };
        let changed = old.as_ref().is_none_or(|old| old[..] != content[..]);
        let change = Change {
            place: path.display().to_string(),
            name: "answer file".to_owned(),
            old: match old {
                Some(_) if changed => Some("another answer file".to_owned()),
                Some(_) => Some(shown.clone()),
                None => None,
            },
            new: Some(shown),
            changed,
        };
        Ok(Self {
            path,
            content,
            change,
        })
    }

    /// Replaces the file if that changes it and it is not only to be told.
    pub(super) fn put(self, dry_run: bool) -> Result<Change, TargetError> {
        if self.change.changed && !dry_run {
            let folder = self.path.parent().unwrap_or(&self.path);
            std::fs::create_dir_all(folder).map_err(|cause| TargetError::File {
                path: folder.to_owned(),
                cause,
            })?;
            file::replace_and_wipe(&self.path, &self.content).map_err(|cause| TargetError::NotReplaced {
                path: self.path.clone(),
                cause,
            })?;
        }
        Ok(self.change)
    }
}

/// The published key of the images that the answer file at `path` is for, if it is for those of one WIM and one key is for all of them.
fn own_key(plan: &Plan, path: &Path) -> Option<ProductKey> {
    let wim = Target::all_of(&image::wim_of_answers(path)?);
    let images = Images::open(&wim.select(plan.selectors.clone())).ok()?;
    let mut keys = images.selected().iter().map(|image| {
        let (edition, build) = (image.edition.as_deref()?, image.build?);
        catalog::gvlk_for(edition, build).ok()
    });
    let first = keys.next()??;
    let is_same = |other: Option<&PublishedKey>| other.is_some_and(|other| std::ptr::eq(other, first));
    keys.all(is_same).then(|| first.key().ok()).flatten()
}
