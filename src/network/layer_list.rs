//! A network's architecture as a list of layers, without its weights: what a file of bare tensors
//! lacks.
//!
//! Written in TOML (`[[layers]]`), derived from a Caffe network, or given to training. A layer reads
//! the layer before it unless `from` names others; `input` is the picture as the network wants it.
//! Layers are listed in an order in which each is produced before it is read.

use serde::{Deserialize, Serialize};

/// Name by which a layer refers to the picture.
pub const INPUT: &str = "input";

/// Layers in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerList {
    /// The layers.
    pub layers: Vec<LayerSpec>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// Name of the layer and of the value that it produces.
    pub name: String,
    /// Names of the layers read; empty for the one before (for the first: the picture).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// What stands before `.weight` and `.bias` in the names of its tensors; empty for `name`.
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
    /// `weight · flatten(x) + bias`; tensors `weight` `[out, in]` and, unless there is none, `bias`.
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
#[serde(untagged)]
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

impl LayerList {
    /// Returns the list of a network in wide use.
    pub fn known(_name: &str) -> Option<Self> {
        None
    }
}
