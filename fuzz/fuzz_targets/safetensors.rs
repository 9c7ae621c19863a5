//! safetensors files.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pentimento_fuzz::find;

fuzz_target!(|bytes: &[u8]| find("safetensors", bytes));
