//! From a file of any kind to a forward graph: which reader it is for.
//!
//! The kind is told from the first bytes where they tell it, else from the ending, so that a file
//! under a wrong name is still read, and a web page that was saved in its place is called one.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::caffe::{self, CaffeError, CaffeInput, CaffeOptions};
use super::{OnnxImportError, SafetensorsError, TorchError, onnx, safetensors, torch};
use crate::network::layer_list::{LayerList, LayerListError};
use crate::network::manifest::Input;
use crate::onnx::{CheckError, Model, check, write};

/// What is known about a file beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Name of the network.
    pub name: String,
    /// Caffe's description of the architecture, where the file's own is not to be used.
    pub prototxt: Option<PathBuf>,
    /// The architecture, where the file holds bare tensors and their names do not show it.
    pub layers: Option<LayerList>,
    /// Whether the layers that tell classes apart are wanted too, of which a file that describes its
    /// layers, or a list of them, speaks.
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
        write(&self.model)
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
        source: io::Error,
    },
    /// A kind of file that is not read.
    #[error("{} is {found}; Caffe models (.caffemodel), PyTorch state dictionaries (.pth, .pt), .safetensors and .onnx are read", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it seems to be.
        found: &'static str,
    },
    /// An option for another kind of file.
    #[error("{} is {found}, for which there is no {option}", path.display())]
    Option {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// The option.
        option: &'static str,
    },
    /// A Caffe model that cannot be used.
    #[error(transparent)]
    Caffe(#[from] Box<CaffeError>),
    /// Layers of a Caffe model that make no graph.
    #[error("put the layers in {} together", path.display())]
    Layers {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: Box<LayerListError>,
    },
    /// A PyTorch file that cannot be used.
    #[error("read the PyTorch weights in {}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<TorchError>,
    },
    /// A safetensors file that cannot be used.
    #[error("read the weights in {}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<SafetensorsError>,
    },
    /// An ONNX file that cannot be used.
    #[error("use the ONNX file {}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<OnnxImportError>,
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
    Caffe,
    Torch,
    Safetensors,
    Onnx,
}

/// Reads a network from a file.
pub fn read(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let kind = kind(path)?;
    refuse_what_makes_no_sense(path, kind, options)?;
    let imported = match kind {
        Kind::Caffe => from_caffe(path, options)?,
        Kind::Torch | Kind::Safetensors => from_tensors(path, kind, options)?,
        Kind::Onnx => bare(onnx::read(path).map_err(|source| ImportError::Onnx {
            path: path.to_owned(),
            source: Box::new(source),
        })?),
    };
    check(&imported.model).map_err(|source| ImportError::Check {
        path: path.to_owned(),
        source,
    })?;
    Ok(imported)
}

fn refuse_what_makes_no_sense(
    path: &Path,
    kind: Kind,
    options: &ImportOptions,
) -> Result<(), ImportError> {
    let found = match kind {
        Kind::Caffe => "a Caffe model",
        Kind::Torch => "a PyTorch file",
        Kind::Safetensors => "a safetensors file",
        Kind::Onnx => "an ONNX model",
    };
    let option = match kind {
        Kind::Torch | Kind::Safetensors => options.prototxt.is_some().then_some("prototxt"),
        Kind::Onnx if options.prototxt.is_some() => Some("prototxt"),
        Kind::Caffe | Kind::Onnx => options.layers.is_some().then_some("list of layers"),
    };
    match option {
        Some(option) => Err(ImportError::Option {
            path: path.to_owned(),
            found,
            option,
        }),
        None => Ok(()),
    }
}

