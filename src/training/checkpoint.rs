//! Checkpoints: everything that the next step depends on, on disk.
//!
//! A file is written beside its place, synced and renamed, and the two newest are kept, so that at
//! any moment a whole one is there. Always true: a training that goes on from a checkpoint ends on
//! the same bytes as one that was never interrupted (on a processor, with as many threads).

use std::fs::{self, File};
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::{CheckpointError, TrainingError};
use super::parameters::Parameters;
use crate::network::layer_list::LayerList;
use crate::optim::{AdamW, AdamWOptions};
use crate::tensor::Tensor;

const SIGNATURE: [u8; 8] = *b"PNTMTRN1";

/// Checkpoints that are kept.
const KEPT: usize = 2;

/// Most bytes of the described part.
const MOST_HEADER: usize = 1 << 20;

/// Most bytes of a checkpoint that is read.
const MOST_BYTES: u64 = 1 << 32;

/// What a training was begun with: another one cannot go on from its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The layers.
    pub(super) layers: LayerList,
    /// Names the data: the same names give the same crops.
    pub(super) data: String,
    /// Classes to tell apart.
    pub(super) classes: usize,
    /// Crops in a batch.
    pub(super) batch: usize,
    /// Side of a crop.
    pub(super) crop: usize,
    /// Seed of everything drawn.
    pub(super) seed: u64,
    /// Share of the head's features that is dropped.
    pub(super) dropout: f32,
    /// Share of the wanted probability that is spread over all classes.
    pub(super) smoothing: f32,
    /// The highest learning rate.
    pub(super) rate: f64,
    /// Weight decay.
    pub(super) weight_decay: f64,
}

/// Where a training stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Steps made.
    pub(super) step: u64,
    /// Steps in all, once that is settled.
    pub(super) steps: Option<u64>,
    /// Running mean of the loss.
    pub(super) loss: f64,
    /// Running share of crops told apart.
    pub(super) accuracy: f64,
    /// Seconds that the steps took.
    pub(super) seconds: f64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    origin: Origin,
    progress: Progress,
}

/// Everything that the next step depends on.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Where the training stands.
    pub(super) progress: Progress,
    /// What was learned so far.
    pub(super) parameters: Parameters,
    /// The optimiser.
    pub(super) optimizer: AdamW,
}

/// The folder of a training's checkpoints.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Returns the store of the network `name` in the folder `models`.
    pub(super) fn of(models: &Path, name: &str) -> Self {
        Self {
            folder: models.join(format!("{name}.training")),
        }
    }

    /// Returns its folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the checkpoints that are there, the newest first.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<(u64, PathBuf)> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_str()?;
                let step = name.strip_prefix("step-")?.strip_suffix(".checkpoint")?;
                Some((step.parse().ok()?, path))
            })
            .collect();
        files.sort();
        files.into_iter().rev().map(|(_, path)| path).collect()
    }

    /// Writes a checkpoint and drops all but the newest two.
    pub(super) fn save(&self, origin: &Origin, state: &State) -> Result<PathBuf, TrainingError> {
        let path = self
            .folder
            .join(format!("step-{}.checkpoint", state.progress.step));
        let failed = |source| TrainingError::Write {
            path: path.clone(),
            source,
        };
        let bytes = encode(origin, state).map_err(failed)?;
        fs::create_dir_all(&self.folder).map_err(failed)?;
        write_whole(&path, &bytes).map_err(failed)?;
        for old in self.files().into_iter().skip(KEPT) {
            // It only takes room.
            let _still_there = fs::remove_file(old);
        }
        Ok(path)
    }

    /// Reads the newest checkpoint that is whole, and its file.
    ///
    /// `None` where there is none at all; an error where none is whole, or where it is of another
    /// training.
    pub(super) fn load(
        &self,
        origin: &Origin,
        fresh: &Parameters,
        options: AdamWOptions,
        threads: NonZeroUsize,
    ) -> Result<Option<(PathBuf, State)>, TrainingError> {
        let mut first = None;
        for path in self.files() {
            match read(&path, fresh, options, threads, origin) {
                Ok(Ok(state)) => return Ok(Some((path, state))),
                Ok(Err(what)) => return Err(TrainingError::Other { path, what }),
                Err(source) => {
                    first.get_or_insert((path, source));
                }
            }
        }
        match first {
            None => Ok(None),
            Some((path, source)) => Err(TrainingError::Damaged { path, source }),
        }
    }

    /// Drops all checkpoints and the folder, if nothing else is in it.
    pub(super) fn clear(&self) {
        for file in self.files() {
            // What cannot be dropped now is dropped by the next training of that name.
            let _still_there = fs::remove_file(file);
        }
        let _still_there = fs::remove_dir(&self.folder);
    }
}

