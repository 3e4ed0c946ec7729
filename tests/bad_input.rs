//! Bad input of every kind: one clear error, the right exit code, and the target unchanged to the byte.

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

use common::desk::{Desk, hash};
use wimkey::image::{SOFTWARE, SYSTEM};
use wimkey::sample;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

/// Runs the main job on `install.wim` and expects a refusal: this exit code, these words, two lines at most, nothing changed.
fn refused(desk: &Desk, arguments: &[&str], code: i32, words: &[&str]) {
    let before = desk.hash();
    let output = desk
        .wimkey(&[&["image", "set", "install.wim"], arguments].concat())
        .assert()
        .code(code);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in {error}");
    }
    assert!(!error.contains("panicked"), "{error}");
    assert!(
        error.trim_end().lines().count() <= 3,
        "more than what, where and what to do:\n{error}"
    );
    assert_eq!(desk.hash(), before);
}

const GVLK: [&str; 3] = ["--gvlk", "--skip-rearm", "on"];

/// Changes the bytes of the sample WIM.
fn damage(change: impl FnOnce(&mut Vec<u8>)) -> Desk {
    let desk = Desk::new();
    let path = desk.path("install.wim");
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    desk
}

/// A WIM with one image of these files.
fn with_files(files: &[(&str, &[u8])]) -> Desk {
    let desk = Desk::new();
    let mut image = ImageBuilder::new("odd").text("WINDOWS/ARCH", "9");
    for (path, content) in files {
        image = image.file(path, content, Properties::default());
    }
    let bytes = Builder::new()
        .compress(Codec::Lzx, None)
        .unwrap()
        .image(image)
        .to_bytes()
        .unwrap();
    std::fs::write(desk.path("install.wim"), bytes).unwrap();
    desk
}

#[test]
fn what_is_not_a_wim_is_named_as_such() {
    refused(
        &damage(|bytes| *bytes = b"just text, and quite a lot of it ".repeat(20)),
        &GVLK,
        1,
        &["install.wim", "not a WIM"],
    );
    refused(&damage(|bytes| bytes[0] = b'X'), &GVLK, 1, &["not a WIM"]);
    refused(&damage(Vec::clear), &GVLK, 1, &["ends before its header"]);
}

#[test]
fn a_truncated_wim_says_where_it_ends() {
    for part in [50, 207, 208, 1000] {
        refused(&damage(|bytes| bytes.truncate(part)), &GVLK, 1, &["install.wim"]);
    }
    refused(
        &damage(|bytes| bytes.truncate(bytes.len() / 2)),
        &GVLK,
        1,
        &["ends before"],
    );
    refused(
        &damage(|bytes| bytes.truncate(bytes.len() - 1)),
        &GVLK,
        1,
        &["ends before"],
    );
}

#[test]
fn a_whole_wim_that_a_stopped_writer_left_marked_is_changed_and_the_mark_named() {
    let desk = damage(|bytes| bytes[16] |= 0x40);
    let output = desk
        .wimkey(&[&["image", "set", "install.wim"], &GVLK[..]].concat())
        .assert()
        .success();
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    let all = error + &String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(all.contains("another program was stopped"), "{all}");
    let bytes = std::fs::read(desk.path("install.wim")).unwrap();
    assert_eq!(bytes[16] & 0x40, 0, "the mark is gone");
}

#[test]
fn kinds_of_wim_that_cannot_be_changed_are_refused_with_the_way_out() {
    // Bytes 40 and 42: part and number of parts. Byte 16: flags, 4 read-only, 0x40 write in progress.
    refused(&damage(|bytes| bytes[42] = 2), &GVLK, 3, &["split", "join"]);
    refused(
        &damage(|bytes| bytes[16] |= 4),
        &GVLK,
        3,
        &["read-only", "export"],
    );
    // In the middle of the file stands content: the mark alone is no refusal (see below), the mark on a damaged file is.
    refused(
        &damage(|bytes| {
            bytes[16] |= 0x40;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xFF;
        }),
        &GVLK,
        3,
        &["writing", "verify"],
    );
    refused(&damage(|bytes| bytes[12] = 7), &GVLK, 3, &["unknown version"]);
    let pipable = damage(|bytes| {
        bytes[..8].copy_from_slice(b"WLPWM\0\0\0");
        let header = bytes[..208].to_vec();
        bytes.extend_from_slice(&header);
    });
    // A real pipable WIM is in the corpus test; this one may fail earlier, but never with a panic or a change.
    let before = pipable.hash();
    let output = pipable
        .wimkey(&["image", "set", "install.wim", "--gvlk"])
        .assert()
        .failure();
    assert!(matches!(output.get_output().status.code(), Some(1 | 3)));
    assert_eq!(pipable.hash(), before);
}

