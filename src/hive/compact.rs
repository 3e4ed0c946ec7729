//! Compacting: the same keys and values in fresh bins, and nothing else.
//!
//! Windows does the same when it saves a hive (`RegSaveKey`): only live cells go into the new file.
//!
//! Promise: keys, values, their order, times, classes and descriptors stay; equal descriptors are shared; whatever was
//! in free cells or slack is gone. Compacting twice changes nothing the second time.

mod copying;
mod pack;

use super::base_block::{self, SECTOR};
use super::cell::{BINS_START, number};
use super::{Error, Hive, SaveError};
use crate::bytes::{put, slice};
use crate::file::Draft;
use crate::secret::{Bulk, Wiped};
use copying::Copying;
use pack::{Amendment, Outlet, Packer};
use zeroize::Zeroizing;

/// How much of the base block is kept: what its checksum covers, and the time of saving.
const KEPT_HEADER: usize = SECTOR + 8;
/// The time stamp in the header of the first bin, the only one that Windows maintains.
const BIN_TIME: usize = 20;
const BIN_TIME_LENGTH: usize = 8;

/// The bins that came of packing a hive.
struct Packed {
    root: u32,
    length: u32,
    amendments: Vec<Amendment>,
    /// Whether they are, amended, the bins that there were before.
    is_same: bool,
}

/// What became of a hive that was compacted into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Whether the hive was not compact before. If it was, nothing was written.
    pub changed: bool,
    /// Length of the compact hive in bytes.
    pub length: u64,
}

impl Hive {
    /// A hive with the same content and without free space, slack or duplicate descriptors. It counts as unchanged if it
    /// came out as this one is. Both are in memory then; see [`Hive::compact_into`].
    ///
    /// # Errors
    /// As [`Hive::open`] if the hive was only read before; [`Error::SpecialKey`] if a key is a predefined handle or part
    /// of a layered hive.
    pub fn compact(&mut self) -> Result<Self, Error> {
        self.demand_editable()?;
        let full = |_| Error::Full("the memory of this machine");
        let mut bytes = Bulk::with_room(BINS_START, self.bytes.len()).map_err(full)?;
        let packed = self.pack(&mut |part| {
            let start = bytes.len();
            bytes.grow(start + part.len()).map_err(full)?;
            put(&mut bytes, start, part).ok_or(Error::Broken)?;
            Ok(())
        });
        let packed = packed.map_err(|error| match error {
            SaveError::Hive(error) => error,
            SaveError::File(_) => Error::Broken,
        })?;
        for &Amendment { place, number } in &packed.amendments {
            put(&mut bytes, BINS_START + place as usize, &number.to_le_bytes()).ok_or(Error::Broken)?;
        }
        let block = self.block_of(&packed, self.sequence())?;
        put(&mut bytes, 0, &block).ok_or(Error::Broken)?;
        let mut fresh = Self::bare(self.minor)?;
        fresh.changed = self.changed || !self.is_like(&packed, &block);
        fresh.bins_length = packed.length as usize;
        fresh.root = packed.root;
        fresh.bytes = bytes;
        fresh.dirt = None;
        fresh.is_checked = false;
        fresh.allowance = self.allowance.clone();
        Ok(fresh)
    }

