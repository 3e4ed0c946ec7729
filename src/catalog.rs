//! catalog - what Microsoft has published about keys: the tables of `keydata/`, as statics.
//!
//! Promise: nothing is read or parsed at run time, and a look-up by key allocates nothing. The build has checked every
//! row: shape, alphabet, checksum, group and serial, ids, sources, and that host keys and client keys name each other.
//!
//! ```
//! use wimkey::catalog;
//! let key = catalog::gvlk_for("Enterprise", 7601).unwrap();
//! assert_eq!(key.product, "Windows 7 Enterprise");
//! assert_eq!(catalog::by_symbols(b"33PXH7Y6KF2VJC9XBBR8HVTHH").unwrap().text, key.text);
//! ```

mod choose;
mod exposed;
mod hosts;
mod index;
pub mod rules;
mod search;
pub mod settings;
mod tables;
pub mod topics;
pub mod traces;

use crate::key::ProductKey;
pub use choose::{NoneReason, gvlk_for, near_edition, newest_gvlk, plain_edition};
pub use exposed::exposed_key;
pub use hosts::{
    HostKey, HostUpdate, Thresholds, host_keys, host_keys_for, host_updates, host_updates_for, thresholds,
};
pub use index::{Near, by_symbols, near, one_off, row_number};
pub use search::{by_activation_id, by_last_five, search, suggest_query};
use tables::{PUBLISHED, SKUS, WINDOWS7};

/// What a published key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A client setup key: makes a machine a KMS client or lets it activate through the directory.
    Gvlk,
    /// A guest's key: a Hyper-V Datacenter host activates the guest.
    Avma,
}

impl KeyKind {
    /// The key type that key configurations give for it.
    pub fn channel(self) -> &'static str {
        match self {
            Self::Gvlk => "Volume:GVLK",
            Self::Avma => "VT:IA",
        }
    }
}

/// Which kind of product a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// Windows for people.
    Client,
    /// Windows Server.
    Server,
    /// Office, Project, Visio.
    Office,
}

/// Whether a key should still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Stands in current documents.
    Current,
    /// Was published; current documents print another key for the product.
    Superseded,
    /// Was published by mistake or taken back: never offer it.
    Withdrawn,
}

/// One published key and everything known about it.
#[derive(Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key, in groups. Public.
    pub text: &'static str,
    /// Client setup key or guest key.
    pub kind: KeyKind,
    /// Product, as Microsoft names it.
    pub product: &'static str,
    /// Other products the same key is for.
    pub also: &'static [&'static str],
    /// Product family.
    pub family: &'static str,
    /// Kind of product.
    pub platform: Platform,
    /// `EditionID`s the key fits; for Office 2019 and later the deployment tool's product id; empty for older Office.
    pub editions: &'static [&'static str],
    /// Image builds the key is for: inclusive ranges, ascending; empty for Office.
    pub builds: &'static [(u32, u32)],
    /// KMS key group: A, B, C, `Client-VL` or a family.
    pub kms_group: Option<&'static str>,
    /// The names under which host keys list this product.
    pub served_as: &'static [&'static str],
    /// Key group and serial, for keys with the letter `N`.
    pub group_and_serial: Option<(u32, u32)>,
    /// Activation id (SKU id), small letters, no braces.
    pub activation_id: Option<&'static str>,
    /// Application id, as the previous.
    pub application_id: &'static str,
    /// The id under which a KMS host counts the product.
    pub kms_id: Option<&'static str>,
    /// How many machines must have asked a KMS host before it activates; 0 where no KMS host is involved.
    pub clients_needed: u32,
    /// For guest keys: host systems that activate the guest.
    pub hosts: &'static [&'static str],
    /// Where the row comes from; `keydata/` explains the names.
    pub sources: &'static [&'static str],
    /// Whether the key should still be used.
    pub status: Status,
    /// What else is worth knowing; may be empty.
    pub note: &'static str,
}

impl PublishedKey {
    /// `EditionID`, or the product id of Office; `None` for older Office.
    pub fn edition(&self) -> Option<&'static str> {
        self.editions.first().copied()
    }

    /// The key itself. The build has checked every row, so this fails for none.
    ///
    /// # Errors
    /// As [`ProductKey::parse`].
    pub fn key(&self) -> Result<ProductKey, crate::key::Error> {
        ProductKey::parse(self.text).map(|parsed| parsed.key)
    }

    /// Whether the key is for an image of this edition and build, by the tables alone.
    pub fn fits(&self, edition: &str, build: u32) -> bool {
        self.fits_edition(edition)
            && self
                .builds
                .iter()
                .any(|&(first, last)| (first..=last).contains(&build))
    }

    /// Whether the key is for this edition in some build.
    pub fn fits_edition(&self, edition: &str) -> bool {
        let plain = plain_edition(edition);
        self.editions.iter().any(|&own| own == edition || own == plain)
    }
}

/// The group, part number and serial of a published key of Windows 7 or Server 2008 R2, which do not say it themselves.
#[derive(Debug, PartialEq, Eq)]
pub struct Windows7Placement {
    /// `EditionID`.
    pub edition: &'static str,
    /// Key group.
    pub group: u32,
    /// Part number.
    pub part_number: &'static str,
    /// Serial: the start of the first key range.
    pub serial: u32,
    /// Whether the serial also stands in `ProductId` texts of real installations.
    pub confirmed: bool,
    /// The five digits in front of `ProductId` in real installations, where seen.
    pub product_code: Option<&'static str>,
}

/// The first build of Windows whose keys have the letter `N`.
pub const FIRST_BUILD_WITH_N: u32 = 9200;

/// Every published key, in ascending order of its symbols.
pub fn published() -> &'static [PublishedKey] {
    &PUBLISHED
}

/// The row of a published key.
pub fn row_of(key: &ProductKey) -> Option<&'static PublishedKey> {
    by_symbols(key.symbols())
}

/// A key for people: whole if it is published, its last five symbols otherwise.
pub fn shown(key: &ProductKey) -> String {
    row_of(key).map_or_else(|| key.partial(), |row| row.text.to_owned())
}

/// The SKU number (`PRODUCT_*`) of an edition.
pub fn sku_number(edition: &str) -> Option<u32> {
    let index = SKUS.binary_search_by_key(&edition, |row| row.0).ok()?;
    SKUS.get(index).map(|row| row.1)
}

/// The edition of a SKU number.
pub fn edition_of_sku(number: u32) -> Option<&'static str> {
    SKUS.iter().find(|row| row.1 == number).map(|row| row.0)
}

/// Where the published key of an edition of Windows 7 or Server 2008 R2 stands in its key configuration.
pub fn windows7_placement(edition: &str) -> Option<&'static Windows7Placement> {
    WINDOWS7.iter().find(|row| row.edition == edition)
}
