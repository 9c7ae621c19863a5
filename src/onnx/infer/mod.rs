//! Shapes of every value of a graph, from the shapes of its inputs.
//!
//! All shapes are concrete: a job stage has one size, and concrete shapes let ONNX Runtime plan its
//! memory. What decides a shape (axes, sizes, pads) must therefore be a constant.
//!
//! One function an operator, in the file of its family; `OPERATORS` is the list of all.

pub use layout::{Cut, pads_by_axis, permutation, slice_cuts};
pub use reduce::reduced_axes;

mod elementwise;
mod layout;
mod linear;
mod reduce;
mod spatial;
pub mod window;

use std::collections::BTreeMap;

use thiserror::Error;

use super::model::{Constant, Graph, Node};

/// Why shapes could not be found.
#[derive(Debug, Error, PartialEq)]
pub enum InferError {
    /// Operators without a shape rule, all of them at once.
    #[error("operators that are not supported: {}", .0.join(", "))]
    Unsupported(Vec<String>),
    /// An input of the graph whose shape is not fixed.
    #[error("input `{0}` of the graph has no fixed shape")]
    Open(String),
    /// A node that reads a value which nothing produces.
    #[error("node {node} reads `{value}`, which nothing before it produces")]
    Unknown {
        /// Label of the node.
        node: String,
        /// Name of the value.
        value: String,
    },
    /// A node whose inputs do not fit it.
    #[error("node {node}: {reason}")]
    Node {
        /// Label of the node.
        node: String,
        /// What does not fit.
        reason: String,
    },
}

/// The shape of each value by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shapes(BTreeMap<String, Vec<usize>>);

impl Shapes {
    /// Returns the shape of a value.
    pub fn get(&self, value: &str) -> Option<&[usize]> {
        self.0.get(value).map(Vec::as_slice)
    }

    /// Records the shape of a value.
    pub fn insert(&mut self, value: &str, shape: Vec<usize>) {
        self.0.insert(value.to_owned(), shape);
    }

    /// Adds the shapes of what `node` produces.
    pub fn add_node(
        &mut self,
        node: &Node,
        constants: &BTreeMap<String, Constant>,
    ) -> Result<(), InferError> {
        let rule = rule_of(node).ok_or_else(|| InferError::Unsupported(vec![node.label()]))?;
        let misfit = |reason| InferError::Node {
            node: node.label(),
            reason,
        };
        for value in node.inputs.iter().filter(|value| !value.is_empty()) {
            let shape = self.get(value).ok_or_else(|| InferError::Unknown {
                node: node.label(),
                value: value.clone(),
            })?;
            within_bounds(shape).map_err(misfit)?;
        }
        let produced = rule(&Reading {
            node,
            shapes: self,
            constants,
        })
        .map_err(misfit)?;
        for shape in &produced {
            within_bounds(shape).map_err(misfit)?;
        }
        for (name, shape) in node.outputs.iter().zip(produced) {
            self.insert(name, shape);
        }
        Ok(())
    }
}

/// Returns the shapes of all values of `graph`, whose inputs must have fixed shapes.
pub fn infer(graph: &Graph) -> Result<Shapes, InferError> {
    let unsupported: Vec<String> = graph
        .nodes
        .iter()
        .filter(|node| rule_of(node).is_none())
        .map(Node::label)
        .collect();
    if !unsupported.is_empty() {
        return Err(InferError::Unsupported(unsupported));
    }
    let mut shapes = Shapes::default();
    for (name, constant) in &graph.initializers {
        shapes.insert(name, constant.shape().to_vec());
    }
    for input in &graph.inputs {
        let shape = input
            .fixed_shape()
            .ok_or_else(|| InferError::Open(input.name.clone()))?;
        shapes.insert(&input.name, shape);
    }
    for node in &graph.nodes {
        shapes.add_node(node, &graph.initializers)?;
    }
    Ok(shapes)
}

/// The most elements that a value may have, extents of 0 counted as 1: far beyond any memory, and
/// far below where the rules' sums and products would overflow.
const MOST_ELEMENTS: usize = 1 << 40;

/// Holds that a value of `shape` has no more elements than any value may have.
pub fn within_bounds(shape: &[usize]) -> Result<(), String> {
    shape
        .iter()
        .try_fold(1_usize, |n, &d| n.checked_mul(d.max(1)))
        .filter(|&count| count <= MOST_ELEMENTS)
        .map(|_| ())
        .ok_or_else(|| format!("a value of shape {shape:?} is too large for any machine"))
}

type Shape = Vec<usize>;
type Rule = fn(&Reading) -> Result<Vec<Shape>, String>;

fn rule_of(node: &Node) -> Option<Rule> {
    if !node.domain.is_empty() {
        return None;
    }
    OPERATORS
        .iter()
        .find(|(op, _)| *op == node.op)
        .map(|(_, rule)| *rule)
}

/// What a shape rule may look at: a node, the shapes before it, and the graph's constants.
struct Reading<'a> {
    node: &'a Node,
    shapes: &'a Shapes,
    constants: &'a BTreeMap<String, Constant>,
}

