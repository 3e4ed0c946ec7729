//! Edits of hives, judged by a model, by the full check and by reading the result back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use proptest::prelude::*;
use std::collections::BTreeMap;
use wimkey::hive::{Change, DATA_LIMIT, Error, Hive, ValueKind, check};
use wimkey::text;
use zeroize::Zeroizing;

/// Published by Microsoft for everyone: Windows 10 Enterprise as a KMS client.
const GVLK: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

fn sz(text: &str) -> Vec<u8> {
    let mut bytes = text::utf16le(text).to_vec();
    bytes.extend([0, 0]);
    bytes
}

fn reopen(hive: Hive) -> Hive {
    let bytes = hive.finish().unwrap();
    assert_eq!(check(&bytes), []);
    Hive::open(bytes).unwrap()
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    haystack
        .windows(needle.len())
        .filter(|&part| part == needle)
        .count()
}

#[test]
fn what_is_already_so_changes_no_byte() {
    let mut hive = Hive::create(5).unwrap();
    hive.set_value(r"A\B", "x", ValueKind::String, &sz(GVLK)).unwrap();
    let before = hive.finish().unwrap();
    let mut hive = Hive::open(before.clone()).unwrap();
    assert_eq!(
        hive.set_value(r"a\b", "X", ValueKind::String, &sz(GVLK)).unwrap(),
        Change::Unchanged
    );
    assert_eq!(hive.create_key(r"A\b").unwrap(), Change::Unchanged);
    assert!(!hive.delete_value(r"A\B", "y").unwrap());
    assert!(!hive.delete_key(r"A\C").unwrap());
    assert!(!hive.is_changed());
    assert_eq!(*hive.finish().unwrap(), *before);
}

#[test]
fn a_change_raises_both_sequence_numbers_by_one() {
    let before = Hive::create(5).unwrap().finish().unwrap();
    let mut hive = Hive::open(before.clone()).unwrap();
    assert!(
        hive.set_value("", "", ValueKind::Dword, &[1, 0, 0, 0])
            .unwrap()
            .is_change()
    );
    let after = hive.finish().unwrap();
    assert_eq!(after[4], before[4] + 1);
    assert_eq!(after[4..8], after[8..12]);
    let hive = Hive::read(after).unwrap();
    assert_eq!(
        hive.root().unwrap().value("").unwrap().unwrap().as_u32().unwrap(),
        1
    );
}

#[test]
fn a_removed_key_text_is_nowhere_in_the_file() {
    for minor in 3..=6 {
        for replacement in [
            None,
            Some(vec![]),
            Some(vec![1, 2]),
            Some(sz("short")),
            Some(vec![7; 20_000]),
        ] {
            let mut hive = Hive::create(minor).unwrap();
            hive.set_value("K", "ProductKey", ValueKind::String, &sz(GVLK))
                .unwrap();
            let mut hive = reopen(hive);
            match replacement {
                Some(data) => {
                    hive.set_value("K", "ProductKey", ValueKind::String, &data)
                        .unwrap();
                }
                None => assert!(hive.delete_value("K", "ProductKey").unwrap()),
            }
            let bytes = hive.finish().unwrap();
            for start in 0..GVLK.len() - 4 {
                assert_eq!(count(&bytes, &text::utf16le(&GVLK[start..start + 4])), 0);
            }
        }
    }
}

#[test]
fn a_removed_key_takes_its_values_and_subkeys_along() {
    let empty = reopen(Hive::create(5).unwrap());
    let free_before = empty.finish().unwrap();
    let mut hive = Hive::open(free_before.clone()).unwrap();
    for index in 0..3000 {
        let path = format!(r"Doomed\{index:04}\Below");
        hive.set_value(&path, "v", ValueKind::String, &sz(GVLK)).unwrap();
    }
    hive.set_value("Doomed", "large", ValueKind::Binary, &vec![0xA5; 100_000])
        .unwrap();
    let mut hive = reopen(hive);
    assert_eq!(hive.find("doomed").unwrap().unwrap().subkey_count(), 3000);
    assert!(hive.delete_key("DOOMED").unwrap());
    let bytes = hive.finish().unwrap();
    assert_eq!(check(&bytes), []);
    assert_eq!(count(&bytes, &text::utf16le(&GVLK[..6])), 0);
    assert_eq!(count(&bytes, &[0xA5]), 0);
    assert_eq!(count(&bytes, b"Doomed"), 0);
    let after_root = 4096 + 32 + 88;
    assert_eq!(
        bytes[after_root..8192],
        free_before[after_root..8192],
        "all else is free again, and zero"
    );
}

