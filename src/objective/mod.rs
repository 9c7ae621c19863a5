//! Loss terms over a network, assembled into one graph with its gradient.
//!
//! [`Objective::build`] makes the graph of a stage: inputs are the picture (`image`, `[1, 3, H, W]`,
//! RGB, 0–255), a target for each content and style layer, and the weight of each term; outputs are
//! the value of each term (its weight multiplied in) and `gradient`, that of their sum with respect
//! to the picture. [`features`] and [`grams`] are the graphs that make the targets.
//!
//! The definitions are those of neural-style, in the two forms that are in use (see [`Semantics`]);
//! each term's file gives its formula. A term appends its own gradient at its layer, where the
//! variants differ; the network between the layers and the picture is differentiated by `autodiff`.
//! Weights are used as they are given: nothing is renormalised.

mod content;
mod export;
mod gram;
mod total_variation;

use std::collections::BTreeSet;

use thiserror::Error;

use crate::autodiff::{GradientError, Target, backward, winograd};
use crate::network::{ForwardError, Network, Pooling};
use crate::onnx::{Builder, InferError, Model};

/// Name of the input that holds the picture.
pub const IMAGE: &str = "image";

/// Largest picture, in pixels, whose deep convolutions are rewritten as Winograd's.
///
/// The rewritten form needs its buffers kept between runs to be fast, and then holds half as much
/// memory again as the direct form; above this size memory is what people run out of first.
const WINOGRAD_PIXELS: usize = 1 << 19;

/// Name of the output that holds the gradient.
pub const GRADIENT: &str = "gradient";

/// Why an objective cannot be built.
#[derive(Debug, Error, PartialEq)]
pub enum ObjectiveError {
    /// The network cannot be laid over the picture.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The network has no gradient.
    #[error("differentiate network `{network}`")]
    Gradient {
        /// Name of the network.
        network: String,
        /// Which operator has no gradient.
        #[source]
        source: GradientError,
    },
    /// A term cannot be appended.
    #[error("append the loss terms to network `{network}`")]
    Append {
        /// Name of the network.
        network: String,
        /// What does not fit.
        #[source]
        source: InferError,
    },
    /// A target that is not of its term's shape.
    #[error("the target of {term} has shape {found:?}, {expected:?} is needed")]
    Target {
        /// Name of the term.
        term: String,
        /// Shape needed.
        expected: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// No layer carries a loss.
    #[error("no layer carries a loss: name a content or a style layer")]
    Empty,
}

/// How the gradient of a layer's loss enters the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalize {
    /// As it is: `w · g`.
    Off,
    /// neural-style-pt's `-normalize_gradients`, which multiplies by the weight once more: `w² · g`.
    SquaredWeight,
    /// neural-style's (Lua) `-normalize_gradients`: `w · g / (‖g‖₁ + 1e-8)`.
    L1,
}

/// Which total variation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalVariation {
    /// neural-style-pt's: `Σ|vertical differences| + Σ|horizontal differences|`, part of the loss.
    Absolute,
    /// neural-style's (Lua): the gradient of `½ Σ (squared differences)`, no part of the loss.
    SquaredGradientOnly,
}

/// The variant of neural-style that is meant, as far as losses and gradients differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semantics {
    /// Treatment of each layer's gradient.
    pub normalize: Normalize,
    /// Total variation.
    pub total_variation: TotalVariation,
}

/// What an objective is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Height of the picture in pixels.
    pub height: usize,
    /// Width of the picture in pixels.
    pub width: usize,
    /// Layers with a content loss.
    pub content_layers: Vec<String>,
    /// Layers with a style loss.
    pub style_layers: Vec<String>,
    /// Whether there is a total-variation term (one of weight 0 costs time for nothing).
    pub total_variation: bool,
    /// Which pooling the network is used with.
    pub pooling: Pooling,
    /// Variant of the losses.
    pub semantics: Semantics,
    /// What the gradient is written for.
    pub target: Target,
}

/// What a term measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// Squared difference of features at a layer.
    Content,
    /// Squared difference of Gram matrices at a layer.
    Style,
    /// Total variation of the picture.
    TotalVariation,
}

/// One loss term of an objective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What it measures.
    pub kind: TermKind,
    /// Layer it sits at; empty for total variation.
    pub layer: String,
    /// Shape of its target; empty for total variation.
    pub target_shape: Vec<usize>,
}

