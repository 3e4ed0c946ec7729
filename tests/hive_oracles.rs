//! Other programs judge what this one writes. Each runs if it is installed, on hives made here and on real ones if
//! `WIMKEY_CORPUS` names the folder of the unpacked test data.

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

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wimkey::hive::{FILE_LIMIT, Hive, ValueKind};
use wimkey::secret::{self, Wiped};

/// What `reglookup` says of data that is not what its type promises, of which real hives have much, and of names that
/// its output cannot show.
const HARMLESS: [&str; 2] = ["Data could not be interpreted", "to encoding US-ASCII"];

fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new("timeout")
        .args(["120", program])
        .args(arguments)
        .output()
    {
        Ok(output) if output.status.code() != Some(127) => Some(output),
        _ => {
            eprintln!("skipped: {program} is not installed");
            None
        }
    }
}

/// What each program tells about the hive at `path`; panics if one finds a fault.
fn judge(path: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let file = path.to_str().unwrap();
    let mut told = Vec::new();
    let programs: [(&str, &[&str]); 5] = [
        ("hivexml", &[file]),
        ("hivexregedit", &["--export", "--prefix", "P", file, "\\"]),
        ("regfexport", &[file]),
        ("regfinfo", &[file]),
        ("reglookup", &["-s", file]),
    ];
    for (program, arguments) in programs {
        let Some(output) = run(program, arguments) else {
            continue;
        };
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} refuses {file}: {errors}");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match program {
            "regfinfo" => assert!(!text.contains("Is corrupted"), "{program}: {text}"),
            "reglookup" => {
                let is_harmless = |line: &str| HARMLESS.iter().any(|harmless| line.contains(harmless));
                assert!(errors.lines().all(is_harmless), "{program}: {errors}");
                told.push((program, output.stdout));
            }
            "regfexport" => {
                let varies = |line: &&str| {
                    ["File", "Number of", "offset"]
                        .iter()
                        .any(|word| line.contains(word))
                };
                let body: Vec<&str> = text.lines().filter(|line| !varies(line)).collect();
                let body = body.join("\n");
                told.push((program, body.into_bytes()));
            }
            // It tells where each cell stands, which compacting changes.
            "hivexml" => assert!(!output.stdout.is_empty(), "{program}"),
            _ => told.push((program, output.stdout)),
        }
    }
    told
}

/// Reads everything with the `regf` crate.
fn judge_with_crate(bytes: &[u8]) {
    let hive = regf::RegistryHive::from_bytes(bytes.to_vec()).unwrap();
    assert!(!hive.is_dirty());
    let mut keys = vec![hive.root_key().unwrap()];
    while let Some(key) = keys.pop() {
        for value in key.values().unwrap() {
            value.raw_data().unwrap();
        }
        keys.extend(key.subkeys().unwrap());
    }
}

fn written(bytes: &[u8], name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Every shape of data, list and key that the writer makes.
fn rich(minor: u32) -> Hive {
    let mut hive = Hive::create(minor).unwrap();
    for length in [0, 1, 4, 5, 100, 16_344, 16_345, 32_688, 32_689, 100_000] {
        let name = format!("v{length}");
        hive.set_value(r"Data\Lengths", &name, ValueKind::Binary, &vec![0x5A; length])
            .unwrap();
        hive.set_value(r"Data\Lengths", &name, ValueKind::Binary, &vec![0xA5; length])
            .unwrap();
    }
    for index in 0..1300 {
        let path = format!(r"Many\Key{:04}", index * 7 % 1300);
        hive.set_value(&path, "", ValueKind::Dword, &[1, 2, 3, 4])
            .unwrap();
    }
    for index in 0..1000 {
        if index % 3 > 0 {
            hive.delete_key(&format!(r"Many\Key{index:04}")).unwrap();
        }
    }
    for name in ["Ärger", "日本", "Ω", "a", "B"] {
        hive.set_value(name, name, ValueKind::String, b"x\0\0\0").unwrap();
    }
    hive
}

#[test]
fn hives_made_here_are_accepted() {
    // `reglookup` does not know that version 1.4 has large values in segments.
    for minor in [3, 5, 6] {
        let bytes = rich(minor).finish().unwrap();
        judge_with_crate(&bytes);
        let (_folder, path) = written(&bytes, "made");
        for (program, text) in judge(&path) {
            assert!(!text.is_empty(), "{program}");
        }
    }
}

fn corpus() -> Vec<(String, Wiped)> {
    let Some(folder) = common::corpus("hives") else {
        return Vec::new();
    };
    let mut names = vec![
        "win10-default.NTUSER.DAT",
        "win10.UsrClass.dat",
        "win11.BCD-Template",
        "damaged/SAM-healthy-1.3",
    ];
    if std::env::var_os("WIMKEY_SLOW_TESTS").is_some() {
        names.extend(["win7.NTUSER.DAT", "win7-sp1.SYSTEM"]);
    }
    names
        .into_iter()
        .map(|name| {
            (
                name.to_owned(),
                secret::read_file(&folder.join(name), FILE_LIMIT).unwrap(),
            )
        })
        .collect()
}

fn compare(name: &str, before: &[u8], after: &[u8]) {
    judge_with_crate(after);
    let (_old_folder, old) = written(before, "hive");
    let (_new_folder, new) = written(after, "hive");
    let (old, new) = (judge(&old), judge(&new));
    assert_eq!(old.len(), new.len());
    for ((program, old), (_, new)) in old.iter().zip(&new) {
        assert!(old == new, "{program} sees a difference in {name}");
    }
}

#[test]
fn a_real_hive_reads_the_same_when_edits_were_taken_back_or_it_was_compacted() {
    for (name, before) in corpus() {
        let mut hive = Hive::open(before.clone()).unwrap();
        for index in 0..50 {
            let path = format!(r"Wimkey\Test{index}\Ä{index}");
            hive.set_value(&path, "v", ValueKind::Binary, &vec![1; index * 700])
                .unwrap();
        }
        assert!(hive.delete_key("Wimkey").unwrap());
        hive.scrub().unwrap();
        compare(&name, &before, &hive.finish().unwrap());
        let mut hive = Hive::open(before.clone()).unwrap();
        compare(&name, &before, &hive.compact().unwrap().finish().unwrap());
    }
}
