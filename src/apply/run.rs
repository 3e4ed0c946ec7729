//! Carrying a plan out: all targets are looked at, then all are written, several at a time within a bound of memory.

use super::answers::Wanted;
use super::budget::Budget;
use super::order;
use super::outcome::{Done, Settled, State, TargetError};
use super::{Error, Plan};
use crate::audit;
use crate::catalog::traces;
use crate::finding::{Finding, Level};
use crate::image::{self, Images, Part, Phase, Role, SOFTWARE, SYSTEM, Target};
use crate::plan::{self, Destination, KeyChoice, Prepared};
use crate::scrub;
use crate::threads::{self, lock};
use std::any::Any;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a target takes beside its hives, in bytes: tables, directory trees, room for reading and compressing.
const BASE: u64 = 64 << 20;
/// How many targets that were looked at are kept open until they are written: each has an open file.
const KEPT_LIMIT: usize = 64;

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Only say what would change.
    pub dry_run: bool,
    /// Do the other targets although one cannot be done.
    pub keep_going: bool,
    /// How many targets at a time.
    pub jobs: NonZero<usize>,
    /// How much memory targets that are done at the same time may take together, in bytes. One that takes more is done alone.
    pub memory: u64,
}

/// What a run is told to whoever watches it. Several threads may tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// The target of this place in the list is at this phase.
    Progress(usize, Phase, u64, u64),
    /// A target is done, in whichever way; so many are done by now.
    Ended(&'a Done, usize),
}

/// All targets, in their order, and what ended the run early.
pub struct Finished {
    /// All targets.
    pub done: Vec<Done>,
    /// What a thread unwound with, as an interruption does.
    pub unwound: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Finished")
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// Carries a plan out on all targets.
///
/// # Errors
/// A plan that asks for nothing, or whose output folder does not fit the targets; nothing was looked at then. Everything else is told
/// of the target that it is about.
pub fn run(
    plan: &Plan,
    parts: Vec<Part>,
    options: &Options,
    listen: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Finished, Error> {
    if plan.request.is_empty() && plan.client.is_none() && plan.scrub.is_none() && plan.audit.is_none() {
        return Err(Error::Nothing);
    }
    let outputs = outputs(plan, &parts, options.dry_run)?;
    let rounds = order::rounds(parts.iter().map(|part| part.target.path()));
    let answer_files = answer_files(plan, &parts);
    let run = Run {
        plan,
        options,
        listen,
        budget: Budget::new(options.memory - options.memory / 4),
        kept: AtomicU64::new(0),
        kept_count: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        ended: AtomicUsize::new(0),
        unwound: Mutex::new(None),
        scrub: plan.scrub.clone().map(|scrub| scrub::Request {
            except: answer_files.clone(),
            ..scrub
        }),
        answer_files,
    };
    let mut tasks: Vec<Task> = parts
        .into_iter()
        .zip(outputs)
        .map(|(part, output)| Task::new(part, output))
        .collect();
    run.each(tasks.iter_mut().enumerate().collect(), &|place, task| {
        run.look(place, task);
    });
    if tasks.iter().any(|task| task.done.error.is_some()) && !options.keep_going {
        run.stop.store(true, Ordering::Relaxed);
    }
    for round in 0..=rounds.iter().copied().max().unwrap_or_default() {
        let turn = tasks.iter_mut().enumerate().zip(&rounds);
        let turn = turn.filter(|(_, other)| **other == round).map(|(task, _)| task);
        run.each(turn.collect(), &|place, task| run.carry_out(place, task));
    }
    let done = tasks.into_iter().map(|task| task.done).collect();
    Ok(Finished {
        done,
        unwound: run.unwound.into_inner().unwrap_or_else(PoisonError::into_inner),
    })
}

/// The answer files beside images that the plan writes.
fn answer_files(plan: &Plan, parts: &[Part]) -> Vec<PathBuf> {
    let file = |part: &Part| match part.role {
        Role::SetupAnswers | Role::ImageAnswers => Some(part.target.path().to_owned()),
        Role::ClientAnswers => plan
            .client
            .as_ref()
            .map(|client| part.target.path().join(&client.name)),
        Role::Install | Role::Boot | Role::Loose => None,
    };
    parts.iter().filter_map(file).collect()
}

/// Where each target's changed copy goes.
fn outputs(plan: &Plan, parts: &[Part], dry_run: bool) -> Result<Vec<Option<PathBuf>>, Error> {
    let Some(folder) = &plan.output else {
        return Ok(parts.iter().map(|_| None).collect());
    };
    if folder.is_file() {
        return Err(Error::OutputNoFolder { path: folder.clone() });
    }
    let mut outputs: Vec<Option<PathBuf>> = Vec::new();
    for part in parts {
        let path = part.target.path();
        if path.is_dir() || part.role != Role::Install {
            return Err(Error::FolderOutput {
                path: path.to_owned(),
            });
        }
        let output = folder.join(path.file_name().unwrap_or_default());
        if outputs.iter().flatten().any(|other| *other == output) {
            return Err(Error::SameOutput { path: output });
        }
        outputs.push(Some(output));
    }
    if !dry_run {
        std::fs::create_dir_all(folder).map_err(|cause| Error::File {
            path: folder.clone(),
            cause,
        })?;
    }
    Ok(outputs)
}

/// A target on its way.
struct Task {
    done: Done,
    output: Option<PathBuf>,
    /// What was worked out when it was looked at, if there was room to keep it.
    prepared: Option<Prepared>,
}

impl Task {
    fn new(part: Part, output: Option<PathBuf>) -> Self {
        Self {
            done: Done {
                written: output.clone().unwrap_or_else(|| part.target.path().to_owned()),
                part,
                state: State::NotBegun,
                settled: Settled::default(),
                error: None,
            },
            output,
            prepared: None,
        }
    }
}

/// What all threads share.
struct Run<'a> {
    plan: &'a Plan,
    options: &'a Options,
    listen: &'a (dyn Fn(Event<'_>) + Sync),
    /// Three quarters of the memory are for the work, and a quarter for what is kept of one look until it is written.
    budget: Budget,
    kept: AtomicU64,
    kept_count: AtomicUsize,
    /// Nothing more is to be begun.
    stop: AtomicBool,
    ended: AtomicUsize,
    unwound: Mutex<Option<Box<dyn Any + Send>>>,
    /// What to remove first, but not from the answer files that this plan writes.
    scrub: Option<scrub::Request>,
    /// The answer files beside images that this plan writes.
    answer_files: Vec<PathBuf>,
}

