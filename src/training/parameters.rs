//! What is learned: the tensors of a plan and of the head that tells the classes apart.
//!
//! Always true: the tensors stand in the order of [`Parameters::of`], which graphs, the optimiser
//! and checkpoints share; the running statistics belong to the normalised layers in their order.

use super::plan::{Kind, Plan};
use crate::random::Random;
use crate::tensor::Tensor;

/// Name of the head's kernel, `[classes, features]`.
pub(super) const HEAD_WEIGHT: &str = "head.weight";

/// Name of the head's bias, `[classes]`.
pub(super) const HEAD_BIAS: &str = "head.bias";

/// A tensor that is learned.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Learned {
    /// Name of the tensor, and of the graph's input.
    pub(super) name: String,
    /// Its values.
    pub(super) tensor: Tensor,
    /// Whether weight decay pulls it towards 0.
    pub(super) decays: bool,
}

/// Running mean and variance of a normalised layer, `[channels]` each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistics {
    /// Name of the layer.
    pub(super) layer: String,
    /// Mean of each channel.
    pub(super) mean: Tensor,
    /// Variance of each channel.
    pub(super) variance: Tensor,
}

/// Everything that training changes, but for the optimiser's state.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameters {
    /// The tensors that are learned.
    pub(super) learned: Vec<Learned>,
    /// What is kept of the batches' statistics.
    pub(super) statistics: Vec<Statistics>,
}

/// The stream of random numbers that weights are drawn from; the data have others.
const WEIGHTS: u64 = 101;

/// Share by which a batch's statistics move the running ones.
const MOMENTUM: f32 = 0.02;

impl Parameters {
    /// Returns the parameters of a plan before any training: kernels normally distributed with a
    /// variance of 2 by the number of inputs of an output (He et al. 2015), the head of a
    /// third of that by its features, everything else 0 or 1. The same seed gives the same values.
    pub(super) fn of(plan: &Plan, features: usize, classes: usize, seed: u64) -> Self {
        let mut learned = Vec::new();
        let mut statistics = Vec::new();
        let mut channels = 3;
        let mut random = Random::stream(seed, &[WEIGHTS]);
        let mut draw = |shape: Vec<usize>, deviation: f32| {
            let count = shape.iter().product();
            let values = (0..count).map(|_| random.normal() * deviation).collect();
            Tensor::new(shape, values).expect("as many values as the shape has")
        };
        let flat = |name: String, len: usize, value: f32| Learned {
            name,
            tensor: Tensor::full(vec![len], value),
            decays: false,
        };
        for layer in &plan.layers {
            let Kind::Conv {
                out,
                window,
                groups,
                bias,
                norm,
            } = layer.kind
            else {
                continue;
            };
            let [height, width] = window.kernel.0;
            let shape = vec![out, channels / groups, height, width];
            let inputs: usize = shape[1..].iter().product();
            learned.push(Learned {
                name: weight(&layer.name),
                tensor: draw(shape, (2.0 / count(inputs)).sqrt()),
                decays: true,
            });
            if bias {
                learned.push(flat(self::bias(&layer.name), out, 0.0));
            }
            if norm.is_some() {
                learned.push(flat(scale(&layer.name), out, 1.0));
                learned.push(flat(shift(&layer.name), out, 0.0));
                statistics.push(Statistics {
                    layer: layer.name.clone(),
                    mean: Tensor::full(vec![out], 0.0),
                    variance: Tensor::full(vec![out], 1.0),
                });
            }
            channels = out;
        }
        learned.push(Learned {
            name: HEAD_WEIGHT.to_owned(),
            tensor: draw(
                vec![classes, features],
                (1.0 / (3.0 * count(features))).sqrt(),
            ),
            decays: true,
        });
        learned.push(flat(HEAD_BIAS.to_owned(), classes, 0.0));
        Self {
            learned,
            statistics,
        }
    }

    /// Returns the lengths of the learned tensors, in order.
    pub(super) fn lengths(&self) -> Vec<usize> {
        self.learned
            .iter()
            .map(|learned| learned.tensor.data().len())
            .collect()
    }

    /// Returns the learned tensor of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Tensor> {
        self.learned
            .iter()
            .find(|learned| learned.name == name)
            .map(|learned| &learned.tensor)
    }

    /// Moves the running statistics towards those of a batch, which come as mean and variance of
    /// each normalised layer in order; the first batch's are taken as they are.
    pub(super) fn remember(&mut self, batch: &[Tensor], is_first: bool) {
        let share = if is_first { 1.0 } else { MOMENTUM };
        let (pairs, _) = batch.as_chunks::<2>();
        for (kept, [mean, variance]) in self.statistics.iter_mut().zip(pairs) {
            for (kept, new) in [(&mut kept.mean, mean), (&mut kept.variance, variance)] {
                for (kept, new) in kept.data_mut().iter_mut().zip(new.data()) {
                    *kept += share * (new - *kept);
                }
            }
        }
    }
}

/// Returns the name of a convolution's kernel.
pub(super) fn weight(layer: &str) -> String {
    format!("{layer}.weight")
}

/// Returns the name of a convolution's bias.
pub(super) fn bias(layer: &str) -> String {
    format!("{layer}.bias")
}

/// Returns the name of the factors of the normalisation behind a convolution.
pub(super) fn scale(layer: &str) -> String {
    format!("{layer}.norm.weight")
}

/// Returns the name of what the normalisation behind a convolution adds.
pub(super) fn shift(layer: &str) -> String {
    format!("{layer}.norm.bias")
}

/// Returns the name of the mean that a normalisation uses or gives.
pub(super) fn mean(layer: &str) -> String {
    format!("{layer}.norm.mean")
}

/// Returns the name of the variance that a normalisation uses or gives.
pub(super) fn variance(layer: &str) -> String {
    format!("{layer}.norm.variance")
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a layer has far less than 2^24 inputs"
)]
fn count(value: usize) -> f32 {
    value as f32
}
