//! The README tells the truth: its tour is run command by command on the sample, and its table of rules is the catalog's.
//!
//! `WIMKEY_README=write cargo test --test readme` writes what is true into the README instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "tests"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use wimkey::catalog::{rules, traces};

/// Where the table of rules begins and ends.
const RULES: [&str; 2] = ["<!-- rules -->\n", "<!-- end of rules -->"];

fn readme() -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Compares the README with what it should be, or makes it so.
fn settle(path: &Path, text: &str, truth: &str) {
    if std::env::var_os("WIMKEY_README").is_some() {
        std::fs::write(path, truth).unwrap();
    }
    let differs = text
        .lines()
        .zip(truth.lines())
        .find(|(said, true_)| said != true_);
    assert_eq!(
        (differs, text.len()),
        (None, truth.len()),
        "run WIMKEY_README=write cargo test --test readme"
    );
}

/// What a command prints on both streams when it runs in `folder`.
fn run(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_wimkey")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}; }} 2>&1")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("SOURCE_DATE_EPOCH", "1700000000")
        .env_remove("COLUMNS")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_tour_shows_what_the_program_prints() {
    let (path, text) = readme();
    let folder = tempfile::tempdir().unwrap();
    run("wimkey demo .", folder.path());
    let mut truth = String::new();
    let mut ran = 0;
    for (number, block) in text.split("```").enumerate() {
        if number > 0 {
            truth.push_str("```");
        }
        if number % 2 == 0 || !block.starts_with("\n$ ") {
            truth.push_str(block);
            continue;
        }
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        let shown = commands.map(|command| {
            ran += 1;
            let told = run(command, folder.path());
            format!("$ {command}\n{told}").trim_end().to_owned()
        });
        write!(truth, "\n{}\n", shown.collect::<Vec<_>>().join("\n\n")).unwrap();
    }
    assert!(ran >= 10, "only {ran} commands");
    settle(&path, &text, &truth);
}

#[test]
fn the_table_of_rules_is_that_of_the_catalog() {
    let (path, text) = readme();
    let (before, rest) = text.split_once(RULES[0]).unwrap();
    let (_, after) = rest.split_once(RULES[1]).unwrap();
    let mut table = "| rule | level | finds |\n| --- | --- | --- |\n".to_owned();
    for rule in rules::RULES.iter().chain(traces::RULES) {
        writeln!(
            table,
            "| {} | {} | {} |",
            rule.id,
            rule.level.name(),
            rule.summary
        )
        .unwrap();
    }
    let truth = format!("{before}{}{table}{}{after}", RULES[0], RULES[1]);
    settle(&path, &text, &truth);
}
