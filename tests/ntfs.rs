//! An image that lies applied on an NTFS volume: whatever is replaced there keeps the access list that Windows will see.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The room of the volume, in bytes.
const ROOM: u64 = 32 << 20;
/// What the driver shows of a file beside its content, under names that it lists to nobody.
const SHOWN: [&str; 3] = ["system.ntfs_acl", "system.ntfs_attrib", "system.ntfs_crtime"];

/// A mounted volume, until it is dropped.
struct Volume(PathBuf);

impl Drop for Volume {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().unwrap();
    }
}

/// Runs another program; `None`, with the reason printed, where it is missing or cannot do that here.
fn done(program: &str, arguments: &[&Path]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Some(output),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            eprintln!("skipped: {program} cannot do it here: {}", reason.trim());
            None
        }
        Err(error) => {
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

fn wimkey(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_wimkey"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Makes a volume of an image, applied by another program with all that Windows wants of its files.
fn volume(folder: &Path) -> Option<Volume> {
    let (disk, mounted) = (folder.join("disk.img"), folder.join("mounted"));
    std::fs::create_dir(&mounted).unwrap();
    std::fs::File::create(&disk).unwrap().set_len(ROOM).unwrap();
    done("mkntfs", &[Path::new("-F"), Path::new("-q"), &disk])?;
    let demo = folder.join("demo");
    wimkey(&["demo", demo.to_str().unwrap()]);
    let wim = demo.join("install.wim");
    done(
        "wimlib-imagex",
        &[Path::new("apply"), &wim, Path::new("1"), &disk],
    )?;
    done("ntfs-3g", &[&disk, &mounted])?;
    Some(Volume(mounted))
}

type Standing = BTreeMap<(PathBuf, &'static str), Vec<u8>>;

fn standing(volume: &Path) -> Standing {
    let mut found = Standing::new();
    let mut buffer = vec![0; 1 << 16];
    for path in common::files(volume) {
        for name in SHOWN {
            let length = rustix::fs::getxattr(&path, name, &mut buffer[..]).unwrap();
            found.insert((path.clone(), name), buffer.get(..length).unwrap().to_vec());
        }
    }
    found
}

#[test]
fn what_is_replaced_on_an_ntfs_volume_keeps_its_access_list_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let Some(volume) = volume(folder.path()) else {
        return;
    };
    let root = volume.0.to_str().unwrap();
    let software = volume.0.join("Windows/System32/config/SOFTWARE");
    // Hidden, and of the system: a file that comes new is neither.
    rustix::fs::setxattr(
        &software,
        "system.ntfs_attrib",
        &[0x26, 0, 0, 0],
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    let before = standing(&volume.0);
    let hive = software.to_str().unwrap();
    wimkey(&["hive", "set", hive, "Test", "a", "REG_SZ", "b"]);
    wimkey(&["hive", "compact", hive]);
    let told = wimkey(&[
        "image",
        "set",
        root,
        "--skip-rearm",
        "on",
        "--kms-host",
        "kms.example.com",
    ]);
    assert!(told.contains("changed"), "{told}");
    let after = standing(&volume.0);
    for (place, value) in &before {
        assert_eq!(after.get(place), Some(value), "{place:?}");
    }
    assert!(before.keys().any(|(path, _)| *path == software));
    assert!(wimkey(&["hive", "get", hive, "Test", "a"]).contains('b'));
}
