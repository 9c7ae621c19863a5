//! Putting a network in place, under the folder's lock.
//!
//! The order matters to whoever is interrupted: first the lock file says what is about to be there,
//! then the manifest, last the weights, whose presence is what makes a network installed.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::{ModelsError, at};
use super::lockfile::{LockFile, Record, readable, replace};
use crate::download::{FolderLock, sums};
use crate::network::import::Imported;
use crate::network::{self, Manifest};

/// What the names of unfinished things begin with.
pub(super) const STAGING: &str = ".incoming-";

/// A folder that networks are put into, locked.
pub(super) struct Target {
    lock: FolderLock,
}

/// Where a network came from.
pub(super) struct Origin {
    pub(super) source: String,
    pub(super) source_sha256: String,
    pub(super) check: super::Check,
}

impl Target {
    /// Takes the lock on `folder` and removes what killed processes left behind.
    pub(super) fn open(folder: &Path, on_wait: &mut dyn FnMut()) -> Result<Self, ModelsError> {
        let lock = FolderLock::take(folder, on_wait)?;
        let entries = fs::read_dir(folder).map_err(at("list", folder))?;
        for entry in entries.flatten() {
            if !entry.file_name().to_string_lossy().starts_with(STAGING) {
                continue;
            }
            let path = entry.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(at("remove", &path))?;
        }
        Ok(Self { lock })
    }

    pub(super) fn folder(&self) -> &Path {
        self.lock.folder()
    }

    pub(super) fn staging(&self) -> Result<TempDir, ModelsError> {
        tempfile::Builder::new()
            .prefix(STAGING)
            .tempdir_in(self.folder())
            .map_err(at("make a folder in", self.folder()))
    }

    /// Puts a network in place with its record; its manifest only where there is none yet.
    pub(super) fn install(
        &self,
        imported: &Imported,
        manifest: &Manifest,
        manifest_text: &str,
        origin: Origin,
    ) -> Result<PathBuf, ModelsError> {
        let staging = self.staging()?;
        let made = staging.path().join("network.onnx");
        let sha256 = write(&made, &imported.to_bytes())?;
        network::find(&made.to_string_lossy(), &[]).map_err(|source| ModelsError::ReadBack {
            from: origin.source.clone(),
            source: Box::new(source),
        })?;
        let folder = self.folder();
        let place = folder.join(&manifest.file);
        let manifest_path = folder.join(format!("{}.toml", manifest.name));
        let mut lock = LockFile::read(folder)?;
        let was_ours = lock
            .network
            .get(&manifest.name)
            .is_some_and(|record| record.manifest);
        let is_new = !manifest_path.exists();
        let record = Record {
            file: manifest.file.clone(),
            sha256,
            source: origin.source,
            source_sha256: origin.source_sha256,
            check: origin.check,
            manifest: is_new || was_ours,
        };
        lock.network.insert(manifest.name.clone(), record);
        lock.save(folder)?;
        if is_new {
            replace(&manifest_path, manifest_text.as_bytes())?;
        }
        readable(&made)?;
        fs::rename(&made, &place).map_err(at("put in place", &place))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(at("sync", folder))?;
        Ok(place)
    }
}

/// Writes and syncs a file. Returns its SHA-256.
fn write(path: &Path, bytes: &[u8]) -> Result<String, ModelsError> {
    let mut file = File::create_new(path).map_err(at("write", path))?;
    file.write_all(bytes).map_err(at("write", path))?;
    file.sync_all().map_err(at("sync", path))?;
    let sums = sums(bytes).map_err(at("sum up", path))?;
    Ok(sums.sha256)
}

/// Refuses names that would be no plain file name.
pub(super) fn check_name(name: &str) -> Result<(), ModelsError> {
    let is_plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || name.starts_with('.') || name.len() > 100 || !name.chars().all(is_plain) {
        return Err(ModelsError::Name(name.to_owned()));
    }
    Ok(())
}
