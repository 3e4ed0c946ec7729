//! `wimkey apply`: the main job on many targets, declared in a file.

use super::arguments::Format;
use super::image::read_key;
use super::interrupt::{self, Interrupted};
use super::terminal::{CHANGED, FAINT, FAULT, PLAIN, Rows, STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::apply::{self, Done, Event, Finished, KeyFrom, Options, Plan, Shard, State};
use crate::image::Role;
use crate::plan::KeyChoice;
use crate::report::{self, Applied};
use clap::Args;
use std::io::{self, Write};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// What `apply` is told.
#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    /// The plan file (TOML); wimkey schema plan prints what it may hold
    plan: PathBuf,
    /// Targets instead of the plan's: WIM files, root folders of images, installation media, RemoteInstall folders
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Do the other targets although one cannot be done
    #[arg(long)]
    keep_going: bool,
    /// Do only the K-th of N shares of the targets
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// How many targets at a time; as many as there are cores otherwise
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// How much memory targets that are done at the same time may take together, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory: u32,
    /// Print the changes and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write a report for people here: one HTML page
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) fn run(arguments: ApplyArguments, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut plan = Plan::read(&arguments.plan)?;
    let names = if arguments.targets.is_empty() {
        &plan.targets
    } else {
        &arguments.targets
    };
    let jobs = apply::jobs(names, &plan.selectors, arguments.shard)?;
    plan.request.key = match plan.key.take() {
        Some(KeyFrom::Published(edition)) => Some(KeyChoice::Published(edition)),
        Some(KeyFrom::Text(source)) => Some(KeyChoice::Own(read_key(&source, terminal)?)),
        None => None,
    };
    let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let options = Options {
        dry_run: arguments.dry_run,
        keep_going: arguments.keep_going,
        jobs: arguments.jobs.unwrap_or(cores),
        memory: u64::from(arguments.memory) << 20,
    };
    let names: Vec<String> = jobs.iter().map(|job| job.target.to_string()).collect();
    let wrote: Vec<AtomicBool> = names.iter().map(|_| AtomicBool::new(false)).collect();
    let bar = terminal.progress();
    let alone = options.jobs.get() == 1 || names.len() == 1;
    let total = names.len();
    let finished = apply::run(&plan, jobs, &options, &|event| match event {
        Event::Progress(place, phase, done, total) => {
            if let Some(wrote) = wrote.get(place) {
                interrupt::stop_if_asked(phase, wrote);
            }
            if alone {
                bar.show(phase, done, total);
            }
        }
        Event::Ended(done, ended) => {
            if total > 1 {
                bar.count(ended, total);
                let name = crate::text::printable(&done.job.target.to_string());
                bar.above(|| terminal.detail(&format!("[{ended}/{total}] {name}: {}", words(done.state))));
            }
        }
    })?;
    drop(bar);
    tell(&plan, &names, &finished, &arguments, terminal)?;
    if let Some(panic) = finished.unwound {
        // Anything else than an interruption is a fault of ours and goes its way.
        let wrote = wrote.iter().any(|wrote| wrote.load(Ordering::Relaxed));
        resume_unwind(match panic.downcast::<Interrupted>() {
            Ok(_) => Box::new(Interrupted { wrote, told: true }),
            Err(panic) => panic,
        });
    }
    Ok(outcome(&plan, &finished.done))
}

/// How the run ends: the worst that happened.
fn outcome(plan: &Plan, done: &[Done]) -> Outcome {
    let is = |state| done.iter().any(|done| done.state == state);
    if is(State::Failed) {
        return Outcome::Failed;
    }
    // What the plan does not fit is a refusal too: nothing was written.
    if is(State::Refused) {
        return Outcome::Refused;
    }
    let left = |done: &Done| {
        done.settled
            .scrubbed
            .as_ref()
            .is_some_and(|outcome| !outcome.is_clean())
    };
    let found = |done: &Done| {
        let fail_on = plan.audit.map(|audit| audit.fail_on);
        let findings = done.settled.findings.iter();
        fail_on.is_some_and(|level| findings.clone().any(|finding| finding.level >= level))
    };
    let fails = |done: &Done| match plan.audit {
        Some(_) => found(done),
        None => left(done),
    };
    if done.iter().any(fails) {
        Outcome::Findings
    } else {
        Outcome::Done
    }
}

/// Prints the report, and writes the page.
fn tell(
    plan: &Plan,
    names: &[String],
    finished: &Finished,
    arguments: &ApplyArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let report = Applied::new(
        plan.path.display().to_string(),
        names,
        &finished.done,
        arguments.dry_run,
    );
    match terminal.format() {
        Format::Sarif | Format::Github => {
            let findings: Vec<_> = finished
                .done
                .iter()
                .flat_map(|done| done.settled.findings.iter().cloned())
                .collect();
            super::findings::print(&findings, terminal)?;
        }
        _ => terminal.result(&report, |out| {
            write_text(out, names, &finished.done, arguments.dry_run)
        })?,
    }
    if let Some(path) = &arguments.report {
        write_page(path, &report)?;
    }
    Ok(())
}

