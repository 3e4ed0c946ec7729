//! One image: what it is, what it is to become, and the new content of every file that changes.

use super::choice::{Chosen, Scene, choose, installed_licences};
use super::{Error, Request};
use crate::activation::{
    self, Change, FirstBootStep, HiveName, Occasion, SETUP_COMPLETE, SettingError, Wish, extend, key_wishes,
    parse_setting, registry_wishes, settings_key, twin, unset, warning,
};
use crate::catalog;
use crate::hive::{self, Hive};
use crate::image::{
    ANSWER_FILE, DEFAULT_USER, Facts, Image, Images, KEY_CONFIGURATION, NewFile, SOFTWARE, SYSTEM,
};
use crate::key::ProductKey;
use crate::pkeyconfig::KeyConfiguration;
use crate::secret::Wiped;
use crate::unattend::{AnswerFile, Setting};

/// One image's changes.
#[derive(Debug)]
pub struct ImageChanges {
    /// The image's index.
    pub index: u32,
    /// The image's name.
    pub name: String,
    /// The image in words, with its container.
    pub described: String,
    /// What the image is.
    pub facts: Facts,
    /// What was asked and what it takes, in the order of asking.
    pub changes: Vec<Change>,
    /// What the operator should know.
    pub notes: Vec<String>,
    /// New contents, empty if nothing changes.
    pub files: Vec<NewFile>,
    /// Keys that other ones took the place of.
    pub replaced: Vec<ProductKey>,
}

impl ImageChanges {
    /// Whether anything differs from before.
    pub fn changed(&self) -> bool {
        self.changes.iter().any(|change| change.changed)
    }
}

/// Works out what `request` means for one image. Nothing is written.
///
/// # Errors
/// Why it cannot be done to this image.
pub fn prepare(images: &Images, image: &Image, request: &Request) -> Result<ImageChanges, Error> {
    let failed = |path: &'static str| move |cause| images.hive_error(image, path, cause);
    let open = |path: &'static str| Hive::open(images.require(image, path)?).map_err(failed(path));

    let software = open(SOFTWARE)?;
    let facts = Facts::read(&software, image).map_err(failed(SOFTWARE))?;
    let mut notes: Vec<String> = request
        .settings
        .iter()
        .filter_map(|setting| warning(setting, &facts.edition, facts.build))
        .collect();
    let chosen = match &request.key {
        Some(key) => {
            let configuration = key_configuration(images, image, &mut notes)?;
            let licences = installed_licences(images, image, &facts.edition)?;
            let scene = Scene {
                image: images.describe(image),
                facts: &facts,
                configuration: configuration.as_ref(),
                licences: licences.as_ref(),
            };
            Some(choose(key, &scene, request, &mut notes)?)
        }
        None => None,
    };
    let mut wishes = wishes(request, chosen.as_ref(), &facts, &software).map_err(|error| match error {
        Refused::Hive(cause) => Error::from(failed(SOFTWARE)(cause)),
        Refused::Setting(error) => error.into(),
    })?;

    wishes.extend(registry_wishes(&request.registry)?);

    let mut changes = Vec::new();
    let mut files = Vec::new();
    let mut replaced = Vec::new();
    let mut hives = vec![(HiveName::Software, SOFTWARE, software)];
    if wishes.iter().any(|wish| wish.hive == HiveName::System) {
        hives.push((HiveName::System, SYSTEM, open(SYSTEM)?));
    }
    if wishes.iter().any(|wish| wish.hive == HiveName::DefaultUser) {
        hives.push((HiveName::DefaultUser, DEFAULT_USER, open(DEFAULT_USER)?));
    }
    for (name, path, mut hive) in hives {
        let applied = activation::apply(&mut hive, name, &wishes).map_err(failed(path))?;
        changes.extend(applied.changes);
        replaced.extend(applied.replaced);
        if hive.is_changed() {
            if chosen.is_some() {
                // An earlier key may stand in cells that were freed long ago.
                hive.scrub().map_err(failed(path))?;
            }
            let content = hive.finish().map_err(failed(path))?;
            files.push(NewFile {
                image: image.index,
                path: path.to_owned(),
                content,
            });
        }
    }
    for (change, file) in extra_files(images, image, request)? {
        changes.push(change);
        files.extend(file);
    }
    if let Some(template) = &request.answer_file {
        let (change, file) = answer_file(images, image, template, chosen.as_ref(), facts.architecture)?;
        changes.push(change);
        files.extend(file);
    }
    if let Some(chosen) = &chosen {
        replaced.retain(|key| key.symbols() != chosen.key.symbols());
    }
    Ok(ImageChanges {
        index: image.index,
        name: image.name.clone(),
        described: images.describe(image),
        facts,
        changes,
        notes,
        files,
        replaced,
    })
}

/// The image's own key configuration. One that cannot be read is noted and done without.
fn key_configuration(
    images: &Images,
    image: &Image,
    notes: &mut Vec<String>,
) -> Result<Option<KeyConfiguration>, Error> {
    let Some(bytes) = images.read(image.index, KEY_CONFIGURATION)? else {
        return Ok(None);
    };
    match KeyConfiguration::parse(&bytes) {
        Ok(configuration) => Ok(Some(configuration)),
        Err(error) => {
            notes.push(format!("{KEY_CONFIGURATION} cannot be used: {error}"));
            Ok(None)
        }
    }
}

