//! threads - how many threads can run at once, how many of them one of several workers may have, and what they share.
//!
//! Promise: at least 1, the same for the whole run, and asked of the system once: the answer costs it a look into several files.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// How many threads can run at once, as the system allows this process.
pub fn available() -> usize {
    static COUNT: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    *COUNT
}

/// A lock that goes on after a panic elsewhere, for what is whole after every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads that one of several workers may have: fewer while many work, more when others have nothing left to do.
#[derive(Debug, Clone)]
pub struct Allowance {
    working: Arc<AtomicUsize>,
}

impl Default for Allowance {
    /// That of one who works alone.
    fn default() -> Self {
        Self::among(1)
    }
}

impl Allowance {
    /// The allowance of each of so many workers; they all hold clones of it.
    pub fn among(workers: usize) -> Self {
        Self {
            working: Arc::new(AtomicUsize::new(workers)),
        }
    }

    /// How many threads it is now, at least 1.
    pub fn threads(&self) -> usize {
        let working = self.working.load(Ordering::Relaxed).max(1);
        (available() / working).max(1)
    }

    /// One worker is done, for good, and leaves his threads to the others.
    pub fn leave(&self) {
        // Who leaves twice harms nobody: it never falls below zero.
        _ = self
            .working
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |working| {
                working.checked_sub(1)
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_leaves_his_threads_to_the_others() {
        let allowance = Allowance::among(available());
        let other = allowance.clone();
        assert_eq!(other.threads(), 1);
        for _ in 1..available() {
            allowance.leave();
        }
        assert_eq!(other.threads(), available());
        allowance.leave();
        allowance.leave();
        assert_eq!(other.threads(), available());
        assert_eq!(Allowance::among(100 * available()).threads(), 1);
    }
}
