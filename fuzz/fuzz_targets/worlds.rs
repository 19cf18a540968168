//! The fuzz target of this name in `windlass::fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| windlass::fuzzing::run("worlds", data));
