//! pkeyconfig - which edition and channel a key belongs to, by the image's own key configuration and by the tables.
//!
//! Promise: says only what can be known offline. A key with the letter `N` carries its group and serial, and the
//! configuration of a Windows image says what they are for; a key without `N` is known if it is published. Whether a
//! key is genuine, nobody but Microsoft can tell, and no verdict claims it.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `read` | `pkeyconfig.xrm-ms` to [`KeyConfiguration`] |
//! | `judge` | [`judge`]: the verdict on one key |
//! | `reason` | verdicts in words |
//! | `licences` | [`Licences`]: the SKU licences that an image has installed |
//! | `lines` | [`check_lines`]: verdicts on a stream of keys |
//! | `resolve` | [`resolve`]: everything the stored values of a key are made from |
//! | `sample` | a small configuration of our own making |

mod join;
mod judge;
mod licences;
mod lines;
mod read;
mod reason;
mod resolve;
pub mod sample;

pub use judge::{Context, Image, Judgement, Verdict, judge, judge_text};
pub use licences::{LICENCE_FOLDER, Licences, sku_ids};
pub use lines::check_lines;
pub use read::{Error, FILE_LIMIT, PAYLOAD_LIMIT};
pub use resolve::{Resolved, Unresolved, resolve};

use crate::key::{Fields, PREVIEW_GROUP, ProductKey};

/// One entry: what a key group is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Activation id (SKU id), small letters, no braces.
    pub activation_id: String,
    /// Key group.
    pub group: u32,
    /// `EditionID`s as written, separated by `;`.
    pub edition_list: String,
    /// What Microsoft calls it.
    pub description: String,
    /// Channel: `Volume:GVLK`, `Volume:MAK`, `Volume:CSVLK`, `Retail`, `OEM:DM`, `VT:IA`, …
    pub key_type: String,
}

impl Configuration {
    /// The editions one by one.
    pub fn editions(&self) -> impl Iterator<Item = &str> {
        self.edition_list
            .split(';')
            .map(str::trim)
            .filter(|edition| !edition.is_empty())
    }

    /// Whether a key of this entry is for an image of this edition. Server Core installations count as their edition.
    pub fn names_edition(&self, edition: &str) -> bool {
        let plain = crate::catalog::plain_edition(edition);
        self.editions()
            .any(|own| own == edition || own == plain || crate::catalog::plain_edition(own) == edition)
    }
}

/// One range of serial numbers of a [`Configuration`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Part number.
    pub part_number: String,
    /// Licence terms: `Volume`, `Retail`, `OEM`, …
    pub eula_type: String,
    /// Whether Windows accepts keys of this range.
    pub valid: bool,
    /// First serial.
    pub start: u32,
    /// Last serial, inclusive.
    pub end: u32,
    /// Place of the entry in [`KeyConfiguration::configurations`].
    configuration: usize,
}

/// What a `pkeyconfig.xrm-ms` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyConfiguration {
    /// Ascending by group; within a group in the order of the file.
    configurations: Vec<Configuration>,
    /// Ascending by entry, then by start.
    ranges: Vec<KeyRange>,
    /// The groups of the entries, close together for a fast search.
    groups: Vec<u32>,
    /// The place of every entry's first range, and the number of ranges.
    first_ranges: Vec<usize>,
    /// The entries by their activation ids, ascending.
    by_activation_id: Vec<usize>,
    /// Whether any group's keys have the letter `N`.
    with_n: bool,
}

/// The entry and the range a key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'a> {
    /// The entry.
    pub configuration: &'a Configuration,
    /// The range of the key's serial.
    pub range: &'a KeyRange,
    /// The key's serial.
    pub serial: u32,
}

impl KeyConfiguration {
    /// Reads a `pkeyconfig.xrm-ms`, or the bare `ProductKeyConfiguration` inside one.
    ///
    /// # Errors
    /// [`Error`], with the place in the file where there is one.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        read::parse(bytes)
    }

    /// The entries, ascending by group.
    pub fn configurations(&self) -> &[Configuration] {
        &self.configurations
    }

    /// The ranges of the entry at `index` of [`Self::configurations`], ascending by start.
    pub fn ranges_of(&self, index: usize) -> &[KeyRange] {
        let bounds = self
            .first_ranges
            .get(index)
            .zip(self.first_ranges.get(index.saturating_add(1)));
        bounds
            .and_then(|(&start, &end)| self.ranges.get(start..end))
            .unwrap_or_default()
    }

    /// Whether this Windows takes keys with the letter `N` (Windows 8 and later).
    pub fn has_keys_with_n(&self) -> bool {
        self.with_n
    }

    /// The entry and range of a key; `None` for a key without `N`, with a checksum that does not fit, or without a
    /// valid range here.
    pub fn match_key(&self, key: &ProductKey) -> Option<Match<'_>> {
        self.match_fields(key.fields()?)
    }

    /// As [`Self::match_key`], for fields already read.
    pub fn match_fields(&self, fields: Fields) -> Option<Match<'_>> {
        if !fields.checksum_fits || fields.group == PREVIEW_GROUP {
            return None;
        }
        self.of_group(fields.group).find_map(|(index, configuration)| {
            // Ranges of one entry do not overlap in the files of Microsoft; where they do, the first valid one counts.
            let range = self
                .ranges_of(index)
                .iter()
                .find(|range| range.valid && range.start <= fields.serial && fields.serial <= range.end)?;
            Some(Match {
                configuration,
                range,
                serial: fields.serial,
            })
        })
    }

    /// The entries of a key group.
    pub fn of_group(&self, group: u32) -> impl Iterator<Item = (usize, &Configuration)> {
        let start = self.groups.partition_point(|&own| own < group);
        self.configurations
            .iter()
            .enumerate()
            .skip(start)
            .take_while(move |(_, own)| own.group == group)
    }

    /// The entry with this activation id (small letters, no braces) and its first valid range: the one whose start is
    /// the serial of a published key of Windows 7.
    pub fn of_activation_id(&self, id: &str) -> Option<Match<'_>> {
        let id_of = |place: usize| {
            self.configurations
                .get(place)
                .map(|own| own.activation_id.as_str())
        };
        let found = self
            .by_activation_id
            .binary_search_by(|&place| id_of(place).cmp(&Some(id)))
            .ok()?;
        let index = *self.by_activation_id.get(found)?;
        let range = self.ranges_of(index).iter().find(|range| range.valid)?;
        Some(Match {
            configuration: self.configurations.get(index)?,
            range,
            serial: range.start,
        })
    }
}
