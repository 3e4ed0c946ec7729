//! After the work no form of a key is left in the process's memory: on success, on every error path, and after a panic.
//!
//! Each case runs in a process of its own, which writes all its writable memory to a file when the work is done. The key never stands
//! in that process's program, arguments or environment, so every occurrence in the file is one that the work left behind.

#![cfg(target_os = "linux")]
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

use common::leaks::{self, leaks};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use wimkey::activation::{self, HiveName, Occasion, key_wishes};
use wimkey::hive::Hive;
use wimkey::image::{Phase, Target};
use wimkey::key::ProductKey;
use wimkey::pkeyconfig::Resolved;
use wimkey::plan::{self, Destination, KeyChoice, Request};
use wimkey::sample;
use wimkey::secret::Source;
use wimkey::trace::{Form, Traces};
use wimkey::wim::Codec;

/// Names the case to the child.
const CASE: &str = "WIMKEY_TEST_MEMORY_CASE";
const DUMP: &str = "memory.dump";

/// A folder with a key in a file, a clean WIM and one full of the key.
fn desk() -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    let text = leaks::unpublished();
    let write = |name: &str, content: &str| std::fs::write(desk.path().join(name), content).unwrap();
    write("key.txt", &format!("{text}\r\n"));
    write("long.txt", &format!("{text}-{text}"));
    write("strange.txt", &format!("{text}\u{430}"));
    write("answers.xml", sample::ANSWER_FILE);
    write("leaky.xml", &leaks::answer_file(&text));
    write(
        "broken.xml",
        &leaks::answer_file(&text).replace("</unattend>", ""),
    );
    sample::write_wim(&desk.path().join("clean.wim"), &sample::IMAGES[..1]).unwrap();
    leaks::write_wim(&desk.path().join("leaky.wim"), &leaks(&text), Codec::Lzx);
    desk
}

/// Runs a case in a process of its own and gives where the key still stands in its memory.
fn left_by(case: &str) -> Vec<(String, Form)> {
    let desk = desk();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CASE, case)
        .current_dir(desk.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{case}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let key = ProductKey::parse(&leaks::unpublished()).unwrap().key;
    let traces = Traces::of([&key]);
    assert_eq!(traces.count(&said), 0, "{case}: the key was printed");
    let dump = std::fs::read(desk.path().join(DUMP)).unwrap();
    if let Some(folder) = std::env::var_os("WIMKEY_TEST_MEMORY_KEEP") {
        std::fs::write(Path::new(&folder).join(case), &dump).unwrap();
    }
    let index = std::fs::read_to_string(desk.path().join("memory.index")).unwrap();
    let places: Vec<(usize, &str)> = index
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(start, name)| (start.parse().unwrap(), name))
        .collect();
    assert!(dump.len() > 100_000, "{case}: memory was read");
    traces
        .find(&dump)
        .iter()
        .map(|place| {
            let behind = places.partition_point(|(start, _)| *start <= place.offset);
            let (start, name) = places[behind - 1];
            (format!("{name} + {:#x}", place.offset - start), place.form)
        })
        .collect()
}

/// Writes all writable memory of this process to a file.
fn dump() {
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut out = std::io::BufWriter::new(std::fs::File::create(DUMP).unwrap());
    let mut index = Vec::new();
    let mut written = 0;
    let mut buffer = vec![0; 4096];
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        if !rest.starts_with("rw") || rest.contains("[v") {
            continue;
        }
        writeln!(index, "{written} {}", line.replace("  ", "")).unwrap();
        for page in (number(start)..number(end)).step_by(buffer.len()) {
            // A page that cannot be read holds nothing of ours: a guard.
            if memory.read_exact_at(&mut buffer, page).is_ok() {
                out.write_all(&buffer).unwrap();
                written += buffer.len();
            }
        }
    }
    out.flush().unwrap();
    std::fs::write("memory.index", index).unwrap();
}

/// The program, run in this process.
fn run(arguments: &[&str]) -> bool {
    let arguments = std::iter::once("wimkey").chain(arguments.iter().copied());
    wimkey::cli::run(arguments.map(OsString::from)).is_ok()
}

fn own_key() -> ProductKey {
    let text = Source::File("key.txt".into()).read().unwrap();
    ProductKey::parse(text.expose()).unwrap().key
}

fn identity() -> Resolved {
    Resolved {
        group: 170,
        serial: 1,
        part_number: "X00-00001".into(),
        activation_id: "00000000-0000-0000-0000-000000000000".into(),
        edition: "Professional".into(),
        key_type: "Volume:MAK".into(),
        eula_type: "Volume".into(),
        upgrade: false,
        sku: Some(48),
        product_code: Some("00371"),
    }
}

