//! Real hives: which are read, which are edited, which are refused. Runs when `WIMKEY_CORPUS` names the
//! folder of the test data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::path::PathBuf;
use wimkey::file::Draft;
use wimkey::hive::{Error, FILE_LIMIT, Hive, Severity, ValueKind, check, recover};
use wimkey::secret::{self, Wiped};

/// Hives that Windows wrote and closed.
const CLEAN: [&str; 7] = [
    "win7-ultimate-x86.SOFTWARE",
    "win7-sp1.SYSTEM",
    "win7.NTUSER.DAT",
    "win10-default.NTUSER.DAT",
    "win10.UsrClass.dat",
    "win11.BCD-Template",
    "damaged/SAM-healthy-1.3",
];

/// Hives whose last changes are in their logs.
const DIRTY: [&str; 5] = [
    "win81-dirty.SYSTEM",
    "dirty/win10-BBI/BBI",
    "dirty/win10-DEFAULT/DEFAULT",
    "dirty/win10-NTUSER/NTUSER.DAT",
    "dirty/win10-transactions/NTUSER.DAT",
];

/// Hives with broken bins.
const DAMAGED: [&str; 2] = ["damaged/SAMBadHBinHeader", "damaged/corrupted_system_hive"];

fn folder() -> Option<PathBuf> {
    common::corpus("hives")
}

fn each(names: &[&str], test: impl Fn(&str, Wiped)) {
    let Some(folder) = folder() else { return };
    for name in names {
        test(name, secret::read_file(&folder.join(name), FILE_LIMIT).unwrap());
    }
}

#[test]
fn clean_hives_open_for_edits_and_come_back_byte_for_byte() {
    each(&CLEAN, |name, bytes| {
        let hive = Hive::open(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!hive.is_dirty() && hive.walk().all(|key| key.is_ok()), "{name}");
        eprintln!("{name}: {:?}", hive.warnings());
        assert!(
            hive.warnings()
                .iter()
                .all(|finding| finding.severity == Severity::Warn)
        );
        assert!(*hive.finish().unwrap() == *bytes, "{name}");
    });
}

#[test]
fn every_value_of_a_clean_hive_is_found_again_by_its_path() {
    each(&CLEAN[2..], |name, bytes| {
        let hive = Hive::read(bytes).unwrap();
        for key in hive.walk() {
            let key = key.unwrap();
            let path = key.path().unwrap();
            let again = hive.find(&path.to_uppercase()).unwrap();
            let Some(again) = again else {
                assert!(!path.is_ascii(), "{name}: {path}");
                continue;
            };
            for value in key.values() {
                let value = value.unwrap();
                let found = again.value(&value.name()).unwrap().unwrap();
                assert_eq!(*found.data().unwrap(), *value.data().unwrap());
            }
        }
    });
}

#[test]
fn dirty_hives_are_read_and_not_edited() {
    each(&DIRTY, |name, bytes| {
        match Hive::read(bytes.clone()) {
            Ok(hive) => {
                assert!(hive.is_dirty(), "{name}");
                assert!(hive.root().unwrap().subkey_count() > 0);
            }
            Err(error) => assert!(matches!(error, Error::Damaged(_)), "{name}: {error}"),
        }
        let error = Hive::open(bytes).unwrap_err();
        assert!(matches!(error, Error::Dirty { .. }), "{name}: {error}");
        assert!(error.to_string().contains(".LOG1"), "{name}: {error}");
    });
}

#[test]
fn damaged_hives_are_refused_with_the_place() {
    each(&DAMAGED, |name, bytes| {
        let findings = check(&bytes);
        assert!(
            findings
                .iter()
                .any(|finding| finding.severity == Severity::Refuse),
            "{name}"
        );
        let error = Hive::open(bytes).unwrap_err();
        eprintln!("{name}: {error}");
        assert!(error.to_string().contains("at byte 0x"), "{name}: {error}");
    });
}

#[test]
fn an_edit_of_a_real_hive_changes_nothing_else() {
    each(&CLEAN, |name, bytes| {
        let mut hive = Hive::open(bytes.clone()).unwrap();
        let length = bytes.len();
        for round in 0..3 {
            hive.set_value(
                r"Wimkey\Test",
                "Value",
                ValueKind::Binary,
                &vec![round; 40_000 >> (round * 6)],
            )
            .unwrap();
        }
        assert!(hive.delete_key("Wimkey").unwrap());
        assert!(hive.is_changed());
        let after = Hive::open(hive.finish().unwrap()).unwrap();
        let before = Hive::read(bytes).unwrap();
        same(&before, &after);
        assert!(after.finish().unwrap().len() <= length + 64 * 1024, "{name}");
    });
}

