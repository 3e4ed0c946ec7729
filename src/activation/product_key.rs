//! The registry values that carry a product key, as wishes; and what values that are there say of their key.
//!
//! Promise: a key that is stored already, with the same ids, is left byte for byte as it is: time and random number of the stored
//! values are kept. The licence store is never touched.

use super::{CURRENT_VERSION, HiveName, Wanted, Wish};
use crate::catalog;
use crate::hive::{self, Hive, ValueKind};
use crate::key::{
    self, DigitalProductId, DigitalProductId4, Placement, ProductIdParts, ProductKey, Stamp, Stored,
    content_id, package_family_name,
};
use crate::pkeyconfig::Resolved;
use crate::secret::Wiped;
use sha2::{Digest, Sha256};

/// The first build of Windows 10, which keeps OSProductPfn and OSProductContentId.
const WINDOWS_10: u32 = 10240;
/// The first build of Windows 8, whose ProductId has a form of its own.
const WINDOWS_8: u32 = 9200;
/// The language that advanced product IDs name where no earlier one says: English (United States).
const LANGUAGE: u32 = 1033;
/// What Windows Setup writes as product code.
const PRODUCT_CODE: &str = "00000";

/// The image and the moment that values are made for.
#[derive(Debug, Clone)]
pub struct Occasion {
    /// The image's build.
    pub build: u32,
    /// The image's EditionID.
    pub edition: String,
    /// Seconds since 1970.
    pub unix_time: u32,
}

/// The values of one key.
struct Values {
    product_id: String,
    digital3: Wiped,
    digital4: Wiped,
}

/// What the SOFTWARE and SYSTEM hives of an image should hold for this key.
///
/// The key goes to `CurrentVersion`, to `DefaultProductKey` and `DefaultProductKey2` where these exist, and on Windows 10 and later
/// always to `DefaultProductKey2`; there, and in `ProductOptions`, the package name and content id follow.
///
/// # Errors
/// A hive that cannot be walked.
pub fn key_wishes(
    key: &ProductKey,
    identity: &Resolved,
    occasion: &Occasion,
    software: &Hive,
) -> Result<Vec<Wish>, hive::Error> {
    let stored = stored_values(software)?;
    let Some(values) = stored.filter(|values| values.hold(key, identity)).map_or_else(
        || make(key, identity, occasion, software),
        |values| Ok(Some(values)),
    )?
    else {
        return Ok(Vec::new());
    };
    let mut wishes = Vec::new();
    let modern = occasion.build >= WINDOWS_10;
    for name in ["", "DefaultProductKey", "DefaultProductKey2"] {
        let place = if name.is_empty() {
            CURRENT_VERSION.to_owned()
        } else {
            format!(r"{CURRENT_VERSION}\{name}")
        };
        let expected = name.is_empty() || (modern && name == "DefaultProductKey2");
        if !expected && software.find(&place)?.is_none() {
            continue;
        }
        values.wish(key, &place, &mut wishes);
        if modern && name == "DefaultProductKey2" {
            wishes.push(Wish::text(
                HiveName::Software,
                place.clone(),
                "EditionID",
                &occasion.edition,
            ));
            store_wishes(identity, HiveName::Software, &place, &mut wishes);
        }
    }
    if modern {
        store_wishes(
            identity,
            HiveName::System,
            r"CurrentControlSet\Control\ProductOptions",
            &mut wishes,
        );
    }
    Ok(wishes)
}

/// Package name and content id, where the edition's number is known.
fn store_wishes(identity: &Resolved, hive: HiveName, place: &str, wishes: &mut Vec<Wish>) {
    if let Some(sku) = identity.sku {
        wishes.push(Wish::text(
            hive,
            place,
            "OSProductContentId",
            &content_id(sku, &identity.part_number),
        ));
        wishes.push(Wish::text(
            hive,
            place,
            "OSProductPfn",
            &package_family_name(sku, &identity.part_number),
        ));
    }
}

