//! Why a picture could not be painted.

use std::path::PathBuf;

use thiserror::Error;

use super::edits::JournalError;
use crate::engine::EngineError;
use crate::network::{NetworkError, UnknownLayer};
use crate::objective::ObjectiveError;
use crate::optim::Stop;
use crate::pixels::{DecodeError, EncodeError};
use crate::profile::ProfileError;

/// Why a picture could not be painted.
#[derive(Debug, Error)]
pub enum TransferError {
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] DecodeError),
    /// A picture cannot be written.
    #[error(transparent)]
    Write(#[from] EncodeError),
    /// The table of losses cannot be written.
    #[error("write the losses to {}", path.display())]
    Losses {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A network is missing or cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A layer that the network does not have.
    #[error(transparent)]
    Layer(#[from] UnknownLayer),
    /// The losses cannot be put on the network.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no content picture.
    #[error("there is no content picture, and the profile needs one: name one")]
    NoContent,
    /// There is no style picture.
    #[error("there is no style picture, and the profile needs one: name at least one")]
    NoStyle,
    /// The profile has no stage.
    #[error("the profile has no stage")]
    NoStage,
    /// The profile does not fit the pictures.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// More memory is needed than there is.
    #[error("stage {stage}: {what}{width}×{height} needs about {} of memory, {} may be used; {}", gib(*.needed), gib(*.available), advice(*.largest))]
    Memory {
        /// The stage, from 1.
        stage: usize,
        /// What has that size, with a blank behind it; empty for the painting itself.
        what: &'static str,
        /// Width of the picture.
        width: usize,
        /// Height of the picture.
        height: usize,
        /// Bytes needed.
        needed: u64,
        /// Bytes that may be used.
        available: u64,
        /// Largest `image_size` that fits.
        largest: Option<usize>,
    },
    /// More room on the disk is needed than there is.
    #[error("the job needs about {} of disk in {}, has {}", gib(*.needed), folder.display(), gib(*.available))]
    Disk {
        /// The place.
        folder: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes that may be written.
        available: u64,
    },
    /// The record of edits cannot be used.
    #[error(transparent)]
    Edits(#[from] JournalError),
    /// The loss or its gradient is no number any more.
    #[error("stage {stage}, iteration {iteration}: {stop}; {}", mend(.kept.as_ref()))]
    NotFinite {
        /// The stage, from 1.
        stage: usize,
        /// The evaluation at which it happened.
        iteration: usize,
        /// What was no number.
        stop: Stop,
        /// The last good picture.
        kept: Option<PathBuf>,
    },
    /// The graph gave something else than was built into it.
    #[error("the objective graph returned {found} values where {expected} were expected")]
    Outputs {
        /// Values wanted.
        expected: usize,
        /// Values found.
        found: usize,
    },
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30))
}

fn advice(largest: Option<usize>) -> String {
    match largest {
        Some(size) => format!(
            "image_size = {size} would fit (or a smaller style_scale, optimizer = \"adam\", a smaller lbfgs_num_correction, a smaller network)"
        ),
        None => "no size fits: close other programs or choose a smaller network".to_owned(),
    }
}

fn mend(path: Option<&PathBuf>) -> String {
    let mend = "lower the weights or the learning rate";
    match path {
        Some(path) => format!("the last good picture is {}; {mend}", path.display()),
        None => mend.to_owned(),
    }
}
