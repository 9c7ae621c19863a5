//! Losses and their gradients against the definitions, computed in `f64`.

mod reference;

use std::path::Path;

use pentimento::autodiff::Target;
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::{self, Network, Pooling, PoolingKind};
use pentimento::objective::{
    self, Normalize, Objective, Semantics, Spec, Term, TermKind, TotalVariation, Weights,
};
use pentimento::onnx::{self, Builder, Constant, Dim, Model};
use pentimento::tensor::Tensor;

use self::reference::{BIAS, KERNEL, Reference};
use crate::support::engine;

const LAYERS: [&str; 3] = ["conv1_1", "relu1_1", "pool1"];
const SIZES: [(usize, usize); 2] = [(5, 6), (6, 7)];
const POOLINGS: [Pooling; 3] = [
    Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    },
    Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: true,
    },
    Pooling {
        kind: PoolingKind::Average,
        caffe_ceil: false,
    },
];

/// Writes a network of one 1×1 convolution, its activation and a pooling, and reads it back.
fn tiny() -> Network {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = Builder::new("tiny");
    graph.input("input", &[1, 3, 8, 8]);
    let kernel = Constant::f32s(vec![4, 3, 1, 1], KERNEL.as_flattened().to_vec()).unwrap();
    graph.named_constant("kernel", kernel);
    graph.named_constant("bias", Constant::f32s(vec![4], BIAS.to_vec()).unwrap());
    let mut add = |op: &str, inputs: &[&str], output: &str| {
        let attributes = if op == "MaxPool" {
            vec![("kernel_shape", vec![2, 2]), ("strides", vec![2, 2])]
        } else {
            Vec::new()
        };
        let node = onnx::Node {
            name: output.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
            ..onnx::Node::default()
        };
        graph.push(node).unwrap();
    };
    add("Conv", &["input", "kernel", "bias"], "conv1_1");
    add("Relu", &["conv1_1"], "relu1_1");
    add("MaxPool", &["relu1_1"], "pool1");
    graph.output("pool1");
    let mut graph = graph.finish();
    for info in [&mut graph.inputs[0], &mut graph.outputs[0]] {
        info.shape[2] = Dim::Named("height".to_owned());
        info.shape[3] = Dim::Named("width".to_owned());
    }
    let manifest = "name = \"tiny\"\nfile = \"tiny.onnx\"\n[input]\norder = \"RGB\"\n\
        range = 255.0\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n";
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("tiny.onnx", &onnx::write(&Model::new(graph)));
    write("tiny.toml", manifest.as_bytes());
    network::find("tiny", &[Path::to_owned(folder.path())]).unwrap()
}

/// A fixed, uneven tensor within ±`size`.
fn uneven(shape: &[usize], seed: usize, size: f32) -> Tensor {
    let count: usize = shape.iter().product();
    let value = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 1009) as f32 / 504.5 - 1.0;
    let data = (0..count).map(|i| value(i) * size).collect();
    Tensor::new(shape.to_vec(), data).unwrap()
}

fn picture((height, width): (usize, usize)) -> Tensor {
    let mut picture = uneven(&[1, 3, height, width], 1, 125.0);
    for value in picture.data_mut() {
        *value += 127.0;
    }
    picture
}

/// Returns the fixed target of a term: a symmetric one for a Gram matrix, as every Gram matrix is.
fn target(term: &Term, seed: usize) -> Tensor {
    let mut target = uneven(&term.target_shape, seed + 2, 60.0);
    if let (TermKind::Style, &[channels, _]) = (term.kind, term.target_shape.as_slice()) {
        let data = target.data().to_vec();
        for i in 0..channels * channels {
            let mirrored = (i % channels) * channels + i / channels;
            target.data_mut()[i] = (data[i] + data[mirrored]) * 20.0;
        }
    }
    target
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Holds that `found` is `expected` to 1e-4 of the largest.
fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let off = (f64::from(found) - expected).abs();
        assert!(
            off <= 1e-4 * largest,
            "{what}: element {at} is {found}, not {expected}"
        );
    }
}

