//! The folder of a run's checkpoints.
//!
//! `state-N.checkpoint` is a checkpoint, `pairs-N.lbfgs` the pairs of L-BFGS that were new in it;
//! the newer the higher the number. A file is put in place whole and never changed. Always true:
//! while a checkpoint is written, and while old ones are dropped, at least one whole one is there,
//! once there was any.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::error::CheckpointError;
use super::files::{Files, TEMPORARY};
use super::state::{self, About, Expected, FORMAT, Header, Place, Progress, Work};
use super::stream::Writer;
use crate::causes::with_causes;
use crate::optim::StateError;

/// Checkpoints that are kept.
const KEPT: usize = 2;

/// The folder of a run's checkpoints.
#[derive(Debug)]
pub(in crate::transfer) struct Store {
    folder: PathBuf,
    pub(super) files: Files,
    /// What is kept, oldest first: a checkpoint's number, and the files of pairs that it names.
    kept: Vec<(u64, Vec<u64>)>,
    /// The number of the next one.
    next: u64,
    /// Where the pairs of the optimiser at hand lie.
    known: BTreeMap<u64, Place>,
}

/// What was found in the folder.
#[derive(Debug)]
pub(in crate::transfer) struct Found {
    /// The newest checkpoint that can be used.
    pub(in crate::transfer) loaded: Option<Loaded>,
    /// Why newer ones could not, in words.
    pub(in crate::transfer) refused: Vec<String>,
}

/// A checkpoint, read.
#[derive(Debug)]
pub(in crate::transfer) struct Loaded {
    /// Where the run stood.
    pub(in crate::transfer) progress: Progress,
    /// What it had in hand.
    pub(in crate::transfer) work: Work,
    /// Where it computed, and on how many threads.
    pub(in crate::transfer) made_on: (String, usize),
}

impl Store {
    /// Opens the folder and reads the newest checkpoint that is whole and of this run. What is of no
    /// use, temporary files included, is dropped.
    pub(in crate::transfer) fn open(
        folder: PathBuf,
        about: &About,
        expect: &dyn Fn(&Progress) -> Option<Expected>,
        threads: NonZeroUsize,
    ) -> (Self, Found) {
        let mut store = Self {
            folder,
            files: Files::default(),
            kept: Vec::new(),
            next: 1,
            known: BTreeMap::new(),
        };
        let mut numbers: Vec<u64> = store
            .names()
            .filter_map(|name| state_number(&name))
            .collect();
        let pairs = store.names().filter_map(|name| pairs_number(&name));
        store.next = numbers
            .iter()
            .copied()
            .chain(pairs)
            .max()
            .map_or(1, |n| n + 1);
        numbers.sort_unstable();
        let mut refused = Vec::new();
        let mut loaded = None;
        while let Some(number) = numbers.pop() {
            let path = store.state_path(number);
            let read = state::read(&path, about, expect, threads, &|n| store.pairs_path(n));
            match read {
                Ok((header, work)) => {
                    store.keep(number, &header.pairs);
                    loaded = Some(Loaded {
                        progress: header.progress,
                        work,
                        made_on: (header.about.device, header.about.threads),
                    });
                    store.known = header.pairs.into_iter().map(|p| (p.sequence, p)).collect();
                    break;
                }
                Err(error) => refused.push(with_causes(&error)),
            }
        }
        if let Some(older) = numbers.pop()
            && let Ok(header) = state::read_header(&store.state_path(older))
        {
            store.keep(older, &header.pairs);
            store.kept.rotate_right(1);
        }
        store.prune();
        (store, Found { loaded, refused })
    }

    /// Returns the folder.
    pub(in crate::transfer) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the bytes that writing a checkpoint will take, nearly.
    pub(in crate::transfer) fn bytes(&self, work: &Work) -> u64 {
        let pairs = work.optimizer.pairs();
        let fresh = pairs.filter(|pair| !self.known.contains_key(&pair.sequence()));
        let pair_bytes = 2 * 4 * work.picture.data().len() as u64;
        work.head_bytes() + fresh.count() as u64 * pair_bytes
    }

    /// Forgets where pairs lie: an optimiser that begins anew numbers its pairs anew.
    pub(in crate::transfer) fn new_optimizer(&mut self) {
        self.known.clear();
    }

    /// Writes a checkpoint and returns its bytes. `beat` is called every now and then.
    ///
    /// Where the disk is full, the older of the two checkpoints makes room. After an error the newest
    /// one before is still there.
    pub(in crate::transfer) fn save(
        &mut self,
        (about, progress, edits): (&About, Progress, &str),
        work: &Work,
        beat: &mut dyn FnMut(),
    ) -> Result<u64, CheckpointError> {
        let first = self.write((about, progress, edits), work, beat);
        match first {
            Err(error) if error.is_full_disk() && self.kept.len() > 1 => {
                self.kept.remove(0);
                self.prune();
                self.write((about, progress, edits), work, beat)
            }
            result => result,
        }
    }

