//! `kill -9` at random moments: a program that updates a WIM for ever is killed again and again. Each time the WIM holds one of
//! the contents, whole, and the next update leaves nothing of the others. `WIMKEY_KILLS=200` does so 200 times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use wimkey::secret::Wiped;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties, Wim};

const PATH: &str = "Windows/System32/config/SOFTWARE";
const OTHER: &str = "Windows/Panther/unattend.xml";
/// What every record begins with; nothing else in the WIM holds it.
const MARK: &[u8] = b"generation";
const RECORD: usize = 32;
/// Names the WIM to the program that is killed.
const CHILD: &str = "WIMKEY_KILL_CHILD";
/// How many kills there are without `WIMKEY_KILLS`.
const KILLS: usize = 24;

/// A content whose every record says of which generation it is, and which moves from place to place.
fn content(generation: usize) -> Vec<u8> {
    let records = 4000 + generation * 7919 % 3000;
    (0..records)
        .flat_map(|record| format!("generation {generation:10} {record:10}").into_bytes())
        .collect()
}

/// The generation of a content, which must be whole.
fn generation_of(content_found: &[u8]) -> usize {
    let first = std::str::from_utf8(&content_found[..RECORD]).unwrap();
    let generation = first[MARK.len()..21].trim().parse().unwrap();
    assert!(content_found == content(generation), "a mixture of contents");
    generation
}

fn update(path: &Path, generation: usize) {
    let mut update = Wim::open(path).unwrap().update().unwrap();
    update.put(1, PATH, Wiped::new(content(generation))).unwrap();
    if generation.is_multiple_of(3) {
        update.delete(2, OTHER).unwrap();
    } else {
        let short = content(generation)[..RECORD * 3].to_vec();
        update.put(2, OTHER, Wiped::new(short)).unwrap();
    }
    update.commit(&mut |_, _| {}).unwrap();
}

fn held(path: &Path) -> usize {
    let wim = Wim::open(path).unwrap();
    if wim.find(2, OTHER).unwrap().is_some() {
        wim.read(2, OTHER, 1 << 20).unwrap();
    }
    generation_of(&wim.read(1, PATH, 1 << 30).unwrap())
}

/// The generations whose records stand anywhere in the file.
fn generations_in(bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = memchr::memmem::find_iter(bytes, MARK)
        .map(|at| {
            String::from_utf8_lossy(&bytes[at + MARK.len()..at + 21])
                .trim()
                .to_owned()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Not a test by itself: what is killed.
#[test]
fn a_program_that_updates_for_ever() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let path = Path::new(&path);
    let mut generation = held(path);
    loop {
        generation += 1;
        update(path, generation);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new_and_the_next_update_nothing_else() {
    let kills = std::env::var("WIMKEY_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let random = RandomState::new();
    let mut interrupted = 0;
    for (way, builder) in [
        Builder::new(),
        Builder::new().integrity(),
        Builder::new().compress(Codec::Xpress, None).unwrap().integrity(),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wim");
        let image = |name| ImageBuilder::new(name).file(PATH, &content(0), Properties::default());
        builder
            .image(image("one"))
            .image(ImageBuilder::new("two").file("Windows/x", &vec![5; 70_000], Properties::default()))
            .write(&path)
            .unwrap();
        let mut longest = 0;
        for kill in 0..kills.div_ceil(3) {
            let before = held(&path);
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "a_program_that_updates_for_ever"])
                .env(CHILD, &path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_micros(
                20_000 + random.hash_one((way, kill)) % 80_000,
            ));
            child.kill().unwrap();
            child.wait().unwrap();

            let after = held(&path);
            assert!(after >= before);
            interrupted += usize::from(Wim::open(&path).unwrap().was_interrupted());
            if common::judge("wimlib-imagex") {
                let verified = common::run("wimlib-imagex", &["verify".as_ref(), path.as_os_str()]);
                assert!(
                    verified.status.success(),
                    "{}",
                    String::from_utf8_lossy(&verified.stderr)
                );
            }
            update(&path, after + 1);
            assert_eq!(held(&path), after + 1);
            assert!(!Wim::open(&path).unwrap().was_interrupted());
            let bytes = std::fs::read(&path).unwrap();
            if way < 2 {
                assert_eq!(generations_in(&bytes), [(after + 1).to_string()]);
            }
            longest = longest.max(bytes.len());
        }
        let once = content(1).len();
        assert!(longest < 6 * once, "the file grew to {longest} bytes");
    }
    eprintln!("{interrupted} of {kills} kills hit an update");
    assert!(interrupted > 0, "no kill hit an update");
}
