//! ONNX files of others: what they compute is what their own operator set says (`operators`),
//! weights come from beside them and nowhere else (`elsewhere`), and what cannot be used is refused
//! by name (`refused`).

mod elsewhere;
mod operators;
mod refused;

use std::path::Path;

use pentimento::autodiff::{Target, backward};
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::import::onnx::{OnnxImportError, from_bytes};
use pentimento::network::{self, Pooling, PoolingKind};
use pentimento::onnx::{
    Attribute, Builder, Constant, Data, Dim, ElementType, Graph, Model, Node, OPSET, ValueInfo,
    check, write,
};
use pentimento::tensor::Tensor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::engine;

/// Numbers without a pattern, from −0.6 to 0.6.
fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7919 + 31) % 241) as f32 / 200.0 - 0.6)
        .collect()
}

fn weights(shape: &[usize]) -> Constant {
    Constant::f32s(shape.to_vec(), numbers(shape.iter().product())).unwrap()
}

fn node<const N: usize>(
    op: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: [(&str, Attribute); N],
) -> Node {
    Node {
        op: op.to_owned(),
        inputs: inputs.iter().map(|&v| v.to_owned()).collect(),
        outputs: outputs.iter().map(|&v| v.to_owned()).collect(),
        attributes: attributes.map(|(name, v)| (name.to_owned(), v)).into(),
        ..Node::default()
    }
}

/// `c`, four channels: a convolution of the picture `x` that keeps its size.
fn convolution() -> Node {
    node("Conv", &["x", "w"], &["c"], [("pads", vec![1; 4].into())])
}

/// A model of operator set `opset` from the picture `x` (of open size) over `c` to `y`.
fn model(opset: i64, nodes: Vec<Node>, constants: &[(&str, Constant)]) -> Model {
    let open = |name: &str| Dim::Named(name.to_owned());
    let value = |name: &str, shape| ValueInfo {
        name: name.to_owned(),
        element: ElementType::F32,
        shape,
    };
    let mut initializers: std::collections::BTreeMap<String, Constant> = constants
        .iter()
        .map(|(name, constant)| ((*name).to_owned(), constant.clone()))
        .collect();
    initializers
        .entry("w".to_owned())
        .or_insert_with(|| weights(&[4, 3, 3, 3]));
    let shape = vec![Dim::Fixed(1), Dim::Fixed(3), open("h"), open("w")];
    let mut model = Model::new(Graph {
        name: "of_others".to_owned(),
        nodes: [vec![convolution()], nodes].concat(),
        inputs: vec![value("x", shape)],
        outputs: vec![value("y", vec![Dim::Unknown; 4])],
        initializers,
    });
    model.opset = opset;
    model
}

fn read(model: &Model) -> Result<Model, OnnxImportError> {
    from_bytes(&write(model), Path::new(""))
}

fn run(model: &Model, height: usize, width: usize) -> Vec<Tensor> {
    let picture = Tensor::new(vec![1, 3, height, width], numbers(3 * height * width)).unwrap();
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(model, &options).unwrap();
    let input = model.graph.inputs[0].name.as_str();
    session.run(&[(input, &picture)]).unwrap()
}

/// Holds that a model and what is made of it agree at two sizes, and that the latter has a gradient.
fn agree(name: &str, original: &Model) {
    let imported = read(original).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(imported.opset, OPSET, "{name}");
    check(&imported).unwrap();
    for (height, width) in [(14, 17), (20, 12)] {
        let expected = run(original, height, width);
        let found = run(&imported, height, width);
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(found.shape(), expected.shape(), "{name}");
            let largest = expected.data().iter().fold(1e-9_f32, |m, v| m.max(v.abs()));
            for (e, f) in expected.data().iter().zip(found.data()) {
                assert!((e - f).abs() <= 1e-5 * largest, "{name}: {e} {f}");
            }
        }
    }
    has_gradient(name, imported.graph);
}

fn has_gradient(name: &str, mut graph: Graph) {
    graph.inputs[0] = ValueInfo::f32(&graph.inputs[0].name, &[1, 3, 14, 17]);
    let (input, output) = (graph.inputs[0].name.clone(), graph.outputs[0].name.clone());
    let mut builder = Builder::from_graph(graph).unwrap();
    let shape = builder.shape(&output).to_vec();
    let seed = builder.input("seed", &shape);
    let seeds = [(output, seed)];
    let gradient = backward(&mut builder, &seeds, &[&input], Target::Plain);
    let gradient = gradient.unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(builder.shape(&gradient[0]), [1, 3, 14, 17], "{name}");
}

