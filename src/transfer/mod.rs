//! One picture: stages × iterations, from the files of a task to the file of the result.
//!
//! [`paint`] reads the pictures, runs the stages of the profile and writes snapshots, the table of
//! losses and the result. It tells what happens through [`Event`]s, whose receiver answers whether
//! to go on. It knows nothing of jobs, queues or terminals: `worker` and `cli` are built on it.
//!
//! Always true: what is written is the picture at an evaluation whose loss and gradient were
//! numbers; a run that goes wrong keeps the last of those.

mod error;
mod forecast;
mod noise;
mod output;
mod recipe;
mod stage;
mod targets;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use error::TransferError;
pub use forecast::forecast;
pub use output::{Naming, SavedAs};
pub use recipe::RECIPE_KEY;

use crate::engine::{Device, Engine};
use crate::network::{self, Network};
use crate::pixels::{self, DecodeOptions, Picture};
use crate::profile::{Compat, Init, NetworkRef, Profile, Roots};
use output::Output;
use recipe::Recipe;
use stage::StageRun;

/// What is to be painted, from which files, and where it goes.
#[derive(Debug, Clone)]
pub struct Task {
    /// Picture whose content is kept.
    pub content: PathBuf,
    /// Pictures whose style is taken.
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
    /// Write the picture as it is and end.
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
    let inputs = Inputs::read(task, on_event)?;
    let networks = networks(task)?;
    check(task, &inputs, &networks)?;
    forecast::refuse_what_does_not_fit(task, &inputs, &networks, tools.device)?;
    let recipe = Recipe::new(task, &inputs, &networks);
    let mut output = Output::new(task, recipe)?;
    let mut run = StageRun::new(task, tools, &inputs);
    let stages = task.profile.stages().len();
    for (index, stage) in task.profile.stages().iter().enumerate() {
        let network = &networks[&stage.network];
        let flow = run.stage(index, network, &mut output, on_event)?;
        if flow == Flow::Stop || index + 1 == stages {
            return run.finish(&mut output, flow == Flow::Stop);
        }
    }
    Err(TransferError::NoStage)
}

/// The pictures of a task, read.
pub(crate) struct Inputs {
    content: Picture,
    styles: Vec<Picture>,
    /// The picture that each stage with `init = FILE` starts from.
    inits: BTreeMap<String, Picture>,
    /// SHA-256 of each file: role, base name, digest.
    hashes: Vec<recipe::InputHash>,
}

impl Inputs {
    fn read(task: &Task, on_event: &mut dyn FnMut(Event) -> Flow) -> Result<Self, TransferError> {
        let mut hashes = Vec::new();
        let mut open = |role: &str, path: &PathBuf| -> Result<Picture, TransferError> {
            let options = DecodeOptions {
                max_pixels: task
                    .profile
                    .max_pixels
                    .unwrap_or(u64::MAX)
                    .min(task.max_pixels),
                matte: task.profile.matte.0.map(f32::from),
                follow_symlinks: task.follow_symlinks,
            };
            let opened = pixels::open(path, &options)?;
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            for note in &opened.notes {
                on_event(Event::Note(format!("{}: {note}", name.escape_debug())));
            }
            hashes.push(recipe::InputHash {
                role: role.to_owned(),
                name,
                sha256: opened.sha256,
            });
            Ok(opened.picture)
        };
        let content = open("content", &task.content)?;
        let styles = task
            .styles
            .iter()
            .map(|path| open("style", path))
            .collect::<Result<_, _>>()?;
        let mut inits = BTreeMap::new();
        for stage in task.profile.stages() {
            if let Init::File(file) = &stage.init
                && !inits.contains_key(file)
            {
                let path = task.roots.locate("init", file)?;
                inits.insert(file.clone(), open("init", &path)?);
            }
        }
        Ok(Self {
            content,
            styles,
            inits,
            hashes,
        })
    }
}

/// Reads each network that the stages name, once.
fn networks(task: &Task) -> Result<BTreeMap<NetworkRef, Network>, TransferError> {
    let mut networks = BTreeMap::new();
    for stage in task.profile.stages() {
        if networks.contains_key(&stage.network) {
            continue;
        }
        let name = match &stage.network {
            NetworkRef::Named(name) => name.clone(),
            NetworkRef::File(file) => task
                .roots
                .locate("network", file)?
                .to_string_lossy()
                .into_owned(),
        };
        networks.insert(
            stage.network.clone(),
            network::find(&name, &task.network_dirs)?,
        );
    }
    Ok(networks)
}

/// Refuses, before any work, what a later stage would trip over.
fn check(
    task: &Task,
    inputs: &Inputs,
    networks: &BTreeMap<NetworkRef, Network>,
) -> Result<(), TransferError> {
    if inputs.styles.is_empty() {
        return Err(TransferError::NoStyle);
    }
    for stage in task.profile.stages() {
        let network = &networks[&stage.network];
        for layer in stage.content_layers.iter().chain(&stage.style_layers) {
            network.layer(layer)?;
        }
    }
    Ok(task.profile.check_styles(inputs.styles.len())?)
}

/// Returns the factor from a picture's 0–255 to the variable that is optimised: 1, or 256/255 in
/// the Lua original, whose networks see 256 × a picture's [0, 1].
fn variable_scale(compat: Option<Compat>) -> f32 {
    match compat {
        Some(Compat::Lua) => 256.0 / 255.0,
        Some(Compat::Pt) | None => 1.0,
    }
}
