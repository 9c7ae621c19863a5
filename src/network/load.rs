//! Finds a network by its name or the path of a file, and reads it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::import::{self, SafetensorsError, TorchError};
use super::layer::layers;
use super::manifest::{Input, Manifest, ManifestError};
use super::{Network, forward};
use crate::onnx::{self, CheckError, Model, ReadError};

/// Why a network cannot be used.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// Neither a manifest of that name nor a file.
    #[error("network `{name}` is not installed: there is no {name}.toml in {} and no file of that name (installed: {})", dirs(.looked_in), .installed.join(", "))]
    Missing {
        /// The name that was asked for.
        name: String,
        /// Folders that were looked into.
        looked_in: Vec<PathBuf>,
        /// Names that are there.
        installed: Vec<String>,
    },
    /// A manifest whose weights are not there.
    #[error("network `{name}` is not installed: its manifest is there, but not its weights; put them at {}", file.display())]
    NoWeights {
        /// Name of the network.
        name: String,
        /// Where the weights are looked for.
        file: PathBuf,
    },
    /// A file that could not be read.
    #[error("read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A manifest that makes no sense.
    #[error("use the network manifest {}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ManifestError,
    },
    /// A file that is not the one the manifest was written for.
    #[error("{} has SHA-256 {found}, but its manifest says {expected}: fetch the file again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file whose ending is not known.
    #[error("{} is no network: `.onnx`, `.safetensors`, `.pth` and `.pt` are read", path.display())]
    Format {
        /// The file.
        path: PathBuf,
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
    /// An ONNX file that does not hang together.
    #[error("check the graph in {}", path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CheckError,
    },
    /// A weight file that cannot be read.
    #[error("read the weights in {}", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<SafetensorsError>,
    },
    /// A PyTorch file that cannot be read.
    #[error("read the PyTorch weights in {}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<TorchError>,
    },
    /// A graph that is no network of pictures.
    #[error("{} is no network of pictures: {reason}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
}

fn dirs(dirs: &[PathBuf]) -> String {
    dirs.iter()
        .map(|dir| dir.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Manifest and graph of the network that ships inside the program.
const BUILTIN: (&str, &[u8]) = (
    include_str!("../../models/builtin.toml"),
    include_bytes!("../../models/builtin.onnx"),
);

/// Name of the network that ships inside the program.
const BUILTIN_NAME: &str = "builtin";

/// Returns the manifest of the network that a profile calls `name`, without reading its weights;
/// `None` where there is no manifest.
pub fn manifest(name: &str, dirs: &[PathBuf]) -> Result<Option<Manifest>, NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => read_manifest(&path).map(Some),
        Place::Builtin => builtin_manifest().map(Some),
        Place::File(path) => {
            let beside = path.with_extension("toml");
            if beside.is_file() {
                read_manifest(&beside).map(Some)
            } else {
                Ok(None)
            }
        }
        Place::Nowhere => Ok(None),
    }
}

/// Where the network of a name is.
enum Place {
    Manifest(PathBuf),
    File(PathBuf),
    Builtin,
    Nowhere,
}

fn place(name: &str, dirs: &[PathBuf]) -> Place {
    let path = Path::new(name);
    let plain = path.components().count() == 1 && path.extension().is_none();
    let manifest = dirs
        .iter()
        .map(|dir| dir.join(format!("{name}.toml")))
        .find(|p| p.is_file());
    match manifest {
        Some(manifest) if plain => Place::Manifest(manifest),
        _ if path.is_file() && path.extension().is_some_and(|e| e == "toml") => {
            Place::Manifest(path.to_owned())
        }
        _ if path.is_file() => Place::File(path.to_owned()),
        _ if name == BUILTIN_NAME => Place::Builtin,
        _ => Place::Nowhere,
    }
}

/// Finds and reads the network that a profile calls `name`: a manifest in one of `dirs`, the path
/// of a manifest, an `.onnx`, `.safetensors`, `.pth` or `.pt` file, or the network inside the program.
pub fn find(name: &str, dirs: &[PathBuf]) -> Result<Network, NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => from_manifest(&path),
        Place::File(path) => from_file(&path),
        Place::Builtin => {
            let manifest = builtin_manifest()?;
            let path = PathBuf::from(&manifest.file);
            from_bytes(manifest, &path, BUILTIN.1)
        }
        Place::Nowhere => Err(missing(name, dirs)),
    }
}

fn builtin_manifest() -> Result<Manifest, NetworkError> {
    Manifest::parse(BUILTIN.0).map_err(|source| NetworkError::Manifest {
        path: "builtin.toml".into(),
        source,
    })
}

fn read_manifest(path: &Path) -> Result<Manifest, NetworkError> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    Manifest::parse(&text).map_err(|source| NetworkError::Manifest {
        path: path.to_owned(),
        source,
    })
}

