//! The main job as a user runs it, on images of our own making.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

mod common;

use assert_cmd::Command;
use common::desk::{Desk, hash};
use wimkey::activation::CURRENT_VERSION;
use wimkey::hive::Hive;
use wimkey::image;
use wimkey::sample;

/// The published client setup key of Windows 7 Professional.
const GVLK_7_PROFESSIONAL: &str = "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4";
/// The published client setup key of Windows 10 and 11 Pro.
const GVLK_PROFESSIONAL: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
/// The published client setup key of Windows 10 and 11 Enterprise.
const GVLK_ENTERPRISE: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

const MAIN_JOB: [&str; 10] = [
    "image",
    "set",
    "install.wim",
    "--gvlk",
    "--skip-rearm",
    "on",
    "--kms-host",
    "kms.example.com:1688",
    "--unattend",
    "Autounattend.xml",
];

#[test]
fn every_image_gets_its_own_key_and_all_settings() {
    let desk = Desk::new();
    let report = desk.json(&MAIN_JOB);
    assert_eq!(report["schema"], "wimkey/1");
    assert_eq!(report["changed"], true);
    assert_eq!(report["verified"], true);
    assert_eq!(report["residue"], 0);
    assert_eq!(report["images"].as_array().unwrap().len(), sample::IMAGES.len());

    let shown = desk.json(&["image", "show", "install.wim"]);
    let expected = [
        GVLK_7_PROFESSIONAL,
        "YC6KT-GKW9T-YTKYR-T4X34-R7VHC",
        GVLK_PROFESSIONAL,
        GVLK_ENTERPRISE,
    ];
    for (image, key) in shown["images"].as_array().unwrap().iter().zip(expected) {
        let activation = &image["activation"];
        assert_eq!(activation["skip_rearm"], 1);
        assert_eq!(activation["kms"]["host"], "kms.example.com");
        assert_eq!(activation["kms"]["port"], "1688");
        let partial = activation["product_key"]["partial"].as_str().unwrap();
        assert!(partial.ends_with(&key[24..]), "{partial} for {key}");
        assert_eq!(activation["product_key"]["channel"], "Volume:GVLK");

        let index = u32::try_from(image["index"].as_u64().unwrap()).unwrap();
        let answers = desk.image(index, image::ANSWER_FILE).unwrap();
        let answers = String::from_utf8(answers).unwrap();
        assert!(
            answers.contains(&format!("<ProductKey>{key}</ProductKey>")),
            "{answers}"
        );
        assert!(answers.contains("<!-- the build pipeline puts the product key in -->"));
    }
    assert!(
        !std::fs::read_to_string(desk.path("Autounattend.xml"))
            .unwrap()
            .contains("ProductKey")
    );
}

#[test]
fn values_have_the_types_that_windows_expects() {
    let desk = Desk::new();
    desk.wimkey(&MAIN_JOB).assert().success();
    for index in [1, 3] {
        let software = Hive::read(zeroize::Zeroizing::new(
            desk.image(index, image::SOFTWARE).unwrap(),
        ))
        .unwrap();
        let settings = software
            .find(&format!(r"{CURRENT_VERSION}\SoftwareProtectionPlatform"))
            .unwrap()
            .unwrap();
        for (name, kind, data) in [
            ("SkipRearm", "REG_DWORD", vec![1, 0, 0, 0]),
            (
                "KeyManagementServicePort",
                "REG_SZ",
                "1688\0".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ),
        ] {
            let value = settings.value(name).unwrap().unwrap();
            assert_eq!(value.kind().to_string(), kind);
            assert_eq!(value.data().unwrap()[..], data[..]);
        }
        let version = software.find(CURRENT_VERSION).unwrap().unwrap();
        assert_eq!(
            version
                .value("DigitalProductId")
                .unwrap()
                .unwrap()
                .data()
                .unwrap()
                .len(),
            164
        );
        assert_eq!(
            version
                .value("DigitalProductId4")
                .unwrap()
                .unwrap()
                .data()
                .unwrap()
                .len(),
            1272
        );
        let system = Hive::read(zeroize::Zeroizing::new(desk.image(index, image::SYSTEM).unwrap())).unwrap();
        let options = |set: &str| {
            system
                .find(&format!(r"{set}\Control\ProductOptions"))
                .unwrap()
                .unwrap()
        };
        assert!(
            options("ControlSet001").value("OSProductPfn").unwrap().is_none(),
            "not the current control set"
        );
        assert_eq!(
            options("ControlSet002").value("OSProductPfn").unwrap().is_some(),
            index == 3
        );
    }
}

