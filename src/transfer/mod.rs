//! One picture: stages × iterations, from the files of a task to the file of the result.
//!
//! [`paint`] reads the pictures, runs the stages of the profile and writes snapshots, the table of
//! losses and the result. [`paint_kept`] does the same in a way that a later call can go on from,
//! to the same pixels, and takes edits on the way. It tells what happens through [`Event`]s, whose receiver answers whether
//! to go on. It knows nothing of jobs, queues or terminals: `worker` and `cli` are built on it.
//!
//! Always true: what is written is the picture at an evaluation whose loss and gradient were
//! numbers; a run that goes wrong keeps the last of those.

mod checkpoint;
mod disk;
mod edits;
mod error;
mod forecast;
mod inputs;
mod kept;
mod look;
mod losses;
mod noise;
mod output;
mod recipe;
mod scene;
mod stage;
mod targets;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use checkpoint::{Cadence, Keep};
pub use edits::{EditOrder, JournalError};
pub use error::TransferError;
pub use forecast::forecast;
pub use kept::{Ended, paint_kept};
pub use look::{LookError, Sight, look};
pub use output::{Naming, SavedAs, snapshots};
pub use recipe::RECIPE_KEY;
pub use scene::{pooling, spec, weights};

use crate::engine::{Device, Engine};
use crate::network::Network;
use crate::profile::{Compat, NetworkRef, Profile, Roots};
use error::gib;
use inputs::{Inputs, checked, networks};
use output::Output;
use recipe::Recipe;
use stage::StageRun;

/// What is to be painted, from which files, and where it goes.
#[derive(Debug, Clone)]
pub struct Task {
    /// Picture whose content is kept; may be left out where the profile needs none: the painting
    /// then has the shape of the first style.
    pub content: Option<PathBuf>,
    /// Pictures whose style is taken; may be left out where the profile needs none.
    pub styles: Vec<PathBuf>,
    /// All options, resolved.
    pub profile: Profile,
    /// Where the paths of the profile (`init`, `network`) start from, and where they may lead.
    pub roots: Roots,
    /// Folders with networks, the first wins.
    pub network_dirs: Vec<PathBuf>,
    /// Where pictures and the table of losses go.
    pub naming: Naming,
    /// The seed in use where the profile has none: one that was drawn for this task.
    pub seed: u32,
    /// Bytes of the device's memory that may be used; `None` where it is not known.
    pub memory: Option<u64>,
    /// The most pixels that an input may have; the profile may say less.
    pub max_pixels: u64,
    /// Whether the paths of pictures may be symbolic links.
    pub follow_symlinks: bool,
}

/// What a run has in hand.
pub struct Tools<'a> {
    /// ONNX Runtime.
    pub engine: &'a Engine,
    /// Where it computes.
    pub device: Device,
    /// Threads to compute with.
    pub threads: NonZeroUsize,
}

/// What happens during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A remark on an input.
    Note(String),
    /// A stage begins.
    Stage(StageStart),
    /// A loss was evaluated.
    Evaluation(Evaluation<'a>),
    /// A snapshot was written.
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The stage, from 1.
        stage: usize,
        /// The iteration within the stage, from 1.
        iteration: usize,
    },
    /// A checkpoint was written: a later run goes on from here.
    Checkpoint {
        /// The stage, from 1.
        stage: usize,
        /// The last iteration within the stage that is in it.
        iteration: usize,
        /// Evaluations made in all attempts, those that were lost included.
        evaluations: u64,
        /// Bytes that were written.
        bytes: u64,
        /// How long that took.
        took: Duration,
    },
    /// The run goes on from a checkpoint, or begins anew because none can be used.
    Resumed {
        /// The stage, from 1.
        stage: usize,
        /// The last iteration within the stage that is not made again.
        iteration: usize,
        /// What was lost beyond the work since the last checkpoint, in words.
        lost: Option<String>,
    },
    /// A long checkpoint is being written.
    Heartbeat,
    /// An edit is on record and holds from this iteration on.
    Edited {
        /// The edit's id.
        id: u64,
        /// The stage in which it came, from 1.
        stage: usize,
        /// The first iteration that is made with it.
        iteration: usize,
        /// The option.
        option: String,
        /// Its value from now on.
        value: f64,
    },
    /// An edit was not carried out.
    EditRefused {
        /// The edit's id.
        id: u64,
        /// Why not, in words.
        reason: String,
    },
}

