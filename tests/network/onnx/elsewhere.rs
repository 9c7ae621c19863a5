//! Weights that lie in files beside the model.

use pentimento::network::import::onnx::{from_bytes, read as import};

use super::{chain, model, node, numbers, run};
use crate::onnx::bytes::{self, field};

/// The file of a model whose kernel lies at `offset` of `location`.
fn with_weights_elsewhere(location: &str, offset: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| {
        bytes::bytes(13, &[bytes::text(1, key), bytes::text(2, value)].concat())
    };
    let tensor = bytes::tensor(
        "w",
        &[4, 3, 3, 3],
        1,
        &[
            entry("location", location),
            entry("offset", offset),
            entry("length", "432"),
            bytes::int(field::TENSOR_LOCATION, 1),
        ],
    );
    let pads: Vec<u8> = (0..4).flat_map(|_| bytes::int(8, 1)).collect();
    let conv = bytes::node(
        "Conv",
        &["x", "w"],
        &["c"],
        &[bytes::attribute("pads", 7, &pads)],
    );
    bytes::model(&[
        bytes::bytes(field::GRAPH_NODE, &conv),
        bytes::bytes(field::GRAPH_NODE, &bytes::node("Relu", &["c"], &["y"], &[])),
        bytes::bytes(field::GRAPH_INITIALIZER, &tensor),
        bytes::bytes(field::GRAPH_INPUT, &bytes::value_info("x", &[1, 3, 9, 8])),
        bytes::bytes(field::GRAPH_OUTPUT, &bytes::value_info("y", &[1, 4, 9, 8])),
    ])
}

#[test]
fn weights_in_a_file_beside_the_model_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<u8> = numbers(4 * 27)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(
        folder.path().join("data/w.bin"),
        [vec![7; 64], data].concat(),
    )
    .unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, with_weights_elsewhere("data/w.bin", "64")).unwrap();
    let expected = model(13, vec![node("Relu", &["c"], &["y"], [])], &[]);
    assert_eq!(run(&import(&path).unwrap(), 9, 8), run(&expected, 9, 8));
}

#[test]
fn weights_are_not_read_from_anywhere_else() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("models");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(outer.path().join("w.bin"), [0; 432]).unwrap();
    std::fs::write(folder.join("cut.bin"), [0; 431]).unwrap();
    std::os::unix::fs::symlink("../w.bin", folder.join("link.bin")).unwrap();
    let absolute = outer.path().join("w.bin");
    let cases = [
        (
            "../w.bin",
            "0",
            "`../w.bin` is no file in the model's own folder",
        ),
        (
            absolute.to_str().unwrap(),
            "0",
            "is no file in the model's own folder",
        ),
        (
            "link.bin",
            "0",
            "`link.bin` is no file in the model's own folder",
        ),
        (".", "0", "`.` is no file in the model's own folder"),
        ("", "0", "`` is no file in the model's own folder"),
        ("none.bin", "0", "none.bin; it belongs to the model"),
        (
            "cut.bin",
            "0",
            "has 431 bytes, but data is said to lie at 0 to 432",
        ),
        (
            "cut.bin",
            "18446744073709551615",
            "it is cut, or of another model",
        ),
    ];
    for (location, offset, expected) in cases {
        let file = with_weights_elsewhere(location, offset);
        let said = chain(&from_bytes(&file, &folder).unwrap_err());
        assert!(said.contains(expected), "{said}");
    }
}
