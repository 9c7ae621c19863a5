//! What becomes of an attempt: the picture, another attempt, a wait, or the end.

use std::time::Duration;

use crate::daemon::Report;
use crate::daemon::floor::Entry;
use crate::daemon::floor::Floor;
use crate::folder::JobFolder;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Mark;
use crate::job::Next;
use crate::job::Obstacle;
use crate::job::Painting;
use crate::job::TRIES_MAX;
use crate::job::names::PathText;
use crate::store::AttemptOutcome;
use crate::supervisor::Ending;

impl Floor<'_> {
    /// Takes in the end of a job's worker. Returns false when nobody is listening any more.
    pub(super) fn ended(&mut self, id: JobId, ending: Ending, took: Duration) -> bool {
        match ending {
            Ending::Finished { path, sha256 } => {
                let file = PathText(path);
                self.finished(id, Painting { file, sha256 }, took)
            }
            Ending::Failed(failure) => self.attempt_failed(id, failure),
            Ending::Stopped { kept } => {
                if let (Some(reached), Some(entry)) = (kept, self.jobs.get_mut(&id)) {
                    entry.job.note_checkpoint(Mark {
                        stage: reached.stage,
                        iteration: reached.iteration,
                    });
                }
                self.stopped(id)
            }
        }
    }

    fn finished(&mut self, id: JobId, result: Painting, took: Duration) -> bool {
        let now = self.clock.wall();
        self.ledger.end(id, &AttemptOutcome::Done, now);
        let Some(Entry {
            folder, mut job, ..
        }) = self.jobs.remove(&id)
        else {
            return true;
        };
        job.finish_attempt(now);
        // What was wished of a running job came too late.
        job.course.wish = None;
        let entered = job.enter(JobState::Done {
            finished: now,
            result,
        });
        debug_assert!(entered.is_ok(), "{entered:?}");
        self.tally.0 += 1;
        let (folder, job) = self.put_away(folder, job);
        folder.drop_checkpoint();
        (self.tell)(Report::Done(&job, folder.path(), took))
    }

    fn attempt_failed(&mut self, id: JobId, failure: Failure) -> bool {
        let now = self.clock.wall();
        self.ledger
            .end(id, &AttemptOutcome::Failed(failure.clone()), now);
        let Some(entry) = self.jobs.get_mut(&id) else {
            return true;
        };
        let next = entry.job.fail_attempt(&failure, now, self.waits.backoff);
        // A network that went away between the question and its reading is missing, too.
        let missing = (failure.kind == FailureKind::Network)
            .then(|| (self.hindrance)(&entry.folder))
            .flatten();
        if let Some(obstacle) = missing {
            entry.job.course.tries = entry.job.course.tries.saturating_sub(1);
            return self.block(id, &obstacle);
        }
        match (entry.job.take_wish(now), next) {
            (_, Next::Fail) => self.fail(id, &failure),
            (_, Next::GiveUp) => {
                let reason = format!("gave up after {TRIES_MAX} attempts: {}", failure.reason);
                self.fail(id, &Failure { reason, ..failure })
            }
            (Some(wished), Next::Again(_) | Next::Wait(_)) => self.enter_wished(id, wished),
            (None, Next::Again(wait)) => self.retry_later(id, failure, wait),
            (None, Next::Wait(lack)) => {
                let Failure { reason, hint, .. } = failure;
                self.block(id, &Obstacle { reason, hint, lack })
            }
        }
    }

    fn retry_later(&mut self, id: JobId, failure: Failure, wait: Duration) -> bool {
        let next = self.clock.wall().after(wait);
        let told = failure.clone();
        self.enter(id, JobState::Retrying { next, failure });
        let Some(entry) = self.jobs.get_mut(&id) else {
            return true;
        };
        entry.due = Some(self.clock.monotonic() + wait);
        (self.tell)(Report::Retrying(&entry.job, &told, wait))
    }

    fn stopped(&mut self, id: JobId) -> bool {
        let now = self.clock.wall();
        self.ledger.end(id, &AttemptOutcome::Stopped, now);
        let Some(entry) = self.jobs.get_mut(&id) else {
            return true;
        };
        entry.live = None;
        let wished = entry.job.course.wish.is_some();
        let entered = entry.job.interrupt_attempt(now);
        debug_assert!(entered.is_ok(), "{entered:?}");
        if let JobState::Cancelled { reason, .. } = &entry.job.state {
            let reason = reason.clone();
            return match self.jobs.remove(&id) {
                Some(Entry { folder, job, .. }) => self.end_cancelled(folder, job, &reason),
                None => true,
            };
        }
        let written = self.ledger.keep(&entry.folder, &entry.job, now);
        let is_heard = if wished {
            (self.tell)(Report::Paused(&entry.job))
        } else {
            (self.tell)(Report::Interrupted(&entry.job))
        };
        if let Err(error) = written {
            self.note_unwritten(id, &error);
        }
        is_heard
    }

    /// Lets a job be what was wished while it ran.
    pub(super) fn enter_wished(&mut self, id: JobId, wished: JobState) -> bool {
        if let JobState::Cancelled { reason, .. } = &wished {
            let reason = reason.clone();
            let Some(Entry {
                folder, mut job, ..
            }) = self.jobs.remove(&id)
            else {
                return true;
            };
            let entered = job.enter(wished);
            debug_assert!(entered.is_ok(), "{entered:?}");
            return self.end_cancelled(folder, job, &reason);
        }
        self.enter(id, wished);
        match self.jobs.get(&id) {
            Some(entry) => (self.tell)(Report::Paused(&entry.job)),
            None => true,
        }
    }

    fn fail(&mut self, id: JobId, failure: &Failure) -> bool {
        let Some(Entry {
            folder, mut job, ..
        }) = self.jobs.remove(&id)
        else {
            return true;
        };
        let entered = job.enter(JobState::Failed {
            finished: self.clock.wall(),
            failure: failure.clone(),
        });
        debug_assert!(entered.is_ok(), "{entered:?}");
        self.tally.1 += 1;
        let explained = folder
            .write_reason(&job.name, failure)
            .and_then(|()| folder.keep_last_picture());
        if let Err(error) = explained {
            self.incident(&job.name, &error);
        }
        let (folder, job) = self.put_away(folder, job);
        (self.tell)(Report::Failed(&job, folder.path(), failure))
    }

    /// Puts away a job that was cancelled, with the reason and its last good picture.
    pub(super) fn end_cancelled(&mut self, folder: JobFolder, job: Job, reason: &str) -> bool {
        let explained = folder
            .write_cancelled(&job.name, reason)
            .and_then(|()| folder.keep_last_picture());
        if let Err(error) = explained {
            self.incident(&job.name, &error);
        }
        let (folder, job) = self.put_away(folder, job);
        (self.tell)(Report::Cancelled(&job, folder.path()))
    }

    /// Writes a final record and moves the folder where it belongs. If that cannot be done, the
    /// folder stays in `active/` and the next start tries again.
    pub(super) fn put_away(&mut self, folder: JobFolder, job: Job) -> (JobFolder, Job) {
        let now = self.clock.wall();
        let moved = self
            .ledger
            .keep(&folder, &job, now)
            .and_then(|()| self.studio.archive(&folder, &job, now));
        let folder = moved.unwrap_or_else(|error| {
            self.incident(&format!("{} {} stays in active/", job.id, job.name), &error);
            folder
        });
        self.ledger.put(&folder, &job, now);
        (folder, job)
    }
}
