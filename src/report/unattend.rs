//! What the `unattend` commands tell.

use super::{ReportedChange, SCHEMA};
use crate::activation::Change;
use serde::Serialize;

/// What `unattend set` tells.
#[derive(Debug, Serialize)]
pub struct UnattendSet<'a> {
    schema: &'static str,
    target: String,
    dry_run: bool,
    changed: bool,
    changes: Vec<ReportedChange<'a>>,
}

impl<'a> UnattendSet<'a> {
    /// The report on an edit.
    pub fn new(target: String, changes: &'a [Change], dry_run: bool) -> Self {
        let changed = changes.iter().any(|change| change.changed);
        Self {
            schema: SCHEMA,
            target,
            dry_run,
            changed,
            changes: changes.iter().map(ReportedChange::from).collect(),
        }
    }
}
