//! A Caffe network's layers and inputs, whichever generation and form they came in, as they are
//! when the network is used.
//!
//! What is there for training alone is left out here: layers whose `include` and `exclude` rules
//! name the other phase, losses and measures. Layers that feed data are taken out of the list; what
//! they say about the picture is kept.

use std::collections::BTreeMap;

use super::CaffeInput;
use super::error::{CaffeError, Origin};
use super::message::Message;

/// A network.
pub(super) struct Net<'a> {
    /// Where it was described.
    pub(super) origin: Origin,
    /// Its name; may be empty.
    pub(super) name: &'a str,
    /// The layers that compute, in the order of the file.
    pub(super) layers: Vec<Layer<'a>>,
    /// Blobs that are fed, pictures and labels, with their channels where those are told.
    pub(super) inputs: BTreeMap<&'a str, Option<usize>>,
    /// What is said about the picture, by the first that says it.
    pub(super) input: CaffeInput,
    /// Layers that are there for training alone, by what they produce.
    pub(super) training: BTreeMap<&'a str, &'a str>,
}

/// A layer that computes.
pub(super) struct Layer<'a> {
    /// Its name; may be empty.
    pub(super) name: &'a str,
    /// Its type, by the name of the newer generation.
    pub(super) kind: &'a str,
    /// What it reads.
    pub(super) bottoms: Vec<&'a str>,
    /// What it produces.
    pub(super) tops: Vec<&'a str>,
    /// All of its fields.
    pub(super) message: &'a Message,
}

/// Types of layers that feed data.
const DATA: &[&str] = &[
    "Data",
    "DummyData",
    "HDF5Data",
    "ImageData",
    "Input",
    "MemoryData",
    "WindowData",
];

/// Types of layers that are there for training, testing and debugging.
const TRAINING: &[&str] = &[
    "Accuracy",
    "ContrastiveLoss",
    "EuclideanLoss",
    "HDF5Output",
    "HingeLoss",
    "InfogainLoss",
    "MultinomialLogisticLoss",
    "SigmoidCrossEntropyLoss",
    "Silence",
    "SoftmaxWithLoss",
];

impl<'a> Net<'a> {
    /// Returns the network in a message.
    pub(super) fn new(message: &'a Message, origin: Origin) -> Result<Self, CaffeError> {
        let all = layers(message, origin)?;
        let mut net = Self {
            origin,
            name: message.text("name").unwrap_or_default(),
            layers: Vec::new(),
            inputs: declared(message),
            input: CaffeInput::default(),
            training: BTreeMap::new(),
        };
        let first = message.messages("input_shape").next();
        let declared = match first {
            Some(shape) => shape.ints("dim").collect(),
            None => message.ints("input_dim").take(4).collect::<Vec<_>>(),
        };
        net.input.learn_shape(&declared);
        for layer in all {
            let used = is_used(layer.message);
            if DATA.contains(&layer.kind) {
                // A file saved in training has only the training's data, so their rules are not
                // asked; what the rules prefer goes first.
                net.feed(&layer);
            } else if used && !TRAINING.contains(&layer.kind) {
                net.layers.push(layer);
            } else {
                for top in layer.tops {
                    net.training.insert(top, layer.name);
                }
            }
        }
        Ok(net)
    }

    fn feed(&mut self, layer: &Layer<'a>) {
        let mut said = CaffeInput::default();
        let channels = learn(&mut said, layer.message);
        for &name in &layer.tops {
            self.inputs.entry(name).or_insert(channels);
        }
        // Behind a layer of the same data for training stands the one for use.
        if is_used(layer.message) {
            said.fill(std::mem::take(&mut self.input));
            self.input = said;
        } else {
            self.input.fill(said);
        }
    }
}

/// Returns every layer of a message, of one generation.
fn layers(message: &Message, origin: Origin) -> Result<Vec<Layer<'_>>, CaffeError> {
    let (new, old) = (message.has("layer"), message.has("layers"));
    if new && old {
        return Err(CaffeError::Generations { origin });
    }
    if !new && !old {
        return Err(CaffeError::NoLayers { origin });
    }
    message
        .messages(if new { "layer" } else { "layers" })
        .enumerate()
        .map(|(index, layer)| {
            if layer.has("layer") {
                let index = index + 1;
                return Err(CaffeError::Oldest { origin, index });
            }
            Ok(Layer {
                name: layer.text("name").unwrap_or_default(),
                kind: newer(layer.text("type").unwrap_or_default()),
                bottoms: layer.texts("bottom").collect(),
                tops: layer.texts("top").collect(),
                message: layer,
            })
        })
        .collect()
}

/// Returns the inputs that stand before the layers.
fn declared(message: &Message) -> BTreeMap<&str, Option<usize>> {
    let shapes: Vec<Vec<i64>> = message
        .messages("input_shape")
        .map(|shape| shape.ints("dim").collect())
        .collect();
    let dims: Vec<i64> = message.ints("input_dim").collect();
    message
        .texts("input")
        .enumerate()
        .map(|(index, name)| {
            let channels = match shapes.get(index) {
                Some(shape) => shape.get(1),
                None => dims.get(index * 4 + 1),
            };
            (name, channels.and_then(|&n| usize::try_from(n).ok()))
        })
        .collect()
}

