//! Real files of known networks: every layer against a direct computation on a part of a real
//! picture.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use pentimento::engine::{Device, SessionOptions};
use pentimento::network::layer_list::{LayerList, LayerOp};
use pentimento::network::{self, Layer, Network, Pooling, PoolingKind};
use pentimento::objective;
use pentimento::onnx::{Attribute, Node};
use pentimento::pixels::{self, DecodeOptions};
use pentimento::tensor::Tensor;
use safetensors::SafeTensors;

use super::reference::{Map, Tensors, assert_near, values};
use crate::support::{engine, shared};

const POOLING: Pooling = Pooling {
    kind: PoolingKind::Max,
    caffe_ceil: false,
};

/// What a network wants: order of the channels (from RGB), range, mean, divisor.
struct Wanted {
    order: [usize; 3],
    range: f64,
    mean: [f64; 3],
    std: [f64; 3],
}

const CAFFE: Wanted = Wanted {
    order: [2, 1, 0],
    range: 255.0,
    mean: [103.939, 116.779, 123.68],
    std: [1.0; 3],
};

/// Returns a part of a shared picture around its middle, RGB, 0–255.
fn crop(name: &str, height: usize, width: usize) -> Option<Tensor> {
    let path = shared(&format!("pictures/{name}"))?;
    let options = DecodeOptions {
        follow_symlinks: true,
        ..DecodeOptions::default()
    };
    let picture = pixels::open(&path, &options).unwrap().picture;
    let (top, left) = (
        (picture.height() - height) / 2,
        (picture.width() - width) / 2,
    );
    let whole = picture.to_tensor();
    let [rows, columns] = [whole.shape()[2], whole.shape()[3]];
    let mut data = Vec::new();
    for c in 0..3 {
        for y in top..top + height {
            let start = (c * rows + y) * columns + left;
            data.extend_from_slice(&whole.data()[start..start + width]);
        }
    }
    Tensor::new(vec![1, 3, height, width], data)
}

fn prepared(picture: &Tensor, wanted: &Wanted) -> Map {
    let [height, width] = [picture.shape()[2], picture.shape()[3]];
    Map::of([3, height, width], |c, y, x| {
        let value = picture.data()[(wanted.order[c] * height + y) * width + x];
        (f64::from(value) / 255.0 * wanted.range - wanted.mean[c]) / wanted.std[c]
    })
}

/// Holds every layer of a network to 1e-4 of the largest value that a direct computation of `list`
/// finds there.
fn check(
    network: &Network,
    list: &LayerList,
    tensors: &Tensors,
    wanted: &Wanted,
    size: [usize; 2],
) {
    let Some(picture) = crop("tubingen.jpg", size[0], size[1]) else {
        return;
    };
    let expected = values(list, tensors, &prepared(&picture, wanted));
    let layers: Vec<String> = network
        .layers()
        .iter()
        .map(|l: &Layer| l.name.clone())
        .collect();
    let model = objective::features(network, &layers, (size[0], size[1]), POOLING).unwrap();
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(&model, &options).unwrap();
    let found = session.run(&[(objective::IMAGE, &picture)]).unwrap();
    assert_eq!(found.len(), layers.len());
    let mut worst = 0.0_f64;
    for (name, found) in layers.iter().zip(&found) {
        let what = format!("{} {name}", network.manifest().name);
        let error = assert_near(found.data(), &expected[name], 1e-4, &what);
        worst = worst.max(error);
    }
    let name = &network.manifest().name;
    eprintln!(
        "{name}: {} layers, largest relative error {worst:.1e}",
        layers.len()
    );
}

/// Reads a safetensors file of `f32` with a reader of its own.
fn safetensors_of(path: &Path) -> Tensors {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.iter().map(|(name, view)| {
        let numbers = view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_le_bytes(b));
        (name.to_owned(), (view.shape().to_vec(), numbers.collect()))
    });
    tensors.collect()
}

fn list(name: &str) -> LayerList {
    LayerList::known(name).unwrap().without_classifier()
}

#[test]
fn vgg16_from_both_forms() {
    for form in ["zip", "legacy"] {
        let Some(path) = shared(&format!("weights/vgg16_first4_{form}.pth")) else {
            return;
        };
        let network = network::find(path.to_str().unwrap(), &[]).unwrap();
        let mut list = list("vgg16");
        list.layers.truncate(10);
        check(&network, &list, &first4().unwrap(), &CAFFE, [37, 41]);
    }
}

/// The four convolutions from the archive's own parts: kernel and bias of one after the other.
fn first4() -> Option<Tensors> {
    let path = shared("weights/vgg16_first4_zip.pth")?;
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut numbers = |part: usize| -> Vec<f32> {
        let mut bytes = Vec::new();
        let name = format!("vgg16_first4_zip/data/{part}");
        zip.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        let numbers = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
        numbers.collect()
    };
    let mut tensors = Tensors::new();
    for (i, (place, [out, inputs])) in
        [(0, [64, 3]), (2, [64, 64]), (5, [128, 64]), (7, [128, 128])]
            .into_iter()
            .enumerate()
    {
        let kernel = (vec![out, inputs, 3, 3], numbers(2 * i));
        tensors.insert(format!("features.{place}.weight"), kernel);
        tensors.insert(
            format!("features.{place}.bias"),
            (vec![out], numbers(2 * i + 1)),
        );
    }
    Some(tensors)
}

