//! Looking for an ONNX Runtime library that is already on this machine.
//!
//! The order is fixed: what a person named, what the settings name, what an earlier run
//! installed, what the system has. What was named is used or refused, never passed over.

use std::{
    cmp::Reverse,
    fmt, fs,
    path::{Path, PathBuf},
};

use super::{
    Device, Environment, Error, Request, Version, folders,
    nvidia::{self, CudaProvider, Nvidia},
    version::{self, Kind, MINIMUM},
};

/// Who pointed at a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    OrtLib,
    Variable,
    Settings,
    Installed,
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrtLib => "named by --ort-lib",
            Self::Variable => "named by ORT_DYLIB_PATH",
            Self::Settings => "named by the settings",
            Self::Installed => "installed by pentimento",
            Self::System => "found on the system",
        })
    }
}

/// A library that can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: PathBuf,
    /// `None` only for a named library that does not tell.
    pub version: Option<Version>,
    pub origin: Origin,
    /// The CUDA provider beside it, if there is one.
    pub cuda: Option<CudaProvider>,
    /// Folders to put in front of `LD_LIBRARY_PATH` of the process that loads the library.
    pub library_path: Vec<PathBuf>,
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub origin: Origin,
    pub path: PathBuf,
    /// What was found there, in words.
    pub finding: String,
}

/// What was found, and everything that was looked at on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    pub library: Option<Library>,
    pub looked: Vec<Looked>,
}

/// Looks for a library without changing anything.
///
/// # Errors
/// A library that was named (`--ort-lib`, `ORT_DYLIB_PATH`, settings) and cannot be used.
pub fn search(env: &Environment, request: &Request) -> Result<Search, Error> {
    let named = [
        (Origin::OrtLib, request.ort_lib.as_ref()),
        (Origin::Variable, env.ort_dylib_path.as_ref()),
        (Origin::Settings, request.settings.as_ref()),
    ];
    for (origin, path) in named {
        if let Some(path) = path {
            // A command line that takes its default from the variable hands the same path twice.
            let from_variable =
                origin == Origin::OrtLib && env.ort_dylib_path.as_ref() == Some(path);
            let origin = if from_variable {
                Origin::Variable
            } else {
                origin
            };
            let library = named_library(env, path, origin)?;
            let looked = vec![Looked::new(origin, path, describe(&library))];
            return Ok(Search {
                library: Some(library),
                looked,
            });
        }
    }

    let mut looked = Vec::new();
    let suits = |library: &Library| match request.device {
        Device::Cuda(_) => library.cuda.is_some(),
        Device::Auto | Device::Cpu => true,
    };
    let mut library = None;
    for folder in installed_folders(env, request.device) {
        let found = library_in(env, &folder, Origin::Installed, &mut looked);
        library = library.or(found.filter(suits));
    }
    if library.is_none() {
        for folder in env.loader_path().into_iter().chain(folders::system(env)) {
            let found = library_in(env, &folder, Origin::System, &mut looked);
            library = library.or(found.filter(suits));
        }
    }
    Ok(Search { library, looked })
}

/// Returns the newest usable library in `folder`, and adds every candidate to `looked`.
pub(super) fn library_in(
    env: &Environment,
    folder: &Path,
    origin: Origin,
    looked: &mut Vec<Looked>,
) -> Option<Library> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| version::is_library_name(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    names.sort();
    let mut usable: Vec<Library> = Vec::new();
    for path in names {
        if looked.iter().any(|seen| seen.path == path) {
            continue;
        }
        let (library, finding) = match version::inspect(&path) {
            Err(error) => (None, error.to_string()),
            Ok(Kind::Other) => (None, "not a shared library".to_owned()),
            Ok(Kind::Foreign) => (None, "built for another processor".to_owned()),
            Ok(Kind::Library(None)) => (None, "does not tell its version".to_owned()),
            Ok(Kind::Library(Some(version))) if version < MINIMUM => {
                (None, format!("version {version} is older than {MINIMUM}"))
            }
            Ok(Kind::Library(version)) => {
                let library = Library::at(env, &path, version, origin);
                let finding = describe(&library);
                (Some(library), finding)
            }
        };
        looked.push(Looked::new(origin, &path, finding));
        usable.extend(library);
    }
    // The shortest name last: of several links to one file any is right, the full name says most.
    usable
        .into_iter()
        .max_by_key(|library| (library.version, library.path.as_os_str().len()))
}

/// A library that a person named is taken even if its version cannot be read: builds of one's own
/// often do not tell it, and the loader has the last word.
fn named_library(env: &Environment, path: &Path, origin: Origin) -> Result<Library, Error> {
    let given = || path.to_path_buf();
    let kind = version::inspect(path).map_err(|source| Error::Unreadable {
        origin,
        path: given(),
        source,
    })?;
    match kind {
        Kind::Other => Err(Error::NotALibrary {
            origin,
            path: given(),
        }),
        Kind::Foreign => Err(Error::Foreign {
            origin,
            path: given(),
        }),
        Kind::Library(Some(version)) if version < MINIMUM => Err(Error::TooOld {
            origin,
            path: given(),
            version,
        }),
        Kind::Library(version) => Ok(Library::at(env, path, version, origin)),
    }
}

/// Returns the folders of earlier installations, the one to prefer first. With a card and a free
/// choice that is the CUDA variant; for the processor alone the plain one, which is leaner.
fn installed_folders(env: &Environment, device: Device) -> Vec<PathBuf> {
    let Ok(runtime) = env.runtime_folder() else {
        return Vec::new();
    };
    let cuda_first = match device {
        Device::Cpu => false,
        Device::Cuda(_) => true,
        Device::Auto => Nvidia::detect(env).driver.is_some(),
    };
    let newest_first = |prefix: &str| {
        let mut folders = folders::children(&runtime, prefix);
        folders.sort_by_key(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            Reverse(
                name.strip_prefix(prefix)
                    .and_then(|rest| rest.parse::<Version>().ok()),
            )
        });
        folders
    };
    let order = if cuda_first {
        ["cuda-", "cpu-"]
    } else {
        ["cpu-", "cuda-"]
    };
    order.into_iter().flat_map(newest_first).collect()
}

impl Library {
    fn at(env: &Environment, path: &Path, version: Option<Version>, origin: Origin) -> Self {
        // The provider lies beside the file itself, which a link may only point at.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let provider = real
            .parent()
            .and_then(|folder| nvidia::provider(env, folder));
        let (cuda, library_path) = match provider {
            Some((cuda, folders)) => (Some(cuda), folders),
            None => (None, Vec::new()),
        };
        Self {
            path: path.to_path_buf(),
            version,
            origin,
            cuda,
            library_path,
        }
    }
}

impl Looked {
    fn new(origin: Origin, path: &Path, finding: String) -> Self {
        Self {
            origin,
            path: path.to_path_buf(),
            finding,
        }
    }
}

fn describe(library: &Library) -> String {
    let version = library.version.map_or_else(
        || "version not told".to_owned(),
        |version| format!("version {version}"),
    );
    if library.cuda.is_some() {
        format!("{version}, with CUDA")
    } else {
        version
    }
}