fn check(network: &Network, spec: &Spec) {
    let size = (spec.height, spec.width);
    let picture = picture(size);
    let reference = Reference::new(&widen(picture.data()), size, spec.pooling, spec.semantics);
    let objective = Objective::build(network, spec).unwrap();
    let names: Vec<String> = objective.terms.iter().map(Term::name).collect();
    let layers = LAYERS.map(|layer| format!("content:{layer}"));
    let styles = LAYERS.map(|layer| format!("style:{layer}"));
    let expected: Vec<String> = layers.into_iter().chain(styles).collect();
    assert_eq!(names, [expected, vec!["tv".to_owned()]].concat());

    let mut options = SessionOptions::new(Device::Cpu, 1);
    options.arena = objective.wants_arena;
    let mut session = engine().session(&objective.model, &options).unwrap();
    let mut targets = Vec::new();
    for (seed, term) in objective.terms.iter().enumerate() {
        let target = target(term, seed);
        targets.push(widen(target.data()));
        if term.kind != TermKind::TotalVariation {
            session.bind(&term.target_input(), target).unwrap();
        }
    }
    let count = objective.terms.len();
    let weight = |term: usize| [3.0, 0.5, 7.0, 0.25, 11.0, 2.0, 0.125][term];
    // Each term by itself, then all together.
    for only in (0..count).map(Some).chain([None]) {
        let used = |term: usize| only.is_none_or(|only| only == term);
        let weights: Vec<f32> = (0..count)
            .map(|term| if used(term) { weight(term) } else { 0.0 })
            .collect();
        for (term, &weight) in objective.terms.iter().zip(&weights) {
            let weight = Tensor::scalar(weight);
            session.bind(&term.weight_input(), weight).unwrap();
        }
        let outputs = session.run(&[(objective::IMAGE, &picture)]).unwrap();
        assert_eq!(outputs.len(), count + 1);
        let mut gradient = vec![0.0; picture.data().len()];
        for (i, term) in objective.terms.iter().enumerate() {
            let what = format!("{} of {spec:?}", term.name());
            let (value, part) = reference.term(term, &targets[i], f64::from(weights[i]));
            assert_close(outputs[i].data(), &[value], &what);
            for (sum, part) in gradient.iter_mut().zip(part) {
                *sum += part;
            }
        }
        let alone = only.map_or("all", |term| names[term].as_str());
        let what = format!("gradient of {alone} of {spec:?}");
        assert_close(outputs[count].data(), &gradient, &what);
    }
}

fn check_semantics(semantics: Semantics) {
    let network = tiny();
    for target in [Target::Plain, Target::Blocked] {
        for (height, width) in SIZES {
            for pooling in POOLINGS {
                let spec = Spec {
                    height,
                    width,
                    content_layers: LAYERS.map(str::to_owned).to_vec(),
                    style_layers: LAYERS.map(str::to_owned).to_vec(),
                    total_variation: true,
                    pooling,
                    semantics,
                    target,
                };
                check(&network, &spec);
            }
        }
    }
}

#[test]
fn lua_losses_and_gradients() {
    check_semantics(Semantics {
        normalize: Normalize::Off,
        total_variation: TotalVariation::SquaredGradientOnly,
    });
}

#[test]
fn lua_normalised_gradients() {
    check_semantics(Semantics {
        normalize: Normalize::L1,
        total_variation: TotalVariation::SquaredGradientOnly,
    });
}

#[test]
fn pt_losses_and_gradients() {
    check_semantics(Semantics {
        normalize: Normalize::Off,
        total_variation: TotalVariation::Absolute,
    });
}

#[test]
fn pt_normalised_gradients() {
    check_semantics(Semantics {
        normalize: Normalize::SquaredWeight,
        total_variation: TotalVariation::Absolute,
    });
}

