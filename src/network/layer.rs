//! The layers of a network by the names that users know from neural-style.

use thiserror::Error;

use super::Network;
use crate::onnx::{Graph, Node};

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// A convolution, before its activation.
    Convolution,
    /// An activation.
    Activation,
    /// A pooling.
    Pooling,
    /// Several layers side by side, as where the branches of a `SqueezeNet` meet.
    Concatenation,
}

/// A value of the network's graph that may carry a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name, which is the name of the value, for example `relu4_2`.
    pub name: String,
    /// What produces it.
    pub kind: LayerKind,
}

/// A layer name that the network does not have.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("network `{network}` has no layer `{layer}`{}; its layers are {}", hint(.explanation.as_deref(), .nearest.as_deref()), .layers.join(", "))]
pub struct UnknownLayer {
    /// Name of the network.
    pub network: String,
    /// The name that was asked for.
    pub layer: String,
    /// What the network's manifest says about that name.
    pub explanation: Option<String>,
    /// The name most like it, if one is like it at all.
    pub nearest: Option<String>,
    /// All layers, in network order.
    pub layers: Vec<String>,
}

fn hint(explanation: Option<&str>, nearest: Option<&str>) -> String {
    match (explanation, nearest) {
        (Some(explanation), _) => format!(" ({explanation})"),
        (None, Some(name)) => format!(" (did you mean `{name}`?)"),
        (None, None) => String::new(),
    }
}

impl UnknownLayer {
    pub(super) fn new(network: &Network, layer: &str) -> Self {
        let layers = network.layers.iter().map(|layer| &layer.name);
        let nearest = layers
            .clone()
            .chain(network.aliases.keys())
            .map(|known| (strsim::jaro_winkler(known, layer), known))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name.clone());
        Self {
            network: network.manifest.name.clone(),
            layer: layer.to_owned(),
            explanation: network.manifest.hints.get(layer).cloned(),
            nearest,
            layers: layers.cloned().collect(),
        }
    }
}

/// Returns what layer a node makes, if it makes one.
pub(in crate::network) fn kind(node: &Node) -> Option<LayerKind> {
    match node.op.as_str() {
        "Conv" | "ConvTranspose" => Some(LayerKind::Convolution),
        "Relu" | "LeakyRelu" | "PRelu" | "Sigmoid" | "Tanh" | "Elu" | "Clip" => {
            Some(LayerKind::Activation)
        }
        "MaxPool" | "AveragePool" | "GlobalAveragePool" => Some(LayerKind::Pooling),
        "Concat" if node.int("axis", 0) == 1 => Some(LayerKind::Concatenation),
        _ => None,
    }
}

/// Returns the layers of a graph: every convolution, activation, pooling and
/// concatenation, by its value's name.
pub(super) fn layers(graph: &Graph) -> Vec<Layer> {
    graph
        .nodes
        .iter()
        .filter_map(|node| {
            Some(Layer {
                name: node.outputs[0].clone(),
                kind: kind(node)?,
            })
        })
        .collect()
}
