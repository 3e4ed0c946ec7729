//! The base block: the first 4096 bytes of a hive.
//!
//! Promise: a block whose checksum or sequence numbers are wrong is read all the same, and says so (the hive is dirty);
//! anything else that is not as it should be is refused.

use super::bin::BLOCK;
use super::cell::BINS_START;
use super::{Error, Finding, Severity};
use crate::bytes::{array, put, u32_at};

/// What a hive begins with.
pub(super) const SIGNATURE: &[u8; 4] = b"regf";
/// Raised before a write begins.
pub(super) const PRIMARY_SEQUENCE: usize = 4;
/// Raised when a write has ended: equal to the other one in a clean hive.
pub(super) const SECONDARY_SEQUENCE: usize = 8;
/// When the hive was last written, as FILETIME; old logs repeat it.
pub(super) const LAST_WRITTEN: usize = 12;
pub(super) const MAJOR: usize = 20;
pub(super) const MINOR: usize = 24;
pub(super) const FILE_TYPE: usize = 28;
pub(super) const FORMAT: usize = 32;
pub(super) const ROOT: usize = 36;
pub(super) const BINS_SIZE: usize = 40;
pub(super) const CLUSTERING: usize = 44;
pub(super) const CHECKSUM: usize = 508;
/// What the checksum covers and a transaction log repeats, in bytes.
pub(super) const SECTOR: usize = 512;

/// The minor versions that are read and written: NT 4 to Windows 11.
pub(super) const MINORS: std::ops::RangeInclusive<u32> = 3..=6;
/// Offsets with the highest bit set mean memory that is not saved, so no hive has more bytes of bins.
pub(super) const BINS_LIMIT: usize = (1 << 31) - BLOCK;

/// The fields that matter, checked as far as the promise says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseBlock {
    pub(super) primary: u32,
    pub(super) secondary: u32,
    pub(super) minor: u32,
    pub(super) root: u32,
    /// How many bytes of bins follow.
    pub(super) bins_size: usize,
    pub(super) checksum_is_right: bool,
}

impl BaseBlock {
    /// The base block of the hive `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let block = Self::read_alone(bytes)?;
        if u32_at(bytes, FILE_TYPE) != Some(0) {
            return Err(Error::NotAHive("it is a transaction log of one"));
        }
        let size = block.bins_size;
        if size == 0 || !size.is_multiple_of(BLOCK) || size > BINS_LIMIT {
            return Err(header_fault(
                BINS_SIZE,
                format!("the hive cannot have {size:#x} bytes of bins"),
            ));
        }
        let room = bytes.len().saturating_sub(BINS_START);
        if size > room {
            return Err(header_fault(
                BINS_SIZE,
                format!("the hive is cut off: {size:#x} bytes of bins should follow, {room:#x} do"),
            ));
        }
        Ok(block)
    }

    /// The base block at the beginning of a hive or of a transaction log, whatever follows it.
    pub(super) fn read_alone(bytes: &[u8]) -> Result<Self, Error> {
        if array::<4>(bytes, 0).as_ref() != Some(SIGNATURE) {
            return Err(Error::NotAHive("it does not begin with `regf`"));
        }
        let number = |at| u32_at(bytes, at).ok_or(Error::NotAHive("it ends within its base block"));
        let stored = number(CHECKSUM)?;
        let (major, minor) = (number(MAJOR)?, number(MINOR)?);
        if major != 1 || !MINORS.contains(&minor) {
            return Err(Error::Version { major, minor });
        }
        if number(FORMAT)? != 1 {
            return Err(header_fault(
                FORMAT,
                "the hive is not in the format of a file".into(),
            ));
        }
        Ok(Self {
            primary: number(PRIMARY_SEQUENCE)?,
            secondary: number(SECONDARY_SEQUENCE)?,
            minor,
            root: number(ROOT)?,
            bins_size: number(BINS_SIZE)? as usize,
            checksum_is_right: Some(stored) == checksum(bytes),
        })
    }

    /// How it shows that not all changes are in the hive; `None` for a clean hive.
    pub(super) fn dirt(&self) -> Option<Finding> {
        let (offset, sentence) = if !self.checksum_is_right {
            (CHECKSUM, "the checksum of its base block is wrong".to_owned())
        } else if self.primary != self.secondary {
            let (primary, secondary) = (self.primary, self.secondary);
            (
                PRIMARY_SEQUENCE,
                format!("its sequence numbers are {primary} and {secondary}, so a write has not ended"),
            )
        } else {
            return None;
        };
        Some(Finding::at_file(offset as u64, Severity::Refuse, sentence))
    }
}

fn header_fault(offset: usize, sentence: String) -> Error {
    Error::Damaged(Finding::at_file(offset as u64, Severity::Refuse, sentence))
}

/// The checksum that belongs to the first 508 bytes; `None` if they are not there.
pub(super) fn checksum(bytes: &[u8]) -> Option<u32> {
    let (words, _) = bytes.get(..CHECKSUM)?.as_chunks::<4>();
    let sum = words.iter().fold(0, |sum, &word| sum ^ u32::from_le_bytes(word));
    Some(match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    })
}

/// Sets both sequence numbers and the checksum; `None` if the block is not whole.
pub(super) fn seal(bytes: &mut [u8], sequence: u32) -> Option<()> {
    put(bytes, PRIMARY_SEQUENCE, &sequence.to_le_bytes())?;
    put(bytes, SECONDARY_SEQUENCE, &sequence.to_le_bytes())?;
    let sum = checksum(bytes)?;
    put(bytes, CHECKSUM, &sum.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_never_zero_and_never_all_ones() {
        assert_eq!(checksum(&[0; 508]), Some(1));
        let mut bytes = [0; 508];
        bytes[..4].copy_from_slice(&[0xFF; 4]);
        assert_eq!(checksum(&bytes), Some(u32::MAX - 1));
        assert_eq!(checksum(&[0; 507]), None);
    }
}
