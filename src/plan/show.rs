//! What images are and how they will activate.

use super::Error;
use crate::activation::{SETUP_COMPLETE, State, StoredKey, read_stored_key, steps_in};
use crate::catalog;
use crate::hive::Hive;
use crate::image::{ANSWER_FILE, DEFAULT_USER, Facts, Image, Images, SOFTWARE, Target};
use crate::key::ProductKey;
use crate::kms::{self, Source, Walk};
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
    /// The options of slmgr that the machine runs at the end of Setup.
    pub first_boot: Vec<String>,
    /// Which KMS host its clients ask.
    pub walk: Walk,
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
        let mut state = State::read(&software, facts.build).map_err(failed)?;
        if let Some(bytes) = images.read(image.index, DEFAULT_USER)? {
            let failed = |cause| images.hive_error(image, DEFAULT_USER, cause);
            let hive = Hive::read(bytes).map_err(failed)?;
            state.read_default_user(&hive).map_err(failed)?;
        }
        let key = read_stored_key(&software).map_err(failed)?;
        let script = images.read(image.index, SETUP_COMPLETE)?;
        looks.push(Look {
            image: image.clone(),
            walk: kms::walk_image(&images, image, &facts, &software, key.as_ref(), None)?,
            first_boot: script.map(|script| steps_in(&script)).unwrap_or_default(),
            state,
            key,
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

impl Look {
    /// What will happen at the first start, in a sentence.
    pub fn outlook(&self) -> String {
        let mut answers = self.answer_file.iter().flatten();
        let from_answers = answers.rfind(|text| text.starts_with('*'));
        let row = self.key.as_ref().and_then(|key| catalog::row_of(&key.key));
        let channel = self.key.as_ref().and_then(|key| {
            let stored = key.key_type.as_deref();
            stored.or_else(|| row.map(|row| row.kind.channel()))
        });
        let own = self.key.as_ref().map(|key| key.key.partial());
        if let Some(partial) = from_answers.filter(|partial| own.as_ref() != Some(partial)) {
            return format!(
                "Setup installs the key {partial} of the answer file, and Windows activates as that key's kind does"
            );
        }
        match channel {
            None if self.key.is_none() => {
                "The image holds no product key: Windows takes one from the firmware or the answer file, or asks for one".to_owned()
            }
            Some("Volume:GVLK") => self.asks(),
            Some("VT:IA") => "The Hyper-V host below the machine activates it".to_owned(),
            _ if self.state.settings.get("Manual").is_some_and(|value| value == "1") => {
                "Windows waits for somebody to activate it, for Activation\\Manual is 1".to_owned()
            }
            _ => "Windows activates with Microsoft over the internet".to_owned(),
        }
    }

    /// Whom a KMS client asks.
    fn asks(&self) -> String {
        let step = self
            .walk
            .steps
            .iter()
            .find(|step| matches!(step.outcome, kms::Outcome::Asks | kms::Outcome::Stops));
        match step {
            Some(step) if step.outcome == kms::Outcome::Stops => {
                format!("Windows asks no KMS host: {}", step.why)
            }
            Some(step) if step.source == Source::Dns => format!(
                "Windows looks for a KMS host in DNS ({}) and activates there for 180 days, or tries again every {} minutes",
                step.place,
                self.state
                    .settings
                    .get("VLActivationInterval")
                    .map_or("120", String::as_str)
            ),
            Some(step) => format!(
                "Windows asks the KMS host {}:{} ({}) and activates there for 180 days, or tries again every {} minutes",
                step.host.as_deref().unwrap_or_default(),
                step.port.unwrap_or(kms::DEFAULT_PORT),
                step.place,
                self.state
                    .settings
                    .get("VLActivationInterval")
                    .map_or("120", String::as_str)
            ),
            None => "Windows asks no KMS host".to_owned(),
        }
    }
}

/// A key in an answer file: its last five symbols, or what stands in its place.
pub(super) fn in_words(kind: KeyKind, text: &str) -> String {
    match kind {
        KeyKind::Empty => "empty".to_owned(),
        KeyKind::Placeholder => "a placeholder".to_owned(),
        _ => ProductKey::parse(text).map_or_else(|_| "not a key".to_owned(), |parsed| parsed.key.partial()),
    }
}
