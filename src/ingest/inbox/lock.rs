//! The lock on a watch folder: one process takes bundles from it.
//!
//! The kernel's, on the folder itself: it needs no file in there, works where nothing can be
//! written, and goes with the process however that ends.

use std::fs::File;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::fs::flock;
use rustix::io::Errno;

use crate::job::names::display_path;

/// What came of locking a watch folder.
pub(super) enum Lock {
    /// It is locked as long as the file lives.
    Held(File),
    /// Another process has it.
    Taken,
    /// The folder is not there, or its filesystem has no such locks.
    Unavailable,
}

/// Locks a watch folder against other processes.
pub(super) fn lock(watch: &Path) -> Lock {
    let Ok(file) = File::open(watch) else {
        return Lock::Unavailable;
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Held(file),
        Err(Errno::WOULDBLOCK) => Lock::Taken,
        Err(error) => {
            tracing::debug!(%error, watch = display_path(watch), "watch folder not locked");
            Lock::Unavailable
        }
    }
}
