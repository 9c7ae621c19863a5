//! The walk over a file's nodes: computes, rewrites, or sets aside each of them, in order.
//!
//! Shapes are known for each size at which extents are tried out (`Picture::trials`), and so are
//! the values that follow from extents. What is the same at all of them does not depend on the
//! picture's size and becomes a constant.
//!
//! Always true: every node that was emitted is of operator set 17, has a gradient, and reads only
//! the picture, constants and what was emitted before it.

use std::collections::{BTreeMap, BTreeSet};

use super::picture::Picture;
use super::{OnnxImportError, convert, fold};
use crate::autodiff::rules;
use crate::network::layer;
use crate::onnx::{Attribute, Constant, Data, Dim, ElementType, Graph, Node, Shapes, ValueInfo};

/// The most misfits that are told.
const MOST_TOLD: usize = 5;

/// A graph on its way into the project's own form.
pub(super) struct Importer<'a> {
    opset: i64,
    picture: &'a Picture,
    source: Vec<Node>,
    outputs: Vec<ValueInfo>,
    name: String,
    constants: BTreeMap<String, Constant>,
    /// Values that follow from extents and differ with the picture's size: one a trial.
    sized: BTreeMap<String, Vec<Constant>>,
    shapes: Vec<Shapes>,
    kinds: BTreeMap<String, ElementType>,
    /// Values that are other values under another name.
    aliases: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    counter: usize,
    /// What the nodes of the file read.
    read: BTreeSet<String>,
    nodes: Vec<Node>,
    lost: BTreeSet<String>,
    problems: Vec<String>,
    layer_lost: bool,
    misfits: Vec<String>,
    budget: usize,
}

impl<'a> Importer<'a> {
    /// Takes the nodes and constants out of `graph`, whose nodes must be in order.
    pub(super) fn new(graph: &mut Graph, opset: i64, picture: &'a Picture) -> Self {
        let mut constants = std::mem::take(&mut graph.initializers);
        constants.values_mut().for_each(to_f32);
        let elements: usize = constants.values().map(|c| c.data().len()).sum();
        let source = std::mem::take(&mut graph.nodes);
        let outputs = source.iter().flat_map(|node| &node.outputs);
        let inputs = source.iter().flat_map(|node| &node.inputs);
        let mut importer = Self {
            opset,
            picture,
            outputs: std::mem::take(&mut graph.outputs),
            name: std::mem::take(&mut graph.name),
            sized: BTreeMap::new(),
            shapes: vec![Shapes::default(); picture.trials.len()],
            kinds: BTreeMap::from([(picture.name.clone(), ElementType::F32)]),
            aliases: BTreeMap::new(),
            taken: outputs.chain(constants.keys()).cloned().collect(),
            counter: 0,
            read: inputs.cloned().collect(),
            nodes: Vec::with_capacity(source.len()),
            lost: BTreeSet::new(),
            problems: Vec::new(),
            layer_lost: false,
            misfits: Vec::new(),
            budget: fold::budget(elements),
            source,
            constants: BTreeMap::new(),
        };
        for (shapes, trial) in importer.shapes.iter_mut().zip(&picture.trials) {
            shapes.insert(&picture.name, trial.to_vec());
        }
        for (name, constant) in constants {
            importer.set_constant(&name, constant);
        }
        importer
    }

    /// Walks over all nodes and returns the graph that they make.
    pub(super) fn run(mut self) -> Result<Graph, OnnxImportError> {
        for mut node in std::mem::take(&mut self.source) {
            for value in &mut node.inputs {
                if let Some(real) = self.aliases.get(value) {
                    value.clone_from(real);
                }
            }
            // Inputs and outputs left out at the end are as good as not there.
            for values in [&mut node.inputs, &mut node.outputs] {
                while values.last().is_some_and(String::is_empty) {
                    values.pop();
                }
            }
            if node.outputs.is_empty() {
                continue;
            }
            if node.inputs.iter().any(|value| self.lost.contains(value)) {
                self.lose(&node);
            } else if let Err(reason) = self.take(&node) {
                self.problems.push(format!("{}: {reason}", label(&node)));
                self.lose(&node);
            }
        }
        self.finish()
    }

