//! The allocator: where new cells come from and where old ones go.
//!
//! Promise: what is freed is zero at once, its size field too where it joins a neighbour; a new bin is made only when no
//! free cell is large enough; no cell in use is ever moved.

use super::bin::{self, BLOCK, Bin};
use super::cell::{ALIGNMENT, BINS_START, SIZE_FIELD, lay_out, narrow};
use super::check::Tiling;
use super::{Error, Hive, base_block};
use crate::bytes::{align_up, i32_at, put, slice_mut};
use std::collections::{BTreeMap, BTreeSet};

/// How many free cells of one bin are looked at before the rest of the hive.
const NEARBY_LIMIT: usize = 256;
/// A cell with this many bytes to spare gives them back when its content shrinks.
const WORTH_GIVING_BACK: usize = 64;

/// The bins and the free cells of a hive.
#[derive(Default)]
pub(super) struct Space {
    bins: Vec<Bin>,
    /// Offset to size.
    by_place: BTreeMap<u32, u32>,
    /// Size and offset.
    by_size: BTreeSet<(u32, u32)>,
}

impl Space {
    /// The bins and the free cells that the full check met.
    pub(super) fn new(tiling: Tiling) -> Self {
        Self {
            bins: tiling.bins,
            by_size: tiling.free.iter().map(|&(offset, size)| (size, offset)).collect(),
            by_place: tiling.free.into_iter().collect(),
        }
    }

    fn add(&mut self, offset: u32, size: u32) {
        self.by_place.insert(offset, size);
        self.by_size.insert((size, offset));
    }

    fn remove(&mut self, offset: u32, size: u32) {
        self.by_place.remove(&offset);
        self.by_size.remove(&(size, offset));
    }

    /// The smallest free cell of at least `size` bytes, in the bin of `near` if there is one.
    fn choose(&self, size: u32, near: u32) -> Option<(u32, u32)> {
        let index = self.bins.partition_point(|bin| bin.start <= near).checked_sub(1);
        let nearby = index
            .and_then(|index| self.bins.get(index))
            .and_then(|bin| {
                self.by_place
                    .range(bin.start..bin.end())
                    .take(NEARBY_LIMIT)
                    .filter(|&(_, &free)| free >= size)
                    .min_by_key(|&(_, &free)| free)
            })
            .map(|(&offset, &free)| (offset, free));
        nearby.or_else(|| {
            self.by_size
                .range((size, 0)..)
                .next()
                .map(|&(free, offset)| (offset, free))
        })
    }
}

/// The size of a cell for `length` bytes of payload.
pub(super) fn cell_size(length: usize) -> Result<u32, Error> {
    let size = length
        .checked_add(SIZE_FIELD)
        .and_then(|size| align_up(size, ALIGNMENT))
        .filter(|&size| size < base_block::BINS_LIMIT)
        .ok_or(Error::Full("2 GiB"))?;
    narrow(size)
}

/// Where a bin of `length` bytes at `start` ends, if the format can hold it.
pub(super) fn end_of_bin(start: usize, length: usize) -> Result<usize, Error> {
    let end = start
        .checked_add(length)
        .filter(|&end| end <= base_block::BINS_LIMIT);
    end.ok_or(Error::Full("2 GiB"))
}

impl Hive {
    fn put_size(&mut self, offset: u32, size: u32, in_use: bool) -> Result<(), Error> {
        let signed = i32::try_from(size).map_err(|_| Error::Full("2 GiB"))?;
        let signed = if in_use { -signed } else { signed };
        put(self.bins_mut(), offset as usize, &signed.to_le_bytes())
            .ok_or_else(|| Error::damaged(offset, "a cell lies outside the bins"))
    }

    /// A cell of zeros with room for `length` bytes, in the bin of the cell at `near` if possible.
    pub(super) fn allocate(&mut self, length: usize, near: u32) -> Result<u32, Error> {
        self.changed = true;
        let size = cell_size(length)?;
        let chosen = match self.space.choose(size, near) {
            Some(chosen) => chosen,
            None => self.add_bin(size)?,
        };
        let (offset, free) = chosen;
        self.space.remove(offset, free);
        let rest = free - size;
        if rest > 0 {
            self.put_size(offset + size, rest, false)?;
            self.space.add(offset + size, rest);
        }
        self.put_size(offset, size, true)?;
        self.payload_mut(offset, "a new cell")?.fill(0);
        Ok(offset)
    }

    /// A cell that holds `data`, as [`Hive::allocate`].
    pub(super) fn allocate_with(&mut self, data: &[u8], near: u32) -> Result<u32, Error> {
        let offset = self.allocate(data.len(), near)?;
        self.write(offset, 0, data)?;
        Ok(offset)
    }

