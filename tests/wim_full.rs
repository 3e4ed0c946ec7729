//! A full disk: on a file system with too little room an update fails and leaves every byte as it was, or succeeds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use wimkey::secret::Wiped;
use wimkey::wim::{Builder, Error, ImageBuilder, Properties, Wim};

const PATH: &str = "Windows/System32/config/SOFTWARE";
const PAGE: usize = 4096;
/// The room of the file system, in bytes.
const ROOM: usize = 512 * PAGE;

/// A small file system in memory, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, with the reason printed, where this user may not mount one.
    fn mount(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={ROOM}"))
            .arg("wimkey-test")
            .arg(at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr);
                eprintln!(
                    "skipped: no small file system can be mounted here: {}",
                    reason.trim()
                );
                None
            }
            Err(error) => {
                eprintln!("skipped: no small file system can be mounted here: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().unwrap();
    }
}

/// Bytes that no codec makes shorter.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        })
        .collect()
}

#[test]
fn a_full_disk_leaves_every_byte_as_it_was_or_the_update_done() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        return;
    };
    let (old, new) = (noise(1, 100 * PAGE), noise(2, 60 * PAGE));
    let image = ImageBuilder::new("one").file(PATH, &old, Properties::default());
    let bytes = Builder::new().image(image).integrity().to_bytes().unwrap();
    let path = disk.0.join("a.wim");
    let filler = disk.0.join("filler");
    let (mut failed, mut done) = (0, 0);
    let (wim_pages, all_pages) = (bytes.len().div_ceil(PAGE), ROOM / PAGE);
    for free in (0..70).step_by(2) {
        std::fs::write(&path, &bytes).unwrap();
        let full =
            std::fs::File::create(&filler)
                .unwrap()
                .write_all(&vec![0; (all_pages - wim_pages - free) * PAGE]);
        full.unwrap();
        let mut update = Wim::open(&path).unwrap().update().unwrap();
        update.put(1, PATH, Wiped::new(new.clone())).unwrap();
        match update.commit(&mut |_, _| {}) {
            Err(error) => {
                assert!(matches!(error, Error::Write { .. }), "{error}");
                assert!(std::fs::read(&path).unwrap() == bytes, "{free} pages free");
                failed += 1;
            }
            Ok(_) => {
                let wim = Wim::open(&path).unwrap();
                assert_eq!(*wim.read(1, PATH, 1 << 30).unwrap(), new);
                assert!(!wim.was_interrupted());
                done += 1;
            }
        }
        std::fs::remove_file(&filler).unwrap();
    }
    assert!(failed > 5 && done > 2, "{failed} failed, {done} done");
    drop(disk);
}
