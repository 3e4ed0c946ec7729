//! Keys are found wherever they lie and however they are written; published ones alarm nobody.

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

use common::desk::wimkey;
use common::leaks::{self, leaks, unpublished, write_folder, write_wim};
use serde_json::Value;
use std::path::Path;
use wimkey::image::{SOFTWARE, SYSTEM};
use wimkey::sample;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

/// The published client setup key of Windows 10 and 11 Pro.
const PUBLISHED: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";

/// The findings in `target`, and the exit code.
fn audit(folder: &Path, arguments: &[&str]) -> (Vec<Value>, i32) {
    let output = wimkey()
        .current_dir(folder)
        .args(["image", "audit"])
        .args(arguments)
        .args(["--format", "json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report["schema"], "wimkey/1");
    let shown = String::from_utf8_lossy(&output.stdout).to_uppercase();
    assert!(!shown.contains(&unpublished()[..20]), "a key is shown");
    (
        report["findings"].as_array().unwrap().clone(),
        output.status.code().unwrap(),
    )
}

fn places<'f>(findings: &'f [Value], rule: &str) -> Vec<&'f str> {
    findings
        .iter()
        .filter(|finding| finding["rule"] == rule)
        .map(|finding| finding["place"].as_str().unwrap())
        .collect()
}

#[test]
fn every_planted_key_is_found_in_a_wim_and_in_a_folder() {
    let desk = tempfile::tempdir().unwrap();
    let planted = leaks(&unpublished());
    write_wim(&desk.path().join("a.wim"), &planted, Codec::Lzx);
    write_folder(&desk.path().join("root"), &planted);
    for target in ["a.wim", "root"] {
        let (findings, code) = audit(desk.path(), &[target]);
        assert_eq!(code, 10);
        for leak in &planted {
            let found = places(&findings, leak.rule);
            assert!(
                found.iter().any(|place| place.starts_with(leak.path)),
                "{}: {} in {target}: {:?}",
                leak.path,
                leak.rule,
                findings
                    .iter()
                    .filter(|finding| finding["place"].as_str().unwrap().starts_with(leak.path))
                    .collect::<Vec<_>>()
            );
        }
        for finding in &findings {
            assert_eq!(finding["level"], "error", "{finding}");
            assert_eq!(finding["target"], target);
            assert_eq!(
                finding["image"],
                if target == "a.wim" { 2.into() } else { Value::Null }
            );
        }
        // Five keys with two values each, and twice: the second time in Windows.old.
        assert_eq!(places(&findings, "WK-A001").len(), 20);
        assert_eq!(places(&findings, "WK-A002").len(), 2);
        assert_eq!(places(&findings, "WK-A003").len(), 4);
        // The deleted value, in three hives of which one is a copy.
        assert_eq!(places(&findings, "WK-A005").len(), 2);
        assert_eq!(places(&findings, "WK-A009").len(), 3);
        assert_eq!(places(&findings, "WK-A020").len(), 6);
        assert_eq!(places(&findings, "WK-A021").len(), 6);
        assert_eq!(places(&findings, "WK-A031").len(), 4);
    }
}

