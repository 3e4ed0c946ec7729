//! `wimkey hive`: what its commands print, write and refuse.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::torn::torn;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wimkey::hive::{Hive, ValueKind};
use wimkey::secret::{self, Wiped};
use wimkey::text;

/// The published key of Windows 10 and 11 Pro.
const PUBLISHED: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
/// Of the shape of a key, with symbols that no key has.
const SHAPED: &str = "AAAAA-EEEEE-IIIII-OOOOO-12345";

fn wimkey(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .arg("hive")
        .args(arguments)
        .output()
        .unwrap()
}

fn code(arguments: &[&str]) -> i32 {
    let output = wimkey(arguments);
    output.status.code().unwrap()
}

fn json(arguments: &[&str]) -> Json {
    let output = wimkey(&[arguments, &["--format", "json"]].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema"], "wimkey/1");
    json
}

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    /// A folder with a hive `SOFTWARE` and logs beside it that hold old pages.
    fn new() -> Self {
        let scratch = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let mut hive = Hive::create(5).unwrap();
        hive.set_value(r"A\B", "n", ValueKind::Dword, &[7, 0, 0, 0])
            .unwrap();
        let text = text::utf16le(&format!("two keys: {SHAPED} {PUBLISHED}\0"));
        hive.set_value("A", "keys", ValueKind::String, &text).unwrap();
        std::fs::write(scratch.path("SOFTWARE"), hive.finish().unwrap()).unwrap();
        for log in ["SOFTWARE.LOG1", "software.log2"] {
            std::fs::write(scratch.path(log), "old page").unwrap();
        }
        scratch
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn hive(&self, name: &str) -> Hive {
        Hive::open(secret::read_file(&self.path(name), 1 << 20).unwrap()).unwrap()
    }
}

/// Makes the hive at `path` dirty and puts its change into a log.
fn dirty(path: &Path) {
    let before: Wiped = secret::read_file(path, 1 << 20).unwrap();
    let mut hive = Hive::open(before.clone()).unwrap();
    hive.set_value(r"A\B", "n", ValueKind::Dword, &[8, 0, 0, 0])
        .unwrap();
    let after = hive.finish().unwrap();
    let (torn, log) = torn(&before, &after);
    std::fs::write(path.with_file_name("SOFTWARE.LOG1"), log).unwrap();
    std::fs::write(path, torn).unwrap();
}

#[test]
fn a_value_is_set_once_and_the_logs_are_emptied() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let told = json(&["set", &file, r"A\B", "n", "REG_DWORD", "0x10"]);
    assert_eq!(told["changed"], true);
    let change = &told["changes"][0];
    assert_eq!(
        (&change["old"], &change["new"]),
        (&Json::from("7"), &Json::from("16"))
    );
    assert_eq!(
        (&change["place"], &change["state"]),
        (&Json::from(r"A\B"), &Json::from("changed"))
    );
    assert_eq!(
        scratch.bytes("SOFTWARE.LOG1").len() + scratch.bytes("software.log2").len(),
        0
    );
    let before = scratch.bytes("SOFTWARE");
    std::fs::write(scratch.path("SOFTWARE.LOG1"), "new page").unwrap();
    let told = json(&["set", &file, r"a\b", "N", "reg_dword", "16"]);
    assert_eq!(
        (&told["changed"], &told["changes"][0]["state"]),
        (&Json::from(false), &Json::from("already"))
    );
    assert!(scratch.bytes("SOFTWARE") == before);
    assert_eq!(scratch.bytes("SOFTWARE.LOG1"), b"new page");
}

