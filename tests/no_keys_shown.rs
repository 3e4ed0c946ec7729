//! Nothing in this repository, above all no output that a test expects, holds a key that Microsoft does not publish.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use wimkey::catalog;
use wimkey::key::ProductKey;
use wimkey::trace::shapes;

/// What is looked through, below the root of the repository.
const PLACES: [&str; 12] = [
    "src",
    "tests",
    "keydata",
    "benches",
    "fuzz/fuzz_targets",
    "fuzz/src",
    ".ci",
    "README.md",
    "CHANGELOG.md",
    "Cargo.toml",
    "demo",
    "check",
];
/// Fewer files than this, and the search looked in the wrong place.
const FEWEST: usize = 150;

fn files(place: &Path, found: &mut Vec<PathBuf>) {
    match place.read_dir() {
        Ok(entries) => {
            for entry in entries {
                files(&entry.unwrap().path(), found);
            }
        }
        Err(_) if place.is_file() => found.push(place.to_owned()),
        Err(_) => {}
    }
}

/// Where keys stand that nobody published, and that are no placeholder of one symbol.
fn keys(bytes: &[u8]) -> Vec<usize> {
    shapes(bytes)
        .filter(|shape| {
            let symbols = shape.symbols();
            let is_placeholder = symbols.iter().all(|symbol| symbol == &symbols[0]);
            let key = ProductKey::from_symbols(symbols);
            !is_placeholder && key.is_none_or(|key| catalog::row_of(&key).is_none())
        })
        .map(|shape| shape.offset)
        .collect()
}

#[test]
fn nowhere_stands_an_unpublished_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for place in PLACES {
        files(&root.join(place), &mut found);
    }
    assert!(found.len() > FEWEST, "only {} files", found.len());
    for path in found {
        let keys = keys(&std::fs::read(&path).unwrap());
        assert!(keys.is_empty(), "{} at bytes {keys:?}", path.display());
    }
}

#[test]
fn the_search_sees_a_key() {
    let text = ["QRTVW"; 5].join("-");
    assert_eq!(keys(format!("the key {text}.").as_bytes()), [8]);
}
