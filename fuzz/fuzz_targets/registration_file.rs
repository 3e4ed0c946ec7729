//! The fuzzer's door to [`wimkey_fuzz::texts::registration`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wimkey_fuzz::texts::registration(bytes));