fn write_page(path: &Path, report: &Applied<'_>) -> Result<(), Failure> {
    let page = report::html(report);
    crate::file::replace(path, page.as_bytes(), |_| Ok(())).map_err(|cause| {
        Failure::Work(Error::NotReplaced {
            path: path.to_owned(),
            cause,
        })
    })
}

/// What happened to each target that has something to tell, then all of them in a table, then what to do.
fn write_text(out: &mut dyn Write, names: &[String], done: &[Done], dry_run: bool) -> io::Result<()> {
    for (name, done) in names.iter().zip(done) {
        write_target(out, name, done, dry_run)?;
    }
    let mut table = Rows::new();
    table.add(STRONG, ["STATE", "TARGET", "CHANGES", "REMOVED", "FINDINGS"]);
    for (name, done) in names.iter().zip(done) {
        let settled = &done.settled;
        let images = settled.changes.iter().flat_map(|outcome| &outcome.images);
        let changes = images.flat_map(|image| &image.changes).chain(&settled.answers);
        let changes = changes.filter(|change| change.changed).count();
        let removed = settled
            .scrubbed
            .as_ref()
            .map_or(0, |outcome| outcome.removals.len());
        table.add(
            style(done.state),
            [
                words(done.state).to_owned(),
                crate::text::printable(name),
                changes.to_string(),
                removed.to_string(),
                settled.findings.len().to_string(),
            ],
        );
    }
    table.write(out, 0)?;
    for (name, done) in names.iter().zip(done) {
        if let Some(error) = &done.error {
            let error = error.to_string();
            let mut lines = error.lines();
            let first = lines.next().unwrap_or_default();
            writeln!(
                out,
                "\n{} {first}",
                paint(FAULT, crate::text::printable(name) + ":")
            )?;
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
    }
    let is = |state| done.iter().filter(|done| done.state == state).count();
    let failed = is(State::Failed) + is(State::Refused);
    let written = is(State::Changed);
    let sentence = match (failed, is(State::NotBegun), is(State::Interrupted)) {
        (_, _, 1..) => format!("Interrupted: {written} of {} targets were written.", done.len()),
        (0, _, _) if dry_run => "Nothing was written (--dry-run).".to_owned(),
        (0, _, _) if written == 0 => "Everything is already as asked; nothing was written.".to_owned(),
        (0, _, _) => format!(
            "{written} of {} targets were written, read back and found as asked; the rest is as asked already.",
            done.len()
        ),
        (_, 1.., _) if written == 0 => {
            "Nothing was written, because not all targets can be done; --keep-going does the others."
                .to_owned()
        }
        _ => format!(
            "{failed} of {} targets could not be done; {written} were written, read back and found as asked.",
            done.len()
        ),
    };
    writeln!(out, "\n{sentence}")
}

fn write_target(out: &mut dyn Write, name: &str, done: &Done, dry_run: bool) -> io::Result<()> {
    let settled = &done.settled;
    let has_news = matches!(done.state, State::Changed | State::WouldChange) || !settled.findings.is_empty();
    if !has_news {
        return Ok(());
    }
    writeln!(out, "{}", paint(STRONG, crate::text::printable(name)))?;
    if done.written != done.job.target.path() {
        writeln!(out, "written to {}", done.written.display())?;
    }
    if let Some(change) = settled.answers.as_ref().filter(|change| change.changed) {
        let new = change.new.as_deref().unwrap_or("-");
        let old = change.old.as_deref().unwrap_or("-");
        writeln!(out, "  {}: {old} -> {new}", change.name)?;
    }
    if let Some(outcome) = &settled.scrubbed {
        super::scrub::write_removals(
            out,
            outcome,
            done.job.role != Role::Loose && !done.written.is_dir(),
            dry_run,
        )?;
    }
    if let Some(outcome) = settled.changes.as_ref().filter(|outcome| outcome.changed()) {
        super::image::write_changes(out, outcome, dry_run)?;
    }
    if !settled.findings.is_empty() {
        writeln!(out, "{}", paint(WARNING, "Found:"))?;
        report::write_text(&settled.findings, super::findings::PAINT, out)?;
    }
    writeln!(out)
}

fn words(state: State) -> &'static str {
    match state {
        State::Changed => "changed",
        State::Already => "already as asked",
        State::WouldChange => "would change",
        State::Refused => "refused",
        State::Failed => "failed",
        State::NotBegun => "not begun",
        State::Interrupted => "interrupted",
    }
}

fn style(state: State) -> anstyle::Style {
    match state {
        State::Changed | State::WouldChange => CHANGED,
        State::Already => FAINT,
        State::Refused | State::Failed => FAULT,
        State::NotBegun => PLAIN,
        State::Interrupted => WARNING,
    }
}
