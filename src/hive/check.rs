//! The full check: every byte of a hive is accounted for before the hive is edited, and again before it is saved.
//!
//! Promise: iterative, one visit to each cell, memory of 1/32 of the hive and a little for each key that waits;
//! whatever the bytes are, it ends. A hive without a finding of [`Severity::Refuse`] is one that Windows loads.

mod crew;
mod security;
mod tree;

use super::base_block::BaseBlock;
use super::bin::{self, Bin};
use super::bitmap::{Bitmap, Pool};
use super::cell::{Cells, NIL, SIZE_FIELD};
use super::name::Name;
use super::{Error, Finding, Severity};
use crate::bytes::{i32_at, slice};
use crate::threads;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The most findings that are told one by one.
const FINDING_LIMIT: usize = 200;

/// Everything that is wrong with the hive `bytes`, most of it in the order of the tree; empty for a healthy hive.
///
/// A dirty hive has a finding that says so, and is checked all the same.
pub fn check(bytes: &[u8]) -> Vec<Finding> {
    match BaseBlock::read(bytes) {
        Ok(block) => {
            let mut findings: Vec<_> = block.dirt().into_iter().collect();
            findings.extend(examine(bytes, &block, threads::available()).0);
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

/// As [`check`], without the base block and with at most so many threads; with the bins and free cells of a hive whose cells tile it.
pub(super) fn examine(bytes: &[u8], block: &BaseBlock, threads: usize) -> (Vec<Finding>, Tiling) {
    let area = slice(bytes, super::cell::BINS_START, block.bins_size).unwrap_or_default();
    let cells = Cells::new(area, block.minor);
    let survey = || {
        let (mut tiling, mut findings) = (Tiling::default(), Findings::default());
        let ground = Ground::survey(cells, &mut tiling, &mut findings);
        (ground, tiling, findings)
    };
    let (ground, tiling, findings) = survey();
    let Some(mut ground) = ground else {
        return (findings.finish(), tiling);
    };
    if let Some(size) = crew::size(&ground, threads) {
        if let Some(mut checker) = crew::check_tree(&ground, block.root, size) {
            checker.findings = findings;
            return (checker.conclude(), tiling);
        }
        let (again, ..) = survey();
        ground = again.unwrap_or(ground);
    }
    let mut checker = Checker::new(&ground, findings);
    checker.check_root(block.root);
    while checker.check_next() {}
    (checker.conclude(), tiling)
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

/// The bins of a hive and its free cells (offset and size), in order.
#[derive(Default)]
pub(super) struct Tiling {
    pub(super) bins: Vec<Bin>,
    pub(super) free: Vec<(u32, u32)>,
}

/// Where cells begin, and what has been referred to.
struct Ground<'h> {
    cells: Cells<'h>,
    /// Where bins and cells begin.
    edges: Bitmap,
    /// Where cells in use begin that nothing refers to, as far as is known.
    unclaimed: Pool,
    /// The security descriptors that keys refer to, as far as is known.
    descriptors: Mutex<BTreeSet<u32>>,
}

impl<'h> Ground<'h> {
    /// Bins tile the hive and cells tile the bins; `None` if they do not, so that no offset means anything.
    fn survey(cells: Cells<'h>, tiling: &mut Tiling, findings: &mut Findings) -> Option<Self> {
        let area = cells.bins();
        let (mut edges, mut in_use) = (Bitmap::new(area.len()), Bitmap::new(area.len()));
        let mut first_split = None;
        let mut splits = 0usize;
        for bin in bin::bins(area) {
            let bin = bin.map_err(|error| findings.push_error(error)).ok()?;
            tiling.bins.push(bin);
            edges.set(bin.start);
            let mut previous_is_free = false;
            for cell in bin.cells(area) {
                let cell = cell.map_err(|finding| findings.push(finding)).ok()?;
                edges.set(cell.offset);
                if cell.in_use {
                    in_use.set(cell.offset);
                } else {
                    tiling.free.push((cell.offset, cell.size));
                    if previous_is_free {
                        splits += 1;
                        first_split.get_or_insert(cell.offset);
                    }
                }
                previous_is_free = !cell.in_use;
            }
        }
        if let Some(first) = first_split {
            findings.push(Finding::warn(
                first,
                format!("free cells that lie directly behind another free cell: {splits}"),
            ));
        }
        Some(Self {
            cells,
            edges,
            unclaimed: in_use.into(),
            descriptors: Mutex::default(),
        })
    }

    /// Whether a cell in use begins at `offset`.
    fn is_in_use(&self, offset: u32) -> bool {
        // The signature at the beginning of a bin is no negative number.
        self.edges.has(offset) && i32_at(self.cells.bins(), offset as usize).is_some_and(|size| size < 0)
    }

    /// The bytes of payload of the cell at `offset`, where one begins. The cell itself is not read: the bitmap is nearer.
    fn room(&self, offset: u32) -> usize {
        let end = self.edges.next_behind(offset);
        let end = end.map_or(self.cells.bins().len(), |end| end as usize);
        end.saturating_sub(offset as usize + SIZE_FIELD)
    }
}

/// A key whose subkeys are to be visited, and what it says of them: it is not read a second time.
#[derive(Clone, Copy)]
struct Waiting {
    key: u32,
    depth: u32,
    list: u32,
    count: u32,
    longest_name: u16,
}

struct Checker<'g, 'h> {
    ground: &'g Ground<'h>,
    cells: Cells<'h>,
    /// Whether no other thread checks on the same ground.
    alone: bool,
    /// How many keys use each security descriptor.
    users: BTreeMap<u32, u32>,
    /// The descriptor of the key before, and how many keys in a row used it that are not counted above.
    latest_user: (u32, u32),
    /// The keys whose subkeys are to be visited.
    waiting: Vec<Waiting>,
    /// Those of them whose turn it is, reused.
    turn: Vec<Waiting>,
    /// Their subkeys, reused.
    ahead: Vec<u32>,
    /// The value names of one key, reused.
    names: Vec<(u64, Name<'h>)>,
    /// Lists that a key without subkeys or values still names.
    left_behind: Vec<u32>,
    /// Whether some references cannot be followed, so that a leak means nothing.
    has_special_keys: bool,
    findings: Findings,
}

impl<'g, 'h> Checker<'g, 'h> {
    fn new(ground: &'g Ground<'h>, findings: Findings) -> Self {
        Self {
            ground,
            cells: ground.cells,
            alone: true,
            users: BTreeMap::new(),
            latest_user: (NIL, 0),
            waiting: Vec::new(),
            turn: Vec::new(),
            ahead: Vec::new(),
            names: Vec::new(),
            left_behind: Vec::new(),
            has_special_keys: false,
            findings,
        }
    }

    fn refuse(&mut self, cell: u32, sentence: impl Into<String>) {
        self.findings.push(Finding::refuse(cell, sentence));
    }

    fn warn(&mut self, cell: u32, sentence: impl Into<String>) {
        self.findings.push(Finding::warn(cell, sentence));
    }

    /// Notes that `from` refers to the cell in use at `offset`, and nothing else does; says whether that holds.
    #[inline]
    fn take(&mut self, offset: u32, what: &str, from: u32) -> bool {
        let is_taken = self.ground.unclaimed.take(offset, self.alone);
        if !is_taken {
            self.refuse_reference(offset, what, from);
        }
        is_taken
    }

    #[cold]
    fn refuse_reference(&mut self, offset: u32, what: &str, from: u32) {
        let position = super::cell::file_position(offset);
        let place = if offset == NIL {
            "nowhere".to_owned()
        } else if self.ground.is_in_use(offset) {
            format!("at byte {position:#x}, in a cell that has another use already")
        } else {
            format!("at byte {position:#x}, where no cell in use begins")
        };
        self.refuse(from, format!("{what} is said to be {place}"));
    }

    /// The payload of the cell at `offset`, which `from` refers to and nothing else does, at least `least` bytes long.
    #[inline]
    fn claim(&mut self, offset: u32, least: usize, what: &str, from: u32) -> Option<&'h [u8]> {
        if !self.take(offset, what, from) {
            return None;
        }
        let payload = self.cells.payload_met(offset)?;
        self.fits(offset, payload.len(), least, what).then_some(payload)
    }

    /// As [`Checker::claim`], for a payload that nothing looks into: its cell is not even read.
    fn claim_unread(&mut self, offset: u32, least: usize, what: &str, from: u32) {
        if self.take(offset, what, from) {
            self.fits(offset, self.ground.room(offset), least, what);
        }
    }

    #[inline]
    fn fits(&mut self, offset: u32, room: usize, least: usize, what: &str) -> bool {
        if room < least {
            self.refuse_size(offset, room, least, what);
        }
        room >= least
    }

    #[cold]
    fn refuse_size(&mut self, offset: u32, room: usize, least: usize, what: &str) {
        self.refuse(
            offset,
            format!("{what} of {least} bytes does not fit into its cell of {room}"),
        );
    }

    /// What can be said when every key was visited.
    fn conclude(mut self) -> Vec<Finding> {
        self.check_descriptors();
        self.check_leaks();
        self.findings.finish()
    }

    /// Every cell in use is referred to.
    fn check_leaks(&mut self) {
        for offset in std::mem::take(&mut self.left_behind) {
            self.ground.unclaimed.take(offset, true);
        }
        if self.has_special_keys {
            return;
        }
        let mut leaked = self.ground.unclaimed.rest();
        if let Some(first) = leaked.next() {
            let count = leaked.count() + 1;
            self.warn(first, format!("cells in use that nothing refers to: {count}"));
        }
    }
}
