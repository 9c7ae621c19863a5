//! PyTorch's files of weights, in their zip form and in the one before it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pentimento_fuzz::find;

fuzz_target!(|bytes: &[u8]| find("pth", bytes));
