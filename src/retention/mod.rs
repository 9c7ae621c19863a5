//! What is kept: which snapshots go when they take too much room or are old, and how full the disk
//! is.
//!
//! The decision (`plan`) is pure; finding and removing files are apart from it. Only snapshots ever
//! go: never a result, an input, a starred picture, or the latest of a job.

mod disk;
mod plan;
mod remove;
mod scan;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

pub use crate::retention::disk::Disk;
pub use crate::retention::disk::DiskEdge;
pub use crate::retention::disk::DiskWatch;
pub use crate::retention::plan::Plan;
pub use crate::retention::plan::Removal;
pub use crate::retention::plan::Rules;
pub use crate::retention::plan::is_steady;
pub use crate::retention::plan::plan;
pub use crate::retention::remove::Removed;
pub use crate::retention::remove::remove;
pub use crate::retention::scan::JobSnapshots;
pub use crate::retention::scan::Phase;
pub use crate::retention::scan::Snapshot;
pub use crate::retention::scan::scan;

use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::job::names::display_path;

/// Why snapshots cannot be looked through, or the disk not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// A folder cannot be listed, a file not be removed.
    #[error("cannot {what} {}", display_path(path))]
    Io {
        /// The verb.
        what: &'static str,
        /// The path it was done to.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// What was a snapshot is something else now.
    #[error("{} changed since it was looked at, and is kept", display_path(path))]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Looks through the studio's snapshots, decides by the rules, and removes what is to go.
///
/// Reads as many folders as there are jobs
/// with snapshots, so it belongs into a thread of its own.
pub fn tidy(
    studio: &Studio,
    rules: &Rules,
    now: Timestamp,
) -> Result<(Plan, Removed), RetentionError> {
    let jobs = scan(studio)?;
    let plan = plan(&jobs, rules, now);
    let removed = remove(&plan);
    Ok((plan, removed))
}