#[test]
fn every_form_is_found_in_every_place() {
    let desk = tempfile::tempdir().unwrap();
    let text = unpublished();
    let planted = leaks::matrix(&text);
    assert!(planted.len() >= 50);
    let mut image = ImageBuilder::new("one");
    std::fs::create_dir_all(desk.path().join("root/Windows/System32/config")).unwrap();
    for (.., path, content) in &planted {
        image = image.file(path, content, Properties::default());
        let path = desk.path().join("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let builder = Builder::new().compress(Codec::Xpress, None).unwrap().image(image);
    std::fs::write(desk.path().join("a.wim"), builder.to_bytes().unwrap()).unwrap();
    std::fs::write(desk.path().join("keys.txt"), &text).unwrap();
    for target in ["a.wim", "root"] {
        let (findings, code) = audit(desk.path(), &[target, "--key-file", "keys.txt"]);
        assert_eq!(code, 10);
        for (place, form, path, _) in &planted {
            let count = findings
                .iter()
                .filter(|finding| finding["place"].as_str().unwrap().starts_with(path))
                .count();
            assert_eq!(count, 1, "{form} in {place} of {target}");
        }
    }
}

#[test]
fn published_keys_are_notes_unless_they_are_asked_for() {
    let desk = tempfile::tempdir().unwrap();
    let planted: Vec<_> = leaks(PUBLISHED);
    write_wim(&desk.path().join("a.wim"), &planted, Codec::Xpress);
    let (findings, code) = audit(desk.path(), &["a.wim"]);
    assert_eq!(code, 10, "passwords are errors");
    let of_keys = |findings: &[Value]| {
        let message = |finding: &Value| finding["message"].as_str().unwrap().to_owned();
        let mut levels: Vec<String> = findings
            .iter()
            // That a key is for another edition is a fault of the answer file, not of secrecy.
            .filter(|finding| message(finding).contains("key") && finding["rule"] != "WK-U007")
            .map(|finding| finding["level"].as_str().unwrap().to_owned())
            .collect();
        levels.sort();
        levels.dedup();
        levels
    };
    assert_eq!(of_keys(&findings), ["note"]);
    std::fs::write(desk.path().join("key.txt"), format!("\u{FEFF}{PUBLISHED}\r\n")).unwrap();
    let (asked, code) = audit(desk.path(), &["a.wim", "--key-file", "key.txt"]);
    assert_eq!(code, 10);
    assert_eq!(of_keys(&asked), ["error"]);
    // Now every leak counts, those in files that nobody would open as well.
    for leak in &planted {
        let found = places(&asked, leak.rule);
        assert!(
            found.iter().any(|place| place.starts_with(leak.path)),
            "{}: {found:?}",
            leak.path
        );
    }
}

#[test]
fn a_clean_image_gives_no_finding_and_a_key_of_its_edition_only_notes() {
    let desk = common::desk::Desk::new();
    let (findings, code) = audit(desk.folder.path(), &["install.wim"]);
    assert_eq!((findings, code), (vec![], 0));
    desk.wimkey(&["image", "set", "install.wim", "--gvlk"])
        .assert()
        .success();
    let (findings, code) = audit(desk.folder.path(), &["install.wim"]);
    assert_eq!(code, 0);
    assert!(!findings.is_empty());
    for finding in &findings {
        assert_eq!(
            (
                finding["level"].as_str().unwrap(),
                finding["rule"].as_str().unwrap()
            ),
            ("note", "WK-A001")
        );
    }
}

#[test]
fn nothing_in_real_hives_is_taken_for_an_unpublished_key() {
    // Their keys were replaced by a published one, but for a damaged hive of Windows XP.
    let Some(hives) = common::corpus("hives") else {
        return;
    };
    let desk = tempfile::tempdir().unwrap();
    let root = desk.path().join("root");
    std::fs::create_dir_all(root.join("Windows/System32/config")).unwrap();
    let damaged = hives.join("damaged");
    let sound = common::files(&hives)
        .into_iter()
        .filter(|path| !path.starts_with(&damaged));
    for (index, path) in sound.enumerate() {
        let name = path.file_name().unwrap().to_str().unwrap();
        std::fs::copy(&path, root.join(format!("{index} {name}"))).unwrap();
    }
    let (findings, code) = audit(desk.path(), &["root"]);
    let errors: Vec<_> = findings
        .iter()
        .filter(|finding| finding["level"] != "note")
        .collect();
    assert!(errors.is_empty() && code == 0, "{errors:#?}");
    assert!(findings.len() > 4);
}

/// A folder with an image whose answer file holds the published key of another edition.
fn with_wrong_key(folder: &Path) {
    let image = sample::IMAGES[2];
    let answers = sample::ANSWER_FILE.replace(
        "<ComputerName>",
        "<ProductKey>NPPR9-FWDCX-D2C8J-H872K-2YT43</ProductKey><ComputerName>",
    );
    for (path, content) in [
        (SOFTWARE, &sample::software_hive(image).unwrap()[..]),
        (SYSTEM, &sample::system_hive().unwrap()),
        ("Windows/Panther/Unattend/Unattend.xml", answers.as_bytes()),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

#[test]
fn an_answer_file_is_judged_by_the_image_that_it_lies_in() {
    let desk = tempfile::tempdir().unwrap();
    with_wrong_key(&desk.path().join("root"));
    let (findings, code) = audit(desk.path(), &["root"]);
    assert_eq!(code, 10);
    let message = |rule: &str| {
        let found = findings.iter().find(|finding| finding["rule"] == rule);
        found.unwrap_or_else(|| panic!("no {rule} in {findings:?}"))["message"]
            .as_str()
            .unwrap()
    };
    let wrong = message("WK-U007");
    assert!(
        wrong.contains("Enterprise") && wrong.contains("Professional"),
        "{wrong}"
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_told_and_the_rest_is_searched() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    /// The number of the user who owns nothing.
    const NOBODY: u32 = 65534;
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let desk = tempfile::tempdir().unwrap();
    mode(desk.path(), 0o755);
    let root = desk.path().join("root");
    with_wrong_key(&root);
    let closed = root.join("Windows/Closed");
    std::fs::create_dir(&closed).unwrap();
    mode(&closed, 0);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wimkey"));
    command
        .args(["image", "audit", "--format", "json"])
        .arg(&root)
        .current_dir("/");
    if closed.read_dir().is_ok() {
        command.uid(NOBODY); // the superuser reads everything
    }
    let output = command.output();
    mode(&closed, 0o700);
    let output = match output {
        Ok(output) => output,
        // The program itself lies where nobody else may go.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return,
        Err(error) => panic!("{error}"),
    };
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(places(findings, "WK-A050"), ["Windows/Closed"]);
    assert!(findings.iter().any(|finding| finding["rule"] == "WK-U007"));
}

#[test]
fn an_image_whose_contents_lie_in_another_part_is_not_called_clean() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("a.swm");
    let image = |name| {
        ImageBuilder::new(name)
            .file("Windows/b.txt", name.as_bytes(), Properties::default())
            .file(
                "Windows/a.txt",
                format!("{name}: {PUBLISHED}").as_bytes(),
                Properties::default(),
            )
    };
    let builder = Builder::new().image(image("one")).image(image("two"));
    std::fs::write(&path, builder.to_bytes().unwrap()).unwrap();
    assert_eq!(audit(desk.path(), &["a.swm"]).1, 0);
    // Make it the first part of two, with nothing but the directories in it: rows of 50 bytes with flags at 7 and part at 24.
    let mut bytes = std::fs::read(&path).unwrap();
    let number =
        |at: usize| usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap();
    let (size, table) = (number(48) & 0x00FF_FFFF, number(56));
    for row in bytes[table..table + size].chunks_exact_mut(50) {
        if row[7] & 2 == 0 {
            row[24] = 2;
        }
    }
    bytes[42] = 2;
    std::fs::write(&path, bytes).unwrap();
    let (findings, code) = audit(desk.path(), &["a.swm"]);
    assert_eq!(code, 10);
    assert_eq!(places(&findings, "WK-A050"), ["Windows/a.txt", "Windows/a.txt"]);
    for (finding, image) in findings
        .iter()
        .filter(|finding| finding["rule"] == "WK-A050")
        .zip([1, 2])
    {
        assert_eq!(finding["image"], image);
        let words = finding["message"].as_str().unwrap();
        assert!(words.contains("Windows/a.txt and of 1 more files"), "{words}");
    }
    let (findings, code) = audit(desk.path(), &["a.swm:2"]);
    assert_eq!((findings.len(), code), (1, 10));
}