    /// Wipes the cell in use at `offset` and frees it.
    pub(super) fn release(&mut self, offset: u32) -> Result<(), Error> {
        self.payload_mut(offset, "a cell to be freed")?.fill(0);
        let size = i32_at(self.cells().bins(), offset as usize).unwrap_or_default();
        self.free(offset, size.unsigned_abs())
    }

    /// Gives back what the cell at `offset` has beyond `length` bytes of payload, if it is worth it.
    pub(super) fn trim(&mut self, offset: u32, length: usize) -> Result<(), Error> {
        let payload = self.cells().payload(offset, "an edit")?.len();
        let (size, kept) = (narrow(payload + SIZE_FIELD)?, cell_size(length)?);
        if size as usize >= kept as usize + WORTH_GIVING_BACK {
            let rest = self.payload_mut(offset, "an edit")?;
            rest.get_mut(kept as usize - SIZE_FIELD..)
                .unwrap_or_default()
                .fill(0);
            self.put_size(offset, kept, true)?;
            self.free(offset + kept, size - kept)?;
        }
        Ok(())
    }

    /// Makes `size` zero bytes at `offset` a free cell, joined with its free neighbours.
    fn free(&mut self, offset: u32, size: u32) -> Result<(), Error> {
        let (mut start, mut total) = (offset, size);
        if let Some(&after) = self.space.by_place.get(&(offset + size)) {
            self.space.remove(offset + size, after);
            self.erase_size(offset + size);
            total += after;
        }
        let before = self.space.by_place.range(..offset).next_back();
        if let Some((&before, &before_size)) = before
            && before + before_size == offset
        {
            self.space.remove(before, before_size);
            self.erase_size(offset);
            start = before;
            total += before_size;
        }
        self.space.add(start, total);
        self.put_size(start, total, false)
    }

    fn erase_size(&mut self, offset: u32) {
        if let Some(field) = slice_mut(self.bins_mut(), offset as usize, SIZE_FIELD) {
            field.fill(0);
        }
    }

