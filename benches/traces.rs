//! How fast keys are found in bytes: sixteen known keys in all forms, and unknown ones by their shape, on one core.
//!
//! Run with `cargo bench --bench traces`; a file as argument is searched instead of made-up bytes.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints what it measures"
)]

use std::time::Instant;
use wimkey::catalog;
use wimkey::key::ProductKey;
use wimkey::trace::{Scanner, Traces};

const KEYS: usize = 16;
const ROUNDS: usize = 5;
const LENGTH: usize = 256 << 20;

fn main() {
    let file = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let bytes = file.map_or_else(made_up, |path| std::fs::read(path).unwrap());
    let keys: Vec<ProductKey> = catalog::published()
        .iter()
        .take(KEYS)
        .map(|row| row.key().unwrap())
        .collect();
    let traces = Traces::of(&keys);
    measure("known keys", &bytes, &traces, false);
    measure("known keys and shapes", &bytes, &traces, true);
    measure("shapes", &bytes, &Traces::default(), true);
}

/// Prints the best of some rounds.
fn measure(what: &str, bytes: &[u8], traces: &Traces, shapes: bool) {
    let round = |_| {
        let start = Instant::now();
        let mut hits = 0;
        let mut scanner = Scanner::new(traces, shapes);
        scanner.feed(bytes, &mut |_| hits += 1);
        scanner.finish(&mut |_| hits += 1);
        (start.elapsed(), hits)
    };
    let (best, hits) = (0..ROUNDS).map(round).min().unwrap();
    let speed = bytes.len() as f64 / best.as_secs_f64() / 1e9;
    println!("{what}: {speed:.2} GB/s, {hits} hits in {} bytes", bytes.len());
}

/// Half of it as random as compressed data, half of it text with many dashes.
fn made_up() -> Vec<u8> {
    let mut seed = 7u64;
    let mut bytes = Vec::with_capacity(LENGTH);
    while bytes.len() < LENGTH / 2 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.extend((seed >> 16).to_le_bytes());
    }
    let line = b"2023-11-14 22:13:20, Info  CBS  Session: 31034-1234 package {55c92734-d682-4d71-983e-d6ec3f16059f}\r\n";
    while bytes.len() < LENGTH {
        bytes.extend_from_slice(line);
    }
    bytes
}
