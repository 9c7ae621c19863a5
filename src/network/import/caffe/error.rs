//! Why a Caffe network cannot be imported.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::lexer::TextError;
use super::wire::WireError;

/// Why a Caffe network cannot be imported.
#[derive(Debug, Error)]
pub enum CaffeError {
    /// A file that could not be read.
    #[error("read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Bytes that are no Caffe model.
    #[error("{} is cut or is no Caffe model", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// A prototxt that cannot be understood.
    #[error("understand {}", path.display())]
    Prototxt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: TextError,
    },
    /// A prototxt that is none.
    #[error("{} has {size} bytes: a prototxt has at most {most}", path.display())]
    PrototxtSize {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The limit.
        most: u64,
    },
    /// A description without layers.
    #[error(
        "{origin} lists no layers (`layer` or `layers`): it is no Caffe network, or its layers stand in a prototxt, to be given beside it"
    )]
    NoLayers {
        /// Where they were looked for.
        origin: Origin,
    },
    /// Both generations of layers at once.
    #[error("{origin} has layers of both generations, `layer` and `layers`: one of them must go")]
    Generations {
        /// Where.
        origin: Origin,
    },
    /// The oldest generation.
    #[error(
        "layer {index} of {origin} is of Caffe's oldest generation (`layers {{ layer {{ … }} }}`), which is not read: convert the file with Caffe's upgrade_net_proto_text or upgrade_net_proto_binary"
    )]
    Oldest {
        /// Where.
        origin: Origin,
        /// Position of the layer, from 1.
        index: usize,
    },
    /// Layers that the network needs and that cannot be computed.
    #[error("these layers of {origin} are needed and cannot be imported: {}", list(.layers))]
    Unsupported {
        /// Where they stand.
        origin: Origin,
        /// All of them.
        layers: Vec<UnsupportedLayer>,
    },
    /// A layer that reads what nothing produces.
    #[error("layer `{layer}` of {origin} reads `{blob}`, {reason}")]
    Bottom {
        /// Where the layer stands.
        origin: Origin,
        /// Name of the layer.
        layer: String,
        /// What it reads.
        blob: String,
        /// Why there is nothing to read.
        reason: BottomReason,
    },
    /// Nothing is left.
    #[error("{origin} has no convolution that can be reached from the picture")]
    Nothing {
        /// Where.
        origin: Origin,
    },
    /// A layer of the prototxt that the weights do not have.
    #[error(
        "layer `{layer}` of {origin} needs weights, but the caffemodel has none of that name; it has weights for {}", names(.present)
    )]
    NoWeights {
        /// Where the layer stands.
        origin: Origin,
        /// Name of the layer.
        layer: String,
        /// Layers that have weights.
        present: Vec<String>,
    },
    /// More or fewer arrays than the layer has.
    #[error(
        "layer `{layer}`: {origin} asks for {expected} ({kinds}), the caffemodel holds {found} arrays"
    )]
    Arrays {
        /// Where the layer is described.
        origin: Origin,
        /// Name of the layer.
        layer: String,
        /// How many it should have.
        expected: usize,
        /// What they are.
        kinds: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An array whose shape is not the one of the layer.
    #[error(
        "layer `{layer}`: {origin} asks for {kind} of shape {expected}, the caffemodel holds {found:?}"
    )]
    Shape {
        /// Where the layer is described.
        origin: Origin,
        /// Name of the layer.
        layer: String,
        /// What the array is.
        kind: &'static str,
        /// What is needed, and why.
        expected: String,
        /// What there is.
        found: Vec<i64>,
    },
    /// An array that does not hold as many numbers as its shape says.
    #[error("layer `{layer}`: the {kind} has shape {shape:?} and {found} numbers")]
    Count {
        /// Name of the layer.
        layer: String,
        /// What the array is.
        kind: &'static str,
        /// Its shape.
        shape: Vec<i64>,
        /// Numbers in it.
        found: u64,
    },
    /// Layers read together that do not fit each other.
    #[error("layer `{layer}` of {origin} joins layers of {channels:?} channels")]
    Channels {
        /// Where the layer stands.
        origin: Origin,
        /// Name of the layer.
        layer: String,
        /// Channels of the layers read.
        channels: Vec<usize>,
    },
}

/// Where a description of the layers comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The caffemodel.
    Caffemodel,
    /// The prototxt that was given beside it.
    Prototxt,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caffemodel => "the caffemodel",
            Self::Prototxt => "the prototxt",
        })
    }
}

/// A layer that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedLayer {
    /// Its name.
    pub layer: String,
    /// Its type in Caffe.
    pub kind: String,
    /// Why.
    pub reason: String,
}

/// Why there is nothing to read under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BottomReason {
    /// No layer has it.
    Unknown,
    /// A layer further down has it.
    Later {
        /// That layer.
        by: String,
    },
    /// A layer of the training alone has it.
    Training {
        /// That layer.
        by: String,
    },
    /// It is a second input beside the picture.
    SecondInput {
        /// The picture.
        picture: String,
    },
}

impl fmt::Display for BottomReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("which no layer produces"),
            Self::Later { by } => write!(
                f,
                "which only layer `{by}`, at or behind it, produces: layers must stand in order, and a circle cannot be computed"
            ),
            Self::Training { by } => {
                write!(
                    f,
                    "which only layer `{by}`, used in training alone, produces"
                )
            }
            Self::SecondInput { picture } => {
                write!(
                    f,
                    "an input beside the picture `{picture}`: only one can be fed"
                )
            }
        }
    }
}

/// Most names that a message lists.
const LISTED: usize = 40;

fn names(names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len() {
        0 => "no layer".to_owned(),
        count if count > LISTED => format!("{shown} and {} more", count - LISTED),
        _ => shown,
    }
}

fn list(layers: &[UnsupportedLayer]) -> String {
    let shown: Vec<String> = layers
        .iter()
        .map(|layer| format!("`{}` ({}: {})", layer.layer, layer.kind, layer.reason))
        .collect();
    names(&shown)
}
