//! The two real files: Caffe's CIFAR-10 quick example in both generations.

use pentimento::network::import::caffe::{self, CaffeNetwork, CaffeOptions};
use pentimento::network::layer_list::{LayerOp, Pair, WindowSpec};

use super::direct::{self, Map, assert_near, window};
use super::{all, names, weights};
use crate::support::shared;

fn quick(version: usize, options: &CaffeOptions) -> Option<CaffeNetwork> {
    let path = shared(&format!("caffe/cifar10_quick_v{version}.caffemodel"))?;
    Some(caffe::read(&path, options).unwrap())
}

const PADDED: WindowSpec = WindowSpec {
    kernel: Pair([5, 5]),
    stride: Pair([1, 1]),
    pad: Pair([2, 2]),
    dilation: Pair([1, 1]),
};

const POOL: WindowSpec = WindowSpec {
    kernel: Pair([3, 3]),
    stride: Pair([2, 2]),
    pad: Pair([0, 0]),
    dilation: Pair([1, 1]),
};

fn conv(out: usize) -> LayerOp {
    LayerOp::Conv {
        out,
        window: PADDED,
        groups: 1,
        bias: true,
    }
}

#[test]
fn both_generations_are_the_same_network() {
    let (Some(old), Some(new)) = (quick(1, &all()), quick(2, &all())) else {
        return;
    };
    assert_eq!(old.layers, new.layers);
    assert_eq!(
        old.weights.keys().collect::<Vec<_>>(),
        new.weights.keys().collect::<Vec<_>>()
    );
    for (name, tensor) in &new.weights {
        assert_eq!(old.weights[name].shape(), tensor.shape(), "{name}");
    }
    assert_eq!(
        (old.name.as_str(), new.name.as_str()),
        ("CIFAR10_quick", "CIFAR10_quick")
    );
}

#[test]
fn the_newer_file_has_the_layers_that_its_facts_say() {
    let Some(network) = quick(2, &all()) else {
        return;
    };
    let average = LayerOp::AveragePool {
        window: POOL,
        ceil: true,
        count_include_pad: true,
    };
    let expected = [
        ("conv1", conv(32)),
        (
            "pool1",
            LayerOp::MaxPool {
                window: POOL,
                ceil: true,
            },
        ),
        ("relu1", LayerOp::Relu),
        ("conv2", conv(32)),
        ("relu2", LayerOp::Relu),
        ("pool2", average.clone()),
        ("conv3", conv(64)),
        ("relu3", LayerOp::Relu),
        ("pool3", average),
        (
            "ip1",
            LayerOp::Linear {
                out: 64,
                bias: true,
            },
        ),
        (
            "ip2",
            LayerOp::Linear {
                out: 10,
                bias: true,
            },
        ),
    ];
    let found: Vec<(&str, LayerOp)> = network
        .layers
        .layers
        .iter()
        .map(|layer| (layer.name.as_str(), layer.op.clone()))
        .collect();
    assert_eq!(found, expected);
    assert!(
        network
            .layers
            .layers
            .iter()
            .all(|layer| layer.from.is_empty())
    );
    assert_eq!(weights(&network, "conv1.weight").0, [32, 3, 5, 5]);
    assert_eq!(weights(&network, "ip1.weight").0, [64, 1024]);
    assert_eq!(weights(&network, "ip2.bias").0, [10]);
    assert_eq!(network.input.channels, Some(3));
    let mean = network.input.mean_file.as_deref();
    assert_eq!(mean, Some("examples/cifar10/mean.binaryproto"));
    assert!(
        network.notes[0].contains("mean.binaryproto"),
        "{:?}",
        network.notes
    );
}

#[test]
fn the_classifier_is_left_out_unless_asked_for() {
    let Some(network) = quick(1, &CaffeOptions::default()) else {
        return;
    };
    assert_eq!(names(&network).last(), Some(&"pool3"));
    assert!(!network.weights.contains_key("ip1.weight"));
    assert!(
        network.notes[0].ends_with("ip1, ip2"),
        "{:?}",
        network.notes
    );
}