#[test]
fn an_image_without_hives_is_no_windows() {
    refused(
        &with_files(&[("readme.txt", b"nothing")]),
        &GVLK,
        1,
        &["image 1 (odd)", SOFTWARE],
    );
}

#[test]
fn a_corrupt_hive_is_refused_with_the_place() {
    let sound = sample::software_hive(sample::IMAGES[0]).unwrap().to_vec();
    let system = sample::system_hive().unwrap().to_vec();
    let mut bad_checksum = sound.clone();
    bad_checksum[508] ^= 1;
    let mut bad_cell = sound.clone();
    bad_cell[4096 + 32] ^= 0x80;
    for (software, words) in [
        (
            &b"not a hive at all"[..],
            &["SOFTWARE", "not a registry hive"][..],
        ),
        (&bad_checksum, &["SOFTWARE"]),
        (&bad_cell, &["SOFTWARE"]),
        (&sound[..5000], &["SOFTWARE"]),
        (b"", &["SOFTWARE"]),
    ] {
        let desk = with_files(&[(SOFTWARE, software), (SYSTEM, &system)]);
        let before = desk.hash();
        let output = desk
            .wimkey(&["image", "set", "install.wim", "--skip-rearm", "on"])
            .assert()
            .failure();
        assert!(matches!(output.get_output().status.code(), Some(1 | 3)));
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        for word in words {
            assert!(error.contains(word), "{error}");
        }
        assert!(!error.contains("panicked"), "{error}");
        assert_eq!(desk.hash(), before);
    }
}

#[test]
fn a_dirty_hive_is_refused_and_says_why() {
    let mut dirty = sample::software_hive(sample::IMAGES[0]).unwrap().to_vec();
    dirty[4] = dirty[4].wrapping_add(1);
    common::torn::seal(&mut dirty);
    refused(
        &with_files(&[(SOFTWARE, &dirty)]),
        &["--skip-rearm", "on"],
        3,
        &["dirty", "SOFTWARE"],
    );
}

#[test]
fn an_answer_file_that_is_not_well_formed_is_refused_with_line_and_column() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("broken.xml"),
        sample::ANSWER_FILE.replace("</OOBE>", "</OBE>"),
    )
    .unwrap();
    let before = desk.hash();
    let output = desk
        .wimkey(&[
            "image",
            "set",
            "install.wim",
            "--gvlk",
            "--unattend",
            "broken.xml",
        ])
        .assert()
        .code(1);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(
        error.contains("broken.xml") && error.contains("line 13") && error.contains('^'),
        "{error}"
    );
    assert_eq!(desk.hash(), before);
    for (name, content) in [
        ("empty.xml", &b""[..]),
        ("other.xml", b"<project/>"),
        ("binary.xml", b"\xFF\xFE\0"),
    ] {
        std::fs::write(desk.path(name), content).unwrap();
        let output = desk
            .wimkey(&["image", "set", "install.wim", "--gvlk", "--unattend", name])
            .assert()
            .code(1);
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(error.contains(name), "{error}");
    }
    refused(
        &desk,
        &["--gvlk", "--unattend", "missing.xml"],
        1,
        &["missing.xml"],
    );
    assert_eq!(hash(&desk.path("install.wim")), before);
}

