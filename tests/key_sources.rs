//! Where keys come from, and that what is printed or kept in this repository holds none that nobody published.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod common;

use common::desk::Desk;
use std::path::Path;
use wimkey::catalog;
use wimkey::trace::shapes;

/// The published client setup key of Windows 10 and 11 Pro.
const KEY: &str = "W269N-WFGWX-YVC9B-4J6C9-T83GX";
const TARGET: &str = "install.wim:Windows 11 Pro";

#[test]
fn what_powershell_pipes_is_a_key() {
    let desk = Desk::new();
    let wide: Vec<u8> = format!("\u{FEFF}{KEY}\r\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = format!("\u{FEFF}{KEY}\r\n").into_bytes();
    for piped in [
        wide[2..].to_vec(),
        wide,
        marked,
        format!("{KEY}\r\n").into_bytes(),
    ] {
        desk.wimkey(&["image", "set", TARGET, "--key-file", "-", "--dry-run"])
            .write_stdin(piped)
            .assert()
            .success();
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let path = desk.path("key.txt");
    std::fs::write(&path, KEY).unwrap();
    let said = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let run = desk
            .wimkey(&["image", "set", TARGET, "--key-file", "key.txt", "--dry-run"])
            .assert()
            .success();
        String::from_utf8(run.get_output().stderr.clone()).unwrap()
    };
    assert_eq!(said(0o600), "");
    assert!(
        said(0o644).contains("can be read by other users of this machine (mode 0644): chmod 600 key.txt")
    );
}

/// Every text of the shape of a key below `path`.
fn unpublished(path: &Path, found: &mut Vec<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            unpublished(&entry.unwrap().path(), found);
        }
        return;
    }
    for shape in shapes(&std::fs::read(path).unwrap()) {
        if catalog::by_symbols(shape.symbols()).is_none() {
            found.push(format!("{}: byte {}", path.display(), shape.offset));
        }
    }
}

#[test]
fn no_transcript_and_no_document_holds_a_key_that_nobody_published() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for name in ["tests/transcripts", "README.md", "CHANGELOG.md", "keydata"] {
        unpublished(&root.join(name), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}
