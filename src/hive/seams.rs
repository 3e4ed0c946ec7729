//! Seams: where the data of a large value is cut into segments; what lies across a cut is not seen in the bytes of the hive.
//!
//! Promise: a damaged hive gives the seams of what can be walked; no more than a window around one seam is copied, and that is wiped.

use super::cell::{BINS_START, Cells, SIZE_FIELD};
use super::key::Walk;
use super::value::{Place, Value};
use super::{Error, Key, base_block::BaseBlock, big_data};
use crate::bytes::slice;
use crate::secret::Wiped;
use zeroize::Zeroizing;

/// The surroundings of one cut in the data of a value.
pub struct Seam {
    /// The path of the value's key.
    pub key: String,
    /// The value's name.
    pub name: String,
    /// Where [`Seam::bytes`] begins in the file of the hive, in bytes.
    pub offset: u64,
    /// How many of [`Seam::bytes`] lie before the cut.
    pub before: usize,
    /// The end of one segment and the beginning of the next.
    pub bytes: Wiped,
}

impl Seam {
    /// Whether something that was found in [`Seam::bytes`] lies on both sides of the cut.
    pub fn cuts(&self, offset: usize, length: usize) -> bool {
        offset < self.before && offset.saturating_add(length) > self.before
    }
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, name, length) = (&self.key, &self.name, self.bytes.len());
        write!(formatter, "Seam({key} {name}, {length} bytes elided)")
    }
}

/// Visits every cut in the data of every value of the hive `bytes`, with up to `reach` bytes on each side of it.
///
/// # Errors
/// As [`Hive::read`](super::Hive::read). What is damaged behind the base block has no seams.
pub fn seams(bytes: &[u8], reach: usize, visit: &mut dyn FnMut(&Seam)) -> Result<(), Error> {
    let block = BaseBlock::read(bytes)?;
    let bins = slice(bytes, BINS_START, block.bins_size).unwrap_or_default();
    let cells = Cells::new(bins, block.minor);
    for key in Walk::new(cells, block.root).flatten() {
        for value in key.values().flatten() {
            if let Place::Segments(structure, length) = value.node.place(block.minor) {
                _ = of_value(cells, (key, &value), (structure, length), reach, visit);
            }
        }
    }
    Ok(())
}

fn of_value(
    cells: Cells<'_>,
    (key, value): (Key<'_>, &Value<'_>),
    (structure, length): (u32, usize),
    reach: usize,
    visit: &mut dyn FnMut(&Seam),
) -> Result<(), Error> {
    let (_, segments) = big_data::segments(cells, structure)?;
    let path = key.path()?;
    let mut left = length;
    let mut last: Option<(u32, &[u8])> = None;
    for segment in segments {
        let payload = cells.payload(segment, "a segment")?;
        let here = payload.get(..left.min(big_data::SEGMENT)).unwrap_or(payload);
        if let Some((offset, before)) = last {
            let skipped = before.len().saturating_sub(reach);
            let tail = before.get(skipped..).unwrap_or_default();
            let head = here.get(..reach).unwrap_or(here);
            visit(&Seam {
                key: path.clone(),
                name: value.name(),
                offset: BINS_START as u64 + u64::from(offset) + (SIZE_FIELD + skipped) as u64,
                before: tail.len(),
                bytes: Zeroizing::new([tail, head].concat()),
            });
        }
        last = Some((segment, here));
        left = left.saturating_sub(here.len());
        if left == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive::{Hive, ValueKind};

    #[test]
    fn what_is_cut_is_seen_whole_and_its_place_is_that_of_its_first_byte() {
        let mut data = vec![0u8; 2 * big_data::SEGMENT + 100];
        let cuts = [big_data::SEGMENT, 2 * big_data::SEGMENT];
        for cut in cuts {
            data[cut - 3..cut + 3].copy_from_slice(b"across");
        }
        let mut hive = Hive::create(5).unwrap();
        hive.set_value(r"Company", "Small", ValueKind::Binary, b"across")
            .unwrap();
        hive.set_value(r"Company", "Large", ValueKind::Binary, &data)
            .unwrap();
        let bytes = hive.finish().unwrap().to_vec();
        let mut seen = 0;
        seams(&bytes, 40, &mut |seam| {
            seen += 1;
            assert_eq!((seam.key.as_str(), seam.name.as_str()), ("Company", "Large"));
            assert_eq!((seam.before, seam.bytes.len()), (40, 80));
            assert_eq!(&seam.bytes[37..43], b"across");
            let at = usize::try_from(seam.offset).unwrap() + 37;
            assert_eq!(&bytes[at..at + 3], b"acr");
            assert!(seam.cuts(37, 6) && !seam.cuts(34, 6) && !seam.cuts(40, 6));
        })
        .unwrap();
        assert_eq!(seen, cuts.len());
    }
}
