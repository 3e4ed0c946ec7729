//! kms - which KMS host a client made from an image will ask, in order, and why.
//!
//! Promise: the walk is the one that Microsoft's guide gives: the host named for the product, for the application, for all; the host
//! that answered last; DNS. Each step says what lies in the image and what the client makes of it. Nothing is asked on a network.

mod records;
mod select;
mod walk;

pub use records::{DEFAULT_PORT, Record, SERVICE, ZoneError, parse_zone};
pub use select::{Ranked, rank};
pub use walk::{Ground, Outcome, Source, Step, Walk, walk};

use crate::activation::{StoredKey, read_stored_key};
use crate::hive::Hive;
use crate::image::{self, Facts, Image, Images, SOFTWARE, SYSTEM, Target};

/// Where the hive of the account lies that the licensing service runs under.
const NETWORK_SERVICE: &str = "Windows/ServiceProfiles/NetworkService/NTUSER.DAT";

/// Why the walk cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The target cannot be read.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The zone file cannot be read.
    #[error(transparent)]
    Zone(#[from] ZoneError),
}

/// The walk of one image.
#[derive(Debug)]
pub struct Discovery {
    /// The image in its container.
    pub image: Image,
    /// What it is.
    pub facts: Facts,
    /// Step by step what its clients do.
    pub walk: Walk,
}

/// Walks the discovery order on every selected image of a target; `zone` has the records that DNS would answer with.
///
/// # Errors
/// A target that is no image, or whose hives cannot be read.
pub fn discover(target: &Target, zone: Option<&[Record]>) -> Result<Vec<Discovery>, Error> {
    let images = Images::open(target)?;
    let mut found = Vec::new();
    for image in images.selected() {
        let failed = |cause| images.hive_error(image, SOFTWARE, cause);
        let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed)?;
        let facts = Facts::read(&software, image).map_err(failed)?;
        let key = read_stored_key(&software).map_err(failed)?;
        found.push(Discovery {
            image: image.clone(),
            walk: walk_image(&images, image, &facts, &software, key.as_ref(), zone)?,
            facts,
        });
    }
    Ok(found)
}

/// Walks the discovery order on one image whose SOFTWARE hive and key are known already.
///
/// # Errors
/// A hive that cannot be read.
pub fn walk_image(
    images: &Images,
    image: &Image,
    facts: &Facts,
    software: &Hive,
    key: Option<&StoredKey>,
    zone: Option<&[Record]>,
) -> Result<Walk, image::Error> {
    let hive = |path: &str| -> Result<Option<Hive>, image::Error> {
        let Some(bytes) = images.read(image.index, path)? else {
            return Ok(None);
        };
        let read = Hive::read(bytes).map(Some);
        read.map_err(|cause| images.hive_error(image, path, cause))
    };
    let ground = Ground {
        software,
        key,
        system: hive(SYSTEM)?,
        network_service: hive(NETWORK_SERVICE)?,
        edition: &facts.edition,
        build: facts.build,
    };
    walk(&ground, zone).map_err(|cause| images.hive_error(image, SOFTWARE, cause))
}