/// The reference itself: its gradients are those of its values.
#[test]
fn the_reference_agrees_with_central_differences() {
    let semantics = Semantics {
        normalize: Normalize::Off,
        total_variation: TotalVariation::Absolute,
    };
    let network = tiny();
    for (size, pooling) in SIZES
        .into_iter()
        .flat_map(|s| POOLINGS.map(|pooling| (s, pooling)))
    {
        let spec = Spec {
            height: size.0,
            width: size.1,
            content_layers: LAYERS.map(str::to_owned).to_vec(),
            style_layers: LAYERS.map(str::to_owned).to_vec(),
            total_variation: true,
            pooling,
            semantics,
            target: Target::Plain,
        };
        let picture = widen(picture(size).data());
        let at = |picture: &[f64]| Reference::new(picture, size, pooling, semantics);
        for (seed, term) in Objective::build(&network, &spec)
            .unwrap()
            .terms
            .iter()
            .enumerate()
        {
            let target = widen(target(term, seed).data());
            let (_, gradient) = at(&picture).term(term, &target, 2.0);
            let largest = gradient.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for (i, gradient) in gradient.iter().enumerate() {
                let mut moved = picture.clone();
                let mut value = |by: f64| {
                    moved[i] = picture[i] + by;
                    at(&moved).term(term, &target, 2.0).0
                };
                let difference = (value(1e-3) - value(-1e-3)) / 2e-3;
                let off = (difference - gradient).abs();
                let name = term.name();
                assert!(off <= 1e-5 * largest, "{name}: {gradient} {difference}");
            }
        }
    }
}

#[test]
fn features_and_gram_matrices() {
    let network = tiny();
    let layers = LAYERS.map(str::to_owned);
    let semantics = Semantics {
        normalize: Normalize::Off,
        total_variation: TotalVariation::Absolute,
    };
    let options = SessionOptions::new(Device::Cpu, 1);
    for (size, pooling) in SIZES
        .into_iter()
        .flat_map(|s| POOLINGS.map(|pooling| (s, pooling)))
    {
        let picture = picture(size);
        let reference = Reference::new(&widen(picture.data()), size, pooling, semantics);
        let run = |model: &Model| {
            let mut session = engine().session(model, &options).unwrap();
            session.run(&[(objective::IMAGE, &picture)]).unwrap()
        };
        let features = run(&objective::features(&network, &layers, size, pooling).unwrap());
        let grams = run(&objective::grams(&network, &layers, size, pooling).unwrap());
        for ((layer, features), gram) in LAYERS.iter().zip(features).zip(grams) {
            assert_close(features.data(), reference.features(layer), layer);
            assert_eq!(gram.shape(), [4, 4]);
            assert_close(gram.data(), &reference.gram(layer), layer);
        }
    }
}

#[test]
fn weights_divided_by_the_largest_extent_of_the_target() {
    let spec = Spec {
        height: 6,
        width: 7,
        content_layers: vec!["relu1_1".to_owned(), "pool1".to_owned()],
        style_layers: vec!["relu1_1".to_owned()],
        total_variation: true,
        pooling: POOLINGS[0],
        semantics: Semantics {
            normalize: Normalize::Off,
            total_variation: TotalVariation::Absolute,
        },
        target: Target::Plain,
    };
    let objective = Objective::build(&tiny(), &spec).unwrap();
    let weights = Weights {
        content: 14.0,
        style: 12.0,
        total_variation: 0.5,
    };
    let given = objective.weights(weights, false);
    assert_eq!(given, [14.0, 14.0, 12.0, 0.5]);
    // max(4, 6, 7), max(4, 3, 3), 4; total variation has no target.
    let divided = objective.weights(weights, true);
    assert_eq!(divided, [2.0, 3.5, 3.0, 0.5]);
}
