//! The table byte for byte, which sums are taken over, and which tables are none.

use super::*;
use crate::wim::memory::Memory;
use crate::wim::resource::sha1;
use std::ops::Range;

const START: usize = 208;
const STRETCH: u32 = 4096;

fn data(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| (index * index % 251).to_le_bytes()[0])
        .collect()
}

/// A table without sums that can be used, for its stretch alone.
fn nothing_known(stretch: u32) -> Integrity {
    Integrity {
        stretch,
        sums: Vec::new(),
        end: 0,
    }
}

fn table_of(bytes: &[u8], stretch: u32) -> Vec<u8> {
    let file = Memory::new(bytes.to_vec());
    let end = bytes.len() as u64;
    build(&file, Some(&nothing_known(stretch)), &Ranges::default(), end).unwrap()
}

fn sums_of(table: &[u8]) -> Vec<Hash> {
    table[HEADER_LENGTH..].as_chunks::<SUM_LENGTH>().0.to_vec()
}

#[test]
fn a_table_is_its_length_the_number_of_sums_the_stretch_and_the_sums() {
    for (length, count) in [(10_000, 3), (4096, 1), (4097, 2), (1, 1), (0, 0)] {
        let bytes = data(START + length);
        let mut expected = Vec::new();
        for number in [12 + 20 * count, count, STRETCH] {
            expected.extend(number.to_le_bytes());
        }
        for stretch in bytes[START..].chunks(STRETCH as usize) {
            expected.extend(sha1(stretch));
        }
        assert_eq!(table_of(&bytes, STRETCH), expected, "{length} bytes");
        assert_eq!(table_length(bytes.len() as u64, STRETCH), expected.len() as u64);
    }
}

#[test]
fn a_stretch_may_be_longer_than_what_is_read_at_once() {
    let bytes = data(START + (5 << 19));
    assert_eq!(sums_of(&table_of(&bytes, 4 << 20)), [sha1(&bytes[START..])]);
}

#[test]
fn without_an_old_table_the_stretch_is_that_of_windows() {
    let file = Memory::new(data(START + 1));
    let table = build(&file, None, &Ranges::default(), START as u64 + 1).unwrap();
    assert_eq!(table[8..12], (10u32 << 20).to_le_bytes());
    assert_eq!(NextTable { old: None }.stretch(), 10 << 20);
    let old = Some(nothing_known(STRETCH));
    assert_eq!(NextTable { old }.stretch(), STRETCH);
}

#[test]
fn a_wrong_sum_stays_wrong_unless_its_stretch_was_touched_or_became_another() {
    let wrong: Vec<Hash> = (0..4).map(|number| [number; 20]).collect();
    let stretch = STRETCH as usize;
    let built = |old_length: usize, touched: Range<u64>, length: usize| {
        let bytes = data(START + length);
        let old = Integrity {
            stretch: STRETCH,
            sums: wrong[..old_length.div_ceil(stretch)].to_vec(),
            end: (START + old_length) as u64,
        };
        let touched = [touched].into_iter().collect();
        let table = build(
            &Memory::new(bytes.clone()),
            Some(&old),
            &touched,
            bytes.len() as u64,
        );
        let sums = sums_of(&table.unwrap());
        let right = bytes[START..].chunks(stretch).map(sha1);
        sums.into_iter()
            .zip(right)
            .map(|(sum, right)| sum == right)
            .collect::<Vec<_>>()
    };
    let second = START as u64 + 4096;
    assert_eq!(built(3 * stretch, 0..0, 3 * stretch), [false; 3]);
    assert_eq!(
        built(3 * stretch, second..second + 1, 3 * stretch),
        [false, true, false]
    );
    assert_eq!(
        built(3 * stretch, second - 1..second, 3 * stretch),
        [true, false, false]
    );
    // The last stretch is not whole: as it was, longer, shorter.
    assert_eq!(built(5000, 0..0, 5000), [false; 2]);
    assert_eq!(built(5000, 0..0, 6000), [false, true]);
    assert_eq!(built(5000, 0..0, 4500), [false, true]);
    assert_eq!(built(5000, 0..0, 9000), [false, true, true]);
}

#[test]
fn a_table_is_read_back_if_it_is_whole_and_within_the_file() {
    let bytes = data(START + 10_000);
    let end = bytes.len() as u64;
    let table = table_of(&bytes, STRETCH);
    let location = ResourceHeader {
        offset: end,
        size: table.len() as u64,
        plain: table.len() as u64,
        flags: 0,
    };
    let read = |table: &[u8], location: ResourceHeader, end: u64| {
        let file = Memory::new([&bytes[..], table].concat());
        Integrity::read(&file, location, end)
    };
    let whole = read(&table, location, end).unwrap();
    assert_eq!((whole.stretch, whole.end), (STRETCH, end));
    assert_eq!(whole.sums, sums_of(&table));
    assert!(read(&table[..table.len() - 1], location, end).is_none());
    let shorter = ResourceHeader {
        plain: location.plain - 1,
        ..location
    };
    assert!(read(&table, shorter, end).is_none());
    // For other bytes than these.
    assert!(read(&table, location, end + 4096).is_none());
    let endless = ResourceHeader {
        plain: u64::MAX,
        ..location
    };
    assert!(read(&table, endless, end).is_none());
}

#[test]
fn stretches_that_libwim_does_not_keep_are_not_kept() {
    let bytes = data(START + 1);
    let end = bytes.len() as u64;
    for (stretch, kept) in [
        (4095, false),
        (4096, true),
        (128 << 20, true),
        ((128 << 20) + 1, false),
    ] {
        let table = table_of(&bytes, stretch);
        let location = ResourceHeader {
            offset: end,
            plain: table.len() as u64,
            ..ResourceHeader::default()
        };
        let file = Memory::new([&bytes[..], &table].concat());
        assert_eq!(Integrity::read(&file, location, end).is_some(), kept, "{stretch}");
    }
}
