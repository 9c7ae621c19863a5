//! The daemon's books: a row in the store for every job, beside the record in its folder.
//!
//! A job's record is written first and its row second; what the store cannot take is told once and
//! does not stop the work, since the folders are the truth and the rows are derived from them again
//! at the next start.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use crate::causes::with_causes;
use crate::clock::Timestamp;
use crate::control::view::Filter;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::job::Job;
use crate::job::JobId;
use crate::store;
use crate::store::AttemptOutcome;
use crate::store::Checkpoint;
use crate::store::JobRow;
use crate::store::LossSample;
use crate::store::Place;
use crate::store::Shelf;
use crate::store::Snapshot;
use crate::store::Store;
use crate::store::StoreError;

/// The store's file in the studio's own folder.
const FILE: &str = "queue.db";

/// How many records are read into the store at a time.
const BATCH: usize = 500;

/// How many samples of losses are gathered before they are written.
const SAMPLES: usize = 64;

/// How many jobs of one name are looked through for a filter by name.
const NAMESAKES_MAX: u32 = 500;

/// The books.
pub(super) struct Ledger {
    store: Store,
    shelves: [(Shelf, PathBuf); 3],
    /// The numbers of the attempts that go on.
    open: BTreeMap<JobId, u32>,
    /// Losses that are not written yet.
    samples: Vec<(JobId, LossSample)>,
    trouble: Option<String>,
    /// What was told of last, so that it is told once.
    told: Option<String>,
}

impl Ledger {
    /// Opens the store of a studio and makes it agree with the folders of the jobs that are over.
    pub(super) fn open(studio: &Studio, now: Timestamp) -> Result<Self, StoreError> {
        let mut ledger = Self {
            store: Store::open(&studio.state.join(FILE), now)?,
            shelves: [
                (Shelf::Active, studio.active.clone()),
                (Shelf::Done, studio.done.clone()),
                (Shelf::Failed, studio.failed.clone()),
            ],
            open: BTreeMap::new(),
            samples: Vec::new(),
            trouble: None,
            told: None,
        };
        ledger
            .store
            .write(|change| change.interrupt_attempts(now))?;
        for shelf in [Shelf::Done, Shelf::Failed] {
            ledger.rederive(shelf, now)?;
        }
        Ok(ledger)
    }

    /// Reads the records that the store does not know into it.
    fn rederive(&mut self, shelf: Shelf, now: Timestamp) -> Result<(), StoreError> {
        let folder = self.folder(shelf).to_owned();
        let known = self.store.folders(shelf)?;
        // A shelf that cannot be listed is told of by whoever needs it.
        let names = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let unknown: Vec<OsString> = names
            .map(|entry| entry.file_name())
            .filter(|name| !known.contains_key(name))
            .collect();
        for names in unknown.chunks(BATCH) {
            let read = |name: &OsString| {
                let job = JobFolder::at(folder.join(name)).read().ok()?;
                Some((Place::new(shelf, name), job))
            };
            let found: Vec<_> = names.iter().filter_map(read).collect();
            self.store.write(|change| change.rederive(&found, now))?;
        }
        Ok(())
    }

    /// Returns the jobs that the store takes for unfinished and that are not among `there`.
    pub(super) fn missing(&self, there: &BTreeSet<JobId>) -> Vec<Job> {
        let active = self.store.folders(Shelf::Active).unwrap_or_default();
        let gone = active.into_values().filter(|id| !there.contains(id));
        gone.filter_map(|id| Some(self.store.job(id).ok()??.job))
            .collect()
    }

    /// Writes a job's record, then its row.
    pub(super) fn keep(
        &mut self,
        folder: &JobFolder,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), FolderError> {
        let written = folder.write(job);
        // What is in memory is the truth, even where the record could not be written.
        self.put(folder, job, now);
        written
    }

    /// Writes a job's row.
    pub(super) fn put(&mut self, folder: &JobFolder, job: &Job, now: Timestamp) {
        let place = self.place(folder.path());
        let put = self.store.write(|change| change.put_job(job, &place, now));
        let put = match put {
            // A step that the store missed: the record is right.
            Err(StoreError::Step(_) | StoreError::Beginning { .. } | StoreError::Json { .. }) => {
                let found = [(place, job.clone())];
                self.store
                    .write(|change| change.rederive(&found, now))
                    .map(drop)
            }
            put => put,
        };
        self.note(put);
    }

    /// Writes the record and the row of a job that runs from now on.
    pub(super) fn begin(
        &mut self,
        folder: &JobFolder,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), FolderError> {
        folder.write(job)?;
        match self.store.write(|change| change.begin_attempt(job, now)) {
            Ok(number) => {
                self.open.insert(job.id, number);
            }
            Err(_) => self.put(folder, job, now),
        }
        Ok(())
    }

    /// Notes how the attempt at a job ended.
    pub(super) fn end(&mut self, id: JobId, outcome: &AttemptOutcome, now: Timestamp) {
        self.flush();
        if let Some(number) = self.open.remove(&id) {
            let ended = self
                .store
                .write(|change| change.end_attempt(id, number, outcome, now));
            self.note(ended);
        }
    }

