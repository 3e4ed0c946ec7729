//! `wimkey apply`: the main job on many targets, declared in a file.

use super::interrupt::{self, Interrupted};
use super::key_source::read_key;
use super::options::Format;
use super::output;
use super::terminal::{CHANGED, FAINT, FAULT, PLAIN, Rows, STRONG, Terminal, WARNING, paint};
use super::{Failure, Outcome};
use crate::Error;
use crate::apply::{self, Done, Event, Finished, KeyFrom, Options, Plan, Shard, State};
use crate::finding::{Finding, Level};
use crate::image::{Part, Role, Target};
use crate::plan::{KeyChoice, Request};
use crate::report::{self, Applied};
use crate::threads;
use clap::Args;
use std::io::{self, Write};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::NamedTempFile;

/// What `apply` is told.
#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    /// The plan file (TOML); wimkey schema plan prints what it may hold
    plan: PathBuf,
    /// Targets instead of the plan's: WIM files, root folders of images, installation media, folders of WDS (`RemoteInstall`)
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Do the other targets although one cannot be done
    #[arg(long)]
    keep_going: bool,
    /// Do only the K-th of N shares of the targets
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// How many targets at a time; as many as there are cores otherwise
    #[arg(long, value_name = "N", value_parser = count)]
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

pub(super) fn run(arguments: &ApplyArguments, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut plan = Plan::read(&arguments.plan)?;
    let page = arguments.report.as_deref().map(Page::begin).transpose()?;
    let names = if arguments.targets.is_empty() {
        &plan.targets
    } else {
        &arguments.targets
    };
    let parts = plan.parts(names, arguments.shard)?;
    plan.request.key = match plan.key.take() {
        Some(KeyFrom::Published(edition)) => Some(KeyChoice::Published(edition)),
        Some(KeyFrom::Text(source)) => Some(KeyChoice::Own(read_key(&source, terminal)?)),
        None => None,
    };
    let options = Options {
        dry_run: arguments.dry_run,
        keep_going: arguments.keep_going,
        jobs: arguments.jobs.unwrap_or_else(cores),
        memory: u64::from(arguments.memory) << 20,
    };
    carry_out(&plan, parts, &options, page, terminal)
}

/// Puts one request into all parts of a medium or of a `RemoteInstall` folder, one after the other.
pub(super) fn set(
    target: &Target,
    parts: Vec<Part>,
    request: Request,
    dry_run: bool,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let plan = Plan::of(target, request);
    let options = Options {
        dry_run,
        keep_going: false,
        jobs: NonZero::<usize>::MIN,
        memory: u64::MAX,
    };
    carry_out(&plan, plan.concerned(parts), &options, None, terminal)
}

/// Reads how many targets are wanted at a time.
fn count(text: &str) -> Result<NonZero<usize>, &'static str> {
    text.parse().map_err(|_| "how many is a number from 1 up")
}

fn cores() -> NonZero<usize> {
    NonZero::new(threads::available()).unwrap_or(NonZero::<usize>::MIN)
}

