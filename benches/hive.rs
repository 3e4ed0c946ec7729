//! The hive engine on a hive of more than 60 MB that is made here: `cargo bench --bench hive`.
//!
//! `WIMKEY_BENCH_HIVE=FILE` takes that hive instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a bench whose set-up fails must stop"
)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::fs::File;
use std::hint::black_box;
use wimkey::file::Draft;
use wimkey::hive::{FILE_LIMIT, Hive, ValueKind, check};
use wimkey::secret::{self, Bulk, Wiped};

/// The least length of the hive made here, in bytes.
const LENGTH: usize = 62 << 20;
/// How many keys there are under the root, and how many under each of them.
const BRANCHES: usize = 1000;
const TWIGS: usize = 150;
/// The value that is looked for and set; it lies in the middle.
const KEY: &str = r"Branch0500\Twig075";
const NAME: &str = "Name1";

/// A hive with many small keys, as SOFTWARE has them, and some larger values.
fn made() -> Wiped {
    let mut hive = Hive::create(5).unwrap();
    let text = wimkey::text::utf16le("C:\\Windows\\System32\\a library with a long name.dll\0");
    for branch in 0..BRANCHES {
        for twig in 0..TWIGS {
            let key = format!(r"Branch{branch:04}\Twig{twig:03}");
            hive.set_value(&key, "Name1", ValueKind::String, &text).unwrap();
            hive.set_value(&key, "Name2", ValueKind::Dword, &[1, 2, 3, 4])
                .unwrap();
        }
        let large = vec![7; 100 + branch * 37 % 40_000];
        hive.set_value(&format!("Branch{branch:04}"), "Large", ValueKind::Binary, &large)
            .unwrap();
    }
    let mut fill = 0;
    loop {
        let bytes = hive.finish().unwrap();
        if bytes.len() >= LENGTH {
            return bytes;
        }
        hive = Hive::open(bytes).unwrap();
        for _ in 0..100 {
            hive.set_value(
                &format!(r"Fill\{fill}"),
                "Data",
                ValueKind::Binary,
                &vec![9; 30_000],
            )
            .unwrap();
            fill += 1;
        }
    }
}

fn given() -> Wiped {
    match std::env::var_os("WIMKEY_BENCH_HIVE") {
        Some(path) => secret::read_file(path.as_ref(), FILE_LIMIT).unwrap(),
        None => made(),
    }
}

/// As many additions as there are numbers in the hive: what reading all of it takes at least.
fn pass(bytes: &[u8]) -> u32 {
    let numbers = bytes.as_chunks::<4>().0.iter();
    numbers.fold(0, |sum, &number| sum.wrapping_add(u32::from_le_bytes(number)))
}

fn benches(criterion: &mut Criterion) {
    let bytes = given();
    if let Some(path) = std::env::var_os("WIMKEY_BENCH_KEEP") {
        std::fs::write(path, &bytes).unwrap();
    }
    let mut group = criterion.benchmark_group("hive");
    group
        .sample_size(20)
        .throughput(Throughput::Bytes(bytes.len() as u64));

    group.bench_function("one pass over the memory", |bencher| {
        bencher.iter(|| pass(black_box(&bytes)));
    });
    group.bench_function("full check", |bencher| bencher.iter(|| check(black_box(&bytes))));
    group.bench_function("read and find", |bencher| {
        bencher.iter_batched(
            || bytes.clone(),
            |bytes| {
                let hive = Hive::read(bytes).unwrap();
                let found = hive
                    .find(KEY)
                    .unwrap()
                    .is_some_and(|key| key.value(NAME).unwrap().is_some());
                (hive, found)
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("open, set, finish", |bencher| {
        bencher.iter_batched(
            || bytes.clone(),
            |bytes| {
                let mut hive = Hive::open(bytes).unwrap();
                hive.set_value(KEY, NAME, ValueKind::Dword, &[9, 9, 9, 9])
                    .unwrap();
                hive.finish().unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("SOFTWARE");
    std::fs::write(&path, &bytes).unwrap();
    group.bench_function("copy and sync", |bencher| {
        bencher.iter(|| {
            let copy = folder.path().join("copy");
            std::fs::copy(&path, &copy).unwrap();
            File::open(&copy).unwrap().sync_all().unwrap();
        });
    });
    let mut number = 0u32;
    group.bench_function("read, check, set, check, save", |bencher| {
        bencher.iter(|| {
            number += 1;
            let mut hive = Hive::read_bulk(Bulk::read(&path, FILE_LIMIT).unwrap()).unwrap();
            let draft = Draft::of(&path, File::open(&path).unwrap()).unwrap();
            hive.set_value(KEY, NAME, ValueKind::Dword, &number.to_le_bytes())
                .unwrap();
            hive.save(draft).unwrap()
        });
    });
    let copy = folder.path().join("compact");
    group.bench_function("read, check, compact, check, save", |bencher| {
        bencher.iter(|| {
            let hive = Hive::read_bulk(Bulk::read(&path, FILE_LIMIT).unwrap()).unwrap();
            hive.compact_into(Draft::new(&copy).unwrap(), true).unwrap()
        });
    });
    let opened = || Hive::open(bytes.clone()).unwrap();
    group.bench_function("scrub", |bencher| {
        bencher.iter_batched(
            opened,
            |mut hive| {
                hive.scrub().unwrap();
                hive
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("compact in memory", |bencher| {
        bencher.iter_batched(
            opened,
            |mut hive| {
                let fresh = hive.compact().unwrap();
                (hive, fresh)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(hive, benches);
criterion_main!(hive);