    fn take(&mut self, node: &Node) -> Result<(), String> {
        if node.outputs[0].is_empty() {
            return Err("its first output is left out".to_owned());
        }
        if !node.domain.is_empty() {
            return Err(format!(
                "operators of `{}` (or functions of the model's own) are not known",
                node.domain
            ));
        }
        if self.fold(node)? {
            return Ok(());
        }
        convert::node(self, node)
    }

    /// Sets a node aside, and with it whatever depends on it.
    fn lose(&mut self, node: &Node) {
        self.layer_lost |= layer::kind(node).is_some();
        self.lost
            .extend(node.outputs.iter().filter(|name| !name.is_empty()).cloned());
    }

    /// Computes the node if it depends on constants and extents alone; returns false if not.
    fn fold(&mut self, node: &Node) -> Result<bool, String> {
        let asks_extents = matches!(node.op.as_str(), "Shape" | "Size");
        let known = |value: &String| {
            value.is_empty() || self.constants.contains_key(value) || self.sized.contains_key(value)
        };
        if !fold::covers(node) || !(asks_extents || node.inputs.iter().all(known)) {
            return Ok(false);
        }
        let [output] = node.outputs.as_slice() else {
            return Ok(false);
        };
        let differs = asks_extents || node.inputs.iter().any(|v| self.sized.contains_key(v));
        let trials = if differs { self.shapes.len() } else { 1 };
        let mut results = Vec::with_capacity(trials);
        for trial in 0..trials {
            let inputs: Vec<Option<&Constant>> = (0..node.inputs.len())
                .map(|i| self.value(node.input(i)?, trial))
                .collect();
            let shape = node.input(0).and_then(|x| self.shapes[trial].get(x));
            let (result, cost) = fold::evaluate(node, &inputs, shape, self.budget)?;
            self.budget -= cost;
            results.push(result);
        }
        if results.len() == 1 || results.iter().all(|other| *other == results[0]) {
            self.set_constant(output, results.swap_remove(0));
        } else {
            for (shapes, value) in self.shapes.iter_mut().zip(&results) {
                shapes.insert(output, value.shape().to_vec());
            }
            self.kinds
                .insert(output.clone(), results[0].data().element_type());
            self.sized.insert(output.clone(), results);
        }
        Ok(true)
    }

    /// Returns the constant that a value is at one trial.
    fn value(&self, name: &str, trial: usize) -> Option<&Constant> {
        self.constants
            .get(name)
            .or_else(|| self.sized.get(name).map(|values| &values[trial]))
    }

    fn set_constant(&mut self, name: &str, constant: Constant) {
        for shapes in &mut self.shapes {
            shapes.insert(name, constant.shape().to_vec());
        }
        self.kinds
            .insert(name.to_owned(), constant.data().element_type());
        self.constants.insert(name.to_owned(), constant);
    }

    fn finish(mut self) -> Result<Graph, OnnxImportError> {
        let problems = std::mem::take(&mut self.problems);
        if self.layer_lost {
            return Err(OnnxImportError::Unsupported {
                opset: self.opset,
                nodes: problems,
            });
        }
        let layers: Vec<&Node> = self
            .nodes
            .iter()
            .filter(|node| layer::kind(node).is_some())
            .filter(|node| self.is_feature(&node.outputs[0]))
            .collect();
        let Some(deepest) = layers.last().map(|node| node.outputs[0].clone()) else {
            self.misfits.truncate(MOST_TOLD);
            return Err(OnnxImportError::NoLayers {
                misfits: self.misfits.into_iter().chain(problems).collect(),
            });
        };
        let outputs = self.outputs_or(&deepest);
        let mut graph = Graph {
            name: self.name,
            nodes: self.nodes,
            inputs: vec![ValueInfo {
                name: self.picture.name.clone(),
                element: ElementType::F32,
                shape: self.picture.shape.clone(),
            }],
            outputs,
            initializers: self.constants,
        };
        prune(&mut graph);
        Ok(graph)
    }