fn from_caffe(path: &Path, options: &ImportOptions) -> Result<Imported, ImportError> {
    let wanted = CaffeOptions {
        prototxt: options.prototxt.clone(),
        classifier: options.classifier,
    };
    let network = caffe::read(path, &wanted).map_err(Box::new)?;
    let model = network
        .layers
        .graph(&options.name, &network.weights)
        .map_err(|source| ImportError::Layers {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    Ok(Imported {
        model,
        input: caffe_input(&network.input),
        notes: network.notes,
    })
}

/// Returns what a Caffe model says about its input, `(v − mean) · scale` of a value `v` in 0–255, as
/// a manifest puts it; `None` where it says nothing that holds for a picture of any size.
fn caffe_input(said: &CaffeInput) -> Option<Input> {
    let mean = match *said.mean.as_slice() {
        [one] => [one; 3],
        [blue, green, red] => [blue, green, red],
        _ if said.mean_file.is_none() && said.scale.is_some() => [0.0; 3],
        _ => return None,
    };
    let scale = said.scale.filter(|scale| *scale > 0.0).unwrap_or(1.0);
    Some(Input {
        mean,
        std: [1.0 / scale; 3],
        ..Input::default()
    })
}

fn from_tensors(path: &Path, kind: Kind, options: &ImportOptions) -> Result<Imported, ImportError> {
    let file = File::open(path).map_err(|source| ImportError::Io {
        path: path.to_owned(),
        source,
    })?;
    let mut file = BufReader::new(file);
    let list = options.layers.as_ref().map(|list| {
        if options.classifier {
            list.clone()
        } else {
            list.without_classifier()
        }
    });
    let model = if kind == Kind::Torch {
        torch::network(&options.name, file, list.as_ref()).map_err(|source| ImportError::Torch {
            path: path.to_owned(),
            source: Box::new(source),
        })?
    } else {
        safetensors::network(&options.name, &mut file, list.as_ref()).map_err(|source| {
            ImportError::Safetensors {
                path: path.to_owned(),
                source: Box::new(source),
            }
        })?
    };
    Ok(bare(model))
}

fn bare(model: Model) -> Imported {
    Imported {
        model,
        input: None,
        notes: Vec::new(),
    }
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
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    kind_of(&beginning, ending.to_str().unwrap_or_default()).map_err(|found| ImportError::Format {
        path: path.to_owned(),
        found,
    })
}

/// Tells what a file that begins so and whose name ends so is, or what else it seems to be.
fn kind_of(beginning: &[u8], ending: &str) -> Result<Kind, &'static str> {
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let text = text.trim_start();
    if beginning.is_empty() {
        return Err("empty");
    }
    if text.starts_with("<!doctype") || text.starts_with("<html") {
        return Err("a web page, not the file that it stands for");
    }
    if text.starts_with("version https://git-lfs") {
        return Err("a pointer to a file that git did not fetch");
    }
    if beginning.starts_with(&[0x1f, 0x8b]) {
        return Err("an archive: unpack it and name the file inside");
    }
    if beginning.starts_with(b"\x89HDF") {
        return Err("an HDF5 file");
    }
    // `torch.save` writes an archive, and wrote a pickle of protocol 2 before.
    if beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(&[0x80, 0x02]) {
        return Ok(Kind::Torch);
    }
    match ending {
        "caffemodel" => Ok(Kind::Caffe),
        "onnx" => Ok(Kind::Onnx),
        "pth" | "pt" => Ok(Kind::Torch),
        _ if ending == "safetensors" || beginning.get(8) == Some(&b'{') => Ok(Kind::Safetensors),
        "prototxt" => Err("a description of layers without their weights"),
        _ => Err("of a kind that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_from_beginnings_and_endings() {
        for (beginning, ending, kind) in [
            (&b"PK\x03\x04..."[..], "zip", Kind::Torch),
            (b"\x80\x02\x8a\x0a", "bin", Kind::Torch),
            (b"\x40\0\0\0\0\0\0\0{\"a\"", "", Kind::Safetensors),
            (b"\x0a\x05conv1", "caffemodel", Kind::Caffe),
            (b"\x08\x08\x12\x07", "onnx", Kind::Onnx),
        ] {
            assert_eq!(kind_of(beginning, ending), Ok(kind), "{ending}");
        }
        for (beginning, ending) in [
            (&b""[..], "onnx"),
            (b"\n<!DOCTYPE html>", "pth"),
            (b"version https://git-lfs.github.com/spec/v1", "onnx"),
            (b"\x1f\x8b\x08", "caffemodel"),
            (b"\x89HDF\r\n", "caffemodel"),
            (b"name: \"x\"", "prototxt"),
            (b"hello", "txt"),
        ] {
            assert!(kind_of(beginning, ending).is_err(), "{ending}");
        }
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "the numbers are taken over as they are")]
    fn what_caffe_says_about_its_input_is_put_as_in_a_manifest() {
        let said = |mean: &[f32], mean_file: Option<&str>, scale| CaffeInput {
            mean: mean.to_vec(),
            mean_file: mean_file.map(str::to_owned),
            scale,
            ..CaffeInput::default()
        };
        let input = caffe_input(&said(&[104.0, 117.0, 123.0], None, Some(0.5))).unwrap();
        assert_eq!((input.mean, input.std), ([104.0, 117.0, 123.0], [2.0; 3]));
        let input = caffe_input(&said(&[], None, Some(0.003_906_25))).unwrap();
        assert_eq!((input.mean, input.std), ([0.0; 3], [256.0; 3]));
        assert_eq!(
            caffe_input(&said(&[127.5], None, None)).unwrap().mean,
            [127.5; 3]
        );
        assert_eq!(
            caffe_input(&said(&[], Some("mean.binaryproto"), Some(0.5))),
            None
        );
        assert_eq!(caffe_input(&CaffeInput::default()), None);
    }
}
