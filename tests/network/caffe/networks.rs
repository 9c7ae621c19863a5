//! Whole networks in Caffe form: VGG-19 and SqueezeNet with their real weights, NIN, `VGG_FACE` and
//! `AlexNet` as their authors describe them, with weights made up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pentimento::network::import::caffe::CaffeOptions;
use pentimento::network::layer_list::{LayerList, LayerOp};
use pentimento::onnx::{Attribute, Constant};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::direct::{Map, assert_computes};
use super::writer::{
    Bytes, Form, Generation, Layer, bare, conv, linear, max_pool, model, noise, relu,
};
use super::{all, chain, import, import_with, layer, names, op, weights};
use crate::support::shared;

/// Shapes and numbers by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// The tensors of a shared file, in `f32`.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "no shared file has another type"
)]
fn tensors(name: &str) -> Option<Tensors> {
    let bytes = std::fs::read(shared(&format!("weights/{name}.safetensors"))?).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let read = file.tensors().into_iter().map(|(name, view)| {
        let values = match view.dtype() {
            Dtype::F32 => view
                .data()
                .chunks(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect(),
            Dtype::F16 => view
                .data()
                .chunks(2)
                .map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32())
                .collect(),
            other => panic!("{other:?} is in no shared file"),
        };
        (name, (view.shape().to_vec(), values))
    });
    Some(read.collect())
}

fn picture([height, width]: [usize; 2]) -> Map {
    Map::of([3, height, width], |c, y, x| {
        f64::from(noise(c * 104_729 + y * 1299 + x)) * 200.0
    })
}

#[test]
fn vgg19_is_the_network_that_its_safetensors_are() {
    let Some(tensors) = tensors("vgg19_f16") else {
        return;
    };
    let mut layers = Vec::new();
    let mut blob = "data".to_owned();
    let mut block = '1';
    for name in tensors
        .keys()
        .filter_map(|name| name.strip_suffix(".weight"))
    {
        let place = name.strip_prefix("conv").unwrap();
        if !place.starts_with(block) {
            let pool = format!("pool{block}");
            layers.push(max_pool(&pool, &blob, [2, 2]));
            (blob, block) = (pool, place.chars().next().unwrap());
        }
        let [weight, bias] = ["weight", "bias"].map(|kind| &tensors[&format!("{name}.{kind}")]);
        let mut layer = conv((name, &blob), [weight.0[1], 0], [3, 1, 1], |_| 0.0);
        layer.param = conv(("", ""), [0, weight.0[0]], [3, 1, 1], |_| 0.0).param;
        layer.blobs = vec![weight.clone(), bias.clone()];
        layers.push(layer);
        layers.push(relu(&format!("relu{place}"), name));
        name.clone_into(&mut blob);
    }
    assert_eq!(layers.len(), 13 + 13 + 4, "up to relu5_1");
    layers.push(linear(("fc6", &blob), [512 * 4, 64], noise));
    layers.push(relu("relu6", "fc6"));
    layers.push(Layer::new("drop6", "Dropout", "fc6", "fc6"));
    layers.push(linear(("fc7", "fc6"), [64, 64], noise));
    layers.push(Layer::new("prob", "Softmax", "fc7", "prob"));
    let bytes = model(3, &layers, Generation::Old, Form::Old);
    let found = import(&bytes, &CaffeOptions::default()).unwrap();
    assert!(
        found.notes[0].ends_with("fc6, relu6, drop6, fc7, prob"),
        "{:?}",
        found.notes
    );

    let list = LayerList::known("vgg19").unwrap().without_classifier();
    let weights = tensors
        .into_iter()
        .map(|(name, (shape, values))| (name, Constant::f32s(shape, values).unwrap()))
        .collect();
    let expected = list.graph("vgg19", &weights).unwrap();
    let mut graph = found.layers.graph("vgg19", &found.weights).unwrap();
    // What Caffe's file says and the other cannot: sizes are rounded up.
    for node in graph
        .graph
        .nodes
        .iter_mut()
        .filter(|node| node.op == "MaxPool")
    {
        assert_eq!(node.attributes.remove("ceil_mode"), Some(Attribute::Int(1)));
    }
    assert_eq!(graph.graph.nodes, expected.graph.nodes);
    assert!(graph == expected, "inputs, outputs or weights differ");
}

