//! What an update of a WIM changes, and what it leaves alone. Fixtures are made by the crate's own builder; where
//! `wimlib-imagex` is installed it judges every result.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use wimkey::secret::Wiped;
use wimkey::wim::{Builder, Codec, Error, ImageBuilder, LeftReason, Properties, Refusal, Report, Wim};

const HIVE: &str = "Windows/System32/config/SOFTWARE";
const BACKUP: &str = "Windows/System32/config/RegBack/SOFTWARE";
const ANSWER: &str = "Windows/Panther/unattend.xml";
const LIMIT: u64 = 1 << 30;

fn quiet(_done: u64, _total: u64) {}

/// Bytes that compress about as well as a hive does.
fn content(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|index| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if index % 3 == 0 {
                state.to_be_bytes()[0]
            } else {
                b'h'
            }
        })
        .collect()
}

fn descriptor(tag: u8) -> Vec<u8> {
    let mut descriptor = vec![1, 0, 4, 0x80];
    descriptor.resize(20, 0);
    descriptor.extend_from_slice(&[2, 0, 8, 0, 0, 0, 0, tag]);
    descriptor
}

fn properties(tag: u8) -> Properties {
    Properties {
        attributes: 0x2020,
        security: Some(descriptor(tag)),
        created: 130_000_000_000_000_000 + u64::from(tag),
        accessed: 131_000_000_000_000_000,
        written: 132_000_000_000_000_000,
        short_name: Some(format!("SHORT~{tag}")),
        ..Properties::default()
    }
}

fn image(number: u32, hive: &[u8]) -> ImageBuilder {
    let linked = Properties {
        link: 77,
        ..properties(3)
    };
    let streams = vec![(
        "Zone.Identifier".to_owned(),
        b"[ZoneTransfer]\r\nZoneId=3\r\n".to_vec(),
    )];
    ImageBuilder::new(&format!("Image {number}"))
        .text("WINDOWS/ARCH", "9")
        .text("WINDOWS/EDITIONID", "Professional")
        .text("WINDOWS/VERSION/MAJOR", "10")
        .text("WINDOWS/VERSION/BUILD", "22621")
        .folder("Windows", properties(1))
        .folder("empty", properties(1))
        .file(HIVE, hive, properties(2))
        .file(BACKUP, &content(5, 100_000), properties(2))
        .file(
            "Windows/System32/config/SYSTEM",
            &content(6, 50_000),
            Properties {
                streams,
                ..properties(4)
            },
        )
        .file("Windows/one.txt", b"one file, two names", linked.clone())
        .file("Windows/two.txt", b"one file, two names", linked)
        .file("Windows/nothing.txt", b"", properties(2))
}

fn builders() -> Vec<(String, Builder)> {
    let hive = content(1, 700_001);
    let codings = [
        None,
        Some((Codec::Xpress, 4096)),
        Some((Codec::Xpress, 1 << 16)),
        Some((Codec::Lzx, 1 << 15)),
        Some((Codec::Lzx, 1 << 21)),
        Some((Codec::Lzms, 1 << 17)),
    ];
    let mut all = Vec::new();
    for coding in codings {
        for integrity in [false, true] {
            let mut builder = Builder::new()
                .image(image(1, &hive))
                .image(image(2, &hive))
                .boot(2);
            if let Some((codec, size)) = coding {
                builder = builder.compress(codec, Some(size)).unwrap();
            }
            if integrity {
                builder = builder.integrity();
            }
            all.push((format!("{coding:?} integrity {integrity}"), builder));
        }
    }
    all
}

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new(builder: &Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        builder.write(&folder.path().join("a.wim")).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.wim")
    }

    fn wim(&self) -> Wim {
        Wim::open(&self.path()).unwrap()
    }

    fn put(&self, changes: &[(u32, &str, &[u8])]) -> Report {
        let mut update = self.wim().update().unwrap();
        for (image, path, content) in changes {
            update.put(*image, path, Wiped::new(content.to_vec())).unwrap();
        }
        update.commit(&mut quiet).unwrap()
    }
}

