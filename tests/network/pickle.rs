//! Writes PyTorch's files instruction by instruction: what `torch.save` writes, and what it would
//! not.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A part of a pickle that leaves one value on the stack.
pub type Part = Vec<u8>;

/// A text.
pub fn text(value: &str) -> Part {
    let length = u32::try_from(value.len()).unwrap().to_le_bytes();
    [b"X", &length[..], value.as_bytes()].concat()
}

/// A whole number.
pub fn int(value: i64) -> Part {
    [&[0x8a, 8], &value.to_le_bytes()[..]].concat()
}

/// A name of Python.
pub fn global(module: &str, name: &str) -> Part {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A tuple.
pub fn tuple(items: &[Part]) -> Part {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

/// A tuple of whole numbers.
pub fn ints(values: &[i64]) -> Part {
    tuple(&values.iter().map(|&v| int(v)).collect::<Vec<_>>())
}

/// A call of a name.
pub fn call(function: &[u8], arguments: &[Part]) -> Part {
    [function, &tuple(arguments), b"R"].concat()
}

/// A dictionary.
pub fn dict(entries: &[(&str, Part)]) -> Part {
    [b"}", filled(entries).as_slice()].concat()
}

/// An ordered dictionary, as `state_dict()` gives.
pub fn ordered(entries: &[(&str, Part)]) -> Part {
    let empty = [&global("collections", "OrderedDict"), &b")R"[..]].concat();
    [empty, filled(entries)].concat()
}

fn filled(entries: &[(&str, Part)]) -> Part {
    let pairs = entries
        .iter()
        .map(|(key, value)| [text(key), value.clone()].concat());
    [b"(", pairs.collect::<Vec<_>>().concat().as_slice(), b"u"].concat()
}

/// A storage of `count` elements of a type such as `Float`.
pub fn storage(kind: &str, key: &str, count: i64) -> Part {
    let kind = global("torch", &format!("{kind}Storage"));
    let described = tuple(&[text("storage"), kind, text(key), text("cpu"), int(count)]);
    [described, b"Q".to_vec()].concat()
}

/// A tensor of a storage.
pub fn tensor(storage: Part, offset: i64, shape: &[i64], strides: &[i64]) -> Part {
    let hooks = ordered(&[]);
    let rest = [int(offset), ints(shape), ints(strides), vec![0x89], hooks];
    let arguments: Vec<Part> = [storage].into_iter().chain(rest).collect();
    call(&global("torch._utils", "_rebuild_tensor_v2"), &arguments)
}

/// A whole pickle.
pub fn pickle(value: &[u8]) -> Vec<u8> {
    [&[0x80, 2], value, b"."].concat()
}

/// The zip form: the pickle, and the bytes of the storages by key.
pub fn zipped(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let parts = storages
        .iter()
        .map(|(k, bytes)| (format!("data/{k}"), bytes.as_slice()));
    let first = [
        ("data.pkl".to_owned(), pickle),
        ("byteorder".to_owned(), b"little"),
    ];
    let parts: Vec<(String, &[u8])> = first.into_iter().chain(parts).collect();
    archive(&parts, CompressionMethod::Stored)
}

/// An archive of these parts.
pub fn archive(parts: &[(String, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in parts {
        zip.start_file(format!("weights/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The older form: the pickle, and each storage's key, number of elements and bytes.
pub fn legacy(description: &[u8], storages: &[(&str, u64, Vec<u8>)]) -> Vec<u8> {
    let magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let magic = pickle(&[&[0x8a, 10], &magic[..]].concat());
    let keys: Vec<Part> = storages.iter().map(|(key, ..)| text(key)).collect();
    let keys = pickle(&[b"](", keys.concat().as_slice(), b"e"].concat());
    let machine = pickle(&dict(&[("little_endian", vec![0x88])]));
    let head = [
        magic,
        pickle(&int(1001)),
        machine,
        description.to_vec(),
        keys,
    ];
    let numbers = storages
        .iter()
        .map(|(_, count, bytes)| [&count.to_le_bytes()[..], bytes].concat());
    head.into_iter().chain(numbers).collect::<Vec<_>>().concat()
}

/// The bytes of `f32` numbers.
pub fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
