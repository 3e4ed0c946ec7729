//! stored - `DigitalProductId` and `DigitalProductId4` values wherever they lie: live, deleted, in logs, in copies.

use crate::bytes::slice;
use crate::key::{
    DIGITAL_PRODUCT_ID_LENGTH, DIGITAL_PRODUCT_ID4_LENGTH, DigitalProductId, DigitalProductId4, Stored,
};
use memchr::memmem;

/// Length 164 and version 3, as the older value begins.
const HEAD: [u8; 8] = [0xA4, 0, 0, 0, 3, 0, 0, 0];
/// Length 1272 and version 4, as the newer value begins.
const HEAD4: [u8; 8] = [0xF8, 4, 0, 0, 4, 0, 0, 0];

/// A value that carries a key.
#[derive(Debug)]
pub struct Blob {
    /// The first byte.
    pub offset: usize,
    /// How many bytes it takes: 164 or 1272.
    pub length: usize,
    /// What stands for a key in it.
    pub key: Stored,
    /// Its key bytes are zero, but a hash of another key stands beside them.
    pub hash_stays: bool,
}

/// Both values begin with a product ID, and that with five digits and a dash; it stands at this offset.
const PRODUCT_ID: usize = 8;

/// Whether a product ID begins at `PRODUCT_ID` of `blob`, in characters of `width` bytes.
fn has_product_id(blob: &[u8], width: usize) -> bool {
    const DIGITS: usize = 5;
    let character = |index: usize| blob.get(PRODUCT_ID + index * width).copied().unwrap_or_default();
    (0..DIGITS).all(|index| character(index).is_ascii_digit()) && character(DIGITS) == b'-'
}

/// Every value in `bytes` that has length, version and product ID of such a value and is all there, in ascending order.
pub fn blobs(bytes: &[u8]) -> Vec<Blob> {
    let mut found: Vec<Blob> = memmem::find_iter(bytes, &HEAD)
        .filter_map(|offset| {
            let blob =
                slice(bytes, offset, DIGITAL_PRODUCT_ID_LENGTH).filter(|blob| has_product_id(blob, 1))?;
            let value = DigitalProductId::read(blob)?;
            Some(Blob {
                offset,
                length: DIGITAL_PRODUCT_ID_LENGTH,
                key: value.key,
                hash_stays: false,
            })
        })
        .collect();
    found.extend(memmem::find_iter(bytes, &HEAD4).filter_map(|offset| {
        let blob = slice(bytes, offset, DIGITAL_PRODUCT_ID4_LENGTH).filter(|blob| has_product_id(blob, 2))?;
        let value = DigitalProductId4::read(blob)?;
        Some(Blob {
            offset,
            length: DIGITAL_PRODUCT_ID4_LENGTH,
            hash_stays: matches!(value.key, Stored::Cleared) && !value.key_hash_fits,
            key: value.key,
        })
    }));
    found.sort_unstable_by_key(|blob| blob.offset);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_version_alone_make_no_value() {
        for (head, length) in [
            (HEAD, DIGITAL_PRODUCT_ID_LENGTH),
            (HEAD4, DIGITAL_PRODUCT_ID4_LENGTH),
        ] {
            let mut bytes = head.to_vec();
            bytes.resize(length, 1);
            assert!(blobs(&bytes).is_empty());
        }
    }
}
