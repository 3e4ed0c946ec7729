//! What every row must satisfy. A second, independent implementation of the key arithmetic: slow and plain.

const ALPHABET: &str = "BCDFGHJKMPQRTVWXY2346789";

/// Asserts the shape of a key; with a group and serial, that the key says so; without, that it cannot say.
pub(crate) fn key(text: &str, named: Option<(u32, u32)>) {
    let groups: Vec<&str> = text.split('-').collect();
    assert!(
        groups.len() == 5 && groups.iter().all(|group| group.len() == 5),
        "{text}: not five groups of five"
    );
    let symbols: String = groups.concat();
    assert!(
        symbols
            .chars()
            .all(|symbol| symbol == 'N' || ALPHABET.contains(symbol)),
        "{text}: a symbol that no key contains"
    );
    let marks = symbols.matches('N').count();
    assert_eq!(
        named.is_some(),
        marks == 1,
        "{text}: group and serial exactly for keys with one N"
    );
    if let Some((group, serial)) = named {
        let place = symbols.find('N').unwrap();
        let mut number = place as u128;
        for symbol in symbols.chars().filter(|&symbol| symbol != 'N') {
            number = number * 24 + ALPHABET.find(symbol).unwrap() as u128;
        }
        assert_eq!(number & 0xF_FFFF, u128::from(group), "{text}: wrong group");
        assert_eq!(
            (number >> 20) & 0x3FFF_FFFF,
            u128::from(serial),
            "{text}: wrong serial"
        );
        let without = number & !(0x3FF << 103);
        assert_eq!(
            (number >> 103) & 0x3FF,
            u128::from(crc(&without.to_le_bytes()) & 0x3FF),
            "{text}: checksum"
        );
    } else {
        assert_eq!(marks, 0, "{text}: more than one N");
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = if crc >> 31 == 1 {
                (crc << 1) ^ 0x04C1_1DB7
            } else {
                crc << 1
            };
        }
    }
    !crc
}

/// Asserts that `text` is a GUID in small letters without braces.
pub(crate) fn guid(text: &str) {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{text}: not a GUID");
    assert!(
        text.chars()
            .all(|digit| matches!(digit, '0'..='9' | 'a'..='f' | '-')),
        "{text}: not a GUID in small letters"
    );
}

/// Asserts that build ranges ascend without overlap.
pub(crate) fn builds(of: &str, ranges: &[(u32, u32)]) {
    assert!(
        ranges.iter().all(|range| range.0 <= range.1),
        "{of}: a build range that ends before it starts"
    );
    assert!(
        ranges.is_sorted_by(|left, right| left.1 < right.0),
        "{of}: build ranges out of order"
    );
}

/// Asserts that a value is one of those allowed.
pub(crate) fn one_of(of: &str, value: &str, allowed: &[&str]) {
    assert!(allowed.contains(&value), "{of}: {value} is none of {allowed:?}");
}
