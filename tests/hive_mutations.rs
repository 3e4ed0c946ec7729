//! Damaged hives and logs, thousands of them, the same in every run: nothing panics, nothing takes long, nothing takes much memory,
//! and what opens for edits is still whole after them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "tests"
)]

mod common;

use std::time::{Duration, Instant};
use wimkey::hive::{Hive, ValueKind, check, recover};
use wimkey::secret::{self, Wiped};
use wimkey::{regfile, transfer};
use zeroize::Zeroizing;

/// No damaged hive of these sizes takes longer; a whole one takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How much more memory than before all of them may take, in bytes.
const MEMORY: u64 = 256 << 20;

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below.max(1)
    }

    /// Damages `bytes` in one to four places.
    fn damage(&mut self, bytes: &mut Wiped) {
        const TELLING: [u32; 10] = [
            0,
            1,
            7,
            8,
            0x20,
            0x7FFF_FFFF,
            0x8000_0000,
            0x8000_0005,
            0xFFFF_FFF8,
            0xFFFF_FFFF,
        ];
        for _ in 0..=self.roll(4) {
            let length = bytes.len();
            if length < 64 {
                return;
            }
            let place = self.roll(length - 32) & !3;
            match self.roll(9) {
                0 => bytes[place + self.roll(4)] ^= 1 << self.roll(8),
                1 | 2 => {
                    let number = TELLING[self.roll(TELLING.len())];
                    bytes[place..place + 4].copy_from_slice(&number.to_le_bytes());
                }
                // An offset that is some other cell's.
                3 | 4 => {
                    let other = u32::try_from(self.roll(length) & !7).unwrap();
                    bytes[place..place + 4].copy_from_slice(&other.to_le_bytes());
                }
                5 => {
                    let from = self.roll(length - 32) & !3;
                    bytes.copy_within(from..from + 16, place);
                }
                6 => {
                    let number = u16::try_from(self.roll(1 << 16)).unwrap();
                    bytes[place..place + 2].copy_from_slice(&number.to_le_bytes());
                }
                7 => bytes[place..place + 32].fill(0),
                _ if self.roll(8) == 0 => {
                    let cut = self.roll(length);
                    bytes.truncate(cut);
                }
                _ => bytes[place] = u8::try_from(self.roll(256)).unwrap(),
            }
        }
        seal(bytes);
    }
}

/// Makes the checksum of a base block right, so that the damage behind it is reached.
fn seal(bytes: &mut [u8]) {
    let Some(block) = bytes.get_mut(..512) else { return };
    let sum = block[..508]
        .chunks_exact(4)
        .fold(0, |sum, part| sum ^ u32::from_le_bytes(part.try_into().unwrap()));
    block[508..].copy_from_slice(&sum.to_le_bytes());
}

/// The most memory that this process ever took, in bytes; `None` where the system does not say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// A hive with every shape of list and data.
fn rich(minor: u32) -> Wiped {
    let mut hive = Hive::create(minor).unwrap();
    for index in 0..1100 {
        hive.set_value(&format!(r"Many\K{index:04}"), "", ValueKind::Dword, &[1, 2, 3, 4])
            .unwrap();
    }
    for length in [0, 4, 5, 300, 16_344, 16_345, 50_000] {
        hive.set_value(
            r"Data\Ä\日",
            &format!("v{length}"),
            ValueKind::Binary,
            &vec![7; length],
        )
        .unwrap();
    }
    for index in 0..40 {
        hive.delete_key(&format!(r"Many\K{:04}", index * 20)).unwrap();
    }
    hive.finish().unwrap()
}

/// Reads all there is.
fn read(bytes: Wiped) {
    let Ok(hive) = Hive::read(bytes) else { return };
    for key in hive.walk() {
        let Ok(key) = key else { continue };
        key.path().ok();
        key.class_name().ok();
        for value in key.values().flatten() {
            value.data().ok();
        }
    }
    if let Ok(root) = hive.root() {
        transfer::export(&root, "HKLM\\X", std::io::sink()).ok();
    }
}

/// Edits what opens; a hive that passed the check takes every edit and passes it again.
fn edit(bytes: Wiped, number: usize) {
    let Ok(mut hive) = Hive::open(bytes) else { return };
    let mut is_refused = false;
    for step in 0..6 {
        let outcome = match step {
            0 => hive
                .set_value(r"Many\K0500", "New", ValueKind::Binary, &[1; 500])
                .map(drop),
            1 => hive
                .set_value(r"Data\Ä\日", "v50000", ValueKind::Binary, &vec![1; 20_000])
                .map(drop),
            2 => hive.delete_key(r"Many\K0007").map(drop),
            3 => hive.delete_key("Data").map(drop),
            4 => hive.scrub().map(drop),
            _ => hive.compact().map(drop),
        };
        is_refused |= outcome.is_err_and(|error| {
            assert!(error.is_refusal(), "case {number}, step {step}: {error}");
            true
        });
    }
    let outcome = hive.finish();
    assert!(outcome.is_ok() || is_refused, "case {number}: {outcome:?}");
}

