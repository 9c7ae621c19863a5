//! ONNX files of others: their numbers are those of their own operator set, and what cannot be used
//! is refused by name.

use std::path::Path;

use pentimento::autodiff::{Target, backward};
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::import::onnx::{OnnxImportError, from_bytes, read as import};
use pentimento::network::{self, Pooling, PoolingKind};
use pentimento::onnx::{
    Attribute, Builder, Constant, Data, Dim, ElementType, Graph, Model, Node, OPSET, ValueInfo,
    check, write,
};
use pentimento::tensor::Tensor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::onnx::bytes::{self, field};
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
    let seed = builder.input("seed", &builder.shape(&output).to_vec());
    let seeds = [(output, seed)];
    let gradient = backward(&mut builder, &seeds, &[&input], Target::Plain);
    let gradient = gradient.unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(builder.shape(&gradient[0]), [1, 3, 14, 17], "{name}");
}

fn scalars(values: &[f32]) -> Constant {
    Constant::f32s(vec![values.len()], values.to_vec()).unwrap()
}

type Case = (&'static str, i64, Vec<Node>, Vec<(&'static str, Constant)>);

/// One node from `c` to `y`.
fn one<const N: usize>(op: &'static str, opset: i64, attributes: [(&str, Attribute); N]) -> Case {
    (
        op,
        opset,
        vec![node(op, &["c"], &["y"], attributes)],
        vec![],
    )
}

fn moved_between_attributes_and_inputs() -> Vec<Case> {
    let ints = |values: &[i64]| Constant::i64s(values.to_vec());
    vec![
        one("Clip", 7, [("min", (-0.2).into()), ("max", 0.3.into())]),
        one("Clip", 10, [("max", 0.3.into())]),
        one(
            "Slice",
            9,
            [
                ("starts", vec![1, 0].into()),
                ("ends", vec![-1, 100].into()),
                ("axes", vec![2, 3].into()),
            ],
        ),
        one(
            "Pad",
            7,
            [
                ("value", 0.5.into()),
                ("pads", vec![0, 0, 1, 2, 0, 0, 3, 4].into()),
            ],
        ),
        (
            "Pad of axes",
            18,
            vec![node(
                "Pad",
                &["c", "pads", "", "axes"],
                &["y"],
                [("mode", "edge".into())],
            )],
            vec![("pads", ints(&[1, 2, 3, 4])), ("axes", ints(&[-2, 3]))],
        ),
        one("ReduceMean", 9, [("axes", vec![1].into())]),
        one("ReduceSum", 11, [("axes", vec![1, 2].into())]),
        (
            "ReduceMax",
            18,
            vec![node("ReduceMax", &["c", "axes"], &["y"], [])],
            vec![("axes", ints(&[1, -1]))],
        ),
        one("ReduceMean", 20, [("noop_with_empty_axes", 1.into())]),
        one("ReduceL2", 13, [("axes", vec![1].into())]),
        (
            "Squeeze",
            11,
            vec![
                node("Unsqueeze", &["c"], &["u"], [("axes", vec![0, 2].into())]),
                node("Squeeze", &["u"], &["y"], [("axes", vec![0].into())]),
            ],
            vec![],
        ),
        (
            "Split",
            11,
            vec![
                node(
                    "Split",
                    &["c"],
                    &["a", "b"],
                    [("split", vec![1, 3].into()), ("axis", 1.into())],
                ),
                node("Concat", &["b", "a"], &["y"], [("axis", 1.into())]),
            ],
            vec![],
        ),
        (
            "Split by number",
            18,
            vec![
                node(
                    "Split",
                    &["c"],
                    &["a", "b", "d"],
                    [("num_outputs", 3.into()), ("axis", 1.into())],
                ),
                node("Concat", &["d", "a", "b"], &["y"], [("axis", 1.into())]),
            ],
            vec![],
        ),
    ]
}

