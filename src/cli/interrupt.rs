//! interrupt - Ctrl-C and its like end the work where nothing is half done.
//!
//! Promise: while images are looked at, an interruption unwinds, so that every buffer that holds keys is wiped and every temporary file
//! is removed; what is being written is written to its end first. A second interruption ends the program at once, which leaves the old
//! target or the new one as a crash does. Before the work begins, while a key is asked for, the system's own way of interrupting counts.

use crate::image::Phase;
use std::panic::resume_unwind;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of an interrupted run, whichever signal it was.
const INTERRUPTED: u8 = 130;
/// Whether a signal came.
static CAME: AtomicBool = AtomicBool::new(false);

/// What an interrupted run unwinds with.
#[derive(Debug)]
pub struct Interrupted {
    /// Whether the target was written before: then it is whole, but nobody has read it back.
    pub wrote: bool,
    /// Whether what became of each of several targets was told already.
    pub told: bool,
}

/// The exit code of an interrupted run, 130; `None` if nothing interrupted.
pub fn exit_code() -> Option<u8> {
    CAME.load(Ordering::Relaxed).then_some(INTERRUPTED)
}

/// From now on an interruption waits for [`stop_if_asked`] or for the end of the work.
pub(super) fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(begin);
}

/// Ends the work on a target by unwinding if that was asked for and nothing would be left half done. `wrote` keeps whether the target
/// was written.
pub(super) fn stop_if_asked(phase: Phase, wrote: &AtomicBool) {
    let is_safe = match phase {
        Phase::Read | Phase::Compress | Phase::Search | Phase::Verify => true,
        Phase::Write => false,
    };
    wrote.fetch_or(!is_safe, Ordering::Relaxed);
    if is_safe && CAME.load(Ordering::Relaxed) {
        let wrote = wrote.load(Ordering::Relaxed);
        resume_unwind(Box::new(Interrupted { wrote, told: false }));
    }
}

#[cfg(unix)]
fn begin() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    // Without it the system's way counts: the program ends at once.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if CAME.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED.into());
            }
        }
    });
}

#[cfg(not(unix))]
fn begin() {}
