//! Model files: what is written is read again, what others write is understood, and nothing that is
//! no model does harm.

pub mod bytes;
mod random;

use std::sync::Arc;

use bytes::{attribute, field, float, int, model, node, tensor, text, value_info, varint};
use pentimento::onnx::{Constant, Data, Graph, ReadError, check, read, write};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_model_is_read_as_it_was_written(model in random::model()) {
        prop_assert_eq!(read(&write(&model)).unwrap(), model);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(model) = read(&bytes) {
            let _verdict = check(&model);
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        model in random::model(),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        length in any::<Index>(),
    ) {
        let mut bytes = write(&model);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(model) = read(&bytes) {
            let _verdict = check(&model);
        }
    }
}

fn graph_of(fields: &[Vec<u8>]) -> Graph {
    read(&model(fields)).unwrap().graph
}

/// Returns the one constant of a graph that has it as an initializer.
fn initializer(tensor: &[u8]) -> Constant {
    let graph = graph_of(&[bytes::bytes(field::GRAPH_INITIALIZER, tensor)]);
    graph.initializers.into_values().next().unwrap()
}

fn packed<T, const N: usize>(values: &[T], word: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(word).collect()
}

fn varints(values: &[i64]) -> Vec<u8> {
    let values = values.iter().map(|v| v.cast_unsigned());
    values.flat_map(varint).collect()
}

#[test]
fn initializers_repeated_as_inputs_are_no_inputs() {
    let weight = tensor("w", &[1], 1, &[float(4, 2.0)]);
    let graph = graph_of(&[
        bytes::bytes(field::GRAPH_NODE, &node("Mul", &["x", "w"], &["y"], &[])),
        bytes::bytes(field::GRAPH_INITIALIZER, &weight),
        bytes::bytes(field::GRAPH_INPUT, &value_info("x", &[3])),
        bytes::bytes(field::GRAPH_INPUT, &value_info("w", &[1])),
        bytes::bytes(field::GRAPH_OUTPUT, &value_info("y", &[3])),
    ]);
    let inputs: Vec<&str> = graph.inputs.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(inputs, ["x"]);
    assert_eq!(graph.initializers["w"].as_f32(), Some(&[2.0][..]));
    assert_eq!(graph.outputs[0].fixed_shape(), Some(vec![3]));
}

#[test]
fn elements_lie_in_the_field_of_their_type() {
    let halves: [i64; 2] = [0x3c00, 0xc000];
    let brains: [i64; 2] = [0x3f80, 0xc000];
    let f16 = vec![half::f16::from_f32(1.0), half::f16::from_f32(-2.0)];
    let bf16 = vec![half::bf16::from_f32(1.0), half::bf16::from_f32(-2.0)];
    let floats = packed(&[1.5_f32, -2.0], |v| v.to_le_bytes());
    let doubles = packed(&[1.5_f64, -2.0], |v| v.to_le_bytes());
    let cases: Vec<(i64, u64, Vec<u8>, Data)> = vec![
        (1, 4, floats, Data::F32(Arc::new(vec![1.5, -2.0]))),
        (11, 10, doubles, Data::F64(Arc::new(vec![1.5, -2.0]))),
        (
            7,
            7,
            varints(&[i64::MIN, 5]),
            Data::I64(Arc::new(vec![i64::MIN, 5])),
        ),
        (6, 5, varints(&[-7, 5]), Data::I32(Arc::new(vec![-7, 5]))),
        (10, 5, varints(&halves), Data::F16(Arc::new(f16))),
        (16, 5, varints(&brains), Data::Bf16(Arc::new(bf16))),
        (2, 5, varints(&[255, 0]), Data::U8(Arc::new(vec![255, 0]))),
        (
            9,
            5,
            varints(&[1, 0]),
            Data::Bool(Arc::new(vec![true, false])),
        ),
    ];
    for (kind, number, content, expected) in cases {
        let found = initializer(&tensor("t", &[2], kind, &[bytes::bytes(number, &content)]));
        assert_eq!(found.data(), &expected);
        assert_eq!(found.shape(), [2]);
    }
    // A list may also be written one number a field.
    let single = [float(4, 1.5), float(4, -2.0)];
    let found = initializer(&tensor("t", &[2, 1], 1, &single));
    assert_eq!(found.as_f32(), Some(&[1.5, -2.0][..]));
}