fn changed_in_meaning() -> Vec<Case> {
    let four = |name| (name, weights(&[4]));
    let twice = || ("s", scalars(&[1.0, 1.0, 2.0, 2.0]));
    let statistics = || {
        vec![
            four("g"),
            four("b"),
            four("m"),
            ("v", scalars(&[0.5, 1.0, 1.5, 0.3])),
        ]
    };
    let batch = |attributes| {
        let mut batch = node("BatchNormalization", &["c", "g", "b", "m", "v"], &["y"], []);
        batch.attributes = attributes;
        batch
    };
    let spatial = [("spatial".to_owned(), Attribute::Int(1))];
    vec![
        one("Softmax", 11, [("axis", 2.into())]),
        one("Softmax", 13, [("axis", 1.into())]),
        one("LogSoftmax", 9, []),
        (
            "BatchNormalization",
            7,
            vec![batch(spatial.into())],
            statistics(),
        ),
        (
            "BatchNormalization",
            15,
            vec![batch([].into())],
            statistics(),
        ),
        (
            "Dropout",
            9,
            vec![
                node("Dropout", &["c"], &["d", "mask"], [("ratio", 0.5.into())]),
                node("Relu", &["d"], &["y"], []),
            ],
            vec![],
        ),
        (
            "Upsample",
            9,
            vec![node(
                "Upsample",
                &["c", "s"],
                &["y"],
                [("mode", "linear".into())],
            )],
            vec![twice()],
        ),
        (
            "Resize",
            10,
            vec![node("Resize", &["c", "s"], &["y"], [])],
            vec![twice()],
        ),
        (
            "Resize of axes",
            18,
            vec![node(
                "Resize",
                &["c", "", "", "z"],
                &["y"],
                [("axes", vec![2, 3].into()), ("mode", "linear".into())],
            )],
            vec![("z", Constant::i64s(vec![30, 21]))],
        ),
        (
            "Resize with symmetric coordinates",
            19,
            vec![node(
                "Resize",
                &["c", "", "s"],
                &["y"],
                [
                    (
                        "coordinate_transformation_mode",
                        "half_pixel_symmetric".into(),
                    ),
                    ("mode", "linear".into()),
                ],
            )],
            vec![twice()],
        ),
        one(
            "AveragePool",
            19,
            [
                ("kernel_shape", vec![3, 3].into()),
                ("strides", vec![2, 2].into()),
                ("ceil_mode", 1.into()),
                ("dilations", vec![1, 1].into()),
            ],
        ),
    ]
}

fn taken_apart() -> Vec<Case> {
    let four = |name| (name, weights(&[4]));
    vec![
        one("Gelu", 20, []),
        one("Gelu", 20, [("approximate", "tanh".into())]),
        one("Mish", 18, []),
        one("HardSwish", 14, []),
        one("Softplus", 9, []),
        one("Softsign", 9, []),
        one("Selu", 9, []),
        one("Celu", 12, [("alpha", 0.7.into())]),
        one("ThresholdedRelu", 10, [("alpha", 0.1.into())]),
        one("MeanVarianceNormalization", 13, []),
        (
            "InstanceNormalization",
            9,
            vec![node("InstanceNormalization", &["c", "s", "b"], &["y"], [])],
            vec![four("s"), four("b")],
        ),
        (
            "GroupNormalization",
            21,
            vec![node(
                "GroupNormalization",
                &["c", "s", "b"],
                &["y"],
                [("num_groups", 2.into())],
            )],
            vec![four("s"), four("b")],
        ),
        (
            "Gather",
            13,
            vec![node("Gather", &["c", "i"], &["y"], [("axis", 1.into())])],
            vec![("i", Constant::i64s(vec![2, -1, 0]))],
        ),
        (
            "Mean",
            13,
            vec![
                node("Neg", &["c"], &["n"], []),
                node("Exp", &["c"], &["e"], []),
                node("Mean", &["c", "n", "e"], &["y"], []),
            ],
            vec![],
        ),
    ]
}

#[test]
fn operators_of_every_set_give_the_numbers_of_their_own_set() {
    let cases = [
        moved_between_attributes_and_inputs(),
        changed_in_meaning(),
        taken_apart(),
    ];
    for (name, opset, nodes, constants) in cases.concat() {
        agree(
            &format!("{name} of set {opset}"),
            &model(opset, nodes, &constants),
        );
    }
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

/// Returns an error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let source = error.source().map(|source| chain(source));
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
