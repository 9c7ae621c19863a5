//! Networks from safetensors files whose tensors bear VGG's names.

use std::path::Path;

use pentimento::engine::{Device, SessionOptions};
use pentimento::network::{self, Network, NetworkError, Pooling, PoolingKind};
use pentimento::objective;
use pentimento::tensor::Tensor;
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::support::engine;

/// One tensor of a file: its name, its shape, its elements.
type Entry = (&'static str, Vec<usize>, Vec<f32>);

fn entry(name: &'static str, shape: &[usize], rule: impl Fn(usize) -> f32) -> Entry {
    let count = shape.iter().product();
    (name, shape.to_vec(), (0..count).map(rule).collect())
}

/// Two blocks of one convolution each, with `rule` giving the elements.
fn weights(rule: impl Fn(usize) -> f32) -> Vec<Entry> {
    vec![
        entry("conv1_1.weight", &[4, 3, 3, 3], &rule),
        entry("conv1_1.bias", &[4], &rule),
        entry("conv2_1.weight", &[5, 4, 3, 3], &rule),
        entry("conv2_1.bias", &[5], &rule),
    ]
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other type is written by no test"
)]
fn bytes(entries: &[Entry], dtype: Dtype) -> Vec<u8> {
    let element = |value: f32| -> Vec<u8> {
        match dtype {
            Dtype::F16 => half::f16::from_f32(value).to_le_bytes().to_vec(),
            Dtype::BF16 => half::bf16::from_f32(value).to_le_bytes().to_vec(),
            Dtype::F32 => value.to_le_bytes().to_vec(),
            Dtype::F64 => f64::from(value).to_le_bytes().to_vec(),
            Dtype::I32 => 1_i32.to_le_bytes().to_vec(),
            other => panic!("no test writes {other:?}"),
        }
    };
    let raw: Vec<Vec<u8>> = entries
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|&v| element(v)).collect())
        .collect();
    let views = entries.iter().zip(&raw).map(|((name, shape, _), raw)| {
        (*name, TensorView::new(dtype, shape.clone(), raw).unwrap())
    });
    serialize(views, None).unwrap()
}

fn read(bytes: &[u8]) -> Result<Network, NetworkError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    std::fs::write(&path, bytes).unwrap();
    network::find(Path::to_str(&path).unwrap(), &[])
}

fn features(network: &Network) -> Vec<f32> {
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    let layers = ["relu2_1".to_owned()];
    let model = objective::features(network, &layers, (9, 8), pooling).unwrap();
    let options = SessionOptions::new(Device::Cpu, 1);
    let data = (0..3 * 72).map(|i| ((i * 7919) % 256) as f32).collect();
    let picture = Tensor::new(vec![1, 3, 9, 8], data).unwrap();
    let mut session = engine().session(&model, &options).unwrap();
    let mut outputs = session.run(&[(objective::IMAGE, &picture)]).unwrap();
    outputs.remove(0).into_parts().1
}

#[test]
fn weights_of_every_width_give_one_network() {
    // Seven bits: no format loses anything.
    let exact = weights(|i| (i * 31 % 127) as f32 / 128.0 - 0.5);
    // Thirds: each format rounds.
    let rough = weights(|i| (i * 31 % 127) as f32 / 384.0 - 0.16);
    let of = |entries: &[Entry], dtype| features(&read(&bytes(entries, dtype)).unwrap());
    let expected = (of(&exact, Dtype::F32), of(&rough, Dtype::F32));
    let largest = expected.1.iter().fold(0.0, |m: f32, v| m.max(v.abs()));
    assert!(largest > 1.0, "the picture reaches the last layer");
    assert_eq!(of(&rough, Dtype::F64), expected.1);
    for (dtype, precision) in [(Dtype::F16, 2e-3), (Dtype::BF16, 2e-2)] {
        assert_eq!(of(&exact, dtype), expected.0, "{dtype:?}");
        let found = of(&rough, dtype);
        assert_eq!(found.len(), expected.1.len());
        assert_ne!(found, expected.1, "{dtype:?} rounds");
        for (found, expected) in found.iter().zip(&expected.1) {
            let off = (found - expected).abs();
            assert!(off <= precision * largest, "{dtype:?}: {found} {expected}");
        }
    }
}

