//! Ctrl-C in the middle of the work: the target is the old one or the new one, no temporary file is left, the exit code says so.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::hash;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use wimkey::hive::{Hive, ValueKind};
use wimkey::image::{SOFTWARE, SYSTEM};
use wimkey::sample;

/// The exit code of Ctrl-C.
const INTERRUPTED: i32 = 130;

/// An applied image whose SOFTWARE hive takes a while to check.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut hive = Hive::open(sample::software_hive(sample::IMAGES[2]).unwrap()).unwrap();
    for key in 0..400 {
        let key = format!(r"Filling\K{key:05}");
        for value in 0..16 {
            hive.set_value(&key, &format!("v{value}"), ValueKind::Binary, &[7; 4000])
                .unwrap();
        }
    }
    let root = folder.path().join("root");
    for (path, content) in [
        (SOFTWARE, hive.finish().unwrap()),
        (SYSTEM, sample::system_hive().unwrap()),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    (folder, root)
}

/// Runs the program and interrupts it after a while.
fn interrupted(arguments: &[&str], after: Duration) -> (ExitStatus, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(arguments)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
    assert!(sent.is_ok(), "there is no kill");
    let mut error = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut error).unwrap();
    (child.wait().unwrap(), error)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_target_is_old_or_new_and_nothing_lies_about() {
    let (_guard, root) = folder();
    let shown = root.to_str().unwrap();
    let hive = root.join(SOFTWARE);
    let beside = files(hive.parent().unwrap());
    // How long it takes undisturbed.
    let start = Instant::now();
    let undisturbed = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(["image", "set", shown, "--skip-rearm", "off", "--quiet"])
        .output();
    assert!(undisturbed.unwrap().status.success());
    let span = start.elapsed();
    let mut codes = Vec::new();
    for step in 0..24u32 {
        let old = hash(&hive);
        let value = if step % 2 == 0 { "on" } else { "off" };
        let (status, error) = interrupted(
            &["image", "set", shown, "--skip-rearm", value],
            span * (step % 12) / 12,
        );
        // A signal before the work began ends the program in the system's way.
        assert!(
            matches!(status.code(), Some(0 | INTERRUPTED)) || status.signal() == Some(2),
            "{status}: {error}"
        );
        codes.extend(status.code());
        assert!(!error.contains("panicked"), "{error}");
        assert_eq!(files(hive.parent().unwrap()), beside);
        let new = hash(&hive);
        if error.contains("nothing was written") {
            assert_eq!(new, old, "{error}");
        }
        Hive::open(wimkey::secret::read_file(&hive, 1 << 30).unwrap()).unwrap();
    }
    eprintln!("exit codes: {codes:?}");
}

#[test]
fn a_search_that_is_interrupted_says_so() {
    let (_guard, root) = folder();
    let filling = vec![b'x'; 64 << 20];
    for number in 0..6 {
        std::fs::write(root.join(format!("large{number}.bin")), &filling).unwrap();
    }
    let arguments = ["image", "audit", root.to_str().unwrap()];
    let told = (1..=40).find_map(|step| {
        let (status, error) = interrupted(&arguments, Duration::from_millis(step * 5));
        (status.code() == Some(INTERRUPTED) && error.contains("nothing was written")).then_some(())
    });
    assert!(told.is_some(), "no interruption met the work");
}
