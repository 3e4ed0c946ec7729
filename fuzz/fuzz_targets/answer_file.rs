//! The fuzzer's door to [`wimkey_fuzz::answers::edit`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wimkey_fuzz::answers::edit(bytes));
