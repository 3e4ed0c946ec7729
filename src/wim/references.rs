//! references - how often the images of a WIM refer to each content.
//!
//! Promise: counted from the directory trees, whatever the blob table says; a large WIM's images are counted several at a time, with
//! memory for as many trees.

use super::error::{Error, Refusal};
use super::reader::Wim;
use super::resource::{Counts, Hash};
use crate::threads;
use std::sync::atomic::{AtomicU32, Ordering};

/// Smaller trees than this, in bytes and all together, are counted before a second thread is there.
const WORTH_A_THREAD: u64 = 1 << 20;

impl Wim {
    /// How often each content is referred to by all images.
    ///
    /// # Errors
    /// [`Refusal::Delta`] if some content is not in this file.
    pub(super) fn references(&self) -> Result<Counts, Error> {
        self.add_up(
            |image, counts| self.peek_metadata(image)?.count_references(counts),
            |hash| self.blobs.find(hash).is_some(),
        )
    }

    /// The references that `count` adds for each image, several images at a time; of several errors that of the first image counts.
    ///
    /// # Errors
    /// Those of `count`; [`Refusal::Delta`] if there is some content that `is_here` denies.
    pub(super) fn add_up(
        &self,
        count: impl Fn(u32, &mut Counts) -> Result<(), Error> + Sync,
        is_here: impl Fn(&Hash) -> bool,
    ) -> Result<Counts, Error> {
        let images = self.header.images;
        let next = AtomicU32::new(1);
        let work = || {
            let mut counts = Counts::new();
            loop {
                let image = next.fetch_add(1, Ordering::Relaxed);
                if image > images {
                    return Ok(counts);
                }
                if let Err(error) = count(image, &mut counts) {
                    next.store(images.saturating_add(1), Ordering::Relaxed); // those before it are being counted
                    return Err((image, error));
                }
            }
        };
        // What a hostile file says of its sizes may be more than there is.
        let trees = (1..=images)
            .map(|image| self.tree_size(image))
            .fold(0, u64::saturating_add);
        let threads = if trees < WORTH_A_THREAD {
            1
        } else {
            threads::available().min(images as usize)
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let others = others.into_iter().map(|other| {
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            std::iter::once(own).chain(others).collect()
        });
        let mut all = Counts::new();
        let mut first: Option<(u32, Error)> = None;
        for result in results {
            match result {
                Ok(counts) if all.is_empty() => all = counts,
                Ok(counts) => add_counts(&mut all, counts),
                Err(error) if first.as_ref().is_none_or(|first| error.0 < first.0) => first = Some(error),
                Err(_) => {}
            }
        }
        if let Some((_, error)) = first {
            return Err(error);
        }
        if all.keys().all(&is_here) {
            return Ok(all);
        }
        for image in 1..=images {
            let mut own = Counts::new();
            count(image, &mut own)?;
            if !own.keys().all(&is_here) {
                return Err(Refusal::Delta { image }.into());
            }
        }
        Ok(all)
    }
}

/// Adds `own` to `counts`.
fn add_counts(counts: &mut Counts, own: Counts) {
    for (hash, references) in own {
        let sum = counts.entry(hash).or_default();
        *sum = sum.saturating_add(references);
    }
}

#[cfg(test)]
mod tests;
