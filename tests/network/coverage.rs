//! NIN's first convolution leaves out the last columns of most pictures; the catalogue's manifest has
//! the picture continued, and the original tools' semantics do not.

use std::collections::BTreeSet;

use pentimento::autodiff::Target;
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::{Coverage, Network, Pooling, PoolingKind};
use pentimento::objective::{self, Normalize, Objective, Semantics, Spec, TotalVariation};
use pentimento::onnx::Builder;
use pentimento::tensor::Tensor;

use super::catalogue::{in_catalogue, nin};
use crate::support::engine;

const MAX: Pooling = Pooling {
    kind: PoolingKind::Max,
    caffe_ceil: false,
};

/// Returns the gradient of a content loss at `layer` towards zero, `[3, height, width]`.
fn gradient(network: &Network, layer: &str, (height, width): (usize, usize)) -> Vec<f32> {
    let spec = Spec {
        height,
        width,
        content_layers: vec![layer.to_owned()],
        style_layers: Vec::new(),
        total_variation: false,
        pooling: Pooling {
            // A maximum passes nothing on to most pixels.
            kind: PoolingKind::Average,
            ..MAX
        },
        semantics: Semantics {
            normalize: Normalize::Off,
            total_variation: TotalVariation::Absolute,
        },
        target: Target::Blocked,
    };
    let objective = Objective::build(network, &spec).unwrap();
    let term = &objective.terms[0];
    let target = Tensor::new(
        term.target_shape.clone(),
        vec![0.0; term.target_shape.iter().product()],
    );
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(&objective.model, &options).unwrap();
    session
        .bind(&term.weight_input(), Tensor::scalar(1.0))
        .unwrap();
    session.bind(&term.target_input(), target.unwrap()).unwrap();
    let data = (0..3 * height * width)
        .map(|i| 180.0 + ((i * 7919) % 60) as f32)
        .collect();
    let picture = Tensor::new(vec![1, 3, height, width], data).unwrap();
    let mut outputs = session.run(&[(objective::IMAGE, &picture)]).unwrap();
    outputs.pop().unwrap().into_parts().1
}

/// Returns the rows and columns at the end that have no gradient at all.
fn unseen(gradient: &[f32], (height, width): (usize, usize)) -> (usize, usize) {
    let is_seen =
        |y: usize, x: usize| (0..3).any(|c| gradient[(c * height + y) * width + x] != 0.0);
    let rows = (0..height)
        .rev()
        .take_while(|&y| (0..width).all(|x| !is_seen(y, x)));
    let columns = (0..width)
        .rev()
        .take_while(|&x| (0..height).all(|y| !is_seen(y, x)));
    (rows.count(), columns.count())
}

#[test]
fn no_column_of_nin_is_left_unseen() {
    let continued = in_catalogue("nin", &nin());
    let mut exact = continued.clone();
    exact.set_coverage(Coverage::Exact);
    assert_eq!(continued.manifest().coverage, Coverage::Pad);
    // (height − 11) mod 4 and (width − 11) mod 4 are what the first convolution leaves out.
    for (size, left_out) in [((79, 80), (0, 1)), ((81, 82), (2, 3)), ((80, 79), (1, 0))] {
        assert_eq!(
            unseen(&gradient(&exact, "relu0", size), size),
            left_out,
            "{size:?}"
        );
        for layer in ["relu0", "relu3", "relu7", "relu12"] {
            let gradient = gradient(&continued, layer, size);
            assert_eq!(unseen(&gradient, size), (0, 0), "{layer} at {size:?}");
        }
    }
}

#[test]
fn where_everything_is_seen_nothing_is_added() {
    let network = in_catalogue("nin", &nin());
    let laid = |(height, width): (usize, usize)| {
        let mut graph = Builder::new("x");
        graph.input("image", &[1, 3, height, width]);
        let layers = BTreeSet::from(["relu3"]);
        network.forward(&mut graph, "image", &layers, MAX).unwrap();
        graph
    };
    let pads = |graph: &Builder| graph.graph().nodes.iter().filter(|n| n.op == "Pad").count();
    assert_eq!(pads(&laid((79, 83))), 0);
    let graph = laid((80, 83));
    assert_eq!(pads(&graph), 1);
    // 80 rows become 83, in which the windows of 11 every 4 end with the picture.
    assert_eq!(graph.shape("relu0"), [1, 2, 19, 19]);
}
