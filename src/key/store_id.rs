//! `store_id` - `OSProductPfn` and `OSProductContentId`, which Windows 10 and later keep beside the product id.
//!
//! Source of the forms: 21 stored sets of values and two real hives.

use sha2::{Digest, Sha256};

/// The publisher's hash in package family names of Windows itself.
const PUBLISHER: &str = "8wekyb3d8bbwe";

/// `X19-98698` of `[TH]X19-98698` and of `[TH]X19-98698:Virtual`.
fn bare(part_number: &str) -> &str {
    let after = part_number
        .rsplit_once(']')
        .map_or(part_number, |(_, after)| after);
    after.split_once(':').map_or(after, |(before, _)| before)
}

/// `OSProductPfn` for an edition's SKU number and a part number.
///
/// ```
/// let name = wimkey::key::package_family_name(4, "[TH]X19-98698");
/// assert_eq!(name, "Microsoft.Windows.4.X19-98698_8wekyb3d8bbwe");
/// ```
pub fn package_family_name(sku: u32, part_number: &str) -> String {
    format!("Microsoft.Windows.{sku}.{}_{PUBLISHER}", bare(part_number))
}

/// `OSProductContentId` for an edition's SKU number and a part number: a GUID in small letters, without braces.
///
/// ```
/// let id = wimkey::key::content_id(4, "[TH]X19-98698");
/// assert_eq!(id, "05ce649a-eed1-d14e-aa01-4045f35ca54d");
/// ```
pub fn content_id(sku: u32, part_number: &str) -> String {
    let name = format!("Microsoft.Windows.{sku}.{}:{PUBLISHER}:win32", bare(part_number)).to_lowercase();
    let hash = Sha256::digest(crate::text::utf16le(&name).as_slice());
    // A GUID stores its first three numbers with the low byte first.
    let head = crate::bytes::u32_at(&hash, 0).unwrap_or_default();
    let second = crate::bytes::u16_at(&hash, 4).unwrap_or_default();
    let third = crate::bytes::u16_at(&hash, 6).unwrap_or_default();
    let rest = u64::from_be_bytes(crate::bytes::array(&hash, 8).unwrap_or_default());
    let (fourth, fifth) = (rest >> 48, rest & 0xFFFF_FFFF_FFFF);
    format!("{head:08x}-{second:04x}-{third:04x}-{fourth:04x}-{fifth:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_part_number_does_not_count() {
        for part_number in ["X19-98698", "[TH]X19-98698", "[TH]X19-98698:Virtual"] {
            assert_eq!(
                package_family_name(4, part_number),
                "Microsoft.Windows.4.X19-98698_8wekyb3d8bbwe"
            );
            assert_eq!(content_id(4, part_number), "05ce649a-eed1-d14e-aa01-4045f35ca54d");
        }
    }
}
