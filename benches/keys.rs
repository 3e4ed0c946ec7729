//! How long a verdict takes: a million keys, half of them published, the others misspelt or unknown, judged and written.
//!
//! Run with `cargo bench --bench keys`; a `pkeyconfig.xrm-ms` as argument judges against it as well.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints what it measures"
)]

use std::time::Instant;
use wimkey::catalog;
use wimkey::key::ALPHABET;
use wimkey::pkeyconfig::{Context, KeyConfiguration, check_lines};
use wimkey::report::{Shape, VerdictLines};

const KEYS: usize = 1_000_000;
const ROUNDS: usize = 5;
const BLOCK: usize = 64 * 1024;

fn main() {
    let list = list();
    let file = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let configuration = file.map(|path| KeyConfiguration::parse(&std::fs::read(path).unwrap()).unwrap());
    for shape in [Shape::Text, Shape::JsonLines] {
        measure("tables", shape, &list, &Context::default());
        if configuration.is_some() {
            let context = Context {
                configuration: configuration.as_ref(),
                ..Context::default()
            };
            measure("tables and key configuration", shape, &list, &context);
        }
    }
}

/// Prints the best of some rounds.
fn measure(ground: &str, shape: Shape, list: &[u8], context: &Context<'_>) {
    let round = |_| {
        let mut lines = VerdictLines::new(shape, |_, name| name.to_owned());
        let mut block = Vec::with_capacity(2 * BLOCK);
        let mut written = 0;
        let start = Instant::now();
        let done = check_lines(list, context, |line, verdict| {
            lines.write(line, verdict, &mut block);
            if block.len() > BLOCK {
                written += std::hint::black_box(&block).len();
                block.clear();
            }
            Ok(())
        });
        done.unwrap();
        (start.elapsed(), written)
    };
    let (best, written) = (0..ROUNDS).map(round).min().unwrap();
    let each = best.as_nanos() as f64 / KEYS as f64;
    println!("{ground}, {shape:?}: {best:?}, {each:.0} ns a key, {written} bytes written");
}

/// The list; the same on every run.
fn list() -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut list = Vec::new();
    for _ in 0..KEYS {
        let published = catalog::published();
        let mut text = published[random(published.len())].text.as_bytes().to_vec();
        match random(4) {
            0 => {
                let place = random(5) * 6 + random(5);
                text[place] = ALPHABET[random(ALPHABET.len())];
            }
            1 => {
                for symbol in text.iter_mut().filter(|symbol| **symbol != b'-') {
                    *symbol = ALPHABET[random(ALPHABET.len())];
                }
            }
            _ => {}
        }
        list.extend(text);
        list.push(b'\n');
    }
    list
}