#[test]
fn squeezenet_comes_from_its_prototxt_and_computes_the_same() {
    let (Some(tensors), Some(path)) = (
        tensors("squeezenet_v1_1"),
        shared("weights/squeezenet_v1_1.deploy.prototxt"),
    ) else {
        return;
    };
    // A caffemodel that knows nothing but names and weights.
    let layers: Vec<Layer> = tensors
        .keys()
        .filter_map(|name| name.strip_suffix(".weight"))
        .map(|name| {
            let mut layer = Layer::new(name, "Convolution", "?", name);
            layer.blobs = ["weight", "bias"]
                .map(|kind| tensors[&format!("{name}.{kind}")].clone())
                .to_vec();
            layer
        })
        .collect();
    assert_eq!(layers.len(), 26);
    let bytes = bare(&layers, Generation::New, Form::Packed);
    let options = CaffeOptions {
        prototxt: Some(path),
        classifier: false,
    };
    let network = import(&bytes, &options).unwrap();
    assert_eq!(network.name, "SqueezeNet");
    assert_eq!(network.input.size, Some([227, 227]));
    assert_eq!(network.weights.len(), 52);
    assert_eq!(
        layer(&network, "fire2/concat").from,
        ["fire2/relu_expand1x1", "fire2/relu_expand3x3"]
    );
    assert_eq!(
        layer(&network, "fire2/expand3x3").from,
        ["fire2/relu_squeeze1x1"]
    );
    assert_eq!(op(&network, "drop9"), &LayerOp::Dropout { ratio: 0.5 });
    assert_eq!(names(&network).last(), Some(&"pool10"));
    assert!(network.notes[0].ends_with(": prob"), "{:?}", network.notes);
    assert_computes(&network, &picture([67, 74]));
}

