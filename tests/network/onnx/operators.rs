//! Operators of every set, against ONNX Runtime's own reading of that set.

use pentimento::onnx::{Attribute, Constant, Node};

use super::{agree, model, node, weights};

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

fn resized() -> Vec<Case> {
    let twice = || ("s", scalars(&[1.0, 1.0, 2.0, 2.0]));
    vec![
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
        resized(),
        taken_apart(),
    ];
    for (name, opset, nodes, constants) in cases.concat() {
        agree(
            &format!("{name} of set {opset}"),
            &model(opset, nodes, &constants),
        );
    }
}