#[test]
fn a_second_run_changes_not_a_byte() {
    let desk = Desk::new();
    desk.wimkey(&MAIN_JOB).assert().success();
    let before = desk.hash();
    let modified = std::fs::metadata(desk.path("install.wim"))
        .unwrap()
        .modified()
        .unwrap();
    let report = desk.json(&MAIN_JOB);
    assert_eq!(report["changed"], false);
    for image in report["images"].as_array().unwrap() {
        assert!(
            image["changes"]
                .as_array()
                .unwrap()
                .iter()
                .all(|change| change["state"] == "already")
        );
    }
    assert_eq!(desk.hash(), before);
    assert_eq!(
        std::fs::metadata(desk.path("install.wim"))
            .unwrap()
            .modified()
            .unwrap(),
        modified
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, other) = (Desk::new(), Desk::new());
    assert_eq!(one.hash(), other.hash());
    one.wimkey(&MAIN_JOB).assert().success();
    other.wimkey(&MAIN_JOB).assert().success();
    assert_eq!(one.hash(), other.hash());
}

#[test]
fn a_dry_run_lists_the_same_changes_and_writes_nothing() {
    let desk = Desk::new();
    let before = desk.hash();
    let mut planned = desk.json(&[&MAIN_JOB[..], &["--dry-run"]].concat());
    assert_eq!(desk.hash(), before);
    let done = desk.json(&MAIN_JOB);
    assert_eq!(planned["verified"], false);
    planned["verified"] = true.into();
    planned["dry_run"] = false.into();
    assert_eq!(planned, done);
}

#[test]
fn what_a_killed_run_left_is_cleaned_up_and_told() {
    use sha1::{Digest, Sha1};
    let desk = Desk::new();
    desk.wimkey(&MAIN_JOB).assert().success();
    let whole = std::fs::read(desk.path("install.wim")).unwrap();
    // The note that a run leaves at the end: its marks, the header before and after, no ranges, no integrity table, its SHA-1 and length.
    let mut note = b"wimkey: intent 1".to_vec();
    note.extend_from_slice(&whole[..208]);
    note.extend_from_slice(&whole[..208]);
    note.extend_from_slice(&[0; 8]);
    let sum = Sha1::digest(&note);
    note.extend_from_slice(&sum);
    note.extend_from_slice(&(note.len() as u64).to_le_bytes());
    note.extend_from_slice(b"wimkey: note end");
    let left = [&whole[..], b"what was half written", &note[..]].concat();
    std::fs::write(desk.path("install.wim"), left).unwrap();
    let done = desk.wimkey(&MAIN_JOB).assert().success();
    let words = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(words.contains("an earlier run was stopped"), "{words}");
    assert_eq!(std::fs::read(desk.path("install.wim")).unwrap(), whole);
    let again = desk.wimkey(&MAIN_JOB).assert().success();
    let words = String::from_utf8_lossy(&again.get_output().stdout).into_owned();
    assert!(!words.contains("stopped"), "{words}");
}

#[test]
fn output_leaves_the_target_alone() {
    let desk = Desk::new();
    let before = desk.hash();
    desk.wimkey(&[&MAIN_JOB[..], &["--output", "changed.wim"]].concat())
        .assert()
        .success();
    assert_eq!(desk.hash(), before);
    let copy = hash(&desk.path("changed.wim"));
    desk.wimkey(&MAIN_JOB).assert().success();
    assert_eq!(desk.hash(), copy);
}