impl Term {
    /// Returns the term's name, which is also its column in a table of losses: `content:relu4_2`,
    /// `style:relu1_1`, `tv`.
    pub fn name(&self) -> String {
        match self.kind {
            TermKind::Content => format!("content:{}", self.layer),
            TermKind::Style => format!("style:{}", self.layer),
            TermKind::TotalVariation => "tv".to_owned(),
        }
    }

    /// Returns the name of the input that holds the term's weight, a scalar.
    pub fn weight_input(&self) -> String {
        format!("{}.weight", self.name())
    }

    /// Returns the name of the input that holds the term's target.
    pub fn target_input(&self) -> String {
        format!("{}.target", self.name())
    }
}

/// A graph that computes loss terms and their gradient.
#[derive(Debug, Clone)]
pub struct Objective {
    /// The graph: outputs are the terms in order, then the gradient.
    pub model: Model,
    /// The terms: content layers, style layers, total variation.
    pub terms: Vec<Term>,
    /// Whether a session of the graph gains from keeping its buffers between runs.
    pub wants_arena: bool,
}

impl Objective {
    /// Builds the graph of `spec` over `network`.
    pub fn build(network: &Network, spec: &Spec) -> Result<Self, ObjectiveError> {
        if spec.content_layers.is_empty() && spec.style_layers.is_empty() {
            return Err(ObjectiveError::Empty);
        }
        let named = Spec {
            content_layers: names(network, &spec.content_layers)?,
            style_layers: names(network, &spec.style_layers)?,
            ..spec.clone()
        };
        let spec = &named;
        let mut graph = Builder::new(&format!("{}_objective", network.manifest().name));
        graph.input(IMAGE, &[1, 3, spec.height, spec.width]);
        let layers: BTreeSet<&str> = spec
            .content_layers
            .iter()
            .chain(&spec.style_layers)
            .map(String::as_str)
            .collect();
        network.forward(&mut graph, IMAGE, &layers, spec.pooling)?;
        let name = &network.manifest().name;
        let append = |source| ObjectiveError::Append {
            network: name.clone(),
            source,
        };
        let mut parts = Parts::default();
        for layer in &spec.content_layers {
            content::append(&mut graph, layer, spec, &mut parts).map_err(append)?;
        }
        for layer in &spec.style_layers {
            gram::append(&mut graph, layer, spec, &mut parts).map_err(append)?;
        }
        if spec.total_variation {
            total_variation::append(&mut graph, spec, &mut parts).map_err(append)?;
        }
        for loss in &parts.losses {
            graph.output(loss);
        }
        let gradient =
            backward(&mut graph, &parts.seeds, &[IMAGE], spec.target).map_err(|source| {
                ObjectiveError::Gradient {
                    network: name.clone(),
                    source,
                }
            })?;
        graph
            .named_node("Identity", &[&gradient[0]], GRADIENT, [])
            .map_err(append)?;
        graph.output(GRADIENT);
        let wants_arena =
            spec.target == Target::Blocked && spec.height * spec.width <= WINOGRAD_PIXELS;
        let graph = if wants_arena {
            winograd::rewrite(graph.finish()).map_err(append)?
        } else {
            graph.finish()
        };
        Ok(Self {
            model: Model::new(graph),
            terms: parts.terms,
            wants_arena,
        })
    }

    /// Returns the weight of each term, in order.
    ///
    /// With `normalize_weights` (neural-style-pt) a layer's weight is divided by the largest
    /// dimension of its target: `C` for a Gram matrix, `max(C, H, W)` for features.
    pub fn weights(&self, weights: Weights, normalize_weights: bool) -> Vec<f32> {
        self.terms
            .iter()
            .map(|term| {
                let weight = match term.kind {
                    TermKind::Content => weights.content,
                    TermKind::Style => weights.style,
                    TermKind::TotalVariation => return narrow(weights.total_variation),
                };
                let largest = term.target_shape.iter().max().map_or(1.0, |&d| exact(d));
                narrow(if normalize_weights {
                    weight / largest
                } else {
                    weight
                })
            })
            .collect()
    }
}

/// The weights of a stage, as absolute numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of each content layer.
    pub content: f64,
    /// Of each style layer.
    pub style: f64,
    /// Of the total variation.
    pub total_variation: f64,
}

#[allow(clippy::cast_precision_loss, reason = "extents are far below 2^52")]
fn exact(extent: usize) -> f64 {
    extent as f64
}

