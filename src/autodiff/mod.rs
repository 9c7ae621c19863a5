//! Reverse-mode differentiation over ONNX graphs: appends a backward pass to a forward graph.
//!
//! [`backward`] starts from values whose gradient is already in the graph (a loss, or a place where
//! a loss term injects its own gradient), walks the nodes between them and the wanted values in
//! reverse order, and lets the rule of each operator append the nodes of its gradient. The walker
//! alone adds up contributions and reduces broadcast gradients to the shape of their value.
//!
//! Notation, as in the rules: `x(i)`, `y(i)` are inputs and outputs of the node at hand, `dy(i)`
//! the gradient of the result with respect to output `i`, `dx(i)` that with respect to input `i`.
//!
//! To add an operator: one function in the file of its family under `rules/`, one line in
//! `rules::RULES`, one case in the gradient checks (a test fails where it is missing).

mod batch_statistics;
mod context;
pub mod rules;
mod target;
pub mod winograd;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

pub use batch_statistics::write_out_statistics;
pub use context::Context;
pub use target::{KernelForm, Target};

use crate::onnx::{Builder, InferError, Node};

/// Why no backward pass could be appended.
#[derive(Debug, Error, PartialEq)]
pub enum GradientError {
    /// Nodes on the way whose operators have no rule, all of them at once.
    #[error("no gradient is known for: {}", .0.join(", "))]
    Unsupported(Vec<String>),
    /// A node that a rule exists for, used in a way that the rule does not cover.
    #[error("gradient of node {node}: {reason}")]
    Node {
        /// Label of the node.
        node: String,
        /// What is not covered.
        reason: String,
    },
    /// A wanted value on which nothing that was seeded depends.
    #[error("no loss depends on `{0}`")]
    Independent(String),
    /// The nodes that a rule appended do not fit together.
    #[error("append the gradient")]
    Append(#[from] InferError),
}

/// Appends to `graph` what computes the gradients of the `wanted` values, and returns the names of
/// those gradients in the same order.
///
/// `seeds` pairs a value with the name of the value that holds its gradient (of the same shape);
/// a value may be seeded and lie on the way from another seed, or be seeded several times.
pub fn backward(
    graph: &mut Builder,
    seeds: &[(String, String)],
    wanted: &[&str],
    target: Target,
) -> Result<Vec<String>, GradientError> {
    let nodes = path(graph, seeds, wanted);
    let unsupported: Vec<String> = nodes
        .iter()
        .filter(|node| rules::rule(node).is_none())
        .map(Node::label)
        .collect();
    if !unsupported.is_empty() {
        return Err(GradientError::Unsupported(unsupported));
    }
    let on_path: BTreeSet<String> = nodes
        .iter()
        .flat_map(|node| node.outputs.iter().cloned())
        .chain(wanted.iter().map(|&name| name.to_owned()))
        .collect();
    let mut gradients = Gradients::default();
    for (value, gradient) in seeds {
        gradients.add(value, gradient.clone());
    }
    for node in nodes.iter().rev() {
        let mut dy = Vec::with_capacity(node.outputs.len());
        graph.set_prefix(&prefix(node));
        for output in &node.outputs {
            dy.push(gradients.total(graph, output)?);
        }
        if dy.iter().all(Option::is_none) {
            continue;
        }
        let mut context = Context::new(graph, node, &dy, &on_path, target);
        let rule = rules::rule(node).expect("nodes without a rule were refused above");
        rule(&mut context).map_err(|reason| GradientError::Node {
            node: node.label(),
            reason,
        })?;
        for (i, dx) in context.into_results() {
            let value = node.inputs[i].clone();
            let dx = reduce_broadcast(graph, &dx, &value)?;
            gradients.add(&value, dx);
        }
    }
    graph.set_prefix("grad");
    let mut results = Vec::with_capacity(wanted.len());
    for &value in wanted {
        let gradient = gradients.total(graph, value)?;
        results.push(gradient.ok_or_else(|| GradientError::Independent(value.to_owned()))?);
    }
    graph.set_prefix("");
    Ok(results)
}

/// Returns the nodes, in order, that lie between a wanted value and a seeded one.
fn path(graph: &Builder, seeds: &[(String, String)], wanted: &[&str]) -> Vec<Node> {
    let nodes = &graph.graph().nodes;
    let mut reached: BTreeSet<&str> = wanted.iter().copied().collect();
    let mut forward = Vec::new();
    for node in nodes {
        if node
            .inputs
            .iter()
            .any(|value| reached.contains(value.as_str()))
        {
            // An output left out has the empty name, as has an input left out.
            let outputs = node.outputs.iter().map(String::as_str);
            reached.extend(outputs.filter(|name| !name.is_empty()));
            forward.push(node);
        }
    }
    let mut needed: BTreeSet<&str> = seeds.iter().map(|(value, _)| value.as_str()).collect();
    let mut both: Vec<Node> = Vec::new();
    for node in forward.into_iter().rev() {
        if node
            .outputs
            .iter()
            .any(|value| needed.contains(value.as_str()))
        {
            let inputs = node.inputs.iter().map(String::as_str);
            needed.extend(inputs.filter(|name| !name.is_empty()));
            both.push(node.clone());
        }
    }
    both.reverse();
    both
}

fn prefix(node: &Node) -> String {
    let name = if node.name.is_empty() {
        &node.outputs[0]
    } else {
        &node.name
    };
    format!("{name}.grad")
}

/// The contributions to the gradient of each value.
#[derive(Default)]
struct Gradients(BTreeMap<String, Vec<String>>);

impl Gradients {
    fn add(&mut self, value: &str, gradient: String) {
        self.0.entry(value.to_owned()).or_default().push(gradient);
    }

    /// Returns the gradient of `value`, adding up its contributions, if it has any.
    fn total(&mut self, graph: &mut Builder, value: &str) -> Result<Option<String>, InferError> {
        let Some(parts) = self.0.get_mut(value) else {
            return Ok(None);
        };
        // Two at a time: ONNX Runtime keeps `Add`, unlike `Sum`, in its blocked layout.
        while parts.len() > 1 {
            let (a, b) = (parts.remove(0), parts.remove(0));
            parts.insert(0, graph.node("Add", &[&a, &b], [])?);
        }
        Ok(parts.first().cloned())
    }
}

/// Sums `gradient` over the axes along which `value` was broadcast.
fn reduce_broadcast(
    graph: &mut Builder,
    gradient: &str,
    value: &str,
) -> Result<String, InferError> {
    let (from, to) = (graph.shape(gradient).to_vec(), graph.shape(value).to_vec());
    if from == to {
        return Ok(gradient.to_owned());
    }
    let extra = from.len() - to.len();
    let axes: Vec<i64> = (0_i64..)
        .zip(&from)
        .enumerate()
        .filter(|&(i, (_, &d))| i < extra || (to[i - extra] == 1 && d != 1))
        .map(|(_, (axis, _))| axis)
        .collect();
    let axes = graph.ints(&axes);
    let summed = graph.node("ReduceSum", &[gradient, &axes], [("keepdims", 1.into())])?;
    if extra == 0 {
        return Ok(summed);
    }
    let shape: Vec<i64> = to
        .iter()
        .map(|&d| i64::try_from(d).unwrap_or(i64::MAX))
        .collect();
    let shape = graph.ints(&shape);
    graph.node("Reshape", &[&summed, &shape], [])
}