#[test]
fn output_has_the_mode_of_the_target_and_never_takes_the_place_of_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let before = desk.hash();
    std::fs::set_permissions(desk.path("install.wim"), PermissionsExt::from_mode(0o440)).unwrap();
    let copy = || desk.wimkey(&[&MAIN_JOB[..], &["--output", "changed.wim"]].concat());
    copy().assert().success();
    let mode = std::fs::metadata(desk.path("changed.wim"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o440);
    let changed = hash(&desk.path("changed.wim"));
    let refused = copy().assert().code(1);
    let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(words.contains("changed.wim is there already"), "{words}");
    assert!(words.contains("Name another file for the copy"), "{words}");
    assert_eq!(hash(&desk.path("changed.wim")), changed);
    // What another program writes to is not copied.
    std::fs::remove_file(desk.path("changed.wim")).unwrap();
    let writer = std::fs::File::open(desk.path("install.wim")).unwrap();
    writer.lock().unwrap();
    let refused = copy().assert().code(3);
    let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(words.contains("holds the lock"), "{words}");
    assert!(!desk.path("changed.wim").exists());
    assert_eq!(desk.hash(), before);
}

#[test]
fn a_key_comes_from_file_variable_descriptor_or_standard_input() {
    let desk = Desk::new();
    std::fs::write(desk.path("key.txt"), format!("{GVLK_PROFESSIONAL}\r\n")).unwrap();
    let target = "install.wim:Windows 11 Pro";
    let set = |source: &[&str]| desk.wimkey(&[&["image", "set", target], source, &["--dry-run"]].concat());
    set(&["--key-file", "key.txt"]).assert().success();
    set(&["--key-file", "-"])
        .write_stdin(GVLK_PROFESSIONAL)
        .assert()
        .success();
    set(&["--key-env", "SAMPLE_KEY"])
        .env("SAMPLE_KEY", GVLK_PROFESSIONAL.to_lowercase())
        .assert()
        .success();
    let shell = format!(
        "{} image set '{target}' --key-fd 7 --dry-run 7<key.txt",
        env!("CARGO_BIN_EXE_wimkey")
    );
    Command::new("sh")
        .arg("-c")
        .arg(shell)
        .current_dir(desk.folder.path())
        .assert()
        .success();
    set(&["--key-file", "key.txt", "--key-env", "SAMPLE_KEY"])
        .assert()
        .code(2);
}

#[test]
fn a_key_of_another_edition_is_refused_and_nothing_is_written() {
    let desk = Desk::new();
    let before = desk.hash();
    for (target, key) in [
        ("install.wim", GVLK_PROFESSIONAL),
        ("install.wim:1", GVLK_PROFESSIONAL),
        ("install.wim:1", "YC6KT-GKW9T-YTKYR-T4X34-R7VHC"),
        ("install.wim:3", GVLK_ENTERPRISE),
        ("install.wim:3", GVLK_7_PROFESSIONAL),
    ] {
        let output = desk
            .wimkey(&[
                "image",
                "set",
                target,
                "--key-file",
                "-",
                "--unattend",
                "Autounattend.xml",
            ])
            .write_stdin(key)
            .assert()
            .code(3);
        let error = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(!error.contains(key), "{error}");
        assert!(error.contains("image "), "{error}");
        assert_eq!(desk.hash(), before, "{target}");
    }
}

#[test]
fn a_key_on_the_command_line_is_refused_without_repeating_it() {
    let desk = Desk::new();
    // Nobody published this; its shape is all it has.
    let shaped = ["QRTVW"; 5].join("-");
    for argument in [
        shaped.clone(),
        shaped.to_lowercase(),
        format!("--key-file={shaped}"),
        shaped[..28].to_owned(),
    ] {
        let output = desk
            .wimkey(&["image", "set", "install.wim", &argument])
            .assert()
            .code(2);
        let output = output.get_output();
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said).to_lowercase();
        assert!(
            !said.contains("qrtvw") && said.contains("treat it as exposed"),
            "{said}"
        );
    }
}

#[test]
fn without_anything_to_do_the_run_says_so() {
    let desk = Desk::new();
    desk.wimkey(&["image", "set", "install.wim"]).assert().code(2);
}
