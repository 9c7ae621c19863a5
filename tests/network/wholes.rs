//! NIN for ImageNet, `VGG_FACE` and their like, whole, with weights made up: their architectures are
//! exact, and NIN's gradient, through its overlapping poolings and its stride of 4, is right.

use std::path::Path;

use pentimento::autodiff::Target;
use pentimento::engine::{Device, Session, SessionOptions};
use pentimento::network::layer_list::{LayerList, LayerOp, Pair, Weights};
use pentimento::network::{self, Network, Pooling, PoolingKind};
use pentimento::objective::{
    self, Normalize, Objective, Semantics, Spec, Term, TermKind, TotalVariation,
};
use pentimento::onnx::{Constant, infer};
use pentimento::tensor::Tensor;

use super::pickle::{f32s, ordered, pickle, storage, tensor, zipped};
use crate::support::engine;
use crate::support::weights::{Uneven, made_up};

/// Writes made-up weights as a PyTorch file and reads the network back.
fn network_of(list: &str) -> Network {
    let tensors = made_up(&LayerList::known(list).unwrap());
    let keys: Vec<String> = (0..tensors.len()).map(|i| i.to_string()).collect();
    let signed = |n: usize| i64::try_from(n).unwrap();
    let described = tensors.iter().zip(&keys).map(|((name, shape, data), key)| {
        let strides: Vec<i64> = (1..=shape.len())
            .map(|axis| signed(shape[axis..].iter().product()))
            .collect();
        let shape: Vec<i64> = shape.iter().map(|&d| signed(d)).collect();
        let numbers = storage("Float", key, signed(data.len()));
        (name.as_str(), tensor(numbers, 0, &shape, &strides))
    });
    let description = pickle(&ordered(&described.collect::<Vec<_>>()));
    let numbers = tensors.iter().zip(&keys);
    let storages: Vec<_> = numbers
        .map(|((_, _, data), key)| (key.as_str(), f32s(data)))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made_up.pth");
    std::fs::write(&path, zipped(&description, &storages)).unwrap();
    network::find(Path::to_str(&path).unwrap(), &[]).unwrap()
}

const POOLING: Pooling = Pooling {
    kind: PoolingKind::Max,
    caffe_ceil: false,
};

fn shapes(network: &Network, layers: &[&str], size: (usize, usize)) -> Vec<Vec<usize>> {
    let layers: Vec<String> = layers.iter().map(|&name| name.to_owned()).collect();
    let model = objective::features(network, &layers, size, POOLING).unwrap();
    let outputs = model.graph.outputs.iter();
    outputs.map(|info| info.fixed_shape().unwrap()).collect()
}

/// The extents that Caffe gives, rounding poolings up.
#[test]
fn nin_has_its_extents_at_every_size() {
    let network = network_of("nin");
    let names: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
    let relus: Vec<&str> = names
        .iter()
        .copied()
        .filter(|n| n.starts_with("relu"))
        .collect();
    let expected = [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12].map(|i| format!("relu{i}"));
    assert_eq!(relus, expected);
    let layers = ["relu0", "relu3", "relu7", "relu12"];
    for (size, extents) in [
        ((224, 224), [[54, 54], [27, 27], [13, 13], [6, 6]]),
        ((225, 227), [[54, 55], [27, 27], [13, 13], [6, 6]]),
        ((189, 331), [[45, 81], [22, 40], [11, 20], [5, 10]]),
    ] {
        let found = shapes(&network, &layers, size);
        let channels = [96, 256, 384, 1000];
        for ((found, [height, width]), channels) in found.iter().zip(extents).zip(channels) {
            assert_eq!(*found, [1, channels, height, width], "{size:?}");
        }
    }
    assert_eq!(shapes(&network, &["pool4"], (224, 224)), [[1, 1000, 1, 1]]);
}

/// `VGG_FACE` has the names and extents of VGG-16, and a classifier of its own.
#[test]
fn vgg_face_is_vgg16_with_another_classifier() {
    let [face, vgg] = ["vgg_face", "vgg16"].map(|name| LayerList::known(name).unwrap());
    assert_eq!(face.without_classifier(), vgg.without_classifier());
    assert!(matches!(
        face.layers
            .iter()
            .find(|layer| layer.name == "fc8")
            .unwrap()
            .op,
        LayerOp::Linear { out: 2622, .. }
    ));
    let list = face.without_classifier();
    // Of the widths alone: thousands of kernels that are all one.
    let weights: Weights = made_up_zeros(&list);
    let model = list.graph("face", &weights).unwrap();
    for (height, width) in [(224, 224), (225, 199)] {
        let mut graph = model.graph.clone();
        graph.inputs[0] = pentimento::onnx::ValueInfo::f32("input", &[1, 3, height, width]);
        let shapes = infer::infer(&graph).unwrap();
        assert_eq!(
            shapes.get("relu3_3").unwrap(),
            [1, 256, height / 4, width / 4]
        );
        assert_eq!(
            shapes.get("pool5").unwrap(),
            [1, 512, height / 32, width / 32]
        );
    }
}

