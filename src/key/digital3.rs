//! digital3 - the `DigitalProductId` value: 164 bytes with the key, its ids and a checksum.
//!
//! Promise: what [`DigitalProductId::build`] writes equals what Windows writes for the same inputs, byte for byte.
//! Source of the layout: 21 stored blobs, two real hives and one dump of a Windows 7 machine.

use super::{LicenceType, Placement, ProductKey, Stamp, Stored};
use crate::bytes;
use crate::secret::Wiped;
use zeroize::Zeroize;

/// How long the value is, in bytes.
pub const DIGITAL_PRODUCT_ID_LENGTH: usize = 164;

const VERSION: u32 = 3;
const AT_VERSION: usize = 4;
const AT_PRODUCT_ID: usize = 8;
const PRODUCT_ID_ROOM: usize = 24;
const AT_GROUP: usize = 32;
const AT_PART_NUMBER: usize = 36;
const PART_NUMBER_ROOM: usize = 16;
const AT_KEY: usize = 52;
const KEY_LENGTH: usize = super::STORED_LENGTH;
const AT_TIME: usize = 72;
const AT_RANDOM: usize = 76;
const AT_LICENCE_TYPE: usize = 80;
const AT_CHECKSUM: usize = 160;

/// What a `DigitalProductId` value says.
#[derive(Debug)]
pub struct DigitalProductId {
    /// The text of the `ProductId` value.
    pub product_id: String,
    /// Key group.
    pub group: u32,
    /// Part number, cut to 15 characters by the format.
    pub part_number: String,
    /// The key itself.
    pub key: Stored,
    /// When the value was made, and with which random number.
    pub stamp: Stamp,
    /// Licence type as stored: 0 retail, 2 OEM, 3 volume.
    pub licence_type: u32,
    /// Whether the checksum fits. Windows does not check it when it reads the key.
    pub checksum_fits: bool,
}

impl DigitalProductId {
    /// The 164 bytes for a key and its facts; `None` if a text does not fit its field.
    ///
    /// Part numbers of more than 15 characters are cut: what Windows does with them has not been observed.
    pub fn build(placement: &Placement<'_>) -> Option<Wiped> {
        let mut blob = Wiped::new(vec![0; DIGITAL_PRODUCT_ID_LENGTH]);
        let length = u32::try_from(DIGITAL_PRODUCT_ID_LENGTH).ok()?;
        bytes::put(&mut blob, 0, &length.to_le_bytes())?;
        bytes::put(&mut blob, AT_VERSION, &VERSION.to_le_bytes())?;
        put_ascii(&mut blob, AT_PRODUCT_ID, PRODUCT_ID_ROOM, placement.product_id)?;
        bytes::put(&mut blob, AT_GROUP, &placement.group.to_le_bytes())?;
        let cut = placement
            .part_number
            .get(..PART_NUMBER_ROOM - 1)
            .unwrap_or(placement.part_number);
        put_ascii(&mut blob, AT_PART_NUMBER, PART_NUMBER_ROOM, cut)?;
        bytes::put(&mut blob, AT_KEY, placement.key.stored().expose())?;
        bytes::put(&mut blob, AT_TIME, &placement.stamp.unix_time.to_le_bytes())?;
        bytes::put(&mut blob, AT_RANDOM, &placement.stamp.random.to_le_bytes())?;
        let licence_type = LicenceType::of_key_type(placement.key_type).number();
        bytes::put(&mut blob, AT_LICENCE_TYPE, &licence_type.to_le_bytes())?;
        seal(&mut blob)?;
        Some(blob)
    }

    /// Reads a value; `None` if it has not the length and the version of this format.
    pub fn read(blob: &[u8]) -> Option<Self> {
        if blob.len() != DIGITAL_PRODUCT_ID_LENGTH
            || bytes::u32_at(blob, 0) != u32::try_from(DIGITAL_PRODUCT_ID_LENGTH).ok()
            || bytes::u32_at(blob, AT_VERSION)? != VERSION
        {
            return None;
        }
        let mut stored = bytes::array::<KEY_LENGTH>(blob, AT_KEY)?;
        let key = ProductKey::from_stored(&stored);
        stored.zeroize();
        Some(Self {
            product_id: ascii(bytes::slice(blob, AT_PRODUCT_ID, PRODUCT_ID_ROOM)?),
            group: bytes::u32_at(blob, AT_GROUP)?,
            part_number: ascii(bytes::slice(blob, AT_PART_NUMBER, PART_NUMBER_ROOM)?),
            key,
            stamp: Stamp {
                unix_time: bytes::u32_at(blob, AT_TIME)?,
                random: bytes::u32_at(blob, AT_RANDOM)?,
            },
            licence_type: bytes::u32_at(blob, AT_LICENCE_TYPE)?,
            checksum_fits: bytes::u32_at(blob, AT_CHECKSUM)? == checksum(blob)?,
        })
    }

