//! Registration files of real hives, judged by a round trip and by another program. Runs when `WIMKEY_CORPUS` names the corpus.

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

use std::collections::BTreeMap;
use std::path::PathBuf;
use wimkey::hive::{FILE_LIMIT, Hive, Severity, check};
use wimkey::regfile::{Action, parse};
use wimkey::{secret, text, transfer};

/// What the hives' roots are called.
const PREFIX: &str = r"HKEY_LOCAL_MACHINE\X";

/// The real hives whose structure is whole.
fn hives() -> Vec<PathBuf> {
    let Some(folder) = common::corpus("hives") else {
        return Vec::new();
    };
    common::files(&folder)
        .into_iter()
        .filter(|path| {
            let bytes = secret::read_file(path, FILE_LIMIT).unwrap();
            bytes.starts_with(b"regf")
                && bytes.get(28) == Some(&0)
                && check(&bytes)
                    .iter()
                    .all(|finding| finding.severity == Severity::Warn)
        })
        .collect()
}

fn exported(hive: &Hive) -> Vec<u8> {
    let mut out = Vec::new();
    transfer::export(&hive.root().unwrap(), PREFIX, &mut out).unwrap();
    out
}

#[test]
fn the_export_of_a_real_hive_comes_back_from_an_empty_one() {
    for path in hives() {
        let hive = Hive::read(secret::read_file(&path, FILE_LIMIT).unwrap()).unwrap();
        let file = exported(&hive);
        let entries = parse(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut copy = Hive::create(hive.minor()).unwrap();
        transfer::import(&mut copy, PREFIX, &entries)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let copy = Hive::open(copy.finish().unwrap()).unwrap();
        let again = exported(&copy);
        assert!(again == file, "{}", path.display());
    }
}

/// The other program writes lines whose characters are all Latin-1 as Latin-1, and other lines as UTF-8.
fn in_utf8(file: &[u8]) -> Vec<u8> {
    let lines = file
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| match str::from_utf8(line) {
            Ok(text) => text.to_owned(),
            Err(_) => line.iter().copied().map(char::from).collect(),
        });
    lines.collect::<String>().into_bytes()
}

type Content = BTreeMap<String, BTreeMap<String, (u32, Vec<u8>)>>;

/// What a file says, names in upper case and the prefix taken off.
fn content(file: &[u8], prefix: &str) -> Content {
    let folded = |text: &str| -> String {
        let units: Vec<u16> = text.encode_utf16().map(text::upcase).collect();
        String::from_utf16_lossy(&units)
    };
    let mut content = Content::new();
    for entry in parse(file).unwrap() {
        let key = entry
            .key
            .strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{}", entry.key));
        let values = content.entry(folded(key)).or_default();
        if let Action::Set { name, kind, data } = entry.action {
            values.insert(folded(&name), (kind, data.to_vec()));
        }
    }
    content
}

#[test]
fn an_export_says_what_another_program_exports() {
    if !common::judge("hivexregedit") {
        return;
    }
    for path in hives() {
        let hive = Hive::read(secret::read_file(&path, FILE_LIMIT).unwrap()).unwrap();
        if hive.is_dirty() || path.metadata().unwrap().len() > 20 << 20 {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("hive");
        std::fs::copy(&path, &copy).unwrap();
        let arguments: [&std::ffi::OsStr; 5] = [
            "--export".as_ref(),
            "--prefix".as_ref(),
            PREFIX.as_ref(),
            copy.as_os_str(),
            "\\".as_ref(),
        ];
        let output = common::run("hivexregedit", &arguments);
        assert!(output.status.success(), "{}", path.display());
        let (ours, theirs) = (
            content(&exported(&hive), PREFIX),
            content(&in_utf8(&output.stdout), PREFIX),
        );
        eprintln!(
            "{}: {} keys, {} values",
            path.display(),
            ours.len(),
            ours.values().map(BTreeMap::len).sum::<usize>()
        );
        for (key, values) in &ours {
            assert!(
                theirs.get(key) == Some(values),
                "{}: {key}: {values:?} against {:?}",
                path.display(),
                theirs.get(key)
            );
        }
        assert_eq!(ours.len(), theirs.len());
    }
}