/// Takes what a data layer says about the picture, and returns its channels.
fn learn(said: &mut CaffeInput, layer: &Message) -> Option<usize> {
    for name in ["transform_param", "data_param", "image_data_param"] {
        let message = layer.message(name);
        said.fill(CaffeInput {
            channels: None,
            size: message
                .int("crop_size")
                .and_then(|side| extent(&[side, side])),
            mean: message.floats("mean_value").collect(),
            mean_file: message.text("mean_file").map(str::to_owned),
            scale: message.floats("scale").last(),
        });
        said.size = said.size.or_else(|| {
            let side = |name| message.int(name).unwrap_or(0);
            extent(&[side("new_height"), side("new_width")])
        });
    }
    let dummy = layer.message("dummy_data_param");
    for shape in [layer.message("input_param"), dummy] {
        let dims: Vec<i64> = shape.message("shape").ints("dim").collect();
        said.learn_shape(&dims);
    }
    for old in [layer.message("memory_data_param"), dummy] {
        let first = |name| old.ints(name).next().unwrap_or(0);
        said.learn_shape(&[1, first("channels"), first("height"), first("width")]);
    }
    said.channels
}

impl CaffeInput {
    /// Takes from `other` what is not known here.
    pub(super) fn fill(&mut self, other: Self) {
        self.channels = self.channels.or(other.channels);
        self.size = self.size.or(other.size);
        if self.mean.is_empty() && self.mean_file.is_none() {
            self.mean = other.mean;
            self.mean_file = other.mean_file;
        }
        self.scale = self.scale.or(other.scale);
    }

    /// Takes channels and size of a shape `[N, C, H, W]` where they are not known.
    fn learn_shape(&mut self, shape: &[i64]) {
        if let &[_, channels, height, width] = shape {
            let channels = usize::try_from(channels).ok().filter(|&n| n > 0);
            self.channels = self.channels.or(channels);
            self.size = self.size.or_else(|| extent(&[height, width]));
        }
    }
}

fn extent(sides: &[i64; 2]) -> Option<[usize; 2]> {
    let [height, width] = sides.map(|side| usize::try_from(side).ok().filter(|&n| n > 0));
    Some([height?, width?])
}

/// Whether a layer is there when the network is used: phase TEST, level 0, no stage.
fn is_used(layer: &Message) -> bool {
    if layer.has("include") {
        layer.messages("include").any(is_met)
    } else {
        !layer.messages("exclude").any(is_met)
    }
}

/// Whether phase TEST, level 0 and no stage meet a `NetStateRule`.
fn is_met(rule: &Message) -> bool {
    rule.text("phase").is_none_or(|phase| phase == "TEST")
        && rule.int("min_level").is_none_or(|level| level <= 0)
        && rule.int("max_level").is_none_or(|level| 0 <= level)
        && !rule.has("stage")
}

/// Returns the name that the newer generation has for a layer type of the older.
fn newer(kind: &str) -> &str {
    match kind {
        "ABSVAL" => "AbsVal",
        "ACCURACY" => "Accuracy",
        "ARGMAX" => "ArgMax",
        "CONCAT" => "Concat",
        "CONTRASTIVE_LOSS" => "ContrastiveLoss",
        "CONVOLUTION" => "Convolution",
        "DATA" => "Data",
        "DECONVOLUTION" => "Deconvolution",
        "DROPOUT" => "Dropout",
        "DUMMY_DATA" => "DummyData",
        "ELTWISE" => "Eltwise",
        "EUCLIDEAN_LOSS" => "EuclideanLoss",
        "EXP" => "Exp",
        "FLATTEN" => "Flatten",
        "HDF5_DATA" => "HDF5Data",
        "HDF5_OUTPUT" => "HDF5Output",
        "HINGE_LOSS" => "HingeLoss",
        "IM2COL" => "Im2col",
        "IMAGE_DATA" => "ImageData",
        "INFOGAIN_LOSS" => "InfogainLoss",
        "INNER_PRODUCT" => "InnerProduct",
        "MEMORY_DATA" => "MemoryData",
        "MULTINOMIAL_LOGISTIC_LOSS" => "MultinomialLogisticLoss",
        "POOLING" => "Pooling",
        "POWER" => "Power",
        "RELU" => "ReLU",
        "SIGMOID" => "Sigmoid",
        "SIGMOID_CROSS_ENTROPY_LOSS" => "SigmoidCrossEntropyLoss",
        "SILENCE" => "Silence",
        "SLICE" => "Slice",
        "SOFTMAX" => "Softmax",
        "SOFTMAX_LOSS" => "SoftmaxWithLoss",
        "SPLIT" => "Split",
        "TANH" => "TanH",
        "THRESHOLD" => "Threshold",
        "WINDOW_DATA" => "WindowData",
        other => other,
    }
}