impl Values {
    /// Whether these values are whole and hold this key with these ids.
    fn hold(&self, key: &ProductKey, identity: &Resolved) -> bool {
        let same =
            |stored: &Stored| matches!(stored, Stored::Key(stored) if stored.symbols() == key.symbols());
        let (Some(third), Some(fourth)) = (
            DigitalProductId::read(&self.digital3),
            DigitalProductId4::read(&self.digital4),
        ) else {
            return false;
        };
        third.checksum_fits
            && fourth.key_hash_fits
            && fourth.hash_fits
            && same(&third.key)
            && same(&fourth.key)
            && third.group == identity.group
            && third.product_id == self.product_id
            && fourth.part_number == identity.part_number
            && fourth.activation_id.eq_ignore_ascii_case(&identity.activation_id)
            && fourth.key_type == identity.key_type
            && fourth.edition == identity.edition
    }

    fn wish(&self, key: &ProductKey, place: &str, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::text(
            HiveName::Software,
            place,
            "ProductId",
            &self.product_id,
        ));
        for (name, data) in [
            ("DigitalProductId", &self.digital3),
            ("DigitalProductId4", &self.digital4),
        ] {
            let shown = format!("{} ({} bytes)", catalog::shown(key), data.len());
            let wanted = Wanted::Value {
                kind: ValueKind::Binary,
                data: data.clone(),
                shown,
            };
            wishes.push(Wish {
                hive: HiveName::Software,
                key: place.to_owned(),
                name: name.to_owned(),
                wanted,
            });
        }
    }
}

/// The values at `CurrentVersion`, if all three are there.
fn stored_values(software: &Hive) -> Result<Option<Values>, hive::Error> {
    let Some(key) = software.find(CURRENT_VERSION)? else {
        return Ok(None);
    };
    let read = |name: &str| -> Result<Option<Wiped>, hive::Error> {
        key.value(name)?
            .map(|value| value.data().map(|data| Wiped::new(data.to_vec())))
            .transpose()
    };
    let (Some(product_id), Some(digital3), Some(digital4)) = (
        read("ProductId")?,
        read("DigitalProductId")?,
        read("DigitalProductId4")?,
    ) else {
        return Ok(None);
    };
    Ok(Some(Values {
        product_id: super::text_of(&product_id),
        digital3,
        digital4,
    }))
}

/// Fresh values; `None` if a text of the identity does not fit its field.
fn make(
    key: &ProductKey,
    identity: &Resolved,
    occasion: &Occasion,
    software: &Hive,
) -> Result<Option<Values>, hive::Error> {
    let stamp = Stamp {
        unix_time: occasion.unix_time,
        random: random(identity, occasion),
    };
    let tail = stamp.random % 1000;
    let (product_code, product_id) = if occasion.build < WINDOWS_8 {
        let code = product_code(software)?
            .unwrap_or_else(|| identity.product_code.unwrap_or(PRODUCT_CODE).to_owned());
        let id = key::product_id_windows7(&code, identity.group, identity.serial, tail);
        (code, id)
    } else {
        (
            PRODUCT_CODE.to_owned(),
            key::product_id(identity.group, identity.serial, &identity.key_type, tail),
        )
    };
    let Some(product_id) = product_id else {
        return Ok(None);
    };
    let placement = Placement {
        key,
        group: identity.group,
        serial: identity.serial,
        part_number: &identity.part_number,
        activation_id: &identity.activation_id,
        edition: &identity.edition,
        key_type: &identity.key_type,
        eula_type: &identity.eula_type,
        upgrade: identity.upgrade,
        product_id: &product_id,
        product_code: &product_code,
        language: LANGUAGE,
        build: occasion.build,
        stamp,
    };
    let blobs = DigitalProductId::build(&placement).zip(DigitalProductId4::build(&placement));
    Ok(blobs.map(|(digital3, digital4)| Values {
        product_id: product_id.clone(),
        digital3,
        digital4,
    }))
}