#[test]
fn a_thousand_rewrites_do_not_grow_the_hive() {
    let mut hive = Hive::create(5).unwrap();
    hive.set_value("K", "v", ValueKind::String, &sz(GVLK)).unwrap();
    let before = hive.finish().unwrap();
    let mut bytes = before.clone();
    for round in 0..1000u32 {
        let mut data = sz(GVLK);
        data[..4].copy_from_slice(&round.to_le_bytes());
        let mut hive = Hive::open(bytes).unwrap();
        hive.set_value("K", "v", ValueKind::String, &data).unwrap();
        bytes = hive.finish().unwrap();
    }
    assert_eq!(bytes.len(), before.len());
    let mut hive = Hive::open(bytes).unwrap();
    for round in 0..1000usize {
        let length = round.wrapping_mul(2_654_435_761) % 65;
        hive.set_value(
            "K",
            &format!("v{}", round % 7),
            ValueKind::Binary,
            &vec![3; length],
        )
        .unwrap();
        hive.set_value("K", "v", ValueKind::Binary, &vec![round.to_le_bytes()[0]; length])
            .unwrap();
    }
    assert!(hive.finish().unwrap().len() <= before.len() + 4096);
}

#[test]
fn many_subkeys_stay_in_order_whatever_the_order_of_their_making() {
    for (minor, number) in [(3, 1800usize), (4, 1200), (5, 3600)] {
        let mut hive = Hive::create(minor).unwrap();
        for index in 0..number {
            let scattered = index * 7919 % number;
            hive.create_key(&format!("Key{scattered:05}")).unwrap();
        }
        let mut hive = reopen(hive);
        let names: Vec<String> = hive
            .root()
            .unwrap()
            .subkeys()
            .map(|key| key.unwrap().name())
            .collect();
        assert!(names.is_sorted() && names.len() == number);
        for index in 0..number {
            if index % 97 != 0 {
                assert!(hive.delete_key(&format!("KEY{index:05}")).unwrap());
            }
        }
        let bytes = hive.finish().unwrap();
        // Leaves that are nearly empty have joined until one was left.
        let at =
            |place: usize| 4100 + u32::from_le_bytes(bytes[place..place + 4].try_into().unwrap()) as usize;
        let list = at(at(36) + 28);
        assert!([b"lf", b"lh"].contains(&&bytes[list..list + 2].try_into().unwrap()));
        assert_eq!(usize::from(bytes[list + 2]), number.div_ceil(97));
        let hive = Hive::open(bytes).unwrap();
        assert_eq!(hive.root().unwrap().subkeys().count(), number.div_ceil(97));
        assert!(hive.find("key00097").unwrap().is_some());
    }
}

#[test]
fn names_are_those_of_windows() {
    let mut hive = Hive::create(5).unwrap();
    for name in [
        "Ärger", "µ", "Μ", "ı", "I", "ſ", "S", "ς", "Σ", "日本", "𝄞", "\u{E000}", "ᾀ",
    ] {
        assert_eq!(hive.create_key(name).unwrap(), Change::Created, "{name}");
    }
    for name in ["äRGER", "i", "s", "σ", "ᾈ", "μ"] {
        assert_eq!(hive.create_key(name).unwrap(), Change::Unchanged, "{name}");
    }
    let hive = reopen(hive);
    assert_eq!(hive.root().unwrap().subkey_count(), 13);
    let longest = "n".repeat(255);
    assert_eq!(hive.find(&longest).unwrap().map(|key| key.name()), None);
}

