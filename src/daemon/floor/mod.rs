//! The work floor: what waits, what runs, and what becomes of it.
//!
//! The one place where jobs change. What is in memory here is the truth while the daemon runs; a
//! job's record is written to its folder, and its row to the store, before anybody is told.
//! `opening` takes in what an earlier run left, `waiting` holds back what cannot run, `endings` says
//! what becomes of an attempt, `answers` what is asked from outside.

mod answers;
mod endings;
mod opening;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::clock::Timestamp;
use crate::control::has_begun;
use crate::control::view::Live;
use crate::daemon::Hindrance;
use crate::daemon::Outcome;
use crate::daemon::Report;
use crate::daemon::Tell;
use crate::daemon::ledger::Ledger;
use crate::daemon::slot::Slot;
use crate::daemon::slot::SlotEvent;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::ingest;
use crate::ingest::BundleState;
use crate::ingest::LateProfile;
use crate::ingest::Notice;
use crate::ingest::Source;
use crate::job::Backoff;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Lack;
use crate::job::Mark;
use crate::job::Obstacle;
use crate::job::PendingEdit;
use crate::protocol::Edit;
use crate::protocol::Event;
use crate::service::Counts;
use crate::store::Checkpoint;
use crate::store::LossSample;
use crate::store::Snapshot;
use crate::supervisor::Urgency;

pub(super) use crate::daemon::floor::answers::Demand;

/// The work floor.
pub(super) struct Floor<'a> {
    studio: &'a Studio,
    clock: Clock,
    tell: Tell<'a>,
    hindrance: Hindrance,
    waits: Waits,
    slot: Slot,
    since: Timestamp,
    /// The jobs whose folders are in `active/`.
    jobs: BTreeMap<JobId, Entry>,
    ledger: Ledger,
    /// The inbox's thread.
    inbox: Source,
    /// How many jobs of this run are done, and how many failed.
    tally: (usize, usize),
    is_stopping: bool,
}

/// How long the floor waits for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// Before another attempt.
    pub(super) backoff: Backoff,
    /// Before a job that lacked room or memory is tried again although there is no more of it.
    pub(super) shortage: Duration,
}

/// A job in `active/`.
struct Entry {
    folder: JobFolder,
    job: Job,
    /// The reading at which a job that waits goes on by itself.
    due: Option<Duration>,
    /// How many bytes there were of what it lacks when it was blocked.
    had: Option<u64>,
    /// How far the running attempt is.
    live: Option<Live>,
}

impl Entry {
    fn new(folder: JobFolder, job: Job) -> Self {
        Self {
            folder,
            job,
            due: None,
            had: None,
            live: None,
        }
    }
}

impl<'a> Floor<'a> {
    /// Returns a floor on which nothing waits.
    pub(super) fn new(
        studio: &'a Studio,
        clock: Clock,
        tell: Tell<'a>,
        (hindrance, waits): (Hindrance, Waits),
        (slot, ledger, inbox): (Slot, Ledger, Source),
    ) -> Self {
        Self {
            studio,
            clock,
            tell,
            hindrance,
            waits,
            slot,
            since: clock.wall(),
            jobs: BTreeMap::new(),
            ledger,
            inbox,
            tally: (0, 0),
            is_stopping: false,
        }
    }

    /// Returns whether a job runs.
    pub(super) fn is_running(&self) -> bool {
        self.slot.job().is_some()
    }

    /// Returns true if nothing can run, nothing runs and nothing will run by itself soon: what is
    /// blocked or paused does not count.
    pub(super) fn is_empty(&self) -> bool {
        !self.jobs.values().any(|entry| {
            matches!(
                entry.job.state,
                JobState::Queued | JobState::Running { .. } | JobState::Retrying { .. }
            )
        })
    }

