//! What a gradient rule sees of the node at hand and how it appends nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::Target;
use crate::onnx::infer::constant_input;
use crate::onnx::{Attribute, Builder, Constant, Node};

/// A node, the gradients of its outputs, and the graph to append to.
///
/// The methods that append return the name of the new value, or a reason in words that the walker
/// puts the node's name to.
pub struct Context<'a> {
    graph: &'a mut Builder,
    node: &'a Node,
    dy: &'a [Option<String>],
    on_path: &'a BTreeSet<String>,
    target: Target,
    results: BTreeMap<usize, String>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        graph: &'a mut Builder,
        node: &'a Node,
        dy: &'a [Option<String>],
        on_path: &'a BTreeSet<String>,
        target: Target,
    ) -> Self {
        Self {
            graph,
            node,
            dy,
            on_path,
            target,
            results: BTreeMap::new(),
        }
    }

    pub(super) fn into_results(self) -> BTreeMap<usize, String> {
        self.results
    }

    /// Returns the node at hand.
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// Returns what the gradient is written for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Returns the name of input `i`, which the operator requires.
    pub fn x(&self, i: usize) -> &'a str {
        &self.node.inputs[i]
    }

    /// Returns the name of output `i`.
    pub fn y(&self, i: usize) -> &'a str {
        &self.node.outputs[i]
    }

    /// Returns the gradient of output 0.
    pub fn dy(&self) -> Result<&'a str, String> {
        self.dy_of(0)
            .ok_or_else(|| "only a secondary output is used".to_owned())
    }

    /// Returns the gradient of output `i`, or `None` where nothing depends on it.
    pub fn dy_of(&self, i: usize) -> Option<&'a str> {
        self.dy.get(i).and_then(Option::as_deref)
    }

    /// Returns true if and only if the gradient of input `i` is asked for.
    pub fn wants(&self, i: usize) -> bool {
        self.node
            .input(i)
            .is_some_and(|name| self.on_path.contains(name))
    }

    /// Gives the gradient of input `i`, in its shape or in one that it was broadcast to.
    pub fn set_dx(&mut self, i: usize, gradient: String) {
        self.results.insert(i, gradient);
    }

    /// Returns the graph to append to.
    pub fn graph(&mut self) -> &mut Builder {
        self.graph
    }

    /// Returns the shape of a value.
    pub fn shape(&self, value: &str) -> &[usize] {
        self.graph.shape(value)
    }

    /// Returns the constant that `value` is, if it is one.
    pub fn constant_value(&self, value: &str) -> Option<&Constant> {
        self.graph.graph().initializers.get(value)
    }

    /// Returns the whole numbers of constant input `i`, if the input is given.
    pub fn ints(&self, i: usize) -> Result<Option<Vec<i64>>, String> {
        constant_input(self.node, i, &self.graph.graph().initializers)
    }

    /// Returns a list that newer operator sets give as input `i` and older ones as an attribute.
    pub fn list(&self, i: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        Ok(match self.ints(i)? {
            Some(values) => Some(values),
            None => self.node.ints(attribute).map(<[i64]>::to_vec),
        })
    }

    /// Appends a node and returns the name of its value.
    pub fn add<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute); N],
    ) -> Result<String, String> {
        self.graph
            .node(op, inputs, attributes)
            .map_err(|error| error.to_string())
    }

    /// Appends another node like the one at hand, with all its attributes, and returns the name of
    /// its one value.
    pub fn add_alike(&mut self, inputs: &[&str]) -> Result<String, String> {
        let output = self.graph.fresh(&self.node.op.to_lowercase());
        self.graph
            .push(Node {
                name: output.clone(),
                inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
                outputs: vec![output.clone()],
                ..self.node.clone()
            })
            .map_err(|error| error.to_string())?;
        Ok(output)
    }

    /// Appends a node with any number of outputs and returns their names.
    pub fn add_many<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: usize,
        attributes: [(&str, Attribute); N],
    ) -> Result<Vec<String>, String> {
        let names: Vec<String> = (0..outputs)
            .map(|_| self.graph.fresh(&op.to_lowercase()))
            .collect();
        self.graph
            .push(Node {
                name: names.first().cloned().unwrap_or_default(),
                op: op.to_owned(),
                inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
                outputs: names.clone(),
                attributes: attributes
                    .into_iter()
                    .map(|(n, v)| (n.to_owned(), v))
                    .collect(),
                ..Node::default()
            })
            .map_err(|error| error.to_string())?;
        Ok(names)
    }

    /// Adds a constant and returns its name.
    pub fn constant(&mut self, constant: Constant) -> String {
        self.graph.constant(constant)
    }

    /// Returns the name of a constant that several nodes may share: `name`, where it is free or
    /// holds the same constant already.
    pub fn shared_constant(&mut self, name: &str, constant: Constant) -> String {
        if self.constant_value(name) == Some(&constant) {
            return name.to_owned();
        }
        if self.graph.has(name) {
            return self.graph.constant(constant);
        }
        self.graph.named_constant(name, constant);
        name.to_owned()
    }

    /// Adds a scalar constant and returns its name.
    pub fn scalar(&mut self, value: f32) -> String {
        self.graph.scalar(value)
    }

    /// Adds a list of whole numbers and returns its name.
    pub fn int_constant(&mut self, values: &[i64]) -> String {
        self.graph.ints(values)
    }

    /// Appends `a · b`.
    pub fn mul(&mut self, a: &str, b: &str) -> Result<String, String> {
        self.add("Mul", &[a, b], [])
    }

    /// Appends `value` in the shape `shape`.
    pub fn reshape(&mut self, value: &str, shape: &[usize]) -> Result<String, String> {
        let listed: Vec<i64> = shape
            .iter()
            .map(|&d| i64::try_from(d).unwrap_or(i64::MAX))
            .collect();
        let listed = self.int_constant(&listed);
        if shape.contains(&0) {
            // Otherwise 0 would copy an extent; operator set 13 does not know the attribute.
            return self.add("Reshape", &[value, &listed], [("allowzero", 1.into())]);
        }
        self.add("Reshape", &[value, &listed], [])
    }
}