    fn write(
        &mut self,
        (about, progress, edits): (&About, Progress, &str),
        work: &Work,
        beat: &mut dyn FnMut(),
    ) -> Result<u64, CheckpointError> {
        let number = self.next;
        // A number is used once, be it that its file is not all there.
        self.next += 1;
        let at_folder = |source| file_error(&self.folder, source);
        self.files.make_folder(&self.folder).map_err(at_folder)?;
        let (fresh, pair_bytes) = self.write_pairs(number, work, beat)?;
        let known = |sequence: u64| fresh.get(&sequence).or(self.known.get(&sequence)).cloned();
        let pairs = work.optimizer.pairs();
        let pairs: Vec<Place> = pairs.filter_map(|pair| known(pair.sequence())).collect();
        let (width, height) = work.size();
        let header = Header {
            format: FORMAT,
            about: about.clone(),
            progress,
            edits: edits.to_owned(),
            width,
            height,
            previous: work.previous.as_ref().map(|(iteration, _)| *iteration),
            pairs,
        };
        let bytes = self.write_state(number, &header, work, beat);
        let bytes = bytes.inspect_err(|_error| {
            // It only takes room, and goes with the next checkpoint else.
            let _still_there = self.files.remove(&self.pairs_path(number));
            let _still_there = self.files.remove(&self.state_path(number));
        })?;
        self.keep(number, &header.pairs);
        self.known = header.pairs.into_iter().map(|p| (p.sequence, p)).collect();
        self.prune();
        Ok(bytes + pair_bytes)
    }

    fn write_pairs(
        &self,
        number: u64,
        work: &Work,
        beat: &mut dyn FnMut(),
    ) -> Result<(BTreeMap<u64, Place>, u64), CheckpointError> {
        let fresh = work.optimizer.pairs();
        let mut fresh = fresh
            .filter(|pair| !self.known.contains_key(&pair.sequence()))
            .peekable();
        if fresh.peek().is_none() {
            return Ok((BTreeMap::new(), 0));
        }
        let path = self.pairs_path(number);
        let written = self.files.write(&path, |inner| {
            let mut writer = Writer::new(inner, false, beat);
            let mut places = BTreeMap::new();
            for pair in fresh {
                let offset = writer.written();
                pair.write_to(&mut writer).map_err(Failure::Optimizer)?;
                let place = Place {
                    sequence: pair.sequence(),
                    file: number,
                    offset,
                    bytes: writer.written() - offset,
                    seal: writer.seal(),
                };
                places.insert(pair.sequence(), place);
            }
            Ok((places, writer.end()?))
        });
        written.map_err(|failure: Failure| failure.at(&path))
    }

    fn write_state(
        &self,
        number: u64,
        header: &Header,
        work: &Work,
        beat: &mut dyn FnMut(),
    ) -> Result<u64, CheckpointError> {
        let path = self.state_path(number);
        let written = self.files.write(&path, |writer| {
            state::write(writer, header, work, beat).map_err(Failure::Optimizer)
        });
        let bytes = written.map_err(|failure: Failure| failure.at(&path))?;
        let synced = self.files.sync_folder(&self.folder);
        synced.map_err(|source| file_error(&self.folder, source))?;
        Ok(bytes)
    }

    fn keep(&mut self, number: u64, pairs: &[Place]) {
        let mut files: Vec<u64> = pairs.iter().map(|place| place.file).collect();
        files.dedup();
        self.kept.push((number, files));
    }

    /// Drops all files that belong to none of the newest two checkpoints.
    fn prune(&mut self) {
        while self.kept.len() > KEPT {
            self.kept.remove(0);
        }
        for name in self.names() {
            let is_kept = if let Some(number) = state_number(&name) {
                self.kept.iter().any(|(kept, _)| *kept == number)
            } else if let Some(number) = pairs_number(&name) {
                self.kept.iter().any(|(_, files)| files.contains(&number))
            } else {
                !name.starts_with(TEMPORARY)
            };
            if !is_kept {
                // It only takes room, and is dropped the next time else.
                let _still_there = self.files.remove(&self.folder.join(name));
            }
        }
    }

    fn names(&self) -> impl Iterator<Item = String> + use<> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
    }

    fn state_path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("state-{number:06}.checkpoint"))
    }

    fn pairs_path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("pairs-{number:06}.lbfgs"))
    }
}

fn state_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("state-")?.strip_suffix(".checkpoint")?;
    number.parse().ok()
}

fn pairs_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("pairs-")?.strip_suffix(".lbfgs")?;
    number.parse().ok()
}

fn file_error(path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::File {
        path: path.to_owned(),
        source,
    }
}

/// Why a file could not be written, before its name is added.
enum Failure {
    File(io::Error),
    Optimizer(StateError),
}

impl From<io::Error> for Failure {
    fn from(source: io::Error) -> Self {
        Self::File(source)
    }
}

impl Failure {
    fn at(self, path: &Path) -> CheckpointError {
        match self {
            Self::File(source) => file_error(path, source),
            Self::Optimizer(source) => CheckpointError::Optimizer {
                path: path.to_owned(),
                source,
            },
        }
    }
}
