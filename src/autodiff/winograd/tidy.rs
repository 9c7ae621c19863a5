//! What a graph no longer needs once convolutions are rewritten.
//!
//! A rewritten convolution gives the plain layout. The identity convolutions that took a value into
//! the blocked layout then cost two reorders for nothing where everything around them is plain.

use std::collections::{BTreeMap, BTreeSet};

use crate::onnx::{Constant, Graph, Node};

/// Drops identity convolutions between plain values, and constants that nothing reads.
pub(super) fn tidy(graph: &mut Graph, rewritten: &BTreeSet<String>) {
    let blocked = blocked(graph, rewritten);
    let readers = readers(graph);
    let mut replaced: BTreeMap<String, String> = BTreeMap::new();
    for node in &graph.nodes {
        if is_identity(graph, node)
            && !blocked.contains(&node.inputs[0])
            && meets_only_plain(graph, &readers, &blocked, &node.outputs[0])
        {
            replaced.insert(node.outputs[0].clone(), node.inputs[0].clone());
        }
    }
    graph
        .nodes
        .retain(|node| !replaced.contains_key(&node.outputs[0]));
    for node in &mut graph.nodes {
        for value in &mut node.inputs {
            if let Some(source) = replaced.get(value) {
                value.clone_from(source);
            }
        }
    }
    let read: BTreeSet<&String> = graph.nodes.iter().flat_map(|node| &node.inputs).collect();
    let outputs: BTreeSet<&String> = graph.outputs.iter().map(|info| &info.name).collect();
    graph
        .initializers
        .retain(|name, _| read.contains(name) || outputs.contains(name));
}

/// Returns the values that ONNX Runtime will hold in its blocked layout.
fn blocked(graph: &Graph, rewritten: &BTreeSet<String>) -> BTreeSet<String> {
    let mut blocked = BTreeSet::new();
    for node in &graph.nodes {
        let is_blocked = match node.op.as_str() {
            // The transforms of a rewritten convolution end in the plain layout.
            "Conv" => !node.inputs[1].starts_with("winograd."),
            "MaxPool" | "AveragePool" => true,
            "Add" | "Mul" | "Sum" | "Relu" | "HardSigmoid" | "Resize" => {
                !rewritten.contains(&node.outputs[0])
                    && node
                        .inputs
                        .iter()
                        .filter(|value| {
                            !value.is_empty() && !graph.initializers.contains_key(*value)
                        })
                        .all(|value| blocked.contains(value))
            }
            _ => false,
        };
        if is_blocked {
            blocked.extend(node.outputs.iter().cloned());
        }
    }
    blocked
}

fn readers(graph: &Graph) -> BTreeMap<String, Vec<usize>> {
    let mut readers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        for value in &node.inputs {
            readers.entry(value.clone()).or_default().push(index);
        }
    }
    readers
}

/// Whether a node multiplies every channel by 1 and nothing else.
fn is_identity(graph: &Graph, node: &Node) -> bool {
    let kernel = || {
        let kernel = graph.initializers.get(node.input(1)?)?;
        let &[_, 1, 1, 1] = kernel.shape() else {
            return None;
        };
        kernel.as_f32()
    };
    node.op == "Conv"
        && node.int("group", 1) > 1
        && node.input(2).is_none()
        && node
            .ints("pads")
            .is_none_or(|pads| pads.iter().all(|&p| p == 0))
        && node
            .ints("strides")
            .is_none_or(|strides| strides.iter().all(|&s| s == 1))
        && kernel().is_some_and(|kernel: &[f32]| kernel.iter().all(|v| v.to_bits() == ONE))
        && graph
            .initializers
            .get(&node.inputs[1])
            .is_some_and(|k: &Constant| !k.data().is_empty())
}

const ONE: u32 = 1.0_f32.to_bits();

/// Whether a value, passed through masks, is only ever combined with plain values.
fn meets_only_plain(
    graph: &Graph,
    readers: &BTreeMap<String, Vec<usize>>,
    blocked: &BTreeSet<String>,
    value: &str,
) -> bool {
    let Some(indices) = readers.get(value) else {
        return false;
    };
    indices.iter().all(|&index| {
        let node = &graph.nodes[index];
        match node.op.as_str() {
            "HardSigmoid" => meets_only_plain(graph, readers, blocked, &node.outputs[0]),
            "Add" | "Mul" => node
                .inputs
                .iter()
                .filter(|other| *other != value)
                .all(|other| !blocked.contains(other)),
            _ => false,
        }
    })
}