    /// Returns how many jobs and bundles stand where.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.jobs.values() {
            match entry.job.state {
                JobState::Running { .. } => counts.running += 1,
                JobState::Claiming { .. } | JobState::Queued => counts.queued += 1,
                JobState::Paused { .. } => counts.paused += 1,
                JobState::Retrying { .. } => counts.retrying += 1,
                JobState::Blocked { .. } => counts.blocked += 1,
                JobState::Done { .. } | JobState::Failed { .. } | JobState::Cancelled { .. } => {}
            }
        }
        let board = self.inbox.board();
        let waits = |state: &BundleState| {
            matches!(
                state,
                BundleState::Waiting(_)
                    | BundleState::Rejected { .. }
                    | BundleState::Duplicate { .. }
            )
        };
        counts.waiting = board.bundles.iter().filter(|b| waits(&b.state)).count();
        counts
    }

    /// Returns how the jobs of this run ended.
    pub(super) fn outcome(&self) -> Outcome {
        let (n_done, n_failed) = self.tally;
        let is_blocked = |entry: &&Entry| matches!(entry.job.state, JobState::Blocked { .. });
        Outcome::Idle {
            n_done,
            n_failed,
            n_blocked: self.jobs.values().filter(is_blocked).count(),
        }
    }

    /// Waits for the running job to do something or for a wait to be over; for ever if there is
    /// neither.
    pub(super) async fn next(&mut self) -> Option<SlotEvent> {
        let due = self.jobs.values().filter_map(|entry| entry.due).min();
        let left = due.map(|due| due.saturating_sub(self.clock.monotonic()));
        match left {
            None => Some(self.slot.next().await),
            Some(left) => tokio::time::timeout(left, self.slot.next()).await.ok(),
        }
    }

    /// Tells the running job to hurry up, and the user that the end is near.
    pub(super) fn hurry(&mut self, urgency: Urgency) {
        self.is_stopping = true;
        self.slot.hurry(urgency);
        (self.tell)(Report::Stopping(self.slot.job()));
    }

    /// Starts the next job that nothing hinders, if the slot is free.
    pub(super) fn start_next(&mut self) {
        while self.slot.job().is_none() {
            // What is left of the disk is for telling how things stand.
            if self.ledger.is_short() {
                return;
            }
            let queued = self
                .jobs
                .values()
                .filter(|entry| entry.job.state == JobState::Queued);
            let Some(id) = queued.min_by_key(|e| e.job.rank()).map(|e| e.job.id) else {
                return;
            };
            if !self.is_there(id) {
                continue;
            }
            let hindrance = self.jobs.get(&id).and_then(|e| (self.hindrance)(&e.folder));
            match hindrance {
                Some(obstacle) => {
                    self.block(id, &obstacle);
                }
                None => self.start(id),
            }
        }
    }

    /// Returns whether a job's folder is where it was put; a job without one is over.
    fn is_there(&mut self, id: JobId) -> bool {
        let Some(entry) = self.jobs.get(&id) else {
            return false;
        };
        if entry.folder.path().is_dir() {
            return true;
        }
        if let Some(Entry { folder, job, .. }) = self.jobs.remove(&id) {
            self.removed(&folder, job);
        }
        false
    }

    /// Closes the books on a job whose folder was removed.
    fn removed(&mut self, folder: &JobFolder, mut job: Job) {
        let (id, now) = (job.id, self.clock.wall());
        (self.tell)(Report::Remark(&format!(
            "{id} {}: its folder was removed",
            job.name
        )));
        // Nothing is left to write it to but the row.
        job.state = JobState::Cancelled {
            finished: now,
            reason: "its folder was removed".to_owned(),
        };
        self.ledger.put(folder, &job, now);
    }

    /// Claims an attempt, on disk first, and starts a worker.
    fn start(&mut self, id: JobId) {
        let now = self.clock.wall();
        let Some(entry) = self.jobs.get_mut(&id) else {
            return;
        };
        let mut claimed = entry.job.clone();
        let entered = claimed.claim_attempt(now);
        debug_assert!(entered.is_ok(), "only queued jobs are started: {entered:?}");
        if let Err(error) = self.ledger.begin(&entry.folder, &claimed, now) {
            let obstacle = Obstacle {
                reason: format!(
                    "the job's record cannot be written: {}",
                    with_causes(&error)
                ),
                hint: "make room on the disk and check that the studio can be written to"
                    .to_owned(),
                lack: Lack::Disk,
            };
            self.block(id, &obstacle);
            return;
        }
        entry.job = claimed;
        entry.live = Some(Live::default());
        self.slot.start(entry.folder.clone(), id);
        // What no worker has answered yet; one that was is answered from its record.
        for edit in &entry.job.course.edits {
            self.slot.edit(on_wire(edit));
        }
    }

    /// Takes in what the inbox found. Returns false when nobody is listening any more.
    pub(super) fn notice(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Bundle(name, state) => (self.tell)(Report::Bundle(&name, &state)),
            Notice::Remark(text) => (self.tell)(Report::Remark(&text)),
            Notice::Claimed(folder, job) => {
                let is_heard = (self.tell)(Report::Claimed(&job, folder.path()));
                self.ledger.put(&folder, &job, self.clock.wall());
                self.jobs.insert(job.id, Entry::new(folder, job));
                is_heard
            }
            Notice::LateProfile(late) => self.adopt(&late),
        }
    }

    /// Gives a job that has not begun the profile that came after it was taken.
    fn adopt(&mut self, late: &LateProfile) -> bool {
        let entry = self.jobs.get_mut(&late.job);
        let entry = entry.filter(|entry| !has_begun(&entry.job));
        let text = match entry {
            Some(entry) => match ingest::adopt(late, &entry.folder, &mut entry.job) {
                Ok(()) => {
                    self.ledger
                        .put(&entry.folder, &entry.job, self.clock.wall());
                    format!(
                        "{} {}: adopted the profile that came late ({})",
                        entry.job.id, entry.job.name, entry.job.profile_source
                    )
                }
                Err(error) => {
                    let text = with_causes(&error);
                    format!(
                        "{} {}: the profile that came late: {text}",
                        late.job, late.name
                    )
                }
            },
            None => format!(
                "{} {}: a newer profile is there, and the job has begun: it goes on as it is",
                late.job, late.name
            ),
        };
        (self.tell)(Report::Remark(&text))
    }

    /// Takes in what the running job did. Returns false when nobody is listening any more.
    pub(super) fn worked(&mut self, event: SlotEvent) -> bool {
        match event {
            SlotEvent::Told(id, event) => {
                let Some(entry) = self.jobs.get_mut(&id) else {
                    return true;
                };
                follow(entry, &event);
                let now = self.clock.wall();
                book(&mut self.ledger, &entry.folder, (id, &event), now);
                let is_heard = (self.tell)(Report::Worker(&entry.job, entry.folder.path(), &event));
                // An answer is not sent again: it is off the record once that is on disk.
                if matches!(event, Event::Edited { .. } | Event::EditRefused { .. })
                    && let Err(error) = self.ledger.keep(&entry.folder, &entry.job, now)
                {
                    self.note_unwritten(id, &error);
                }
                is_heard
            }
            SlotEvent::Ended(id, ending, took) => self.ended(id, ending, took),
        }
    }

    /// Says that settings are read at the start only. Returns false when nobody is listening any more.
    pub(super) fn cannot_reload(&mut self) -> bool {
        (self.tell)(Report::Remark(
            "told to read the settings again: they are read when the program starts; end it and \
             start it anew",
        ))
    }

    /// Tells what the store could not do.
    pub(super) fn tell_trouble(&mut self) {
        if let Some(trouble) = self.ledger.take_trouble() {
            (self.tell)(Report::Remark(&trouble));
        }
    }

    fn note_unwritten(&mut self, id: JobId, error: &FolderError) {
        self.incident(&format!("{id}: its record is not up to date"), error);
    }

    fn incident(&mut self, subject: &str, error: &FolderError) {
        let text = with_causes(error);
        tracing::error!(subject, error = text, "incident");
        (self.tell)(Report::Remark(&format!("{subject}: {text}")));
    }
}

