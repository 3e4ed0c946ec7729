//! The fuzzer's door to [`wimkey_fuzz::wims::update`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wimkey_fuzz::wims::update(bytes));
