//! Why no network could be trained.

use std::path::PathBuf;

use thiserror::Error;

use super::graph::GraphError;
use super::plan::PlanError;
use crate::engine::EngineError;
use crate::network::NetworkError;
use crate::optim::{StateError, Stop};

/// Why no network could be trained.
#[derive(Debug, Error)]
pub enum TrainingError {
    /// A name that cannot be that of a file and of a network.
    #[error(
        "`{0}` cannot be the name of a network: use letters, digits, `-` and `_`, and not `builtin`"
    )]
    Name(String),
    /// A network of that name is there.
    #[error("there is a network `{name}` already ({}): choose another name, or --force to replace it", path.display())]
    Taken {
        /// The name.
        name: String,
        /// Its manifest.
        path: PathBuf,
    },
    /// Training of that name was begun and not ended.
    #[error("training of `{name}` was begun and not ended ({}): go on with --resume, or begin anew with --force", path.display())]
    Unfinished {
        /// The name.
        name: String,
        /// The folder of its checkpoints.
        path: PathBuf,
    },
    /// Nothing to go on from.
    #[error("there is no checkpoint of `{name}` to go on from in {}", path.display())]
    NoCheckpoint {
        /// The name.
        name: String,
        /// The folder of its checkpoints.
        path: PathBuf,
    },
    /// A checkpoint of another training.
    #[error("the checkpoint {} was made with other {what}: give the same as then, or begin anew with --force", path.display())]
    Other {
        /// The checkpoint.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// No checkpoint can be read.
    #[error("no checkpoint in {} can be used", path.display())]
    Damaged {
        /// The newest of them.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: CheckpointError,
    },
    /// A file that could not be written; what was there before is untouched.
    #[error("write {}; the last checkpoint before it is intact: make room and go on with --resume", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The layer list cannot be trained.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The layers do not fit the crop.
    #[error("the layers do not fit crops of {crop}×{crop}")]
    Layers {
        /// Side of a crop.
        crop: usize,
        /// What does not fit.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A batch that normalisation makes no sense of.
    #[error("a batch of {0} crops is too small: 2 to 4096 can be trained on")]
    Batch(usize),
    /// A number of steps, or a learning rate, that makes no sense.
    #[error("{0}")]
    Number(&'static str),
    /// ONNX Runtime failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The graph gave something else than was built into it.
    #[error("the graph of a step returned {found} values where {expected} were expected")]
    Outputs {
        /// Values wanted.
        expected: usize,
        /// Values found.
        found: usize,
    },
    /// The loss or a gradient is no number any more.
    #[error(
        "step {step}: {stop}; begin anew with a lower learning rate (--lr and --force), or take the network as it was before that step with --resume --steps {step}"
    )]
    NotFinite {
        /// The step, from 0.
        step: u64,
        /// What was no number.
        stop: Stop,
    },
    /// A layer that came out without any activation.
    #[error(
        "layer `{0}` answers nothing on the data, so that the network cannot be installed: train longer, or with a lower learning rate"
    )]
    Dead(String),
    /// Weights that the file's 16-bit numbers do not hold.
    #[error(
        "the weights of layer `{0}` have grown beyond what a file of 16-bit numbers holds: train with a lower learning rate"
    )]
    Overflow(String),
    /// The installed network cannot be read back.
    #[error("read the trained network back")]
    Installed(#[source] Box<NetworkError>),
}

/// What is wrong with a checkpoint.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("read it")]
    Io(#[from] std::io::Error),
    /// It is none, or was written by another version.
    #[error("it is no checkpoint of this version of the program")]
    Signature,
    /// It is cut or altered.
    #[error("its checksum does not fit its content")]
    Checksum,
    /// Its parts contradict each other.
    #[error("it contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// The optimiser's part of it.
    #[error("its optimiser cannot be taken up")]
    Optimizer(#[from] StateError),
}

impl TrainingError {
    pub(super) fn layers(crop: usize) -> impl Fn(GraphError) -> Self {
        move |source| Self::Layers {
            crop,
            source: Box::new(source),
        }
    }
}
