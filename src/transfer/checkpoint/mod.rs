//! Keeping a run so that a later one goes on from it, to the same pixels.
//!
//! A [`Keeper`] writes everything that the next iteration depends on when that is due, and puts
//! edits on record before they count. Always true: whatever moment a run is killed at, the run that
//! goes on from its folder ends on the same bytes (on a processor, with as many threads). A
//! checkpoint that cannot be written costs nothing but the work since the one before.

mod cadence;
mod error;
mod files;
mod state;
mod store;
mod stream;
#[cfg(test)]
mod tests;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use cadence::Cadence;
pub(super) use files::TEMPORARY;
pub(super) use state::{About, Expected, Origin, Progress, Work};
pub(super) use store::{Found, Loaded};
pub(super) use stream::hex;

use super::edits::{EditOrder, Journal};
use super::recipe::InputHash;
use super::{Event, Flow, Task, Tools};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::network::Network;
use crate::profile::{DeviceRequest, NetworkRef};
use cadence::Schedule;
use store::Store;

/// The longest silence of a run that is writing.
const SILENCE: Duration = Duration::from_secs(5);

/// How a run is kept.
pub struct Keep<'a> {
    /// The folder of its checkpoints; it need not be there.
    pub folder: PathBuf,
    /// The record of its edits; it need not be there.
    pub edits: PathBuf,
    /// How often.
    pub cadence: Cadence,
    /// The source of time.
    pub clock: Clock,
    /// Asked before each iteration until it has no more edits.
    pub orders: &'a mut dyn FnMut() -> Option<EditOrder>,
}

/// Says what a checkpoint must fit that stands at a place, given the edits on record; `None` where
/// there is no such place.
pub(super) type Expecting<'e> = dyn Fn(&Journal, &Progress) -> Option<Expected> + 'e;

/// What keeps a run.
pub(super) struct Keeper<'a> {
    store: Store,
    about: About,
    schedule: Schedule,
    clock: Clock,
    orders: &'a mut dyn FnMut() -> Option<EditOrder>,
    /// The edits on record.
    pub(super) journal: Journal,
    /// Evaluations in all attempts.
    pub(super) evaluations: u64,
    /// Evaluations that led to where the run stands.
    pub(super) rows: u64,
    /// Where the newest checkpoint stands.
    newest: Option<Progress>,
    /// Whether the last checkpoint could not be written, and that was told.
    is_failing: bool,
}

impl<'a> Keeper<'a> {
    /// Opens the folder of a run and reads the newest checkpoint that can be used.
    pub(super) fn open(
        keep: Keep<'a>,
        about: About,
        journal: Journal,
        expect: &Expecting<'_>,
        threads: NonZeroUsize,
    ) -> (Self, Found) {
        let expect = |progress: &Progress| expect(&journal, progress);
        let (store, found) = Store::open(keep.folder, &about, &expect, threads);
        let newest = found.loaded.as_ref().map(|loaded| loaded.progress);
        let keeper = Self {
            store,
            about,
            schedule: Schedule::new(keep.cadence, keep.clock.monotonic()),
            clock: keep.clock,
            orders: keep.orders,
            journal,
            evaluations: newest.map_or(0, |progress| progress.evaluations),
            rows: newest.map_or(0, |progress| progress.rows),
            newest,
            is_failing: false,
        };
        (keeper, found)
    }

    /// Returns the next edit that is asked for.
    pub(super) fn next_order(&mut self) -> Option<EditOrder> {
        (self.orders)()
    }

    /// Counts an evaluation.
    pub(super) fn evaluated(&mut self) {
        self.evaluations += 1;
        self.rows += 1;
    }

    /// Takes note of an optimiser that begins anew.
    pub(super) fn new_optimizer(&mut self) {
        self.store.new_optimizer();
    }

    /// Returns where a later run would go on: stage and iteration, 0 for the stage's beginning.
    pub(super) fn reached(&self) -> (usize, usize) {
        self.newest
            .map_or((1, 0), |newest| (newest.stage, newest.iteration))
    }

    /// Returns whether the newest checkpoint stands there.
    pub(super) fn is_kept(&self, stage: usize, iteration: usize, over: bool) -> bool {
        self.newest.is_some_and(|newest| {
            (newest.stage, newest.iteration, newest.over) == (stage, iteration, over)
        })
    }

    /// Returns whether a checkpoint is due before the next iteration.
    pub(super) fn is_due(&self, work: &Work) -> bool {
        let now = self.clock.monotonic();
        self.schedule.is_due(now, self.store.bytes(work))
    }

