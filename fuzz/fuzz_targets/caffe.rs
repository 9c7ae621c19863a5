//! Caffe files: the binary form, and where the input holds a line of dashes, a prototxt behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pentimento::network::import::caffe::{CaffeOptions, read};
use pentimento_fuzz::file;

/// What parts the two files of an input.
const BETWEEN: &[u8] = b"\n----\n";

fuzz_target!(|bytes: &[u8]| {
    let cut = bytes
        .windows(BETWEEN.len())
        .position(|window| window == BETWEEN);
    let (model, text) = match cut {
        Some(at) => (&bytes[..at], Some(&bytes[at + BETWEEN.len()..])),
        None => (bytes, None),
    };
    let options = CaffeOptions {
        prototxt: text.map(|text| file("prototxt", text)),
        classifier: true,
    };
    let _refused_or_read = read(&file("caffemodel", model), &options);
});