    /// A new bin that begins with a free cell of at least `size` bytes: where that cell stands and how large it is.
    ///
    /// The bin takes the space after the last bin that many hive files have; the file grows only if there is none.
    fn add_bin(&mut self, size: u32) -> Result<(u32, u32), Error> {
        let start = self.bins_length;
        let length = align_up(size as usize + bin::HEADER as usize, BLOCK).ok_or(Error::Full("2 GiB"))?;
        let end = end_of_bin(start, length)?;
        let grown = self.bytes.grow(BINS_START + end);
        grown.map_err(|_| Error::Full("the memory of this machine"))?;
        self.bins_length = end;
        let (offset, size) = (narrow(start)?, narrow(length)?);
        let header = lay_out(
            length,
            &[
                (0, bin::SIGNATURE),
                (bin::OWN_OFFSET, &offset.to_le_bytes()),
                (bin::SIZE, &size.to_le_bytes()),
            ],
        )?;
        put(
            &mut self.bytes,
            base_block::BINS_SIZE,
            &narrow(end)?.to_le_bytes(),
        )
        .and_then(|()| put(self.bins_mut(), start, &header))
        .ok_or(Error::Full("2 GiB"))?;
        let (cell, free) = (offset + bin::HEADER, size - bin::HEADER);
        self.put_size(cell, free, false)?;
        self.space.bins.push(Bin { start: offset, size });
        self.space.add(cell, free);
        Ok((cell, free))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hive whose free cells are all taken, so that what comes next lies side by side in a new bin.
    fn full_hive() -> Hive {
        let mut hive = Hive::create(5).unwrap();
        hive.demand_editable().unwrap();
        while let Some(&(size, offset)) = hive.space.by_size.last() {
            hive.allocate(size as usize - SIZE_FIELD, offset).unwrap();
        }
        hive
    }

    fn raw_size(hive: &Hive, offset: u32) -> i32 {
        i32_at(hive.cells().bins(), offset as usize).unwrap()
    }

    fn filled(hive: &mut Hive, length: usize) -> u32 {
        hive.allocate_with(&vec![0xA5; length], 0).unwrap()
    }

    fn bytes(hive: &Hive, offset: u32, size: u32) -> &[u8] {
        crate::bytes::slice(hive.cells().bins(), offset as usize, size as usize).unwrap()
    }

    #[test]
    fn a_freed_cell_joins_both_neighbours_and_leaves_no_byte() {
        let mut hive = full_hive();
        let cells: Vec<u32> = [20, 60, 124, 28, 36]
            .map(|length| filled(&mut hive, length))
            .to_vec();
        let [first, second, third, fourth, fifth] = cells[..] else {
            panic!()
        };
        let sizes = [24, 64, 128, 32, 40];
        assert_eq!(
            [second - first, third - second, fourth - third, fifth - fourth],
            sizes[..4]
        );
        hive.release(second).unwrap();
        assert_eq!((raw_size(&hive, second), raw_size(&hive, third)), (64, -128));
        hive.release(fourth).unwrap();
        hive.release(third).unwrap();
        let joined = 64 + 128 + 32;
        assert_eq!(raw_size(&hive, second), joined);
        let payload = bytes(&hive, second + 4, joined.unsigned_abs() - 4);
        assert!(payload.iter().all(|&byte| byte == 0));
        assert_eq!(hive.space.by_place.get(&second), Some(&joined.unsigned_abs()));
        assert!(!hive.space.by_place.contains_key(&third) && !hive.space.by_place.contains_key(&fourth));
        assert_eq!(hive.space.by_place.len(), hive.space.by_size.len());
        // The neighbours in use are as they were.
        assert_eq!((raw_size(&hive, first), raw_size(&hive, fifth)), (-24, -40));
        assert!(bytes(&hive, first + 4, 20).iter().all(|&byte| byte == 0xA5));
        assert!(bytes(&hive, fifth + 4, 36).iter().all(|&byte| byte == 0xA5));
        assert_eq!(filled(&mut hive, 220), second, "the joined cell is used again");
    }

    #[test]
    fn a_cell_that_shrinks_much_gives_back_what_is_over() {
        let mut hive = full_hive();
        let cell = filled(&mut hive, 204);
        let next = filled(&mut hive, 20);
        assert_eq!(next - cell, 208);
        let kept = 208 - u32::try_from(WORTH_GIVING_BACK).unwrap();
        hive.trim(cell, kept as usize + 1 - SIZE_FIELD).unwrap();
        assert_eq!(raw_size(&hive, cell), -208, "less than what is worth it");
        hive.trim(cell, kept as usize - SIZE_FIELD).unwrap();
        assert_eq!(raw_size(&hive, cell), -kept.cast_signed());
        assert!(bytes(&hive, cell + 4, kept - 4).iter().all(|&byte| byte == 0xA5));
        assert_eq!(raw_size(&hive, cell + kept).unsigned_abs(), 208 - kept);
        assert!(
            bytes(&hive, cell + kept + 4, 208 - kept - 4)
                .iter()
                .all(|&byte| byte == 0)
        );
        assert_eq!(hive.space.by_place.get(&(cell + kept)), Some(&(208 - kept)));
        assert_eq!(raw_size(&hive, next), -24);
    }

    #[test]
    fn a_cell_near_by_is_taken_before_one_that_fits_better_elsewhere() {
        let mut hive = full_hive();
        // Two bins, each full but for one free cell of its own size.
        let first = filled(&mut hive, 3996);
        let near = filled(&mut hive, 60);
        let second = filled(&mut hive, 4020);
        let exact = filled(&mut hive, 36);
        assert!(near / 4096 == first / 4096 && exact / 4096 == second / 4096 && first / 4096 < second / 4096);
        hive.release(near).unwrap();
        hive.release(exact).unwrap();
        assert_eq!(hive.space.choose(40, first).map(|(offset, _)| offset), Some(near));
        assert_eq!(
            hive.space.choose(40, second).map(|(offset, _)| offset),
            Some(exact)
        );
        let bin = hive
            .space
            .bins
            .iter()
            .find(|bin| (bin.start..bin.end()).contains(&second));
        let start = bin.unwrap().start;
        assert_eq!(
            hive.space.choose(40, start).map(|(offset, _)| offset),
            Some(exact)
        );
        assert_eq!(
            hive.space.choose(64, second).map(|(offset, _)| offset),
            Some(near)
        );
        assert_eq!(
            hive.space.choose(40, 0).map(|(offset, _)| offset),
            Some(exact),
            "the best fit"
        );
        assert_eq!(hive.space.choose(4000, first), None);
    }

    #[test]
    fn a_new_bin_is_no_larger_than_it_must_be() {
        let mut hive = full_hive();
        let before = hive.bins_length;
        // With its size field and the header of the bin it fills one block.
        filled(&mut hive, BLOCK - 32 - SIZE_FIELD);
        assert_eq!(hive.bins_length, before + BLOCK);
        filled(&mut hive, BLOCK - 32 - SIZE_FIELD + 1);
        assert_eq!(hive.bins_length, before + 3 * BLOCK);
        assert_eq!(hive.bytes.len(), BINS_START + hive.bins_length);
    }

    #[test]
    fn a_hive_ends_where_its_format_does() {
        let limit = base_block::BINS_LIMIT;
        assert!(cell_size(limit - ALIGNMENT - SIZE_FIELD).is_ok());
        assert!(cell_size(limit - SIZE_FIELD).is_err());
        assert!(cell_size(usize::MAX).is_err());
        assert_eq!(end_of_bin(limit - BLOCK, BLOCK).ok(), Some(limit));
        assert!(end_of_bin(limit, BLOCK).is_err() && end_of_bin(limit - BLOCK, 2 * BLOCK).is_err());
    }
}
