//! Marvin32, the hash in the entries of transaction logs.

/// The seed of transaction logs, 0x82EF4D887A4E55C5: lower half, upper half.
const SEED: (u32, u32) = (0x7A4E_55C5, 0x82EF_4D88);
/// What stands behind the last byte.
const END_MARK: u8 = 0x80;

/// The hash of `bytes`.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let (mut low, mut high) = SEED;
    let (words, rest) = bytes.as_chunks::<4>();
    for &word in words {
        mix(&mut low, &mut high, u32::from_le_bytes(word));
    }
    let mut last = [0; 4];
    for (place, byte) in last.iter_mut().zip(rest.iter().copied().chain([END_MARK])) {
        *place = byte;
    }
    mix(&mut low, &mut high, u32::from_le_bytes(last));
    mix(&mut low, &mut high, 0);
    u64::from(high) << 32 | u64::from(low)
}

fn mix(low: &mut u32, high: &mut u32, word: u32) {
    *low = low.wrapping_add(word);
    *high ^= *low;
    *low = low.rotate_left(20).wrapping_add(*high);
    *high = high.rotate_left(9) ^ *low;
    *low = low.rotate_left(27).wrapping_add(*high);
    *high = high.rotate_left(19);
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn every_byte_and_the_length_count() {
        let all = [
            hash(&[]),
            hash(&[0]),
            hash(&[0, 0]),
            hash(&[0; 4]),
            hash(&[1]),
            hash(&[0x80]),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
    }
}
