//! Looking up a few values of a large hive file without reading all of it.
//!
//! Promise: what is looked up is what [`Hive::read`] would find, but that only the parts of the file that the way leads through are
//! read and looked at. They are wiped when the hive is dropped.

use super::base_block::BaseBlock;
use super::cell::BINS_START;
use super::present::{BLOCK, Present};
use super::{Error, Hive};
use crate::bytes::slice_mut;
use crate::secret::Wiped;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use zeroize::{Zeroize, Zeroizing};

/// After so many blocks the rest is read in one go.
const PATIENCE: usize = 256;
/// Why a lookup failed.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The hive cannot be read.
    #[error(transparent)]
    Hive(#[from] Error),
    /// The file cannot be read.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A hive file of which only what is looked up is read.
pub struct Lookup {
    file: File,
    hive: Hive,
    reads: usize,
}

impl Lookup {
    /// The hive in `file`, which has at most `limit` bytes. Its base block is checked, all else as it is read.
    ///
    /// # Errors
    /// As [`Hive::read`], and what reading the file reports.
    pub fn open(mut file: File, limit: usize) -> Result<Self, LookupError> {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if length > limit {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge).into());
        }
        // The system gives memory for zeros only when it is written to.
        let mut bytes = Zeroizing::new(vec![0; length]);
        let mut present = Present::new(length);
        load(&mut file, &mut bytes, &mut present, 0, BINS_START.min(length))?;
        let block = BaseBlock::read(&bytes)?;
        let mut hive = Hive::assemble(bytes.into(), &block);
        hive.present = Some(present);
        Ok(Self { file, hive, reads: 0 })
    }

    /// The answer to `question`. It is asked again each time after a missing part was read, so it must change nothing.
    ///
    /// # Errors
    /// What `question` reports when nothing is missing, and what reading the file reports.
    pub fn ask<T>(&mut self, question: impl Fn(&Hive) -> Result<T, Error>) -> Result<T, LookupError> {
        loop {
            let answer = question(&self.hive);
            let Some(present) = &mut self.hive.present else {
                return Ok(answer?);
            };
            let Some((start, end)) = present.take_missing() else {
                return Ok(answer?);
            };
            self.reads += 1;
            let length = self.hive.bytes.len();
            let (start, end) = if self.reads > PATIENCE {
                (0, length)
            } else {
                (start, end.min(length))
            };
            load(&mut self.file, &mut self.hive.bytes, present, start, end)?;
        }
    }
}

/// Reads the blocks from `start` to `end` that are not there yet.
fn load(
    file: &mut File,
    bytes: &mut [u8],
    present: &mut Present,
    start: usize,
    end: usize,
) -> io::Result<()> {
    for block in start / BLOCK..end.div_ceil(BLOCK) {
        let Some(is_there) = present.blocks.get_mut(block).filter(|is_there| !**is_there) else {
            continue;
        };
        let place = block * BLOCK;
        let room = BLOCK.min(bytes.len().saturating_sub(place));
        file.seek(SeekFrom::Start(place as u64))?;
        file.read_exact(slice_mut(bytes, place, room).unwrap_or_default())?;
        *is_there = true;
    }
    Ok(())
}

impl Drop for Lookup {
    fn drop(&mut self) {
        // Wiping all of it would make the system give memory for parts that were never read.
        let mut bytes = Wiped::from(std::mem::take(&mut self.hive.bytes));
        let mut bytes = std::mem::take(&mut *bytes);
        let blocks = self.hive.present.iter().flat_map(|present| &present.blocks);
        for (part, _) in bytes
            .chunks_mut(BLOCK)
            .zip(blocks)
            .filter(|(_, is_there)| **is_there)
        {
            part.zeroize();
        }
    }
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.hive.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::ValueKind;
    use std::io::Write;

    fn content(hive: &Hive) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut content = Vec::new();
        for key in hive.walk() {
            for value in key?.values() {
                let value = value?;
                content.push((value.name(), value.data()?.to_vec()));
            }
        }
        Ok(content)
    }

    #[test]
    fn a_lookup_finds_what_reading_all_finds_and_reads_little() {
        let mut hive = Hive::create(5).unwrap();
        for index in 0..3000 {
            let data = vec![1; 10 + index * 13 % 3000];
            hive.set_value(&format!(r"A\K{index}"), "v", ValueKind::Binary, &data)
                .unwrap();
        }
        hive.set_value("B", "large", ValueKind::Binary, &vec![3; 100_000])
            .unwrap();
        let bytes = hive.finish().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let mut lookup = Lookup::open(file.try_clone().unwrap(), bytes.len()).unwrap();
        let found = lookup.ask(|hive| {
            let key = hive.find(r"a\k1500")?.unwrap();
            Ok(key.value("V")?.unwrap().data()?.len())
        });
        assert_eq!(found.unwrap(), 10 + 1500 * 13 % 3000);
        assert!(lookup.reads < 30, "{}", lookup.reads);
        let large = lookup.ask(|hive| Ok(hive.find("B")?.unwrap().value("large")?.unwrap().data()?.to_vec()));
        assert_eq!(large.unwrap(), vec![3; 100_000]);
        assert!(lookup.ask(|hive| Ok(hive.find(r"A\None")?.is_none())).unwrap());
        let all = lookup.ask(content).unwrap();
        assert!(all == content(&Hive::read(bytes).unwrap()).unwrap());
    }

    #[test]
    fn damage_is_told_as_it_is() {
        let mut bytes = Hive::create(5).unwrap().finish().unwrap();
        bytes[36] = 0x80;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let error = Lookup::open(file, 1 << 20)
            .unwrap()
            .ask(|hive| hive.root().map(drop))
            .unwrap_err();
        assert!(matches!(error, LookupError::Hive(Error::Damaged(_))));
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"regf").unwrap();
        assert!(matches!(
            Lookup::open(file, 1 << 20),
            Err(LookupError::Hive(Error::NotAHive(_)))
        ));
    }
}
