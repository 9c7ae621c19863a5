//! What a layer sees of the picture: receptive field, stride, and which pixels are left out.
//!
//! Follows the windows of a graph from the picture to each value, one axis at a time. The element
//! `i` of a value sees the pixels from `first + i · stride` to `last + i · stride`, both included,
//! some of which may lie outside the picture, in padding. Values that see all of the picture at
//! once (global pooling, what follows a flattening) have no such geometry.

use std::collections::{BTreeMap, BTreeSet};

use super::Network;
use super::layer::LayerKind;
use crate::onnx::infer::window::windows;
use crate::onnx::{Graph, Node};

/// How large a picture is assumed where only the geometry is asked for: room for any network.
const LARGE: usize = 1 << 16;

/// What is known about a layer from the graph alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGeometry {
    /// Name of the layer.
    pub name: String,
    /// What produces it.
    pub kind: LayerKind,
    /// Channels, where the graph tells them.
    pub channels: Option<usize>,
    /// Side of the square of pixels that one element sees; `None` for all of them.
    pub receptive_field: Option<usize>,
    /// Distance in pixels between neighbouring elements; `None` where there are none.
    pub stride: Option<usize>,
}

impl Network {
    /// Returns what each layer sees of the picture, in network order. Where height and width
    /// differ, the larger is told.
    pub fn geometry(&self) -> Vec<LayerGeometry> {
        let graph = &self.model.graph;
        let nodes: Vec<&Node> = graph.nodes.iter().collect();
        let across = [0, 1].map(|axis| sights(&nodes, graph, axis, LARGE));
        let channels = channels(graph);
        let largest = |name: &str, of: fn(&Sight) -> usize| {
            let [height, width] = [0, 1].map(|axis| across[axis].get(name).map(of));
            height.zip(width).map(|(height, width)| height.max(width))
        };
        self.layers
            .iter()
            .map(|layer| LayerGeometry {
                name: layer.name.clone(),
                kind: layer.kind,
                channels: channels.get(layer.name.as_str()).copied(),
                receptive_field: largest(&layer.name, Sight::field),
                stride: largest(&layer.name, |sight| sight.stride),
            })
            .collect()
    }

    /// Returns the shortest side of a picture, in pixels, on which `layer` has an element at least;
    /// `None` where that cannot be told.
    pub fn smallest_side(&self, layer: &str) -> Option<usize> {
        let graph = &self.model.graph;
        let nodes: Vec<&Node> = graph.nodes.iter().collect();
        let fits = |side: usize| {
            [0, 1].iter().all(|&axis| {
                let seen = sights(&nodes, graph, axis, side);
                seen.get(layer).is_some_and(|sight| sight.count > 0)
            })
        };
        let (mut low, mut high) = (0, LARGE);
        if !fits(high) {
            return None;
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if fits(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Some(high)
    }
}

/// What a value sees of the picture along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// The pixels that element 0 sees, padding counted.
    first: i64,
    last: i64,
    stride: usize,
    count: usize,
    /// The last pixel that any element sees, through whatever lies between: what a window finds in
    /// padding is no pixel, however far it reaches.
    end: i64,
}

impl Sight {
    fn field(&self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or(0)
    }
}

/// Returns how many rows and columns a picture must be continued by at the bottom and right, so
/// that its last row and column are seen by each of `layers`, which `nodes` compute.
///
/// Nothing is added for an axis on which no continuation helps.
pub(super) fn continuation(
    nodes: &[Node],
    graph: &Graph,
    layers: &BTreeSet<&str>,
    extents: [usize; 2],
) -> [usize; 2] {
    let nodes: Vec<&Node> = nodes.iter().collect();
    [0, 1].map(|axis| {
        let extent = extents[axis];
        // No window beyond the first can begin later than one stride of the deepest layer.
        let most = sights(&nodes, graph, axis, LARGE)
            .values()
            .map(|sight| sight.stride)
            .max();
        (0..most.unwrap_or(1))
            .find(|more| {
                let seen = sights(&nodes, graph, axis, extent + more);
                let mut ends = layers.iter().filter_map(|layer| seen.get(*layer));
                ends.all(|sight| sight.end + 1 >= signed(extent))
            })
            .unwrap_or(0)
    })
}

/// Returns what each value sees along `axis` (0 for the height) of a picture of `extent` pixels.
fn sights<'a>(
    nodes: &[&'a Node],
    graph: &'a Graph,
    axis: usize,
    extent: usize,
) -> BTreeMap<&'a str, Sight> {
    let mut seen = BTreeMap::new();
    for input in &graph.inputs {
        let pixel = Sight {
            first: 0,
            last: 0,
            stride: 1,
            count: extent,
            end: signed(extent) - 1,
        };
        seen.insert(input.name.as_str(), pixel);
    }
    for node in nodes {
        if let Some(sight) = sight(node, graph, &seen, axis)
            && let Some(output) = node.outputs.first()
        {
            seen.insert(output.as_str(), sight);
        }
    }
    seen
}

