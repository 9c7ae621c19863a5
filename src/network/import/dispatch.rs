//! From a file of any kind to a forward graph: which reader it is for.
//!
//! The kind is told from the first bytes, and from the ending where they tell nothing, so that a
//! file under a wrong name is still read, and a web page that was saved in its place is called one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{SafetensorsError, safetensors};
use crate::network::layer_list::LayerList;
use crate::network::manifest::Input;
use crate::onnx::{self, CheckError, Model, ReadError};

/// What is known about a file beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Name of the network.
    pub name: String,
    /// Caffe's description of the architecture, where the file's own is not to be used.
    pub prototxt: Option<PathBuf>,
    /// The architecture, where the file holds bare tensors.
    pub layers: Option<LayerList>,
    /// Whether the layers that tell classes apart are wanted too.
    pub classifier: bool,
}

/// A network as a file holds it.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The forward graph, over one picture of open size.
    pub model: Model,
    /// What the network wants as input, as far as the file says so.
    pub input: Option<Input>,
    /// What a person should know about how it was read.
    pub notes: Vec<String>,
}

impl Imported {
    /// Returns the network as an `.onnx` file holds it.
    pub fn to_bytes(&self) -> Vec<u8> {
        onnx::write(&self.model)
    }
}

/// Why a file is no network.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A kind of file that is not read.
    #[error("{} is {found}; Caffe models (.caffemodel), PyTorch state dictionaries (.pth, .pt), .safetensors and .onnx are read", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// A file of bare tensors that is none, or that fits no architecture.
    #[error("read the weights in {}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: SafetensorsError,
    },
    /// An ONNX file that cannot be read.
    #[error("read the ONNX file {}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ReadError,
    },
    /// A graph that does not hang together.
    #[error("check the graph in {}", path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CheckError,
    },
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Safetensors,
    Onnx,
}

/// Reads a network from a file.
pub fn read(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let bytes = |path: &Path| {
        std::fs::read(path).map_err(|source| ImportError::Io {
            path: path.to_owned(),
            source,
        })
    };
    let model = match kind(path)? {
        Kind::Safetensors => safetensors(&options.name, &bytes(path)?).map_err(|source| {
            ImportError::Safetensors {
                path: path.to_owned(),
                source,
            }
        })?,
        Kind::Onnx => onnx::read(&bytes(path)?).map_err(|source| ImportError::Onnx {
            path: path.to_owned(),
            source,
        })?,
    };
    onnx::check(&model).map_err(|source| ImportError::Check {
        path: path.to_owned(),
        source,
    })?;
    Ok(Imported {
        model,
        input: None,
        notes: Vec::new(),
    })
}

/// Tells what a file is.
fn kind(path: &Path) -> Result<Kind, ImportError> {
    let io = |source| ImportError::Io {
        path: path.to_owned(),
        source,
    };
    let mut beginning = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(512).read_to_end(&mut beginning).map_err(io)?;
    let refused = |found| ImportError::Format {
        path: path.to_owned(),
        found,
    };
    let text = String::from_utf8_lossy(&beginning).to_ascii_lowercase();
    if beginning.is_empty() {
        return Err(refused("empty"));
    }
    if text.trim_start().starts_with("<!doctype") || text.trim_start().starts_with("<html") {
        return Err(refused("a web page, not the file that it stands for"));
    }
    if text.starts_with("version https://git-lfs") {
        return Err(refused("a pointer to a file that git did not fetch"));
    }
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return Err(refused("an archive: unpack it and name the file inside"));
    }
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    match ending.to_str().unwrap_or_default() {
        "safetensors" => Ok(Kind::Safetensors),
        "onnx" => Ok(Kind::Onnx),
        _ if beginning.get(8) == Some(&b'{') => Ok(Kind::Safetensors),
        _ => Err(refused("of a kind that is not known")),
    }
}
