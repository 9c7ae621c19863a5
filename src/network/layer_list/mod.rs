//! A network's architecture as a list of layers, without its weights: what a file of bare tensors
//! lacks.
//!
//! Written in TOML (`[[layers]]`), derived from a Caffe network, or given to training. A layer reads
//! the layer before it unless `from` names others; `input` is the picture as the network wants it.
//! Layers are listed in an order in which each is produced before it is read.
//!
//! [`LayerList::check`] holds that a list makes sense; whatever takes one calls it first. What this
//! module is not: it does not read files of weights (`import`), and it does not train.

mod check;
mod error;
mod graph;
mod keys;
mod known;
mod nodes;
mod tensors;

use std::collections::BTreeMap;

pub use error::LayerListError;
pub use known::KNOWN;
pub use tensors::Match;

use crate::onnx::Constant;

use serde::{Deserialize, Serialize};

/// Name by which a layer refers to the picture.
pub const INPUT: &str = "input";

/// Tensors of a file by name, of any floating-point type.
pub type Weights = BTreeMap<String, Constant>;

/// Shapes of the tensors of a file by name.
pub type TensorShapes = BTreeMap<String, Vec<usize>>;

/// Layers in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerList {
    /// The layers.
    pub layers: Vec<LayerSpec>,
}

impl LayerList {
    /// Returns the layers before the first [`LayerOp::Linear`] or [`LayerOp::Softmax`]: what a style
    /// is taken from, without what tells classes apart and holds most of the weights.
    #[must_use]
    pub fn without_classifier(&self) -> Self {
        let layers = self
            .layers
            .iter()
            .take_while(|layer| !matches!(layer.op, LayerOp::Linear { .. } | LayerOp::Softmax))
            .cloned()
            .collect();
        Self { layers }
    }

    /// Returns the names that layer `index` reads.
    fn sources(&self, index: usize) -> Vec<&str> {
        let layer = &self.layers[index];
        if layer.from.is_empty() {
            let before = index.checked_sub(1).map(|i| self.layers[i].name.as_str());
            vec![before.unwrap_or(INPUT)]
        } else {
            layer.from.iter().map(String::as_str).collect()
        }
    }
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Name of the layer and of the value that it produces.
    pub name: String,
    /// Names of the layers read; empty for the one before (for the first: the picture).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// What stands before `.weight` and `.bias` in the names of its tensors. A file that has none of
    /// that name may name them by the layer; so may every file where this is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tensors: String,
    /// What it computes.
    #[serde(flatten)]
    pub op: LayerOp,
}

