//! One fault a test hive: each is told, with its place, and keeps the hive from being edited where it must.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use wimkey::hive::{Error, Hive, Severity, ValueKind, check};
use wimkey::secret::Wiped;

mod common;

/// The real hives that get the faults too: with `lh` lists and with `lf` lists.
const REAL: [&str; 3] = ["win7.NTUSER.DAT", "win10.UsrClass.dat", "damaged/SAM-healthy-1.3"];

/// A hive with a list of four keys under `QzParent`, values with data in cells, and large data.
fn healthy(minor: u32) -> Wiped {
    fill(Hive::create(minor).unwrap())
}

fn fill(mut hive: Hive) -> Wiped {
    for name in ["QzAlpha", "QzBeta", "QzGamma", "QzDelta"] {
        hive.set_value(
            &format!(r"QzParent\{name}"),
            "QzValue",
            ValueKind::Binary,
            &[7; 40],
        )
        .unwrap();
    }
    hive.set_value("QzParent", "QzLarge", ValueKind::Binary, &vec![1; 40_000])
        .unwrap();
    hive.set_value("QzParent", "QzOther", ValueKind::Binary, &[2; 100])
        .unwrap();
    hive.finish().unwrap()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn put(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

/// Where the payload of the cell at `offset` stands in the file.
fn payload(offset: u32) -> usize {
    4096 + 4 + usize::try_from(offset).unwrap()
}

/// The payload of the key or value of this name.
fn node(bytes: &[u8], signature: &[u8], name: &[u8], name_at: usize) -> usize {
    (4096..bytes.len() - 100)
        .find(|&at| bytes[at..].starts_with(signature) && bytes[at + name_at..].starts_with(name))
        .unwrap()
}

fn key(bytes: &[u8], name: &[u8]) -> usize {
    node(bytes, b"nk", name, 76)
}

fn value(bytes: &[u8], name: &[u8]) -> usize {
    node(bytes, b"vk", name, 20)
}

fn offset_of(payload: usize) -> u32 {
    u32::try_from(payload - 4100).unwrap()
}

/// The subkey list of `Parent`.
fn list(bytes: &[u8]) -> usize {
    payload(u32_at(bytes, key(bytes, b"QzParent") + 28))
}

fn seal(bytes: &mut [u8]) {
    let sum = (0..127).fold(0, |sum, word| sum ^ u32_at(bytes, word * 4));
    put(bytes, 508, sum);
}

#[derive(PartialEq)]
enum Means {
    Refused,
    Dirty,
    Warned,
}

type Fault = (&'static str, Means, fn(&mut Wiped));

const FAULTS: &[Fault] = &[
    ("stands behind", Means::Refused, |bytes| {
        let list = list(bytes);
        let (first, second) = (list + 4, list + 12);
        for at in 0..8 {
            bytes.swap(first + at, second + at);
        }
    }),
    ("another use already", Means::Refused, |bytes| {
        let list = list(bytes);
        bytes.copy_within(list + 4..list + 12, list + 12);
    }),
    ("impossible size", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther") - 4;
        let size = u32_at(bytes, at).wrapping_sub(4);
        put(bytes, at, size);
    }),
    ("where no cell in use begins", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther") + 8;
        let data = u32_at(bytes, at);
        put(bytes, at, data + 8);
    }),
    ("another use already", Means::Refused, |bytes| {
        let sibling = u32_at(bytes, value(bytes, b"QzValue") + 8);
        let at = value(bytes, b"QzOther");
        put(bytes, at + 4, 10);
        put(bytes, at + 8, sibling);
    }),
    ("keys use it", Means::Warned, |bytes| {
        let at = payload(u32_at(bytes, key(bytes, b"QzParent") + 44)) + 12;
        let users = u32_at(bytes, at);
        put(bytes, at, users + 1);
    }),
    ("keys use it", Means::Refused, |bytes| {
        let at = payload(u32_at(bytes, key(bytes, b"QzParent") + 44)) + 12;
        put(bytes, at, 1);
    }),
    ("list of security descriptors", Means::Refused, |bytes| {
        let at = payload(u32_at(bytes, key(bytes, b"QzParent") + 44)) + 4;
        put(bytes, at, 8);
    }),
    ("checksum", Means::Dirty, |bytes| bytes[508] ^= 1),
    ("sequence numbers", Means::Dirty, |bytes| {
        let sequence = u32_at(bytes, 8);
        put(bytes, 8, sequence - 1);
        seal(bytes);
    }),
    ("does not name its parent", Means::Refused, |bytes| {
        let at = key(bytes, b"QzAlpha") + 16;
        put(bytes, at, 32);
    }),
    ("subkeys, its list holds", Means::Refused, |bytes| {
        let at = key(bytes, b"QzParent") + 20;
        put(bytes, at, 5);
    }),
    ("subkeys, its list holds", Means::Refused, |bytes| {
        let at = key(bytes, b"QzParent") + 20;
        put(bytes, at, 3);
    }),
    ("names of its subkeys have at most", Means::Refused, |bytes| {
        let at = key(bytes, b"QzParent") + 52;
        put(bytes, at, 2);
    }),
    ("does not fit into its cell", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther") + 4;
        put(bytes, at, 200);
    }),
    ("cells in use that nothing refers to", Means::Warned, |bytes| {
        let mut at = 4096;
        while u32_at(bytes, at).cast_signed() < 0 || bytes[at..].starts_with(b"hbin") {
            let is_bin = bytes[at..].starts_with(b"hbin");
            at += if is_bin {
                32
            } else {
                usize::try_from(u32_at(bytes, at).wrapping_neg()).unwrap()
            };
        }
        let negative = u32_at(bytes, at).wrapping_neg();
        put(bytes, at, negative);
    }),
    ("does not begin with `hbin`", Means::Refused, |bytes| {
        let second_bin = 4096 + usize::try_from(u32_at(bytes, 4096 + 8)).unwrap();
        bytes[second_bin] = b'x';
    }),
    ("leaves its cell", Means::Refused, |bytes| {
        let at = key(bytes, b"QzAlpha") + 72;
        bytes[at] = 200;
    }),
    ("another use already", Means::Refused, |bytes| {
        let (list, parent) = (list(bytes), offset_of(key(bytes, b"QzParent")));
        put(bytes, list + 4, parent);
    }),
    ("where no cell in use begins", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther") - 4;
        let positive = u32_at(bytes, at).wrapping_neg();
        put(bytes, at, positive);
    }),
    ("cut off", Means::Refused, |bytes| {
        let size = u32::try_from(bytes.len()).unwrap() & !0xFFF;
        put(bytes, 40, size);
        seal(bytes);
    }),
    ("cut off", Means::Refused, |bytes| {
        let length = u32_at(bytes, 40);
        bytes.truncate(usize::try_from(length).unwrap());
    }),
    ("two values with the name", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther");
        bytes[at + 20..at + 27].copy_from_slice(b"qZlARGE");
    }),
    ("in the place of 4", Means::Refused, |bytes| {
        let at = value(bytes, b"QzOther") + 4;
        put(bytes, at, 0x8000_0005);
    }),
    ("is not marked as one", Means::Warned, |bytes| {
        let root = payload(u32_at(bytes, 36));
        bytes[root + 2] = 0x20;
    }),
];