#[test]
fn a_dry_run_writes_nothing_and_an_output_leaves_the_hive_alone() {
    let scratch = Scratch::new();
    let (file, copy) = (scratch.file("SOFTWARE"), scratch.file("copy"));
    let before = scratch.bytes("SOFTWARE");
    let writers: [&[&str]; 4] = [
        &["set", &file, "New", "", "REG_SZ", "text"],
        &["delete", &file, "A"],
        &["scrub", &file],
        &["compact", &file],
    ];
    for writer in writers {
        assert_eq!(json(&[writer, &["--dry-run"]].concat())["dry_run"], true);
        assert!(scratch.bytes("SOFTWARE") == before);
        let told = json(&[writer, &["--output", &copy]].concat());
        assert_eq!(told["output"], Json::from(copy.as_str()));
        assert!(scratch.bytes("SOFTWARE") == before && scratch.bytes("SOFTWARE.LOG1") == b"old page");
        scratch.hive("copy");
        std::fs::remove_file(&copy).unwrap();
    }
}

#[test]
fn values_and_keys_are_deleted_and_what_is_not_there_is_no_fault() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    assert_eq!(json(&["delete", &file, r"A\B", "n"])["changed"], true);
    assert_eq!(json(&["delete", &file, r"A\B", "n"])["changed"], false);
    assert_eq!(json(&["delete", &file, r"A"])["changed"], true);
    assert_eq!(json(&["delete", &file, r"A"])["changed"], false);
    assert_eq!(code(&["delete", &file, ""]), 1);
    assert_eq!(scratch.hive("SOFTWARE").walk().count(), 1);
}

#[test]
fn no_more_of_an_unpublished_key_is_printed_than_its_last_five_symbols() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let expected = format!("two keys: *****-*****-*****-*****-12345 {PUBLISHED}");
    assert_eq!(json(&["get", &file, "A", "keys"])["data"], Json::from(expected));
    for arguments in [
        &["get", &file, "A", "keys"][..],
        &["get", &file, "A"],
        &["show", &file],
        &["delete", &file, "A", "keys"],
    ] {
        for format in ["text", "json"] {
            let output = wimkey(&[arguments, &["--format", format]].concat());
            assert!(output.status.success());
            assert!(
                !String::from_utf8_lossy(&output.stdout).contains("AAAAA"),
                "{arguments:?}"
            );
        }
    }
}

#[test]
fn an_unpublished_key_is_not_taken_as_data() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let output = wimkey(&["set", &file, "A", "k", "REG_SZ", SHAPED]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("AAAAA"));
    assert_eq!(code(&["set", &file, "A", "k", "REG_SZ", PUBLISHED]), 0);
}

#[test]
fn senseless_arguments_end_with_code_2() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    assert_eq!(code(&["set", &file, "A", "n", "REG_NOTHING", "1"]), 2);
    assert_eq!(code(&["set", &file, "A", "n", "REG_DWORD", "-1"]), 2);
    assert_eq!(code(&["get", &file, r"A\None"]), 1);
    assert_eq!(code(&["get", &scratch.file("none"), "A"]), 1);
}

#[test]
fn a_dirty_hive_is_refused_until_its_logs_are_applied() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    dirty(&scratch.path("SOFTWARE"));
    std::fs::remove_file(scratch.path("software.log2")).unwrap();
    let torn = scratch.bytes("SOFTWARE");
    for writer in [
        &["set", &file, "A", "n", "REG_DWORD", "1"][..],
        &["scrub", &file],
        &["compact", &file],
    ] {
        let output = wimkey(writer);
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--replay"));
    }
    assert!(scratch.bytes("SOFTWARE") == torn);
    assert_eq!(json(&["recover", &file, "--dry-run"])["replayed"], true);
    assert!(scratch.bytes("SOFTWARE") == torn);
    let copy = scratch.file("copy");
    assert_eq!(
        json(&[
            "set",
            &file,
            "A",
            "n",
            "REG_DWORD",
            "1",
            "--replay",
            "--output",
            &copy
        ])["replayed"],
        true
    );
    let hive = scratch.hive("copy");
    let value = |key: &str| {
        hive.find(key)
            .unwrap()
            .unwrap()
            .value("n")
            .unwrap()
            .unwrap()
            .as_u32()
            .unwrap()
    };
    assert_eq!((value("A"), value(r"A\B")), (1, 8));
    assert!(!scratch.bytes("SOFTWARE.LOG1").is_empty());
    assert_eq!(json(&["recover", &file])["changed"], true);
    assert_eq!(scratch.bytes("SOFTWARE.LOG1").len(), 0);
    assert_eq!(json(&["get", &file, r"A\B", "n"])["data"], 8);
    assert_eq!(json(&["recover", &file])["changed"], false);
}