/// First and last number of an array and the sum of all absolutes, taken from the files with another
/// reader (protobuf's fields walked in Python, numpy's sums in f64).
const FACTS: [(usize, &str, f32, f32, f64); 6] = [
    (
        1,
        "conv1.weight",
        -0.042_450_696,
        -0.004_102_247_8,
        70.975_233_716_069_85,
    ),
    (
        1,
        "ip1.weight",
        0.025_215_633,
        0.129_776_79,
        4_453.403_658_941_625,
    ),
    (
        1,
        "ip2.bias",
        -0.104_817_15,
        -0.137_365_82,
        1.247_724_220_156_669_6,
    ),
    (
        2,
        "conv1.weight",
        -0.006_507_446,
        -0.006_120_105_3,
        69.557_362_586_087_49,
    ),
    (
        2,
        "conv3.bias",
        0.048_921_525,
        -0.031_413_73,
        2.760_795_207_112_096_3,
    ),
    (
        2,
        "ip2.weight",
        0.114_062_54,
        -0.021_933_783,
        48.570_381_381_257_9,
    ),
];

#[test]
fn the_weights_are_those_in_the_files() {
    for (version, name, first, last, sum) in FACTS {
        let Some(network) = quick(version, &all()) else {
            return;
        };
        let (_, values) = weights(&network, name);
        let ends = [values[0], values[values.len() - 1]];
        assert_eq!(ends, [first, last], "{name} of version {version}");
        let found: f64 = values.iter().map(|&v| f64::from(v).abs()).sum();
        assert!(
            (found - sum).abs() < 1e-9 * sum,
            "{name} of version {version}: {found}"
        );
    }
}

/// A piece of a photograph, BGR, as Caffe gets it; the mean picture is not in the file.
fn photograph([height, width]: [u32; 2]) -> Option<Map> {
    let path = shared("pictures/tubingen.jpg")?;
    let picture = image::open(path).unwrap().to_rgb8();
    let shape = [3, height as usize, width as usize];
    Some(Map::of(shape, |c, y, x| {
        let pixel = picture.get_pixel(200 + x as u32, 150 + y as u32);
        f64::from(pixel.0[2 - c]) - 120.0
    }))
}

#[test]
fn every_layer_of_both_files_is_what_caffe_computes() {
    for version in [1, 2] {
        let (Some(network), Some(picture)) = (quick(version, &all()), photograph([32, 32])) else {
            return;
        };
        let found = direct::run(&network, &picture);
        assert_eq!(found.len(), 11);
        for (name, expected) in by_hand(&network, &picture) {
            assert_near(
                &found[name],
                &expected,
                &format!("{name} of version {version}"),
            );
        }
    }
}

#[test]
fn sizes_that_do_not_divide_are_rounded_up() {
    let options = CaffeOptions::default();
    let (Some(network), Some(picture)) = (quick(1, &options), photograph([45, 38])) else {
        return;
    };
    let found = direct::run(&network, &picture);
    assert_eq!(found["pool1"].shape(), [1, 32, 22, 19]);
    assert_eq!(found["pool3"].shape(), [1, 64, 5, 4]);
    direct::assert_computes(&network, &picture);
}

/// The example's layers, one after the other, as its prototxt describes them.
fn by_hand(network: &CaffeNetwork, picture: &Map) -> Vec<(&'static str, Map)> {
    let tensor = |name: &str| weights(network, name).1;
    let conv = |x: &Map, name: &str, out| {
        let [kernel, bias] = ["weight", "bias"].map(|kind| tensor(&format!("{name}.{kind}")));
        direct::conv(x, out, 1, window(5, 1, 2), kernel, bias)
    };
    let relu = |x: &Map| x.each(|v| v.max(0.0));
    let pool = |x: &Map, average| direct::pool(x, average, true, window(3, 2, 0));
    let conv1 = conv(picture, "conv1", 32);
    let pool1 = pool(&conv1, false);
    let relu1 = relu(&pool1);
    let conv2 = conv(&relu1, "conv2", 32);
    let relu2 = relu(&conv2);
    let pool2 = pool(&relu2, true);
    let conv3 = conv(&pool2, "conv3", 64);
    let relu3 = relu(&conv3);
    let pool3 = pool(&relu3, true);
    let ip1 = direct::linear(&pool3, 64, tensor("ip1.weight"), tensor("ip1.bias"));
    let ip2 = direct::linear(&ip1, 10, tensor("ip2.weight"), tensor("ip2.bias"));
    vec![
        ("conv1", conv1),
        ("pool1", pool1),
        ("relu1", relu1),
        ("conv2", conv2),
        ("relu2", relu2),
        ("pool2", pool2),
        ("conv3", conv3),
        ("relu3", relu3),
        ("pool3", pool3),
        ("ip1", ip1),
        ("ip2", ip2),
    ]
}
