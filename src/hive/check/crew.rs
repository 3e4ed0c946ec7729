//! The check of the tree by several threads.
//!
//! Promise: each cell is visited by one thread, once, and the walk ends as that of one thread does. Findings would come in an order
//! that chance decides; so if there is any, the caller throws the work away and lets one thread tell all.

use super::{Checker, Findings, Ground, Waiting};
use crate::threads::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most threads that are of use: memory is what they wait for.
const LIMIT: usize = 4;
/// A hive with fewer bytes of bins is checked before a second thread is there.
const WORTH_A_CREW: usize = 1 << 20;

/// The keys that one thread leaves to the others.
#[derive(Default)]
struct Board {
    keys: Mutex<Vec<Waiting>>,
    more: Condvar,
    /// How many threads have nothing to do.
    idle: AtomicUsize,
}

impl Board {
    fn keys(&self) -> MutexGuard<'_, Vec<Waiting>> {
        lock(&self.keys)
    }

    /// Leaves half of the keys that wait to a thread that has none; those that wait longest have most below them.
    fn share(&self, waiting: &mut Vec<Waiting>) {
        if self.idle.load(Ordering::Relaxed) > 0 && waiting.len() > 1 {
            let half = waiting.len() / 2;
            self.keys().extend(waiting.drain(..half));
            self.more.notify_all();
        }
    }

    /// Waits for keys of other threads of a crew of `size`; `false` when nobody has any more.
    fn take(&self, waiting: &mut Vec<Waiting>, size: usize) -> bool {
        let mut keys = self.keys();
        if self.idle.fetch_add(1, Ordering::Relaxed) + 1 == size && keys.is_empty() {
            self.more.notify_all();
            return false;
        }
        while keys.is_empty() {
            if self.idle.load(Ordering::Relaxed) == size {
                return false;
            }
            keys = self.more.wait(keys).unwrap_or_else(PoisonError::into_inner);
        }
        self.idle.fetch_sub(1, Ordering::Relaxed);
        let kept = keys.len() / 2;
        waiting.extend(keys.drain(kept..));
        true
    }
}

/// A thread that panics counts as one that has nothing to do, so that the others end.
struct Shift<'b>(&'b Board);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _keys = self.0.keys();
            self.0.idle.fetch_add(1, Ordering::Relaxed);
            self.0.more.notify_all();
        }
    }
}

/// How many of `threads` threads the tree on `ground` is worth; `None` for one.
pub(super) fn size(ground: &Ground<'_>, threads: usize) -> Option<usize> {
    let is_worth_it = ground.cells.bins().len() >= WORTH_A_CREW && threads > 1;
    is_worth_it.then_some(threads.min(LIMIT))
}

/// Visits every key below the one at `root`, by `size` threads; `None` if there is anything to tell about them.
pub(super) fn check_tree<'g, 'h>(ground: &'g Ground<'h>, root: u32, size: usize) -> Option<Checker<'g, 'h>> {
    let board = Board::default();
    let new = || {
        let mut checker = Checker::new(ground, Findings::default());
        checker.alone = false;
        checker
    };
    let work = |mut checker: Checker<'g, 'h>| {
        let _shift = Shift(&board);
        loop {
            while checker.findings.list.is_empty() && checker.check_next() {
                board.share(&mut checker.waiting);
            }
            checker.waiting.clear();
            if !board.take(&mut checker.waiting, size) {
                return checker;
            }
        }
    };
    let mut first = new();
    first.check_root(root);
    let (first, others) = std::thread::scope(|scope| {
        let others: Vec<_> = (1..size).map(|_| scope.spawn(|| work(new()))).collect();
        let first = work(first);
        let others: Vec<_> = others.into_iter().map(|other| other.join().ok()).collect();
        (first, others)
    });
    others.into_iter().try_fold(first, |mut all, other| {
        all.join(other?);
        Some(all).filter(|all| all.findings.list.is_empty())
    })
}

impl Checker<'_, '_> {
    /// Adds what another thread has found.
    fn join(&mut self, mut other: Self) {
        self.count_latest_user();
        other.count_latest_user();
        for (descriptor, users) in other.users {
            *self.users.entry(descriptor).or_default() += users;
        }
        self.left_behind.append(&mut other.left_behind);
        self.has_special_keys |= other.has_special_keys;
        self.findings.list.append(&mut other.findings.list);
    }
}