/// A convolution of NIN: name, channels read and made, kernel, padding, stride, and the number of
/// its `ReLU`.
type NinLayer = (&'static str, [usize; 2], [usize; 3], usize);

/// NIN for ImageNet, in the older generation, with weights made up.
fn nin() -> Vec<Layer> {
    let blocks: [&[NinLayer]; 4] = [
        &[
            ("conv1", [3, 96], [11, 0, 4], 0),
            ("cccp1", [96, 96], [1, 0, 1], 1),
            ("cccp2", [96, 96], [1, 0, 1], 2),
        ],
        &[
            ("conv2", [96, 256], [5, 2, 1], 3),
            ("cccp3", [256, 256], [1, 0, 1], 5),
            ("cccp4", [256, 256], [1, 0, 1], 6),
        ],
        &[
            ("conv3", [256, 384], [3, 1, 1], 7),
            ("cccp5", [384, 384], [1, 0, 1], 8),
            ("cccp6", [384, 384], [1, 0, 1], 9),
        ],
        &[
            ("conv4-1024", [384, 1024], [3, 1, 1], 10),
            ("cccp7-1024", [1024, 1024], [1, 0, 1], 11),
            ("cccp8-1024", [1024, 1000], [1, 0, 1], 12),
        ],
    ];
    let mut layers = Vec::new();
    let mut blob = "data".to_owned();
    for (index, block) in blocks.into_iter().enumerate() {
        for &(name, channels, window, relu_number) in block {
            let scale = (6.0 / (channels[0] * window[0] * window[0]) as f32).sqrt();
            layers.push(conv((name, &blob), channels, window, |i| {
                2.0 * scale * noise(i)
            }));
            layers.push(relu(&format!("relu{relu_number}"), name));
            name.clone_into(&mut blob);
        }
        if index < 3 {
            let pool = format!("pool{}", index + 1);
            layers.push(max_pool(&pool, &blob, [3, 2]));
            blob = pool;
        }
        if index == 2 {
            layers.push(Layer::new("drop", "Dropout", &blob, &blob));
        }
    }
    layers
}

#[test]
fn nin_has_its_layers_and_computes_what_caffe_computes() {
    let mut layers = nin();
    let average = [
        super::writer::int(1, 1),
        super::writer::int(2, 6),
        super::writer::int(3, 1),
    ];
    layers.push(Layer::new("pool4", "Pooling", "cccp8-1024", "pool4").param(&average));
    layers.push(Layer::new("loss", "Softmax", "pool4", "loss"));
    let bytes = model(3, &layers, Generation::Old, Form::Old);
    let network = import(&bytes, &CaffeOptions::default()).unwrap();
    let relus: Vec<&str> = names(&network)
        .into_iter()
        .filter(|n| n.starts_with("relu"))
        .collect();
    let expected = [
        "relu0", "relu1", "relu2", "relu3", "relu5", "relu6", "relu7", "relu8", "relu9", "relu10",
        "relu11", "relu12",
    ];
    assert_eq!(relus, expected);
    assert_eq!(weights(&network, "conv4-1024.weight").0, [1024, 384, 3, 3]);
    assert_eq!(network.weights.len(), 24);
    assert_eq!(names(&network).last(), Some(&"pool4"));
    // One layer of a size that does not divide for each pooling; without the last average, which
    // wants a larger picture.
    let small = import(&model(3, &nin(), Generation::New, Form::Packed), &all()).unwrap();
    assert_computes(&small, &picture([62, 75]));
}

#[test]
fn vgg_face_is_read_from_a_prototxt_of_the_older_generation() {
    // VGG-16 as its prototxt writes it, an eighth as wide.
    let blocks = [(2, 8), (2, 16), (3, 32), (3, 64), (3, 64)];
    let mut prototxt = "name: \"VGG_FACE_16_layers\"\ninput: \"data\"\ninput_dim: 1\n\
        input_dim: 3\ninput_dim: 224\ninput_dim: 224\n"
        .to_owned();
    let mut layers = Vec::new();
    let (mut blob, mut inputs) = ("data".to_owned(), 3);
    for (block, (count, out)) in (1..).zip(blocks) {
        for index in 1..=count {
            let name = format!("conv{block}_{index}");
            write!(
                prototxt,
                "layers {{\n  bottom: \"{blob}\"\n  top: \"{name}\"\n  name: \"{name}\"\n  \
                 type: CONVOLUTION\n  convolution_param {{\n    num_output: {out}\n    pad: 1\n    \
                 kernel_size: 3\n  }}\n}}\nlayers {{\n  bottom: \"{name}\"\n  top: \"{name}\"\n  \
                 name: \"relu{block}_{index}\"\n  type: RELU\n}}\n"
            )
            .unwrap();
            layers.push(conv((&name, &blob), [inputs, out], [3, 1, 1], |i| {
                0.3 * noise(i)
            }));
            (blob, inputs) = (name, out);
        }
        write!(
            prototxt,
            "layers {{\n  bottom: \"{blob}\"\n  top: \"pool{block}\"\n  name: \"pool{block}\"\n  \
             type: POOLING\n  pooling_param {{\n    pool: MAX\n    kernel_size: 2\n    stride: 2\n  \
             }}\n}}\n"
        )
        .unwrap();
        blob = format!("pool{block}");
    }
    for (name, bottom, out) in [("fc6", "pool5", 32), ("fc7", "fc6", 32), ("fc8", "fc7", 26)] {
        let inputs = if name == "fc6" { 64 } else { 32 };
        write!(
            prototxt,
            "layers {{\n  bottom: \"{bottom}\"\n  top: \"{name}\"\n  name: \"{name}\"\n  \
             type: INNER_PRODUCT\n  inner_product_param {{\n    num_output: {out}\n  }}\n}}\n"
        )
        .unwrap();
        layers.push(linear((name, bottom), [inputs, out], noise));
    }
    prototxt +=
        "layers {\n  bottom: \"fc8\"\n  top: \"prob\"\n  name: \"prob\"\n  type: SOFTMAX\n}\n";
    let bytes = bare(&layers, Generation::Old, Form::Old);
    let whole = import_with(&bytes, &prototxt, true).unwrap();
    assert_eq!(whole.name, "VGG_FACE_16_layers");
    let known = LayerList::known("vgg_face").unwrap();
    let widths = |list: &LayerList| -> Vec<(String, bool)> {
        let layers = list
            .layers
            .iter()
            .filter(|l| !matches!(l.op, LayerOp::Dropout { .. }));
        layers
            .map(|l| (l.name.clone(), matches!(l.op, LayerOp::Conv { .. })))
            .collect()
    };
    let features = import_with(&bytes, &prototxt, false).unwrap();
    assert_eq!(
        widths(&features.layers),
        widths(&known.without_classifier())
    );
    assert_eq!(names(&whole).last(), Some(&"prob"));
    assert_computes(&whole, &picture([32, 32]));
}

#[test]
fn alexnet_has_groups_and_normalisation() {
    let prototxt = r#"
        name: "AlexNet"
        layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 10 dim: 3 dim: 227 dim: 227 } } }
        layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
                param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
                convolution_param { num_output: 12 kernel_size: 11 stride: 4 weight_filler { type: "gaussian" std: 0.01 } } }
        layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
        layer { name: "norm1" type: "LRN" bottom: "conv1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
        layer { name: "pool1" type: "Pooling" bottom: "norm1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
        layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
                convolution_param { num_output: 16 pad: 2 kernel_size: 5 group: 2 } }
        layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
        layer { name: "fc6" type: "InnerProduct" bottom: "conv2" top: "fc6" inner_product_param { num_output: 7 } }
    "#;
    let scaled =
        |name, bottom, channels, window| conv((name, bottom), channels, window, |i| 0.1 * noise(i));
    let layers = [
        scaled("conv1", "data", [3, 12], [11, 0, 4]),
        scaled("conv2", "pool1", [6, 16], [5, 2, 1]),
    ];
    let bytes = bare(&layers, Generation::New, Form::Packed);
    let network = import_with(&bytes, prototxt, false).unwrap();
    assert_eq!(
        names(&network),
        ["conv1", "relu1", "norm1", "pool1", "conv2", "relu2"]
    );
    assert_computes(&network, &picture([63, 59]));
    // The same without its groups is another network.
    let other = prototxt.replace("group: 2", "group: 1");
    let message = chain(&import_with(&bytes, &other, false).unwrap_err());
    assert!(message.contains("`conv2`"), "{message}");
    assert!(message.contains("[16, 12 / 1, 5, 5]"), "{message}");
    assert!(message.contains("[16, 6, 5, 5]"), "{message}");
}

