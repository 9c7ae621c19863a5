//! Why an ONNX file is no network that can be used.

use std::path::PathBuf;

use thiserror::Error;

use crate::onnx::ReadError;

/// Why an ONNX file is no network that can be used.
#[derive(Debug, Error)]
pub enum OnnxImportError {
    /// The file could not be read.
    #[error("read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are no ONNX model, or hold what cannot be held.
    #[error("read the file as an ONNX model")]
    Read(#[from] ReadError),
    /// An operator set outside what is understood.
    #[error(
        "the model uses operator set {found}; {oldest} to {newest} are understood: export it again with one of those"
    )]
    Opset {
        /// The set.
        found: i64,
        /// Oldest set that is read.
        oldest: i64,
        /// Newest set that is read.
        newest: i64,
    },
    /// A value that two places produce.
    #[error("value `{0}` is produced more than once")]
    Twice(String),
    /// A value that is read and produced by nothing.
    #[error("node {node} reads `{value}`, which nothing produces")]
    Unproduced {
        /// Label of the node.
        node: String,
        /// Name of the value.
        value: String,
    },
    /// Nodes that wait for each other.
    #[error("the graph has a cycle through node {0}")]
    Cycle(String),
    /// Not exactly one input.
    #[error("it must have exactly one input, the picture, not {}", counted(.0))]
    Inputs(Vec<String>),
    /// An input that cannot be a picture.
    #[error("input `{name}` of shape {shape} cannot be a picture: {reason}")]
    Picture {
        /// Name of the input.
        name: String,
        /// Its shape as the file states it.
        shape: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nodes that layers depend on and that cannot be had, all of them at once.
    #[error("operator set {opset}: {} of the network cannot be used: {}", of_nodes(.nodes.len()), .nodes.join("; "))]
    Unsupported {
        /// Operator set of the file.
        opset: i64,
        /// Each node with the reason.
        nodes: Vec<String>,
    },
    /// No convolution, activation or pooling over the picture.
    #[error("it has no convolution, activation or pooling over the picture{}", because(.misfits))]
    NoLayers {
        /// Nodes whose inputs do not fit them, with the reason.
        misfits: Vec<String>,
    },
}

/// Why the data of a constant cannot be had from another file.
#[derive(Debug, Error)]
pub enum ExternalError {
    /// A path that does not lead to a file in the model's own folder.
    #[error("`{location}` is no file in the model's own folder, and no other is read")]
    Location {
        /// The path as the model states it.
        location: String,
    },
    /// The file could not be read.
    #[error("read {}; it belongs to the model and must lie beside it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file ends before the data.
    #[error("{} has {found} bytes, but data is said to lie at {offset} to {end}: it is cut, or of another model", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// First byte wanted.
        offset: u64,
        /// Byte behind the last one wanted.
        end: u64,
    },
    /// More data is asked for than the file has, the same bytes again and again.
    #[error("the model takes more data from {} than the file has", path.display())]
    Again {
        /// The file.
        path: PathBuf,
    },
}

fn counted(inputs: &[String]) -> String {
    if inputs.is_empty() {
        "none".to_owned()
    } else {
        format!("{} ({})", inputs.len(), inputs.join(", "))
    }
}

fn of_nodes(count: usize) -> String {
    if count == 1 {
        "a node".to_owned()
    } else {
        format!("{count} nodes")
    }
}

fn because(misfits: &[String]) -> String {
    if misfits.is_empty() {
        String::new()
    } else {
        format!(": {}", misfits.join("; "))
    }
}
