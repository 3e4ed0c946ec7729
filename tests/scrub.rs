//! What is scrubbed is gone, by a search that knows nothing of the program's own; what stays is told.

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

use common::desk::{hash, wimkey};
use common::leaks::{self, leaks, unpublished, wide, write_folder, write_wim};
use common::{judge, run};
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::path::Path;
use wimkey::activation::CURRENT_VERSION;
use wimkey::hive::{self, Hive};
use wimkey::image::{Images, Target};
use wimkey::key::{DigitalProductId, DigitalProductId4, ProductKey, Stored};
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties};

fn scrub(folder: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = wimkey()
        .current_dir(folder)
        .args(["image", "scrub"])
        .args(arguments)
        .args(["--format", "json"])
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let shown = String::from_utf8_lossy(&output.stdout).to_uppercase();
    assert!(!shown.contains(&unpublished()[..20]), "a key is shown");
    (report, output.status.code().unwrap())
}

/// Every way in which the key was planted, found byte by byte.
fn is_in(bytes: &[u8], text: &str) -> bool {
    let key = ProductKey::parse(text).unwrap().key;
    let dashless = text.replace('-', "");
    let digest = sha2::Sha256::digest(key.stored().expose()).to_vec();
    let stored = key.stored().expose()[..15].to_vec();
    let forms = [
        text.as_bytes().to_vec(),
        text.to_lowercase().into_bytes(),
        wide(text),
        dashless.as_bytes().to_vec(),
        wide(&dashless),
        stored,
        digest,
    ];
    forms
        .iter()
        .any(|form| memchr::memmem::find(bytes, form).is_some())
}

fn read(target: &Path, image: u32, path: &str) -> Vec<u8> {
    let images = Images::open(&Target::new(target.to_str().unwrap())).unwrap();
    images.read(image, path).unwrap().unwrap().to_vec()
}

/// Only reported, or not of the kinds that are removed unless asked for.
fn stays(path: &str) -> bool {
    path.contains("Scripts") || path.starts_with("Users") || path.contains("Packages")
}

#[test]
fn everything_but_scripts_and_other_files_is_gone() {
    let desk = tempfile::tempdir().unwrap();
    let text = unpublished();
    let planted = leaks(&text);
    write_wim(&desk.path().join("a.wim"), &planted, Codec::Lzx);
    write_folder(&desk.path().join("root"), &planted);
    for (target, image) in [("a.wim", 2), ("root", 1)] {
        let path = desk.path().join(target);
        let before = (target == "a.wim").then(|| hash(&path));
        let (planned, _) = scrub(desk.path(), &[target, "--dry-run"]);
        assert_eq!(
            before,
            (target == "a.wim").then(|| hash(&path)),
            "a dry run writes nothing"
        );
        let (report, code) = scrub(desk.path(), &[target]);
        assert_eq!(code, 10, "scripts still hold the key");
        assert_eq!(report["changes"], planned["changes"]);
        assert_eq!(
            (&report["residue"], &report["verified"]),
            (&0.into(), &true.into())
        );
        for leak in &planted {
            let now = read(&path, image, leak.path);
            if stays(leak.path) {
                assert_eq!(now, leak.content, "{} in {target}", leak.path);
                let findings = report["findings"].as_array().unwrap();
                assert!(
                    findings
                        .iter()
                        .any(|finding| finding["place"].as_str().unwrap().starts_with(leak.path)),
                    "{} is not told",
                    leak.path
                );
            } else {
                assert!(!is_in(&now, &text), "{} in {target}", leak.path);
                assert!(memchr::memmem::find(&now, b"hunter2").is_none(), "{}", leak.path);
                assert!(
                    memchr::memmem::find(&now, &wide("hunter2")).is_none(),
                    "{}",
                    leak.path
                );
            }
        }
        assert!(read(&path, image, "Windows/System32/config/SOFTWARE.LOG1").is_empty());
        let after = (target == "a.wim").then(|| hash(&path));
        let (again, _) = scrub(desk.path(), &[target]);
        assert_eq!(again["changes"], Value::Array(vec![]));
        assert_eq!(
            after,
            (target == "a.wim").then(|| hash(&path)),
            "the second run writes nothing"
        );
    }
}

