//! Batch normalisation in training written out for ONNX Runtime.
//!
//! The standard operator gives the batch's mean and variance as outputs. Where nodes of the same
//! graph read them, ONNX Runtime 1.32 with its graph optimisations on computes wrong values from
//! them (with them off it does not), so the backward pass cannot be run as it is written. Written out, with the
//! statistics as means of their own, it is right, and as fast.

use crate::onnx::{Builder, Graph, InferError, Node};

/// Returns `graph` with every batch normalisation in training written out, under the same names.
pub fn write_out_statistics(mut graph: Graph) -> Result<Graph, InferError> {
    let nodes = std::mem::take(&mut graph.nodes);
    let outputs = std::mem::take(&mut graph.outputs);
    let mut written = Builder::from_graph(graph)?;
    for node in nodes {
        let is_training = node.op == "BatchNormalization" && node.int("training_mode", 0) != 0;
        match node.outputs.as_slice() {
            [y, mean, variance] if is_training => {
                write_out(&mut written, &node, [y, mean, variance])?;
            }
            _ => written.push(node)?,
        }
    }
    let mut graph = written.finish();
    graph.outputs = outputs;
    Ok(graph)
}

/// Appends `mean = E x`, `variance = E x² − mean²` (never below 0) over all axes but the channels',
/// and the normalisation by them.
fn write_out(
    graph: &mut Builder,
    node: &Node,
    [y, mean, variance]: [&String; 3],
) -> Result<(), InferError> {
    graph.set_prefix(&node.label().replace(' ', "_"));
    let x = node.inputs[0].as_str();
    let rank = i64::try_from(graph.shape(x).len()).unwrap_or(i64::MAX);
    let axes: Vec<i64> = (0..rank).filter(|&axis| axis != 1).collect();
    let over = || [("axes", axes.clone().into()), ("keepdims", 0.into())];
    graph.named_node("ReduceMean", &[x], mean, over())?;
    let square = graph.node("Mul", &[x, x], [])?;
    let power = graph.node("ReduceMean", &[&square], over())?;
    let part = graph.node("Mul", &[mean, mean], [])?;
    let rest = graph.node("Sub", &[&power, &part], [])?;
    let zero = graph.scalar(0.0);
    graph.named_node("Max", &[&rest, &zero], variance, [])?;
    graph.set_prefix("");
    let inputs = [x, &node.inputs[1], &node.inputs[2], mean, variance];
    let epsilon = node.float("epsilon", 1e-5);
    graph.named_node(
        "BatchNormalization",
        &inputs,
        y,
        [("epsilon", epsilon.into())],
    )
}