    /// Whether a value is one of floats whose shape is known.
    fn is_feature(&self, value: &str) -> bool {
        self.kinds.get(value) == Some(&ElementType::F32) && self.extents(value).is_some()
    }

    /// Returns the outputs of the file that are left, or the deepest layer where none is.
    fn outputs_or(&self, deepest: &str) -> Vec<ValueInfo> {
        let emitted: BTreeSet<&String> = self.nodes.iter().flat_map(|node| &node.outputs).collect();
        let left = |name: &str| {
            let name = self.aliases.get(name).map_or(name, String::as_str);
            let shape = self.extents(name).filter(|_| self.is_feature(name))?;
            emitted.contains(&name.to_owned()).then(|| ValueInfo {
                name: name.to_owned(),
                element: ElementType::F32,
                shape,
            })
        };
        let mut outputs: Vec<ValueInfo> = Vec::new();
        for info in self.outputs.iter().filter_map(|info| left(&info.name)) {
            if !outputs.contains(&info) {
                outputs.push(info);
            }
        }
        if outputs.is_empty() {
            outputs.extend(left(deepest));
        }
        outputs
    }

    /// Returns the extents of a value: those that are the same at all trials, the others open.
    fn extents(&self, name: &str) -> Option<Vec<Dim>> {
        let shapes: Vec<&[usize]> = self
            .shapes
            .iter()
            .map(|shapes| shapes.get(name))
            .collect::<Option<_>>()?;
        let first = shapes[0];
        let rank = first.len();
        if shapes.iter().any(|shape| shape.len() != rank) {
            return None;
        }
        let dim = |i: usize| {
            if shapes.iter().all(|shape| shape[i] == first[i]) {
                Dim::Fixed(first[i])
            } else {
                Dim::Unknown
            }
        };
        Some((0..rank).map(dim).collect())
    }
}

