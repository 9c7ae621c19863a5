//! Removes what a plan says, and nothing else.
//!
//! A file goes only if it is still what was looked at: an ordinary file of that length, reached
//! without following a link in the last two steps.

use std::io;
use std::path::Path;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use crate::retention::Plan;
use crate::retention::Removal;
use crate::retention::RetentionError;

/// What was removed.
#[derive(Debug, Default)]
pub struct Removed {
    /// The snapshots that are no longer there.
    pub gone: Vec<Removal>,
    /// How many bytes they had.
    pub bytes: u64,
    /// What could not be removed.
    pub failures: Vec<RetentionError>,
}

/// Removes the files of a plan in its order. What is gone already counts as removed; a failure stops
/// nothing.
pub fn remove(plan: &Plan) -> Removed {
    let mut removed = Removed::default();
    for removal in &plan.removals {
        match remove_one(removal) {
            Ok(()) => {
                removed.bytes += removal.bytes;
                removed.gone.push(removal.clone());
            }
            Err(error) => removed.failures.push(error),
        }
    }
    removed
}

fn remove_one(removal: &Removal) -> Result<(), RetentionError> {
    let path = &removal.path;
    let failed = |source: io::Error| RetentionError::Io {
        what: "remove",
        path: path.clone(),
        source,
    };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(RetentionError::Changed { path: path.clone() });
    };
    let step = || -> rustix::io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, folder, flags, Mode::empty())?;
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        let is_same = is_file && u64::try_from(stat.st_size) == Ok(removal.bytes);
        if is_same {
            rustix::fs::unlinkat(&folder, Path::new(name), AtFlags::empty())?;
        }
        Ok(is_same)
    };
    match step() {
        Ok(true) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Ok(false) => Err(RetentionError::Changed { path: path.clone() }),
        Err(errno) => Err(failed(errno.into())),
    }
}
