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
use std::path::{Path, PathBuf};
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
        let mut hive = Hive::open(zeroize::Zeroizing::new(software.clone())).unwrap();
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

/// Takes SOFTWARE and SYSTEM of an image out of the WIM, to a folder of this name.
fn extract(desk: &Desk, index: usize, into: &str) -> PathBuf {
    let folder = desk.path(into);
    std::fs::create_dir_all(&folder).unwrap();
    let (index, destination) = (index.to_string(), format!("--dest-dir={}", folder.display()));
    let (wim, configuration) = (desk.path("install.wim"), "/Windows/System32/config");
    let [software, system] = ["SOFTWARE", "SYSTEM"].map(|name| format!("{configuration}/{name}"));
    wimlib(&[
        "extract",
        wim.to_str().unwrap(),
        &index,
        &software,
        &system,
        &destination,
        "--no-acls",
    ]);
    folder
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
    let is_wanted = |path: &PathBuf| path.to_string_lossy().contains("windows-2022_autounattend");
    let answer_file = files(&answers).into_iter().find(is_wanted).unwrap();
    let wim = desk.path("install.wim");
    let before: Vec<_> = (1..=build.editions.len())
        .map(|index| {
            (
                listing(&wim, index),
                export(&extract(&desk, index, &format!("before{index}")).join("SOFTWARE")),
            )
        })
        .collect();

    let answer_file = answer_file.to_str().unwrap();
    let host = "kms.example.com:1688";
    let arguments = [
        "image",
        "set",
        "install.wim",
        "--gvlk",
        "--skip-rearm",
        "on",
        "--kms-host",
        host,
        "--unattend",
        answer_file,
    ];
    let report = desk.json(&arguments);
    assert_eq!(report["verified"], true);
    wimlib(&["verify", wim.to_str().unwrap()]);
    for (index, ((edition, key), (listed, exported))) in (1..).zip(build.editions.iter().zip(&before)) {
        let others: Vec<_> = listing(&wim, index)
            .symmetric_difference(listed)
            .cloned()
            .collect();
        assert!(
            others.is_empty(),
            "{edition}: other entries of the image changed: {others:#?}"
        );
        judge_hives(
            &extract(&desk, index, &format!("after{index}")),
            exported,
            edition,
        );
        judge_key(&desk, index, edition, key);
    }
    let once = hash(&wim);
    assert_eq!(desk.json(&arguments)["changed"], false);
    assert_eq!(hash(&wim), once);
}

/// What another program reads in the hives is what was asked for, and nothing else differs.
fn judge_hives(folder: &Path, before: &BTreeSet<String>, edition: &str) {
    let asked = [
        "SkipRearm",
        "KeyManagementService",
        "ProductId",
        "EditionID",
        "OSProduct",
        "DefaultProductKey2]",
    ];
    let after = export(&folder.join("SOFTWARE"));
    let differing: Vec<_> = after.symmetric_difference(before).collect();
    let unasked = differing
        .iter()
        .find(|line| !asked.iter().any(|name| line.contains(name)));
    assert_eq!(unasked, None, "{edition}");
    let has = |line: &str| {
        after.contains(&format!(
            r"[\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform] {line}"
        ))
    };
    assert!(has("\"SkipRearm\"=dword:00000001"), "{edition}");
    for (name, text) in [
        ("KeyManagementServiceName", "kms.example.com"),
        ("KeyManagementServicePort", "1688"),
    ] {
        let bytes: Vec<_> = text
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(
            has(&format!("\"{name}\"=hex(1):{}", bytes.join(","))),
            "{edition} {name}"
        );
    }
    for name in ["SOFTWARE", "SYSTEM"] {
        let findings = hive::check(&std::fs::read(folder.join(name)).unwrap());
        assert!(
            findings
                .iter()
                .all(|finding| finding.severity == hive::Severity::Warn),
            "{edition} {name}"
        );
    }
}

/// The key stands in the answer file and, as `image show` reads it, in the hive.
fn judge_key(desk: &Desk, index: usize, edition: &str, key: &str) {
    let (wim, image) = (desk.path("install.wim"), index.to_string());
    let arguments = [
        "extract",
        wim.to_str().unwrap(),
        &image,
        "/Windows/Panther/unattend.xml",
        "--to-stdout",
    ];
    let output = Command::new("wimlib-imagex").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!("<ProductKey>{key}</ProductKey>")),
        "{edition}: {text}"
    );
    let shown = desk.json(&["image", "show", &format!("install.wim:{index}")]);
    let shown = &shown["images"][0]["activation"]["product_key"];
    let last_five = key.rsplit('-').next().unwrap();
    assert!(
        shown["partial"].as_str().unwrap().ends_with(last_five),
        "{edition}"
    );
    assert_eq!(shown["channel"], "Volume:GVLK");
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
