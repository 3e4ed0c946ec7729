//! wishes - what a request asks of the registry of one image, value by value.

use super::choice::Chosen;
use super::{Error, Request};
use crate::activation::{
    HiveName, Occasion, SettingError, Wanted, Wish, key_wishes, parse_setting, registry_wishes, settings_key,
    twin, unset,
};
use crate::hive::{self, Hive};
use crate::image::{self, Facts};
use std::collections::HashMap;
use std::ops::Range;

/// What is asked of the registry.
pub(super) struct Asked {
    pub(super) wishes: Vec<Wish>,
    /// Those that put the key in.
    pub(super) of_key: Range<usize>,
}

impl Asked {
    /// All that the request asks of the hives of an image; nothing in it is at odds. `named` names the SOFTWARE hive in an error.
    pub(super) fn of(
        request: &Request,
        chosen: Option<&Chosen>,
        facts: &Facts,
        software: &Hive,
        named: impl FnOnce(hive::Error) -> image::Error,
    ) -> Result<Self, Error> {
        let mut asked = wishes(request, chosen, facts, software).map_err(|error| match error {
            Refused::Hive(cause) => Error::from(named(cause)),
            Refused::Setting(error) => error.into(),
        })?;
        asked.wishes.extend(registry_wishes(&request.registry)?);
        match at_odds(&asked.wishes) {
            None => Ok(asked),
            Some(wish) => Err(Error::AtOdds {
                place: format!(r"{}\{}", wish.hive.as_str(), wish.key),
                name: wish.name.clone(),
            }),
        }
    }
}

/// Why wishes could not be made.
enum Refused {
    Hive(hive::Error),
    Setting(SettingError),
}

/// Everything asked of the registry of this image but what registration files ask.
fn wishes(
    request: &Request,
    chosen: Option<&Chosen>,
    facts: &Facts,
    software: &Hive,
) -> Result<Asked, Refused> {
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
    let others = wishes.len();
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
    let of_key = others..wishes.len();
    Ok(Asked { wishes, of_key })
}

/// A wish for a value of which an earlier one wants something else: both cannot be met.
fn at_odds(wishes: &[Wish]) -> Option<&Wish> {
    let mut earlier = HashMap::new();
    wishes.iter().find(|wish| {
        let wanted = match &wish.wanted {
            Wanted::Value { kind, data, .. } => Some((*kind, &data[..])),
            Wanted::Absent => None,
            Wanted::Key | Wanted::NoKey => return false,
        };
        let value = (wish.hive, wish.key.to_lowercase(), wish.name.to_lowercase());
        let before = earlier.insert(value, wanted);
        before.is_some_and(|before| before != wanted)
    })
}
