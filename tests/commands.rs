//! The smaller commands as a user runs them: what they print, their JSON, their exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::{Desk, wimkey};
use wimkey::sample;

/// Published for Windows 10 and 11 Enterprise.
const ENTERPRISE: &str = "NPPR9-FWDCX-D2C8J-H872K-2YT43";

#[test]
fn image_list_tells_what_the_wim_says_of_its_images() {
    let desk = Desk::new();
    let report = desk.json(&["image", "list", "install.wim"]);
    assert_eq!(report["schema"], "wimkey/1");
    assert_eq!(report["target"], "install.wim");
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), sample::IMAGES.len());
    for (image, made) in images.iter().zip(&sample::IMAGES) {
        assert_eq!(image["name"], made.name);
        assert_eq!(image["edition"], made.edition);
        assert_eq!(image["build"], made.build);
        assert_eq!(image["architecture"], "amd64");
    }
}

#[test]
fn image_show_has_the_fields_that_scripts_rely_on() {
    let desk = Desk::new();
    let report = desk.json(&["image", "show", "install.wim:4"]);
    let image = &report["images"][0];
    assert_eq!(image["index"], 4);
    assert_eq!(image["edition"], "Enterprise");
    let activation = &image["activation"];
    assert_eq!(activation["skip_rearm"], 0);
    assert!(activation["kms"]["host"].is_null() && activation["kms"]["port"].is_null());
    assert!(activation["product_key"].is_null());
    assert_eq!(activation["settings"]["VLRenewalInterval"], "10080");
}

#[test]
fn settings_are_set_by_name_and_brought_back_to_their_defaults() {
    let desk = Desk::new();
    let set = [
        "image",
        "set",
        "install.wim:1",
        "--set",
        "vlrenewalinterval=1440",
        "--set",
        "DnsDomainPublishList=a.example, 1, 2;b.example",
    ];
    let changes = &desk.json(&set)["images"][0]["changes"];
    assert_eq!(changes[0]["name"], "VLRenewalInterval");
    assert_eq!(
        (changes[0]["old"].as_str(), changes[0]["new"].as_str()),
        (Some("10080"), Some("1440"))
    );
    let settings = |desk: &Desk| {
        desk.json(&["image", "show", "install.wim:1"])["images"][0]["activation"]["settings"].clone()
    };
    assert_eq!(
        settings(&desk)["DnsDomainPublishList"],
        "a.example, 1, 2; b.example"
    );
    desk.json(&[
        "image",
        "set",
        "install.wim:1",
        "--unset",
        "VLRenewalInterval",
        "--unset",
        "DnsDomainPublishList",
    ]);
    assert_eq!(settings(&desk)["VLRenewalInterval"], "10080");
    assert!(settings(&desk)["DnsDomainPublishList"].is_null());
    assert_eq!(
        desk.json(&["image", "show", "install.wim:2"])["images"][0]["activation"]["settings"]["VLRenewalInterval"],
        "10080"
    );
}

#[test]
fn a_kms_host_without_port_takes_an_old_port_away_as_slmgr_does() {
    let desk = Desk::new();
    desk.json(&["image", "set", "install.wim:1", "--kms-host", "one.example:1234"]);
    desk.json(&["image", "set", "install.wim:1", "--kms-host", "[2001:db8::1]"]);
    let kms = desk.json(&["image", "show", "install.wim:1"])["images"][0]["activation"]["kms"].clone();
    assert_eq!(kms["host"], "[2001:db8::1]");
    assert!(kms["port"].is_null());
}