/// `F·Fᵀ` of the features `c`, the shape of `F` worked out as exporters write it.
fn gram() -> Model {
    let scalar = |v: i64| Constant::new(vec![], Data::I64(vec![v].into())).unwrap();
    let nodes = vec![
        node("Shape", &["c"], &["s"], []),
        node("Gather", &["s", "i2"], &["h"], []),
        node("Gather", &["s", "i3"], &["b"], []),
        node("Mul", &["h", "b"], &["p"], []),
        node("Unsqueeze", &["p", "zero"], &["p1"], []),
        node("Concat", &["ends", "p1"], &["shape"], [("axis", 0.into())]),
        node("Reshape", &["c", "shape"], &["f"], []),
        node(
            "Transpose",
            &["f"],
            &["t"],
            [("perm", vec![0, 2, 1].into())],
        ),
        node("MatMul", &["f", "t"], &["y"], []),
    ];
    let constants = [
        ("i2", scalar(2)),
        ("i3", scalar(3)),
        ("zero", Constant::i64s(vec![0])),
        ("ends", Constant::i64s(vec![1, 4])),
    ];
    let mut model = model(13, nodes, &constants);
    model.graph.outputs[0].shape.truncate(3);
    model
}

#[test]
fn arithmetic_on_extents_is_worked_out() {
    agree("a Gram matrix", &gram());
    let imported = read(&gram()).unwrap();
    let ops: Vec<&str> = imported.graph.nodes.iter().map(|n| n.op.as_str()).collect();
    assert_eq!(ops, ["Conv", "Reshape", "Transpose", "MatMul"]);
}

#[test]
fn bounds_and_sizes_that_follow_the_picture_are_kept_relative() {
    let nodes = vec![
        node("Shape", &["c"], &["s"], [("start", 2.into())]),
        node("Sub", &["s", "one"], &["ends"], []),
        node("Slice", &["c", "starts", "ends", "axes"], &["cut"], []),
        node("Shape", &["cut"], &["s2"], []),
        node("Mul", &["s2", "factor"], &["sizes"], []),
        node("Resize", &["cut", "", "", "sizes"], &["y"], []),
    ];
    let constants = [
        ("one", Constant::i64s(vec![1])),
        ("starts", Constant::i64s(vec![0, 1])),
        ("axes", Constant::i64s(vec![2, 3])),
        ("factor", Constant::i64s(vec![1, 1, 2, 3])),
    ];
    agree("relative", &model(15, nodes, &constants));
}

#[test]
fn nodes_out_of_order_are_put_into_order() {
    let mut shuffled = gram();
    shuffled.graph.nodes.reverse();
    let found = run(&read(&shuffled).unwrap(), 9, 8);
    assert_eq!(found, run(&gram(), 9, 8));
}

#[test]
fn floats_of_every_width_become_f32() {
    let kernel = numbers(4 * 27);
    let halves: Vec<half::f16> = kernel.iter().map(|&v| half::f16::from_f32(v)).collect();
    let rounded: Vec<f32> = halves.iter().map(|v| v.to_f32()).collect();
    let relu = || vec![node("Relu", &["c"], &["y"], [])];
    let shape = vec![4, 3, 3, 3];
    let plain = Constant::f32s(shape.clone(), rounded.clone()).unwrap();
    let expected = run(&model(13, relu(), &[("w", plain)]), 9, 8);

    let half = Constant::new(shape.clone(), Data::F16(halves.into())).unwrap();
    let mut of_halves = model(13, relu(), &[("w", half.clone())]);
    of_halves.graph.inputs[0].element = ElementType::F16;
    of_halves.graph.outputs[0].element = ElementType::F16;
    assert_eq!(run(&read(&of_halves).unwrap(), 9, 8), expected);

    let doubles: Vec<f64> = rounded.iter().map(|&v| v.into()).collect();
    let double = Constant::new(shape, Data::F64(doubles.into())).unwrap();
    let mut of_doubles = model(13, relu(), &[("w", double)]);
    of_doubles.graph.inputs[0].element = ElementType::F64;
    assert_eq!(run(&read(&of_doubles).unwrap(), 9, 8), expected);

    // Weights kept as halves and widened by the graph itself.
    let mut widened = model(13, relu(), &[("w16", half)]);
    widened.graph.initializers.remove("w");
    let cast = node("Cast", &["w16"], &["w"], [("to", 1.into())]);
    widened.graph.nodes.insert(0, cast);
    let imported = read(&widened).unwrap();
    assert_eq!(run(&imported, 9, 8), expected);
    assert!(imported.graph.nodes.iter().all(|node| node.op != "Cast"));
}

