//! licensing - what an image itself says of keys: its edition, its key configurations, the licences that are installed.
//!
//! Promise: nothing is judged here. What an image does not tell is left open, not guessed.

use crate::hive::Hive;
use crate::image::{self, Facts, Image, Images, KEY_CONFIGURATIONS, SOFTWARE};
use crate::lint::KnownImage;
use crate::pkeyconfig::{self, Context, KeyConfiguration, LICENCE_FOLDER, Licences};

/// The image's own key configuration, joined from all its files, and which files could not be understood, and why.
#[derive(Debug, Default)]
pub struct OwnConfiguration {
    /// The configuration; `None` if there is none, or none that could be understood.
    pub joined: Option<KeyConfiguration>,
    /// What could not be understood.
    pub faults: Vec<(&'static str, pkeyconfig::Error)>,
}

/// All that keys and answer files for an image are judged by.
#[derive(Debug)]
pub struct Dossier {
    /// The image as its container describes it.
    pub image: Image,
    /// EditionID; empty if nothing tells.
    pub edition: String,
    /// Build; 0 if nothing tells.
    pub build: u32,
    /// Architecture as answer files name it.
    pub architecture: Option<&'static str>,
    /// The image's own key configuration.
    pub configuration: Option<KeyConfiguration>,
    /// The licences installed for its edition.
    pub licences: Option<Licences>,
}

impl Dossier {
    /// What the container tells of an image, without a look into it.
    pub fn from_outside(image: &Image) -> Self {
        Self {
            edition: image.edition.clone().unwrap_or_default(),
            build: image.build.unwrap_or_default(),
            architecture: image.architecture,
            configuration: None,
            licences: None,
            image: image.clone(),
        }
    }

    /// What there is to know of an image. Its SOFTWARE hive is read only for what the container does not tell.
    ///
    /// # Errors
    /// A file or hive that cannot be read.
    pub fn read(images: &Images, image: &Image) -> Result<Self, image::Error> {
        let mut dossier = Self::from_outside(image);
        if dossier.edition.is_empty() || dossier.build == 0 || dossier.architecture.is_none() {
            let failed = |cause| images.hive_error(image, SOFTWARE, cause);
            let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed)?;
            let facts = Facts::read(&software, image).map_err(failed)?;
            dossier.edition = facts.edition;
            dossier.build = facts.build;
            dossier.architecture = Some(facts.architecture);
        }
        dossier.configuration = own_configuration(images, image)?.joined;
        dossier.licences = installed_licences(images, image, &dossier.edition)?;
        Ok(dossier)
    }

    /// For the rules over answer files; `meant` tells whether they are for this image.
    pub fn known(&self, meant: bool) -> KnownImage<'_> {
        KnownImage {
            index: self.image.index,
            name: &self.image.name,
            description: self.image.description.as_deref(),
            meant,
            edition: &self.edition,
            build: self.build,
            architecture: self.architecture,
            configuration: self.configuration.as_ref(),
            licences: self.licences.as_ref(),
        }
    }

    /// For the judgement of keys.
    pub fn context(&self) -> Context<'_> {
        self.known(true).context()
    }
}

/// Reads the key configurations of an image.
///
/// # Errors
/// A file that cannot be read. One that is not understood is no error; see [`OwnConfiguration::faults`].
pub fn own_configuration(images: &Images, image: &Image) -> Result<OwnConfiguration, image::Error> {
    let mut own = OwnConfiguration::default();
    for path in KEY_CONFIGURATIONS {
        let Some(bytes) = images.read(image.index, path)? else {
            continue;
        };
        match KeyConfiguration::parse(&bytes) {
            Ok(more) => {
                own.joined = Some(match own.joined.take() {
                    Some(joined) => joined.join(&more),
                    None => more,
                });
            }
            Err(fault) => own.faults.push((path, fault)),
        }
    }
    Ok(own)
}

/// The licences that are installed for the edition of an image; `None` where the image keeps none, so that nothing can be said.
///
/// # Errors
/// A folder or file that cannot be read. A licence that is no XML counts for nothing.
pub fn installed_licences(
    images: &Images,
    image: &Image,
    edition: &str,
) -> Result<Option<Licences>, image::Error> {
    const LICENCE: &str = ".xrm-ms";
    if edition.is_empty() || edition.contains(['/', '\\']) {
        return Ok(None);
    }
    let folder = format!("{LICENCE_FOLDER}/{edition}");
    let mut licences = Licences::default();
    for name in images.list(image.index, &folder)?.unwrap_or_default() {
        if !name.to_ascii_lowercase().ends_with(LICENCE) {
            continue;
        }
        if let Some(file) = images.read(image.index, &format!("{folder}/{name}"))? {
            _ = licences.add(&file); // what cannot be read counts for nothing
        }
    }
    Ok(Some(licences).filter(|licences| !licences.is_empty()))
}