fn made_up_zeros(list: &LayerList) -> Weights {
    let mut channels = 3;
    let mut weights = Weights::new();
    for layer in &list.layers {
        if let LayerOp::Conv { out, window, .. } = &layer.op {
            let Pair([height, width]) = window.kernel;
            let shape = vec![*out, channels, height, width];
            let zeros = |shape: Vec<usize>| {
                let count = shape.iter().product();
                Constant::f32s(shape, vec![0.0; count]).unwrap()
            };
            weights.insert(format!("{}.weight", layer.name), zeros(shape));
            weights.insert(format!("{}.bias", layer.name), zeros(vec![*out]));
            channels = *out;
        }
    }
    weights
}

/// The size of a picture that every layer of NIN sees something of, neither side a multiple of
/// anything.
const SIZE: (usize, usize) = (101, 114);

const LAYERS: [&str; 4] = ["relu0", "relu3", "relu7", "relu12"];

fn objective_of(network: &Network, target: Target) -> Objective {
    let spec = Spec {
        height: SIZE.0,
        width: SIZE.1,
        content_layers: LAYERS.map(str::to_owned).to_vec(),
        style_layers: LAYERS.map(str::to_owned).to_vec(),
        total_variation: false,
        pooling: POOLING,
        semantics: Semantics {
            normalize: Normalize::Off,
            total_variation: TotalVariation::Absolute,
        },
        target,
    };
    Objective::build(network, &spec).unwrap()
}

fn picture() -> Tensor {
    let mut uneven = Uneven(3);
    let data = (0..3 * SIZE.0 * SIZE.1).map(|_| 127.0 + 120.0 * uneven.draw());
    Tensor::new(vec![1, 3, SIZE.0, SIZE.1], data.collect()).unwrap()
}

fn bind(session: &mut Session, objective: &Objective, only: usize) {
    for (index, term) in objective.terms.iter().enumerate() {
        let weight = if index == only { 1.0 } else { 0.0 };
        let target = Tensor::full(term.target_shape.clone(), 0.0);
        assert_ne!(term.kind, TermKind::TotalVariation);
        session.bind(&term.target_input(), target).unwrap();
        session
            .bind(&term.weight_input(), Tensor::scalar(weight))
            .unwrap();
    }
}

/// Content and style at each of NIN's usual layers: the gradient along itself, over all of the
/// picture and over parts of it, is what the loss changes by.
#[test]
fn the_gradient_through_nin_agrees_with_central_differences() {
    let network = network_of("nin");
    for target in [Target::Plain, Target::Blocked] {
        let objective = objective_of(&network, target);
        let mut options = SessionOptions::new(Device::Cpu, 2);
        options.arena = objective.wants_arena;
        let mut session = engine().session(&objective.model, &options).unwrap();
        for (index, term) in objective.terms.iter().enumerate() {
            bind(&mut session, &objective, index);
            check_term(&mut session, term, index);
        }
    }
}

fn check_term(session: &mut Session, term: &Term, index: usize) {
    let picture = picture();
    let mut evaluate = |picture: &Tensor| {
        let mut outputs = session.run(&[(objective::IMAGE, picture)]).unwrap();
        let gradient = outputs.pop().unwrap();
        (f64::from(outputs[index].data()[0]), gradient)
    };
    let (_, gradient) = evaluate(&picture);
    for part in 0..4 {
        // All of it, then every third element from a different one on.
        let within = |i: usize| part == 0 || (i / 7) % 3 == part - 1;
        let along: Vec<f32> = gradient
            .data()
            .iter()
            .enumerate()
            .map(|(i, &g)| if within(i) { g } else { 0.0 })
            .collect();
        let power: f64 = along.iter().map(|&g| f64::from(g).powi(2)).sum();
        assert!(power > 0.0, "{}: no gradient", term.name());
        let largest = along.iter().fold(0.0, |m: f32, g| m.max(g.abs()));
        let step = 0.25 / largest;
        let mut at = |step: f32| {
            let mut moved = picture.clone();
            let mut exact = 0.0;
            for (value, g) in moved.data_mut().iter_mut().zip(&along) {
                let before = *value;
                *value += step * g;
                exact += f64::from(*value - before) * f64::from(*g);
            }
            (evaluate(&moved).0, exact)
        };
        let ((up, far), (down, near)) = (at(step), at(-step));
        let (found, expected) = (far - near, up - down);
        let off = (found - expected).abs() / expected.abs();
        assert!(
            off < 1e-2,
            "{} part {part}: {found} by the gradient, {expected} by differences",
            term.name()
        );
    }
}