#[test]
fn limits_are_refused_before_anything_is_touched() {
    let mut hive = Hive::open(Hive::create(5).unwrap().finish().unwrap()).unwrap();
    let bad: [String; 4] = [
        "n".repeat(256),
        r"a\\b".into(),
        r"\a".into(),
        vec!["a"; 512].join("\\"),
    ];
    for path in &bad {
        assert!(matches!(hive.create_key(path), Err(Error::BadPath { .. })));
    }
    let long = "n".repeat(16_384);
    assert!(matches!(
        hive.set_value("", &long, ValueKind::None, &[]),
        Err(Error::NameTooLong { length: 16_384, .. })
    ));
    let large = vec![0; DATA_LIMIT + 1];
    assert!(matches!(
        hive.set_value("", "v", ValueKind::Binary, &large),
        Err(Error::ValueTooLarge { .. })
    ));
    assert_eq!(hive.delete_key(""), Err(Error::RootStays));
    assert!(!hive.is_changed());
    hive.set_value(
        &vec!["a"; 511].join("\\"),
        &"n".repeat(16_383),
        ValueKind::Binary,
        &[1; 5],
    )
    .unwrap();
    reopen(hive);
}

#[test]
fn a_link_is_not_edited_and_not_gone_through() {
    let mut hive = Hive::create(5).unwrap();
    hive.create_key(r"Set\Link").unwrap();
    let mut bytes = hive.finish().unwrap();
    let name = bytes.windows(4).position(|part| part == b"Link").unwrap();
    bytes[name - 76 + 2] |= 0x10;
    let mut hive = Hive::open(bytes).unwrap();
    for attempt in [
        hive.set_value(r"Set\Link", "v", ValueKind::Dword, &[0; 4])
            .map(|_| true),
        hive.create_key(r"Set\Link\Below").map(|_| true),
        hive.delete_key("Set"),
    ] {
        let error = attempt.unwrap_err();
        assert!(error.to_string().contains("a symbolic link"), "{error}");
    }
    assert!(!hive.is_changed());
}

#[test]
fn a_scrub_wipes_what_another_tool_left_and_does_it_once() {
    let mut hive = Hive::create(5).unwrap();
    hive.set_value("K", "v", ValueKind::Binary, &[5; 10]).unwrap();
    let mut bytes = hive.finish().unwrap();
    let end = bytes.len();
    let secret = text::utf16le(GVLK);
    bytes[end - secret.len()..].copy_from_slice(&secret);
    bytes[600..600 + secret.len()].copy_from_slice(&secret);
    bytes.extend_from_slice(&secret);
    let mut hive = Hive::open(bytes).unwrap();
    assert!(hive.scrub().unwrap() > 0);
    let bytes = hive.finish().unwrap();
    assert_eq!(count(&bytes, &secret[..8]), 0);
    let mut hive = Hive::open(bytes).unwrap();
    assert_eq!(hive.scrub().unwrap(), 0);
    assert!(!hive.is_changed());
    let key = hive.find("K").unwrap().unwrap();
    assert_eq!(*key.value("v").unwrap().unwrap().data().unwrap(), [5; 10]);
}

#[test]
fn saving_keeps_the_mode_and_leaves_nothing_beside() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("SOFTWARE");
    std::fs::write(&path, b"old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let bytes = Hive::create(5).unwrap().finish().unwrap();
    wimkey::hive::save(&path, &bytes).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), *bytes);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(wimkey::hive::save(&path, b"no hive").is_err());
    assert_eq!(std::fs::read(&path).unwrap(), *bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Set(usize, usize, u32, usize, u8),
    Create(usize),
    DeleteValue(usize, usize),
    DeleteKey(usize),
    Reopen,
    Scrub,
}

const PATHS: [&str; 12] = [
    "",
    "A",
    r"A\B",
    r"A\b\C",
    r"a\Ä",
    r"a\ä\µ",
    r"A\𝄞",
    "ΑΩ",
    r"Β\ı\I",
    r"B\1",
    r"B\2",
    r"B\2\3\4\5",
];
const NAMES: [&str; 8] = ["", "x", "Y", "y2", "Ωmega", "ſ", "S", "𝄞"];
const LENGTHS: [usize; 14] = [
    0, 1, 3, 4, 5, 8, 60, 200, 4000, 16_344, 16_345, 32_688, 32_689, 1_000_000,
];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let name = 0..NAMES.len();
    prop_oneof![
        10 => (path.clone(), name.clone(), 0u32..13, 0..LENGTHS.len(), 1u8..)
            .prop_map(|(path, name, kind, length, fill)| Step::Set(path, name, kind, length, fill)),
        2 => path.clone().prop_map(Step::Create),
        3 => (path.clone(), name).prop_map(|(path, name)| Step::DeleteValue(path, name)),
        2 => path.prop_map(Step::DeleteKey),
        2 => Just(Step::Reopen),
        1 => Just(Step::Scrub),
    ]
}

