//! What is no network that can be used, and what would cost too much.

use std::path::Path;

use pentimento::network::import::onnx::from_bytes;
use pentimento::onnx::{Constant, Dim, ElementType, Model, Node, ValueInfo};

use super::{chain, model, node, read, weights};
use crate::onnx::bytes::{self, field};

#[test]
fn all_that_cannot_be_had_is_named_at_once() {
    let foreign = Node {
        domain: "com.microsoft".to_owned(),
        ..node("Gelu", &["c"], &["g"], [])
    };
    let nodes = vec![
        foreign,
        node("CumSum", &["c", "one"], &["s"], []),
        node("Add", &["g", "s"], &["sum"], []),
        node("Relu", &["sum"], &["y"], []),
    ];
    let one = [("one", Constant::i64s(vec![1]))];
    let said = read(&model(14, nodes, &one)).unwrap_err().to_string();
    for part in [
        "operator set 14: 2 nodes",
        "com.microsoft.Gelu (producing `g`)",
        "CumSum (producing `s`): no gradient is known",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn subgraphs_are_named_at_once() {
    let branch = |name| bytes::attribute(name, 5, &[]);
    let condition = bytes::node("If", &["x"], &["a"], &[branch("then_branch")]);
    let repetition = bytes::node("Loop", &["x"], &["b"], &[branch("body")]);
    let file = bytes::model(&[
        bytes::bytes(field::GRAPH_NODE, &condition),
        bytes::bytes(field::GRAPH_NODE, &repetition),
    ]);
    let said = chain(&from_bytes(&file, Path::new("")).unwrap_err());
    assert!(
        said.contains("`then_branch` of node If (producing `a`) (a subgraph)"),
        "{said}"
    );
    assert!(
        said.contains("`body` of node Loop (producing `b`) (a subgraph)"),
        "{said}"
    );
}

/// The model with an input of another shape.
fn over(shape: Vec<Dim>) -> Model {
    let mut model = model(13, vec![node("Relu", &["c"], &["y"], [])], &[]);
    model.graph.inputs[0].shape = shape;
    model
}

#[test]
fn what_is_no_network_of_pictures_is_refused() {
    let relu = || vec![node("Relu", &["c"], &["y"], [])];
    let fixed = |shape: &[usize]| over(shape.iter().map(|&d| Dim::Fixed(d)).collect());
    let mut truths = over(vec![]);
    truths.graph.inputs[0].element = ElementType::U8;
    let mut two = model(13, vec![node("Add", &["c", "x2"], &["y"], [])], &[]);
    two.graph.inputs.push(ValueInfo::f32("x2", &[1]));
    let mut idle = model(13, vec![node("Neg", &["x"], &["y"], [])], &[]);
    idle.graph.nodes.remove(0);
    // Found by fuzzing: the one layer left is of whole numbers.
    let mut whole = model(
        13,
        vec![node("Relu", &["k"], &["y"], [])],
        &[("k", Constant::i64s(vec![1]))],
    );
    whole.graph.nodes[0] = node("Neg", &["x"], &["n"], []);
    let narrow = model(13, relu(), &[("w", weights(&[4, 5, 3, 3]))]);
    let cycle = vec![
        node("Add", &["c", "b"], &["a"], []),
        node("Relu", &["a"], &["b"], []),
    ];
    let twice = vec![node("Relu", &["c"], &["c"], [])];
    let unknown = vec![node("Relu", &["nowhere"], &["y"], [])];
    let training = vec![
        node("Dropout", &["c"], &["d", "m"], []),
        node("Relu", &["m"], &["y"], []),
    ];
    let cases: Vec<(Model, &str)> = vec![
        (fixed(&[4, 3, 8, 8]), "it is a batch of 4"),
        (fixed(&[1, 8, 8, 3]), "its channels are the last axis"),
        (fixed(&[1, 1, 8, 8]), "it has 1 channels, a picture has 3"),
        (fixed(&[3, 8, 8]), "a picture has four axes"),
        (fixed(&[1, 3, 8, 1 << 20]), "a side is from 1 to 65536"),
        (truths, "its elements are no floats"),
        (
            two,
            "exactly one input, the picture, not 2 (`x` [1, 3, h, w], `x2` [1])",
        ),
        (
            idle,
            "no convolution, activation or pooling over the picture",
        ),
        (
            whole,
            "no convolution, activation or pooling over the picture",
        ),
        (narrow, "3 channels in 1 groups do not fit a kernel of 5"),
        (
            model(13, cycle, &[]),
            "the graph has a cycle through node Add (producing `a`)",
        ),
        (
            model(13, twice, &[]),
            "value `c` is produced more than once",
        ),
        (
            model(13, unknown, &[]),
            "reads `nowhere`, which nothing produces",
        ),
        (model(13, training, &[]), "its mask is used, as in training"),
        (
            model(6, relu(), &[]),
            "operator set 6; 7 to 28 are understood",
        ),
        (
            model(99, relu(), &[]),
            "operator set 99; 7 to 28 are understood",
        ),
    ];
    for (model, expected) in cases {
        let said = read(&model).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_small_file_cannot_ask_for_a_large_constant() {
    let nodes = vec![
        node("ConstantOfShape", &["big"], &["b"], []),
        node("Add", &["c", "b"], &["a"], []),
        node("Relu", &["a"], &["y"], []),
    ];
    for big in [[1, 4, 100_000, 100_000], [i64::MAX; 4]] {
        let big = [("big", Constant::i64s(big.to_vec()))];
        let said = read(&model(13, nodes.clone(), &big))
            .unwrap_err()
            .to_string();
        assert!(said.contains("more than this file may ask for"), "{said}");
    }
    // Nor may it ask for a large one again and again.
    let mut nodes: Vec<Node> = (0..500)
        .map(|i| node("Neg", &[if i == 0 { "seed" } else { "n" }], &["n"], []))
        .collect();
    for (i, node) in nodes.iter_mut().enumerate() {
        node.outputs[0] = format!("n{i}");
        node.inputs[0] = if i == 0 {
            "seed".to_owned()
        } else {
            format!("n{}", i - 1)
        };
    }
    nodes.push(node("Mul", &["c", "n499"], &["m"], []));
    nodes.push(node("Relu", &["m"], &["y"], []));
    let seed = [("seed", weights(&[100, 1000]))];
    let said = read(&model(13, nodes, &seed)).unwrap_err().to_string();
    assert!(said.contains("more than this file may ask for"), "{said}");
}