impl Reading<'_> {
    /// Returns the shape of input `i`.
    fn shape(&self, i: usize) -> Result<&[usize], String> {
        self.optional_shape(i)
            .ok_or_else(|| format!("input {i} is missing"))
    }

    fn optional_shape(&self, i: usize) -> Option<&[usize]> {
        self.node.input(i).and_then(|name| self.shapes.get(name))
    }

    /// Returns the whole numbers of the constant that input `i` names, if it is given.
    fn constant(&self, i: usize) -> Result<Option<Vec<i64>>, String> {
        constant_input(self.node, i, self.constants)
    }

    /// Returns a list that newer operator sets give as input `i` and older ones as an attribute.
    fn list(&self, i: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        Ok(match self.constant(i)? {
            Some(values) => Some(values),
            None => self.node.ints(attribute).map(<[i64]>::to_vec),
        })
    }
}

/// Returns the whole numbers of the constant that input `i` of `node` names, if it is given.
///
/// The error says that the input is no constant, or not of whole numbers.
pub fn constant_input(
    node: &Node,
    i: usize,
    constants: &BTreeMap<String, Constant>,
) -> Result<Option<Vec<i64>>, String> {
    let Some(name) = node.input(i) else {
        return Ok(None);
    };
    constants
        .get(name)
        .and_then(Constant::as_i64)
        .map(Some)
        .ok_or_else(|| format!("input {i} (`{name}`) must be a constant of whole numbers"))
}

/// Returns the index of `axis` (negative counts from the end) among `rank` axes.
pub fn axis_index(axis: i64, rank: usize) -> Result<usize, String> {
    let signed = i64::try_from(rank).unwrap_or(i64::MAX);
    let index = if axis < 0 { axis + signed } else { axis };
    usize::try_from(index)
        .ok()
        .filter(|&index| index < rank)
        .ok_or_else(|| format!("axis {axis} is outside a value of {rank} axes"))
}

/// Returns the shape that two shapes broadcast to.
pub fn broadcast(a: &[usize], b: &[usize]) -> Result<Shape, String> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], i: usize| {
        (i + shape.len())
            .checked_sub(rank)
            .map_or(1, |index| shape[index])
    };
    (0..rank)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

/// Every operator whose shapes are known, by name.
const OPERATORS: &[(&str, Rule)] = &[
    ("Abs", elementwise::same),
    ("Add", elementwise::broadcasting),
    ("And", elementwise::broadcasting),
    ("AveragePool", spatial::pool),
    ("BatchNormalization", elementwise::batch_normalization),
    ("Cast", elementwise::same),
    ("Clip", elementwise::same),
    ("Concat", layout::concat),
    ("Conv", spatial::conv),
    ("ConvTranspose", spatial::conv_transpose),
    ("DepthToSpace", layout::depth_to_space),
    ("Div", elementwise::broadcasting),
    ("Dropout", elementwise::same),
    ("Elu", elementwise::same),
    ("Equal", elementwise::broadcasting),
    ("Erf", elementwise::same),
    ("Exp", elementwise::same),
    ("Expand", layout::expand),
    ("Flatten", layout::flatten),
    ("Gemm", linear::gemm),
    ("GlobalAveragePool", spatial::global_pool),
    ("GlobalMaxPool", spatial::global_pool),
    ("Greater", elementwise::broadcasting),
    ("GreaterOrEqual", elementwise::broadcasting),
    ("HardSigmoid", elementwise::same),
    ("Identity", elementwise::same),
    ("LRN", elementwise::same),
    ("LeakyRelu", elementwise::same),
    ("Less", elementwise::broadcasting),
    ("LessOrEqual", elementwise::broadcasting),
    ("Log", elementwise::same),
    ("MatMul", linear::matmul),
    ("Max", elementwise::broadcasting),
    ("MaxPool", spatial::pool),
    ("Min", elementwise::broadcasting),
    ("Mul", elementwise::broadcasting),
    ("Neg", elementwise::same),
    ("Not", elementwise::same),
    ("Or", elementwise::broadcasting),
    ("PRelu", elementwise::same),
    ("Pad", layout::pad),
    ("Pow", elementwise::broadcasting),
    ("ReduceMax", reduce::reduce),
    ("ReduceMean", reduce::reduce),
    ("ReduceMin", reduce::reduce),
    ("ReduceSum", reduce::reduce),
    ("Relu", elementwise::same),
    ("Reshape", layout::reshape),
    ("Resize", spatial::resize),
    ("Sigmoid", elementwise::same),
    ("Sign", elementwise::same),
    ("Slice", layout::slice),
    ("Split", layout::split),
    ("Sqrt", elementwise::same),
    ("Squeeze", layout::squeeze),
    ("Sub", elementwise::broadcasting),
    ("Sum", elementwise::broadcasting),
    ("Tanh", elementwise::same),
    ("Transpose", layout::transpose),
    ("Unsqueeze", layout::unsqueeze),
    ("Where", elementwise::broadcasting),
];

#[cfg(test)]
mod tests;
