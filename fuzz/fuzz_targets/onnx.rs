//! ONNX files: whatever the bytes, a model that hangs together or an error.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use pentimento::network::import::onnx::from_bytes;
use pentimento::onnx::{check, read, write};

fuzz_target!(|bytes: &[u8]| {
    // A folder that is not there: no input may read files of this machine.
    if let Ok(model) = from_bytes(bytes, Path::new("/nowhere")) {
        check(&model).expect("what is imported hangs together");
        read(&write(&model)).expect("what is written can be read");
    }
});