    /// Notes what the attempt at a job computes on.
    pub(super) fn device(&mut self, id: JobId, device: &str) {
        if let Some(number) = self.open.get(&id).copied() {
            let noted = self
                .store
                .write(|change| change.set_device(id, number, device));
            self.note(noted);
        }
    }

    /// Notes a checkpoint.
    pub(super) fn checkpoint(&mut self, id: JobId, checkpoint: Checkpoint) {
        if let Some(number) = self.open.get(&id).copied() {
            let noted = self
                .store
                .write(|change| change.set_checkpoint(id, number, checkpoint));
            self.note(noted);
        }
    }

    /// Notes a snapshot.
    pub(super) fn snapshot(&mut self, id: JobId, snapshot: &Snapshot) {
        let noted = self.store.write(|change| change.add_snapshot(id, snapshot));
        self.note(noted);
    }

    /// Marks a snapshot, or takes the mark away.
    pub(super) fn star(&mut self, id: JobId, path: &Path, starred: bool) {
        match self
            .store
            .write(|change| change.star_snapshot(id, path, starred))
        {
            // Its mark is on the job's record; the store may have lost the snapshot.
            Err(StoreError::NoSnapshot { .. }) => {}
            starred => self.note(starred),
        }
    }

    /// Notes the losses of an iteration, a little later.
    pub(super) fn loss(&mut self, id: JobId, sample: LossSample) {
        self.samples.push((id, sample));
        if self.samples.len() >= SAMPLES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let samples = std::mem::take(&mut self.samples);
        let Some(id) = samples.first().map(|(id, _)| *id) else {
            return;
        };
        // One job runs at a time.
        let of_job = |(other, sample)| (other == id).then_some(sample);
        let samples: Vec<_> = samples.into_iter().filter_map(of_job).collect();
        // They can be done without, and stand in losses.csv.
        let added = self
            .store
            .write_if_room(|change| change.add_losses(id, &samples));
        self.note(added);
    }

    /// Returns a job and its folder.
    pub(super) fn get(&self, id: JobId) -> Option<(Job, PathBuf)> {
        let row = self.store.job(id).ok()??;
        let path = self.path(&row.place);
        Some((row.job, path))
    }

    /// Returns the numbers of the jobs that a filter lets through, newest first, and where the next
    /// page begins.
    pub(super) fn page(&self, filter: &Filter) -> Result<(Vec<JobId>, Option<JobId>), StoreError> {
        let wanted = store::Filter {
            states: filter.states.clone(),
            text: filter.name.clone().unwrap_or_else(|| filter.text.clone()),
        };
        let page = store::Page {
            before: filter.before,
            limit: match filter.name {
                Some(_) => NAMESAKES_MAX,
                None => u32::try_from(filter.limit).unwrap_or(u32::MAX),
            },
        };
        let listing = self.store.list(&wanted, page)?;
        let takes = |row: &JobRow| {
            filter
                .name
                .as_ref()
                .is_none_or(|name| *name == row.job.name)
        };
        let mut ids: Vec<JobId> = listing
            .rows
            .iter()
            .filter(|row| takes(row))
            .map(|row| row.job.id)
            .collect();
        let is_last = ids.len() <= filter.limit;
        ids.truncate(filter.limit);
        let next = if is_last {
            listing.next
        } else {
            ids.last().copied()
        };
        Ok((ids, next))
    }

    /// Returns how many jobs there are in each state.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.store.counts().unwrap_or_default()
    }

    /// Returns true while there is so little room that no job should be started.
    pub(super) fn is_short(&mut self) -> bool {
        if !self.store.is_short() {
            return false;
        }
        let renewed = self.store.renew_reserve();
        let is_short = !matches!(renewed, Ok(true));
        self.note(renewed.map(|_is_there| ()));
        is_short
    }

    /// Returns what the store could not do, once.
    pub(super) fn take_trouble(&mut self) -> Option<String> {
        let trouble = self.trouble.take()?;
        if self.told.as_ref() == Some(&trouble) {
            return None;
        }
        self.told = Some(trouble.clone());
        Some(trouble)
    }

    fn note(&mut self, done: Result<(), StoreError>) {
        if let Err(error) = done {
            let text = with_causes(&error);
            tracing::error!(error = text, "the job store");
            self.trouble = Some(text);
        }
    }

    fn folder(&self, shelf: Shelf) -> &Path {
        let at = match shelf {
            Shelf::Active => 0,
            Shelf::Done => 1,
            Shelf::Failed => 2,
        };
        &self.shelves[at].1
    }

    fn place(&self, path: &Path) -> Place {
        let name = path.file_name().unwrap_or_default();
        let parent = path.parent();
        let found = self
            .shelves
            .iter()
            .find(|(_, folder)| parent == Some(folder.as_path()));
        Place::new(found.map_or(Shelf::Active, |(shelf, _)| *shelf), name)
    }

    fn path(&self, place: &Place) -> PathBuf {
        self.folder(place.shelf).join(&place.folder)
    }
}
