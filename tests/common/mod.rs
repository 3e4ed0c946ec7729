//! What several tests share: the real corpus, and programs of other people as judges.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "test support: each test uses a part, and a broken set-up must stop it"
)]

pub mod desk;
pub mod leaks;
pub mod torn;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of one part of the real corpus (`hives`, `wim`, `unattend`, `pkeyconfig`, `media`), unpacked.
///
/// `None`, with the reason printed, where `WIMKEY_CORPUS` names no corpus. That folder holds `PART/` or `PART.tar.xz`.
pub fn corpus(part: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("WIMKEY_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: WIMKEY_CORPUS is not set, so there are no real {part} to test with");
        return None;
    };
    let unpacked = root.join(part);
    if unpacked.is_dir() {
        return Some(unpacked);
    }
    let archive = root.join(format!("{part}.tar.xz"));
    assert!(
        archive.is_file(),
        "WIMKEY_CORPUS holds neither {part} nor {part}.tar.xz"
    );
    Some(scratch_corpus(&archive).join(part))
}

/// Unpacks an archive once per machine; parallel test processes wait for each other.
fn scratch_corpus(archive: &Path) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    std::fs::create_dir_all(&root).unwrap();
    let part = archive
        .file_name()
        .unwrap()
        .to_string_lossy()
        .replace(".tar.xz", "");
    let lock = std::fs::File::create(root.join(format!("{part}.lock"))).unwrap();
    lock.lock().unwrap();
    let done = root.join(format!("{part}.done"));
    if !done.exists() {
        let unpacked = Command::new("tar")
            .arg("-C")
            .arg(&root)
            .arg("-xf")
            .arg(archive)
            .status()
            .unwrap();
        assert!(unpacked.success(), "tar cannot unpack {}", archive.display());
        std::fs::write(done, "").unwrap();
    }
    root
}

/// Every file below `folder`, in a fixed order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether a program of somebody else is installed; says so where it is not, for the test is then skipped.
pub fn judge(program: &'static str) -> bool {
    static MISSING: OnceLock<std::sync::Mutex<Vec<&'static str>>> = OnceLock::new();
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).is_file());
    if !there {
        let mut missing = MISSING.get_or_init(Default::default).lock().unwrap();
        if !missing.contains(&program) {
            missing.push(program);
            eprintln!("skipped: {program} is not installed, so it cannot judge");
        }
    }
    there
}

/// Runs a judge, a minute at most, and gives its output.
pub fn run(program: &str, arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new("timeout")
        .arg("60")
        .arg(program)
        .args(arguments)
        .output()
        .unwrap()
}
