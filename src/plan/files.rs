//! files - what else an image gets than values in its hives: licences, the script at the end of Setup, the answer file.

use super::choice::Chosen;
use super::{Error, Request};
use crate::activation::{Change, FirstBootStep, SETUP_COMPLETE, extend};
use crate::catalog;
use crate::image::{ANSWER_FILE, Image, Images, NewFile};
use crate::secret::Wiped;
use crate::unattend::{AnswerFile, Setting};

/// Where licence files lie that `slmgr /rilc` installs (the registry names the folder below `Setup\LicenseFolders`).
const LICENCE_FOLDER: &str = "Windows/System32/oem";

/// Licence files, and the script that runs at the end of Setup.
pub(super) fn extra_files(
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
pub(super) fn answer_file(
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
