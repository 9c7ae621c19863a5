//! Which networks there are, and which of them are installed.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ModelsError;
use super::lockfile::{self, Record};
use crate::network::{self, Manifest, NetworkError, catalogue};

/// A network that can be named in a profile.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What its manifest says.
    pub manifest: Manifest,
    /// The manifest's file, where it is not only inside the program.
    pub manifest_file: Option<PathBuf>,
    /// Whether it can be used.
    pub state: State,
    /// What the lock file says about its installation.
    pub record: Option<Record>,
}

/// Whether a network can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is inside the program.
    Inside,
    /// Its weights are there.
    Installed {
        /// Their file.
        file: PathBuf,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Its weights are not there.
    NotInstalled,
}

/// Returns every network that is known, sorted by name; a manifest that cannot be used is an error
/// in its place.
pub fn list(folders: &[PathBuf]) -> Vec<Result<Entry, ModelsError>> {
    network::known(folders)
        .iter()
        .map(|name| entry(name, folders))
        .collect()
}

/// Returns the network of a name.
pub fn entry(name: &str, folders: &[PathBuf]) -> Result<Entry, ModelsError> {
    let Some(manifest) = network::manifest(name, folders)? else {
        let known = network::known(folders);
        return Err(ModelsError::from(NetworkError::Missing {
            name: name.to_owned(),
            nearest: catalogue::nearest(name, &known),
            looked_in: folders.to_vec(),
            known,
        }));
    };
    let manifest_file = folders
        .iter()
        .map(|folder| folder.join(format!("{name}.toml")))
        .find(|path| path.is_file());
    let mut state = State::NotInstalled;
    let mut record = None;
    if let Some(file) = network::weights(&manifest, folders) {
        let (_, lock) = lockfile::beside(&file)?;
        record = lock.network.get(name).cloned();
        let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        state = State::Installed { file, bytes };
    } else if name == catalogue::BUILTIN {
        state = State::Inside;
    }
    Ok(Entry {
        manifest,
        manifest_file,
        state,
        record,
    })
}

impl Entry {
    /// Returns the file of its weights, if they are on disk.
    pub fn file(&self) -> Option<&Path> {
        match &self.state {
            State::Installed { file, .. } => Some(file),
            State::Inside | State::NotInstalled => None,
        }
    }
}
