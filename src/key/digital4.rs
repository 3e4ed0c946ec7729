//! digital4 - the `DigitalProductId4` value: 1272 bytes with the key, its entry of the key configuration, and two hashes.
//!
//! Promise: what [`DigitalProductId4::build`] writes equals what Windows writes for the same inputs, byte for byte.
//! A cleared value keeps no hash of the key: the other fields and one hash would suffice to compute the key.
//! Source of the layout: 21 stored blobs and two real hives.

use super::{Placement, ProductKey, Stored, advanced_product_id};
use crate::bytes;
use crate::secret::Wiped;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// How long the value is, in bytes.
pub const DIGITAL_PRODUCT_ID4_LENGTH: usize = 1272;

const VERSION: u32 = 4;
const AT_VERSION: usize = 4;
const AT_ADVANCED_ID: usize = 8;
const AT_ACTIVATION_ID: usize = 136;
const AT_EDITION: usize = 280;
const EDITION_ROOM: usize = 520;
const AT_UPGRADE: usize = 800;
const AT_KEY: usize = 808;
const KEY_LENGTH: usize = super::STORED_LENGTH;
const AT_KEY_HASH: usize = 824;
const AT_HASH: usize = 856;
const HASH_LENGTH: usize = 32;
const AT_PART_NUMBER: usize = 888;
const AT_KEY_TYPE: usize = 1016;
const AT_EULA_TYPE: usize = 1144;
/// Every text but the edition has this room, in bytes.
const TEXT_ROOM: usize = 128;

/// What a `DigitalProductId4` value says.
#[derive(Debug)]
pub struct DigitalProductId4 {
    /// Product code, group, serial, licence type, language, build and date in one text.
    pub advanced_product_id: String,
    /// Activation id, without braces.
    pub activation_id: String,
    /// `EditionID` the key is for.
    pub edition: String,
    /// Whether the key has the upgrade mark.
    pub upgrade: bool,
    /// The key itself.
    pub key: Stored,
    /// Part number.
    pub part_number: String,
    /// Key type, such as `Volume:GVLK`.
    pub key_type: String,
    /// Licence terms, such as `Volume`.
    pub eula_type: String,
    /// Whether the hash of the key fits the key.
    pub key_hash_fits: bool,
    /// Whether the hash of the whole value fits.
    pub hash_fits: bool,
}

impl DigitalProductId4 {
    /// The 1272 bytes for a key and its facts; `None` if a text does not fit its field.
    pub fn build(placement: &Placement<'_>) -> Option<Wiped> {
        let mut blob = Wiped::new(vec![0; DIGITAL_PRODUCT_ID4_LENGTH]);
        let length = u32::try_from(DIGITAL_PRODUCT_ID4_LENGTH).ok()?;
        bytes::put(&mut blob, 0, &length.to_le_bytes())?;
        bytes::put(&mut blob, AT_VERSION, &VERSION.to_le_bytes())?;
        put_text(
            &mut blob,
            AT_ADVANCED_ID,
            TEXT_ROOM,
            &advanced_product_id(placement)?,
        )?;
        let activation_id = placement.activation_id.to_ascii_lowercase();
        put_text(&mut blob, AT_ACTIVATION_ID, TEXT_ROOM, &activation_id)?;
        put_text(&mut blob, AT_EDITION, EDITION_ROOM, placement.edition)?;
        bytes::put(&mut blob, AT_UPGRADE, &[u8::from(placement.upgrade)])?;
        bytes::put(&mut blob, AT_KEY, placement.key.stored().expose())?;
        put_text(&mut blob, AT_PART_NUMBER, TEXT_ROOM, placement.part_number)?;
        put_text(&mut blob, AT_KEY_TYPE, TEXT_ROOM, placement.key_type)?;
        put_text(&mut blob, AT_EULA_TYPE, TEXT_ROOM, placement.eula_type)?;
        seal(&mut blob)?;
        Some(blob)
    }

