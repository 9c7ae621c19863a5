//! Nodes in an order in which every value is produced before it is read.
//!
//! The format asks for such an order; files that lack it are put into it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::OnnxImportError;
use crate::onnx::{Graph, Node};

/// Puts the nodes of `graph` into order, keeping that of the file where it can.
pub(super) fn sort(graph: &mut Graph) -> Result<(), OnnxImportError> {
    let producers = producers(graph)?;
    let mut waiting = vec![0_usize; graph.nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for value in node.inputs.iter().filter(|value| !value.is_empty()) {
            match producers.get(value.as_str()) {
                Some(Some(producer)) => {
                    waiting[index] += 1;
                    readers[*producer].push(index);
                }
                Some(None) => {}
                None => {
                    return Err(OnnxImportError::Unproduced {
                        node: node.label(),
                        value: value.clone(),
                    });
                }
            }
        }
    }
    let mut ready: VecDeque<usize> = (0..waiting.len()).filter(|&i| waiting[i] == 0).collect();
    if let Some(at) = first_out_of_order(graph, &producers) {
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(index) = ready.pop_front() {
            order.push(index);
            for &reader in &readers[index] {
                waiting[reader] -= 1;
                if waiting[reader] == 0 {
                    ready.push_back(reader);
                }
            }
        }
        if order.len() < waiting.len() {
            let done: BTreeSet<usize> = order.into_iter().collect();
            let stuck = (0..waiting.len()).find(|i| !done.contains(i)).unwrap_or(at);
            return Err(OnnxImportError::Cycle(graph.nodes[stuck].label()));
        }
        let mut nodes: Vec<Option<Node>> = std::mem::take(&mut graph.nodes)
            .into_iter()
            .map(Some)
            .collect();
        graph.nodes = order.into_iter().filter_map(|i| nodes[i].take()).collect();
    }
    Ok(())
}

/// Returns which node produces each value; none produces inputs and constants.
fn producers(graph: &Graph) -> Result<BTreeMap<&str, Option<usize>>, OnnxImportError> {
    let given = graph.inputs.iter().map(|info| info.name.as_str());
    let constants = graph.initializers.keys().map(String::as_str);
    let produced = graph.nodes.iter().enumerate().flat_map(|(index, node)| {
        let outputs = node.outputs.iter().filter(|value| !value.is_empty());
        outputs.map(move |value| (value.as_str(), Some(index)))
    });
    let mut producers = BTreeMap::new();
    for (value, producer) in given
        .chain(constants)
        .map(|value| (value, None))
        .chain(produced)
    {
        if producers.insert(value, producer).is_some() {
            return Err(OnnxImportError::Twice(value.to_owned()));
        }
    }
    Ok(producers)
}

/// Returns the first node that reads what only a later one (or itself) produces.
fn first_out_of_order(graph: &Graph, producers: &BTreeMap<&str, Option<usize>>) -> Option<usize> {
    graph.nodes.iter().enumerate().position(|(index, node)| {
        node.inputs.iter().any(|value| {
            let producer = producers.get(value.as_str()).copied().flatten();
            producer.is_some_and(|producer| producer >= index)
        })
    })
}
