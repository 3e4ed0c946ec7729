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
