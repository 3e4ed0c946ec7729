//! The main job on a WIM with six images against its floor: `cargo bench --bench wim`.
//!
//! The floor is what nobody can do without who changes a hive: decompress it, hash it, write the new resource and wait until it is on the
//! medium, with the same threads. `WIMKEY_BENCH_WIM=FILE` takes a WIM of yours (a copy of it is changed);
//! `cargo bench --bench wim -- --floor FILE` does the floor's work once and writes to `FILE.floor`, to be timed from outside.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench prints what it measures, and one whose set-up fails must stop"
)]

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wimkey::hive::{Hive, ValueKind};
use wimkey::image::{FILE_LIMIT, SOFTWARE, Target};
use wimkey::plan::{self, Destination, Request};
use wimkey::sample::{self, SampleImage};
use wimkey::threads::Allowance;
use wimkey::wim::{Builder, Codec, ImageBuilder, Properties, Room, Wim};

const ROUNDS: usize = 5;
const EDITIONS: [&str; 6] = [
    "Professional",
    "ProfessionalN",
    "Enterprise",
    "EnterpriseN",
    "ServerStandard",
    "ServerDatacenter",
];
/// How many keys the hives made here have besides those of an image: enough for some 10 MB each.
const KEYS: usize = 40_000;
/// How many bytes are written at a time.
const STEP: usize = 1 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--floor") {
        let path = PathBuf::from(arguments.next().unwrap());
        floor(&path, &path.with_extension("floor"));
        return;
    }
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let original = match std::env::var_os("WIMKEY_BENCH_WIM") {
        Some(path) => path.into(),
        None => made(folder.path()),
    };
    let copy = folder.path().join("copy.wim");
    let target = Target::new(copy.to_str().unwrap());
    let set = || {
        let request = Request {
            skip_rearm: Some(true),
            kms_host: Some("kms.example.com:1688".parse().unwrap()),
            ..Request::default()
        };
        plan::execute(&target, &request, Destination::Target, &|_, _, _| {}).unwrap()
    };
    let least = measure("floor", || floor(&original, &folder.path().join("floor")));
    let least_set = (0..ROUNDS)
        .map(|_| {
            std::fs::copy(&original, &copy).unwrap();
            timed(|| assert!(set().changed()))
        })
        .min()
        .unwrap();
    print("SkipRearm and KMS host in every image", least_set);
    println!(
        "  {:.2} times the floor",
        least_set.as_secs_f64() / least.as_secs_f64()
    );
    measure("the same again", || {
        assert!(!set().changed());
    });
    measure("open and list", || {
        assert!(Wim::open(&copy).unwrap().image_count() > 0);
    });
    measure("show", || drop(plan::show(&target).unwrap()));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Prints the best of some rounds.
fn measure(what: &str, work: impl Fn()) -> Duration {
    let best = (0..ROUNDS).map(|_| timed(&work)).min().unwrap();
    print(what, best);
    best
}

fn print(what: &str, time: Duration) {
    println!("{what}: {:.1} ms", time.as_secs_f64() * 1000.0);
}

/// Decompresses and hashes the SOFTWARE hive of every image, and writes as many bytes as they have compressed.
fn floor(original: &Path, output: &Path) {
    let wim = Wim::open(original).unwrap();
    let (next, written) = (AtomicU32::new(1), AtomicU64::new(0));
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let images = wim.image_count();
    let workers = cores.min(images as usize);
    let allowance = Allowance::among(workers);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let image = next.fetch_add(1, Ordering::Relaxed);
                    if image > images {
                        allowance.leave();
                        return;
                    }
                    // A room of its own: nothing is known from another image.
                    let mut room = Room::of_worker(&allowance);
                    let content = wim.read_into(image, SOFTWARE, FILE_LIMIT, &mut room).unwrap();
                    assert!(!content.is_empty());
                    written.fetch_add(
                        wim.stored_size(image, SOFTWARE).unwrap().unwrap(),
                        Ordering::Relaxed,
                    );
                }
            });
        }
    });
    let mut file = std::fs::File::create(output).unwrap();
    let part = vec![0xA5; STEP];
    let mut left = usize::try_from(written.into_inner()).unwrap();
    while left > 0 {
        let length = left.min(STEP);
        file.write_all(part.get(..length).unwrap()).unwrap();
        left -= length;
    }
    file.sync_data().unwrap();
}

/// A WIM with six images whose hives differ as little as those of one medium.
fn made(folder: &Path) -> PathBuf {
    let path = folder.join("six.wim");
    let mut builder = Builder::new().compress(Codec::Lzx, None).unwrap();
    let text = wimkey::text::utf16le("C:\\Windows\\System32\\a library with a long name.dll\0");
    for edition in EDITIONS {
        let image = SampleImage {
            name: edition,
            edition,
            build: 7601,
        };
        let mut hive = Hive::open(sample::software_hive(image).unwrap()).unwrap();
        for key in 0..KEYS {
            let key = format!(r"Classes\Folder{:03}\Key{key:05}", key / 100);
            hive.set_value(&key, "Path", ValueKind::String, &text).unwrap();
        }
        let hive = hive.finish().unwrap();
        builder = builder.image(ImageBuilder::new(edition).file(SOFTWARE, &hive, Properties::default()));
    }
    builder.write(&path).unwrap();
    path
}
