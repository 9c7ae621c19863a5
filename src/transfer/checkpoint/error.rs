//! Why a checkpoint cannot be written or used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::optim::StateError;

/// Why a checkpoint cannot be written or used.
#[derive(Debug, Error)]
pub(in crate::transfer) enum CheckpointError {
    /// A file cannot be written or read.
    #[error("the checkpoint {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("the checkpoint {} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In what way.
        what: &'static str,
    },
    /// It belongs to something else.
    #[error("the checkpoint {} is of no use: {what}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// In what it differs.
        what: &'static str,
    },
    /// The state of the optimiser is damaged or of another one.
    #[error("the checkpoint {}", path.display())]
    Optimizer {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: StateError,
    },
}

impl CheckpointError {
    /// Returns true if the disk, or somebody's share of it, is full.
    pub(super) fn is_full_disk(&self) -> bool {
        let source = match self {
            Self::File { source, .. }
            | Self::Optimizer {
                source: StateError::Write(source),
                ..
            } => source,
            Self::Damaged { .. } | Self::Other { .. } | Self::Optimizer { .. } => return false,
        };
        matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        )
    }
}