/// Asks wimlib-imagex whether the WIM is whole; says so if it is not installed.
fn verify(path: &Path, what: &str) {
    match Command::new("wimlib-imagex").arg("verify").arg(path).output() {
        Err(_) => eprintln!("skipped: wimlib-imagex is not installed"),
        Ok(output) => assert!(
            output.status.success(),
            "{what}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// All entries of an image with everything but the content, as lines.
fn listing(wim: &Wim, image: u32) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in wim.children(image, &folder).unwrap() {
            let path = format!("{folder}/{}", entry.name);
            lines.push(format!("{path} {entry:?}"));
            if entry.is_directory() {
                folders.push(path);
            }
        }
    }
    lines.sort();
    lines
}

/// The lines of one listing that are not in the other, both ways.
fn difference(left: &[String], right: &[String]) -> (Vec<String>, Vec<String>) {
    let without = |some: &[String], other: &[String]| {
        some.iter()
            .filter(|line| !other.contains(line))
            .cloned()
            .collect()
    };
    (without(left, right), without(right, left))
}

#[test]
fn what_the_builder_writes_is_read_back_and_passes_wimlib() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        verify(&fixture.path(), &what);
        let wim = fixture.wim();
        assert_eq!(wim.image_count(), 2);
        assert_eq!(wim.boot_image(), Some(2));
        let info = &wim.images()[1];
        assert_eq!(info.name.as_deref(), Some("Image 2"));
        assert_eq!(info.edition_id.as_deref(), Some("Professional"));
        assert_eq!(
            (info.architecture, info.major, info.build),
            (Some(9), Some(10), Some(22621))
        );
        let entry = wim
            .find(2, "\\windows\\SYSTEM32\\config\\software")
            .unwrap()
            .unwrap();
        assert_eq!((entry.name.as_str(), entry.size), ("SOFTWARE", Some(700_001)));
        assert_eq!(entry.short_name.as_deref(), Some("SHORT~2"));
        assert_eq!(*wim.read(2, HIVE, LIMIT).unwrap(), content(1, 700_001), "{what}");
        assert!(wim.read(2, "Windows/nothing.txt", LIMIT).unwrap().is_empty());
        assert_eq!(wim.find(1, "Windows/one.txt").unwrap().unwrap().links, 2);
        let system = wim.find(1, "Windows/System32/config/SYSTEM").unwrap().unwrap();
        assert_eq!((system.size, system.streams.len()), (Some(50_000), 1));
        assert_eq!(
            builder.to_bytes().unwrap(),
            std::fs::read(fixture.path()).unwrap()
        );
    }
}

#[test]
fn a_changed_file_keeps_everything_but_its_content_and_nothing_else_changes() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        let before = [1, 2].map(|image| listing(&fixture.wim(), image));
        let old = fixture.wim().find(2, HIVE).unwrap().unwrap();
        let mut hive = content(1, 700_001);
        hive[400_000] ^= 0xFF;
        let report = fixture.put(&[(2, HIVE, &hive)]);
        verify(&fixture.path(), &what);
        let wim = fixture.wim();
        assert_eq!(*wim.read(2, HIVE, LIMIT).unwrap(), hive);
        assert_eq!(*wim.read(1, HIVE, LIMIT).unwrap(), content(1, 700_001), "{what}");
        let new = wim.find(2, HIVE).unwrap().unwrap();
        assert_eq!(
            wimkey::wim::Entry {
                hash: old.hash,
                ..new
            },
            old
        );
        assert_eq!(listing(&wim, 1), before[0]);
        let (gone, come) = difference(&before[1], &listing(&wim, 2));
        assert_eq!((gone.len(), come.len()), (1, 1), "{what}");
        assert_eq!(report.images, [2]);
        assert_eq!(report.left.len(), 1);
        assert_eq!(report.left[0].reason, LeftReason::StillUsed);
        assert_eq!(
            report.length_after,
            std::fs::metadata(fixture.path()).unwrap().len()
        );
    }
}