/// Holds that the network of a name could be read: its manifest and its weights are there.
pub fn is_installed(name: &str, dirs: &[PathBuf]) -> Result<(), NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => {
            let manifest = read_manifest(&path)?;
            let file = path.with_file_name(&manifest.file);
            if file.is_file() {
                Ok(())
            } else {
                Err(NetworkError::NoWeights {
                    name: manifest.name,
                    file,
                })
            }
        }
        Place::File(_) | Place::Builtin => Ok(()),
        Place::Nowhere => Err(missing(name, dirs)),
    }
}

fn missing(name: &str, dirs: &[PathBuf]) -> NetworkError {
    NetworkError::Missing {
        name: name.to_owned(),
        looked_in: dirs.to_vec(),
        installed: installed(dirs),
    }
}

/// Returns the names of the manifests in `dirs`, sorted.
fn installed(dirs: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter_map(|path| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        })
        .collect();
    names.push(BUILTIN_NAME.to_owned());
    names.sort();
    names.dedup();
    names
}

fn from_manifest(path: &Path) -> Result<Network, NetworkError> {
    let manifest = read_manifest(path)?;
    let file = path.with_file_name(&manifest.file);
    if !file.is_file() {
        return Err(NetworkError::NoWeights {
            name: manifest.name,
            file,
        });
    }
    from_weights(manifest, &file)
}

/// Reads a bare file; a manifest of the same name beside it is used, else Caffe's conventions.
fn from_file(path: &Path) -> Result<Network, NetworkError> {
    let beside = path.with_extension("toml");
    if beside.is_file() {
        return from_manifest(&beside);
    }
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let manifest = Manifest {
        name,
        title: String::new(),
        file: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        licence: String::new(),
        sha256: String::new(),
        input: Input::default(),
        preset: toml::Table::new(),
    };
    from_weights(manifest, path)
}

/// Reads the file at `path` by its ending. Bare tensors are read as they are needed, not with the
/// whole file in memory.
fn from_weights(manifest: Manifest, path: &Path) -> Result<Network, NetworkError> {
    let extension = path.extension().and_then(|e| e.to_str());
    if !matches!(extension, Some("safetensors" | "pth" | "pt")) {
        return from_bytes(manifest, path, &read(path)?);
    }
    let failed = |source: io::Error| NetworkError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let sha256 = digest(&mut file).map_err(failed)?;
    hold_checksum(&manifest, path, &sha256)?;
    file.rewind().map_err(failed)?;
    let model = if extension == Some("safetensors") {
        import::safetensors::network(&manifest.name, &mut file, None).map_err(|source| {
            NetworkError::Safetensors {
                path: path.to_owned(),
                source: Box::new(source),
            }
        })?
    } else {
        import::torch::network(&manifest.name, file, None).map_err(|source| {
            NetworkError::Torch {
                path: path.to_owned(),
                source: Box::new(source),
            }
        })?
    };
    checked(manifest, path, model, sha256)
}

/// Returns the SHA-256 of what a file holds from where it stands.
fn digest(file: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

fn hold_checksum(manifest: &Manifest, path: &Path, sha256: &str) -> Result<(), NetworkError> {
    if manifest.sha256.is_empty() || manifest.sha256.eq_ignore_ascii_case(sha256) {
        return Ok(());
    }
    Err(NetworkError::Checksum {
        path: path.to_owned(),
        expected: manifest.sha256.clone(),
        found: sha256.to_owned(),
    })
}

fn from_bytes(manifest: Manifest, path: &Path, bytes: &[u8]) -> Result<Network, NetworkError> {
    let sha256 = hex(&Sha256::digest(bytes));
    hold_checksum(&manifest, path, &sha256)?;
    if path.extension().is_none_or(|extension| extension != "onnx") {
        return Err(NetworkError::Format {
            path: path.to_owned(),
        });
    }
    let model = onnx::read(bytes).map_err(|source| NetworkError::Onnx {
        path: path.to_owned(),
        source,
    })?;
    checked(manifest, path, model, sha256)
}

/// Holds that a graph hangs together and is a network of pictures.
fn checked(
    manifest: Manifest,
    path: &Path,
    mut model: Model,
    sha256: String,
) -> Result<Network, NetworkError> {
    onnx::check(&model).map_err(|source| NetworkError::Check {
        path: path.to_owned(),
        source,
    })?;
    forward::fold_casts(&mut model.graph);
    let shape_error = |reason: &str| NetworkError::Shape {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if model.graph.inputs.len() != 1 {
        return Err(shape_error("it must have exactly one input, the picture"));
    }
    let layers = layers(&model.graph);
    if layers.is_empty() {
        return Err(shape_error("it has no convolution, activation or pooling"));
    }
    Ok(Network {
        manifest,
        model,
        layers,
        sha256,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, NetworkError> {
    std::fs::read(path).map_err(|source| NetworkError::Io {
        path: path.to_owned(),
        source,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