/// Why wishes could not be made.
enum Refused {
    Hive(hive::Error),
    Setting(SettingError),
}

/// Everything asked of the registry of this image.
fn wishes(
    request: &Request,
    chosen: Option<&Chosen>,
    facts: &Facts,
    software: &Hive,
) -> Result<Vec<Wish>, Refused> {
    let key = settings_key(facts.build);
    let mut wishes = Vec::new();
    if let Some(skip) = request.skip_rearm {
        wishes.push(Wish::number(
            HiveName::Software,
            key.clone(),
            "SkipRearm",
            u32::from(skip),
        ));
    }
    if let Some(host) = &request.kms_host {
        wishes.extend(host.wishes(&key));
    }
    for setting in &request.settings {
        wishes.push(parse_setting(setting, &key).map_err(Refused::Setting)?);
    }
    for name in &request.unset {
        wishes.push(unset(name, &key).map_err(Refused::Setting)?);
    }
    for twin in wishes.iter().filter_map(twin).collect::<Vec<_>>() {
        if software.find(&twin.key).map_err(Refused::Hive)?.is_some() {
            wishes.push(twin);
        }
    }
    if let Some(Chosen {
        key,
        identity: Some(identity),
        ..
    }) = chosen
    {
        let occasion = Occasion {
            build: facts.build,
            edition: facts.edition.clone(),
            unix_time: request.unix_time,
        };
        wishes.extend(key_wishes(key, identity, &occasion, software).map_err(Refused::Hive)?);
    }
    Ok(wishes)
}

/// Where licence files lie that `slmgr /rilc` installs (the registry names the folder below `Setup\LicenseFolders`).
const LICENCE_FOLDER: &str = "Windows/System32/oem";

/// Licence files, and the script that runs at the end of Setup.
fn extra_files(
    images: &Images,
    image: &Image,
    request: &Request,
) -> Result<Vec<(Change, Option<NewFile>)>, Error> {
    let mut done = Vec::new();
    for (name, content) in &request.licences {
        let path = format!("{LICENCE_FOLDER}/{name}");
        let old = images.read(image.index, &path)?;
        let changed = old.as_ref().is_none_or(|old| old[..] != content[..]);
        let new = format!("{} bytes", content.len());
        let change = Change {
            place: path.clone(),
            name: "licence".to_owned(),
            old: old.map(|old| {
                if changed {
                    "another file".to_owned()
                } else {
                    format!("{} bytes", old.len())
                }
            }),
            new: Some(new),
            changed,
        };
        let file = changed.then(|| NewFile {
            image: image.index,
            path,
            content: content.clone(),
        });
        done.push((change, file));
    }
    let mut steps = request.first_boot.clone();
    if !request.licences.is_empty() {
        let install: FirstBootStep = "/rilc".parse()?;
        if !steps.contains(&install) {
            steps.push(install);
        }
    }
    if steps.is_empty() {
        return Ok(done);
    }
    let old = images.read(image.index, SETUP_COMPLETE)?.unwrap_or_default();
    let (script, added) = extend(&old, &steps)?;
    let mut file = (script != **old).then(|| NewFile {
        image: image.index,
        path: SETUP_COMPLETE.to_owned(),
        content: script.into(),
    });
    for (step, changed) in steps.iter().zip(added) {
        let text = step.to_string();
        let change = Change {
            place: SETUP_COMPLETE.to_owned(),
            name: "slmgr".to_owned(),
            old: (!changed).then(|| text.clone()),
            new: Some(text),
            changed,
        };
        done.push((change, file.take()));
    }
    Ok(done)
}

/// The answer file for this image: the operator's, with the key in it, and whether the image has it already.
fn answer_file(
    images: &Images,
    image: &Image,
    template: &Wiped,
    chosen: Option<&Chosen>,
    architecture: &str,
) -> Result<(Change, Option<NewFile>), Error> {
    let mut answers = AnswerFile::parse(template.clone())?;
    let mut name = String::from("answer file");
    let mut new = String::from("as given");
    if let Some(chosen) = chosen.filter(|chosen| chosen.in_answer_file) {
        let setting = Setting::product_key(architecture.parse()?);
        let text = chosen.key.text();
        answers.set(&setting, std::str::from_utf8(text.expose()).unwrap_or_default())?;
        name = setting.to_string();
        new = catalog::shown(&chosen.key);
    }
    let wanted = answers.into_bytes();
    let old = images.read(image.index, ANSWER_FILE)?;
    let changed = old.as_ref().is_none_or(|old| old[..] != wanted[..]);
    let old = match old {
        Some(_) if changed => Some("another answer file".to_owned()),
        Some(_) => Some(new.clone()),
        None => None,
    };
    let change = Change {
        place: ANSWER_FILE.to_owned(),
        name,
        old,
        new: Some(new),
        changed,
    };
    let file = changed.then(|| NewFile {
        image: image.index,
        path: ANSWER_FILE.to_owned(),
        content: wanted,
    });
    Ok((change, file))
}
