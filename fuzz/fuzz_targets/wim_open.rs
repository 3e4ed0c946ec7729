//! The fuzzer's door to [`wimkey_fuzz::wims::open`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wimkey_fuzz::wims::open(bytes));
