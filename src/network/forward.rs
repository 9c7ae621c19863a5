//! Lays the part of a network that is needed over a picture in a graph under construction.

use std::collections::BTreeSet;

use thiserror::Error;

use super::Network;
use super::geometry;
use super::layer::UnknownLayer;
use super::manifest::{Coverage, Input, Order};
use crate::onnx::{Attribute, Builder, Constant, Graph, InferError, Node};

/// Which pooling a network is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling {
    /// Maximum (as most are trained) or average.
    pub kind: PoolingKind,
    /// Rounds the size of a max-pooling up, as Caffe does, whatever the graph says.
    pub caffe_ceil: bool,
}

/// Maximum or average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingKind {
    /// The poolings as they are in the graph.
    Max,
    /// Every max-pooling replaced by an average of the same windows, its size rounded down.
    Average,
}

/// Why a network cannot be laid over a picture.
#[derive(Debug, Error, PartialEq)]
pub enum ForwardError {
    /// A layer that the network does not have.
    #[error(transparent)]
    Layer(#[from] UnknownLayer),
    /// The picture is too small for the layers, or the graph does not fit together.
    #[error(
        "network `{network}` cannot work on a picture of {width}×{height}: it needs a larger picture or fewer layers"
    )]
    Shape {
        /// Name of the network.
        network: String,
        /// Width of the picture.
        width: usize,
        /// Height of the picture.
        height: usize,
        /// Where it does not fit.
        #[source]
        source: InferError,
    },
    /// The picture is smaller than the manifest allows.
    #[error(
        "network `{network}` needs a picture whose shorter side has at least {minimum} pixels, not {width}×{height}"
    )]
    TooSmall {
        /// Name of the network.
        network: String,
        /// Width of the picture.
        width: usize,
        /// Height of the picture.
        height: usize,
        /// Smallest shorter side.
        minimum: usize,
    },
}

impl Network {
    /// Appends the network up to the deepest of `layers` (names, not aliases) over `image`
    /// (`[1, 3, H, W]`, RGB, 0–255); the layers' values then bear the layers' names.
    pub fn forward(
        &self,
        graph: &mut Builder,
        image: &str,
        layers: &BTreeSet<&str>,
        pooling: Pooling,
    ) -> Result<(), ForwardError> {
        for layer in layers {
            if self.layer(layer)?.name != *layer {
                return Err(UnknownLayer::new(self, layer).into());
            }
        }
        let (height, width) = (graph.shape(image)[2], graph.shape(image)[3]);
        let network = self.manifest().name.clone();
        let minimum = self.manifest().input.minimum_size;
        if height.min(width) < minimum {
            return Err(ForwardError::TooSmall {
                network,
                width,
                height,
                minimum,
            });
        }
        self.append(graph, image, layers, pooling)
            .map_err(|source| ForwardError::Shape {
                network,
                width,
                height,
                source,
            })
    }

    fn append(
        &self,
        graph: &mut Builder,
        image: &str,
        layers: &BTreeSet<&str>,
        pooling: Pooling,
    ) -> Result<(), InferError> {
        let forward = &self.model.graph;
        let nodes: Vec<Node> = needed(forward, layers)
            .into_iter()
            .map(|node| pooled(node, pooling))
            .collect();
        let input = forward.inputs[0].name.as_str();
        // Names that no network has (its import sees to it).
        graph.set_prefix("picture");
        let (fed, colour) = centre(graph, image, &self.manifest().input)?;
        let fed = match self.manifest().coverage {
            Coverage::Exact => fed,
            Coverage::Pad => {
                let extents = [graph.shape(image)[2], graph.shape(image)[3]];
                let more = geometry::continuation(&nodes, forward, layers, extents);
                continued(graph, fed, more)?
            }
        };
        let readers: Vec<&Node> = nodes
            .iter()
            .filter(|n| n.inputs.iter().any(|v| v == input))
            .collect();
        // The order and scale of the channels go into the kernel that reads them; padding with
        // zeros is the same before and after.
        let folded = match readers.as_slice() {
            [first] if first.op == "Conv" && first.int("group", 1) == 1 => first
                .input(1)
                .and_then(|name| forward.initializers.get(name))
                .and_then(|kernel| fold_colour(kernel, &colour)),
            _ => None,
        };
        let fed = match folded {
            Some(_) => fed,
            None => recolour(graph, &fed, &colour)?,
        };
        let folded = folded.map(|kernel| graph.constant(kernel));
        graph.set_prefix("");
        for mut node in nodes {
            if node.inputs.iter().any(|value| value == input) {
                if let Some(kernel) = &folded {
                    // Under a name of its own: another node may read the same weights.
                    node.inputs[1].clone_from(kernel);
                }
                for value in node.inputs.iter_mut().filter(|value| *value == input) {
                    value.clone_from(&fed);
                }
            }
            for value in node.inputs.iter().filter(|value| !value.is_empty()) {
                if let Some(constant) = forward.initializers.get(value)
                    && !graph.has(value)
                {
                    graph.named_constant(value, constant.clone());
                }
            }
            graph.push(node)?;
        }
        Ok(())
    }
}

