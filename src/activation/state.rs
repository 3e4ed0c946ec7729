//! What an image's hives say of activation now.

use super::{settings_key, text_of};
use crate::bytes;
use crate::catalog::settings::{Place, SETTINGS};
use crate::hive::{self, Hive, ValueKind};
use std::collections::BTreeMap;

/// The activation settings of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// SkipRearm, if it is there.
    pub skip_rearm: Option<u32>,
    /// The KMS host named for all products.
    pub kms_host: Option<String>,
    /// Its port.
    pub kms_port: Option<String>,
    /// Every setting of the table that is there, by name.
    pub settings: BTreeMap<String, String>,
}

impl State {
    /// Adds the settings of a default user's hive.
    ///
    /// # Errors
    /// A hive that cannot be walked.
    pub fn read_default_user(&mut self, hive: &Hive) -> Result<(), hive::Error> {
        for setting in SETTINGS
            .iter()
            .filter(|setting| setting.place == Place::DefaultUser)
        {
            let Some(key) = hive.find(setting.subkey)? else {
                continue;
            };
            if let Some(value) = key.value(setting.value)? {
                let shown = super::show(value.kind(), &value.data()?);
                self.settings.insert(setting.name.to_owned(), shown);
            }
        }
        Ok(())
    }

    /// Reads the settings of a SOFTWARE hive of this build.
    ///
    /// # Errors
    /// A hive that cannot be walked.
    pub fn read(software: &Hive, build: u32) -> Result<Self, hive::Error> {
        let mut state = Self::default();
        let root = settings_key(build);
        for setting in SETTINGS {
            let path = match (setting.place, setting.subkey) {
                (Place::DefaultUser, _) => continue,
                (Place::Software, key) => key.to_owned(),
                (Place::Settings, "") => root.clone(),
                (Place::Settings, key) => format!(r"{root}\{key}"),
            };
            let Some(key) = software.find(&path)? else {
                continue;
            };
            let Some(value) = key.value(setting.value)? else {
                continue;
            };
            let data = value.data()?;
            match setting.name {
                "SkipRearm" if value.kind() == ValueKind::Dword => state.skip_rearm = bytes::u32_at(&data, 0),
                "KeyManagementServiceName" => {
                    state.kms_host = Some(text_of(&data)).filter(|text| !text.is_empty());
                }
                "KeyManagementServicePort" => {
                    state.kms_port = Some(text_of(&data)).filter(|text| !text.is_empty());
                }
                _ => {}
            }
            state
                .settings
                .insert(setting.name.to_owned(), super::show(value.kind(), &data));
        }
        Ok(state)
    }
}
