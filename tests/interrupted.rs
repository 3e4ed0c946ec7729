//! Ctrl-C and the like in the middle of the work: the target is the old one or the new one, no temporary file is left, the exit code says so.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
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
use wimkey::wim::{Builder, ImageBuilder, Properties};

/// The exit code of an interruption.
const INTERRUPTED: i32 = 130;

/// A signal: what kill calls it, and its number.
#[derive(Clone, Copy)]
struct Signal(&'static str, i32);

const SIGNALS: [Signal; 3] = [Signal("-INT", 2), Signal("-TERM", 15), Signal("-HUP", 1)];

/// A SOFTWARE hive that takes a while to check.
fn large_hive() -> Vec<u8> {
    let mut hive = Hive::open(sample::software_hive(sample::IMAGES[2]).unwrap()).unwrap();
    for key in 0..400 {
        let key = format!(r"Filling\K{key:05}");
        for value in 0..16 {
            hive.set_value(&key, &format!("v{value}"), ValueKind::Binary, &[7; 4000])
                .unwrap();
        }
    }
    hive.finish().unwrap().to_vec()
}

/// An applied image with a large hive.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    for (path, content) in [
        (SOFTWARE, large_hive()),
        (SYSTEM, sample::system_hive().unwrap().to_vec()),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    (folder, root)
}

/// Runs the program and sends it a signal after a while. It leaves nothing in the folder for temporary files.
fn interrupted(arguments: &[&str], signal: Signal, after: Duration) -> (ExitStatus, String) {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(arguments)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    let sent = Command::new("kill")
        .args([signal.0, &child.id().to_string()])
        .stderr(Stdio::null())
        .status();
    assert!(sent.is_ok(), "there is no kill");
    let mut error = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut error).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(files(temporary.path()), [""; 0]);
    (status, error)
}

fn files(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Interrupts `image set` on the target at `shown`, whose work is done in `file`, at many moments; nothing but the file is beside it.
fn interrupt_often(shown: &str, file: &Path) {
    let beside = files(file.parent().unwrap());
    // How long it takes undisturbed.
    let start = Instant::now();
    let undisturbed = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(["image", "set", shown, "--skip-rearm", "off", "--quiet"])
        .output();
    assert!(undisturbed.unwrap().status.success());
    let span = start.elapsed();
    let mut codes = Vec::new();
    for step in 0..72u32 {
        let signal = SIGNALS[step as usize % SIGNALS.len()];
        let old = hash(file);
        let value = if step % 2 == 0 { "on" } else { "off" };
        let arguments = ["image", "set", shown, "--skip-rearm", value];
        let (status, error) = interrupted(&arguments, signal, span * (step % 12) / 12);
        // A signal before the work began ends the program in the system's way.
        assert!(
            matches!(status.code(), Some(0 | INTERRUPTED)) || status.signal() == Some(signal.1),
            "{status}: {error}"
        );
        assert!(!error.contains("panicked"), "{error}");
        assert_eq!(files(file.parent().unwrap()), beside);
        let new = hash(file);
        if error.contains("nothing was written") {
            assert_eq!(status.code(), Some(INTERRUPTED));
            assert_eq!(new, old, "{error}");
        }
        codes.extend(status.code());
        if step >= 24 && codes.contains(&INTERRUPTED) {
            return;
        }
    }
    panic!("no interruption met the work: {codes:?}");
}

#[test]
fn a_folder_is_old_or_new_and_nothing_lies_about() {
    let (_guard, root) = folder();
    let hive = root.join(SOFTWARE);
    interrupt_often(root.to_str().unwrap(), &hive);
    Hive::open(wimkey::secret::read_file(&hive, 1 << 30).unwrap()).unwrap();
}

#[test]
fn a_wim_is_old_or_new_and_nothing_lies_about() {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new("one")
        .file(SOFTWARE, &large_hive(), Properties::default())
        .file(SYSTEM, &sample::system_hive().unwrap(), Properties::default());
    let path = folder.path().join("a.wim");
    std::fs::write(&path, Builder::new().image(image).to_bytes().unwrap()).unwrap();
    interrupt_often(path.to_str().unwrap(), &path);
    let shown = common::desk::wimkey()
        .args(["image", "audit", path.to_str().unwrap()])
        .output();
    assert!(shown.unwrap().status.success(), "everything can still be read");
}

#[test]
fn of_many_targets_each_is_old_or_new() {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new("one")
        .file(SOFTWARE, &large_hive(), Properties::default())
        .file(SYSTEM, &sample::system_hive().unwrap(), Properties::default());
    let old = Builder::new().image(image).to_bytes().unwrap();
    let paths: Vec<PathBuf> = (0..4)
        .map(|number| folder.path().join(format!("{number}.wim")))
        .collect();
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, "targets = [\"*.wim\"]\nskip-rearm = true\n").unwrap();
    let restore = || paths.iter().for_each(|path| std::fs::write(path, &old).unwrap());
    let hashes = || paths.iter().map(|path| hash(path)).collect::<Vec<_>>();
    restore();
    let arguments = ["apply", plan.to_str().unwrap(), "--jobs", "2"];
    let before = hashes();
    let start = Instant::now();
    let undisturbed = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(arguments)
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .output();
    assert!(undisturbed.unwrap().status.success());
    let span = start.elapsed();
    let after = hashes();
    let mut met = 0;
    for step in 0..72u32 {
        restore();
        let signal = SIGNALS[step as usize % SIGNALS.len()];
        let (status, error) = interrupted(&arguments, signal, span * (step % 24) / 24);
        let own = matches!(status.code(), Some(0 | INTERRUPTED)) || status.signal() == Some(signal.1);
        assert!(own && !error.contains("panicked"), "{status}: {error}");
        for ((now, before), after) in hashes().iter().zip(&before).zip(&after) {
            assert!(now == before || now == after, "{error}");
        }
        assert_eq!(files(folder.path()).len(), 5);
        met += u32::from(status.code() == Some(INTERRUPTED) && error.contains("each target"));
        if step >= 23 && met > 2 {
            return;
        }
    }
    panic!("only {met} interruptions met the work");
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
        let (status, error) = interrupted(&arguments, SIGNALS[0], Duration::from_millis(step * 5));
        (status.code() == Some(INTERRUPTED) && error.contains("nothing was written")).then_some(())
    });
    assert!(told.is_some(), "no interruption met the work");
}