#[test]
fn a_dirty_hive_whose_logs_do_not_fit_is_refused() {
    let scratch = Scratch::new();
    dirty(&scratch.path("SOFTWARE"));
    for log in ["SOFTWARE.LOG1", "software.log2"] {
        std::fs::remove_file(scratch.path(log)).unwrap();
    }
    assert_eq!(code(&["recover", &scratch.file("SOFTWARE")]), 3);
}

#[test]
fn a_hive_goes_through_a_registration_file_and_back() {
    let scratch = Scratch::new();
    let (file, reg, empty) = (
        scratch.file("SOFTWARE"),
        scratch.file("a.reg"),
        scratch.file("empty"),
    );
    assert_eq!(json(&["export", &file, "--output", &reg])["values"], 2);
    let text = scratch.bytes("a.reg");
    assert!(text.starts_with(b"\xFF\xFEW\0i\0"));
    assert_eq!(wimkey(&["export", &file]).stdout, text);
    std::fs::write(&empty, Hive::create(5).unwrap().finish().unwrap()).unwrap();
    assert_eq!(code(&["import", &empty, &reg]), 1);
    let told = json(&["import", &empty, &reg, "--prefix", r"HKLM\software"]);
    assert_eq!(told["changed"], true);
    assert!(!told.to_string().contains("AAAAA"));
    assert_eq!(
        wimkey(&["export", &empty, "--prefix", r"HKEY_LOCAL_MACHINE\SOFTWARE"]).stdout,
        text
    );
    assert_eq!(json(&["import", &file, &reg])["changed"], false);
    std::fs::write(
        &reg,
        "REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE]\n\"a\"=nonsense\n",
    )
    .unwrap();
    let output = wimkey(&["import", &file, &reg]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 4:"));
}

#[test]
fn a_scrub_and_a_compaction_say_what_they_did() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let mut bytes = scratch.bytes("SOFTWARE");
    let place = bytes.len() - 60;
    bytes[place..place + 29].copy_from_slice(PUBLISHED.as_bytes());
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(json(&["scrub", &file])["wiped_bytes"], 29);
    assert_eq!(json(&["scrub", &file])["changed"], false);
    assert_eq!(code(&["compact", &file]), 0);
    assert_eq!(json(&["compact", &file])["changed"], false);
    let told = json(&["show", &file]);
    assert_eq!(
        (&told["keys"], &told["values"], &told["version"]),
        (&3.into(), &2.into(), &Json::from("1.5"))
    );
}

#[test]
fn many_who_write_one_hive_at_a_time_lose_nothing() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    std::thread::scope(|scope| {
        for number in 0..12 {
            let file = &file;
            scope.spawn(move || {
                let name = format!("v{number}");
                assert_eq!(code(&["set", file, "Many", &name, "REG_SZ", "x"]), 0);
            });
        }
    });
    let many = json(&["get", &file, "Many"]);
    assert_eq!(many["values"].as_array().unwrap().len(), 12, "{many}");
}

