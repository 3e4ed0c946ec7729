//! Memory that several targets share: who wants to begin waits until enough of it is free.

use crate::threads::lock;
use std::sync::{Condvar, Mutex, PoisonError};

/// An amount of memory, in bytes.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// Memory taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    size: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    /// Waits for `size` bytes. Who wants more than there is waits until nobody else has any.
    pub(super) fn take(&self, size: u64) -> Share<'_> {
        let size = size.min(self.limit);
        let used = lock(&self.used);
        let mut used = self
            .freed
            .wait_while(used, |used| used.saturating_add(size) > self.limit)
            .unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_add(size);
        Share { budget: self, size }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut used = lock(&self.budget.used);
        *used = used.saturating_sub(self.size);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_used_than_there_is_and_everybody_gets_his_turn() {
        let budget = Budget::new(100);
        let (used, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for size in [60, 50, 40, 1000, 30, 10] {
                let (budget, used, most) = (&budget, &used, &most);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let share = budget.take(size);
                        let size = share.size;
                        let now = used.fetch_add(size, Ordering::SeqCst) + size;
                        most.fetch_max(now, Ordering::SeqCst);
                        used.fetch_sub(size, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.used.lock().unwrap(), 0);
    }
}