#[test]
fn every_image_may_get_a_content_of_its_own_or_the_same() {
    let (_, builder) = &builders()[6];
    let fixture = Fixture::new(builder);
    fixture.put(&[(1, HIVE, &content(11, 300_000)), (2, HIVE, &content(12, 300_000))]);
    let wim = fixture.wim();
    assert_eq!(*wim.read(1, HIVE, LIMIT).unwrap(), content(11, 300_000));
    assert_eq!(*wim.read(2, HIVE, LIMIT).unwrap(), content(12, 300_000));
    let report = fixture.put(&[(1, HIVE, &content(13, 300_000)), (2, HIVE, &content(13, 300_000))]);
    assert_eq!(report.contents_written, 1, "the same content is stored once");
    verify(&fixture.path(), "same content");
    assert_eq!(*fixture.wim().read(2, HIVE, LIMIT).unwrap(), content(13, 300_000));
}

#[test]
fn only_changed_chunks_are_compressed_again() {
    let (_, builder) = &builders()[6]; // LZX, 32 KiB
    let fixture = Fixture::new(builder);
    let wim = fixture.wim();
    let mut hive = wim.read(1, HIVE, LIMIT).unwrap();
    hive[0] ^= 1;
    hive[650_000] ^= 1;
    let mut update = wim.update().unwrap();
    update.put(1, HIVE, hive).unwrap();
    let report = update.commit(&mut quiet).unwrap();
    assert_eq!(report.chunks_kept, 20);
    assert_eq!(
        report.chunks_compressed,
        2 + 1,
        "two of the hive, one of the metadata"
    );
}

#[test]
fn all_names_of_a_hard_linked_file_get_the_content() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        fixture.put(&[(1, "Windows/two.txt", b"changed")]);
        verify(&fixture.path(), &what);
        let wim = fixture.wim();
        assert_eq!(**wim.read(1, "Windows/one.txt", LIMIT).unwrap(), *b"changed");
        assert_eq!(wim.find(1, "Windows/one.txt").unwrap().unwrap().links, 2);
        assert_eq!(
            **wim.read(2, "Windows/one.txt", LIMIT).unwrap(),
            *b"one file, two names"
        );
    }
}

#[test]
fn new_files_bring_their_folders_and_inherit_their_security() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        let before = listing(&fixture.wim(), 1);
        let totals = fixture.wim().images()[0].clone();
        fixture.put(&[
            (1, ANSWER, b"<unattend/>"),
            (1, "empty/first.txt", b"x"),
            (1, "aaa.txt", b"at the beginning of the root"),
            (1, "zzz.txt", b"at its end"),
        ]);
        verify(&fixture.path(), &what);
        let wim = fixture.wim();
        let after = listing(&wim, 1);
        let (gone, come) = difference(&before, &after);
        assert_eq!((gone.len(), come.len()), (0, 5), "{what}");
        assert_eq!(**wim.read(1, ANSWER, LIMIT).unwrap(), *b"<unattend/>");
        let windows = wim.find(1, "Windows").unwrap().unwrap();
        let answer = wim.find(1, ANSWER).unwrap().unwrap();
        assert_eq!(
            (answer.security, answer.written),
            (windows.security, windows.written)
        );
        assert!(windows.security.is_some());
        let now = &wim.images()[0];
        assert_eq!(now.file_count.unwrap(), totals.file_count.unwrap() + 4);
        assert_eq!(now.directory_count.unwrap(), totals.directory_count.unwrap() + 1);
        assert_eq!(
            now.total_bytes.unwrap(),
            totals.total_bytes.unwrap() + 11 + 1 + 28 + 10
        );
    }
}

#[test]
fn a_file_that_was_added_and_deleted_leaves_the_tree_as_it_was() {
    let (_, builder) = &builders()[6];
    let fixture = Fixture::new(builder);
    let before = listing(&fixture.wim(), 1);
    fixture.put(&[(1, "Windows/new.txt", b"not for long")]);
    let mut update = fixture.wim().update().unwrap();
    assert!(update.delete(1, "windows/NEW.TXT").unwrap());
    assert!(!update.delete(1, "Windows/new.txt").unwrap());
    update.commit(&mut quiet).unwrap();
    verify(&fixture.path(), "deleted");
    assert_eq!(listing(&fixture.wim(), 1), before);
    assert!(!contains(&fixture.path(), b"not for long"));
}