    /// Compacts the hive into the file that `draft` is for, at once or not at all, as [`crate::file::replace`] does; what is written passes
    /// the full check before. Less than the hive and a few megabytes are in memory. If the hive is compact already and was not changed,
    /// nothing is written, unless `always`.
    ///
    /// # Errors
    /// As [`Hive::compact`] and [`Hive::save`].
    pub fn compact_into(mut self, draft: Draft, always: bool) -> Result<Compacted, SaveError> {
        self.demand_editable()?;
        // The check is done, and nothing is edited any more.
        self.space = super::space::Space::default();
        let mut filling = draft.fill()?;
        filling.append(&mut Zeroizing::new(vec![0; BINS_START]))?;
        let packed = self.pack(&mut |part| Ok(filling.append(part)?))?;
        let block = self.block_of(&packed, self.sequence())?;
        let changed = self.changed || !self.is_like(&packed, &block);
        let length = BINS_START as u64 + u64::from(packed.length);
        let compacted = Compacted { changed, length };
        if !changed && !always {
            return Ok(compacted);
        }
        let sequence = self.sequence().wrapping_add(u32::from(changed));
        let block = self.block_of(&packed, sequence)?;
        let numbers: Vec<_> = packed
            .amendments
            .iter()
            .map(|&Amendment { place, number }| (BINS_START as u64 + u64::from(place), number.to_le_bytes()))
            .collect();
        let mut amendments = vec![(0, &block[..])];
        amendments.extend(numbers.iter().map(|(place, number)| (*place, &number[..])));
        filling.replace(&amendments, self.bytes, super::save::judge)?;
        Ok(compacted)
    }

    /// The base block of a hive with the bins `packed`, which says besides what that of this one says.
    fn block_of(&self, packed: &Packed, sequence: u32) -> Result<Wiped, Error> {
        let mut block = Zeroizing::new(vec![0; BINS_START]);
        let kept = slice(&self.bytes, 0, KEPT_HEADER).unwrap_or_default();
        put(&mut block, 0, kept)
            .and_then(|()| put(&mut block, base_block::BINS_SIZE, &packed.length.to_le_bytes()))
            .and_then(|()| put(&mut block, base_block::ROOT, &packed.root.to_le_bytes()))
            .and_then(|()| base_block::seal(&mut block, sequence))
            .ok_or(Error::Broken)?;
        Ok(block)
    }

    /// Whether the file of this hive consists of `block` and `packed`.
    fn is_like(&self, packed: &Packed, block: &[u8]) -> bool {
        packed.is_same
            && self.bytes.len() == BINS_START + packed.length as usize
            && slice(&self.bytes, 0, BINS_START) == Some(block)
    }

    /// Copies everything that is in use into fresh bins, which go to `outlet`.
    fn pack(&self, outlet: Outlet<'_>) -> Result<Packed, SaveError> {
        let cells = self.cells();
        let time = slice(cells.bins(), BIN_TIME, BIN_TIME_LENGTH).unwrap_or_default();
        let mut likeness = Likeness::new(cells.bins());
        let mut outlet = |part: &mut Wiped| {
            if likeness.place == 0 {
                put(part, BIN_TIME, time).ok_or(Error::Broken)?;
            }
            likeness.compare(part);
            outlet(part)
        };
        let copying = Copying::new(cells, Packer::new(&mut outlet));
        let (root, packer) = copying.copy(self.root)?;
        let (length, amendments) = packer.finish()?;
        Ok(Packed {
            root,
            length,
            is_same: likeness.holds(&amendments),
            amendments,
        })
    }
}

/// Compares bins that come part by part, and numbers in them that come later, with those that there were before.
struct Likeness<'h> {
    before: &'h [u8],
    place: usize,
    /// How many numbers are zero so far and were not; `None` when something else differs.
    open: Option<usize>,
}

impl<'h> Likeness<'h> {
    fn new(before: &'h [u8]) -> Self {
        Self {
            before,
            place: 0,
            open: Some(0),
        }
    }

    fn compare(&mut self, part: &[u8]) {
        let before = slice(self.before, self.place, part.len());
        self.place = self.place.saturating_add(part.len());
        let (Some(open), Some(before)) = (self.open, before) else {
            self.open = None;
            return;
        };
        let pairs = part.as_chunks::<4>().0.iter().zip(before.as_chunks::<4>().0);
        let differing = pairs.filter(|(now, before)| now != before);
        self.open = differing
            .into_iter()
            .try_fold(open, |open, (now, _)| (*now == [0; 4]).then_some(open + 1));
    }

