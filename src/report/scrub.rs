//! What `image scrub` tells.

use super::SCHEMA;
use crate::finding::Finding;
use crate::scrub::{Outcome, Removal};
use schemars::JsonSchema;
use serde::Serialize;

/// What was removed, and what is left.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImageScrub<'a> {
    schema: &'static str,
    target: &'a str,
    dry_run: bool,
    changed: bool,
    changes: Vec<RemovedTrace<'a>>,
    verified: bool,
    residue: u64,
    findings: &'a [Finding],
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RemovedTrace<'a> {
    pub(super) image: Option<u32>,
    pub(super) path: &'a str,
    pub(super) place: &'a str,
    pub(super) what: &'a str,
    pub(super) state: &'static str,
}

impl<'a> From<&'a Removal> for RemovedTrace<'a> {
    fn from(removal: &'a Removal) -> Self {
        Self {
            image: removal.image,
            path: &removal.path,
            place: &removal.place,
            what: &removal.what,
            state: removal.how,
        }
    }
}

impl<'a> ImageScrub<'a> {
    /// The report on a run; `findings` is what is left.
    pub fn new(target: &'a str, outcome: &'a Outcome, findings: &'a [Finding], dry_run: bool) -> Self {
        Self {
            schema: SCHEMA,
            target,
            dry_run,
            changed: !outcome.removals.is_empty(),
            changes: outcome.removals.iter().map(RemovedTrace::from).collect(),
            verified: outcome.verified,
            residue: outcome.residue,
            findings,
        }
    }
}
