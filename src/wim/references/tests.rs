//! Counting with several threads: nothing is lost, and of several errors that of the first image counts.

use super::*;
use crate::wim::builder::{Builder, ImageBuilder, Properties};
use crate::wim::memory::MemoryFile;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A WIM that claims large trees, so that all threads count.
fn claims_large_trees(images: usize) -> Wim {
    let builder = (0..images).fold(Builder::new(), |builder, number| {
        let image = ImageBuilder::new("one").file(&format!("{number}"), b"same", Properties::default());
        builder.image(image)
    });
    let mut wim = MemoryFile::new(builder.to_bytes().unwrap()).open().unwrap();
    for row in &mut wim.blobs.rows {
        row.location.plain = WORTH_A_THREAD;
    }
    wim
}

fn hash_of(image: u32) -> Hash {
    let mut hash = [1; 20];
    hash[..4].copy_from_slice(&image.to_le_bytes());
    hash
}

/// Waits as long as `pending` says; fails if nobody comes.
fn wait_while<'a, T>(
    changed: &Condvar,
    state: MutexGuard<'a, T>,
    pending: impl FnMut(&mut T) -> bool,
) -> MutexGuard<'a, T> {
    const LONGEST: Duration = Duration::from_secs(250);
    let (state, result) = changed.wait_timeout_while(state, LONGEST, pending).unwrap();
    assert!(!result.timed_out(), "too few threads count");
    state
}

const COMMON: Hash = [0xFF; 20];

#[test]
fn what_several_threads_count_adds_up() {
    let threads = threads::available();
    let wim = claims_large_trees(2 * threads);
    // Nobody goes on before everybody has begun.
    let (begun, all_begun) = (Mutex::new(0), Condvar::new());
    let counts = wim.add_up(
        |image, counts| {
            let mut begun = begun.lock().unwrap();
            *begun += 1;
            all_begun.notify_all();
            drop(wait_while(&all_begun, begun, |begun| *begun < threads));
            counts.insert(hash_of(image), 1);
            *counts.entry(COMMON).or_default() += 1;
            Ok(())
        },
        |_| true,
    );
    let counts = counts.unwrap();
    let images = wim.header.images;
    assert_eq!(counts.len(), 2 * threads + 1);
    assert!((1..=images).all(|image| counts.get(&hash_of(image)) == Some(&1)));
    assert_eq!(counts.get(&COMMON), Some(&images));
}

#[test]
fn of_several_errors_that_of_the_first_image_counts_whoever_found_it() {
    let threads = threads::available();
    // The one whose result is looked at first fails at an image behind those of all others.
    let wim = claims_large_trees(threads + 1);
    let own = std::thread::current().id();
    let (state, changed) = (Mutex::new((Vec::new(), false)), Condvar::new());
    let result = wim.add_up(
        |image, _| {
            let state = state.lock().unwrap();
            if std::thread::current().id() == own {
                let mut state = wait_while(&changed, state, |(others, _)| others.len() + 1 < threads);
                if state.0.iter().any(|other| *other > image) || (threads == 1 && image == 1) {
                    return Ok(());
                }
                state.1 = true;
                changed.notify_all();
            } else {
                let mut state = state;
                state.0.push(image);
                changed.notify_all();
                drop(wait_while(&changed, state, |(_, failed)| !*failed));
            }
            Err(Error::NoImage { image, count: 0 })
        },
        |_| true,
    );
    let (others, _) = state.into_inner().unwrap();
    let first = others.into_iter().min().unwrap_or(2);
    assert!(
        matches!(result, Err(Error::NoImage { image, .. }) if image == first),
        "{result:?}"
    );
}

#[test]
fn an_error_of_a_later_image_does_not_take_the_place_of_an_earlier_one() {
    let threads = threads::available();
    // The one whose result is looked at first fails at an image before those of all others.
    let wim = claims_large_trees(2 * threads);
    let own = std::thread::current().id();
    let (state, changed) = (Mutex::new((None, 0, false)), Condvar::new());
    let result = wim.add_up(
        |image, _| {
            let mut state = state.lock().unwrap();
            if std::thread::current().id() == own {
                state.0 = Some(image);
                changed.notify_all();
                state = wait_while(&changed, state, |(_, others, _)| *others + 1 < threads);
                state.2 = true;
                changed.notify_all();
            } else {
                state = wait_while(&changed, state, |(first, _, _)| first.is_none());
                if state.0.is_some_and(|first| image < first) {
                    return Ok(());
                }
                state.1 += 1;
                changed.notify_all();
                drop(wait_while(&changed, state, |(_, _, failed)| !*failed));
            }
            Err(Error::NoImage { image, count: 0 })
        },
        |_| true,
    );
    let (first, _, _) = state.into_inner().unwrap();
    assert!(
        matches!(result, Err(Error::NoImage { image, .. }) if Some(image) == first),
        "{result:?}"
    );
}

#[test]
fn the_first_image_with_a_content_that_is_not_here_is_named() {
    let wim = claims_large_trees(4);
    let count = |image, counts: &mut Counts| {
        counts.insert(hash_of(image), 1);
        Ok(())
    };
    let refused = wim.add_up(count, |hash| ![hash_of(2), hash_of(3)].contains(hash));
    assert!(matches!(
        refused,
        Err(Error::Refused(Refusal::Delta { image: 2 }))
    ));
}

#[test]
fn a_wim_that_lacks_a_content_cannot_be_changed() {
    let image = ImageBuilder::new("one").file("a", b"content", Properties::default());
    let mut bytes = Builder::new().image(image).to_bytes().unwrap();
    assert!(MemoryFile::new(bytes.clone()).open().unwrap().writable().is_ok());
    // The row of the content gets the name of another one.
    let hash = crate::wim::resource::sha1(b"content");
    let row = bytes.windows(20).rposition(|window| window == hash).unwrap();
    bytes[row] ^= 1;
    let refused = MemoryFile::new(bytes).open().unwrap().writable();
    assert!(matches!(
        refused,
        Err(Error::Refused(Refusal::Delta { image: 1 }))
    ));
}
