//! Turns the fact tables of this folder into Rust tables, once, at build time, and stops the build on a wrong row.
//!
//! Nothing is parsed when wimkey runs: a look-up costs no more than a `static`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a build script stops the build when a table is wrong"
)]

mod keys;
mod lint;
mod rules;
mod settings;
mod topics;
mod traces;
mod unattend;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let tables = Path::new("keydata");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo::rerun-if-changed=keydata");
    std::fs::write(out.join("upcase.rs"), upcase(tables)).expect("upcase.rs");
    std::fs::write(out.join("catalog.rs"), keys::tables(tables)).expect("catalog.rs");
    std::fs::write(out.join("registry.rs"), settings::tables(tables)).expect("registry.rs");
    let traces = lint::tables(tables, "traces.toml") + &traces::tables(tables);
    std::fs::write(out.join("traces.rs"), traces).expect("traces.rs");
    std::fs::write(out.join("lint.rs"), lint::tables(tables, "lint.toml")).expect("lint.rs");
    std::fs::write(out.join("unattend.rs"), unattend::tables(tables)).expect("unattend.rs");
    std::fs::write(out.join("topics.rs"), topics::tables(tables)).expect("topics.rs");
}

/// `upcase.tsv` as a sorted list of (unit, upper) pairs.
fn upcase(tables: &Path) -> String {
    let text = std::fs::read_to_string(tables.join("upcase.tsv")).expect("upcase.tsv");
    let mut rust = String::from("[\n");
    let mut last = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (unit, upper) = line.split_once('\t').expect("two columns");
        let unit = u16::from_str_radix(unit, 16).expect("a hex unit");
        let upper = u16::from_str_radix(upper, 16).expect("a hex upper case");
        assert!(last < Some(unit), "upcase.tsv is not in ascending order");
        last = Some(unit);
        writeln!(rust, "({unit:#06x}, {upper:#06x}),").expect("a string");
    }
    rust.push(']');
    rust
}
