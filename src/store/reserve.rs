//! The reserve file: room on the disk that is given up when there is no other left.
//!
//! A full disk also keeps SQLite from deleting and updating rows, so that not even "failed: disk
//! full" could be recorded. The file's blocks are really allocated, not promised.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::random::Random;
use crate::store::StoreError;

/// The reserve file beside a store.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Reserve {
    /// Returns the reserve of the store at `store`, not yet held.
    pub(super) fn beside(store: &Path, bytes: u64) -> Self {
        Self {
            path: store.with_file_name("reserve"),
            bytes,
            held: false,
        }
    }

    /// Returns true if the file is there and holds its room.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Returns true if giving up the reserve might do away with `error`.
    pub(super) fn may_help(&self, error: &StoreError) -> bool {
        error.is_full() || (error.may_be_full() && !self.has_room())
    }

    /// Makes the file if there is room for it and as much beside it; returns true if it is there.
    pub(super) fn hold(&mut self) -> Result<bool, StoreError> {
        if is_whole(&self.path, self.bytes) {
            self.held = true;
            return Ok(true);
        }
        self.held = false;
        // A part of the file is of no use.
        self.remove()?;
        if self.room()? < self.bytes.saturating_mul(2) {
            return Ok(false);
        }
        match allocate(&self.path, self.bytes) {
            Ok(()) => self.held = true,
            Err(source) => {
                self.remove()?;
                if !is_short(&source) {
                    return Err(self.failed("write the reserve file", source));
                }
            }
        }
        Ok(self.held)
    }

    /// Removes the file; returns true if that made room.
    pub(super) fn release(&mut self) -> Result<bool, StoreError> {
        self.held = false;
        let removed = self.remove()?;
        if removed {
            tracing::warn!(path = %self.path.display(), "the disk is full: the reserve is given up");
        }
        Ok(removed)
    }

    fn remove(&self) -> Result<bool, StoreError> {
        match fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(self.failed("remove the reserve file", source)),
        }
    }

    /// Returns how many bytes this user may still write on the disk, quotas not counted.
    fn room(&self) -> Result<u64, StoreError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let told = rustix::fs::statvfs(folder)
            .map_err(|errno| self.failed("ask for the room beside", errno.into()))?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// Returns false if a few blocks cannot be written because of a full disk or a quota.
    fn has_room(&self) -> bool {
        let trial = self.path.with_file_name("reserve.trial");
        let written = allocate(&trial, 1 << 16);
        // The file served its purpose; if it stays, the next trial replaces it.
        let _best_effort = fs::remove_file(&trial);
        !written.is_err_and(|error| is_short(&error))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> StoreError {
        let path = self.path.clone();
        StoreError::File { what, path, source }
    }
}

fn is_short(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Returns true if there is a file of `bytes` bytes whose blocks (of 512 bytes) are all allocated.
fn is_whole(path: &Path, bytes: u64) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file() && metadata.len() == bytes && bytes <= metadata.blocks() * 512
    })
}

/// Writes a synced file of `bytes` bytes with all its blocks.
fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(&mut file, bytes)?,
        allocated => allocated?,
    }
    file.sync_all()
}

/// Writes what no filesystem can make smaller.
fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    let mut random = Random::new(0);
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while 0 < left {
        let block: Vec<u8> = (0..8192)
            .flat_map(|_| random.bits().to_le_bytes())
            .collect();
        let n_bytes = left.min(block.len());
        file.write_all(&block[..n_bytes])?;
        left -= n_bytes;
    }
    Ok(())
}
