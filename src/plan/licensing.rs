//! What an image itself says of keys: its key configurations and the licences that are installed.

use crate::image::{self, Image, Images, KEY_CONFIGURATIONS};
use crate::pkeyconfig::{self, KeyConfiguration, LICENCE_FOLDER, Licences};

/// The image's own key configuration, joined from all its files, and which files could not be understood, and why.
#[derive(Debug, Default)]
pub struct OwnConfiguration {
    /// The configuration; `None` if there is none, or none that could be understood.
    pub joined: Option<KeyConfiguration>,
    /// What could not be understood.
    pub faults: Vec<(&'static str, pkeyconfig::Error)>,
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
