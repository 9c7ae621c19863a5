//! Why a layer list cannot be used, or does not fit the tensors of a file.

use thiserror::Error;

use crate::onnx::InferError;

/// Why a layer list cannot be used.
#[derive(Debug, Error)]
pub enum LayerListError {
    /// Not TOML, a key that is missing, or a value of the wrong kind.
    #[error("read the layer list")]
    Toml(#[from] toml::de::Error),
    /// A list that TOML cannot hold.
    #[error("write the layer list")]
    Write(#[from] toml::ser::Error),
    /// A layer whose table cannot be read.
    #[error("read layer `{layer}` of the layer list")]
    Layer {
        /// Name of the layer, or its place where it has none.
        layer: String,
        /// What is wrong with it.
        #[source]
        source: toml::de::Error,
    },
    /// A key that the layer list or a kind of layer does not have.
    #[error("`{place}` of the layer list has no key `{key}`; its keys are {}", .known.join(", "))]
    Key {
        /// Name of the layer, or `layers` itself.
        place: String,
        /// The key.
        key: String,
        /// What could be there.
        known: Vec<&'static str>,
    },
    /// A kind of layer that is not known.
    #[error("layer `{layer}` is of the unknown kind `{kind}`; there are {}", .known.join(", "))]
    Kind {
        /// Name of the layer.
        layer: String,
        /// What the list says.
        kind: String,
        /// Every kind.
        known: Vec<&'static str>,
    },
    /// A list that is empty or longer than any network.
    #[error("the layer list has {0} layers; 1 to {most} can be used", most = super::check::MOST_LAYERS)]
    Length(usize),
    /// A name that cannot be used.
    #[error("layer {index} is named `{name}`, which {reason}")]
    Name {
        /// Place in the list, from 1.
        index: usize,
        /// The name.
        name: String,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// A layer that reads what is not before it.
    #[error("layer `{layer}` reads `{from}`, which is no layer before it")]
    From {
        /// Name of the layer.
        layer: String,
        /// What it reads.
        from: String,
    },
    /// A number that makes no sense.
    #[error("`{key}` of layer `{layer}` is {value}, but {expected}")]
    Number {
        /// Name of the layer.
        layer: String,
        /// Name of the key.
        key: &'static str,
        /// What it holds.
        value: String,
        /// What would make sense.
        expected: String,
    },
    /// Layers read together whose channels do not fit, or a number of them that cannot be grouped.
    #[error("layer `{layer}` reads {channels:?} channels, but {expected}")]
    Channels {
        /// Name of the layer.
        layer: String,
        /// Channels of each layer read.
        channels: Vec<usize>,
        /// What is needed.
        expected: String,
    },
    /// A tensor of a shape that its layer cannot use.
    #[error("tensor `{tensor}` has shape {shape:?}, but {expected} is needed")]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What is needed.
        expected: String,
    },
    /// A tensor that holds no numbers.
    #[error("tensor `{0}` does not hold floating-point numbers")]
    Type(String),
    /// A layer that lacks one of its tensors.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A layer without tensors before one that has them.
    #[error("tensor `{tensor}` is missing, but `{later}` of a later layer is there")]
    Gap {
        /// Name of the missing tensor.
        tensor: String,
        /// The first tensor of a later layer that is there.
        later: String,
    },
    /// A file without the first layer's tensors.
    #[error("there is no tensor {} of the list's first layer with weights", names(.0))]
    Nothing(Vec<String>),
    /// A layer whose name is that of a tensor or of a step within another layer.
    #[error("layer `{0}` has the name of another value of the graph; give it another")]
    Taken(String),
    /// The layers do not fit together.
    #[error("put the layers together")]
    Graph(#[from] InferError),
}

fn names(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" or ")
}