#[test]
fn a_path_through_the_link_of_a_running_windows_is_refused_with_the_way_out() {
    let scratch = Scratch::new();
    let file = scratch.file("SYSTEM");
    let mut hive = Hive::create(5).unwrap();
    hive.set_value("Select", "Current", ValueKind::Dword, &[2, 0, 0, 0])
        .unwrap();
    hive.set_value(r"ControlSet002\Services", "a", ValueKind::Dword, &[1, 0, 0, 0])
        .unwrap();
    std::fs::write(&file, hive.finish().unwrap()).unwrap();
    let before = std::fs::read(&file).unwrap();
    let registration = scratch.path("system.reg");
    std::fs::write(
        &registration,
        "Windows Registry Editor Version 5.00\n\n[HKLM\\SYSTEM\\CurrentControlSet\\Services]\n\"a\"=dword:2\n",
    )
    .unwrap();
    let registration = registration.to_str().unwrap();
    let commands: [(&[&str], i32); 3] = [
        (
            &["set", &file, r"currentcontrolset\Services", "a", "REG_DWORD", "2"],
            2,
        ),
        (&["delete", &file, r"CurrentControlSet\Services", "a"], 2),
        (&["import", &file, registration], 1),
    ];
    for (arguments, expected) in commands {
        let output = wimkey(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{error}");
        assert!(error.contains("ControlSet002"), "{error}");
        assert!(std::fs::read(&file).unwrap() == before);
    }
    // A hive that has such a key, or is no SYSTEM hive, takes the path as it is.
    assert_eq!(
        code(&[
            "set",
            &scratch.file("SOFTWARE"),
            "CurrentControlSet",
            "a",
            "REG_SZ",
            "x"
        ]),
        0
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_emptied_is_told_and_the_hive_is_saved() {
    /// What nobody may write to, not even root.
    const UNWRITABLE: &str = "/sys/kernel/notes";
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let log = scratch.path("SOFTWARE.LOG1");
    // What a link leads to is emptied.
    let elsewhere = scratch.path("elsewhere");
    std::fs::write(&elsewhere, "old page").unwrap();
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    assert_eq!(code(&["set", &file, "A", "new", "REG_SZ", "x"]), 0);
    assert_eq!(elsewhere.metadata().unwrap().len(), 0);
    if !Path::new(UNWRITABLE).is_file() {
        eprintln!("skipped in part: there is no {UNWRITABLE}");
        return;
    }
    std::fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(UNWRITABLE, &log).unwrap();
    let output = wimkey(&["set", &file, "A", "newer", "REG_SZ", "x"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("SOFTWARE is saved, but a transaction log"),
        "{error}"
    );
    assert_eq!(json(&["get", &file, "A", "newer"])["data"], "x");
}

#[test]
fn a_hive_whose_root_is_not_marked_is_sound_enough_to_be_exported_and_edited() {
    let scratch = Scratch::new();
    let file = scratch.file("SOFTWARE");
    let marked = wimkey(&["export", &file]).stdout;
    let mut bytes = std::fs::read(&file).unwrap();
    // The flags of the root key, in the first cell of the first bin.
    let flags = 4096 + 32 + 4 + 2;
    assert_eq!(bytes[flags - 2..flags], *b"nk");
    bytes[flags] &= !4;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(code(&["check", &file]), 10);
    assert!(wimkey(&["export", &file]).stdout == marked);
    assert_eq!(code(&["set", &file, "A", "new", "REG_SZ", "x"]), 0);
}

#[test]
fn a_name_with_a_backslash_is_a_fault_and_is_not_exported_as_two_keys() {
    let scratch = Scratch::new();
    let file = scratch.file("NTUSER.DAT");
    // Lists of version 1.3 have no hashes that would tell.
    let mut hive = Hive::create(3).unwrap();
    hive.set_value("AxB", "n", ValueKind::Dword, &[7, 0, 0, 0])
        .unwrap();
    let mut bytes = hive.finish().unwrap();
    let name = memchr::memmem::find(&bytes, b"AxB").unwrap();
    bytes[name + 1] = b'\\';
    std::fs::write(&file, bytes).unwrap();
    let output = wimkey(&["check", &file]);
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&output.stdout).contains("backslash"));
    let output = wimkey(&["export", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(code(&["set", &file, "New", "n", "REG_SZ", "x"]), 3);
}
