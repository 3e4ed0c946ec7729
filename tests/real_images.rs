//! The main job on images that other programs made around real hives, judged by other programs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::{Desk, hash};
use common::{corpus, files, judge, run};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use wimkey::activation::{CURRENT_VERSION, string_data};
use wimkey::hive::{self, Hive, ValueKind};
use wimkey::sample;

/// Editions of the images, and the published key of each.
struct Build {
    number: u32,
    configuration: Option<&'static str>,
    editions: [(&'static str, &'static str); 2],
}

const WINDOWS_7: Build = Build {
    number: 7601,
    configuration: None,
    editions: [
        ("Professional", "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"),
        ("ServerDatacenter", "74YFP-3QFB3-KQT8W-PMXWJ-7M648"),
    ],
};

const WINDOWS_11: Build = Build {
    number: 22621,
    configuration: Some("windows_22621.1_pkeyconfig.xrm-ms"),
    editions: [
        ("Education", "NW6C2-QMPVW-D7KKK-3GKT6-VCFB2"),
        ("Enterprise", "NPPR9-FWDCX-D2C8J-H872K-2YT43"),
    ],
};

fn wimlib(arguments: &[&str]) {
    let output = Command::new("wimlib-imagex").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "wimlib-imagex {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A WIM around the corpus' hives, captured image by image.
fn capture(desk: &Desk, build: &Build, hives: &Path, configurations: &Path) {
    let tree = desk.path("tree");
    let settings = tree.join("Windows/System32/config");
    let keys = tree.join("Windows/System32/spp/tokens/pkeyconfig");
    for folder in [&settings, &keys, &tree.join("Users/Default")] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::copy(hives.join("win7-sp1.SYSTEM"), settings.join("SYSTEM")).unwrap();
    std::fs::copy(
        hives.join("win7.NTUSER.DAT"),
        tree.join("Users/Default/NTUSER.DAT"),
    )
    .unwrap();
    if let Some(name) = build.configuration {
        std::fs::copy(configurations.join(name), keys.join("pkeyconfig.xrm-ms")).unwrap();
    }
    let software = std::fs::read(hives.join("win7-ultimate-x86.SOFTWARE")).unwrap();
    let wim = desk.path("install.wim");
    std::fs::remove_file(&wim).unwrap();
    for (number, (edition, _)) in build.editions.iter().enumerate() {
        let mut hive = Hive::open(software.clone().into()).unwrap();
        let number_text = build.number.to_string();
        for (name, text) in [
            ("EditionID", *edition),
            ("CurrentBuild", &number_text),
            ("CurrentBuildNumber", &number_text),
        ] {
            hive.set_value(CURRENT_VERSION, name, ValueKind::String, &string_data(text))
                .unwrap();
        }
        std::fs::write(settings.join("SOFTWARE"), &*hive.finish().unwrap()).unwrap();
        let (verb, name) = (
            if number == 0 { "capture" } else { "append" },
            format!("Windows {edition}"),
        );
        let mut arguments = vec![verb, tree.to_str().unwrap(), wim.to_str().unwrap(), &name];
        if number == 0 {
            arguments.push("--compress=LZX:15");
        }
        wimlib(&arguments);
        let index = (number + 1).to_string();
        let edition = format!("WINDOWS/EDITIONID={edition}");
        wimlib(&[
            "info",
            wim.to_str().unwrap(),
            &index,
            "--image-property",
            &edition,
            "--image-property",
            "WINDOWS/ARCH=9",
        ]);
    }
}

/// What wimlib-imagex lists of an image, but for hashes and sizes of what the job changes.
fn listing(wim: &Path, index: usize) -> BTreeSet<String> {
    let output = run(
        "wimlib-imagex",
        &[
            "dir".as_ref(),
            wim.as_os_str(),
            index.to_string().as_ref(),
            "--detailed".as_ref(),
        ],
    );
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let changing = ["/SOFTWARE\"", "/SYSTEM\"", "/Panther\"", "/unattend.xml\""];
    let entries = text.split("----------------------------------------------------------------------------");
    let stays = |entry: &&str| {
        !entry
            .lines()
            .any(|line| changing.iter().any(|name| line.ends_with(name)))
    };
    entries.filter(stays).map(str::to_owned).collect()
}

/// The lines of a hive's export that the other does not have.
fn export(hive: &Path) -> BTreeSet<String> {
    let output = run(
        "hivexregedit",
        &["--export".as_ref(), hive.as_os_str(), r"\".as_ref()],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut key = String::new();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| {
            if line.starts_with('[') {
                line.clone_into(&mut key);
            }
            format!("{key} {line}")
        })
        .collect()
}

fn main_job(build: &Build) {
    let (Some(hives), Some(configurations), Some(answers)) =
        (corpus("hives"), corpus("pkeyconfig"), corpus("unattend"))
    else {
        return;
    };
    if !judge("wimlib-imagex") || !judge("hivexregedit") {
        return;
    }
    let desk = Desk::new();
    capture(&desk, build, &hives, &configurations);
    let answer_file = files(&answers)
        .into_iter()
        .find(|path| path.to_string_lossy().contains("windows-2022_autounattend"))
        .unwrap();
    let wim = desk.path("install.wim");
    let extract = |index: usize, into: &str| {
        let folder = desk.path(into);
        std::fs::create_dir_all(&folder).unwrap();
        let paths = [
            "/Windows/System32/config/SOFTWARE",
            "/Windows/System32/config/SYSTEM",
        ];
        wimlib(&[
            "extract",
            wim.to_str().unwrap(),
            &index.to_string(),
            paths[0],
            paths[1],
            &format!("--dest-dir={}", folder.display()),
            "--no-acls",
        ]);
        folder
    };
    let before: Vec<_> = (1..=2)
        .map(|index| {
            (
                listing(&wim, index),
                export(&extract(index, &format!("before{index}")).join("SOFTWARE")),
            )
        })
        .collect();

    let arguments = [
        "image",
        "set",
        "install.wim",
        "--gvlk",
        "--skip-rearm",
        "on",
        "--kms-host",
        "kms.example.com:1688",
        "--unattend",
    ];
    let arguments = [&arguments[..], &[answer_file.to_str().unwrap()]].concat();
    let report = desk.json(&arguments);
    assert_eq!(report["verified"], true);
    wimlib(&["verify", wim.to_str().unwrap()]);

    for (position, (edition, key)) in build.editions.iter().enumerate() {
        let index = position + 1;
        let folder = extract(index, &format!("after{index}"));
        let after = export(&folder.join("SOFTWARE"));
        let (listed, exported) = &before[position];
        let others: Vec<_> = listing(&wim, index)
            .symmetric_difference(listed)
            .cloned()
            .collect();
        assert!(
            others.is_empty(),
            "{edition}: other entries of the image changed: {others:#?}"
        );
        let new: Vec<_> = after.difference(exported).collect();
        let gone: Vec<_> = exported.difference(&after).collect();
        let asked = |line: &&&String| {
            [
                "SkipRearm",
                "KeyManagementService",
                "ProductId",
                "DigitalProductId",
                "EditionID",
                "OSProduct",
                "DefaultProductKey2]",
            ]
            .iter()
            .any(|name| line.contains(name))
        };
        assert_eq!(new.iter().find(|line| !asked(line)), None, "{edition}");
        assert_eq!(gone.iter().find(|line| !asked(line)), None, "{edition}");
        let settings = r"[\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform]";
        let has = |line: &str| after.contains(&format!("{settings} {line}"));
        assert!(has("\"SkipRearm\"=dword:00000001"));
        let wide = |text: &str| {
            text.encode_utf16()
                .chain([0])
                .flat_map(u16::to_le_bytes)
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert!(has(&format!(
            "\"KeyManagementServiceName\"=hex(1):{}",
            wide("kms.example.com")
        )));
        assert!(has(&format!(
            "\"KeyManagementServicePort\"=hex(1):{}",
            wide("1688")
        )));

        for name in ["SOFTWARE", "SYSTEM"] {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            assert!(
                hive::check(&bytes)
                    .iter()
                    .all(|finding| finding.severity == hive::Severity::Warn),
                "{edition} {name}"
            );
        }
        let output = Command::new("wimlib-imagex")
            .args([
                "extract",
                wim.to_str().unwrap(),
                &index.to_string(),
                "/Windows/Panther/unattend.xml",
                "--to-stdout",
            ])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(&format!("<ProductKey>{key}</ProductKey>")),
            "{edition}: {text}"
        );
        let shown = desk.json(&["image", "show", &format!("install.wim:{index}")]);
        let shown = &shown["images"][0]["activation"]["product_key"];
        assert!(
            shown["partial"].as_str().unwrap().ends_with(&key[24..]),
            "{edition}"
        );
        assert_eq!(shown["channel"], "Volume:GVLK");
    }
    let once = hash(&wim);
    assert_eq!(desk.json(&arguments)["changed"], false);
    assert_eq!(hash(&wim), once);
}

#[test]
fn windows_7_images_around_real_hives_get_keys_from_the_published_table() {
    main_job(&WINDOWS_7);
}

#[test]
fn windows_11_images_get_keys_by_their_own_key_configuration() {
    main_job(&WINDOWS_11);
}

#[test]
fn every_answer_file_of_the_corpus_goes_into_an_image_or_is_refused() {
    let Some(answers) = corpus("unattend") else { return };
    let desk = Desk::new();
    sample::write_wim(&desk.path("install.wim"), &sample::IMAGES[2..3]).unwrap();
    for path in files(&answers).into_iter().step_by(9) {
        let output = desk
            .wimkey(&[
                "image",
                "set",
                "install.wim",
                "--gvlk",
                "--unattend",
                path.to_str().unwrap(),
                "--dry-run",
            ])
            .output()
            .unwrap();
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
