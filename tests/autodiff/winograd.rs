//! Rewritten convolutions against the direct ones.

use pentimento::autodiff::winograd::{rewrite, rewrite_varying};
use pentimento::engine::{Device, SessionOptions};
use pentimento::onnx::{Builder, Constant, Graph, Model};
use pentimento::tensor::Tensor;

use super::check::{self, spread};
use crate::support::engine;

fn convolution(
    size: (usize, usize),
    channels: (usize, usize),
    pads: [i64; 4],
    bias: bool,
) -> Graph {
    let mut b = Builder::new("conv");
    b.input("x", &[1, channels.0, size.0, size.1]);
    let kernel = spread(&[channels.1, channels.0, 3, 3], (-1.0, 1.0), 3);
    let (shape, data) = kernel.into_parts();
    b.named_constant("w", Constant::f32s(shape, data).unwrap());
    let mut inputs = vec!["x", "w"];
    if bias {
        let (shape, data) = spread(&[channels.1], (-5.0, 5.0), 4).into_parts();
        b.named_constant("b", Constant::f32s(shape, data).unwrap());
        inputs.push("b");
    }
    b.named_node("Conv", &inputs, "y", [("pads", pads.to_vec().into())])
        .unwrap();
    b.named_node("Relu", &["y"], "z", []).unwrap();
    b.output("y");
    b.output("z");
    b.finish()
}

fn run(graph: &Graph) -> Vec<Tensor> {
    let shape = graph.inputs[0].fixed_shape().unwrap();
    let x = spread(&shape, (-2.0, 3.0), 5);
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine()
        .session(&Model::new(graph.clone()), &options)
        .unwrap();
    session.run(&[("x", &x)]).unwrap()
}

#[test]
fn a_rewritten_convolution_gives_the_same_values() {
    let cases = [
        ((12, 16), (128, 256), [1, 1, 1, 1], true),
        ((13, 7), (256, 128), [1, 1, 1, 1], false),
        ((3, 5), (256, 256), [0, 0, 0, 0], true),
        ((9, 10), (128, 256), [1, 1, 2, 2], false),
        ((8, 6), (256, 256), [2, 0, 1, 3], true),
    ];
    for (size, channels, pads, bias) in cases {
        let direct = convolution(size, channels, pads, bias);
        let rewritten = rewrite(direct.clone()).unwrap();
        assert!(
            rewritten.nodes.iter().any(|node| node.op == "DepthToSpace"),
            "{size:?}"
        );
        assert!(
            !rewritten.initializers.contains_key("w"),
            "the old kernel is dropped"
        );
        for (a, b) in run(&direct).iter().zip(run(&rewritten)) {
            assert_eq!(a.shape(), b.shape());
            let largest = a.data().iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            let error = a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs());
            let error = error.fold(0.0, f32::max) / largest;
            assert!(error < 5e-6, "{size:?} {channels:?} {pads:?}: {error}");
        }
    }
}

#[test]
fn narrow_strided_and_grouped_convolutions_stay() {
    let narrow = convolution((8, 8), (128, 128), [1, 1, 1, 1], true);
    assert_eq!(rewrite(narrow.clone()).unwrap().nodes, narrow.nodes);
    let mut strided = convolution((9, 9), (128, 256), [1, 1, 1, 1], true);
    strided.nodes[0]
        .attributes
        .insert("strides".into(), vec![2, 2].into());
    assert_eq!(rewrite(strided.clone()).unwrap().nodes, strided.nodes);
}

#[test]
fn a_batch_with_a_kernel_that_is_no_constant_gives_the_same_by_tiles() {
    for (size, [c, o], pads) in [
        ((8, 8), [128, 130], [1, 1, 1, 1]),
        ((4, 4), [130, 128], [1, 1, 1, 1]),
        ((7, 6), [128, 128], [0, 2, 1, 0]),
    ] {
        let mut b = Builder::new("batch");
        b.input("x", &[3, c, size.0, size.1]);
        b.input("w", &[o, c, 3, 3]);
        b.named_node("Conv", &["x", "w"], "y", [("pads", pads.to_vec().into())])
            .unwrap();
        b.output("y");
        let direct = b.finish();
        let tiled = rewrite_varying(direct.clone()).unwrap();
        assert!(tiled.nodes.len() > 5, "not rewritten");
        let inputs = [
            spread(&[3, c, size.0, size.1], (-1.0, 1.0), 1),
            spread(&[o, c, 3, 3], (-1.0, 1.0), 2),
        ];
        let (a, b) = (
            check::run(&direct, &inputs).unwrap(),
            check::run(&tiled, &inputs).unwrap(),
        );
        assert_eq!(a[0].shape(), b[0].shape());
        let largest = a[0].data().iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        let pairs = a[0].data().iter().zip(b[0].data());
        let error = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest;
        assert!(error < 1e-5, "{size:?}: {error}");
    }
}