#[test]
fn hive_values_read_as_cleared_with_sound_checksums() {
    let desk = tempfile::tempdir().unwrap();
    write_wim(&desk.path().join("a.wim"), &leaks(&unpublished()), Codec::Xpress);
    scrub(desk.path(), &["a.wim", "--kind", "registry,unused"]);
    let bytes = read(&desk.path().join("a.wim"), 2, "Windows/System32/config/SOFTWARE");
    assert_eq!(hive::check(&bytes), []);
    let hive = Hive::read(zeroize::Zeroizing::new(bytes)).unwrap();
    for place in [CURRENT_VERSION, r"Microsoft\Internet Explorer\Registration"] {
        let key = hive.find(place).unwrap().unwrap();
        let data = |name: &str| key.value(name).unwrap().unwrap().data().unwrap().to_vec();
        let third = DigitalProductId::read(&data("DigitalProductId")).unwrap();
        assert!(matches!(third.key, Stored::Cleared) && third.checksum_fits);
        let fourth = DigitalProductId4::read(&data("DigitalProductId4")).unwrap();
        assert!(matches!(fourth.key, Stored::Cleared) && fourth.key_hash_fits && fourth.hash_fits);
    }
    // Passwords were not asked for.
    let logon = hive
        .find(&format!(r"{CURRENT_VERSION}\Winlogon"))
        .unwrap()
        .unwrap();
    assert!(logon.value("DefaultPassword").unwrap().is_some());
    let platform = format!(r"{CURRENT_VERSION}\SoftwareProtectionPlatform");
    let platform = hive.find(&platform).unwrap().unwrap();
    assert!(platform.value("BackupProductKeyDefault").unwrap().is_none());
}

#[test]
fn a_key_that_is_asked_for_goes_from_other_files_as_well() {
    let desk = tempfile::tempdir().unwrap();
    let text = "W269N-WFGWX-YVC9B-4J6C9-T83GX"; // published for Windows 10 and 11 Pro
    write_wim(&desk.path().join("a.wim"), &leaks(text), Codec::Lzx);
    let (report, _) = scrub(desk.path(), &["a.wim", "--kind", "registry"]);
    assert_eq!(report["changes"], Value::Array(vec![]), "published keys stay");
    std::fs::write(desk.path().join("key.txt"), text).unwrap();
    let arguments = [
        "a.wim",
        "--key-file",
        "key.txt",
        "--kind",
        "other,registry,answer-file",
    ];
    let (report, _) = scrub(desk.path(), &arguments);
    assert_eq!(report["residue"], 0);
    let path = desk.path().join("a.wim");
    for file in [
        "Users/Public/notes.txt",
        "Users/Public/big.bin",
        "Users/Public/dashless.bin",
    ] {
        assert!(!is_in(&read(&path, 2, file), text), "{file}");
    }
    assert!(is_in(
        &read(&path, 2, "Windows/System32/config/SOFTWARE.LOG2"),
        text
    ));
}

