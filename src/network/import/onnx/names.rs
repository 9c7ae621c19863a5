//! Names that people can write: of values, and with them of layers.
//!
//! A name of the file is kept where it is a word (`relu4_2`, `features.0`). Where it is a number or
//! a path, the node's name is taken, as a path without what it says twice: PyTorch's
//! `/features/features.0/Conv` is `features.0`. Names that Pentimento gives to values of its own
//! are not given to others.

use std::collections::{BTreeMap, BTreeSet};

use crate::onnx::{Graph, Node};

/// Longest name that is kept.
const LONGEST: usize = 64;

/// The name that the file gives the node behind each value.
pub(super) struct Origins(BTreeMap<String, (String, String)>);

impl Origins {
    /// Takes note of the names in `graph`.
    pub(super) fn of(graph: &Graph) -> Self {
        let first = |node: &Node| {
            let origin = (node.name.clone(), node.op.clone());
            Some((node.outputs.first()?.clone(), origin))
        };
        Self(graph.nodes.iter().filter_map(first).collect())
    }

    /// Returns what a value is to be called if nobody else has the name.
    fn wish(&self, node: &Node, value: &str) -> String {
        if is_word(value) {
            return value.to_owned();
        }
        let words = self
            .0
            .get(value)
            .map(|(name, op)| path_to_word(name, op))
            .filter(|word| is_word(word));
        words.unwrap_or_else(|| format!("{}_", node.op.to_lowercase()))
    }
}

/// Gives every value of `graph` a name that people can write, and every node that of what it
/// produces.
pub(super) fn tidy(mut graph: Graph, origins: &Origins) -> Graph {
    let mut taken = Taken::default();
    let picture = graph.inputs.iter().map(|info| info.name.clone());
    taken.names.extend(picture);
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    // Words first: a path must not take a name that the file itself gives to another value.
    for words in [true, false] {
        for node in &graph.nodes {
            for value in node.outputs.iter().filter(|value| !value.is_empty()) {
                if is_word(value) == words {
                    let name = taken.take(origins.wish(node, value));
                    renamed.insert(value.clone(), name);
                }
            }
        }
    }
    let initializers = std::mem::take(&mut graph.initializers);
    for (name, constant) in initializers {
        let new = taken.take(name.clone());
        graph.initializers.insert(new.clone(), constant);
        renamed.insert(name, new);
    }
    let rename = |name: &mut String| {
        if let Some(new) = renamed.get(name) {
            name.clone_from(new);
        }
    };
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(rename);
        node.outputs.iter_mut().for_each(rename);
        node.name.clone_from(&node.outputs[0]);
    }
    graph
        .outputs
        .iter_mut()
        .for_each(|info| rename(&mut info.name));
    graph
}

/// Names that are given.
#[derive(Default)]
struct Taken {
    names: BTreeSet<String>,
    /// Where the search for a free number goes on, by the name before the number.
    numbers: BTreeMap<String, usize>,
}

impl Taken {
    /// Returns `wish`, with a number behind it where it is taken.
    fn take(&mut self, wish: String) -> String {
        let wish = if is_reserved(&wish) {
            format!("of_{wish}")
        } else {
            wish
        };
        if !wish.ends_with('_') && self.names.insert(wish.clone()) {
            return wish;
        }
        let stem = wish.trim_end_matches('_');
        let number = self.numbers.entry(stem.to_owned()).or_insert(1);
        loop {
            let name = format!("{stem}_{number}");
            *number += 1;
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// Whether a name is one that graphs under construction give to values of their own.
fn is_reserved(name: &str) -> bool {
    matches!(name, "image" | "gradient")
        || ["picture.", "tv.", "content:", "style:"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Whether a name can be written in a profile and says something.
fn is_word(name: &str) -> bool {
    // PyTorch's tracer numbers the inputs of modules without a name.
    let traced = name.strip_prefix("input.").is_some_and(is_number);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= LONGEST
        && !traced
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// Returns the name of a node of operator `op`, a path, as one word.
fn path_to_word(path: &str, op: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.last() == Some(&op) {
        parts.pop();
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in parts {
        // A module's scope repeats that of the module around it.
        let repeats = |outer: &&str| {
            part.strip_prefix(*outer)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        if kept.last().is_some_and(repeats) {
            kept.pop();
        }
        kept.push(part);
    }
    kept.join(".")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_words() {
        for (path, op, word) in [
            ("/features/features.0/Conv", "Conv", "features.0"),
            ("/layer1/layer1.0/relu_1/Relu", "Relu", "layer1.0.relu_1"),
            ("/Relu_1", "Relu", "Relu_1"),
            ("Conv_0", "Conv", "Conv_0"),
            ("model/conv 1/Relu", "Relu", "model.conv_1"),
            ("", "Relu", ""),
        ] {
            assert_eq!(path_to_word(path, op), word, "{path}");
        }
    }

    #[test]
    fn words_are_told_from_numbers_and_paths() {
        for name in ["relu4_2", "features.0", "conv2d_1", "Relu-3"] {
            assert!(is_word(name), "{name}");
        }
        for name in [
            "",
            "12",
            "input.4",
            "onnx::Relu_4",
            "/a/Relu_output_0",
            "a b",
        ] {
            assert!(!is_word(name), "{name}");
        }
    }

    #[test]
    fn a_name_is_given_once_and_never_one_of_our_own() {
        let mut taken = Taken::default();
        let mut take = |wish: &str| taken.take(wish.to_owned());
        assert_eq!(take("relu"), "relu");
        assert_eq!(take("relu"), "relu_1");
        assert_eq!(take("relu_"), "relu_2");
        assert_eq!(take("image"), "of_image");
        assert_eq!(take("tv.weight"), "of_tv.weight");
    }
}
