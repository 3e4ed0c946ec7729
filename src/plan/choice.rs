//! The key for one image: which it is, whether it belongs there, and where it goes.

use super::{Error, Request};
use crate::catalog;
use crate::image::Facts;
use crate::key::ProductKey;
use crate::pkeyconfig::{self, Context, Judgement, KeyConfiguration, Licences, Resolved};

/// The key that an operator names.
#[derive(Debug)]
pub enum KeyChoice {
    /// The published client setup key for this edition, or for the image's own.
    Published(Option<String>),
    /// A key of the operator's.
    Own(ProductKey),
}

/// Where a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Into the SOFTWARE hive.
    pub hive: bool,
    /// Into the answer file.
    pub answer_file: bool,
}

/// The key for one image, accepted.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) key: ProductKey,
    /// What its registry values are made of; `None` if it does not go there.
    pub(super) identity: Option<Resolved>,
    /// Whether it goes into the answer file.
    pub(super) in_answer_file: bool,
}

/// The image that a key is chosen for.
pub(super) struct Scene<'a> {
    /// The image in words.
    pub(super) image: String,
    pub(super) facts: &'a Facts,
    pub(super) configuration: Option<&'a KeyConfiguration>,
    pub(super) licences: Option<&'a Licences>,
}

impl Scene<'_> {
    fn image(&self) -> pkeyconfig::Image<'_> {
        pkeyconfig::Image {
            edition: &self.facts.edition,
            build: self.facts.build,
        }
    }
}

/// Chooses the key for an image and its places there.
///
/// # Errors
/// No published key, a key that does not belong into the image, or one without a place to go.
pub(super) fn choose(
    choice: &KeyChoice,
    scene: &Scene<'_>,
    request: &Request,
    notes: &mut Vec<String>,
) -> Result<Chosen, Error> {
    let key = match choice {
        KeyChoice::Own(key) => ProductKey::from_symbols(key.symbols()),
        KeyChoice::Published(edition) => {
            let misspelled = edition.as_deref().and_then(catalog::near_edition);
            let edition = edition.as_ref().unwrap_or(&scene.facts.edition);
            let row =
                catalog::gvlk_for(edition, scene.facts.build).map_err(|reason| Error::NoPublishedKey {
                    image: scene.image.clone(),
                    edition: crate::text::printable(edition),
                    build: scene.facts.build,
                    reason: misspelled.map_or_else(
                        || reason.to_string(),
                        |near| format!("there is no edition of that name\nDid you mean {near}?"),
                    ),
                })?;
            row.key().ok()
        }
    };
    let Some(key) = key else {
        return Err(Error::Nothing);
    };
    let verdict = pkeyconfig::judge(
        &key,
        &Context {
            configuration: scene.configuration,
            image: Some(scene.image()),
            licences: scene.licences,
        },
    );
    let reason = verdict.to_string();
    match verdict.judgement {
        Judgement::Published => notes.extend(outdated(&verdict)),
        Judgement::Matched => {}
        Judgement::WellFormed => notes.push(format!("{}: {reason}", key.partial())),
        Judgement::WrongEdition if request.allow_other_edition => {
            notes.push(format!(
                "{}: {reason}; written all the same, as --allow-other-edition asks",
                key.partial()
            ));
        }
        _ => {
            return Err(Error::WrongKey {
                image: scene.image.clone(),
                partial: key.partial(),
                reason,
            });
        }
    }
    let is_gvlk = verdict.channel() == Some(catalog::KeyKind::Gvlk.channel());
    let places = request.places.unwrap_or(Places {
        hive: is_gvlk,
        answer_file: true,
    });
    if places.hive && !is_gvlk {
        notes.push(format!("{}: {HIVE_WARNING}", key.partial()));
    }
    let is_oem = verdict
        .channel()
        .is_some_and(|channel| channel.starts_with("OEM"));
    if is_oem && !request.first_boot.is_empty() && !runs_scripts_with_oem_keys(&scene.facts.edition) {
        notes.push(format!("{}: {SCRIPT_WARNING}", key.partial()));
    }
    place(key, places, scene, request, notes)
}

/// What becomes of first-boot steps with an OEM key.
///
/// Source: Microsoft, Add a Custom Script to Windows Setup.
const SCRIPT_WARNING: &str = "with an OEM key Setup does not run SetupComplete.cmd except on Enterprise and Server editions; put the \
     steps into the answer file (Shell-Setup, FirstLogonCommands) instead";

/// Whether Setup runs `SetupComplete.cmd` on this edition although the key is an OEM one.
fn runs_scripts_with_oem_keys(edition: &str) -> bool {
    edition.starts_with("Enterprise") || edition.starts_with("Server")
}

/// Why a key that is no client setup key does not go into the hive by itself: Windows prescribes the answer file for it, and
/// removes such keys from the registry on its own.
const HIVE_WARNING: &str = "only a client setup key belongs into the registry; Microsoft prescribes the answer file \
     (Shell-Setup, specialize) for any other, Windows may take no notice of one in the hive, and everyone who has the image \
     can read it there";

/// What to know of a published key that should no longer be used.
fn outdated(verdict: &pkeyconfig::Verdict<'_>) -> Option<String> {
    let row = verdict
        .published
        .filter(|row| row.status != catalog::Status::Current)?;
    Some(format!("{}: {verdict}", row.text))
}

/// Works out what the key's places take.
fn place(
    key: ProductKey,
    places: Places,
    scene: &Scene<'_>,
    request: &Request,
    notes: &mut Vec<String>,
) -> Result<Chosen, Error> {
    let in_answer_file = places.answer_file && request.answer_file.is_some();
    let no_place = |reason: String, key: &ProductKey| Error::NoPlace {
        image: scene.image.clone(),
        partial: key.partial(),
        reason,
    };
    let identity = if places.hive {
        match pkeyconfig::resolve(&key, scene.image(), scene.configuration) {
            Ok(identity) => Some(identity),
            Err(reason) if in_answer_file && request.places.is_none() => {
                notes.push(format!(
                    "{} goes into the answer file only: {}",
                    key.partial(),
                    first_line(&reason.to_string())
                ));
                None
            }
            Err(reason) => return Err(no_place(first_line(&reason.to_string()).to_owned(), &key)),
        }
    } else {
        None
    };
    if identity.is_none() && !in_answer_file {
        return Err(no_place(
            "only a client setup key goes into the hive without being told to".to_owned(),
            &key,
        ));
    }
    if places.answer_file && request.places.is_some() && !in_answer_file {
        return Err(no_place(
            "the answer file is named as its place, but none is given".to_owned(),
            &key,
        ));
    }
    Ok(Chosen {
        key,
        identity,
        in_answer_file,
    })
}

/// What happened, without what to do about it.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or(message)
}
