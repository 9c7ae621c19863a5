//! Nodes as older and newer operator sets write them.
//!
//! A rule reads either form, but ONNX Runtime is given one operator set: so the gradient is appended
//! to a graph with the other form, and then that node is replaced by its equal. The gradients of the
//! replacement itself are checked with the other cases.

use pentimento::onnx::{Attribute, Builder, Constant, Graph};
use pentimento::tensor::Tensor;

use super::check::{gradient_graph, run, spread, targets};

/// A graph that makes `y` of `x`.
fn graph(shape: &[usize], build: impl FnOnce(&mut Builder)) -> Graph {
    let mut b = Builder::new("form");
    b.input("x", shape);
    build(&mut b);
    b.output("y");
    b.finish()
}

fn node<const N: usize>(shape: &[usize], op: &str, attributes: [(&str, Attribute); N]) -> Graph {
    graph(shape, |b| {
        b.named_node(op, &["x"], "y", attributes).unwrap();
    })
}

fn listed<const N: usize>(
    shape: &[usize],
    op: &str,
    lists: &[(&str, &[i64])],
    attributes: [(&str, Attribute); N],
) -> Graph {
    graph(shape, |b| {
        let mut inputs = vec!["x"];
        for (name, list) in lists {
            if !name.is_empty() {
                b.named_constant(name, Constant::i64s(list.to_vec()));
            }
            inputs.push(name);
        }
        b.named_node(op, &inputs, "y", attributes).unwrap();
    })
}

fn gradient(graph: &Graph, x: &Tensor, weight: &Tensor) -> Tensor {
    run(graph, &[x.clone(), weight.clone()]).unwrap().remove(0)
}

/// Holds that the rule of the node in `foreign` gives what it gives for `ours`.
fn check(name: &str, foreign: &Graph, ours: &Graph) {
    for &target in targets() {
        let expected = gradient_graph(ours, target).unwrap();
        let mut found = gradient_graph(foreign, target).unwrap();
        let position = found
            .nodes
            .iter()
            .position(|node| node.name == "y")
            .unwrap();
        found.nodes.splice(position..=position, ours.nodes.clone());
        for (name, constant) in &ours.initializers {
            found.initializers.insert(name.clone(), constant.clone());
        }
        let x = spread(&foreign.inputs[0].fixed_shape().unwrap(), (-2.0, 2.0), 1);
        let weight = spread(&ours.outputs[0].fixed_shape().unwrap(), (-1.0, 1.5), 2);
        let expected = gradient(&expected, &x, &weight);
        let found = gradient(&found, &x, &weight);
        assert_eq!(found.shape(), expected.shape(), "{name}");
        for (a, b) in found.data().iter().zip(expected.data()) {
            assert!((a - b).abs() <= 1e-5, "{name} ({target:?}): {a} for {b}");
        }
    }
}

#[test]
fn bounds_of_a_clip_as_attributes() {
    let x = &[3, 5];
    let ours = |low: Option<f32>, high: Option<f32>| {
        graph(x, |b| {
            let mut bound = |name: &str, value: Option<f32>| match value {
                Some(value) => {
                    b.named_constant(name, Constant::scalar(value));
                    name.to_owned()
                }
                None => String::new(),
            };
            let (low, high) = (bound("low", low), bound("high", high));
            b.named_node("Clip", &["x", &low, &high], "y", []).unwrap();
        })
    };
    let both = node(x, "Clip", [("min", (-0.5).into()), ("max", 0.7.into())]);
    check("both", &both, &ours(Some(-0.5), Some(0.7)));
    let low = node(x, "Clip", [("min", (-0.5).into())]);
    check("min", &low, &ours(Some(-0.5), None));
    let high = node(x, "Clip", [("max", 0.7.into())]);
    check("max", &high, &ours(None, Some(0.7)));
    check("none", &node(x, "Clip", []), &ours(None, None));
}

