//! The transaction logs of an image's hives: applied on request, and empty once their hive has changed.
//!
//! Promise: a dirty hive is never taken for a clean one. Logs hold old pages of their hive, and so old keys: none that held something
//! is left beside a hive that was written.

use super::Error;
use crate::activation::Change;
use crate::hive::{self, Hive, LOG_ENDINGS};
use crate::image::{Image, Images, NewFile};
use crate::secret::{Bulk, Wiped};

/// The hive at `path`, made whole with its logs if it is dirty; then with the change that this is.
pub(super) fn replayed(
    images: &Images,
    image: &Image,
    path: &'static str,
    bytes: Bulk,
) -> Result<(Bulk, Option<Change>), Error> {
    let failed = |cause| images.hive_error(image, path, cause);
    let hive = Hive::read_bulk(bytes).map_err(failed)?;
    let is_dirty = hive.is_dirty();
    let bytes = hive.finish_in_place().map_err(failed)?;
    if !is_dirty {
        return Ok((bytes, None));
    }
    let mut logs = filled(images, image, path)?.into_iter().map(|(_, log)| log);
    let (first, second) = (logs.next().unwrap_or_default(), logs.next().unwrap_or_default());
    let whole = hive::recover(bytes.into(), &first, &second).map_err(failed)?;
    let change = Change {
        place: path.to_owned(),
        name: "transaction logs".to_owned(),
        old: None,
        new: Some("applied".to_owned()),
        changed: true,
    };
    Ok((whole.into(), Some(change)))
}

/// What empties the logs of the hive at `path`. In a folder that happens when the hive is written.
pub(super) fn emptied(images: &Images, image: &Image, path: &str) -> Result<Vec<NewFile>, Error> {
    if images.is_folder() {
        return Ok(Vec::new());
    }
    let logs = filled(images, image, path)?.into_iter();
    Ok(logs
        .map(|(path, _)| NewFile {
            image: image.index,
            path,
            content: Wiped::default(),
        })
        .collect())
}

/// The logs of the hive at `path` that hold something, in the order in which they are applied.
fn filled(images: &Images, image: &Image, path: &str) -> Result<Vec<(String, Wiped)>, Error> {
    let mut found = Vec::new();
    for ending in LOG_ENDINGS {
        let path = format!("{path}{ending}");
        let log = images.read(image.index, &path)?;
        found.extend(log.filter(|log| !log.is_empty()).map(|log| (path, log)));
    }
    Ok(found)
}
