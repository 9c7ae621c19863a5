//! Whether a graph hangs together, before anything is built on it.

use std::collections::BTreeSet;

use thiserror::Error;

use super::model::{Graph, Model};

/// What is wrong with a graph.
#[derive(Debug, Error, PartialEq)]
pub enum CheckError {
    /// A value that two places produce.
    #[error("value `{0}` is produced more than once")]
    Twice(String),
    /// A value that is read before (or without) being produced: also how a cycle shows.
    #[error("node {node} reads `{value}`, which nothing before it produces")]
    Unproduced {
        /// Label of the node.
        node: String,
        /// Name of the value.
        value: String,
    },
    /// An output that nothing produces.
    #[error("output `{0}` of the graph is produced by nothing")]
    Output(String),
    /// A graph that gives nothing.
    #[error("the graph has no output")]
    NoOutput,
    /// An operator set outside what is understood.
    #[error("the model uses operator set {0}; 7 to 25 are understood")]
    Opset(i64),
}

/// Holds that every value is produced once and before it is read.
pub fn check(model: &Model) -> Result<(), CheckError> {
    if !(7..=25).contains(&model.opset) {
        return Err(CheckError::Opset(model.opset));
    }
    check_graph(&model.graph)
}

fn check_graph(graph: &Graph) -> Result<(), CheckError> {
    let mut known = BTreeSet::new();
    let given = graph.inputs.iter().map(|info| info.name.as_str());
    for name in given.chain(graph.initializers.keys().map(String::as_str)) {
        if !known.insert(name) {
            return Err(CheckError::Twice(name.to_owned()));
        }
    }
    for node in &graph.nodes {
        for value in node.inputs.iter().filter(|value| !value.is_empty()) {
            if !known.contains(value.as_str()) {
                return Err(CheckError::Unproduced {
                    node: node.label(),
                    value: value.clone(),
                });
            }
        }
        for value in node.outputs.iter().filter(|value| !value.is_empty()) {
            if !known.insert(value) {
                return Err(CheckError::Twice(value.clone()));
            }
        }
    }
    if graph.outputs.is_empty() {
        return Err(CheckError::NoOutput);
    }
    match graph
        .outputs
        .iter()
        .find(|info| !known.contains(info.name.as_str()))
    {
        Some(info) => Err(CheckError::Output(info.name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::Builder;
    use super::*;

    fn relu() -> Model {
        let mut b = Builder::new("g");
        b.input("x", &[1, 2]);
        b.named_node("Relu", &["x"], "y", []).unwrap();
        b.output("y");
        Model::new(b.finish())
    }

    #[test]
    fn a_sound_graph_passes() {
        assert_eq!(check(&relu()), Ok(()));
    }

    #[test]
    fn each_fault_is_named() {
        let mut twice = relu();
        twice.graph.nodes.push(twice.graph.nodes[0].clone());
        assert_eq!(check(&twice), Err(CheckError::Twice("y".into())));

        let mut cycle = relu();
        cycle.graph.nodes[0].inputs[0] = "y".into();
        assert!(matches!(check(&cycle), Err(CheckError::Unproduced { value, .. }) if value == "y"));

        let mut lost = relu();
        lost.graph.outputs[0].name = "z".into();
        assert_eq!(check(&lost), Err(CheckError::Output("z".into())));

        let mut silent = relu();
        silent.graph.outputs.clear();
        assert_eq!(check(&silent), Err(CheckError::NoOutput));

        let mut old = relu();
        old.opset = 6;
        assert_eq!(check(&old), Err(CheckError::Opset(6)));
    }
}
