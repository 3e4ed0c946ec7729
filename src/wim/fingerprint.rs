//! fingerprint - tells whether a block of bytes is the one seen before, at the speed of memory.
//!
//! Promise: two different blocks of one length have the same fingerprint with a probability of 2^-64 at most, whoever chose
//! them, for the key is random and never leaves the process. It is the function NH of UMAC (RFC 4418, section 5) over 64-bit
//! words. Fingerprints mean nothing outside the process that made them.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// The longest block, in bytes.
pub(super) const BLOCK: usize = 1 << 15;
/// The bytes that one step takes in: two words.
const PAIR: usize = 16;

/// A fingerprint.
pub(super) type Print = u128;

/// The key: as many random words as a block has.
static KEY: LazyLock<Vec<[u64; 2]>> = LazyLock::new(|| {
    let random = RandomState::new();
    (0..BLOCK / PAIR)
        .map(|step| [random.hash_one((step, 0)), random.hash_one((step, 1))])
        .collect()
});

/// The fingerprint of a block of at most [`BLOCK`] bytes.
pub(super) fn print(block: &[u8]) -> Print {
    let (pairs, rest) = block.as_chunks::<PAIR>();
    let mut last = [0; PAIR];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut sum: u128 = 0;
    // Blocks of different lengths are never compared, so the zeros after the last one need no mark.
    for (pair, key) in pairs.iter().chain(std::iter::once(&last)).zip(KEY.iter()) {
        let [low, high] = words(pair);
        let [first, second] = *key;
        sum = sum.wrapping_add(u128::from(low.wrapping_add(first)) * u128::from(high.wrapping_add(second)));
    }
    sum
}

/// The fingerprints of the blocks of a chunk, one after the other.
pub(super) fn prints(chunk: &[u8]) -> impl Iterator<Item = Print> {
    chunk.chunks(BLOCK).map(print)
}

/// How many blocks a chunk of `length` bytes has.
pub(super) fn blocks(length: usize) -> usize {
    length.div_ceil(BLOCK)
}

fn words(pair: &[u8; PAIR]) -> [u64; 2] {
    match pair.as_chunks::<8>().0 {
        [low, high] => [u64::from_le_bytes(*low), u64::from_le_bytes(*high)],
        _ => [0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_bit_counts_at_every_length() {
        for length in [1, 8, 15, 16, 17, 4096, BLOCK - 1, BLOCK] {
            let block: Vec<u8> = (0..length)
                .map(|index| (index * 7 % 251).to_le_bytes()[0])
                .collect();
            let whole = print(&block);
            for bit in (0..length * 8).step_by(length.div_ceil(100)) {
                let mut changed = block.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(print(&changed), whole, "bit {bit} of {length} bytes");
            }
        }
    }

    #[test]
    fn it_is_nh_as_written_down() {
        let block: Vec<u8> = (0..100).collect();
        let mut padded = block.clone();
        padded.resize(112, 0);
        let word = |at: usize| u64::from_le_bytes(padded[at..at + 8].try_into().unwrap());
        let expected = (0..7).fold(0u128, |sum, step| {
            let [first, second] = KEY[step];
            let product = u128::from(word(step * 16).wrapping_add(first))
                * u128::from(word(step * 16 + 8).wrapping_add(second));
            sum.wrapping_add(product)
        });
        assert_eq!(print(&block), expected);
    }

    #[test]
    fn a_chunk_has_one_for_each_block() {
        assert_eq!(prints(&vec![1; BLOCK + 1]).count(), 2);
        assert_eq!((blocks(0), blocks(BLOCK), blocks(BLOCK + 1)), (0, 1, 2));
    }
}