#[test]
fn a_key_that_is_none_is_refused_without_being_repeated() {
    let desk = Desk::new();
    let published = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
    for (text, word) in [
        (&published[..28], "24"),
        (&published.replace('W', "A"), "column 1"),
        (&published.replace('W', "Ａ"), "column 1"),
        ("", "no"),
        ("00000-00000-00000-00000-00000", "placeholder"),
    ] {
        std::fs::write(desk.path("key.txt"), text).unwrap();
        let before = desk.hash();
        let output = desk
            .wimkey(&["image", "set", "install.wim:3", "--key-file", "key.txt"])
            .assert()
            .failure();
        let output = output.get_output();
        assert!(matches!(output.status.code(), Some(1 | 3)), "{:?}", output.status);
        let error = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(error.contains(word), "{word:?} is not in {error}");
        assert!(text.is_empty() || !error.contains(&text[6..]), "{error}");
        assert_eq!(desk.hash(), before);
    }
    refused(&desk, &["--key-file", "missing.txt"], 1, &["missing.txt"]);
    refused(
        &desk,
        &["--key-env", "WIMKEY_NO_SUCH_NAME"],
        1,
        &["WIMKEY_NO_SUCH_NAME"],
    );
    refused(&desk, &["--key-fd", "77"], 1, &["descriptor 77"]);
}

#[test]
fn an_image_that_does_not_exist_is_answered_with_those_that_do() {
    let desk = Desk::new();
    let before = desk.hash();
    for selector in ["9", "0", "Windows 12", "4294967296"] {
        let output = desk
            .wimkey(&["image", "set", &format!("install.wim:{selector}"), "--gvlk"])
            .assert()
            .code(1);
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(
            error.contains(selector) && error.contains("3 Windows 11 Pro"),
            "{error}"
        );
    }
    let output = desk
        .wimkey(&["image", "set", "nowhere.wim", "--gvlk"])
        .assert()
        .code(1);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("nowhere.wim"));
    let output = desk.wimkey(&["image", "show", "."]).assert().code(1);
    assert!(String::from_utf8_lossy(&output.get_output().stderr).contains("neither a WIM"));
    assert_eq!(desk.hash(), before);
}

#[test]
fn an_edition_without_a_published_key_stops_the_whole_run() {
    let desk = Desk::new();
    let home = sample::SampleImage {
        name: "Windows 11 Home",
        edition: "Core",
        build: 22621,
    };
    let evaluation = sample::SampleImage {
        name: "Evaluation",
        edition: "EnterpriseEval",
        build: 22621,
    };
    for image in [home, evaluation] {
        sample::write_wim(&desk.path("install.wim"), &[sample::IMAGES[2], image]).unwrap();
        refused(
            &desk,
            &GVLK,
            3,
            &["image 2", image.edition, "Nothing was written"],
        );
    }
}

#[test]
fn settings_and_hosts_that_make_no_sense_are_usage_errors() {
    let desk = Desk::new();
    refused(&desk, &["--set", "VLRenewalInterval=5"], 2, &["15 to 43200"]);
    refused(&desk, &["--set", "SkipRaerm=1"], 2, &["Did you mean SkipRearm"]);
    let before = desk.hash();
    for arguments in [
        &["--kms-host", "a b"][..],
        &["--kms-host", "kms:0"],
        &["--skip-rearm", "maybe"],
        &["--gvlk", "--key-env", "X"],
    ] {
        desk.wimkey(&[&["image", "set", "install.wim"], arguments].concat())
            .assert()
            .code(2);
    }
    assert_eq!(desk.hash(), before);
}

#[test]
fn every_truncation_and_many_flips_of_a_wim_end_in_an_error_or_a_whole_image() {
    let desk = Desk::new();
    let whole = std::fs::read(desk.path("install.wim")).unwrap();
    let mut seed = 1u32;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Half of the faults go into the header and the tables at the end, which steer everything.
            let place = match seed % 4 {
                0 => seed as usize / 4 % 208,
                1 => bytes.len() - 1 - seed as usize / 4 % 2000,
                _ => seed as usize / 4 % bytes.len(),
            };
            bytes[place] ^= 1 << (seed >> 13 & 7);
        }
        std::fs::write(desk.path("install.wim"), &bytes).unwrap();
        let mut command = desk.wimkey(&["image", "set", "install.wim", "--gvlk", "--dry-run"]);
        let output = command
            .timeout(std::time::Duration::from_secs(20))
            .output()
            .unwrap();
        assert!(
            matches!(output.status.code(), Some(0 | 1 | 3)),
            "{:?} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(std::fs::read(desk.path("install.wim")).unwrap(), bytes);
    }
}
