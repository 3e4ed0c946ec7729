//! What `image set` says of replaced keys that are still in the file is the result of a search.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::leaks;
use serde_json::Value;
use std::path::Path;
use wimkey::activation::CURRENT_VERSION;
use wimkey::hive::{Hive, ValueKind};
use wimkey::key::ProductKey;
use wimkey::sample;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

fn residue(folder: &Path) -> Value {
    let output = common::desk::wimkey()
        .current_dir(folder)
        .args(["image", "set", "a.wim", "--gvlk", "--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(
        (&report["changed"], &report["verified"]),
        (&true.into(), &true.into())
    );
    report["residue"].clone()
}

fn write(path: &Path, copy: bool) {
    let key = ProductKey::parse(&leaks::unpublished()).unwrap().key;
    let (digital3, digital4) = leaks::blobs(&key);
    let mut hive = Hive::open(sample::software_hive(sample::IMAGES[0]).unwrap()).unwrap();
    for (name, data) in [("DigitalProductId", digital3), ("DigitalProductId4", digital4)] {
        hive.set_value(CURRENT_VERSION, name, ValueKind::Binary, &data)
            .unwrap();
    }
    let hive = hive.finish().unwrap();
    let system = sample::system_hive().unwrap();
    let mut image = ImageBuilder::new("one")
        .file("Windows/System32/config/SOFTWARE", &hive, Properties::default())
        .file("Windows/System32/config/SYSTEM", &system, Properties::default());
    if copy {
        image = image.file(
            "Windows/System32/config/RegBack/SOFTWARE",
            &hive,
            Properties::default(),
        );
    }
    let builder = Builder::new().compress(Codec::Lzx, None).unwrap();
    std::fs::write(path, builder.image(image).to_bytes().unwrap()).unwrap();
}

#[test]
fn without_a_copy_nothing_is_left() {
    let desk = tempfile::tempdir().unwrap();
    write(&desk.path().join("a.wim"), false);
    assert_eq!(residue(desk.path()), 0);
}

#[test]
fn a_copy_of_the_old_hive_counts() {
    let desk = tempfile::tempdir().unwrap();
    write(&desk.path().join("a.wim"), true);
    assert_eq!(residue(desk.path()), 1);
}

#[test]
fn a_copy_in_bytes_that_belong_to_nothing_counts() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("a.wim");
    write(&path, false);
    // As another program may leave it: the tables written anew behind a gap that it did not wipe.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([0; 100]);
    bytes.extend(leaks::unpublished().as_bytes());
    for field in [48, 72] {
        let number =
            |at: usize| usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap();
        let (size, offset) = (number(field + 16), number(field + 8));
        let table = bytes[offset..offset + size].to_vec();
        let moved = bytes.len() as u64;
        bytes.extend(table);
        bytes[field + 8..field + 16].copy_from_slice(&moved.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(residue(desk.path()), 1);
}
