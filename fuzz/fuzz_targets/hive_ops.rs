//! The fuzzer's door to [`wimkey_fuzz::hives::ops`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wimkey_fuzz::hives::ops(bytes));