impl Run<'_> {
    /// Lets several threads do the tasks, in their order. What one unwinds with stops the others before their next task.
    fn each(&self, tasks: Vec<(usize, &mut Task)>, work: &(dyn Fn(usize, &mut Task) + Sync)) {
        let threads = self.options.jobs.get().min(tasks.len());
        let queue = Mutex::new(tasks.into_iter());
        let next = || lock(&queue).next();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((place, task)) = next() {
                        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(place, task))) {
                            task.prepared = None;
                            task.done.state = State::Interrupted;
                            self.stop.store(true, Ordering::Relaxed);
                            let mut unwound = lock(&self.unwound);
                            unwound.get_or_insert(panic);
                        }
                    }
                });
            }
        });
    }

    /// Looks at a target: whether it can be written, and what the request would change.
    fn look(&self, place: usize, task: &mut Task) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.try_look(place, task) {
            Self::fail(task, error);
            // Whether anything may be written at all depends on every target, so the others are looked at all the same.
        }
    }

    fn try_look(&self, place: usize, task: &mut Task) -> Result<(), TargetError> {
        let writes = !self.options.dry_run;
        let target = &task.done.part.target;
        match task.done.part.role {
            Role::Install => {}
            Role::Boot => {
                let images = Images::open(target)?;
                if writes && self.plan.scrub.is_some() {
                    images.writable()?;
                }
                return Ok(());
            }
            Role::SetupAnswers | Role::ImageAnswers => {
                Wanted::answers(self.plan, target.path())?;
                return Ok(());
            }
            Role::Loose | Role::ClientAnswers => return Ok(()),
        }
        let (weight, images) = weight(target)?;
        let may_write = writes && (self.plan.scrub.is_some() || !self.plan.request.is_empty());
        if may_write {
            images.writable()?;
        }
        drop(images);
        if self.plan.request.is_empty() {
            return Ok(());
        }
        let _share = self.budget.take(weight);
        let progress = |phase, done, total| (self.listen)(Event::Progress(place, phase, done, total));
        let prepared = Prepared::new(target, &self.plan.request, may_write, &progress)?;
        let kept = prepared.kept();
        let sum = self.kept.fetch_add(kept, Ordering::Relaxed) + kept;
        let count = self.kept_count.fetch_add(1, Ordering::Relaxed) + 1;
        // A scrub comes first and changes the target; what was worked out before it is of no use.
        if self.plan.scrub.is_none() && sum <= self.options.memory / 4 && count <= KEPT_LIMIT {
            task.prepared = Some(prepared);
        } else {
            self.kept.fetch_sub(kept, Ordering::Relaxed);
            self.kept_count.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Does what is to be done to a target.
    fn carry_out(&self, place: usize, task: &mut Task) {
        if task.done.state == State::NotBegun && !self.stop.load(Ordering::Relaxed) {
            let prepared = task.prepared.take();
            match self.settle(place, task, prepared) {
                Ok(settled) => {
                    task.done.state = match (settled.changed(), self.options.dry_run) {
                        (true, true) => State::WouldChange,
                        (true, false) => State::Changed,
                        (false, _) => State::Already,
                    };
                    task.done.settled = settled;
                }
                Err(error) => {
                    Self::fail(task, error);
                    if !self.options.keep_going {
                        self.stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
        task.prepared = None;
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        (self.listen)(Event::Ended(&task.done, ended));
    }

    fn fail(task: &mut Task, error: TargetError) {
        task.done.state = if error.is_refusal() {
            State::Refused
        } else {
            State::Failed
        };
        task.done.error = Some(error);
    }

    fn settle(&self, place: usize, task: &Task, prepared: Option<Prepared>) -> Result<Settled, TargetError> {
        let target = &task.done.part.target;
        match task.done.part.role {
            Role::SetupAnswers | Role::ImageAnswers => {
                return self.put(Wanted::answers(self.plan, target.path())?);
            }
            Role::ClientAnswers => {
                let client = self.plan.client.as_ref();
                let wanted = client.map(|client| Wanted::client(client, target.path()));
                return self.put(wanted.transpose()?);
            }
            Role::Install | Role::Boot | Role::Loose => {}
        }
        let progress = |phase, done, total| (self.listen)(Event::Progress(place, phase, done, total));
        let progress = &progress;
        let mut settled = Settled::default();
        let mut share = None;
        if prepared.is_none() && task.done.part.role == Role::Install {
            share = Some(self.budget.take(weight(target)?.0));
        }
        // The first step that writes makes the copy, the others go on with it.
        let mut output = task.output.as_deref();
        let mut written = target.clone();
        let mut destination = |written: &mut Target| match output.take() {
            _ if self.options.dry_run => Destination::Nowhere,
            Some(path) => {
                *written = target.at(path);
                Destination::Copy(path)
            }
            None => Destination::Target,
        };
        if let Some(wanted) = &self.scrub {
            let source = written.clone();
            let to = destination(&mut written);
            let outcome = if task.done.part.role == Role::Loose {
                scrub::execute_on(Images::loose(source.path()), &source, wanted, to, progress)
            } else {
                scrub::execute(&source, wanted, to, progress)
            }?;
            let shown = written.path().display().to_string();
            let is_folder = written.path().is_dir();
            let left = outcome.left.iter();
            if self.plan.audit.is_none() {
                settled.findings = left.map(|trace| trace.finding(&shown, is_folder)).collect();
            }
            settled.scrubbed = Some(outcome);
            settled.searched = self.plan.audit.is_none();
        }
        if task.done.part.role == Role::Install && !self.plan.request.is_empty() {
            let source = written.clone();
            let to = destination(&mut written);
            let outcome = match prepared {
                Some(prepared) => prepared.write(&self.plan.request, to, progress),
                None => plan::execute(&source, &self.plan.request, to, progress),
            };
            settled.changes = Some(outcome?);
        }
        drop(share);
        if self.plan.audit.is_some() && !self.options.dry_run {
            settled.findings = self.audit(&written, task.done.part.role, progress)?;
            settled.searched = true;
        }
        Ok(settled)
    }

    /// Puts an answer file beside images.
    fn put(&self, wanted: Option<Wanted>) -> Result<Settled, TargetError> {
        let answers = wanted
            .map(|wanted| wanted.put(self.options.dry_run))
            .transpose()?;
        Ok(Settled {
            answers,
            ..Settled::default()
        })
    }

    /// Looks for keys and passwords. The plan's own key, where the plan put it, is what was asked for.
    fn audit(
        &self,
        target: &Target,
        role: Role,
        progress: image::Progress<'_>,
    ) -> Result<Vec<Finding>, TargetError> {
        let images = match role {
            Role::Loose => Images::loose(target.path()),
            _ => Images::open(target)?,
        };
        let found = audit::search(&images, &audit::Options::default(), progress)?;
        let shown = target.path().display().to_string();
        let own = match &self.plan.request.key {
            Some(KeyChoice::Own(key)) => Some(key),
            _ => None,
        };
        let was_asked_for = |trace: &audit::Trace| {
            let is_own = own.is_some_and(|own| trace.key().is_some_and(|key| key.symbols() == own.symbols()));
            let file = target.path().join(&trace.path);
            let is_place = match role {
                Role::Loose => self.answer_files.contains(&file),
                _ => {
                    trace.path == image::ANSWER_FILE
                        || (trace.path == SOFTWARE && trace.kind == audit::Kind::Registry)
                }
            };
            is_own && is_place
        };
        let finding = |trace: &audit::Trace| {
            let finding = trace.finding(&shown, images.is_folder());
            let is_setting =
                trace.rule.id == traces::REARM_SKIPPED.id && self.plan.request.skip_rearm == Some(true);
            if was_asked_for(trace) || is_setting {
                finding
                    .at_level(Level::Note)
                    .with_help("Nothing: the plan put it there.")
            } else {
                finding
            }
        };
        Ok(found.traces.iter().map(finding).collect())
    }
}

/// What a target takes of memory while it is worked on, at most, in bytes: each thread's hives.
fn weight(target: &Target) -> Result<(u64, Images), TargetError> {
    let images = Images::open(target)?;
    let mut largest = 0;
    for image in images.selected() {
        let software = images.size(image.index, SOFTWARE)?.unwrap_or_default();
        let system = images.size(image.index, SYSTEM)?.unwrap_or_default();
        largest = largest.max(software.saturating_add(system));
    }
    let cores = threads::available();
    let threads = cores.min(images.selected().len()).max(1) as u64;
    let trees = images.tree_sizes();
    let weight = BASE
        .saturating_add(trees)
        .saturating_add(largest.saturating_mul(threads));
    Ok((weight, images))
}
