//! Why watching cannot begin, and why a bundle is not let through.

use std::path::PathBuf;

use crate::folder::FolderError;
use crate::job::names::display_path;

/// Why watching cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Another process holds the lock on a watch folder.
    #[error(
        "another process watches {} already; is pentimento running there with another studio or \
         another state_dir?",
        display_path(watch)
    )]
    Watched {
        /// The watch folder.
        watch: PathBuf,
    },
    /// The program's own folders cannot be read.
    #[error("cannot begin to watch")]
    Folder(#[from] FolderError),
}

/// Why a bundle cannot be let through.
#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    /// There is no bundle.
    #[error("{} belongs to no bundle: {why}", display_path(path))]
    NoBundle {
        /// The path.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The bundle is not held.
    #[error("{name} is not held as a duplicate: it is {state}")]
    Otherwise {
        /// The bundle's name, fit to be shown.
        name: String,
        /// How it stands.
        state: &'static str,
    },
}