/// Returns the nodes that the layers depend on, in order.
fn needed<'a>(graph: &'a Graph, layers: &BTreeSet<&str>) -> Vec<&'a Node> {
    let mut values: BTreeSet<&str> = layers.clone();
    let mut nodes = Vec::new();
    for node in graph.nodes.iter().rev() {
        if node
            .outputs
            .iter()
            .any(|value| values.contains(value.as_str()))
        {
            values.extend(node.inputs.iter().map(String::as_str));
            nodes.push(node);
        }
    }
    nodes.reverse();
    nodes
}

/// Subtracts the mean from the picture, and returns the matrix that is still to be applied to its
/// channels: rows are the network's channels, columns those of the picture.
fn centre(
    graph: &mut Builder,
    image: &str,
    input: &Input,
) -> Result<(String, [[f32; 3]; 3]), InferError> {
    let mean = Constant::f32s(vec![1, 3, 1, 1], input.mean_rgb().to_vec())
        .expect("three numbers fill three channels");
    let mean = graph.constant(mean);
    let centred = graph.node("Sub", &[image, &mean], [])?;
    let mut matrix = [[0.0; 3]; 3];
    for (channel, row) in matrix.iter_mut().enumerate() {
        let source = if input.order == Order::Bgr {
            2 - channel
        } else {
            channel
        };
        row[source] = input.range / 255.0 / input.std[channel];
    }
    Ok((centred, matrix))
}

/// Continues a picture at the bottom and right by so many rows and columns, repeating its last ones.
///
/// A border of the mean colour would be an edge, which the filters of the first layer answer to
/// more than to most of the picture; a repeated pixel is none.
fn continued(
    graph: &mut Builder,
    value: String,
    [rows, columns]: [usize; 2],
) -> Result<String, InferError> {
    if rows == 0 && columns == 0 {
        return Ok(value);
    }
    let [rows, columns] = [rows, columns].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let pads = graph.ints(&[0, 0, 0, 0, 0, 0, rows, columns]);
    graph.node("Pad", &[&value, &pads], [("mode", "edge".into())])
}

/// Applies the channel matrix as a 1×1 convolution.
fn recolour(
    graph: &mut Builder,
    value: &str,
    matrix: &[[f32; 3]; 3],
) -> Result<String, InferError> {
    let kernel = Constant::f32s(vec![3, 3, 1, 1], matrix.as_flattened().to_vec())
        .expect("nine numbers fill a 3×3 matrix");
    let kernel = graph.constant(kernel);
    graph.node("Conv", &[value, &kernel], [])
}

/// Returns the kernel `[out, 3, …]` that does to the picture's channels what `kernel` does to the
/// network's.
fn fold_colour(kernel: &Constant, matrix: &[[f32; 3]; 3]) -> Option<Constant> {
    let &[out, 3, ref spatial @ ..] = kernel.shape() else {
        return None;
    };
    let taps: usize = spatial.iter().product();
    let old = kernel.as_f32()?;
    let mut new = vec![0.0; old.len()];
    for o in 0..out {
        for (c, row) in matrix.iter().enumerate() {
            for (p, factor) in row.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                let (from, to) = ((o * 3 + c) * taps, (o * 3 + p) * taps);
                for t in 0..taps {
                    new[to + t] += factor * old[from + t];
                }
            }
        }
    }
    Constant::f32s(kernel.shape().to_vec(), new)
}

/// Returns the node as `pooling` wants it.
fn pooled(node: &Node, pooling: Pooling) -> Node {
    let mut node = node.clone();
    if node.op != "MaxPool" {
        return node;
    }
    match pooling.kind {
        PoolingKind::Max if pooling.caffe_ceil => {
            node.attributes
                .insert("ceil_mode".to_owned(), Attribute::Int(1));
        }
        PoolingKind::Max => {}
        PoolingKind::Average => {
            "AveragePool".clone_into(&mut node.op);
            node.outputs.truncate(1);
            for name in ["ceil_mode", "storage_order", "dilations"] {
                node.attributes.remove(name);
            }
        }
    }
    node
}