/// A WIM, not compressed, in which nothing refers to the content with the key any more, and with the key behind its end.
#[test]
fn every_form_goes_from_where_nothing_uses_it() {
    let desk = tempfile::tempdir().unwrap();
    let text = unpublished();
    let planted = leaks::matrix(&text);
    std::fs::create_dir_all(desk.path().join("root/Windows/System32/config")).unwrap();
    for (.., path, content) in &planted {
        let path = desk.path().join("root").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::write(desk.path().join("keys.txt"), &text).unwrap();
    let kinds = "unused,hive-log,other";
    let (report, _) = scrub(desk.path(), &["root", "--key-file", "keys.txt", "--kind", kinds]);
    assert_eq!(
        (&report["residue"], &report["verified"]),
        (&0.into(), &true.into())
    );
    let forms = leaks::forms(&text);
    let left = report["findings"].as_array().unwrap();
    for (place, form, path, _) in &planted {
        let now = std::fs::read(desk.path().join("root").join(path)).unwrap();
        let stays = forms
            .iter()
            .any(|(_, bytes)| memchr::memmem::find(&now, bytes).is_some());
        let is_plain = matches!(*form, "text" | "lower" | "wide" | "dashless" | "dashless-wide");
        let goes = is_plain || matches!(*place, "deleted" | "log");
        assert_eq!(stays, !goes, "{form} in {place}");
        let told = left
            .iter()
            .any(|finding| finding["place"].as_str().unwrap().starts_with(path));
        assert_eq!(told, stays, "{form} in {place} is left and told");
    }
}

/// A WIM of which one file cannot be read, for the table of its chunks makes no sense.
fn with_broken_file(path: &Path) {
    const CHUNK: usize = 32 << 10;
    // Two chunks that become small, and two that do not.
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let noise: Vec<u8> = noise.take(2 * CHUNK).collect();
    let broken = [&vec![b'.'; 2 * CHUNK][..], &noise].concat();
    let image = ImageBuilder::new("one")
        .file(
            "Windows/System32/config/SOFTWARE",
            &leaks::software(&unpublished()),
            Properties::default(),
        )
        .file("Users/broken.bin", &broken, Properties::default());
    let builder = Builder::new().compress(Codec::Lzx, None).unwrap();
    let mut bytes = builder.image(image).to_bytes().unwrap();
    let noise_at = memchr::memmem::find(&bytes, &noise[..CHUNK]).unwrap();
    let entry = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let table = (0..noise_at - 12)
        .rev()
        .find(|at| at + 12 + entry(&bytes, at + 4) == noise_at)
        .unwrap();
    bytes[table..table + 12].fill(0xFF);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_could_not_be_searched_is_no_proof() {
    let desk = tempfile::tempdir().unwrap();
    with_broken_file(&desk.path().join("a.wim"));
    let (report, code) = scrub(desk.path(), &["a.wim", "--dry-run"]);
    assert_eq!((&report["verified"], code), (&false.into(), 10));
    let (report, code) = scrub(desk.path(), &["a.wim"]);
    assert_eq!(
        (&report["verified"], &report["residue"], code),
        (&false.into(), &0.into(), 10)
    );
    assert!(!report["changes"].as_array().unwrap().is_empty());
    let told = report["findings"].as_array().unwrap().iter();
    let places: Vec<_> = told
        .filter(|finding| finding["rule"] == "WK-A050")
        .map(|finding| finding["place"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["Users/broken.bin"], "told once");
    let output = wimkey()
        .current_dir(desk.path())
        .args(["image", "scrub", "a.wim"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("this proves nothing: 1 places could not be searched"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(10));
}

#[test]
fn a_key_across_the_segments_of_a_large_value_is_found_and_masked() {
    /// What one segment of a large value holds, in bytes.
    const SEGMENT: usize = 16_344;
    const VALUE: &str = r"Company\Product";
    let desk = tempfile::tempdir().unwrap();
    let text = unpublished();
    let hive_file = desk.path().join("root/Windows/System32/config/SOFTWARE");
    std::fs::create_dir_all(hive_file.parent().unwrap()).unwrap();
    let image = wimkey::sample::IMAGES[0];
    let mut hive = Hive::open(wimkey::sample::software_hive(image).unwrap()).unwrap();
    for (name, key) in [("Ascii", text.as_bytes().to_vec()), ("Wide", wide(&text))] {
        let data = [
            &vec![b'.'; SEGMENT - key.len() / 2][..],
            &key,
            &vec![b'.'; SEGMENT],
        ]
        .concat();
        hive.set_value(VALUE, name, hive::ValueKind::Binary, &data)
            .unwrap();
    }
    std::fs::write(&hive_file, hive.finish().unwrap()).unwrap();
    assert!(
        !is_in(&std::fs::read(&hive_file).unwrap(), &text),
        "the bytes of the hive do not show it"
    );
    // By its shape, and as a known key.
    std::fs::write(desk.path().join("keys.txt"), &text).unwrap();
    for arguments in [&[][..], &["--key-file", "keys.txt"]] {
        let (report, code) = scrub(desk.path(), &[&["root", "--dry-run"][..], arguments].concat());
        let findings = report["findings"].as_array().unwrap();
        let places: Vec<_> = findings
            .iter()
            .map(|finding| finding["place"].as_str().unwrap())
            .collect();
        assert_eq!(places.len(), 2, "{places:?}");
        assert!(places[0].contains(VALUE), "{places:?}");
        assert_eq!(code, 10);
    }
    let (report, code) = scrub(
        desk.path(),
        &["root", "--kind", "other", "--key-file", "keys.txt"],
    );
    assert_eq!(report["changes"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&report["verified"], &report["residue"], code),
        (&true.into(), &0.into(), 0)
    );
    let hive = Hive::read(zeroize::Zeroizing::new(std::fs::read(&hive_file).unwrap())).unwrap();
    let key = hive.find(VALUE).unwrap().unwrap();
    for name in ["Ascii", "Wide"] {
        let data = key.value(name).unwrap().unwrap().data().unwrap().to_vec();
        assert!(!is_in(&data, &text));
        assert_eq!(memchr::memchr_iter(b'X', &data).count(), 25);
    }
}

fn with_orphan(text: &str) -> Vec<u8> {
    let content = [&[1; 100][..], &wide(text), &[1; 100]].concat();
    let image = ImageBuilder::new("one")
        .file("Windows/kept", b"kept", Properties::default())
        .file("Windows/lost", &content, Properties::default());
    let mut bytes = Builder::new().image(image).to_bytes().unwrap();
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let place = |bytes: &[u8], at: usize| {
        let (size, offset) = (number(bytes, at) & 0xFF_FFFF_FFFF_FFFF, number(bytes, at + 8));
        usize::try_from(offset).unwrap()..usize::try_from(offset + size).unwrap()
    };
    let sum = Sha1::digest(&content);
    let table = place(&bytes, 48);
    let rows: Vec<usize> = table.step_by(50).collect();
    let metadata = *rows.iter().find(|&&row| bytes[row + 7] & 2 != 0).unwrap();
    let range = place(&bytes, metadata);
    let at = memchr::memmem::find(&bytes[range.clone()], &sum).unwrap() + range.start;
    bytes[at..at + 20].fill(0);
    let sum = Sha1::digest(&bytes[range]);
    bytes[metadata + 30..metadata + 50].copy_from_slice(&sum);
    bytes.extend([0; 64]);
    bytes.extend(text.as_bytes());
    bytes
}

#[test]
fn orphans_and_dead_bytes_are_found_and_wiped() {
    let desk = tempfile::tempdir().unwrap();
    let path = desk.path().join("a.wim");
    let text = unpublished();
    std::fs::write(&path, with_orphan(&text)).unwrap();
    let output = wimkey()
        .current_dir(desk.path())
        .args(["image", "audit", "a.wim", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(10));
    let audit: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules: Vec<&str> = audit["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["WK-A040", "WK-A041"]);
    let (report, code) = scrub(desk.path(), &["a.wim"]);
    assert_eq!((code, &report["residue"]), (0, &0.into()));
    // Not compressed: whatever is in the file stands there as it is.
    assert!(!is_in(&std::fs::read(&path).unwrap(), &text));
    assert_eq!(read(&path, 1, "Windows/kept"), b"kept");
}

#[test]
fn the_hive_of_a_log_that_is_emptied_stays_as_it_was() {
    let desk = tempfile::tempdir().unwrap();
    let text = unpublished();
    let mut planted = leaks(&text);
    planted.retain(|leak| leak.path.contains(".LOG") || leak.path.ends_with("config/SYSTEM"));
    let image = wimkey::sample::IMAGES[0];
    let clean = wimkey::sample::software_hive(image).unwrap().to_vec();
    planted.push(leaks::Leak {
        path: "Windows/System32/config/SOFTWARE",
        content: clean.clone(),
        rule: "",
    });
    write_folder(&desk.path().join("root"), &planted);
    let (report, code) = scrub(desk.path(), &["root", "--kind", "hive-log"]);
    assert_eq!(
        (code, &report["residue"]),
        (10, &0.into()),
        "SYSTEM was not asked for"
    );
    assert_eq!(
        read(&desk.path().join("root"), 1, "Windows/System32/config/SOFTWARE"),
        clean
    );
    assert!(
        read(
            &desk.path().join("root"),
            1,
            "Windows/System32/config/SOFTWARE.LOG2"
        )
        .is_empty()
    );
}

#[test]
fn a_dirty_hive_gets_what_its_logs_hold_before_they_are_emptied() {
    let Some(hives) = common::corpus("hives") else {
        return;
    };
    let desk = tempfile::tempdir().unwrap();
    let root = desk.path().join("root");
    let home = root.join("Users/one");
    std::fs::create_dir_all(root.join("Windows/System32/config")).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    let real = hives.join("dirty/win10-NTUSER");
    for name in ["NTUSER.DAT", "NTUSER.DAT.LOG1", "NTUSER.DAT.LOG2"] {
        std::fs::copy(real.join(name), home.join(name)).unwrap();
    }
    let log = home.join("NTUSER.DAT.LOG2");
    let planted = [std::fs::read(&log).unwrap(), wide(&unpublished())].concat();
    std::fs::write(&log, planted).unwrap();
    assert!(
        Hive::read(std::fs::read(home.join("NTUSER.DAT")).unwrap().into())
            .unwrap()
            .is_dirty()
    );
    let (report, code) = scrub(desk.path(), &["root"]);
    assert_eq!((code, &report["residue"]), (0, &0.into()));
    let bytes = std::fs::read(home.join("NTUSER.DAT")).unwrap();
    let recovered = Hive::read(std::fs::read(real.join("recovered")).unwrap().into()).unwrap();
    let hive = Hive::read(bytes.into()).unwrap();
    assert!(!hive.is_dirty());
    assert_eq!(hive.walk().count(), recovered.walk().count());
    for name in ["NTUSER.DAT.LOG1", "NTUSER.DAT.LOG2"] {
        assert!(std::fs::read(home.join(name)).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn a_solid_wim_is_written_afresh_when_told_to() {
    if !judge("wimlib-imagex") {
        return;
    }
    let desk = tempfile::tempdir().unwrap();
    let path = |name: &str| desk.path().join(name);
    let text = unpublished();
    write_wim(&path("plain.wim"), &leaks(&text), Codec::Lzx);
    let tool = |arguments: &[&str]| {
        let arguments: Vec<&std::ffi::OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        let output = run("wimlib-imagex", &arguments);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let solid = path("solid.wim");
    let shown = solid.to_str().unwrap();
    tool(&[
        "export",
        path("plain.wim").to_str().unwrap(),
        "all",
        shown,
        "--solid",
    ]);
    let first = path("first.wim");
    std::fs::copy(&solid, &first).unwrap();
    // Only root may give files away; for others the owner is the same anyway.
    _ = std::os::unix::fs::chown(&solid, Some(65534), None);
    _ = std::os::unix::fs::chown(&first, Some(65534), None);
    // Without being told to, what lies in solid resources is told and stays.
    let (report, code) = scrub(desk.path(), &["first.wim"]);
    assert_eq!(code, 10, "{report}");
    let kinds = [
        "--kind",
        "registry,unused,hive-log,answer-file,password,setup-log,pid,container,other",
    ];
    // Through a link the file itself is written afresh.
    std::os::unix::fs::symlink("solid.wim", path("link.wim")).unwrap();
    let (report, _) = scrub(
        desk.path(),
        &[&["link.wim", "--rewrite-solid"], &kinds[..]].concat(),
    );
    assert_eq!(report["residue"], 0, "{report}");
    assert!(path("link.wim").is_symlink());
    tool(&["verify", shown]);
    let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap());
    assert_eq!(mode(&solid), mode(&first));
    let owner = |path: &Path| std::os::unix::fs::MetadataExt::uid(&path.metadata().unwrap());
    assert_eq!(owner(&solid), owner(&first));
    // Everything that is in it, as another program unpacks it.
    tool(&["apply", shown, "2", path("out").to_str().unwrap(), "--no-acls"]);
    let mut folders = vec![path("out")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&entry).unwrap();
            // Scripts and files of no known kind are told, not changed.
            let shown = entry
                .strip_prefix(path("out"))
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let is_ours = shown.starts_with("Windows/System32/config") || shown.contains("Panther");
            assert!(!is_ours || !is_in(&bytes, &text), "{shown}");
        }
    }
    assert!(files > 10);
    // No content is in it that no file has: the old ones are gone, not only out of sight.
    let wim = wimkey::wim::Wim::open(&solid).unwrap();
    assert!(wim.is_solid());
    let (audit, _) = scrub(desk.path(), &["solid.wim", "--dry-run", "--kind", "container"]);
    assert!(audit["removals"].as_array().is_none_or(Vec::is_empty), "{audit}");
}
