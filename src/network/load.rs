//! Finds a network by its name or the path of a file, and reads it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Network;
use super::aliases::aliases;
use super::catalogue;
use super::import::{self, OnnxImportError, SafetensorsError, TorchError};
use super::layer::layers;
use super::manifest::{Manifest, ManifestError};
use crate::onnx::{self, CheckError, Model};

/// Why a network cannot be used.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// Neither a manifest of that name nor a file.
    #[error("network `{name}` is not installed{}: no {name}.toml in {} and no file of that name; known are {}", did_you_mean(.nearest.as_deref()), dirs(.looked_in), .known.join(", "))]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The name most like it, if one is like it at all.
        nearest: Option<String>,
        /// Folders that were looked into.
        looked_in: Vec<PathBuf>,
        /// Names of networks that are installed or can be.
        known: Vec<String>,
    },
    /// A network whose weights are published, but not here.
    #[error("network {name} is not installed, run `pentimento models pull {name}`")]
    NotInstalled {
        /// Name of the network.
        name: String,
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
    #[error("{} is no network: `.onnx`, `.safetensors`, `.pth` and `.pt` are read (a `.caffemodel` becomes one by `pentimento models import`)", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// An ONNX file that cannot be used.
    #[error("use the ONNX file {}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: OnnxImportError,
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

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

fn dirs(dirs: &[PathBuf]) -> String {
    dirs.iter()
        .map(|dir| dir.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Graph of the network that ships inside the program.
const BUILTIN: &[u8] = include_bytes!("../../models/builtin.onnx");

/// Endings of files that are read as a network.
const READ: [&str; 4] = ["onnx", "safetensors", "pth", "pt"];

/// Where the network of a name is.
enum Place {
    /// A manifest in a folder, or named by its path.
    Manifest(PathBuf),
    /// A bare file.
    File(PathBuf),
    /// A manifest inside the program only.
    Catalogue(&'static str),
    /// Nowhere.
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
        _ => match catalogue::text(name) {
            Some(text) => Place::Catalogue(text),
            None => Place::Nowhere,
        },
    }
}

/// Returns how many bytes the file of the network that a profile calls `name` has, where it is
/// there.
pub fn file_size(name: &str, dirs: &[PathBuf]) -> Option<u64> {
    let size = |path: &Path| std::fs::metadata(path).ok().map(|file| file.len());
    match place(name, dirs) {
        Place::Manifest(path) => {
            let manifest = read_manifest(&path).ok()?;
            size(&weights(&manifest, dirs)?)
        }
        Place::File(path) => size(&path),
        Place::Catalogue(_) if name == catalogue::BUILTIN => u64::try_from(BUILTIN.len()).ok(),
        Place::Catalogue(text) => {
            let manifest = parse(text, &shipped(name)).ok()?;
            size(&weights(&manifest, dirs)?)
        }
        Place::Nowhere => None,
    }
}

/// Returns the manifest of the network that a profile calls `name`, without reading its weights;
/// `None` where there is no manifest.
pub fn manifest(name: &str, dirs: &[PathBuf]) -> Result<Option<Manifest>, NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => read_manifest(&path).map(Some),
        Place::Catalogue(text) => parse(text, &shipped(name)).map(Some),
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

/// Finds and reads the network that a profile calls `name`: a manifest in one of `dirs` or in the
/// catalogue, or the path of a manifest, an `.onnx`, `.safetensors`, `.pth` or `.pt` file.
pub fn find(name: &str, dirs: &[PathBuf]) -> Result<Network, NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => from_manifest(&path, dirs),
        Place::File(path) => from_file(&path),
        Place::Catalogue(text) => {
            let manifest = parse(text, &shipped(name))?;
            if name == catalogue::BUILTIN {
                let path = PathBuf::from(&manifest.file);
                return from_bytes(manifest, &path, BUILTIN);
            }
            match weights(&manifest, dirs) {
                Some(file) => from_weights(manifest, &file),
                None => Err(NetworkError::NotInstalled {
                    name: manifest.name,
                }),
            }
        }
        Place::Nowhere => Err(missing(name, dirs)),
    }
}

/// Returns the file of a network's weights in the first of `dirs` that has it: under the name that
/// the manifest states, or that name with another ending that is read.
pub fn weights(manifest: &Manifest, dirs: &[PathBuf]) -> Option<PathBuf> {
    dirs.iter().find_map(|dir| {
        let stated = dir.join(&manifest.file);
        let others = READ.iter().map(|ending| stated.with_extension(ending));
        std::iter::once(stated.clone())
            .chain(others)
            .find(|file| file.is_file())
    })
}

/// Holds that the network of a name could be read: its manifest and its weights are there.
pub fn is_installed(name: &str, dirs: &[PathBuf]) -> Result<(), NetworkError> {
    match place(name, dirs) {
        Place::Manifest(path) => {
            let manifest = read_manifest(&path)?;
            weights_of(&path, manifest, dirs).map(|_found| ())
        }
        Place::Catalogue(text) if name != catalogue::BUILTIN => {
            let manifest = parse(text, &shipped(name))?;
            match weights(&manifest, dirs) {
                Some(_) => Ok(()),
                None => Err(NetworkError::NotInstalled {
                    name: manifest.name,
                }),
            }
        }
        Place::File(_) | Place::Catalogue(_) => Ok(()),
        Place::Nowhere => Err(missing(name, dirs)),
    }
}

/// Returns the manifest at `path` with the file of its weights: beside it, else in one of `dirs`.
fn weights_of(
    path: &Path,
    manifest: Manifest,
    dirs: &[PathBuf],
) -> Result<(Manifest, PathBuf), NetworkError> {
    let mut places = vec![path.parent().unwrap_or(Path::new("")).to_owned()];
    places.extend_from_slice(dirs);
    match weights(&manifest, &places) {
        Some(file) => Ok((manifest, file)),
        None if manifest.sources.is_empty() => Err(NetworkError::NoWeights {
            file: path.with_file_name(&manifest.file),
            name: manifest.name,
        }),
        None => Err(NetworkError::NotInstalled {
            name: manifest.name,
        }),
    }
}

/// Returns what stands for the path of a manifest inside the program.
fn shipped(name: &str) -> PathBuf {
    PathBuf::from(format!("{name}.toml"))
}

fn parse(text: &str, path: &Path) -> Result<Manifest, NetworkError> {
    Manifest::parse(text).map_err(|source| NetworkError::Manifest {
        path: path.to_owned(),
        source,
    })
}

fn read_manifest(path: &Path) -> Result<Manifest, NetworkError> {
    parse(&String::from_utf8_lossy(&read(path)?), path)
}

fn missing(name: &str, dirs: &[PathBuf]) -> NetworkError {
    let known = known(dirs);
    NetworkError::Missing {
        name: name.to_owned(),
        nearest: catalogue::nearest(name, &known),
        looked_in: dirs.to_vec(),
        known,
    }
}

/// Returns the names of the manifests in `dirs` and in the catalogue, sorted.
pub fn known(dirs: &[PathBuf]) -> Vec<String> {
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
        .chain(catalogue::names().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn from_manifest(path: &Path, dirs: &[PathBuf]) -> Result<Network, NetworkError> {
    let (manifest, file) = weights_of(path, read_manifest(path)?, dirs)?;
    from_weights(manifest, &file)
}

/// Reads a bare file; a manifest of the same name beside it is used, else Caffe's conventions.
fn from_file(path: &Path) -> Result<Network, NetworkError> {
    let beside = path.with_extension("toml");
    if beside.is_file() {
        return from_manifest(&beside, &[]);
    }
    let lossy =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let manifest = Manifest {
        name: lossy(path.file_stem()),
        file: lossy(path.file_name()),
        ..Manifest::default()
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
    let folder = path.parent().unwrap_or(Path::new(""));
    let model = import::onnx::from_bytes(bytes, folder).map_err(|source| NetworkError::Onnx {
        path: path.to_owned(),
        source,
    })?;
    checked(manifest, path, model, sha256)
}

/// Holds that a graph hangs together and is a network of pictures.
fn checked(
    manifest: Manifest,
    path: &Path,
    model: Model,
    sha256: String,
) -> Result<Network, NetworkError> {
    onnx::check(&model).map_err(|source| NetworkError::Check {
        path: path.to_owned(),
        source,
    })?;
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
        aliases: aliases(&manifest.aliases, &layers),
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
