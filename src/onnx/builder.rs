//! Appends nodes to a graph, naming them and keeping their shapes known.
//!
//! Every value that a builder has added has a shape, so code that appends (autodiff, the objective)
//! can ask for shapes at any time. Names are made unique by a number.

use super::infer::{InferError, Shapes, infer};
use super::model::{Attribute, Attributes, Constant, Graph, Node, ValueInfo};

/// A graph under construction.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    graph: Graph,
    shapes: Shapes,
    counter: usize,
    prefix: String,
}

impl Builder {
    /// Returns a builder over an empty graph.
    pub fn new(name: &str) -> Self {
        Self {
            graph: Graph {
                name: name.to_owned(),
                ..Graph::default()
            },
            shapes: Shapes::default(),
            counter: 0,
            prefix: String::new(),
        }
    }

    /// Returns a builder that goes on from `graph`, whose inputs must have fixed shapes.
    pub fn from_graph(graph: Graph) -> Result<Self, InferError> {
        let shapes = infer(&graph)?;
        Ok(Self {
            graph,
            shapes,
            counter: 0,
            prefix: String::new(),
        })
    }

    /// Returns the graph as it stands.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Ends the construction.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// Returns the shape of a value of this graph.
    ///
    /// # Panics
    ///
    /// If there is no such value: names come from this builder or from its graph.
    pub fn shape(&self, value: &str) -> &[usize] {
        self.shapes
            .get(value)
            .expect("every value of the graph under construction has a shape")
    }

    /// Returns true if and only if the graph has a value of this name.
    pub fn has(&self, value: &str) -> bool {
        self.shapes.get(value).is_some()
    }

    /// Sets what the names of the following nodes and values begin with.
    pub fn set_prefix(&mut self, prefix: &str) {
        prefix.clone_into(&mut self.prefix);
    }

    /// Adds an `f32` input and returns its name.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> String {
        self.graph.inputs.push(ValueInfo::f32(name, shape));
        self.shapes.insert(name, shape.to_vec());
        name.to_owned()
    }

    /// Makes `value` an output of the graph, under its own name.
    pub fn output(&mut self, value: &str) {
        let info = ValueInfo::f32(value, self.shape(value));
        self.graph.outputs.push(info);
    }

    /// Adds a constant and returns its name.
    pub fn constant(&mut self, constant: Constant) -> String {
        let name = self.fresh("const");
        self.named_constant(&name, constant);
        name
    }

    /// Adds a constant under a name of the caller's choice, replacing one of the same name.
    pub fn named_constant(&mut self, name: &str, constant: Constant) {
        self.shapes.insert(name, constant.shape().to_vec());
        self.graph.initializers.insert(name.to_owned(), constant);
    }

    /// Adds a scalar constant and returns its name.
    pub fn scalar(&mut self, value: f32) -> String {
        self.constant(Constant::scalar(value))
    }

    /// Adds a list of whole numbers and returns its name.
    pub fn ints(&mut self, values: &[i64]) -> String {
        self.constant(Constant::i64s(values.to_vec()))
    }

    /// Adds a node with one output and returns the name of that value.
    pub fn node<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute); N],
    ) -> Result<String, InferError> {
        let output = self.fresh(&op.to_lowercase());
        self.named_node(op, inputs, &output, attributes)?;
        Ok(output)
    }

    /// Adds a node that produces the value `output` and bears its name.
    pub fn named_node<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: [(&str, Attribute); N],
    ) -> Result<(), InferError> {
        self.push(Node {
            name: output.to_owned(),
            op: op.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<Attributes>(),
        })
    }

    /// Adds a node as it is.
    pub fn push(&mut self, node: Node) -> Result<(), InferError> {
        self.shapes.add_node(&node, &self.graph.initializers)?;
        self.graph.nodes.push(node);
        Ok(())
    }

    /// Returns a name that no value of the graph has.
    pub fn fresh(&mut self, hint: &str) -> String {
        loop {
            let separator = if self.prefix.is_empty() { "" } else { "." };
            let name = format!("{}{separator}{hint}_{}", self.prefix, self.counter);
            self.counter += 1;
            if !self.has(&name) {
                return name;
            }
        }
    }
}