#[test]
fn an_applied_folder_is_an_image_too() {
    let desk = Desk::new();
    let root = desk.path("applied");
    for path in [
        wimkey::image::SOFTWARE,
        wimkey::image::SYSTEM,
        wimkey::image::KEY_CONFIGURATION,
    ] {
        let place = root.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, desk.image(4, path).unwrap()).unwrap();
    }
    let arguments = [
        "image",
        "set",
        "applied",
        "--gvlk",
        "--skip-rearm",
        "on",
        "--unattend",
        "Autounattend.xml",
    ];
    assert_eq!(desk.json(&arguments)["verified"], true);
    assert_eq!(desk.json(&arguments)["changed"], false);
    let answers = std::fs::read_to_string(root.join(wimkey::image::ANSWER_FILE)).unwrap();
    assert!(answers.contains(ENTERPRISE));
}

#[test]
fn unattend_set_changes_only_the_bytes_of_the_key() {
    let desk = Desk::new();
    let file = desk.path("Autounattend.xml");
    let before = std::fs::read_to_string(&file).unwrap();
    let set = ["unattend", "set", "Autounattend.xml", "--gvlk", "Enterprise"];
    let planned = desk.json(&[&set[..], &["--dry-run"]].concat());
    assert_eq!(planned["changed"], true);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    desk.wimkey(&set).assert().success();
    let after = std::fs::read_to_string(&file).unwrap();
    let element = format!("<ProductKey>{ENTERPRISE}</ProductKey>");
    let line = after.lines().find(|line| line.contains(&element)).unwrap();
    let rest: Vec<_> = after.lines().filter(|own| *own != line).collect();
    assert_eq!(rest, before.lines().collect::<Vec<_>>());
    assert_eq!(desk.json(&set)["changed"], false);
}

#[test]
fn unattend_set_writes_to_a_pipe_and_for_every_architecture_named() {
    let desk = Desk::new();
    let mut command = desk.wimkey(&[
        "unattend",
        "set",
        "Autounattend.xml",
        "--key-file",
        "-",
        "--output",
        "-",
        "--architecture",
        "arm64",
        "--architecture",
        "x86",
    ]);
    let output = command.write_stdin(ENTERPRISE).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert_eq!(text.matches(ENTERPRISE).count(), 2);
    assert!(
        text.contains("processorArchitecture=\"arm64\"") && text.contains("processorArchitecture=\"x86\"")
    );
    assert!(
        !std::fs::read_to_string(desk.path("Autounattend.xml"))
            .unwrap()
            .contains(ENTERPRISE)
    );
    desk.wimkey(&["unattend", "set", "Autounattend.xml", "--gvlk"])
        .assert()
        .code(2);
    desk.wimkey(&["unattend", "set", "Autounattend.xml", "--gvlk", "Home"])
        .assert()
        .code(1);
    desk.wimkey(&[
        "unattend",
        "set",
        "Autounattend.xml",
        "--gvlk",
        "Enterprise",
        "--architecture",
        "mips",
    ])
    .assert()
    .code(2);
}