    /// Returns whether the time for a checkpoint at the end of a stage is there.
    pub(super) fn is_affordable(&self, work: &Work) -> bool {
        let now = self.clock.monotonic();
        self.schedule.is_affordable(now, self.store.bytes(work))
    }

    /// Writes a checkpoint, and tells of it. One that cannot be written is told of, once, and the
    /// one before stays.
    pub(super) fn keep(
        &mut self,
        (stage, iteration, over): (usize, usize, bool),
        work: &Work,
        on_event: &mut dyn FnMut(Event) -> Flow,
    ) {
        let progress = Progress {
            stage,
            iteration,
            over,
            evaluations: self.evaluations,
            rows: self.rows,
        };
        let edits = self.journal.digest_until((stage, iteration));
        let since = self.clock.monotonic();
        let clock = self.clock;
        let mut spoken = since;
        let mut beat = || {
            if clock.monotonic().saturating_sub(spoken) >= SILENCE {
                spoken = clock.monotonic();
                on_event(Event::Heartbeat);
            }
        };
        let expected = self.store.bytes(work);
        let saved = self
            .store
            .save((&self.about, progress, &edits), work, &mut beat);
        let now = self.clock.monotonic();
        let bytes = *saved.as_ref().unwrap_or(&expected);
        self.schedule.wrote(since, now, bytes);
        match saved {
            Ok(bytes) => {
                self.newest = Some(progress);
                self.is_failing = false;
                on_event(Event::Checkpoint {
                    stage,
                    iteration,
                    evaluations: self.evaluations,
                    bytes,
                    took: now.saturating_sub(since),
                });
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let safe = match self.newest {
                        Some(newest) => format!(
                            "safe is stage {}, iteration {}",
                            newest.stage, newest.iteration
                        ),
                        None => "nothing is safe yet".to_owned(),
                    };
                    let text =
                        format!("no checkpoint was written, {safe}: {}", with_causes(&error));
                    on_event(Event::Note(text));
                }
            }
        }
    }

    /// Returns the folder of the checkpoints.
    pub(super) fn folder(&self) -> &Path {
        self.store.folder()
    }
}

/// Describes a run for its checkpoints.
pub(super) fn about<'n>(
    task: &Task,
    tools: &Tools,
    inputs: &[InputHash],
    networks: impl Iterator<Item = (&'n NetworkRef, &'n Network)>,
) -> About {
    let mut profile = task.profile.clone();
    // These change nothing that is painted, or are told of by themselves.
    (profile.device, profile.threads) = (DeviceRequest::auto(), 0);
    let mut of_inputs = Sha256::new();
    for input in inputs {
        for text in [&input.role, &input.name, &input.sha256] {
            of_inputs.update(text.as_bytes());
            of_inputs.update([0]);
        }
    }
    let mut of_networks = Sha256::new();
    for (name, network) in networks {
        of_networks.update(format!("{name:?}").as_bytes());
        of_networks.update(network.sha256().as_bytes());
        of_networks.update([0]);
    }
    About {
        origin: Origin {
            profile: hex(&Sha256::digest(profile.to_toml().as_bytes())),
            inputs: hex(&of_inputs.finalize()),
            networks: hex(&of_networks.finalize()),
            seed: task.profile.seed.unwrap_or(task.seed),
        },
        device: tools.device.to_string(),
        threads: tools.threads.get(),
    }
}

/// Removes what a killed run left of files that it was writing.
pub(super) fn drop_temporary_files(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(TEMPORARY) && name.ends_with(".part") {
            // It only takes room.
            let _still_there = fs::remove_file(entry.path());
        }
    }
}

/// Says what was lost, in words, where something was; `cut` evaluations have to be made again.
pub(super) fn loss(found: &Found, cut: u64) -> Option<String> {
    let newest = found.refused.first()?;
    let then = match &found.loaded {
        Some(_) => "it goes on from the one before",
        None => "it begins anew",
    };
    let again = match cut {
        1 => "1 evaluation is made again".to_owned(),
        n => format!("{n} evaluations are made again"),
    };
    Some(format!("{newest}; {then}, and {again}"))
}

/// Says in what the computing differs from that of the checkpoint, where it does.
pub(super) fn elsewhere(loaded: &Loaded, tools: &Tools) -> Option<String> {
    let (device, threads) = &loaded.made_on;
    let here = (tools.device.to_string(), tools.threads.get());
    ((device, *threads) != (&here.0, here.1)).then(|| {
        format!(
            "the checkpoint was made on {device} with {threads} threads and this run has {} with {}: \
             its picture may differ a little from that of one run",
            here.0, here.1
        )
    })
}