    /// Whether all is the same, now that `amendments` came, each for a place of its own where zero stands.
    fn holds(&self, amendments: &[Amendment]) -> bool {
        let are_right = amendments
            .iter()
            .all(|late| number(self.before, late.place as usize) == late.number);
        let closed = amendments.iter().filter(|late| late.number != 0).count();
        are_right && self.place == self.before.len() && self.open == Some(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::{ValueKind, check};
    use std::path::Path;

    /// A hive of several megabytes with all shapes of keys and values, much of it deleted again.
    fn hive() -> Hive {
        let mut hive = Hive::create(5).unwrap();
        let text = crate::text::utf16le("C:\\Windows\\System32\\something.dll\0");
        for branch in 0..60 {
            for twig in 0..200 {
                let key = format!(r"Branch{branch}\Twig{twig}\Leaf");
                hive.set_value(&key, "Path", ValueKind::String, &text).unwrap();
                hive.set_value(&key, "", ValueKind::Dword, &[1, 2, 3, 4]).unwrap();
                hive.set_value(&key, "Short", ValueKind::Binary, &[9]).unwrap();
            }
            let large = vec![branch; 500 * usize::from(branch) + 4000];
            hive.set_value(&format!(r"Branch{branch}"), "Large", ValueKind::Binary, &large)
                .unwrap();
        }
        for many in 0..2500 {
            hive.set_value(&format!(r"Many\Ключ{many}"), "Name", ValueKind::Binary, &[7; 40])
                .unwrap();
        }
        for branch in (0..60).step_by(3) {
            hive.delete_key(&format!(r"Branch{branch}\Twig5")).unwrap();
            hive.delete_value(&format!(r"Branch{branch}"), "Large").unwrap();
        }
        Hive::open(hive.finish().unwrap()).unwrap()
    }

    fn written(hive: Hive, path: &Path) -> (Compacted, Vec<u8>) {
        let done = hive.compact_into(Draft::new(path).unwrap(), false).unwrap();
        (done, std::fs::read(path).unwrap())
    }

    #[test]
    fn a_hive_is_the_same_whether_it_is_compacted_in_memory_or_into_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SOFTWARE");
        let mut before = hive();
        let compact = before.compact().unwrap().finish().unwrap();
        let old = before.finish().unwrap();
        assert!(compact.len() < old.len() && compact.len() > 4 * pack::PART);
        std::fs::write(&path, &old).unwrap();
        let (done, bytes) = written(Hive::open(old).unwrap(), &path);
        assert!(done.changed && done.length == compact.len() as u64);
        assert!(bytes == *compact);
        assert_eq!(check(&bytes), []);
        let (done, again) = written(Hive::open(compact.clone()).unwrap(), &path);
        assert!(
            !done.changed && again == *compact,
            "the second time nothing is written"
        );
        let mut hive = Hive::open(compact).unwrap();
        assert_eq!(hive.scrub().unwrap(), 0);
        assert!(!hive.compact().unwrap().is_changed());
    }

    #[test]
    fn one_different_byte_is_a_difference_and_an_amended_number_is_none() {
        let before: Vec<u8> = (1..=64).collect();
        let number = |place: usize| number(&before, place);
        let holds = |parts: [&[u8]; 2], amendments: &[(u32, u32)]| {
            let mut likeness = Likeness::new(&before);
            for part in parts {
                likeness.compare(part);
            }
            let amendments: Vec<_> = amendments
                .iter()
                .map(|&(place, number)| Amendment { place, number })
                .collect();
            likeness.holds(&amendments)
        };
        let (left, right) = before.split_at(32);
        assert!(holds([left, right], &[]));
        assert!(!holds([left, &right[..28]], &[]) && !holds([left, &[right, &[0; 4]].concat()], &[]));
        let mut other = right.to_vec();
        other[9] ^= 1;
        assert!(!holds([left, &other], &[]));
        let mut open = right.to_vec();
        open[8..12].fill(0);
        assert!(holds([left, &open], &[(40, number(40))]));
        assert!(!holds([left, &open], &[]) && !holds([left, &open], &[(40, 5)]));
    }
}
