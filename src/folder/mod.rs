//! The folders of a studio and of a job, as they lie on disk.
//!
//! Knows which file has which name and how to write, move and check files so that a crash leaves
//! either the old or the new state. Does not decide what happens to a job. Moving never replaces
//! anything and copies only between filesystems.

mod job_folder;
mod moving;
mod studio;

use std::io;
use std::path::Path;
use std::path::PathBuf;

pub use crate::folder::job_folder::JobFolder;
pub use crate::folder::moving::copy_file;
pub use crate::folder::moving::copy_tree;
pub use crate::folder::moving::hash_file;
pub use crate::folder::moving::move_path;
pub use crate::folder::moving::replace_link;
pub use crate::folder::moving::write_atomic;
pub use crate::folder::studio::MARKER;
pub use crate::folder::studio::Studio;

use crate::job::names::display_path;

/// Something that could not be done with a file or folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file operation failed.
    #[error("cannot {what} {}", display_path(path))]
    Io {
        /// The verb and its object, such as `create the folder`.
        what: &'static str,
        /// The path it was done to.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The destination of a move exists.
    #[error(
        "cannot move {} to {}: something with that name is there",
        display_path(from),
        display_path(to)
    )]
    Taken {
        /// What was to be moved.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
    },
    /// A copy between filesystems differs from its source, or its source is no ordinary file.
    #[error("cannot copy {} to another filesystem: {why}", display_path(path))]
    Copy {
        /// What was to be copied.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Where a file was expected is something else.
    #[error("{} is not an ordinary file", display_path(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A `job.json` that cannot be understood.
    #[error("the job record {} is damaged", display_path(path))]
    Record {
        /// The record's path.
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// Returns a function that wraps an I/O error with what was being done to `path`.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    move |source| FolderError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
