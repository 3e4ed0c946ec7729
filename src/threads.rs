//! threads - how many threads can run at once.
//!
//! Promise: at least 1, the same for the whole run, and asked of the system once: the answer costs it a look into several files.

use std::num::NonZero;
use std::sync::LazyLock;

/// How many threads can run at once, as the system allows this process.
pub fn available() -> usize {
    static COUNT: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    *COUNT
}
