//! The activation settings of an image as a registration file, for running machines or for other images.

use super::Error;
use crate::activation::settings_key;
use crate::catalog::settings::{Allowed, Place, SETTINGS, Setting};
use crate::hive::{self, Hive, Key, ValueKind};
use crate::image::{DEFAULT_USER, Facts, Images, SOFTWARE, Target};
use crate::regfile::Writer;
use crate::secret::Wiped;
use crate::transfer;
use std::io::Write;

/// One key of the file and its values.
struct Found {
    path: String,
    values: Vec<(&'static str, ValueKind, Wiped)>,
}

/// Writes every activation setting that the image has to `out`, in the places where Windows loads them; new users' settings go to the
/// current user. Keys are no settings and are left out. Gives how many values that were.
///
/// # Errors
/// A target with several images, or none; a hive that cannot be read; what `out` reports.
pub fn export_settings(target: &Target, out: impl Write) -> Result<usize, Error> {
    let images = &Images::open(target)?;
    let [image] = images.selected() else {
        return Err(Error::OneImage);
    };
    let failed = |file: &'static str| move |cause| images.hive_error(image, file, cause);
    let software = Hive::read(images.require(image, SOFTWARE)?).map_err(failed(SOFTWARE))?;
    let facts = Facts::read(&software, image).map_err(failed(SOFTWARE))?;
    let mut found = in_software(&software, facts.build).map_err(failed(SOFTWARE))?;
    if let Some(bytes) = images.read(image.index, DEFAULT_USER)? {
        let hive = Hive::read(bytes).map_err(failed(DEFAULT_USER))?;
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.place == Place::DefaultUser)
        {
            let whole = format!(r"HKEY_CURRENT_USER\{}", setting.subkey);
            let key = hive.find(setting.subkey).map_err(failed(DEFAULT_USER))?;
            take(&mut found, &whole, key.as_ref(), setting).map_err(failed(DEFAULT_USER))?;
        }
    }
    write(&found, out).map_err(Error::from)
}

fn write(found: &[Found], out: impl Write) -> Result<usize, transfer::Error> {
    let mut writer = Writer::new(out)?;
    let mut count = 0;
    for key in found {
        writer.key(&key.path)?;
        for (name, kind, data) in &key.values {
            writer.value(name, kind.number(), data)?;
            count += 1;
        }
    }
    writer.finish()?;
    Ok(count)
}

/// The settings of a SOFTWARE hive: for the whole machine, for applications and for products.
fn in_software(software: &Hive, build: u32) -> Result<Vec<Found>, hive::Error> {
    const PREFIX: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE";
    let root = settings_key(build);
    let mut found = Vec::new();
    for setting in SETTINGS {
        let path = match (setting.place, setting.subkey) {
            (Place::DefaultUser, _) => continue,
            (Place::Software, key) => key.to_owned(),
            (Place::Settings, "") => root.clone(),
            (Place::Settings, key) => format!(r"{root}\{key}"),
        };
        let key = software.find(&path)?;
        take(&mut found, &format!(r"{PREFIX}\{path}"), key.as_ref(), setting)?;
    }
    let Some(settings) = software.find(&root)? else {
        return Ok(found);
    };
    for application in settings.subkeys() {
        let application = application?;
        let path = format!(r"{PREFIX}\{root}\{}", application.name());
        for setting in SETTINGS.iter().filter(|setting| setting.products) {
            take(&mut found, &path, Some(&application), setting)?;
        }
        for product in application.subkeys() {
            let product = product?;
            let path = format!(r"{path}\{}", product.name());
            for setting in SETTINGS.iter().filter(|setting| setting.products) {
                take(&mut found, &path, Some(&product), setting)?;
            }
        }
    }
    Ok(found)
}

/// Adds the value of a setting, if the key is there and has it.
fn take(
    found: &mut Vec<Found>,
    path: &str,
    key: Option<&Key<'_>>,
    setting: &'static Setting,
) -> Result<(), hive::Error> {
    // What may only be removed is a key.
    if setting.allowed == Allowed::Nothing {
        return Ok(());
    }
    let Some(value) = key.map(|key| key.value(setting.value)).transpose()?.flatten() else {
        return Ok(());
    };
    let data = Wiped::new(value.data()?.to_vec());
    let value = (setting.value, value.kind(), data);
    match found.iter_mut().find(|key| key.path == path) {
        Some(key) => key.values.push(value),
        None => found.push(Found {
            path: path.to_owned(),
            values: vec![value],
        }),
    }
    Ok(())
}