#[test]
fn lists_as_attributes() {
    let (narrow, x) = (&[1, 3, 1], &[3, 5]);
    check(
        "Squeeze",
        &node(narrow, "Squeeze", [("axes", vec![0, -1].into())]),
        &listed(narrow, "Squeeze", &[("axes", &[0, -1])], []),
    );
    check(
        "Unsqueeze",
        &node(x, "Unsqueeze", [("axes", vec![1, 3].into())]),
        &listed(x, "Unsqueeze", &[("axes", &[1, 3])], []),
    );
    check(
        "ReduceSum",
        &node(
            x,
            "ReduceSum",
            [("axes", vec![-1].into()), ("keepdims", 0.into())],
        ),
        &listed(x, "ReduceSum", &[("axes", &[-1])], [("keepdims", 0.into())]),
    );
    let slice: [(&str, Attribute); 3] = [
        ("starts", vec![1, -3].into()),
        ("ends", vec![3, 1000].into()),
        ("axes", vec![0, 1].into()),
    ];
    let lists: &[(&str, &[i64])] = &[
        ("starts", &[1, -3]),
        ("ends", &[3, 1000]),
        ("axes", &[0, 1]),
    ];
    check(
        "Slice",
        &node(x, "Slice", slice),
        &listed(x, "Slice", lists, []),
    );
    let split: [(&str, Attribute); 2] = [("axis", 1.into()), ("split", vec![5].into())];
    check(
        "Split",
        &node(x, "Split", split),
        &listed(x, "Split", &[("split", &[5])], [("axis", 1.into())]),
    );
    for mode in ["constant", "edge", "reflect"] {
        let pads = vec![1, 2, 0, -1];
        check(
            &format!("Pad, {mode}"),
            &node(
                x,
                "Pad",
                [("mode", mode.into()), ("pads", pads.clone().into())],
            ),
            &listed(x, "Pad", &[("pads", &pads)], [("mode", mode.into())]),
        );
    }
}

#[test]
fn lists_as_inputs_that_came_later() {
    let x = &[2, 3, 5];
    for op in ["ReduceMean", "ReduceMax", "ReduceMin"] {
        check(
            op,
            &listed(x, op, &[("axes", &[0, -1])], []),
            &node(x, op, [("axes", vec![0, -1].into())]),
        );
        check(
            &format!("{op}, nothing to reduce"),
            &listed(
                x,
                op,
                &[("axes", &[])],
                [("noop_with_empty_axes", 1.into())],
            ),
            &node(x, "Identity", []),
        );
    }
    let pads: &[(&str, &[i64])] = &[("pads", &[2, 1]), ("", &[]), ("axes", &[-1])];
    check(
        "Pad, of chosen axes",
        &listed(x, "Pad", pads, [("mode", "edge".into())]),
        &listed(
            x,
            "Pad",
            &[("pads", &[0, 0, 2, 0, 0, 1])],
            [("mode", "edge".into())],
        ),
    );
}

/// ONNX Runtime runs no `LRN` over an even number of channels, so it is spelled out for it.
#[test]
fn lrn_over_an_even_number_of_channels() {
    let x = &[1, 5, 2, 3];
    let (size, alpha, beta, bias) = (4_i64, 0.7, 0.6, 1.3);
    let foreign = node(
        x,
        "LRN",
        [
            ("size", size.into()),
            ("alpha", alpha.into()),
            ("beta", beta.into()),
            ("bias", bias.into()),
        ],
    );
    let ours = graph(x, |b| {
        let square = b.node("Mul", &["x", "x"], []).unwrap();
        // From one channel before to two behind.
        let pads = b.ints(&[0, 1, 0, 0, 0, 2, 0, 0]);
        let padded = b.node("Pad", &[&square, &pads], []).unwrap();
        let axis = b.ints(&[1]);
        let mut sum = b.scalar(0.0);
        for i in 0..size {
            let (start, end) = (b.ints(&[i]), b.ints(&[i + 5]));
            let part = b
                .node("Slice", &[&padded, &start, &end, &axis], [])
                .unwrap();
            sum = b.node("Add", &[&sum, &part], []).unwrap();
        }
        let factor = b.scalar(alpha / 4.0);
        let (bias, power) = (b.scalar(bias), b.scalar(-beta));
        let scaled = b.node("Mul", &[&sum, &factor], []).unwrap();
        let s = b.node("Add", &[&scaled, &bias], []).unwrap();
        let scale = b.node("Pow", &[&s, &power], []).unwrap();
        b.named_node("Mul", &["x", &scale], "y", []).unwrap();
    });
    check("LRN, size 4", &foreign, &ours);
}