#[test]
fn a_scrub_of_a_real_hive_keeps_all_it_says() {
    each(&CLEAN, |name, bytes| {
        let mut hive = Hive::open(bytes).unwrap();
        let wiped = hive.scrub().unwrap();
        eprintln!("{name}: {wiped} bytes wiped");
        let mut hive = Hive::open(hive.finish().unwrap()).unwrap();
        assert_eq!(hive.scrub().unwrap(), 0, "{name}");
    });
}

#[test]
fn a_compacted_hive_holds_the_same_and_compacts_to_itself() {
    each(&CLEAN, |name, bytes| {
        let mut before = Hive::open(bytes).unwrap();
        let compacted = before.compact().unwrap().finish().unwrap();
        eprintln!("{name}: {} -> {} bytes", before.walk().count(), compacted.len());
        let mut after = Hive::open(compacted.clone()).unwrap();
        assert_eq!(after.warnings(), [], "{name}");
        assert_eq!(after.scrub().unwrap(), 0, "{name}");
        same(&before, &after);
        let again = after.compact().unwrap();
        assert!(!again.is_changed(), "{name}");
        assert!(*again.finish().unwrap() == *compacted, "{name}");
        // The same in a file, without both in memory.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("HIVE");
        std::fs::write(&path, before.finish().unwrap()).unwrap();
        for is_first in [true, false] {
            let bytes = std::fs::read(&path).unwrap();
            let hive = Hive::open(bytes.into()).unwrap();
            let done = hive.compact_into(Draft::new(&path).unwrap(), false).unwrap();
            assert_eq!(
                (done.changed, done.length),
                (is_first, compacted.len() as u64),
                "{name}"
            );
            assert!(std::fs::read(&path).unwrap() == *compacted, "{name}");
        }
    });
}

fn same(before: &Hive, after: &Hive) {
    assert_eq!(before.walk().count(), after.walk().count());
    for (old, new) in before.walk().zip(after.walk()) {
        let (old, new) = (old.unwrap(), new.unwrap());
        assert_eq!(old.path(), new.path());
        assert_eq!(
            (old.last_written(), old.class_name()),
            (new.last_written(), new.class_name())
        );
        assert_eq!(old.value_count(), new.value_count());
        for (old, new) in old.values().zip(new.values()) {
            let (old, new) = (old.unwrap(), new.unwrap());
            assert_eq!((old.name(), old.kind()), (new.name(), new.kind()));
            assert!(*old.data().unwrap() == *new.data().unwrap());
        }
    }
}

#[test]
fn logs_bring_a_dirty_hive_to_the_state_that_another_program_finds() {
    let Some(folder) = folder() else { return };
    for (set, name) in [
        ("win10-BBI", "BBI"),
        ("win10-DEFAULT", "DEFAULT"),
        ("win10-NTUSER", "NTUSER.DAT"),
        ("win10-transactions", "NTUSER.DAT"),
    ] {
        let file =
            |name: &str| secret::read_file(&folder.join("dirty").join(set).join(name), FILE_LIMIT).unwrap();
        let logs = [file(&format!("{name}.LOG1")), file(&format!("{name}.LOG2"))];
        let expected = file("recovered");
        for order in [[0, 1], [1, 0]] {
            let [first, second] = order.map(|index| &logs[index]);
            let recovered =
                recover(file(name), first, second).unwrap_or_else(|error| panic!("{set}: {error}"));
            let end =
                4096 + usize::try_from(u32::from_le_bytes(recovered[40..44].try_into().unwrap())).unwrap();
            assert_eq!(recovered[4..44], expected[4..44], "{set}");
            assert!(recovered[4096..end] == expected[4096..end], "{set}");
            assert!(check(&recovered).is_empty());
        }
        assert_eq!(recover(file(name), &[], &[]).unwrap_err(), Error::NoLogs);
        let other = recover(file(name), b"no log", &[]);
        assert!(matches!(other, Err(Error::Logs(_))));
        let clean = recover(expected.clone(), &logs[0], &logs[1]).unwrap();
        assert!(*clean == *expected, "a clean hive needs no log");
    }
}
