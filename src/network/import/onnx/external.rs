//! The files beside a model that hold its weights.
//!
//! Only files in the model's own folder (or folders in it) are read, never by an absolute path,
//! never by one that climbs out, be it through a link. All reads of one file together take no more
//! than twice its length, so that a small model cannot ask for the same bytes without end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::ExternalError;
use crate::onnx::External;

/// The files that a model in one folder may name.
pub(super) struct Files {
    folder: PathBuf,
    open: BTreeMap<String, Weights>,
}

struct Weights {
    path: PathBuf,
    file: File,
    length: u64,
    taken: u64,
}

impl Files {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            open: BTreeMap::new(),
        }
    }

    /// Returns the bytes that a constant wants.
    pub(super) fn fetch(&mut self, wanted: &External) -> Result<Vec<u8>, ExternalError> {
        if !self.open.contains_key(&wanted.location) {
            let opened = open(&self.folder, &wanted.location)?;
            self.open.insert(wanted.location.clone(), opened);
        }
        let weights = self
            .open
            .get_mut(&wanted.location)
            .expect("it was opened above");
        let (path, found) = (weights.path.clone(), weights.length);
        let end = wanted.offset.saturating_add(wanted.length);
        if end > found {
            return Err(ExternalError::Length {
                path,
                found,
                offset: wanted.offset,
                end,
            });
        }
        weights.taken = weights.taken.saturating_add(wanted.length);
        if weights.taken > found.saturating_mul(2) {
            return Err(ExternalError::Again { path });
        }
        let mut bytes = vec![0; usize::try_from(wanted.length).unwrap_or(usize::MAX)];
        weights
            .file
            .seek(SeekFrom::Start(wanted.offset))
            .and_then(|_| weights.file.read_exact(&mut bytes))
            .map_err(|source| ExternalError::Io { path, source })?;
        Ok(bytes)
    }
}

fn open(folder: &Path, location: &str) -> Result<Weights, ExternalError> {
    let outside = || ExternalError::Location {
        location: location.to_owned(),
    };
    let relative = Path::new(location);
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || location.contains('\0') || !relative.components().all(plain) {
        return Err(outside());
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let path = folder.join(relative);
    let failed = |source| ExternalError::Io {
        path: path.clone(),
        source,
    };
    let real = path.canonicalize().map_err(failed)?;
    if !real.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(outside());
    }
    // Asked before opening: opening a pipe would wait for somebody to write to it.
    if !real.metadata().map_err(failed)?.is_file() {
        return Err(outside());
    }
    let file = File::open(&real).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok(Weights {
        path,
        file,
        length,
        taken: 0,
    })
}