#[test]
fn squeezenet() {
    let Some(path) = shared("weights/squeezenet_v1_1.safetensors") else {
        return;
    };
    let network = network::find(path.to_str().unwrap(), &[]).unwrap();
    let tensors = safetensors_of(&path);
    check(&network, &list("squeezenet1_1"), &tensors, &CAFFE, [75, 70]);
    let names: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
    for name in ["relu_conv1", "fire2/concat", "fire8/concat", "relu_conv10"] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
}

/// torchvision's names for the same layers give the same network.
#[test]
fn squeezenet_under_other_names() {
    let Some(path) = shared("weights/squeezenet_v1_1.safetensors") else {
        return;
    };
    let bytes = std::fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let list = list("squeezenet1_1");
    let renamed: BTreeMap<String, _> = file
        .iter()
        .map(|(name, view)| {
            let (layer, suffix) = name.rsplit_once('.').unwrap();
            let layer = list.layers.iter().find(|l| l.name == layer).unwrap();
            (format!("{}.{suffix}", layer.tensors), view)
        })
        .collect();
    assert!(renamed.contains_key("features.3.squeeze.weight"));
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("squeezenet_v1_1.safetensors");
    std::fs::write(&other, safetensors::serialize(renamed, None).unwrap()).unwrap();
    let layers = ["fire9/concat".to_owned()];
    let [one, two] = [path, other].map(|path| {
        let network = network::find(path.to_str().unwrap(), &[]).unwrap();
        objective::features(&network, &layers, (64, 64), POOLING).unwrap()
    });
    assert!(one == two);
}

#[test]
fn nin_of_cifar10() {
    let Some(path) = shared("weights/nin_cifar10.safetensors") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&path, folder.path().join("nin.safetensors")).unwrap();
    let manifest = "name = \"nin\"\nfile = \"nin.safetensors\"\n[input]\norder = \"RGB\"\n\
        range = 1.0\nmean = [0.4914, 0.4822, 0.4465]\nstd = [0.2023, 0.1994, 0.2010]\n";
    std::fs::write(folder.path().join("nin.toml"), manifest).unwrap();
    let network = network::find("nin", &[folder.path().to_owned()]).unwrap();
    let wanted = Wanted {
        order: [0, 1, 2],
        range: 1.0,
        mean: [0.4914, 0.4822, 0.4465],
        std: [0.2023, 0.1994, 0.2010],
    };
    check(
        &network,
        &list("nin_cifar10"),
        &safetensors_of(&path),
        &wanted,
        [32, 29],
    );
}

#[test]
fn vgg19_by_its_caffe_names() {
    let Some(path) = shared("weights/vgg19_f16.safetensors") else {
        return;
    };
    let network = network::find(path.to_str().unwrap(), &[]).unwrap();
    let (list, mut expected) = (list("vgg19"), Vec::new());
    for layer in &list.layers {
        expected.push(layer.name.as_str());
        if layer.name == "relu5_1" {
            break;
        }
    }
    let layers: Vec<&str> = network.layers().iter().map(|l| l.name.as_str()).collect();
    assert_eq!(layers, expected);
    let last = [(*expected.last().unwrap()).to_owned()];
    let graph = objective::features(&network, &last, (64, 48), POOLING)
        .unwrap()
        .graph;
    let ints = |node: &Node| -> Vec<(String, Vec<i64>)> {
        let lists = node.attributes.iter().map(|(key, value)| {
            let Attribute::Ints(values) = value else {
                panic!("{key} is {value:?}");
            };
            (key.clone(), values.clone())
        });
        lists.collect()
    };
    for node in graph.nodes.iter().skip(1) {
        let expected = match node.op.as_str() {
            "Conv" => vec![("pads".to_owned(), vec![1; 4])],
            "MaxPool" => ["kernel_shape", "strides"]
                .map(|k| (k.to_owned(), vec![2, 2]))
                .to_vec(),
            _ => Vec::new(),
        };
        assert_eq!(ints(node), expected, "{}", node.label());
    }
}

/// Every list inside the program is a network when its classifier is there, and ends before it.
#[test]
fn the_lists_inside_the_program_end_before_their_classifiers() {
    let ends = [
        ("vgg19", "pool5"),
        ("vgg16", "pool5"),
        ("nin", "pool4"),
        ("squeezenet1_1", "pool10"),
        ("nin_cifar10", "pool3"),
        ("vgg16_pruned", "pool5"),
        ("vgg_face", "pool5"),
    ];
    assert_eq!(ends.map(|(name, _)| name), network::layer_list::KNOWN);
    for (name, end) in ends {
        let layers = list(name).layers;
        assert_eq!(layers.last().unwrap().name, end);
        let cut = |layer: &LayerOp| matches!(layer, LayerOp::Linear { .. } | LayerOp::Softmax);
        assert!(!layers.iter().any(|layer| cut(&layer.op)));
    }
    assert_eq!(LayerList::known("alexnet"), None);
}
