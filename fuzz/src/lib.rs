//! What must hold for any bytes whatever. Each function takes the fuzzer's bytes and panics when a promise is broken;
//! the targets in `fuzz_targets/` only call them, `examples/seeds.rs` gives each its first inputs.

pub mod answers;
pub mod hives;
pub mod replay;
pub mod texts;
pub mod wims;
