//! The layers of a network by the names that users know from neural-style.

use thiserror::Error;

use crate::onnx::Graph;

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
#[error("network `{network}` has no layer `{layer}`{}; its layers are {}", hint(.nearest.as_deref()), .layers.join(", "))]
pub struct UnknownLayer {
    /// Name of the network.
    pub network: String,
    /// The name that was asked for.
    pub layer: String,
    /// The name most like it, if one is like it at all.
    pub nearest: Option<String>,
    /// All layers, in network order.
    pub layers: Vec<String>,
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

impl UnknownLayer {
    pub(super) fn new(network: &str, layer: &str, layers: &[Layer]) -> Self {
        let nearest = layers
            .iter()
            .map(|known| (strsim::jaro_winkler(&known.name, layer), &known.name))
            .filter(|(likeness, _)| *likeness > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name.clone());
        Self {
            network: network.to_owned(),
            layer: layer.to_owned(),
            nearest,
            layers: layers.iter().map(|layer| layer.name.clone()).collect(),
        }
    }
}

/// Returns the layers of a graph: every convolution, activation, pooling and
/// concatenation, by its value's name.
pub(super) fn layers(graph: &Graph) -> Vec<Layer> {
    graph
        .nodes
        .iter()
        .filter_map(|node| {
            let kind = match node.op.as_str() {
                "Conv" | "ConvTranspose" => LayerKind::Convolution,
                "Relu" | "LeakyRelu" | "PRelu" | "Sigmoid" | "Tanh" | "Elu" | "Clip" => {
                    LayerKind::Activation
                }
                "MaxPool" | "AveragePool" | "GlobalAveragePool" => LayerKind::Pooling,
                "Concat" => LayerKind::Concatenation,
                _ => return None,
            };
            Some(Layer {
                name: node.outputs[0].clone(),
                kind,
            })
        })
        .collect()
}