fn sight(node: &Node, graph: &Graph, seen: &BTreeMap<&str, Sight>, axis: usize) -> Option<Sight> {
    let values = node
        .inputs
        .iter()
        .filter(|name| !name.is_empty() && !graph.initializers.contains_key(*name));
    let mut read = Vec::new();
    for value in values {
        read.push(*seen.get(value.as_str())?);
    }
    match node.op.as_str() {
        "Conv" | "MaxPool" | "AveragePool" => through(node, graph, *read.first()?, axis),
        "Pad" => padded(node, graph, *read.first()?, axis),
        "ConvTranspose" | "Resize" | "GlobalAveragePool" | "GlobalMaxPool" | "Flatten"
        | "Reshape" | "Gemm" | "MatMul" | "Transpose" | "Slice" | "Squeeze" | "Unsqueeze"
        | "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "DepthToSpace" | "Expand"
        | "Split" => None,
        _ => merged(&read),
    }
}

/// What windows over a value see.
fn through(node: &Node, graph: &Graph, from: Sight, axis: usize) -> Option<Sight> {
    let kernel = match node.op.as_str() {
        "Conv" => Some(graph.initializers.get(node.input(1)?)?.shape().get(2..)?),
        _ => None,
    };
    let window = *windows(node, &[from.count; 2], kernel).ok()?.get(axis)?;
    let step = signed(from.stride);
    let before = signed(window.before);
    let last = from.last + (signed(window.reach()) - 1 - before) * step;
    let stride = from.stride * window.stride;
    let count = window.count(from.count)?;
    Some(Sight {
        first: from.first - before * step,
        last,
        stride,
        count,
        end: (last + signed(count.saturating_sub(1) * stride)).min(from.end),
    })
}

fn padded(node: &Node, graph: &Graph, from: Sight, axis: usize) -> Option<Sight> {
    let pads = match node.input(1) {
        Some(name) => graph.initializers.get(name)?.as_i64()?,
        None => node.ints("pads")?.to_vec(),
    };
    let &[_, _, top, left, _, _, bottom, right] = pads.as_slice() else {
        return None;
    };
    let (before, after) = if axis == 0 {
        (top, bottom)
    } else {
        (left, right)
    };
    let step = signed(from.stride);
    Some(Sight {
        first: from.first - before * step,
        last: from.last - before * step,
        count: usize::try_from(signed(from.count) + before + after).ok()?,
        ..from
    })
}

/// What a value computed from several, element by element, sees.
fn merged(read: &[Sight]) -> Option<Sight> {
    let (&one, others) = read.split_first()?;
    others.iter().try_fold(one, |sum, other| {
        (sum.stride == other.stride).then(|| Sight {
            first: sum.first.min(other.first),
            last: sum.last.max(other.last),
            stride: sum.stride,
            count: sum.count.min(other.count),
            end: sum.end.max(other.end),
        })
    })
}

/// Returns the channels of each value that the graph alone tells.
fn channels(graph: &Graph) -> BTreeMap<&str, usize> {
    let mut channels: BTreeMap<&str, usize> = BTreeMap::new();
    for input in &graph.inputs {
        channels.insert(input.name.as_str(), 3);
    }
    for node in &graph.nodes {
        let of_input = |name: &String| channels.get(name.as_str()).copied();
        let kernel = || graph.initializers.get(node.input(1)?);
        let made = match node.op.as_str() {
            "Conv" => kernel().and_then(|kernel| kernel.shape().first().copied()),
            "ConvTranspose" => kernel().and_then(|kernel| {
                let group = usize::try_from(node.int("group", 1)).ok()?;
                kernel.shape().get(1)?.checked_mul(group)
            }),
            "Concat" if node.int("axis", 0) == 1 => node.inputs.iter().map(of_input).sum(),
            "Flatten" | "Reshape" | "Gemm" | "MatMul" | "Transpose" | "Squeeze" | "Slice"
            | "Split" | "DepthToSpace" => None,
            _ => node.inputs.iter().find_map(of_input),
        };
        if let (Some(made), Some(output)) = (made, node.outputs.first()) {
            channels.insert(output.as_str(), made);
        }
    }
    channels
}

fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