/// The product code of the image's own ProductId, which belongs to its edition (Windows 7 and earlier).
fn product_code(software: &Hive) -> Result<Option<String>, hive::Error> {
    let Some(key) = software.find(CURRENT_VERSION)? else {
        return Ok(None);
    };
    let Some(value) = key.value("ProductId")? else {
        return Ok(None);
    };
    Ok(match key::read_product_id(&super::text_of(&value.data()?)) {
        Some(ProductIdParts::Windows7 { product_code, .. }) => Some(product_code),
        _ => None,
    })
}

/// Windows takes any number here; this one is the same for the same image, key configuration and time, and says nothing of the key.
fn random(identity: &Resolved, occasion: &Occasion) -> u32 {
    let mut hash = Sha256::new();
    hash.update(occasion.unix_time.to_le_bytes());
    hash.update(occasion.build.to_le_bytes());
    hash.update(occasion.edition.as_bytes());
    hash.update(identity.activation_id.as_bytes());
    crate::bytes::u32_at(&hash.finalize(), 0).unwrap_or_default()
}

/// The key inside the data of a registry value, if it is of a format that holds one.
pub(super) fn key_in(data: &[u8]) -> Option<ProductKey> {
    let stored = DigitalProductId::read(data)
        .map(|value| value.key)
        .or_else(|| DigitalProductId4::read(data).map(|value| value.key))?;
    match stored {
        Stored::Key(key) => Some(key),
        Stored::Cleared | Stored::NotAKey => None,
    }
}

/// As [`stored_key`], for data that carries a key which is not published; `None` for any other.
pub fn unpublished_key(data: &[u8]) -> Option<String> {
    let key = key_in(data)?;
    catalog::row_of(&key)
        .is_none()
        .then(|| format!("{} ({} bytes)", key.partial(), data.len()))
}

/// What a registry value's data says of the key it carries, for people; `None` if it carries none.
pub fn stored_key(data: &[u8]) -> Option<String> {
    let key = DigitalProductId::read(data)
        .map(|value| value.key)
        .or_else(|| DigitalProductId4::read(data).map(|value| value.key))?;
    let key = match key {
        Stored::Key(key) => catalog::shown(&key),
        Stored::Cleared => "no key".to_owned(),
        Stored::NotAKey => "not a key".to_owned(),
    };
    Some(format!("{key} ({} bytes)", data.len()))
}

/// The key that an image's SOFTWARE hive holds, with its identity.
#[derive(Debug)]
pub struct StoredKey {
    /// The key.
    pub key: ProductKey,
    /// ProductId.
    pub product_id: String,
    /// Key type, as in `Volume:GVLK`; `None` if only the older value is there.
    pub key_type: Option<String>,
    /// The edition of the key's configuration.
    pub edition: Option<String>,
    /// Activation ID.
    pub activation_id: Option<String>,
}

/// The key that the hive holds; `None` if there is none or it was cleared.
///
/// # Errors
/// A hive that cannot be walked.
pub fn read_stored_key(software: &Hive) -> Result<Option<StoredKey>, hive::Error> {
    let Some(version) = software.find(CURRENT_VERSION)? else {
        return Ok(None);
    };
    let read = |name: &str| -> Result<Option<Wiped>, hive::Error> {
        version
            .value(name)?
            .map(|value| value.data().map(|data| Wiped::new(data.to_vec())))
            .transpose()
    };
    let fourth = read("DigitalProductId4")?.and_then(|data| DigitalProductId4::read(&data));
    let third = read("DigitalProductId")?.and_then(|data| DigitalProductId::read(&data));
    let Some(DigitalProductId {
        key: Stored::Key(key),
        product_id,
        ..
    }) = third
    else {
        return Ok(None);
    };
    let fourth =
        fourth.filter(|fourth| matches!(&fourth.key, Stored::Key(other) if other.symbols() == key.symbols()));
    let (key_type, edition, activation_id) = fourth.map_or((None, None, None), |fourth| {
        (
            Some(fourth.key_type),
            Some(fourth.edition),
            Some(fourth.activation_id),
        )
    });
    Ok(Some(StoredKey {
        key,
        product_id,
        key_type,
        edition,
        activation_id,
    }))
}
