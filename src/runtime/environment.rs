//! What the machine and the caller's environment say, as one value.
//!
//! Nothing else in `runtime` reads an environment variable or names an absolute system path: a
//! test builds an `Environment` over a temporary folder and sees the whole of the module's world.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Error,
    pins::{Pins, Platform},
};

/// The variables, folders and pins that finding and installing depend on.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `PATH`: where `python3`, `uv` and `npm` are looked for.
    pub path: OsString,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`; ignored unless absolute.
    pub xdg_data_home: Option<PathBuf>,
    /// `LD_LIBRARY_PATH` (`DYLD_LIBRARY_PATH` on macOS).
    pub ld_library_path: OsString,
    /// `ORT_DYLIB_PATH`: a library that is to be used and no other.
    pub ort_dylib_path: Option<PathBuf>,
    /// `CUDA_HOME`, else `CUDA_PATH`.
    pub cuda_home: Option<PathBuf>,
    /// `CUDA_VISIBLE_DEVICES`.
    pub cuda_visible_devices: Option<String>,
    /// `VIRTUAL_ENV` and `CONDA_PREFIX`: Python environments that may hold NVIDIA libraries.
    pub python_prefixes: Vec<PathBuf>,
    /// The folder that stands for `/` when `/proc`, `/dev`, `/etc` and `/usr` are read.
    pub root: PathBuf,
    /// What is fetched for this platform, and its checksums.
    pub pins: Pins,
    /// How long a client may neither write nor say anything before it is given up.
    pub patience: Duration,
}

impl Environment {
    /// Reads the environment of this process, with the pins of the platform it was built for.
    pub fn from_process() -> Self {
        let loader = if cfg!(target_os = "macos") {
            "DYLD_LIBRARY_PATH"
        } else {
            "LD_LIBRARY_PATH"
        };
        Self {
            path: env::var_os("PATH").unwrap_or_default(),
            home: folder("HOME"),
            xdg_data_home: folder("XDG_DATA_HOME"),
            ld_library_path: env::var_os(loader).unwrap_or_default(),
            ort_dylib_path: folder("ORT_DYLIB_PATH"),
            cuda_home: folder("CUDA_HOME").or_else(|| folder("CUDA_PATH")),
            cuda_visible_devices: env::var("CUDA_VISIBLE_DEVICES").ok(),
            python_prefixes: ["VIRTUAL_ENV", "CONDA_PREFIX"]
                .into_iter()
                .filter_map(folder)
                .collect(),
            root: PathBuf::from("/"),
            pins: Pins::of(Platform::current()),
            patience: Duration::from_mins(5),
        }
    }

    /// Returns `runtime/` in the user's data folder: the home of everything installed.
    pub fn runtime_folder(&self) -> Result<PathBuf, Error> {
        let data = match (&self.xdg_data_home, &self.home) {
            (Some(data), _) if data.is_absolute() => data.clone(),
            (_, Some(home)) => home.join(".local/share"),
            (_, None) => return Err(Error::NoDataFolder),
        };
        Ok(data.join("pentimento/runtime"))
    }

    /// Returns `path`, which is absolute, below the folder that stands for `/`.
    pub(super) fn below_root(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Returns the program `name` as the first folder of `PATH` holds it.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| is_executable(path))
    }

    /// Returns the folders of `LD_LIBRARY_PATH`.
    pub(super) fn loader_path(&self) -> Vec<PathBuf> {
        env::split_paths(&self.ld_library_path)
            .filter(|folder| folder.is_absolute())
            .collect()
    }
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}