/// A stage at its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct StageStart {
    /// The stage, from 1.
    pub stage: usize,
    /// How many stages there are.
    pub of: usize,
    /// Width of the picture in this stage.
    pub width: usize,
    /// Height of the picture in this stage.
    pub height: usize,
    /// Evaluations of this stage.
    pub iterations: usize,
    /// Every how many evaluations the profile wants to be told; 0 for never.
    pub print_iter: usize,
    /// Work of the stages behind this one, in evaluations times pixels.
    pub work_later: f64,
    /// Where it runs.
    pub device: Device,
}

/// One evaluation of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation<'a> {
    /// The stage, from 1.
    pub stage: usize,
    /// The iteration within the stage, from 1.
    pub iteration: usize,
    /// Evaluations of the stage.
    pub of: usize,
    /// Sum of the terms.
    pub total: f64,
    /// Each term by its column name, weight multiplied in.
    pub terms: &'a [(String, f32)],
}

/// What the receiver of an event wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Write the picture as it is and end; a run that is kept writes a checkpoint instead.
    Stop,
}

/// A picture that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Painted {
    /// The file.
    pub path: PathBuf,
    /// Stage and iteration that it shows, from 1.
    pub stage: usize,
    /// See `stage`.
    pub iteration: usize,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// Paints the picture of `task` and returns where it is.
pub fn paint(
    task: &Task,
    tools: &Tools,
    on_event: &mut dyn FnMut(Event) -> Flow,
) -> Result<Painted, TransferError> {
    let ready = Ready::prepare(task, tools, on_event)?;
    let mut output = Output::new(&ready.task, ready.recipe())?;
    let mut run = StageRun::new(&ready.task, tools, &ready.inputs, None);
    let flow = stages(&mut run, &ready, &mut output, on_event)?;
    run.finish(&mut output, flow == Flow::Stop)
}

/// Runs the stages that are left.
fn stages(
    run: &mut StageRun,
    ready: &Ready,
    output: &mut Output,
    on_event: &mut dyn FnMut(Event) -> Flow,
) -> Result<Flow, TransferError> {
    let stages = ready.task.profile.stages();
    for (index, stage) in stages.iter().enumerate().skip(run.next_stage()) {
        let network = &ready.networks[&stage.network];
        if run.stage(index, network, output, on_event)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

/// What a run needs, read and checked.
struct Ready {
    task: Task,
    inputs: Inputs,
    networks: BTreeMap<NetworkRef, Network>,
}

impl Ready {
    fn prepare(
        task: &Task,
        tools: &Tools,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) -> Result<Self, TransferError> {
        let inputs = Inputs::read(task, on_event)?;
        let networks = networks(task)?;
        let task = checked(task, &networks)?;
        forecast::refuse_what_does_not_fit(&task, &inputs, &networks, tools.device)?;
        Ok(Self {
            task,
            inputs,
            networks,
        })
    }

    fn recipe(&self) -> Recipe {
        Recipe::new(&self.task, &self.inputs, &self.networks)
    }
}

/// Returns the factor from a picture's 0–255 to the variable that is optimised: 1, or 256/255 in
/// the Lua original, whose networks see 256 × a picture's [0, 1].
pub fn variable_scale(compat: Option<Compat>) -> f32 {
    match compat {
        Some(Compat::Lua) => 256.0 / 255.0,
        Some(Compat::Pt) | None => 1.0,
    }
}
