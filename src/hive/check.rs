//! The full check: every byte of a hive is accounted for before the hive is edited, and again before it is saved.
//!
//! Promise: iterative, one visit to each cell, memory of 1/32 of the hive and a little for each key that waits;
//! whatever the bytes are, it ends. A hive without a finding of [`Severity::Refuse`] is one that Windows loads.

mod security;
mod tree;

use super::base_block::BaseBlock;
use super::bitmap::Bitmap;
use super::cell::{Cells, NIL};
use super::name::Name;
use super::{Error, Finding, Severity, bin};
use crate::bytes::slice;
use std::collections::BTreeMap;

/// The most findings that are told one by one.
const FINDING_LIMIT: usize = 200;

/// Everything that is wrong with the hive `bytes`, most of it in the order of the tree; empty for a healthy hive.
///
/// A dirty hive has a finding that says so, and is checked all the same.
pub fn check(bytes: &[u8]) -> Vec<Finding> {
    match BaseBlock::read(bytes) {
        Ok(block) => {
            let mut findings: Vec<_> = block.dirt().into_iter().collect();
            findings.extend(examine(bytes, &block));
            findings
        }
        Err(Error::Damaged(finding)) => vec![finding],
        Err(error) => {
            let text = error.to_string();
            let sentence = text.lines().next().unwrap_or_default();
            vec![Finding::at_file(0, Severity::Refuse, sentence)]
        }
    }
}

/// As [`check`], without the base block.
pub(super) fn examine(bytes: &[u8], block: &BaseBlock) -> Vec<Finding> {
    let area = slice(bytes, super::cell::BINS_START, block.bins_size).unwrap_or_default();
    let mut checker = Checker::new(Cells::new(area, block.minor));
    if checker.check_bins() {
        checker.check_tree(block.root);
        checker.check_descriptors();
        checker.check_leaks();
    }
    checker.findings.finish()
}

/// The findings so far.
#[derive(Default)]
struct Findings {
    list: Vec<Finding>,
    untold: usize,
    first_untold_refusal: Option<Finding>,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        if self.list.len() < FINDING_LIMIT {
            self.list.push(finding);
        } else {
            self.untold += 1;
            if finding.severity == Severity::Refuse && self.first_untold_refusal.is_none() {
                self.first_untold_refusal = Some(finding);
            }
        }
    }

    fn push_error(&mut self, error: Error) {
        if let Error::Damaged(finding) = error {
            self.push(finding);
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        self.list.extend(self.first_untold_refusal);
        if self.untold > 0 {
            let sentence = format!("findings not told one by one: {}", self.untold);
            self.list.push(Finding::at_file(0, Severity::Warn, sentence));
        }
        self.list
    }
}

struct Checker<'h> {
    cells: Cells<'h>,
    /// Where cells in use begin.
    starts: Bitmap,
    /// Which of them something refers to.
    claimed: Bitmap,
    /// How many keys use each security descriptor.
    users: BTreeMap<u32, u32>,
    /// The keys to visit: offset and depth.
    waiting: Vec<(u32, usize)>,
    /// The value names of one key, reused.
    names: Vec<(u32, Name<'h>)>,
    /// Lists that a key without subkeys or values still names.
    left_behind: Vec<u32>,
    /// Whether some references cannot be followed, so that a leak means nothing.
    has_special_keys: bool,
    findings: Findings,
}

impl<'h> Checker<'h> {
    fn new(cells: Cells<'h>) -> Self {
        let length = cells.bins().len();
        Self {
            cells,
            starts: Bitmap::new(length),
            claimed: Bitmap::new(length),
            users: BTreeMap::new(),
            waiting: Vec::new(),
            names: Vec::new(),
            left_behind: Vec::new(),
            has_special_keys: false,
            findings: Findings::default(),
        }
    }

    fn refuse(&mut self, cell: u32, sentence: impl Into<String>) {
        self.findings.push(Finding::refuse(cell, sentence));
    }

    fn warn(&mut self, cell: u32, sentence: impl Into<String>) {
        self.findings.push(Finding::warn(cell, sentence));
    }

    /// Bins tile the hive and cells tile the bins; `false` if they do not, so that no offset means anything.
    fn check_bins(&mut self) -> bool {
        let area = self.cells.bins();
        let mut first_split = None;
        let mut splits = 0usize;
        for bin in bin::bins(area) {
            let bin = match bin {
                Ok(bin) => bin,
                Err(error) => {
                    self.findings.push_error(error);
                    return false;
                }
            };
            let mut previous_is_free = false;
            for cell in bin.cells(area) {
                let cell = match cell {
                    Ok(cell) => cell,
                    Err(finding) => {
                        self.findings.push(finding);
                        return false;
                    }
                };
                if cell.in_use {
                    self.starts.set(cell.offset);
                } else if previous_is_free {
                    splits += 1;
                    first_split.get_or_insert(cell.offset);
                }
                previous_is_free = !cell.in_use;
            }
        }
        if let Some(first) = first_split {
            self.warn(
                first,
                format!("free cells that lie directly behind another free cell: {splits}"),
            );
        }
        true
    }

    /// The payload of the cell at `offset`, which `from` refers to and nothing else does, at least `least` bytes long.
    fn claim(&mut self, offset: u32, least: usize, what: &str, from: u32) -> Option<&'h [u8]> {
        if !self.starts.has(offset) {
            let place = if offset == NIL {
                "nowhere".to_owned()
            } else {
                format!(
                    "at byte {:#x}, where no cell in use begins",
                    super::cell::file_position(offset)
                )
            };
            self.refuse(from, format!("{what} is said to be {place}"));
            return None;
        }
        if !self.claimed.set(offset) {
            self.refuse(
                from,
                format!(
                    "{what} is said to be at byte {:#x}, in a cell that has another use already",
                    super::cell::file_position(offset)
                ),
            );
            return None;
        }
        let payload = self.cells.payload(offset, what).ok()?;
        if payload.len() < least {
            self.refuse(
                offset,
                format!(
                    "{what} of {least} bytes does not fit into its cell of {}",
                    payload.len()
                ),
            );
            return None;
        }
        Some(payload)
    }

    /// Every cell in use is referred to.
    fn check_leaks(&mut self) {
        for offset in std::mem::take(&mut self.left_behind) {
            if self.starts.has(offset) {
                self.claimed.set(offset);
            }
        }
        if self.has_special_keys {
            return;
        }
        let mut leaked = self.starts.without(&self.claimed);
        if let Some(first) = leaked.next() {
            let count = leaked.count() + 1;
            self.warn(first, format!("cells in use that nothing refers to: {count}"));
        }
    }
}