/// Puts the key into a hive and takes another's place there.
fn build_values() {
    let key = own_key();
    let occasion = Occasion {
        build: 7601,
        edition: "Professional".into(),
        unix_time: 7,
    };
    let software = sample::software_hive(sample::IMAGES[0]).unwrap();
    let mut hive = Hive::open(software).unwrap();
    let wishes = key_wishes(&key, &identity(), &occasion, &hive).unwrap();
    assert!(wishes.len() >= 3);
    activation::apply(&mut hive, HiveName::Software, &wishes).unwrap();
    let bytes = hive.finish().unwrap();
    let mut hive = Hive::open(bytes).unwrap();
    // Again: what is there is read and compared.
    let again = key_wishes(&key, &identity(), &occasion, &hive).unwrap();
    let applied = activation::apply(&mut hive, HiveName::Software, &again).unwrap();
    assert!(applied.changes.iter().all(|change| !change.changed));
}

/// The main job with a progress report that panics in the midst of it.
fn panic_within() {
    let request = Request {
        key: Some(KeyChoice::Own(own_key())),
        answer_file: Some(wimkey::secret::read_file(Path::new("answers.xml"), 1 << 20).unwrap()),
        ..Request::default()
    };
    let target = Target::new("clean.wim");
    let panicked = std::panic::catch_unwind(|| {
        plan::execute(&target, &request, Destination::Target, &|phase, _, _| {
            assert_ne!(phase, Phase::Write, "on purpose");
        })
    });
    assert!(panicked.is_err());
    drop(request);
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    let set = ["image", "set", "clean.wim", "--key-file", "key.txt"];
    match case.as_str() {
        "set" => assert!(run(&[&set[..], &["--unattend", "answers.xml"]].concat())),
        "replace" => assert!(run(&["image", "set", "leaky.wim:2", "--gvlk"])),
        "show" => assert!(run(&["image", "show", "leaky.wim:2"])),
        "audit" => assert!(run(&["image", "audit", "leaky.wim"])),
        "scrub" => assert!(run(&["image", "scrub", "leaky.wim"])),
        "unattend" => assert!(run(&[
            "unattend",
            "set",
            "answers.xml",
            "--key-file",
            "key.txt",
            "--architecture",
            "amd64"
        ])),
        "lint" => assert!(run(&["unattend", "lint", "leaky.xml", "broken.xml"])),
        "check" => assert!(run(&["key", "check", "--key-file", "key.txt"])),
        "values" => build_values(),
        "no place" => assert!(!run(&set)),
        "no target" => assert!(!run(&["image", "set", "none.wim", "--key-file", "key.txt"])),
        "too long" => assert!(!run(&["image", "set", "clean.wim", "--key-file", "long.txt"])),
        "strange" => assert!(!run(&["image", "set", "clean.wim", "--key-file", "strange.txt"])),
        "broken" => assert!(!run(&[&set[..], &["--unattend", "broken.xml"]].concat())),
        "panic" => panic_within(),
        "leak" => std::mem::forget(std::fs::read("key.txt").unwrap()),
        "freed" => drop(std::hint::black_box(std::fs::read("leaky.xml").unwrap())),
        other => panic!("no case {other}"),
    }
    dump();
}

fn nothing_is_left_by(cases: &[&str]) {
    let left: Vec<_> = cases
        .iter()
        .map(|case| (case, left_by(case)))
        .filter(|(_, left)| !left.is_empty())
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

#[test]
fn nothing_is_left_after_the_main_job() {
    nothing_is_left_by(&["set", "replace", "values"]);
}

#[test]
fn nothing_is_left_after_looking_and_scrubbing() {
    nothing_is_left_by(&["show", "audit", "scrub"]);
}

#[test]
fn nothing_is_left_after_work_on_answer_files_and_keys() {
    nothing_is_left_by(&["unattend", "lint", "check"]);
}

#[test]
fn nothing_is_left_after_errors() {
    nothing_is_left_by(&["no place", "no target", "too long", "strange", "broken"]);
}

#[test]
fn nothing_is_left_after_a_panic() {
    nothing_is_left_by(&["panic"]);
}

#[test]
fn a_buffer_that_is_not_wiped_is_found_in_use_and_freed() {
    assert!(!left_by("leak").is_empty());
    assert!(!left_by("freed").is_empty());
}