#[test]
fn a_residual_network_computes_what_caffe_computes() {
    let norm = |blob: &str, name: &str, count: usize| -> [Layer; 2] {
        [
            Layer::new(&format!("bn_{name}"), "BatchNorm", blob, blob)
                .blob(&[count], |i| 20.0 * noise(i))
                .blob(&[count], |i| 900.0 + 500.0 * noise(i))
                .blob(&[1], |_| 0.9),
            Layer::new(&format!("scale_{name}"), "Scale", blob, blob)
                .param(&[super::writer::int(4, 1)])
                .blob(&[count], |i| 1.0 + noise(i))
                .blob(&[count], noise),
        ]
    };
    let mut layers = vec![conv(("conv1", "data"), [3, 6], [7, 3, 2], noise)];
    layers.extend(norm("conv1", "conv1", 6));
    layers.push(relu("conv1_relu", "conv1"));
    layers.push(max_pool("pool1", "conv1", [3, 2]));
    for (name, bottom) in [("res2a_1", "pool1"), ("res2a_2", "pool1")] {
        layers.push(conv((name, bottom), [6, 6], [3, 1, 1], noise));
        layers.extend(norm(name, name, 6));
    }
    layers.push(Layer::new("res2a", "Eltwise", "", "res2a").reads(&["res2a_1", "res2a_2"]));
    layers.push(relu("res2a_relu", "res2a"));
    let bytes: Bytes = model(3, &layers, Generation::New, Form::Packed);
    let network = import(&bytes, &CaffeOptions::default()).unwrap();
    assert_eq!(
        layer(&network, "res2a").from,
        ["scale_res2a_1", "scale_res2a_2"]
    );
    assert_computes(&network, &picture([41, 38]));
}