/// What a layer computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerOp {
    /// Convolution; tensors `weight` `[out, in / groups, h, w]` and, unless there is none, `bias`.
    Conv {
        /// Channels made.
        out: usize,
        /// Windows.
        #[serde(flatten)]
        window: WindowSpec,
        /// Groups of channels.
        #[serde(default = "one")]
        groups: usize,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Maximum over windows.
    MaxPool {
        /// Windows.
        #[serde(flatten)]
        window: WindowSpec,
        /// Rounds the number of windows up, dropping one that would begin in the padding behind.
        #[serde(default)]
        ceil: bool,
    },
    /// Average over windows.
    AveragePool {
        /// Windows.
        #[serde(flatten)]
        window: WindowSpec,
        /// Rounds the number of windows up, dropping one that would begin in the padding behind.
        #[serde(default)]
        ceil: bool,
        /// Whether padding counts in the divisor (what lies beyond it never does), as in Caffe.
        #[serde(default)]
        count_include_pad: bool,
    },
    /// Average over the whole extent.
    GlobalAveragePool,
    /// `max(x, 0)`.
    Relu,
    /// `x` where positive, else `slope · x`.
    LeakyRelu {
        /// Slope below 0.
        slope: f32,
    },
    /// `x` where positive, else `weight · x`; tensor `weight` `[channels]` or `[1]`.
    Prelu,
    /// Logistic function.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x` where positive, else `alpha · (eˣ − 1)`.
    Elu {
        /// Limit below 0, negated.
        alpha: f32,
    },
    /// `x / (k + alpha / size · Σ x²)^beta`, the sum over `size` neighbouring channels.
    LrnAcross {
        /// Channels in a sum.
        size: usize,
        /// Factor of the sum.
        alpha: f32,
        /// Exponent.
        beta: f32,
        /// Constant.
        #[serde(default = "one_f32")]
        k: f32,
    },
    /// `x / (1 + alpha / size² · Σ x²)^beta`, the sum over a `size` × `size` window of the channel,
    /// zeros beyond the border counted, as in Caffe.
    LrnWithin {
        /// Side of the window, odd.
        size: usize,
        /// Factor of the sum.
        alpha: f32,
        /// Exponent.
        beta: f32,
    },
    /// `(x − running_mean) / √(running_var + epsilon) · weight + bias`; tensors of those names,
    /// `[channels]` each, of which `weight` and `bias` may both be absent.
    BatchNorm {
        /// Guard of the division.
        #[serde(default = "epsilon")]
        epsilon: f32,
    },
    /// `x · weight + bias`, a number a channel each; tensors of those names, `bias` may be absent.
    Scale,
    /// Joined along the channels.
    Concat,
    /// `Σ coefficient · x` over the layers read; no coefficients are all 1.
    Sum {
        /// One for each layer read, or none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        coefficients: Vec<f32>,
    },
    /// Product of the layers read.
    Product,
    /// Maximum of the layers read.
    Maximum,
    /// `weight · flatten(x) + bias`; tensors `weight` `[out, channels · s · s]` and, unless there is
    /// none, `bias`. In a graph it is the convolution with a kernel of `s` × `s` that does the same,
    /// so that a picture may be larger than the one the layer was trained on: it is then applied
    /// at every place.
    Linear {
        /// Numbers made.
        out: usize,
        /// Whether there is a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// Nothing, when a network is used; while one is trained, a share of the values is dropped.
    Dropout {
        /// Share that is dropped.
        #[serde(default = "half")]
        ratio: f32,
    },
    /// Softmax over the channels.
    Softmax,
}

/// Windows over height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// Height and width.
    pub kernel: Pair,
    /// Distance between windows.
    #[serde(default = "Pair::one", skip_serializing_if = "Pair::is_one")]
    pub stride: Pair,
    /// Padding on both sides.
    #[serde(default, skip_serializing_if = "Pair::is_zero")]
    pub pad: Pair,
    /// Distance between taps.
    #[serde(default = "Pair::one", skip_serializing_if = "Pair::is_one")]
    pub dilation: Pair,
}

/// A number for the height and one for the width; in TOML one number stands for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "OneOrTwo", into = "OneOrTwo")]
pub struct Pair(pub [usize; 2]);

impl Pair {
    /// Returns the pair of one number twice.
    pub fn both(value: usize) -> Self {
        Self([value; 2])
    }

    fn one() -> Self {
        Self::both(1)
    }

    fn is_one(&self) -> bool {
        *self == Self::one()
    }

    fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number for both axes, or two numbers [height, width], none below 0"
)]
enum OneOrTwo {
    One(usize),
    Two([usize; 2]),
}

impl From<OneOrTwo> for Pair {
    fn from(value: OneOrTwo) -> Self {
        match value {
            OneOrTwo::One(n) => Self::both(n),
            OneOrTwo::Two(pair) => Self(pair),
        }
    }
}

impl From<Pair> for OneOrTwo {
    fn from(Pair([height, width]): Pair) -> Self {
        if height == width {
            Self::One(height)
        } else {
            Self::Two([height, width])
        }
    }
}

fn one() -> usize {
    1
}

fn one_f32() -> f32 {
    1.0
}

fn half() -> f32 {
    0.5
}

fn epsilon() -> f32 {
    1e-5
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
