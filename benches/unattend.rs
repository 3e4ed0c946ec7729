//! How long an answer file takes: reading, finding its keys, setting one, linting. An ordinary file, and one of a megabyte.
//!
//! Run with `cargo bench --bench unattend`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints what it measures"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};
use wimkey::lint::{self, Surroundings};
use wimkey::sample;
use wimkey::secret::Wiped;
use wimkey::unattend::{AnswerFile, Architecture, Setting};

const ROUNDS: usize = 7;

fn main() {
    measure_all("an ordinary file", sample::ANSWER_FILE);
    measure_all("a large file", &large());
}

fn measure_all(name: &str, text: &str) {
    println!("{name}, {} bytes", text.len());
    let bytes = || Wiped::new(text.as_bytes().to_vec());
    let setting = Setting::product_key(Architecture::Amd64);
    measure("read", text, || {
        black_box(AnswerFile::parse(bytes()).unwrap());
    });
    let answers = AnswerFile::parse(bytes()).unwrap();
    measure("find keys", text, || {
        black_box(answers.product_keys().len());
    });
    measure("read, set a key, give back", text, || {
        let mut answers = AnswerFile::parse(bytes()).unwrap();
        // A placeholder: its length is that of a key.
        answers.set(&setting, "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX").unwrap();
        black_box(answers.into_bytes().len());
    });
    measure("lint", text, || {
        black_box(lint::answer_file(text.as_bytes(), &Surroundings::default()).len());
    });
}

/// Prints the best of some rounds of many runs each.
fn measure(what: &str, text: &str, work: impl Fn()) {
    let runs = (1 << 20) / text.len() + 1;
    let round = || {
        let start = Instant::now();
        (0..runs).for_each(|_| work());
        start.elapsed() / u32::try_from(runs).unwrap()
    };
    let best: Duration = (0..ROUNDS).map(|_| round()).min().unwrap();
    let rate = text.len() as f64 / best.as_secs_f64() / 1e6;
    println!("  {what:30} {best:>12.1?}  {rate:>8.0} MB/s");
}

/// The ordinary file with many first-logon commands in it.
fn large() -> String {
    let (before, after) = sample::ANSWER_FILE.split_once("</component>").unwrap();
    let mut commands = String::from("<FirstLogonCommands>\n");
    for order in 1..6000 {
        writeln!(
            commands,
            "  <SynchronousCommand><Order>{order}</Order><CommandLine>cmd /c echo {order} &amp;&amp; exit 0</CommandLine>\
             <Description>Step {order}</Description></SynchronousCommand>"
        )
        .unwrap();
    }
    commands.push_str("</FirstLogonCommands>\n");
    format!("{before}{commands}</component>{after}")
}