/// Notes in a job's entry what its worker tells.
fn follow(entry: &mut Entry, event: &Event) {
    let live = entry.live.get_or_insert_default();
    match event {
        Event::Started {
            device,
            size,
            stages,
        } => {
            live.device.clone_from(device);
            live.size = *size;
            live.n_stages = *stages;
        }
        Event::Progress {
            stage,
            iteration,
            of,
            loss,
            terms,
            its_per_s,
            eta_s,
        } => {
            (live.stage, live.iteration, live.of) = (*stage, *iteration, *of);
            live.loss = Some(*loss);
            live.terms.clone_from(terms);
            (live.its_per_s, live.eta_s) = (*its_per_s, *eta_s);
        }
        Event::Checkpoint {
            stage, iteration, ..
        } => entry.job.note_checkpoint(Mark {
            stage: *stage,
            iteration: *iteration,
        }),
        Event::Edited { id, .. } | Event::EditRefused { id, .. } => {
            entry.job.course.edits.retain(|edit| edit.id != *id);
        }
        Event::Snapshot { .. }
        | Event::Note { .. }
        | Event::Resumed { .. }
        | Event::Heartbeat
        | Event::Stopped { .. }
        | Event::Finished { .. }
        | Event::Failed { .. }
        | Event::Unknown => {}
    }
}

/// Notes in the books what a worker tells.
fn book(ledger: &mut Ledger, folder: &JobFolder, (id, event): (JobId, &Event), now: Timestamp) {
    match event {
        Event::Started { device, .. } => ledger.device(id, device),
        Event::Progress {
            stage,
            iteration,
            loss,
            terms,
            ..
        } => ledger.loss(
            id,
            LossSample {
                stage: *stage,
                iteration: *iteration,
                total: *loss,
                terms: terms.clone(),
            },
        ),
        Event::Checkpoint {
            stage, iteration, ..
        } => {
            let (stage, iteration) = (*stage, *iteration);
            ledger.checkpoint(id, Checkpoint { stage, iteration });
        }
        Event::Snapshot {
            path,
            stage,
            iteration,
        } => {
            let metadata = std::fs::symlink_metadata(folder.path().join(&path.0));
            let snapshot = Snapshot {
                path: path.0.clone(),
                stage: *stage,
                iteration: *iteration,
                bytes: metadata.map_or(0, |metadata| metadata.len()),
                starred: false,
                created: now,
            };
            ledger.snapshot(id, &snapshot);
        }
        Event::Note { .. }
        | Event::Resumed { .. }
        | Event::Heartbeat
        | Event::Edited { .. }
        | Event::EditRefused { .. }
        | Event::Stopped { .. }
        | Event::Finished { .. }
        | Event::Failed { .. }
        | Event::Unknown => {}
    }
}

fn on_wire(edit: &PendingEdit) -> Edit {
    Edit {
        id: edit.id,
        option: edit.option.clone(),
        value: edit.value,
        stage: edit.stage,
    }
}
