//! One process at a time in a folder that things are put into.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::DownloadError;
use super::partial::at;

/// The lock on a folder, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    _lock: File,
}

impl FolderLock {
    /// Makes the folder if it is not there and takes the lock; tells `on_wait` if somebody has it.
    pub fn take(folder: &Path, on_wait: &mut dyn FnMut()) -> Result<Self, DownloadError> {
        fs::create_dir_all(folder).map_err(at("make the folder", folder))?;
        let path = folder.join(".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(at("open the lock", &path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                on_wait();
                loop {
                    match flock(&lock, FlockOperation::LockExclusive) {
                        Ok(()) => break,
                        Err(Errno::INTR) => {}
                        Err(error) => return Err(at("take the lock", &path)(error.into())),
                    }
                }
            }
            Err(error) => return Err(at("take the lock", &path)(error.into())),
        }
        Ok(Self {
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