    /// Reads a value; `None` if it has not the length and the version of this format.
    pub fn read(blob: &[u8]) -> Option<Self> {
        if blob.len() != DIGITAL_PRODUCT_ID4_LENGTH
            || bytes::u32_at(blob, 0) != u32::try_from(DIGITAL_PRODUCT_ID4_LENGTH).ok()
            || bytes::u32_at(blob, AT_VERSION)? != VERSION
        {
            return None;
        }
        let mut stored = bytes::array::<KEY_LENGTH>(blob, AT_KEY)?;
        let key = ProductKey::from_stored(&stored);
        stored.zeroize();
        Some(Self {
            advanced_product_id: text(blob, AT_ADVANCED_ID, TEXT_ROOM)?,
            activation_id: text(blob, AT_ACTIVATION_ID, TEXT_ROOM)?,
            edition: text(blob, AT_EDITION, EDITION_ROOM)?,
            upgrade: bytes::slice(blob, AT_UPGRADE, 1)? != [0],
            key,
            part_number: text(blob, AT_PART_NUMBER, TEXT_ROOM)?,
            key_type: text(blob, AT_KEY_TYPE, TEXT_ROOM)?,
            eula_type: text(blob, AT_EULA_TYPE, TEXT_ROOM)?,
            key_hash_fits: bytes::slice(blob, AT_KEY_HASH, HASH_LENGTH)? == *key_hash(blob)?,
            hash_fits: bytes::slice(blob, AT_HASH, HASH_LENGTH)? == *hash(blob)?,
        })
    }

    /// Removes the key from a value in place: zeros, and both hashes made to fit the zeros; `None`, and nothing
    /// changed, if it is no value of this format. The result reads as [`Stored::Cleared`].
    #[must_use = "None means that nothing was cleared"]
    pub fn clear(blob: &mut [u8]) -> Option<()> {
        Self::read(blob)?;
        bytes::put(blob, AT_KEY, &[0; KEY_LENGTH])?;
        seal(blob)
    }
}

fn seal(blob: &mut [u8]) -> Option<()> {
    let of_key = key_hash(blob)?;
    bytes::put(blob, AT_KEY_HASH, &*of_key)?;
    let of_all = hash(blob)?;
    bytes::put(blob, AT_HASH, &*of_all)
}

fn key_hash(blob: &[u8]) -> Option<Zeroizing<[u8; HASH_LENGTH]>> {
    Some(Zeroizing::new(
        Sha256::digest(bytes::slice(blob, AT_KEY, KEY_LENGTH)?).into(),
    ))
}

/// The hash of the whole value with the place of this hash zero.
fn hash(blob: &[u8]) -> Option<Zeroizing<[u8; HASH_LENGTH]>> {
    let mut hasher = Sha256::new();
    hasher.update(blob.get(..AT_HASH)?);
    hasher.update([0; HASH_LENGTH]);
    hasher.update(blob.get(AT_HASH + HASH_LENGTH..)?);
    Some(Zeroizing::new(hasher.finalize().into()))
}

fn put_text(blob: &mut [u8], offset: usize, room: usize, text: &str) -> Option<()> {
    let units = crate::text::utf16le(text);
    // Two bytes stay for the terminating zero.
    (units.len() + 2 <= room)
        .then(|| bytes::put(blob, offset, &units))
        .flatten()
}

