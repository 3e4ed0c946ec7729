//! Dirty hives and their logs: what replaying them gives is a whole, clean hive, or it is refused.

use crate::hives::{rich, seal};
use wimkey::hive::{Hive, ValueKind, recover};
use wimkey::secret::Wiped;
use zeroize::Zeroizing;

const SECTOR: usize = 512;
const BINS_START: usize = 4096;
/// Length of the head of a log entry of today, in bytes.
const ENTRY_HEAD: usize = 40;

/// The hash in log entries since Windows 8.1 (Marvin32, seed 0x82EF4D887A4E55C5), written from its description.
fn marvin(bytes: &[u8]) -> u64 {
    let (mut low, mut high) = (0x7A4E_55C5_u32, 0x82EF_4D88_u32);
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(4), 0);
    padded.extend([0; 4]);
    for word in padded.as_chunks::<4>().0 {
        low = low.wrapping_add(u32::from_le_bytes(*word));
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Makes the sums of a log right: of its base block and of every entry whose length still makes sense.
fn seal_log(log: &mut [u8]) {
    seal(log);
    let mut at = SECTOR;
    while let Some(size) = log.get(at + 4..at + 8) {
        let size = u32::from_le_bytes(size.try_into().unwrap()) as usize;
        let Some(entry) = at.checked_add(size).and_then(|end| log.get_mut(at..end)) else {
            break;
        };
        if !entry.starts_with(b"HvLE") || size < ENTRY_HEAD {
            break;
        }
        let rest = marvin(&entry[ENTRY_HEAD..]);
        entry[24..32].copy_from_slice(&rest.to_le_bytes());
        let head = marvin(&entry[..32]);
        entry[32..ENTRY_HEAD].copy_from_slice(&head.to_le_bytes());
        at += size;
    }
}

/// Cuts the fuzzer's bytes into a hive and two logs: two lengths stand before them.
fn parts(bytes: &[u8]) -> Option<[&[u8]; 3]> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    let (second, rest) = rest.split_first_chunk::<4>()?;
    let (hive, rest) = rest.split_at_checked(u32::from_le_bytes(*first) as usize)?;
    let (log1, log2) = rest.split_at_checked(u32::from_le_bytes(*second) as usize)?;
    Some([hive, log1, log2])
}

/// The reverse of `parts`.
fn joined(hive: &[u8], log1: &[u8], log2: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap().to_le_bytes();
    [&length(hive), &length(log1), hive, log1, log2].concat()
}

/// Any hive and logs.
pub fn replay(bytes: &[u8]) {
    let Some([hive, log1, log2]) = parts(bytes) else {
        return;
    };
    let (mut hive, mut log1, mut log2): (Wiped, _, _) =
        (Zeroizing::new(hive.to_vec()), log1.to_vec(), log2.to_vec());
    seal(&mut hive);
    seal_log(&mut log1);
    seal_log(&mut log2);
    let given = hive.clone();
    if let Ok(recovered) = recover(hive, &log1, &log2) {
        if recovered == given {
            return; // It was clean: it comes back unseen, damaged or not.
        }
        let hive = Hive::open(recovered).expect("what was recovered passes the check");
        assert!(!hive.is_dirty(), "what was recovered is still dirty");
    }
}

/// A hive before and after one change, of the same length.
fn before_and_after() -> (Wiped, Wiped) {
    let before = rich(5, 60);
    let mut hive = Hive::open(before.clone()).unwrap();
    hive.set_value(r"Many\K0030", "", ValueKind::Dword, &[9; 4])
        .unwrap();
    hive.set_value(r"Data\Ä\日", "v300", ValueKind::Binary, &[8; 300])
        .unwrap();
    let after = hive.finish().unwrap();
    assert_eq!(before.len(), after.len());
    (before, after)
}

fn base(of: &[u8], file_type: u8, sequence: u32) -> Vec<u8> {
    let mut block = of[..SECTOR].to_vec();
    block[4..8].copy_from_slice(&sequence.to_le_bytes());
    block[8..12].copy_from_slice(&sequence.to_le_bytes());
    block[28] = file_type;
    seal(&mut block);
    block
}

fn entry(after: &[u8], places: &[usize], sequence: u32) -> Vec<u8> {
    let mut bytes = b"HvLE".to_vec();
    let number = |number: usize| u32::try_from(number).unwrap();
    for field in [
        0,
        0,
        sequence,
        number(after.len() - BINS_START),
        number(places.len()),
        0,
        0,
        0,
        0,
    ] {
        bytes.extend(field.to_le_bytes());
    }
    for &place in places {
        bytes.extend(number(place - BINS_START).to_le_bytes());
        bytes.extend(number(SECTOR).to_le_bytes());
    }
    for &place in places {
        bytes.extend(&after[place..place + SECTOR]);
    }
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
    let size = number(bytes.len()).to_le_bytes();
    bytes[4..8].copy_from_slice(&size);
    bytes
}

/// A dirty hive with a log as Windows 7 leaves it, and one with the two logs of today.
pub fn seeds() -> Vec<Vec<u8>> {
    let (before, after) = before_and_after();
    let sequence = u32::from_le_bytes(before[4..8].try_into().unwrap()) + 1;
    let mut dirty = before.to_vec();
    dirty[4..8].copy_from_slice(&sequence.to_le_bytes());
    seal(&mut dirty);
    let places: Vec<usize> = (BINS_START..after.len())
        .step_by(SECTOR)
        .filter(|&at| before[at..at + SECTOR] != after[at..at + SECTOR])
        .collect();

    let mut old = base(&after, 1, sequence);
    old.extend(b"DIRT");
    let mut bitmap = vec![0_u8; ((after.len() - BINS_START) / SECTOR).div_ceil(8)];
    for place in &places {
        let page = (place - BINS_START) / SECTOR;
        bitmap[page / 8] |= 1 << (page % 8);
    }
    old.extend(bitmap);
    old.resize(old.len().next_multiple_of(SECTOR), 0);
    places
        .iter()
        .for_each(|&place| old.extend(&after[place..place + SECTOR]));

    let (first, second) = places.split_at(places.len() / 2);
    let mut log1 = base(&before, 6, sequence);
    log1.extend(entry(&after, first, sequence));
    let mut log2 = base(&before, 6, sequence + 1);
    log2.extend(entry(&after, second, sequence + 1));
    seal_log(&mut log1);
    seal_log(&mut log2);
    for logs in [[&old[..], &[]], [&log1, &log2]] {
        assert!(
            recover(Zeroizing::new(dirty.clone()), logs[0], logs[1]).is_ok(),
            "a seed that teaches nothing"
        );
    }
    vec![joined(&dirty, &old, &[]), joined(&dirty, &log1, &log2)]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_seeds_are_replayed() {
        super::seeds().iter().for_each(|seed| super::replay(seed));
    }
}
