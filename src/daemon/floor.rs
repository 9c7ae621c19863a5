//! The work floor: what waits, what runs, and what becomes of it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::causes::with_causes;
use crate::clock::Clock;
use crate::daemon::Fatal;
use crate::daemon::Hindrance;
use crate::daemon::Outcome;
use crate::daemon::Report;
use crate::daemon::Tell;
use crate::daemon::slot::Slot;
use crate::daemon::slot::SlotEvent;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::ingest::Leftover;
use crate::ingest::Notice;
use crate::ingest::recover;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Obstacle;
use crate::job::Painting;
use crate::job::names::PathText;
use crate::job::names::display_path;
use crate::supervisor::Ending;
use crate::supervisor::Urgency;

/// The work floor.
pub(super) struct Floor<'a> {
    studio: &'a Studio,
    clock: Clock,
    tell: Tell<'a>,
    hindrance: Hindrance,
    slot: Slot,
    /// In the order of the jobs' numbers.
    queue: VecDeque<(JobFolder, Job)>,
    blocked: Vec<(JobFolder, Job)>,
    /// How many jobs of this run are done, and how many failed.
    tally: (usize, usize),
}

impl<'a> Floor<'a> {
    /// Returns a floor on which nothing waits.
    pub(super) fn new(
        studio: &'a Studio,
        clock: Clock,
        tell: Tell<'a>,
        hindrance: Hindrance,
        slot: Slot,
    ) -> Self {
        Self {
            studio,
            clock,
            tell,
            hindrance,
            slot,
            queue: VecDeque::new(),
            blocked: Vec::new(),
            tally: (0, 0),
        }
    }

    /// Begins: queues the jobs that an earlier run left, and puts away those that were only not put
    /// away.
    pub(super) fn open(&mut self) -> Result<(), Fatal> {
        // Should nobody be listening, the next report tells.
        (self.tell)(Report::Watching(&self.studio.watch));
        self.pick_up()
    }

    /// Returns the running job.
    pub(super) fn running(&self) -> Option<&Job> {
        self.slot.job()
    }