    /// Removes the key from a value in place: zeros, and the checksum made to fit; `None`, and nothing changed, if it
    /// is no value of this format. The result reads as [`Stored::Cleared`].
    #[must_use = "None means that nothing was cleared"]
    pub fn clear(blob: &mut [u8]) -> Option<()> {
        Self::read(blob)?;
        bytes::put(blob, AT_KEY, &[0; KEY_LENGTH])?;
        seal(blob)
    }
}

fn seal(blob: &mut [u8]) -> Option<()> {
    let checksum = checksum(blob)?;
    bytes::put(blob, AT_CHECKSUM, &checksum.to_le_bytes())
}

/// CRC-32 of everything before the checksum, without the final inversion.
fn checksum(blob: &[u8]) -> Option<u32> {
    Some(!crc32fast::hash(blob.get(..AT_CHECKSUM)?))
}

fn put_ascii(blob: &mut [u8], offset: usize, room: usize, text: &str) -> Option<()> {
    // One byte stays for the terminating zero.
    (text.is_ascii() && text.len() < room)
        .then(|| bytes::put(blob, offset, text.as_bytes()))
        .flatten()
}

fn ascii(field: &[u8]) -> String {
    field
        .iter()
        .take_while(|&&byte| byte != 0)
        .map(|&byte| char::from(byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A published client setup key: N is its sixth character.
    fn key() -> ProductKey {
        ProductKey::from_symbols(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap()
    }

    #[test]
    fn what_is_built_reads_back_with_a_checksum_that_fits() {
        let key = key();
        let blob = DigitalProductId::build(&Placement::sample(&key)).unwrap();
        let read = DigitalProductId::read(&blob).unwrap();
        assert_eq!(read.product_id, "00371-868-0001233-85123");
        assert_eq!((read.group, read.licence_type), (4327, 3));
        assert_eq!(read.part_number, "[TH]X19-98698");
        assert_eq!((read.stamp.unix_time, read.stamp.random), (1_700_000_000, 7));
        assert!(matches!(read.key, Stored::Key(_)));
        assert!(read.checksum_fits);
    }

    #[test]
    fn every_byte_before_the_checksum_counts_in_it() {
        let key = key();
        let blob = DigitalProductId::build(&Placement::sample(&key)).unwrap();
        // The length and the version are no damage but another format.
        for at in AT_PRODUCT_ID..DIGITAL_PRODUCT_ID_LENGTH {
            let mut damaged = blob.to_vec();
            damaged[at] ^= 0x10;
            assert!(
                !DigitalProductId::read(&damaged).unwrap().checksum_fits,
                "byte {at}"
            );
        }
    }

    #[test]
    fn another_length_or_version_is_no_value() {
        let key = key();
        let blob = DigitalProductId::build(&Placement::sample(&key)).unwrap();
        let mut longer = blob.to_vec();
        longer.push(0);
        let changed = |at: usize| {
            let mut blob = blob.to_vec();
            blob[at] ^= 1;
            blob
        };
        let shorter = blob[..DIGITAL_PRODUCT_ID_LENGTH - 1].to_vec();
        for mut other in [longer, shorter, changed(0), changed(AT_VERSION), Vec::new()] {
            assert!(DigitalProductId::read(&other).is_none());
            let before = other.clone();
            assert_eq!(DigitalProductId::clear(&mut other), None);
            assert!(other == before, "what is no value stays as it is");
        }
    }

    #[test]
    fn a_cleared_value_has_no_key_and_a_checksum_that_fits() {
        let key = key();
        let before = DigitalProductId::build(&Placement::sample(&key)).unwrap();
        let mut blob = before.to_vec();
        assert_eq!(DigitalProductId::clear(&mut blob), Some(()));
        let read = DigitalProductId::read(&blob).unwrap();
        assert!(matches!(read.key, Stored::Cleared));
        assert!(read.checksum_fits);
        assert_eq!(blob[AT_KEY..AT_KEY + KEY_LENGTH], [0; KEY_LENGTH]);
        for at in (0..AT_KEY).chain(AT_KEY + KEY_LENGTH..AT_CHECKSUM) {
            assert_eq!(blob[at], before[at], "byte {at}");
        }
    }

    #[test]
    fn texts_fill_their_rooms_and_no_more() {
        let key = key();
        let with = |product_id, part_number| {
            DigitalProductId::build(&Placement {
                part_number,
                product_id,
                ..Placement::sample(&key)
            })
        };
        let read = |blob: Wiped| DigitalProductId::read(&blob).unwrap();
        let (full, over) = ("x".repeat(PRODUCT_ID_ROOM - 1), "x".repeat(PRODUCT_ID_ROOM));
        assert_eq!(read(with(&full, "").unwrap()).product_id, full);
        assert!(with(&over, "").is_none());
        assert!(with("é", "").is_none());
        assert!(with("", "é").is_none());
        assert_eq!(
            read(with("", "123456789012345").unwrap()).part_number,
            "123456789012345"
        );
        assert_eq!(
            read(with("", "1234567890123456").unwrap()).part_number,
            "123456789012345"
        );
    }
}
