//! What `apply` tells: of every target how it ended, of every image what changed.

use super::scrub::RemovedTrace;
use super::{ChangedImage, ReportedChange, SCHEMA};
use crate::apply::{Done, Plan, State};
use crate::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// The report on a run over many targets.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Applied<'a> {
    schema: &'static str,
    /// The plan file, if there is one.
    plan: Option<String>,
    /// The only target, if there is only one.
    target: Option<String>,
    dry_run: bool,
    /// Whether anything differs from before, or would.
    changed: bool,
    /// Every image of every target that was done.
    images: Vec<AppliedImage<'a>>,
    /// Whether every target was done, read back and found as asked.
    verified: bool,
    /// Places in the written files where something that was removed or replaced still stands.
    residue: u64,
    /// Every target, in the plan's order.
    pub(super) targets: Vec<AppliedTarget<'a>>,
}

/// An image of a target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AppliedImage<'a> {
    pub(super) target: String,
    #[serde(flatten)]
    pub(super) image: ChangedImage<'a>,
}

/// How it ended with one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AppliedTarget<'a> {
    pub(super) target: String,
    /// The file that was written: the target or a copy.
    pub(super) written: String,
    /// changed, already, would-change, refused, failed, not-begun or interrupted.
    pub(super) state: &'static str,
    pub(super) verified: bool,
    pub(super) residue: u64,
    /// What was put into an answer file beside images.
    pub(super) answer_file: Option<ReportedChange<'a>>,
    /// What was removed.
    pub(super) removed: Vec<RemovedTrace<'a>>,
    /// Whether anything looked for keys and passwords.
    pub(super) searched: bool,
    /// What is left, and what the look at the end found.
    pub(super) findings: &'a [Finding],
    /// Why it could not be done.
    pub(super) error: Option<String>,
}

impl<'a> Applied<'a> {
    /// The report on a plan.
    pub fn new(plan: &Plan, done: &'a [Done], dry_run: bool) -> Self {
        let images = done.iter().flat_map(|done| {
            let outcome = done.settled.changes.iter();
            outcome
                .flat_map(|outcome| &outcome.images)
                .map(|image| AppliedImage {
                    target: done.name(),
                    image: ChangedImage::new(image),
                })
        });
        let is_done = |done: &Done| matches!(done.state, State::Changed | State::Already);
        Self {
            schema: SCHEMA,
            plan: plan.path.as_ref().map(|path| path.display().to_string()),
            target: match done {
                [only] => Some(only.name()),
                // What was named holds several things.
                _ if plan.path.is_none() => plan.targets.first().cloned(),
                _ => None,
            },
            dry_run,
            changed: done
                .iter()
                .any(|done| matches!(done.state, State::Changed | State::WouldChange)),
            images: images.collect(),
            verified: !dry_run && done.iter().all(|done| is_done(done) && done.settled.verified()),
            residue: done.iter().map(|done| done.settled.residue()).sum(),
            targets: done
                .iter()
                .map(|done| AppliedTarget::new(done, dry_run))
                .collect(),
        }
    }

    /// The images of a target.
    pub(super) fn images_of(&self, target: &str) -> impl Iterator<Item = &ChangedImage<'a>> {
        let own = self.images.iter().filter(move |image| image.target == target);
        own.map(|image| &image.image)
    }

    /// The plan file.
    pub(super) fn plan(&self) -> &str {
        self.plan.as_deref().unwrap_or("wimkey")
    }

    /// Whether nothing was to be written.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether every target was done and found as asked.
    pub(super) fn is_verified(&self) -> bool {
        self.verified
    }
}

impl<'a> AppliedTarget<'a> {
    fn new(done: &'a Done, dry_run: bool) -> Self {
        let settled = &done.settled;
        let removals = settled.scrubbed.iter().flat_map(|outcome| &outcome.removals);
        Self {
            target: done.name(),
            written: done.written.display().to_string(),
            state: done.state.name(),
            verified: !dry_run && matches!(done.state, State::Changed | State::Already) && settled.verified(),
            residue: settled.residue(),
            answer_file: settled.answers.as_ref().map(ReportedChange::from),
            removed: removals.map(RemovedTrace::from).collect(),
            searched: settled.searched,
            findings: &settled.findings,
            error: done.error.as_ref().map(ToString::to_string),
        }
    }
}