fn contains(path: &Path, needle: &[u8]) -> bool {
    std::fs::read(path)
        .unwrap()
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn what_dies_is_wiped_and_repeated_changes_do_not_grow_the_file() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        let mut lengths = Vec::new();
        for round in 0..12u8 {
            let text = format!("marker of round {round} marker of round {round}");
            fixture.put(&[(1, ANSWER, text.as_bytes())]);
            if let Some(last) = round.checked_sub(1) {
                let old = format!("marker of round {last}");
                assert!(!contains(&fixture.path(), old.as_bytes()), "{what} round {round}");
            }
            lengths.push(std::fs::metadata(fixture.path()).unwrap().len());
        }
        verify(&fixture.path(), &what);
        let (first, last) = lengths.split_at(6);
        // Which gap fits depends on a few bytes of compression, so the length varies; it does not grow.
        let most = first.iter().max().unwrap() + 4096;
        assert!(last.iter().all(|length| *length <= most), "{what}: {lengths:?}");
    }
}

#[test]
fn doing_nothing_writes_nothing() {
    let (_, builder) = &builders()[7];
    let fixture = Fixture::new(builder);
    let before = std::fs::read(fixture.path()).unwrap();
    let report = fixture.put(&[(1, HIVE, &content(1, 700_001))]);
    assert_eq!(report.bytes_written, 0);
    let report = fixture.put(&[(1, HIVE, b"other"), (1, HIVE, &content(1, 700_001))]);
    assert_eq!(report.bytes_written, 0);
    assert_eq!(std::fs::read(fixture.path()).unwrap(), before);
}

#[test]
fn a_copy_is_changed_and_the_original_is_not() {
    let (_, builder) = &builders()[7];
    let fixture = Fixture::new(builder);
    let before = std::fs::read(fixture.path()).unwrap();
    let output = fixture.folder.path().join("b.wim");
    let mut update = fixture.wim().update().unwrap();
    update
        .put(2, ANSWER, Wiped::new(b"<unattend/>".to_vec()))
        .unwrap();
    update.commit_to(&output, &mut quiet).unwrap();
    assert_eq!(std::fs::read(fixture.path()).unwrap(), before);
    assert!(Wim::open(&output).unwrap().find(2, ANSWER).unwrap().is_some());
    let mut update = fixture.wim().update().unwrap();
    update
        .put(2, ANSWER, Wiped::new(b"<unattend/>".to_vec()))
        .unwrap();
    assert!(matches!(
        update.commit_to(&output, &mut quiet),
        Err(Error::Taken { .. })
    ));
}

#[test]
fn a_locked_wim_is_refused() {
    let (_, builder) = &builders()[0];
    let fixture = Fixture::new(builder);
    let other = std::fs::OpenOptions::new()
        .write(true)
        .open(fixture.path())
        .unwrap();
    other.try_lock().unwrap();
    let mut update = fixture.wim().update().unwrap();
    update.put(1, ANSWER, Wiped::new(b"x".to_vec())).unwrap();
    assert!(matches!(update.commit(&mut quiet), Err(Error::Locked)));
}

#[test]
fn paths_that_windows_forbids_and_wrong_kinds_are_refused() {
    let (_, builder) = &builders()[0];
    let fixture = Fixture::new(builder);
    let mut update = fixture.wim().update().unwrap();
    for path in [
        "",
        "..",
        "a/../b",
        "Windows/a:b",
        "Windows/trailing.",
        "Windows/a\u{1}b",
    ] {
        let error = update.put(1, path, Wiped::new(vec![1])).unwrap_err();
        assert!(
            matches!(error, Error::BadPath { .. } | Error::WrongKind { .. }),
            "{path:?}: {error}"
        );
    }
    assert!(matches!(
        update.put(1, "Windows", Wiped::new(vec![1])),
        Err(Error::WrongKind { .. })
    ));
    assert!(matches!(
        update.put(1, "Windows/one.txt/x", Wiped::new(vec![1])),
        Err(Error::WrongKind { .. })
    ));
    assert!(matches!(
        update.put(9, "x", Wiped::new(vec![1])),
        Err(Error::NoImage { image: 9, count: 2 })
    ));
    assert!(update.is_empty());
}