/// Returns an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(chain);
    let causes = source
        .map(|source| format!(": {source}"))
        .unwrap_or_default();
    format!("{error}{causes}")
}

#[test]
fn layers_get_names_that_can_be_written() {
    let named = |name: &str, op: &str, from: &str, to: &str| Node {
        name: name.to_owned(),
        ..node(op, &[from], &[to], [])
    };
    let nodes = vec![
        named(
            "/features/features.1/Relu",
            "Relu",
            "c",
            "/features/features.1/Relu_output_0",
        ),
        named(
            "anything",
            "Sigmoid",
            "/features/features.1/Relu_output_0",
            "relu_a",
        ),
        named("Tanh_3", "Tanh", "relu_a", "12"),
        named("", "Relu", "12", "13"),
        named("", "Relu", "13", "image"),
        named("Tanh_3", "Tanh", "image", "y"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, write(&model(11, nodes, &[]))).unwrap();
    let network = network::find(path.to_str().unwrap(), &[]).unwrap();
    let names: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
    let expected = [
        "c",
        "features.1",
        "relu_a",
        "Tanh_3",
        "relu_1",
        "of_image",
        "y",
    ];
    assert_eq!(names, expected);
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    assert_eq!(network.layers_at((9, 8), pooling), expected);
}

#[test]
fn names_of_the_file_never_meet_our_own() {
    // The names that the graph over a picture once gave to its own first values.
    let nodes = vec![
        node("Mul", &["x", "const_0"], &["sub_1"], []),
        node("Conv", &["sub_1", "w"], &["image"], []),
        node("Relu", &["image"], &["y"], []),
    ];
    let mut twisted = model(13, nodes, &[("const_0", Constant::scalar(0.5))]);
    twisted.graph.nodes.remove(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, write(&twisted)).unwrap();
    let plain =
        "name = \"n\"\nfile = \"net.onnx\"\n[input]\norder = \"RGB\"\nmean = [0.0, 0.0, 0.0]";
    std::fs::write(folder.path().join("net.toml"), plain).unwrap();
    let network = network::find(path.to_str().unwrap(), &[]).unwrap();
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    let layers = network.layers_at((9, 8), pooling);
    assert_eq!(layers, ["of_image", "y"]);
    let alone = network.standalone(&layers[1..], (9, 8), pooling).unwrap();
    let (found, expected) = (run(&alone, 9, 8), run(&twisted, 9, 8));
    for (found, expected) in found[0].data().iter().zip(expected[0].data()) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn weights_that_two_convolutions_share_stay_as_they_are() {
    let square = [("w", weights(&[3, 3, 3, 3]))];
    let second = node("Conv", &["c", "w"], &["d"], []);
    let shared = model(13, vec![second, node("Relu", &["d"], &["y"], [])], &square);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, write(&shared)).unwrap();
    let plain = "name = \"n\"\nfile = \"net.onnx\"\n[input]\norder = \"RGB\"\nrange = 1.0\nmean = [0.0, 0.0, 0.0]";
    std::fs::write(folder.path().join("net.toml"), plain).unwrap();
    let network = network::find(path.to_str().unwrap(), &[]).unwrap();
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    let alone = network
        .standalone(&["y".to_owned()], (9, 8), pooling)
        .unwrap();
    // The first takes a 255th of its input, the second all of it.
    let (found, expected) = (run(&alone, 9, 8), run(&shared, 9, 8));
    for (found, expected) in found[0].data().iter().zip(expected[0].data()) {
        assert!(
            (found * 255.0 - expected).abs() < 1e-4,
            "{found} {expected}"
        );
    }
}

#[test]
fn nodes_that_no_layer_depends_on_are_left_out() {
    let nodes = vec![
        node("Relu", &["c"], &["r"], []),
        node("ArgMax", &["r"], &["y"], [("axis", 1.into())]),
    ];
    let imported = read(&model(13, nodes, &[])).unwrap();
    let ops: Vec<&str> = imported.graph.nodes.iter().map(|n| n.op.as_str()).collect();
    assert_eq!(ops, ["Conv", "Relu"]);
    assert_eq!(imported.graph.outputs[0].name, "r");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_files_are_imported_or_refused(
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = write(&gram());
        for (place, byte) in damage {
            let place = place.index(file.len());
            file[place] = byte;
        }
        if let Ok(model) = from_bytes(&file, Path::new("")) {
            prop_assert!(check(&model).is_ok());
        }
    }
}