    /// Returns true if nothing can run and nothing runs; what is blocked does not count.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.running().is_none()
    }

    /// Returns how the jobs of this run ended.
    pub(super) fn outcome(&self) -> Outcome {
        let (n_done, n_failed) = self.tally;
        Outcome::Idle {
            n_done,
            n_failed,
            n_blocked: self.blocked.len(),
        }
    }

    /// Waits for the running job to do something; for ever if there is none.
    pub(super) async fn next(&mut self) -> SlotEvent {
        self.slot.next().await
    }

    /// Tells the running job to hurry up, and the user that the end is near.
    pub(super) fn hurry(&mut self, urgency: Urgency) {
        self.slot.hurry(urgency);
        (self.tell)(Report::Stopping(self.slot.job().map(|job| job.id)));
    }

    fn pick_up(&mut self) -> Result<(), Fatal> {
        for leftover in recover(self.studio)? {
            match leftover {
                Leftover::Job(folder, job) => match job.state {
                    JobState::Done { .. } | JobState::Failed { .. } => {
                        self.put_away(&folder, &job);
                    }
                    JobState::Blocked { .. } => self.pick_up_blocked(folder, job),
                    JobState::Claiming { .. } | JobState::Queued | JobState::Running { .. } => {
                        (self.tell)(Report::PickedUp(&job));
                        self.queue.push_back((folder, job));
                    }
                },
                Leftover::Stuck(folder, error) => {
                    let path = display_path(folder.path());
                    self.incident(
                        &format!("{path}: its pictures are not all there yet"),
                        &error,
                    );
                }
                Leftover::Damaged(folder, error) => self.set_aside(&folder, &error),
            }
        }
        Ok(())
    }

    fn pick_up_blocked(&mut self, folder: JobFolder, mut job: Job) {
        if let Some(obstacle) = (self.hindrance)(&folder) {
            (self.tell)(Report::Blocked(&job, &obstacle));
            self.blocked.push((folder, job));
        } else {
            let entered = job.enter(JobState::Queued);
            debug_assert!(entered.is_ok(), "{entered:?}");
            (self.tell)(Report::Unblocked(&job));
            self.queue.push_back((folder, job));
        }
    }

    /// Moves a folder without a readable record to `failed/`, with the reason beside its pictures.
    fn set_aside(&mut self, folder: &JobFolder, error: &FolderError) {
        let name = display_path(folder.path());
        let failure = Failure {
            kind: FailureKind::Input,
            reason: format!("job.json cannot be read: {error}"),
            hint: "drop the pictures in inputs/ into watch/ again".to_owned(),
        };
        let moved = folder
            .write_reason(&name, &failure)
            .and_then(|()| self.studio.archive_damaged(folder));
        match moved {
            Ok(folder) => {
                self.tally.1 += 1;
                let path = display_path(folder.path());
                (self.tell)(Report::Remark(&format!(
                    "{path}: set aside, {}",
                    failure.reason
                )));
            }
            Err(error) => self.incident(&name, &error),
        }
    }

    /// Starts the next job that nothing hinders, if the slot is free.
    pub(super) fn start_next(&mut self) {
        while self.slot.job().is_none() {
            let Some((folder, mut job)) = self.queue.pop_front() else {
                return;
            };
            // A job that an earlier run left running was never put back.
            if let JobState::Running { .. } = job.state {
                job.state = JobState::Queued;
            }
            if !self.is_there(&folder, &job) {
                continue;
            }
            match (self.hindrance)(&folder) {
                Some(obstacle) => {
                    self.block(folder, job, &obstacle);
                }
                None => self.start(folder, job),
            }
        }
    }

    /// Returns whether a job's folder is where it was put, and says so if it is not.
    fn is_there(&mut self, folder: &JobFolder, job: &Job) -> bool {
        let is_there = folder.path().is_dir();
        if !is_there {
            (self.tell)(Report::Remark(&format!(
                "{} {}: its folder was removed",
                job.id, job.name
            )));
        }
        is_there
    }

    fn start(&mut self, folder: JobFolder, mut job: Job) {
        let started = self.clock.wall();
        let entered = job.enter(JobState::Running { started });
        debug_assert!(
            entered.is_ok(),
            "only queued jobs are in the queue: {entered:?}"
        );
        if let Err(error) = folder.write(&job) {
            let failure = Failure {
                kind: FailureKind::Disk,
                reason: format!("the job's record cannot be written: {error}"),
                hint: "make room on the disk and check that the studio can be written to"
                    .to_owned(),
            };
            self.fail(&folder, job, &failure);
            return;
        }
        self.slot.start(folder, job);
    }

    /// Puts a job aside until what it lacks is there. Returns false when nobody is listening any
    /// more.
    fn block(&mut self, folder: JobFolder, mut job: Job, obstacle: &Obstacle) -> bool {
        let since = self.clock.wall();
        let entered = job.enter(JobState::Blocked {
            since,
            obstacle: obstacle.clone(),
        });
        debug_assert!(entered.is_ok(), "{entered:?}");
        if let Err(error) = folder.write(&job) {
            self.incident(&job.name, &error);
        }
        let is_heard = (self.tell)(Report::Blocked(&job, obstacle));
        self.blocked.push((folder, job));
        is_heard
    }

    /// Queues the blocked jobs that nothing hinders any more, by their numbers. Returns false when
    /// nobody is listening any more.
    pub(super) fn unblock(&mut self) -> bool {
        let mut is_heard = true;
        for (folder, mut job) in std::mem::take(&mut self.blocked) {
            if !self.is_there(&folder, &job) {
                continue;
            }
            if (self.hindrance)(&folder).is_some() {
                self.blocked.push((folder, job));
                continue;
            }
            let entered = job.enter(JobState::Queued);
            debug_assert!(entered.is_ok(), "{entered:?}");
            if let Err(error) = folder.write(&job) {
                self.incident(&job.name, &error);
            }
            is_heard &= (self.tell)(Report::Unblocked(&job));
            let place = self.queue.partition_point(|(_, other)| other.id < job.id);
            self.queue.insert(place, (folder, job));
        }
        is_heard
    }

    /// Takes in what the inbox found. Returns false when nobody is listening any more.
    pub(super) fn notice(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Bundle(name, state) => (self.tell)(Report::Bundle(&name, &state)),
            Notice::Remark(text) => (self.tell)(Report::Remark(&text)),
            Notice::Claimed(folder, job) => {
                let is_heard = (self.tell)(Report::Claimed(&job));
                self.queue.push_back((folder, job));
                is_heard
            }
        }
    }

    /// Takes in what the running job did. Returns false when nobody is listening any more.
    pub(super) fn worked(&mut self, event: SlotEvent) -> bool {
        match event {
            SlotEvent::Told(event) => match self.slot.job() {
                Some(job) => (self.tell)(Report::Worker(job, &event)),
                None => true,
            },
            SlotEvent::Ended(folder, job, ending, took) => self.ended(&folder, job, ending, took),
        }
    }

    fn ended(&mut self, folder: &JobFolder, mut job: Job, ending: Ending, took: Duration) -> bool {
        match ending {
            Ending::Finished { path, sha256 } => {
                let file = PathText(path);
                let result = Painting { file, sha256 };
                job.state = JobState::Done {
                    finished: self.clock.wall(),
                    result,
                };
                self.tally.0 += 1;
                let folder = self.put_away(folder, &job);
                folder.drop_checkpoint();
                (self.tell)(Report::Done(&job, folder.path(), took))
            }
            Ending::Failed(failure) => {
                // A network that went away between the question and its reading is missing, too.
                let is_network = failure.kind == FailureKind::Network;
                match (self.hindrance)(folder).filter(|_| is_network) {
                    Some(obstacle) => self.block(folder.clone(), job, &obstacle),
                    None => self.fail(folder, job, &failure),
                }
            }
            Ending::Stopped { .. } => {
                job.state = JobState::Queued;
                if let Err(error) = folder.write(&job) {
                    self.incident(&job.name, &error);
                }
                (self.tell)(Report::Interrupted(&job))
            }
        }
    }

    fn fail(&mut self, folder: &JobFolder, mut job: Job, failure: &Failure) -> bool {
        job.state = JobState::Failed {
            finished: self.clock.wall(),
            failure: failure.clone(),
        };
        self.tally.1 += 1;
        if let Err(error) = folder.write_reason(&job.name, failure) {
            self.incident(&job.name, &error);
        }
        let folder = self.put_away(folder, &job);
        (self.tell)(Report::Failed(&job, folder.path(), failure))
    }

    /// Writes a final record and moves the folder where it belongs. If that cannot be done, the
    /// folder stays in `active/` and the next start tries again.
    fn put_away(&mut self, folder: &JobFolder, job: &Job) -> JobFolder {
        let moved = folder
            .write(job)
            .and_then(|()| self.studio.archive(folder, job, self.clock.wall()));
        moved.unwrap_or_else(|error| {
            self.incident(&format!("{} {} stays in active/", job.id, job.name), &error);
            folder.clone()
        })
    }

    fn incident(&mut self, subject: &str, error: &FolderError) {
        let text = with_causes(error);
        tracing::error!(subject, error = text, "incident");
        (self.tell)(Report::Remark(&format!("{subject}: {text}")));
    }
}