#[test]
fn constant_nodes_become_constants() {
    let value = tensor("inner", &[2, 1], 1, &[float(4, 1.5), float(4, 2.5)]);
    let floats = [float(7, 1.5), float(7, 2.5)].concat();
    let ints = [int(8, -3), int(8, 4)].concat();
    let one = |data| Constant::new(vec![], data).unwrap();
    let cases: Vec<(Vec<u8>, Constant)> = vec![
        (
            attribute("value", 4, &bytes::bytes(5, &value)),
            Constant::f32s(vec![2, 1], vec![1.5, 2.5]).unwrap(),
        ),
        (
            attribute("value_float", 1, &float(2, 1.5)),
            Constant::scalar(1.5),
        ),
        (
            attribute("value_floats", 6, &floats),
            Constant::f32s(vec![2], vec![1.5, 2.5]).unwrap(),
        ),
        (
            attribute("value_int", 2, &int(3, -3)),
            one(Data::I64(Arc::new(vec![-3]))),
        ),
        (
            attribute("value_ints", 7, &ints),
            Constant::i64s(vec![-3, 4]),
        ),
    ];
    for (attribute, expected) in cases {
        let node = node("Constant", &[], &["c"], &[attribute]);
        let graph = graph_of(&[bytes::bytes(field::GRAPH_NODE, &node)]);
        assert!(graph.nodes.is_empty());
        assert_eq!(graph.initializers["c"], expected);
    }
}

#[test]
fn a_constant_of_text_stays_a_node_as_it_is() {
    let content = attribute("value_string", 3, &text(4, "hello"));
    let node = node("Constant", &[], &["c"], &[content]);
    let graph = graph_of(&[bytes::bytes(field::GRAPH_NODE, &node)]);
    assert!(graph.initializers.is_empty());
    assert_eq!(graph.nodes[0].text("value_string", ""), "hello");
}

#[test]
fn what_cannot_be_held_is_refused_with_its_name() {
    let initializer = |tensor: &[u8]| model(&[bytes::bytes(field::GRAPH_INITIALIZER, tensor)]);
    let with = |attribute: Vec<u8>| {
        let node = node("Foo", &[], &["y"], &[attribute]);
        model(&[bytes::bytes(field::GRAPH_NODE, &node)])
    };
    let raw = |content: &[u8]| bytes::bytes(field::TENSOR_RAW, content);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "the file has no operator set"),
        (
            bytes::bytes(field::MODEL_OPSET, &int(field::OPSET_VERSION, 13)),
            "the file has no graph",
        ),
        (
            initializer(&tensor("t", &[1], 8, &[])),
            "`t` has element type 8, which is not supported",
        ),
        (
            initializer(&tensor("t", &[3], 1, &[raw(&[0; 8])])),
            "constant `t` of shape [3] does not fit its data (2 elements)",
        ),
        (
            initializer(&tensor("t", &[2], 1, &[raw(&[0; 7])])),
            "constant `t` of shape [2]",
        ),
        (
            initializer(&tensor("t", &[i64::MAX, i64::MAX, 4], 1, &[raw(&[])])),
            "does not fit its data (0 elements)",
        ),
        (
            initializer(&tensor("t", &[-1], 1, &[raw(&[0; 4])])),
            "constant `t` of shape [-1]",
        ),
        (
            initializer(&tensor("t", &[1], 1, &[int(field::TENSOR_LOCATION, 1)])),
            "constant `t` keeps its data in another file",
        ),
        (
            with(attribute("body", 5, &[])),
            "not supported: `body` of node Foo (producing `y`) (a subgraph)",
        ),
        (
            with(attribute("name", 3, &bytes::bytes(4, &[0xff]))),
            "attribute `name` of node Foo (producing `y`) is not UTF-8",
        ),
        (
            with(attribute("value", 4, &[])),
            "the file has no value of a tensor attribute",
        ),
    ];
    for (file, expected) in cases {
        let message = read(&file).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_length_beyond_the_file_is_refused_before_anything_is_allocated() {
    for length in [5, 1 << 20, 1 << 40, u64::MAX >> 1, u64::MAX] {
        for number in [field::MODEL_GRAPH, field::MODEL_OPSET] {
            let file = [varint(number << 3 | 2), varint(length), vec![0; 3]].concat();
            assert!(matches!(read(&file), Err(ReadError::Protobuf(_))));
        }
    }
}

#[test]
fn messages_nested_without_end_are_refused() {
    // Groups of a field that is not known, each in the one before.
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        nested = [varint(99 << 3 | 3), nested].concat();
    }
    assert!(matches!(read(&nested), Err(ReadError::Protobuf(_))));
}