/// Carries a plan out and tells what became of it.
fn carry_out(
    plan: &Plan,
    parts: Vec<Part>,
    options: &Options,
    page: Option<Page<'_>>,
    terminal: &Terminal,
) -> Result<Outcome, Failure> {
    let wrote: Vec<AtomicBool> = parts.iter().map(|_| AtomicBool::new(false)).collect();
    let total = parts.len();
    let bar = terminal.progress();
    let alone = options.jobs.get() == 1 || total == 1;
    let finished = apply::run(plan, parts, options, &|event| match event {
        Event::Progress(place, phase, done, total) => {
            if let Some(wrote) = wrote.get(place) {
                interrupt::stop_if_asked(phase, wrote);
            }
            if alone {
                bar.show(phase, done, total);
            }
        }
        Event::Ended(done, ended) => {
            if !alone {
                bar.count(ended, total);
            }
            let name = crate::text::printable(&done.name());
            bar.above(|| terminal.detail(&format!("[{ended}/{total}] {name}: {}", words(done.state))));
        }
    })?;
    drop(bar);
    tell(plan, &finished, options.dry_run, terminal)?;
    if let Some(page) = page {
        page.finish(&Applied::new(plan, &finished.done, options.dry_run))?;
    }
    if let Some(panic) = finished.unwound {
        // Anything else than an interruption is a fault of ours and goes its way.
        let wrote = wrote.iter().any(|wrote| wrote.load(Ordering::Relaxed));
        resume_unwind(match panic.downcast::<Interrupted>() {
            Ok(_) => Box::new(Interrupted { wrote, told: true }),
            Err(panic) => panic,
        });
    }
    Ok(outcome(plan, &finished.done))
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

/// Prints the report.
fn tell(plan: &Plan, finished: &Finished, dry_run: bool, terminal: &Terminal) -> Result<(), Failure> {
    let done = &finished.done;
    if matches!(terminal.format(), Format::Sarif | Format::Github) {
        let findings = done.iter().flat_map(|done| &done.settled.findings);
        let findings: Vec<_> = findings.cloned().collect();
        return super::findings::print(&findings, terminal);
    }
    terminal.result(&Applied::new(plan, done, dry_run), |out| {
        for done in done {
            write_target(out, done, dry_run, terminal.is_verbose())?;
        }
        write_table(out, done)?;
        write_errors(out, done)?;
        writeln!(out, "\n{}", sentence(done, dry_run))
    })?;
    Ok(())
}

/// The page for people, begun before the work so that a place where none can be written is told while nothing has happened yet.
struct Page<'a> {
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> Page<'a> {
    /// Begins the page beside its place. Only a page takes the place of something: a slip must not cost an image or a key file.
    fn begin(path: &'a Path) -> Result<Self, Failure> {
        output::demand_place(path, output::Kind::Report, "--report")?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = tempfile::Builder::new();
        // Whoever may read its folder may read it, as it holds no secret.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")));
        // Without the temporary name, which means nothing to anybody.
        let file = file.map_err(|cause| Error::file(path, cause.kind().into()))?;
        Ok(Self { path, file })
    }

    fn finish(mut self, report: &Applied<'_>) -> Result<(), Failure> {
        let failed = |cause| Failure::Work(Error::file(self.path, cause));
        self.file
            .write_all(report::html(report).as_bytes())
            .map_err(failed)?;
        self.file
            .persist(self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// All targets in a table; a dash where nothing was asked, or was not come to.
fn write_table(out: &mut dyn Write, done: &[Done]) -> io::Result<()> {
    let mut table = Rows::new();
    if !done.is_empty() {
        table.add(STRONG, ["STATE", "TARGET", "CHANGES", "REMOVED", "FINDINGS"]);
    }
    for done in done {
        let settled = &done.settled;
        let images = settled.changes.iter().flat_map(|outcome| &outcome.images);
        let changes = images.flat_map(|image| &image.changes).chain(&settled.answers);
        let changes = changes.filter(|change| change.changed).count();
        let asked = settled.changes.is_some() || settled.answers.is_some();
        let removals = settled.scrubbed.as_ref().map(|outcome| outcome.removals.len());
        let shown = |count: Option<usize>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let findings = settled.searched.then(|| report::totals(&settled.findings));
        table.add(
            style(done.state),
            [
                words(done.state).to_owned(),
                crate::text::printable(&done.name()),
                shown(asked.then_some(changes)),
                shown(removals),
                findings.unwrap_or_else(|| "-".to_owned()),
            ],
        );
    }
    table.write(out, 0)
}

/// Why targets could not be done.
fn write_errors(out: &mut dyn Write, done: &[Done]) -> io::Result<()> {
    for done in done {
        let Some(error) = &done.error else { continue };
        let (name, error) = (crate::text::printable(&done.name()), error.to_string());
        writeln!(out)?;
        // Most errors name the target; it is said once.
        match error.lines().next().and_then(|first| first.find(&name)) {
            Some(at) => {
                let (before, rest) = error.split_at(at);
                let rest = rest.get(name.len()..).unwrap_or_default();
                writeln!(out, "{before}{}{rest}", paint(FAULT, &name))?;
            }
            None => writeln!(out, "{} {error}", paint(FAULT, format!("{name}:")))?,
        }
    }
    Ok(())
}

/// How it all ended.
fn sentence(done: &[Done], dry_run: bool) -> String {
    let all = done.len();
    let count = |state| done.iter().filter(|done| done.state == state).count();
    let failed = count(State::Failed) + count(State::Refused);
    let (written, already, idle) = (
        count(State::Changed),
        count(State::Already),
        count(State::NotBegun),
    );
    match (failed, written) {
        _ if count(State::Interrupted) > 0 => {
            format!("Interrupted: {written} of {all} targets were written.")
        }
        _ if all == 0 => "No target is concerned; nothing was done.".to_owned(),
        (0, _) if dry_run => "Nothing was written (--dry-run).".to_owned(),
        _ if dry_run => {
            format!("{failed} of {all} targets cannot be done. Nothing was written (--dry-run).")
        }
        (0, 0) => "Everything is already as asked; nothing was written.".to_owned(),
        (0, 1) if all == 1 => "The target was written, read back and found as asked.".to_owned(),
        (0, _) if written == all => {
            format!("{written} of {all} targets were written, read back and found as asked.")
        }
        (0, _) => format!(
            "{written} of {all} targets were written, read back and found as asked; the others were so already."
        ),
        (_, 0) if idle > 0 => {
            "Nothing was written, because not all targets can be done; --keep-going does the others."
                .to_owned()
        }
        _ => {
            let rest = [
                (written, "written, read back and found as asked"),
                (already, "already as asked"),
                (idle, "not begun"),
            ];
            let rest = rest.into_iter().filter(|(count, _)| *count > 0);
            let rest: Vec<String> = rest.map(|(count, what)| format!("; {count} {what}")).collect();
            format!("{failed} of {all} targets could not be done{}.", rest.concat())
        }
    }
}

/// What happened to a target that has something to tell: what changed, and findings that are more than notes, or all with -v.
fn write_target(out: &mut dyn Write, done: &Done, dry_run: bool, verbose: bool) -> io::Result<()> {
    let settled = &done.settled;
    let least = if verbose { Level::Note } else { Level::Warning };
    let told = settled.findings.iter().filter(|finding| finding.level >= least);
    let told: Vec<Finding> = told.cloned().collect();
    if !matches!(done.state, State::Changed | State::WouldChange) && told.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", paint(STRONG, crate::text::printable(&done.name())))?;
    if done.written != done.part.target.path() {
        writeln!(out, "written to {}", done.written.display())?;
    }
    if let Some(change) = settled.answers.as_ref().filter(|change| change.changed) {
        let new = change.new.as_deref().unwrap_or("-");
        let old = change.old.as_deref().unwrap_or("-");
        writeln!(out, "  {}: {old} -> {new}", change.name)?;
    }
    if let Some(outcome) = &settled.scrubbed {
        let has_images = done.part.role != Role::Loose && !done.written.is_dir();
        super::scrub::write_removals(out, outcome, has_images, dry_run)?;
    }
    if let Some(outcome) = settled.changes.as_ref().filter(|outcome| outcome.changed()) {
        super::changes::write_changes(out, outcome, dry_run, verbose)?;
    }
    if !told.is_empty() {
        report::write_text(&told, super::findings::PAINT, out)?;
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