#[test]
fn the_demo_leaves_what_it_made_where_it_is_told_to() {
    let desk = Desk::new();
    let output = desk.wimkey(&["demo", "made"]).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for words in [
        "Before",
        "After",
        "Windows 11 Enterprise",
        "read back and found as asked",
        "nothing was written",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    for name in ["install.wim", "Autounattend.xml", "plan.toml"] {
        assert!(desk.path("made").join(name).is_file(), "{name}");
    }
    // It is a sample that can be worked on: the plan is for it.
    desk.wimkey(&["apply", "made/plan.toml", "--dry-run"])
        .assert()
        .success();
}

#[test]
fn the_demo_overwrites_nothing_of_anybodys() {
    for name in ["install.wim", "Autounattend.xml", "plan.toml"] {
        let desk = Desk::new();
        std::fs::create_dir(desk.path("mine")).unwrap();
        std::fs::write(desk.path("mine").join(name), "precious").unwrap();
        let output = desk.wimkey(&["demo", "mine"]).assert().code(2);
        let told = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(
            told.contains(name) && told.contains("Name another folder"),
            "{told}"
        );
        assert_eq!(std::fs::read_dir(desk.path("mine")).unwrap().count(), 1);
        assert_eq!(std::fs::read(desk.path("mine").join(name)).unwrap(), b"precious");
    }
}

#[test]
fn help_and_version_exit_with_0_and_nonsense_with_2() {
    for arguments in [&["--help"][..], &["image", "set", "--help"], &["--version"]] {
        wimkey().args(arguments).assert().success();
    }
    for arguments in [
        &[][..],
        &["image"],
        &["image", "sett"],
        &["image", "set"],
        &["key", "lookup"],
    ] {
        wimkey().args(arguments).assert().code(2);
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let command = format!("{} key list | head -1", env!("CARGO_BIN_EXE_wimkey"));
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .output()
        .unwrap();
    assert_eq!(output.stderr, b"");
    assert!(output.status.success());
}

#[test]
fn colours_are_for_those_who_ask() {
    let desk = Desk::new();
    let escape = |arguments: &[&str]| {
        let output = desk.wimkey(arguments).assert().success();
        output.get_output().stdout.contains(&0x1B)
    };
    assert!(!escape(&["image", "list", "install.wim"]));
    assert!(escape(&["image", "list", "install.wim", "--color", "always"]));
    assert!(!escape(&["image", "list", "install.wim", "--color", "never"]));
}

#[test]
fn nothing_takes_the_place_of_what_was_not_meant() {
    let desk = Desk::new();
    let told = |arguments: &[&str], code: i32| {
        let output = desk.wimkey(arguments).assert().code(code);
        String::from_utf8(output.get_output().stderr.clone()).unwrap()
    };
    // A copy of a WIM.
    let before = desk.hash();
    for place in ["install.wim", "./install.wim", "Autounattend.xml"] {
        let error = told(
            &[
                "image",
                "set",
                "install.wim",
                "--skip-rearm",
                "on",
                "--output",
                place,
            ],
            1,
        );
        assert!(
            error.contains("is there already") && error.contains("Name another file"),
            "{error}"
        );
    }
    let error = told(
        &[
            "image",
            "set",
            "install.wim",
            "--skip-rearm",
            "on",
            "--output",
            "nowhere/a.wim",
        ],
        1,
    );
    assert!(
        error.contains("nowhere/a.wim") && !error.contains(".tmp"),
        "{error}"
    );
    assert_eq!(desk.hash(), before);
    // A hive in the place of which its own registration file would stand.
    let hive = desk.image(3, "Windows/System32/config/SOFTWARE").unwrap();
    std::fs::write(desk.path("SOFTWARE"), &hive).unwrap();
    let error = told(
        &["hive", "export", "SOFTWARE", "Microsoft", "--output", "SOFTWARE"],
        2,
    );
    assert!(error.contains("Name another file"), "{error}");
    assert_eq!(std::fs::read(desk.path("SOFTWARE")).unwrap(), hive);
}

#[test]
fn a_copy_is_made_and_told_even_if_nothing_changes() {
    let desk = Desk::new();
    desk.wimkey(&["image", "set", "install.wim", "--skip-rearm", "on"])
        .assert()
        .success();
    let output = desk
        .wimkey(&[
            "image",
            "set",
            "install.wim",
            "--skip-rearm",
            "on",
            "--output",
            "copy.wim",
        ])
        .assert()
        .success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(
        text.ends_with("Everything is already as asked; copy.wim is a copy.\n"),
        "{text}"
    );
    assert!(desk.path("copy.wim").is_file());
}

#[test]
fn faults_of_keys_name_where_the_key_came_from() {
    let desk = Desk::new();
    std::fs::write(desk.path("empty.txt"), " \n").unwrap();
    for (arguments, named) in [
        (["--key-file", "empty.txt"], "empty.txt: there is no key"),
        (
            ["--key-env", "EMPTY_KEY"],
            "environment variable EMPTY_KEY: there is no key",
        ),
    ] {
        let mut command = desk.wimkey(&["image", "set", "install.wim", arguments[0], arguments[1]]);
        let output = command.env("EMPTY_KEY", "").assert().code(1);
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(error.contains(named), "{error}");
    }
}