/// What the rules of `convert` work with.
impl Importer<'_> {
    /// Returns the operator set of the file.
    pub(super) fn opset(&self) -> i64 {
        self.opset
    }

    /// Returns the shape of a value at each trial, where it is known at all of them.
    pub(super) fn shapes(&self, value: &str) -> Option<Vec<&[usize]>> {
        self.shapes.iter().map(|shapes| shapes.get(value)).collect()
    }

    /// Returns the number of axes of a value.
    pub(super) fn rank(&self, value: &str) -> Result<usize, String> {
        self.shapes(value)
            .map(|shapes| shapes[0].len())
            .ok_or_else(|| format!("the shape of `{value}` is not known"))
    }

    /// Returns the extent of an axis, where it is the same at all trials.
    pub(super) fn extent(&self, value: &str, axis: usize) -> Option<usize> {
        let shapes = self.shapes(value)?;
        let first = *shapes[0].get(axis)?;
        let same = |shape: &&[usize]| shape.get(axis) == Some(&first);
        shapes.iter().all(same).then_some(first)
    }

    /// Returns a name that no value has.
    pub(super) fn fresh(&mut self, beside: &str, hint: &str) -> String {
        // Counted over the whole graph: a search from 1 would take ever longer.
        loop {
            self.counter += 1;
            let name = format!("{beside}.{hint}_{}", self.counter);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// Returns true if and only if a node of the file reads a value.
    pub(super) fn is_read(&self, value: &str) -> bool {
        self.read.contains(value)
    }

    /// Returns the constant that a value is.
    pub(super) fn constant(&self, value: &str) -> Option<&Constant> {
        self.constants.get(value)
    }

    /// Returns what a value is at each trial, where it follows from the picture's size.
    pub(super) fn sized(&self, value: &str) -> Option<&[Constant]> {
        self.sized.get(value).map(Vec::as_slice)
    }

    /// Returns the type of a value's elements.
    pub(super) fn kind(&self, value: &str) -> Option<ElementType> {
        self.kinds.get(value).copied()
    }

    /// Makes `output` another name of `value`.
    pub(super) fn alias(&mut self, output: &str, value: &str) {
        self.aliases.insert(output.to_owned(), value.to_owned());
    }

    /// Adds a constant and returns its name.
    pub(super) fn add_constant(&mut self, beside: &str, constant: Constant) -> String {
        let name = self.fresh(beside, "const");
        self.set_constant(&name, constant);
        name
    }

    /// Adds a list of whole numbers and returns its name.
    pub(super) fn ints(&mut self, beside: &str, values: Vec<i64>) -> String {
        self.add_constant(beside, Constant::i64s(values))
    }

    /// Adds a number and returns its name.
    pub(super) fn scalar(&mut self, beside: &str, value: f32) -> String {
        self.add_constant(beside, Constant::scalar(value))
    }

    /// Emits a node on the way to the value `beside` and returns the name of its value.
    pub(super) fn step<const N: usize>(
        &mut self,
        beside: &str,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute); N],
    ) -> Result<String, String> {
        let output = self.fresh(beside, &op.to_lowercase());
        self.last(&output, op, inputs, attributes)?;
        Ok(output)
    }

    /// Emits a node that produces the value `output`.
    pub(super) fn last<const N: usize>(
        &mut self,
        output: &str,
        op: &str,
        inputs: &[&str],
        attributes: [(&str, Attribute); N],
    ) -> Result<(), String> {
        self.emit(Node {
            name: output.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: attributes
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Node::default()
        })
    }

    /// Emits a node of operator set 17.
    pub(super) fn emit(&mut self, node: Node) -> Result<(), String> {
        if rules::rule(&node).is_none() {
            return Err("no gradient is known for the operator".to_owned());
        }
        convert::check(&node)?;
        if let Some(value) = node.inputs.iter().find(|v| self.sized.contains_key(*v)) {
            return Err(format!(
                "`{value}` depends on the size of the picture in a way that is not covered"
            ));
        }
        let inputs = node.inputs.iter().filter(|value| !value.is_empty());
        for shapes in &mut self.shapes {
            let known = inputs.clone().all(|value| shapes.get(value).is_some());
            if known && let Err(misfit) = shapes.add_node(&node, &self.constants) {
                let misfit = misfit.to_string();
                if !self.misfits.contains(&misfit) && self.misfits.len() < MOST_TOLD {
                    self.misfits.push(misfit);
                }
            }
        }
        if let Some(kind) = convert::kind(self, &node) {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                self.kinds.insert(output.clone(), kind);
            }
        }
        self.nodes.push(node);
        Ok(())
    }
}

/// Returns how a message names a node of another domain.
fn label(node: &Node) -> String {
    if node.domain.is_empty() {
        node.label()
    } else {
        format!("{}.{}", node.domain, node.label())
    }
}

/// Makes a constant of floats one of f32.
pub(super) fn to_f32(constant: &mut Constant) {
    let values: Vec<f32> = match constant.data() {
        Data::F16(data) => data.iter().map(|v| v.to_f32()).collect(),
        Data::Bf16(data) => data.iter().map(|v| v.to_f32()).collect(),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the network is computed in f32"
        )]
        Data::F64(data) => data.iter().map(|&v| v as f32).collect(),
        Data::F32(_) | Data::I64(_) | Data::I32(_) | Data::U8(_) | Data::Bool(_) => return,
    };
    if let Some(converted) = Constant::f32s(constant.shape().to_vec(), values) {
        *constant = converted;
    }
}

/// Drops nodes that neither an output nor a layer depends on, and constants that nothing reads.
fn prune(graph: &mut Graph) {
    let mut read: BTreeSet<String> = graph.outputs.iter().map(|info| info.name.clone()).collect();
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes).into_iter().rev() {
        if layer::kind(&node).is_some() || node.outputs.iter().any(|value| read.contains(value)) {
            read.extend(node.inputs.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    graph.nodes = kept;
    graph.initializers.retain(|name, _| read.contains(name));
}
