//! What images are and how they will activate, for `image show`.

use super::Error;
use crate::activation::{State, StoredKey, read_stored_key};
use crate::catalog;
use crate::hive::Hive;
use crate::image::{ANSWER_FILE, Facts, Images, SOFTWARE, Target};
use crate::key::ProductKey;
use crate::report::{AnswerFileKey, ImageShow, ShownKey};
use crate::unattend::{AnswerFile, KeyKind};

/// Reads every selected image of a target.
///
/// # Errors
/// A target that is no image, or whose hive cannot be read.
pub fn show(target: &Target) -> Result<ImageShow, Error> {
    let images = Images::open(target)?;
    let mut report = ImageShow::new(target.to_string());
    for image in images.selected() {
        let failed = |cause| images.hive_error(image, SOFTWARE, cause);
        let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed)?;
        let facts = Facts::read(&software, image).map_err(failed)?;
        let state = State::read(&software, facts.build).map_err(failed)?;
        let key = read_stored_key(&software).map_err(failed)?.map(described);
        let answers = images.read(image.index, ANSWER_FILE)?.map(|bytes| AnswerFileKey {
            path: ANSWER_FILE,
            keys: match AnswerFile::parse(bytes) {
                Ok(answers) => answers
                    .product_keys()
                    .iter()
                    .map(|place| in_words(place.kind, place.expose()))
                    .collect(),
                Err(_) => vec!["cannot be read".to_owned()],
            },
        });
        report.add(image, facts, state, key, answers);
    }
    Ok(report)
}

fn described(stored: StoredKey) -> ShownKey {
    let row = catalog::row_of(&stored.key);
    ShownKey {
        partial: stored.key.partial(),
        channel: stored
            .key_type
            .or_else(|| row.map(|row| row.kind.channel().to_owned())),
        edition: stored
            .edition
            .or_else(|| row.and_then(|row| row.edition().map(str::to_owned))),
        product: row.map(|row| row.product.to_owned()),
        product_id: Some(stored.product_id),
        activation_id: stored.activation_id,
    }
}

/// A key in an answer file: its last five symbols, or what stands in its place.
fn in_words(kind: KeyKind, text: &str) -> String {
    match kind {
        KeyKind::Empty => "empty".to_owned(),
        KeyKind::Placeholder => "a placeholder".to_owned(),
        _ => ProductKey::parse(text).map_or_else(|_| "not a key".to_owned(), |parsed| parsed.key.partial()),
    }
}