#[test]
fn a_read_only_mark_is_refused_with_the_way_out() {
    let (_, builder) = &builders()[0];
    let fixture = Fixture::new(builder);
    let mut bytes = std::fs::read(fixture.path()).unwrap();
    bytes[16] |= 4;
    std::fs::write(fixture.path(), bytes).unwrap();
    let error = fixture.wim().writable().unwrap_err();
    assert!(matches!(error, Error::Refused(Refusal::ReadOnly)));
    assert!(error.to_string().contains("wimlib-imagex export"));
}

#[test]
fn a_file_that_ends_inside_its_integrity_table_is_read_but_not_changed() {
    let (_, builder) = builders().pop().unwrap();
    let fixture = Fixture::new(&builder.integrity());
    let bytes = std::fs::read(fixture.path()).unwrap();
    for cut in [1, 13] {
        std::fs::write(fixture.path(), &bytes[..bytes.len() - cut]).unwrap();
        let wim = fixture.wim();
        assert!(wim.find(1, "Windows").unwrap().is_some());
        let error = wim.writable().unwrap_err();
        assert!(matches!(error, Error::Refused(Refusal::CutOff)), "{error}");
        assert!(wim.update().is_err());
    }
}

#[test]
fn a_file_that_another_program_left_unfinished_is_gone_on_with_if_it_is_whole() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        let mut bytes = std::fs::read(fixture.path()).unwrap();
        bytes[16] |= 0x40;
        std::fs::write(fixture.path(), &bytes).unwrap();
        fixture.wim().writable().unwrap();
        assert!(fixture.wim().was_interrupted());
        let report = fixture.wim().update().unwrap().commit(&mut quiet).unwrap();
        assert!(report.recovered);
        assert!(!fixture.wim().was_interrupted(), "{what}");
        verify(&fixture.path(), &what);

        // A byte of the first content is another one.
        bytes[208 + 60_000] ^= 1;
        std::fs::write(fixture.path(), &bytes).unwrap();
        let error = fixture.wim().writable().unwrap_err();
        assert!(
            matches!(error, Error::Refused(Refusal::WriteInProgress)),
            "{what}"
        );
        assert!(fixture.wim().update().is_err());
    }
}

#[test]
fn contents_that_nothing_refers_to_are_dropped_and_wiped() {
    let fixture = Fixture::new(&Builder::new().image(image(1, &content(1, 100_000))));
    // Another program takes a file away and leaves its content, with a reference count of 0.
    let path = fixture.path();
    let gone = content(6, 50_000);
    if Command::new("wimlib-imagex")
        .arg("update")
        .arg(&path)
        .args(["1", "--command", "delete /Windows/System32/config/SYSTEM"])
        .output()
        .is_err()
    {
        eprintln!("skipped: wimlib-imagex is not installed");
        return;
    }
    let holds = |what: &[u8]| {
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(what.len()).any(|window| window == what)
    };
    assert!(holds(&gone[..1000]));
    let mut update = fixture.wim().update().unwrap();
    update.wipe_unused();
    let report = update.commit(&mut quiet).unwrap();
    assert!(!holds(&gone[..1000]));
    assert!(report.orphans_dropped <= 2);
    verify(&path, "orphans");
}

#[test]
fn changes_again_and_again_do_not_let_the_file_grow() {
    for (what, builder) in builders() {
        let fixture = Fixture::new(&builder);
        let mut lengths = Vec::new();
        for round in 0..12 {
            let mut hive = content(1, 700_001);
            hive[350_000] = round;
            fixture.put(&[(1, HIVE, &hive), (2, ANSWER, &[round; 300])]);
            lengths.push(std::fs::metadata(fixture.path()).unwrap().len());
        }
        // The places of old and new alternate, and so do the lengths; contents compress a little better or worse.
        let settled = *lengths[..5].iter().max().unwrap();
        let later = *lengths[5..].iter().max().unwrap();
        assert!(later <= settled + settled / 100, "{what}: {lengths:?}");
        verify(&fixture.path(), &what);
    }
}