fn judge(bytes: Wiped, number: usize, (words, means, _): &Fault) {
    let findings = check(&bytes);
    let told = findings.iter().find(|finding| finding.sentence.contains(words));
    let told = told.unwrap_or_else(|| panic!("fault {number} ({words}): {findings:?}"));
    assert!(told.offset > 0, "fault {number}");
    match (means, Hive::open(bytes)) {
        (Means::Warned, Ok(hive)) => assert!(hive.warnings().contains(told)),
        (Means::Dirty, Err(Error::Dirty { reason })) => assert_eq!(reason, told.sentence),
        (Means::Refused, Err(Error::Damaged(_))) => assert_eq!(told.severity, Severity::Refuse),
        (_, outcome) => panic!("fault {number} ({words}): {outcome:?}"),
    }
}

#[test]
fn every_fault_is_told_and_the_healthy_hive_has_none() {
    for minor in [4, 5] {
        assert_eq!(check(&healthy(minor)), []);
        for (number, fault) in FAULTS.iter().enumerate() {
            let mut bytes = healthy(minor);
            fault.2(&mut bytes);
            judge(bytes, number, fault);
        }
    }
}

#[test]
fn every_fault_is_told_in_real_hives_too() {
    let Some(folder) = common::corpus("hives") else {
        return;
    };
    for name in REAL {
        let bytes = wimkey::secret::read_file(&folder.join(name), 1 << 30).unwrap();
        let healthy = fill(Hive::open(bytes).unwrap());
        let harmless = check(&healthy).len();
        for (number, fault) in FAULTS.iter().enumerate() {
            let mut bytes = healthy.clone();
            fault.2(&mut bytes);
            assert!(check(&bytes).len() > harmless, "{name}: fault {number}");
            judge(bytes, number, fault);
        }
    }
}

#[test]
fn a_wrong_hash_forbids_edits_and_a_wrong_hint_does_not() {
    for (minor, means, words) in [
        (5, Means::Refused, "the hash of the key"),
        (4, Means::Warned, "the beginning of the key"),
    ] {
        let mut bytes = healthy(minor);
        let at = list(&bytes) + 8;
        bytes[at] ^= 0x55;
        judge(bytes, 0, &(words, means, |_| {}));
    }
}