#[allow(clippy::cast_possible_truncation, reason = "graphs compute in f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// What the terms append as the graph grows.
#[derive(Default)]
struct Parts {
    terms: Vec<Term>,
    losses: Vec<String>,
    seeds: Vec<(String, String)>,
}

impl Parts {
    /// Adds the inputs of a term and returns the names of its weight and its target.
    fn declare(graph: &mut Builder, term: &Term) -> (String, String) {
        let weight = graph.input(&term.weight_input(), &[]);
        let target = graph.input(&term.target_input(), &term.target_shape);
        (weight, target)
    }

    /// Records a term whose value is `loss` before its weight.
    fn finish(
        &mut self,
        graph: &mut Builder,
        term: Term,
        loss: &str,
        weight: &str,
    ) -> Result<(), InferError> {
        let name = format!("{}.loss", term.name());
        graph.named_node("Mul", &[loss, weight], &name, [])?;
        self.losses.push(name);
        self.terms.push(term);
        Ok(())
    }
}

/// Returns what a layer's own gradient is to be multiplied by, under each kind of normalisation.
///
/// `gradient` is the gradient of the unweighted loss divided by `factor`.
fn scale(
    graph: &mut Builder,
    normalize: Normalize,
    weight: &str,
    factor: f32,
    gradient: Option<&str>,
) -> Result<String, InferError> {
    let factor = graph.scalar(factor);
    match (normalize, gradient) {
        (Normalize::L1, Some(gradient)) => {
            let size = graph.node("Abs", &[gradient], [])?;
            let size = graph.node("ReduceSum", &[&size], [("keepdims", 0.into())])?;
            let size = graph.node("Mul", &[&size, &factor], [])?;
            let guard = graph.scalar(1e-8);
            let size = graph.node("Add", &[&size, &guard], [])?;
            let scaled = graph.node("Mul", &[weight, &factor], [])?;
            graph.node("Div", &[&scaled, &size], [])
        }
        (Normalize::SquaredWeight, _) => {
            let squared = graph.node("Mul", &[weight, weight], [])?;
            graph.node("Mul", &[&squared, &factor], [])
        }
        (Normalize::Off | Normalize::L1, _) => graph.node("Mul", &[weight, &factor], []),
    }
}

/// Appends the sum of all elements.
///
/// In two steps, rows first: summed in one go, a million `f32` elements are off by 2e-5.
fn sum(graph: &mut Builder, value: &str) -> Result<String, InferError> {
    let last = graph.ints(&[-1]);
    let rows = graph.node("ReduceSum", &[value, &last], [("keepdims", 0.into())])?;
    graph.node("ReduceSum", &[&rows], [("keepdims", 0.into())])
}

/// Returns the graph whose outputs are the features at `layers`, each `[1, C, h, w]`, of a picture
/// of `height`×`width`.
pub fn features(
    network: &Network,
    layers: &[String],
    (height, width): (usize, usize),
    pooling: Pooling,
) -> Result<Model, ObjectiveError> {
    let layers = names(network, layers)?;
    let mut graph = measure(network, &layers, (height, width), pooling)?;
    for layer in &layers {
        graph.output(layer);
    }
    Ok(Model::new(graph.finish()))
}

/// Returns the graph whose outputs are the Gram matrices at `layers`, each `[C, C]` and divided by
/// the number of its features' elements, of a picture of `height`×`width`.
pub fn grams(
    network: &Network,
    layers: &[String],
    (height, width): (usize, usize),
    pooling: Pooling,
) -> Result<Model, ObjectiveError> {
    let layers = names(network, layers)?;
    let mut graph = measure(network, &layers, (height, width), pooling)?;
    for layer in &layers {
        let (gram, _) = gram::gram(&mut graph, layer).map_err(|source| ObjectiveError::Append {
            network: network.manifest().name.clone(),
            source,
        })?;
        graph.output(&gram);
    }
    Ok(Model::new(graph.finish()))
}

/// Returns the layers' own names, where `layers` may have aliases.
fn names(network: &Network, layers: &[String]) -> Result<Vec<String>, ForwardError> {
    Ok(network.layer_names(layers)?)
}

fn measure(
    network: &Network,
    layers: &[String],
    (height, width): (usize, usize),
    pooling: Pooling,
) -> Result<Builder, ObjectiveError> {
    let mut graph = Builder::new(&network.manifest().name);
    graph.input(IMAGE, &[1, 3, height, width]);
    let layers = layers.iter().map(String::as_str).collect();
    network.forward(&mut graph, IMAGE, &layers, pooling)?;
    Ok(graph)
}
