//! Core dumps: the memory of a program that crashes, written to a file, with every key that was in it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A limit of one byte: no core file is that small, and Linux gives a crash handler that reads from a pipe nothing at all then,
/// which a limit of zero does not do (`core(5)`; `fs/coredump.c`).
const NOTHING: u64 = 1;

/// Keeps the system from writing this process's memory to a file should it crash. Gives whether it does so.
pub fn forbid_core_dumps() -> bool {
    let Rlimit { current, maximum } = getrlimit(Resource::Core);
    if current == Some(NOTHING) {
        return true;
    }
    let wanted = Rlimit {
        current: Some(maximum.map_or(NOTHING, |most| most.min(NOTHING))),
        maximum,
    };
    setrlimit(Resource::Core, wanted).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_the_limit_leaves_room_for_nothing() {
        assert!(forbid_core_dumps());
        assert!(
            getrlimit(Resource::Core)
                .current
                .is_some_and(|limit| limit <= NOTHING)
        );
        assert!(forbid_core_dumps());
    }
}
