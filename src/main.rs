//! The wimkey program: runs the command line and chooses the exit code.

use std::io::Write;
use std::panic::{catch_unwind, resume_unwind};
use std::process::ExitCode;
use wimkey::cli::interrupt::{Interrupted, exit_code};
use wimkey::cli::{self, Failure, Outcome};

/// Done, or already as wanted.
const DONE: u8 = 0;
/// Something failed.
const ERROR: u8 = 1;
/// The arguments make no sense.
const USAGE: u8 = 2;
/// Refused to keep the target safe.
const REFUSED: u8 = 3;
/// Faults were looked for and found.
const FINDINGS: u8 = 10;

fn main() -> ExitCode {
    let ended = catch_unwind(|| cli::run(std::env::args_os()));
    let code = match ended {
        Ok(outcome) => tell(outcome),
        Err(panic) => match panic.downcast::<Interrupted>() {
            Ok(interrupted) => {
                complain(if interrupted.told {
                    "interrupted: what became of each target stands above\nRun the same command again to do all of it."
                } else if interrupted.wrote {
                    "interrupted: the target is written and whole, but was not read back\nRun the same command again to be sure."
                } else {
                    "interrupted: nothing was written\nRun the same command again to do all of it."
                });
                ERROR
            }
            Err(panic) => resume_unwind(panic),
        },
    };
    ExitCode::from(exit_code().unwrap_or(code))
}

/// Says why a run failed, if it did; chooses its exit code.
fn tell(outcome: Result<Outcome, Failure>) -> u8 {
    match outcome {
        Ok(Outcome::Done) => DONE,
        Ok(Outcome::Findings) => FINDINGS,
        Ok(Outcome::Failed) => ERROR,
        Ok(Outcome::Refused) => REFUSED,
        Err(Failure::Usage(usage)) => {
            // Help and version are printed this way too, with code 0.
            _ = usage.print();
            u8::try_from(usage.exit_code()).unwrap_or(USAGE)
        }
        Err(Failure::KeyInArguments) => {
            complain(
                "an argument looks like a product key, so nothing was done\n\
                 It is now in your shell's history and was visible to every process: treat it as exposed. \
                 Pass keys by --key-file PATH (- for standard input), --key-env NAME or --key-fd N.",
            );
            USAGE
        }
        Err(Failure::Work(error)) => {
            complain(&error.to_string());
            if let Some(picture) = error.picture() {
                _ = writeln!(
                    std::io::stderr(),
                    "    {}\n    {:caret$}^",
                    picture.text(),
                    "",
                    caret = picture.caret()
                );
            }
            if error.is_usage() {
                USAGE
            } else if error.is_refusal() {
                REFUSED
            } else {
                ERROR
            }
        }
        // Whoever read our output has read enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => DONE,
        Err(Failure::Output(error)) => {
            complain(&format!(
                "cannot write the result: {error}\nCheck where the output goes."
            ));
            ERROR
        }
    }
}

/// What happened on the first line, what to do below.
fn complain(sentence: &str) {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    _ = writeln!(anstream::stderr(), "{style}wimkey:{style:#} {sentence}");
}