#[test]
fn layers_and_poolings_are_named_as_in_vgg() {
    let network = read(&bytes(&weights(|_| 0.5), Dtype::F32)).unwrap();
    let names: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
    let expected = ["conv1_1", "relu1_1", "pool1", "conv2_1", "relu2_1"];
    assert_eq!(names, expected);
}

/// Returns what is said about a file, which must be refused as a file of weights.
fn refusal(bytes: &[u8]) -> String {
    match read(bytes) {
        Err(NetworkError::Safetensors { source, .. }) => source.to_string(),
        Err(other) => panic!("refused as {other:?}"),
        Ok(network) => panic!("read: {:?}", network.layers()),
    }
}

/// Refuses the weights with one tensor put in place of that of its name.
fn refusal_with(replaced: Entry) -> String {
    let mut entries = weights(|_| 0.5);
    entries.retain(|(name, ..)| *name != replaced.0);
    entries.push(replaced);
    refusal(&bytes(&entries, Dtype::F32))
}

#[test]
fn wrong_shapes_are_refused_by_name() {
    let wrong: [(&'static str, &[usize]); 8] = [
        ("conv1_1.weight", &[4, 5, 3, 3]),
        ("conv1_1.weight", &[4, 3, 2, 2]),
        ("conv1_1.weight", &[4, 3, 0, 3]),
        ("conv1_1.weight", &[4, 27]),
        ("conv1_1.bias", &[5]),
        ("conv1_1.bias", &[4, 1]),
        ("conv2_1.weight", &[5, 3, 3, 3]),
        ("conv2_1.bias", &[]),
    ];
    for (name, shape) in wrong {
        let said = refusal_with(entry(name, shape, |_| 0.5));
        let expected = format!("tensor `{name}` has shape {shape:?}");
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a_missing_bias_is_refused_by_name() {
    let mut entries = weights(|_| 0.5);
    entries.retain(|(name, ..)| *name != "conv2_1.bias");
    let said = refusal(&bytes(&entries, Dtype::F32));
    assert_eq!(said, "tensor `conv2_1.bias` is missing");
}

#[test]
fn another_type_is_refused_by_name() {
    let said = refusal(&bytes(&weights(|_| 0.5), Dtype::I32));
    let expected = "tensor `conv1_1.bias` is of type I32; f16, bf16, f32 and f64 are read";
    assert_eq!(said, expected);
}

#[test]
fn names_of_no_family_are_refused() {
    let entries = [entry("features.0.weight", &[4, 3, 3, 3], |_| 0.5)];
    let said = refusal(&bytes(&entries, Dtype::F32));
    assert!(said.contains("convB_I.weight"), "{said}");
    assert!(said.contains("--layers FILE"), "{said}");
    let vgg =
        "for vgg19, tensor `features.0.weight` has shape [4, 3, 3, 3], but [64, 3, 3, 3] is needed";
    assert!(said.contains(vgg), "{said}");
}

#[test]
fn a_tensor_beside_the_plan_is_refused_by_name() {
    let mut entries = weights(|_| 0.5);
    entries.push(entry("norm1_1.weight", &[4], |_| 0.5));
    let said = refusal(&bytes(&entries, Dtype::F32));
    assert!(
        said.starts_with("tensor `norm1_1.weight` belongs to no layer"),
        "{said}"
    );
    // A classifier is left out.
    let mut entries = weights(|_| 0.5);
    entries.push(entry("fc6.weight", &[4, 20], |_| 0.5));
    read(&bytes(&entries, Dtype::F32)).unwrap();
}

#[test]
fn a_cut_file_is_refused_wherever_it_ends() {
    let whole = bytes(&weights(|_| 0.5), Dtype::F16);
    for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let said = refusal(&whole[..length]);
        assert!(said.contains("cut"), "{length}: {said}");
    }
}

#[test]
fn a_convolution_without_channels_is_refused() {
    let entries = [
        entry("conv1_1.weight", &[0, 3, 3, 3], |_| 0.5),
        entry("conv1_1.bias", &[0], |_| 0.5),
    ];
    refusal(&bytes(&entries, Dtype::F32));
}