/// Runs `case` that many times, each within its time, and all within the memory.
fn many(cases: usize, mut case: impl FnMut(usize, &mut Dice)) {
    let before = peak();
    let mut longest = Duration::ZERO;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for number in 0..cases {
        let start = Instant::now();
        case(number, &mut dice);
        longest = longest.max(start.elapsed());
        assert!(longest < PATIENCE, "case {number} took {longest:?}");
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        eprintln!(
            "{cases} cases, the longest {longest:?}, {} KiB more memory",
            (after - before) / 1024
        );
        assert!(after - before < MEMORY);
    }
}

#[test]
fn damaged_hives_are_checked_read_and_edited_in_bounds() {
    let seeds = [rich(3), rich(4), rich(5), rich(6)];
    many(1000, |number, dice| {
        let mut bytes = seeds[number % seeds.len()].clone();
        dice.damage(&mut bytes);
        check(&bytes);
        read(bytes.clone());
        edit(bytes, number);
    });
}

#[test]
fn damaged_logs_are_applied_or_refused_in_bounds() {
    let mut sets: Vec<[Wiped; 3]> = vec![set_before_8_1()];
    if let Some(folder) = common::corpus("hives") {
        for (set, name) in [("win10-BBI", "BBI"), ("win10-DEFAULT", "DEFAULT")] {
            let file = |ending: &str| {
                let path = folder.join("dirty").join(set).join(format!("{name}{ending}"));
                secret::read_file(&path, 1 << 30).unwrap()
            };
            sets.push([file(""), file(".LOG1"), file(".LOG2")]);
        }
    }
    many(600, |number, dice| {
        let [mut hive, mut first, mut second] = sets[number % sets.len()].clone();
        match dice.roll(3) {
            0 => dice.damage(&mut hive),
            1 => dice.damage(&mut first),
            _ => dice.damage(&mut second),
        }
        if let Ok(recovered) = recover(hive, &first, &second) {
            assert!(
                Hive::open(recovered).is_ok_and(|hive| !hive.is_dirty()),
                "case {number}"
            );
        }
    });
}

/// A dirty hive and its log as Windows 7 leaves them.
fn set_before_8_1() -> [Wiped; 3] {
    let before = rich(5);
    let mut hive = Hive::open(before.clone()).unwrap();
    hive.set_value(r"Many\K0300", "", ValueKind::Dword, &[9; 4])
        .unwrap();
    let after = hive.finish().unwrap();
    let mut log = after[..512].to_vec();
    log[28] = 1;
    seal(&mut log);
    log.extend(b"DIRT");
    log.extend(vec![0xFF; ((after.len() - 4096) / 512).div_ceil(8)]);
    log.resize(log.len().next_multiple_of(512), 0);
    log.extend(&after[4096..]);
    let mut torn = before;
    torn[4] += 1;
    seal(&mut torn);
    [torn, Zeroizing::new(log), Wiped::default()]
}

#[test]
fn damaged_registration_files_are_read_or_refused_in_bounds() {
    let mut seed = Vec::new();
    let hive = Hive::read(rich(5)).unwrap();
    let data = hive.find("Data").unwrap().unwrap();
    transfer::export(&data, r"HKLM\X", &mut seed).unwrap();
    let wide = Zeroizing::new(seed);
    let narrow = {
        let (text, _) = wimkey::text::decode(&wide).unwrap();
        Zeroizing::new(text.trim_start_matches('\u{FEFF}').as_bytes().to_vec())
    };
    for seed in [&wide, &narrow] {
        assert!(regfile::parse(seed).unwrap().len() > 8);
    }
    many(300, |number, dice| {
        let mut bytes = [&wide, &narrow][number % 2].clone();
        for _ in 0..=dice.roll(4) {
            let place = 80 + dice.roll(bytes.len() - 80);
            let letters = b"[]\"\\=,;:-@\r\n0ah(\0\xFF";
            bytes[place] = letters[dice.roll(letters.len())];
        }
        let Ok(entries) = regfile::parse(&bytes) else {
            return;
        };
        let mut hive = Hive::create(5).unwrap();
        if transfer::import(&mut hive, r"HKLM\X", &entries).is_ok() {
            hive.finish().unwrap();
        }
    });
}