fn text(blob: &[u8], offset: usize, room: usize) -> Option<String> {
    let (units, _) = bytes::slice(blob, offset, room)?.as_chunks::<2>();
    let units = units
        .iter()
        .map(|&unit| u16::from_le_bytes(unit))
        .take_while(|&unit| unit != 0);
    Some(
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A published client setup key: N is its sixth character.
    fn key() -> ProductKey {
        ProductKey::from_symbols(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap()
    }

    #[test]
    fn what_is_built_reads_back_with_hashes_that_fit() {
        let key = key();
        for upgrade in [false, true] {
            let blob = DigitalProductId4::build(&Placement {
                upgrade,
                ..Placement::sample(&key)
            })
            .unwrap();
            let read = DigitalProductId4::read(&blob).unwrap();
            assert_eq!(
                read.advanced_product_id,
                "00371-04327-000-000123-03-1033-7601.0000-3182023"
            );
            assert_eq!(read.activation_id, "8c1c5410-9f39-4805-8c9d-63a07706358f");
            assert_eq!(read.edition, "Professional");
            assert_eq!(read.part_number, "[TH]X19-98698");
            assert_eq!((&*read.key_type, &*read.eula_type), ("Volume:GVLK", "Volume"));
            assert_eq!(read.upgrade, upgrade);
            assert!(matches!(read.key, Stored::Key(_)));
            assert!(read.key_hash_fits && read.hash_fits);
        }
    }

    #[test]
    fn each_hash_counts_what_it_covers() {
        let key = key();
        let blob = DigitalProductId4::build(&Placement::sample(&key)).unwrap();
        for at in AT_ADVANCED_ID..DIGITAL_PRODUCT_ID4_LENGTH {
            let mut damaged = blob.to_vec();
            damaged[at] ^= 0x10;
            let read = DigitalProductId4::read(&damaged).unwrap();
            let of_the_key = (AT_KEY..AT_HASH).contains(&at);
            assert_eq!(
                (read.key_hash_fits, read.hash_fits),
                (!of_the_key, false),
                "byte {at}"
            );
        }
    }

    #[test]
    fn another_length_or_version_is_no_value() {
        let key = key();
        let blob = DigitalProductId4::build(&Placement::sample(&key)).unwrap();
        let mut longer = blob.to_vec();
        longer.push(0);
        let changed = |at: usize| {
            let mut blob = blob.to_vec();
            blob[at] ^= 1;
            blob
        };
        let shorter = blob[..DIGITAL_PRODUCT_ID4_LENGTH - 1].to_vec();
        for mut other in [longer, shorter, changed(0), changed(AT_VERSION), Vec::new()] {
            assert!(DigitalProductId4::read(&other).is_none());
            let before = other.clone();
            assert_eq!(DigitalProductId4::clear(&mut other), None);
            assert!(other == before, "what is no value stays as it is");
        }
    }

    #[test]
    fn a_cleared_value_has_neither_the_key_nor_a_hash_of_it() {
        let key = key();
        let before = DigitalProductId4::build(&Placement::sample(&key)).unwrap();
        let mut blob = before.to_vec();
        assert_eq!(DigitalProductId4::clear(&mut blob), Some(()));
        let read = DigitalProductId4::read(&blob).unwrap();
        assert!(matches!(read.key, Stored::Cleared));
        assert!(read.key_hash_fits && read.hash_fits);
        assert_eq!(blob[AT_KEY..AT_KEY + KEY_LENGTH], [0; KEY_LENGTH]);
        assert_eq!(blob[AT_KEY_HASH..AT_HASH], *Sha256::digest([0; KEY_LENGTH]));
        assert!(blob[AT_HASH..AT_PART_NUMBER] != before[AT_HASH..AT_PART_NUMBER]);
        assert!(blob[..AT_KEY] == before[..AT_KEY] && blob[AT_PART_NUMBER..] == before[AT_PART_NUMBER..]);
    }

    #[test]
    fn texts_fill_their_rooms_and_no_more() {
        let key = key();
        let with = |edition, part_number| {
            DigitalProductId4::build(&Placement {
                part_number,
                edition,
                ..Placement::sample(&key)
            })
        };
        let read = |blob: Wiped| DigitalProductId4::read(&blob).unwrap();
        let (full, over) = ("é".repeat(63), "é".repeat(64));
        assert_eq!(read(with("", &full).unwrap()).part_number, full);
        assert!(with("", &over).is_none());
        let (full, over) = ("é".repeat(259), "é".repeat(260));
        assert_eq!(read(with(&full, "").unwrap()).edition, full);
        assert!(with(&over, "").is_none());
    }
}
