//! Training a feature network of one's own, from pictures to an installed network.
//!
//! A network learns to tell pictures, or classes of pictures, apart from crops of them; what its
//! layers answer is then what the style of a painting is measured by. [`train`] runs the steps,
//! keeps checkpoints, and installs the network (`install`): normalisation folded in, layers
//! rescaled so that the usual weights paint well, a manifest beside it. It tells what happens
//! through [`Event`]s, whose receiver answers whether to go on.
//!
//! Always true: a training killed at any moment goes on from its last checkpoint to the same bytes,
//! and a network is installed whole or not at all.

mod checkpoint;
pub mod data;
mod error;
mod graph;
mod install;
mod parameters;
mod plan;
mod run;
mod step;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use error::{CheckpointError, TrainingError};
pub use plan::{PRESETS, Plan, PlanError, preset};
pub use run::train;
pub use step::StepBench;

use crate::engine::{Device, Engine};
use crate::network::layer_list::LayerList;

/// What is to be trained, and where it goes.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name of the network.
    pub name: String,
    /// Folder that it is installed in.
    pub models: PathBuf,
    /// Its layers.
    pub layers: LayerList,
    /// How long it is trained.
    pub length: Length,
    /// Crops in a batch.
    pub batch: usize,
    /// Height and width of a crop in pixels.
    pub crop: usize,
    /// Scales at which the installed network looks at a picture, 1–[`MOST_SCALES`]: each further one
    /// is half as large. It is trained at one.
    pub scales: usize,
    /// Seed of everything that is drawn: weights, dropped features. The data have their own.
    pub seed: u64,
    /// The highest learning rate.
    pub rate: f64,
    /// Names the data; what goes on from a checkpoint must name the same.
    pub data: String,
    /// One line for people on what it was trained on.
    pub summary: String,
    /// The command that began it, for the manifest.
    pub command: String,
    /// What is done where something of that name is there already.
    pub existing: Existing,
}

/// Most scales that a network looks at.
pub const MOST_SCALES: usize = 4;

/// Steps of a training that nothing was said about.
pub const USUAL_STEPS: u64 = 6000;

/// How long a network is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// As long as the checkpoint says from which it goes on; from the beginning, the usual number of
    /// steps ([`USUAL_STEPS`]).
    Usual,
    /// So many steps.
    Steps(u64),
    /// As many steps as fit, by the speed of the first ones.
    Time(Duration),
}

/// What is done where a network or a training of the name is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is touched, and it is an error.
    Refuse,
    /// It is replaced.
    Replace,
    /// The training goes on from its last checkpoint.
    Resume,
}

/// What training computes with.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a> {
    /// The loaded library.
    pub engine: &'a Engine,
    /// Where it computes.
    pub device: Device,
    /// Threads of the processor.
    pub threads: NonZeroUsize,
}

/// What happens while a network is trained.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins, or goes on.
    Begun {
        /// Steps that were made before.
        step: u64,
        /// Numbers to learn, the head's included.
        parameters: usize,
    },
    /// A step was made.
    Step(Report),
    /// Crops that are never trained on were looked at.
    HeldOut {
        /// Steps made so far.
        step: u64,
        /// Share of them that was told apart, 0–1.
        accuracy: f64,
    },
    /// A checkpoint was written.
    Saved(PathBuf),
}

/// Where a training stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Steps made so far.
    pub step: u64,
    /// Steps in all; `None` until the speed is known.
    pub steps: Option<u64>,
    /// Running mean of the loss.
    pub loss: f64,
    /// Running share of the crops that were told apart, 0–1.
    pub accuracy: f64,
    /// Crops a second, since the training began or went on.
    pub samples_per_second: f64,
    /// Time left at that speed.
    pub left: Option<Duration>,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On to the next step.
    Continue,
    /// Stop here and keep what there is.
    Stop,
}

/// What a training left.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Manifest of the installed network.
    pub manifest: PathBuf,
    /// Steps made.
    pub step: u64,
    /// Whether it was stopped before its last step; its checkpoint is kept then.
    pub stopped: bool,
    /// Share of the held-out crops that it tells apart, 0–1; `None` where there are none.
    pub accuracy: Option<f64>,
}
