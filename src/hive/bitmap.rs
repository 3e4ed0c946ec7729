//! One bit for every place where a cell can begin.

use super::cell::ALIGNMENT;

/// The bits in one word.
const WORD: usize = 64;

/// A set of cell offsets: one bit for 8 bytes of hive.
pub(super) struct Bitmap(Vec<u64>);

impl Bitmap {
    /// An empty set for `length` bytes of bins.
    pub(super) fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(ALIGNMENT * WORD)])
    }

    /// Adds `offset`. `false` if it was in the set before or can be in none.
    pub(super) fn set(&mut self, offset: u32) -> bool {
        let Some((word, bit)) = place(offset) else {
            return false;
        };
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether `offset` is in the set.
    pub(super) fn has(&self, offset: u32) -> bool {
        place(offset)
            .and_then(|(word, bit)| self.0.get(word).map(|word| word & bit != 0))
            .unwrap_or(false)
    }

    /// What is in this set and not in `other`, in ascending order.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u32> + 'a {
        self.0
            .iter()
            .zip(&other.0)
            .enumerate()
            .flat_map(|(index, (mine, theirs))| {
                let mut left = mine & !theirs;
                std::iter::from_fn(move || {
                    let bit = (left != 0).then(|| left.trailing_zeros())?;
                    left &= left - 1;
                    u32::try_from((index * WORD + bit as usize) * ALIGNMENT).ok()
                })
            })
    }
}

fn place(offset: u32) -> Option<(usize, u64)> {
    let offset = offset as usize;
    if !offset.is_multiple_of(ALIGNMENT) {
        return None;
    }
    let index = offset / ALIGNMENT;
    Some((index / WORD, 1 << (index % WORD)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_there_once() {
        let mut set = Bitmap::new(4096);
        assert!(set.set(4088) && set.set(32));
        assert!(!set.set(4088));
        assert!(!set.set(33) && !set.set(4096 * 8));
        assert!(set.has(32) && !set.has(40));
        assert_eq!(set.without(&Bitmap::new(4096)).collect::<Vec<_>>(), [32, 4088]);
    }
}
