//! key - product keys: their text, their number, and the values Windows stores for them.
//!
//! Promise: this module stands alone. It decodes and verifies; nothing here can make a key. Key text lives in
//! [`crate::secret::Secret`] memory only, and no error, note or `Debug` output repeats it.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `symbols` | the alphabet, and symbols to number to the 16 stored bytes |
//! | `fields` | group, serial and checksum inside the keys of Windows 8 and later |
//! | `text` | people's text to 25 symbols, with repairs noted and faults placed |
//! | `placeholder` | texts that look like a key and stand for none |
//! | `product_key` | [`ProductKey`], the one owner of a key |
//! | `product_id` | `ProductId` texts and the advanced product id |
//! | `store_id` | `OSProductPfn` and `OSProductContentId` |
//! | `digital3`, `digital4` | the `DigitalProductId` and `DigitalProductId4` blobs |

mod digital3;
mod digital4;
mod fields;
mod placeholder;
mod product_id;
mod product_key;
mod store_id;
mod symbols;
mod text;

pub use digital3::{DIGITAL_PRODUCT_ID_LENGTH, DigitalProductId};
pub use digital4::{DIGITAL_PRODUCT_ID4_LENGTH, DigitalProductId4};
pub use fields::{Fields, PREVIEW_GROUP};
pub use placeholder::Placeholder;
pub(crate) use placeholder::of_symbols as placeholder_of;
pub use product_id::{
    LicenceType, ProductIdParts, Stamp, advanced_product_id, product_id, product_id_windows7, read_product_id,
};
pub use product_key::{Parsed, ProductKey, Stored};
pub use store_id::{content_id, package_family_name};
pub(crate) use symbols::strangeness;
pub use symbols::{ALPHABET, Form, STORED_LENGTH, SYMBOL_COUNT, TEXT_LENGTH, form, stored_bytes};
pub(crate) use text::misplaced_n;
pub use text::{Draft, Error, INPUT_LIMIT, Note, Repair};

/// Everything the stored values of one key are made from.
///
/// Plain inputs: what the key itself does not say comes from the image's key configuration or from the tables.
#[derive(Debug)]
pub struct Placement<'a> {
    /// The key.
    pub key: &'a ProductKey,
    /// Key group, 0 to 99999.
    pub group: u32,
    /// Serial number inside the group, 0 to 999,999,999.
    pub serial: u32,
    /// Part number as the key configuration writes it, such as `[TH]X19-98698`.
    pub part_number: &'a str,
    /// Activation id, without braces.
    pub activation_id: &'a str,
    /// `EditionID` the key is for.
    pub edition: &'a str,
    /// Key type of the configuration, such as `Volume:GVLK`.
    pub key_type: &'a str,
    /// Licence terms of the key range, such as `Volume`.
    pub eula_type: &'a str,
    /// Whether the key has the upgrade mark.
    pub upgrade: bool,
    /// The text the ProductId value holds, see [`product_id`] and [`product_id_windows7`].
    pub product_id: &'a str,
    /// Manufacturer's product code, five digits; Windows Setup of Windows 8 and later writes `00000`.
    pub product_code: &'a str,
    /// Language id in the advanced product id, such as 1033.
    pub language: u32,
    /// Windows build, such as 7601.
    pub build: u32,
    /// When and with which random number the values are made.
    pub stamp: Stamp,
}

#[cfg(test)]
impl<'a> Placement<'a> {
    /// What the tests of the stored values place: a published key with facts any of which a test may change.
    fn sample(key: &'a ProductKey) -> Self {
        Self {
            key,
            group: 4327,
            serial: 123,
            part_number: "[TH]X19-98698",
            activation_id: "8C1C5410-9F39-4805-8C9D-63A07706358F",
            edition: "Professional",
            key_type: "Volume:GVLK",
            eula_type: "Volume",
            upgrade: false,
            product_id: "00371-868-0001233-85123",
            product_code: "00371",
            language: 1033,
            build: 7601,
            stamp: Stamp {
                unix_time: 1_700_000_000,
                random: 7,
            },
        }
    }
}
