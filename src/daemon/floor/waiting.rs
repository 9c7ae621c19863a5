//! Jobs that wait: for what they lack, for their next attempt, for somebody.

use crate::daemon::Report;
use crate::daemon::floor::Floor;
use crate::daemon::room;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Lack;
use crate::job::Obstacle;

impl Floor<'_> {
    /// Puts a job aside until what it lacks is there. Returns false when nobody is listening any
    /// more.
    pub(super) fn block(&mut self, id: JobId, obstacle: &Obstacle) -> bool {
        let since = self.clock.wall();
        let Some(entry) = self.jobs.get_mut(&id) else {
            return true;
        };
        entry.live = None;
        entry.had = room::left(obstacle.lack, entry.folder.path());
        entry.due =
            (obstacle.lack != Lack::Network).then(|| self.clock.monotonic() + self.waits.shortage);
        let entered = entry.job.enter(JobState::Blocked {
            since,
            obstacle: obstacle.clone(),
        });
        debug_assert!(entered.is_ok(), "{entered:?}");
        let written = self.ledger.keep(&entry.folder, &entry.job, since);
        let is_heard = (self.tell)(Report::Blocked(&entry.job, obstacle));
        // A full disk that keeps its own record from being written says so already.
        if let Err(error) = written
            && obstacle.lack != Lack::Disk
        {
            self.note_unwritten(id, &error);
        }
        is_heard
    }

    /// Queues the jobs that need not wait any more. Returns false when nobody is listening any more.
    pub(in crate::daemon) fn unblock(&mut self) -> bool {
        let now = self.clock.monotonic();
        let waiting: Vec<JobId> = self
            .jobs
            .values()
            .filter(|entry| matches!(entry.job.state, JobState::Blocked { .. }))
            .map(|entry| entry.job.id)
            .collect();
        let mut is_heard = true;
        for id in waiting {
            if !self.is_there(id) {
                continue;
            }
            let Some(entry) = self.jobs.get(&id) else {
                continue;
            };
            let JobState::Blocked { obstacle, .. } = &entry.job.state else {
                continue;
            };
            let goes_on = match obstacle.lack {
                Lack::Network => (self.hindrance)(&entry.folder).is_none(),
                lack @ (Lack::Disk | Lack::Memory) => {
                    entry.due.is_none_or(|due| due <= now)
                        || room::is_more(lack, entry.folder.path(), entry.had)
                }
            };
            if goes_on {
                self.enter(id, JobState::Queued);
                if let Some(entry) = self.jobs.get(&id) {
                    is_heard &= (self.tell)(Report::Unblocked(&entry.job));
                }
            }
        }
        is_heard
    }

    /// Queues the jobs whose wait is over. Returns false when nobody is listening any more.
    pub(in crate::daemon) fn come_due(&mut self) -> bool {
        let now = self.clock.monotonic();
        let due: Vec<JobId> = self
            .jobs
            .values()
            .filter(|entry| entry.due.is_some_and(|due| due <= now))
            .filter(|entry| matches!(entry.job.state, JobState::Retrying { .. }))
            .map(|entry| entry.job.id)
            .collect();
        for id in due {
            self.enter(id, JobState::Queued);
        }
        self.unblock()
    }

    /// Enters a state in which a job waits, and writes that down.
    pub(super) fn enter(&mut self, id: JobId, next: JobState) {
        let Some(entry) = self.jobs.get_mut(&id) else {
            return;
        };
        (entry.due, entry.had, entry.live) = (None, None, None);
        let entered = entry.job.enter(next);
        debug_assert!(entered.is_ok(), "{entered:?}");
        let now = self.clock.wall();
        if let Err(error) = self.ledger.keep(&entry.folder, &entry.job, now) {
            self.note_unwritten(id, &error);
        }
    }
}
