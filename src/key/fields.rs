//! fields - what a key of Windows 8 and later says about itself.
//!
//! Promise: reads and verifies only. The checksum proves that a key is not a typo, not that it is genuine: the
//! 53-bit security value can be verified by Microsoft alone.

use super::symbols::{Form, STORED_LENGTH, SYMBOL_COUNT, number};
use zeroize::Zeroize;

/// The group of placeholder keys in key configurations; it names no edition.
pub const PREVIEW_GROUP: u32 = 999_999;

const GROUP_BITS: u32 = 20;
const SERIAL_BITS: u32 = 30;
const CHECKSUM_SHIFT: u32 = 103;
const CHECKSUM_MASK: u32 = 0x3FF;
const UPGRADE_BIT: u128 = 1 << 113;

/// The readable parts of a key with the letter `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// Key group, 20 bits: selects the entry of the key configuration.
    pub group: u32,
    /// Serial number, 30 bits: selects the key range of that entry.
    pub serial: u32,
    /// Whether the key is for upgrades.
    pub upgrade: bool,
    /// Whether the 10-bit checksum fits. One typo in about 1,300 passes it.
    pub checksum_fits: bool,
}

impl Fields {
    /// The fields of 25 symbols; `None` unless they have exactly one `N` before the last place.
    pub fn read(symbols: &[u8; SYMBOL_COUNT]) -> Option<Self> {
        let (number, form) = number(symbols)?;
        if form != Form::Pkey2009 {
            return None;
        }
        let low = |value: u128, bits: u32| u32::try_from(value & ((1 << bits) - 1)).unwrap_or_default();
        let mut unsigned = *number & !(u128::from(CHECKSUM_MASK) << CHECKSUM_SHIFT);
        let mut bytes = unsigned.to_le_bytes();
        let expected = crc32_bzip2(&bytes) & CHECKSUM_MASK;
        bytes.zeroize();
        unsigned.zeroize();
        Some(Self {
            group: low(*number, GROUP_BITS),
            serial: low(*number >> GROUP_BITS, SERIAL_BITS),
            upgrade: *number & UPGRADE_BIT != 0,
            checksum_fits: low(*number >> CHECKSUM_SHIFT, 10) == expected,
        })
    }
}

const CRC_POLYNOMIAL: u32 = 0x04C1_1DB7;
/// For each byte of a word what it makes of the checksum when as many bytes follow it.
static CRC: [[u32; 256]; 4] = crc_tables();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "table < 4 and index < 256; checked at compile time"
)]
const fn crc_tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut index = 0;
    while index < 256 {
        let mut remainder = (index as u32) << 24;
        let mut table = 0;
        while table < tables.len() {
            let mut bit = 0;
            while bit < 8 {
                let carry = remainder & 0x8000_0000 != 0;
                remainder <<= 1;
                if carry {
                    remainder ^= CRC_POLYNOMIAL;
                }
                bit += 1;
            }
            tables[table][index] = remainder;
            table += 1;
        }
        index += 1;
    }
    tables
}

/// CRC-32/BZIP2: highest bit first, all ones before and after. Four bytes at a time.
fn crc32_bzip2(bytes: &[u8; STORED_LENGTH]) -> u32 {
    let (words, _) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(u32::MAX, |crc, word| {
        let mixed = (crc ^ u32::from_be_bytes(*word)).to_be_bytes();
        let tables = CRC.iter().rev();
        mixed.iter().zip(tables).fold(0, |sum, (&byte, table)| {
            sum ^ table.get(usize::from(byte)).copied().unwrap_or_default()
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_that_of_the_catalogue() {
        // One byte at a time, with the check value of the catalogue for its name.
        fn plain(bytes: &[u8]) -> u32 {
            !bytes.iter().fold(u32::MAX, |crc, &byte| {
                let [high, ..] = crc.to_be_bytes();
                (crc << 8) ^ CRC[0][usize::from(high ^ byte)]
            })
        }
        assert_eq!(plain(b"123456789"), 0xFC89_1918);
        for bytes in [b"1234567890abcdef", &[0; 16], &[0xFF; 16]] {
            assert_eq!(crc32_bzip2(bytes), plain(bytes));
        }
    }

    #[test]
    fn a_published_key_names_its_group_and_serial() {
        let fields = Fields::read(b"NPPR9FWDCXD2C8JH872K2YT43").unwrap();
        assert_eq!(
            fields,
            Fields {
                group: 3290,
                serial: 3,
                upgrade: false,
                checksum_fits: true
            }
        );
        assert_eq!(Fields::read(b"33PXH7Y6KF2VJC9XBBR8HVTHH"), None);
    }

    #[test]
    fn one_wrong_symbol_breaks_the_checksum() {
        let fields = Fields::read(b"NPPR9FWDCXD2C8JH872K2YT44").unwrap();
        assert!(!fields.checksum_fits);
    }

    #[test]
    fn the_upgrade_bit_is_the_one_behind_the_checksum() {
        let mut found = [0; 2];
        // The place of the N is the highest digit.
        for place in 0..SYMBOL_COUNT - 1 {
            let mut symbols = *b"NPPR9FWDCXD2C8JH872K2YT43";
            symbols.rotate_right(place);
            let (number, _) = number(&symbols).unwrap();
            let is_set = *number >> 113 & 1 == 1;
            assert_eq!(Fields::read(&symbols).unwrap().upgrade, is_set);
            found[usize::from(is_set)] += 1;
        }
        assert!(found.iter().all(|&count| count > 0), "{found:?}");
    }
}
