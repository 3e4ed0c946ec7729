//! `wimkey explain` answers for every row of its tables, in the words of the command line.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;

use common::desk::wimkey;
use serde_json::Value;
use wimkey::catalog::settings::SETTINGS;
use wimkey::catalog::topics::{SLMGR_OPTIONS, TOPICS, TopicKind, find};

fn explained(topic: &[&str]) -> Value {
    let output = wimkey()
        .arg("explain")
        .args(topic)
        .args(["--format", "json"])
        .assert()
        .success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn every_topic_answers_to_each_of_its_names() {
    for topic in TOPICS {
        for name in std::iter::once(&topic.name).chain(topic.names) {
            assert!(find(name).contains(&topic), "{name}");
        }
    }
}

#[test]
fn the_tables_hold_what_the_source_document_lists() {
    let count = |kind| TOPICS.iter().filter(|topic| topic.kind == kind).count();
    assert!(count(TopicKind::Error) >= 63);
    assert!(count(TopicKind::Wmi) >= 142);
    assert!(count(TopicKind::Slmgr) >= 39);
    for id in 12288..=12294 {
        assert_eq!(find(&id.to_string())[0].kind, TopicKind::Event);
    }
    // Table 10.
    for code in [
        "C004C001", "C004C003", "C004C008", "C004C020", "C004C021", "C004F009", "C004F00F", "C004F014",
        "C004F02C", "C004F035", "C004F038", "C004F039", "C004F041", "C004F042", "C004F050", "C004F051",
        "C004F064", "C004F065", "C004F06C", "C004F074", "80070005", "8007232A", "8007232B", "8007251D",
        "800706BA",
    ] {
        assert_eq!(find(&format!("0x{code}")).len(), 1, "{code}");
    }
}

#[test]
fn every_option_says_what_does_the_same_to_an_image_or_why_nothing_does() {
    for option in SLMGR_OPTIONS {
        assert!(!option.offline.is_empty(), "{}", option.name);
    }
    for setting in SETTINGS {
        for option in setting.slmgr {
            assert!(SLMGR_OPTIONS.iter().any(|row| row.name == *option), "{option}");
        }
    }
    let json = explained(&["/skms"]);
    assert_eq!(json["schema"], "wimkey/1");
    assert_eq!(json["topics"][0]["kind"], "slmgr option");
    assert!(
        json["topics"][0]["offline"]
            .as_str()
            .unwrap()
            .contains("--kms-host")
    );
}

#[test]
fn the_data_of_an_event_is_told_item_by_item() {
    let data = "0x0, 5, pc.example.com, e5c98033-aab6-4d0b-9af9-1d399597dd56, 2026/1/14 22:36, 0, 1, 259200, ae2ee509-1b34-41c0-acb7-6d4650168915";
    let json = explained(&["12290", data]);
    let fields = json["event"]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 9);
    assert_eq!(fields[0]["meaning"], "success");
    assert!(fields[6]["meaning"].as_str().unwrap().starts_with("Licensed"));
    assert!(fields[7]["meaning"].as_str().unwrap().ends_with("180 days"));
    assert_eq!(fields[8]["meaning"], "Windows 7 Enterprise");
}

#[test]
fn what_is_not_known_is_answered_with_what_is_near() {
    for (question, near) in [
        ("SkipRaerm", "SkipRearm"),
        ("/smks", "/skms"),
        ("VLRenewelInterval", "VLRenewalInterval"),
    ] {
        let output = wimkey().args(["explain", question]).assert().code(1);
        let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(said.contains("Did you mean") && said.contains(near), "{said}");
    }
    wimkey().args(["explain", "0xC004FFFF"]).assert().code(1);
    wimkey().args(["explain"]).assert().code(2);
}
