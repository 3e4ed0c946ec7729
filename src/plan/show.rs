//! What images are and how they will activate.

use super::Error;
use crate::activation::{State, StoredKey, read_stored_key};
use crate::hive::Hive;
use crate::image::{ANSWER_FILE, Facts, Image, Images, SOFTWARE, Target};
use crate::key::ProductKey;
use crate::unattend::{AnswerFile, KeyKind};

/// One image, looked at.
#[derive(Debug)]
pub struct Look {
    /// The image in its container.
    pub image: Image,
    /// What it is.
    pub facts: Facts,
    /// Its activation settings.
    pub state: State,
    /// The key in its SOFTWARE hive.
    pub key: Option<StoredKey>,
    /// What stands for a key in its answer file, place by place; `None` without an answer file.
    pub answer_file: Option<Vec<String>>,
}

/// Looks at every selected image of a target.
///
/// # Errors
/// A target that is no image, or whose hive cannot be read.
pub fn show(target: &Target) -> Result<Vec<Look>, Error> {
    let images = Images::open(target)?;
    let mut looks = Vec::new();
    for image in images.selected() {
        let failed = |cause| images.hive_error(image, SOFTWARE, cause);
        let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed)?;
        let facts = Facts::read(&software, image).map_err(failed)?;
        let answers = images.read(image.index, ANSWER_FILE)?;
        looks.push(Look {
            image: image.clone(),
            state: State::read(&software, facts.build).map_err(failed)?,
            key: read_stored_key(&software).map_err(failed)?,
            answer_file: answers.map(|bytes| match AnswerFile::parse(bytes) {
                Ok(answers) => answers
                    .product_keys()
                    .iter()
                    .map(|place| in_words(place.kind, place.expose()))
                    .collect(),
                Err(_) => vec!["cannot be read".to_owned()],
            }),
            facts,
        });
    }
    Ok(looks)
}

/// A key in an answer file: its last five symbols, or what stands in its place.
fn in_words(kind: KeyKind, text: &str) -> String {
    match kind {
        KeyKind::Empty => "empty".to_owned(),
        KeyKind::Placeholder => "a placeholder".to_owned(),
        _ => ProductKey::parse(text).map_or_else(|_| "not a key".to_owned(), |parsed| parsed.key.partial()),
    }
}