/// Writes a file beside its place, syncs it, renames it, and syncs the folder.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".pentimento-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn encode(origin: &Origin, state: &State) -> std::io::Result<Vec<u8>> {
    let header = serde_json::to_vec(&Header {
        origin: origin.clone(),
        progress: state.progress.clone(),
    })?;
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for tensor in tensors(&state.parameters) {
        bytes.extend(tensor.data().iter().flat_map(|value| value.to_le_bytes()));
    }
    state
        .optimizer
        .write_to(&mut bytes)
        .map_err(std::io::Error::other)?;
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    Ok(bytes)
}

/// Returns every tensor of the parameters, in one order.
fn tensors(parameters: &Parameters) -> impl Iterator<Item = &Tensor> {
    let learned = parameters.learned.iter().map(|learned| &learned.tensor);
    let kept = parameters
        .statistics
        .iter()
        .flat_map(|kept| [&kept.mean, &kept.variance]);
    learned.chain(kept)
}

/// Reads a checkpoint; the inner error names what it differs in from the training at hand.
fn read(
    path: &Path,
    fresh: &Parameters,
    options: AdamWOptions,
    threads: NonZeroUsize,
    origin: &Origin,
) -> Result<Result<State, &'static str>, CheckpointError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let content = bytes
        .len()
        .checked_sub(32)
        .ok_or(CheckpointError::Signature)?;
    let (content, digest) = bytes.split_at(content);
    let rest = content
        .strip_prefix(&SIGNATURE)
        .ok_or(CheckpointError::Signature)?;
    if Sha256::digest(content).as_slice() != digest {
        return Err(CheckpointError::Checksum);
    }
    let (length, rest) = rest
        .split_first_chunk()
        .ok_or(CheckpointError::Inconsistent("it ends early"))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MOST_HEADER || length > rest.len() {
        return Err(CheckpointError::Inconsistent("the size of its description"));
    }
    let (header, mut rest) = rest.split_at(length);
    let header: Header = serde_json::from_slice(header)
        .map_err(|_source| CheckpointError::Inconsistent("its description"))?;
    if let Some(what) = difference(&header.origin, origin) {
        return Ok(Err(what));
    }
    let mut parameters = fresh.clone();
    let learned = parameters
        .learned
        .iter_mut()
        .map(|learned| &mut learned.tensor);
    let kept = parameters
        .statistics
        .iter_mut()
        .flat_map(|kept| [&mut kept.mean, &mut kept.variance]);
    for tensor in learned.chain(kept) {
        let values = tensor.data_mut();
        let (part, behind) = rest
            .split_at_checked(values.len() * 4)
            .ok_or(CheckpointError::Inconsistent("the number of its weights"))?;
        for (value, bytes) in values.iter_mut().zip(part.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        rest = behind;
    }
    let optimizer = AdamW::read_from(&mut rest, options, &parameters.lengths(), threads)?;
    if !rest.is_empty() {
        return Err(CheckpointError::Inconsistent("something follows its end"));
    }
    Ok(Ok(State {
        progress: header.progress,
        parameters,
        optimizer,
    }))
}

/// Names the first thing in which two trainings differ.
fn difference(saved: &Origin, wanted: &Origin) -> Option<&'static str> {
    let same_number = |a: f64, b: f64| a.to_bits() == b.to_bits();
    let pairs = [
        (saved.layers == wanted.layers, "layers"),
        (
            saved.data == wanted.data && saved.classes == wanted.classes,
            "data",
        ),
        (saved.batch == wanted.batch, "--batch"),
        (saved.crop == wanted.crop, "--crop"),
        (saved.seed == wanted.seed, "--seed"),
        (same_number(saved.rate, wanted.rate), "--lr"),
    ];
    let named = pairs.iter().find(|(same, _)| !same).map(|(_, what)| *what);
    named.or((saved != wanted).then_some("settings"))
}