type Model = BTreeMap<String, BTreeMap<String, (u32, Vec<u8>)>>;

fn folded(text: &str) -> String {
    let units: Vec<u16> = text.encode_utf16().map(text::upcase).collect();
    String::from_utf16(&units).unwrap()
}

fn make(model: &mut Model, path: &str) -> String {
    let path = folded(path);
    for (place, _) in path.match_indices('\\') {
        model.entry(path[..place].to_owned()).or_default();
    }
    model.entry(path.clone()).or_default();
    path
}

fn content(hive: &Hive) -> Model {
    let mut model = Model::new();
    for key in hive.walk() {
        let key = key.unwrap();
        let values = key
            .values()
            .map(|value| {
                let value = value.unwrap();
                (
                    folded(&value.name()),
                    (value.kind().number(), value.data().unwrap().to_vec()),
                )
            })
            .collect();
        model.insert(folded(&key.path().unwrap()), values);
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_edits_do_what_a_plain_model_does(minor in 3u32..=6, steps in prop::collection::vec(step(), 1..60)) {
        let mut hive = Hive::create(minor).unwrap();
        let mut model = Model::from([(String::new(), BTreeMap::new())]);
        for step in steps {
            match step {
                Step::Set(path, name, kind, length, fill) => {
                    let data = vec![fill; LENGTHS[length]];
                    hive.set_value(PATHS[path], NAMES[name], kind.into(), &data).unwrap();
                    let path = make(&mut model, PATHS[path]);
                    model.get_mut(&path).unwrap().insert(folded(NAMES[name]), (kind, data));
                }
                Step::Create(path) => {
                    hive.create_key(PATHS[path]).unwrap();
                    make(&mut model, PATHS[path]);
                }
                Step::DeleteValue(path, name) => {
                    let was = hive.delete_value(PATHS[path], NAMES[name]).unwrap();
                    let removed = model
                        .get_mut(&folded(PATHS[path]))
                        .and_then(|values| values.remove(&folded(NAMES[name])));
                    prop_assert_eq!(was, removed.is_some());
                }
                Step::DeleteKey(path) if !PATHS[path].is_empty() => {
                    let was = hive.delete_key(PATHS[path]).unwrap();
                    let path = folded(PATHS[path]);
                    prop_assert_eq!(was, model.contains_key(&path));
                    let below = format!("{path}\\");
                    model.retain(|key, _| *key != path && !key.starts_with(&below));
                }
                Step::DeleteKey(_) => {}
                Step::Reopen => hive = reopen(hive),
                Step::Scrub => {
                    // Edits wipe what they free: nothing is left for a scrub.
                    prop_assert_eq!(hive.scrub().unwrap(), 0);
                }
            }
        }
        let hive = reopen(hive);
        prop_assert!(content(&hive) == model);
    }

    #[test]
    fn damaged_bytes_never_panic_and_never_hang(
        place in 0usize..12_288, bytes in prop::collection::vec(any::<u8>(), 1..9), length in 0usize..16_384
    ) {
        let mut hive = Hive::create(5).unwrap();
        for index in 0..20 {
            hive.set_value(&format!(r"K{index}\L"), "v", ValueKind::Binary, &vec![9; index * 20]).unwrap();
        }
        let mut damaged = Zeroizing::new(hive.finish().unwrap().to_vec());
        for (at, byte) in bytes.into_iter().enumerate() {
            if let Some(place) = damaged.get_mut(place + at) {
                *place = byte;
            }
        }
        damaged.truncate(length.max(4000));
        check(&damaged);
        if let Ok(hive) = Hive::read(damaged.clone()) {
            for key in hive.walk().flatten() {
                key.path().ok();
                key.class_name().ok();
                for value in key.values().flatten() {
                    value.data().ok();
                }
            }
        }
        if let Ok(mut hive) = Hive::open(damaged) {
            hive.set_value(r"K3\New", "v", ValueKind::Binary, &[1; 100]).ok();
            hive.delete_key("K7").ok();
            hive.scrub().ok();
            hive.finish().ok();
        }
    }
}
