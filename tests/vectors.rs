//! The values Windows stores for published keys, rebuilt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

use serde_json::Value;
use wimkey::key::{
    DigitalProductId, DigitalProductId4, Placement, ProductKey, Stamp, Stored, content_id,
    package_family_name, product_id,
};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn rebuild(vector: &Value) {
    let text = |name: &str| vector[name].as_str().unwrap_or_default();
    let number = |name: &str| u32::try_from(vector[name].as_u64().unwrap()).unwrap();
    let key = ProductKey::parse(text("key")).unwrap().key;
    let fields = key.fields().unwrap();
    assert!(fields.checksum_fits);
    let advanced: Vec<&str> = text("advanced_pid").split('-').collect();
    assert_eq!(advanced[1].parse(), Ok(fields.group));
    let tail = text("ProductId")[20..].parse().unwrap_or(0);
    let product_id = product_id(fields.group, fields.serial, text("key_type"), tail).unwrap();
    assert_eq!(product_id, text("ProductId"));
    let sku = text("OSProductPfn").split('.').nth(2).unwrap().parse().unwrap();
    assert_eq!(
        package_family_name(sku, text("part_number")),
        text("OSProductPfn")
    );
    assert_eq!(content_id(sku, text("part_number")), text("OSProductContentId"));
    let placement = Placement {
        key: &key,
        group: fields.group,
        serial: fields.serial,
        part_number: text("part_number"),
        activation_id: text("activation_id"),
        edition: text("edition"),
        key_type: text("key_type"),
        eula_type: text("eula"),
        upgrade: fields.upgrade,
        product_id: &product_id,
        product_code: advanced[0],
        language: advanced[5].parse().unwrap(),
        build: advanced[6].trim_end_matches(".0000").parse().unwrap(),
        stamp: Stamp {
            unix_time: number("uiTime"),
            random: number("uiRandom"),
        },
    };
    let blob = DigitalProductId::build(&placement).unwrap();
    assert!(
        *blob == hex(text("DigitalProductId")),
        "DigitalProductId of {}",
        text("edition")
    );
    let blob4 = DigitalProductId4::build(&placement).unwrap();
    assert!(
        *blob4 == hex(text("DigitalProductId4")),
        "DigitalProductId4 of {}",
        text("edition")
    );

    let read = DigitalProductId::read(&blob).unwrap();
    assert!(read.checksum_fits);
    let Stored::Key(back) = read.key else {
        panic!("no key")
    };
    assert!(back.symbols() == key.symbols());
    let read = DigitalProductId4::read(&blob4).unwrap();
    assert!(read.hash_fits && read.key_hash_fits);
    assert_eq!(read.advanced_product_id, text("advanced_pid"));
    assert_eq!(read.edition, text("edition"));
}

#[test]
fn vectors_of_the_given_file_are_rebuilt_byte_for_byte() {
    let Some(path) = std::env::var_os("WIMKEY_VECTORS") else {
        eprintln!("skipped: WIMKEY_VECTORS names no file of vectors");
        return;
    };
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(!vectors.is_empty());
    for vector in &vectors {
        rebuild(vector);
    }
}

/// Windows 10 Enterprise's published client setup key, as Windows stored it on 2019-04-28.
fn enterprise(key: &ProductKey) -> Placement<'_> {
    Placement {
        key,
        group: 3290,
        serial: 3,
        part_number: "[TH]X19-98698",
        activation_id: "73111121-5638-40f6-bc11-f1d7b0d64300",
        edition: "Enterprise",
        key_type: "Volume:GVLK",
        eula_type: "Volume",
        upgrade: false,
        product_id: "00329-00000-00003-AA163",
        product_code: "55041",
        language: 1025,
        build: 9200,
        stamp: Stamp {
            unix_time: 1_556_495_466,
            random: 3_478_455_163,
        },
    }
}

#[test]
fn the_vectors_of_a_published_key_hold_without_any_file() {
    let key = ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT43").unwrap().key;
    let blob = DigitalProductId::build(&enterprise(&key)).unwrap();
    assert_eq!(blob[..8], [0xA4, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(hex("1820e0cf"), blob[160..]);
    let blob = DigitalProductId4::build(&enterprise(&key)).unwrap();
    assert_eq!(
        hex("2f804ab2db805ea13d7f55fe45580aace318f8564d3fadb7415c2f5b04d68038"),
        blob[824..856]
    );
    assert_eq!(
        hex("b0cb8213c664ab77be2bca373c415436bc9dcf06233d14e08772fc1d4c413714"),
        blob[856..888]
    );
}

#[test]
fn a_cleared_value_keeps_neither_the_key_nor_a_hash_of_it() {
    let key = ProductKey::parse("NPPR9-FWDCX-D2C8J-H872K-2YT43").unwrap().key;
    let mut blob = DigitalProductId::build(&enterprise(&key)).unwrap();
    DigitalProductId::clear(&mut blob).unwrap();
    let read = DigitalProductId::read(&blob).unwrap();
    assert!(matches!(read.key, Stored::Cleared) && read.checksum_fits);

    let mut blob = DigitalProductId4::build(&enterprise(&key)).unwrap();
    let hash_of_key = blob[824..856].to_vec();
    DigitalProductId4::clear(&mut blob).unwrap();
    let read = DigitalProductId4::read(&blob).unwrap();
    assert!(matches!(read.key, Stored::Cleared) && read.key_hash_fits && read.hash_fits);
    assert!(!blob.windows(32).any(|window| window == hash_of_key));
    assert!(
        !blob
            .windows(15)
            .any(|window| window == &key.stored().expose()[..15])
    );
}

#[test]
fn what_is_no_such_value_is_left_alone() {
    let mut bytes = vec![7; 164];
    assert!(DigitalProductId::clear(&mut bytes).is_none());
    assert_eq!(bytes, [7; 164]);
    assert!(DigitalProductId4::read(&bytes).is_none());
    assert!(DigitalProductId::read(&[]).is_none());
}
