//! How the floor begins: with what an earlier run left.

use std::collections::BTreeSet;

use crate::daemon::Fatal;
use crate::daemon::Report;
use crate::daemon::floor::Entry;
use crate::daemon::floor::Floor;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::ingest::Leftover;
use crate::ingest::recover;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Lack;
use crate::job::names::display_path;

impl Floor<'_> {
    /// Begins: queues the jobs that an earlier run left, and puts away those that were only not put
    /// away.
    pub(in crate::daemon) fn open(&mut self) -> Result<(), Fatal> {
        // Should nobody be listening, the next report tells.
        for watch in self.studio.watches() {
            (self.tell)(Report::Watching(watch));
        }
        let mut there = BTreeSet::new();
        for leftover in recover(self.studio)? {
            match leftover {
                Leftover::Job(folder, job) => {
                    there.insert(job.id);
                    self.pick_up(folder, job);
                }
                Leftover::Stuck(folder, error) => {
                    // Its row stands: it is tried again at the next start.
                    there.extend(folder.read().map(|job| job.id));
                    let path = display_path(folder.path());
                    self.incident(
                        &format!("{path}: its pictures are not all there yet"),
                        &error,
                    );
                }
                Leftover::Damaged(folder, error) => self.set_aside(&folder, &error),
            }
        }
        for job in self.ledger.missing(&there) {
            let folder = JobFolder::at(self.studio.active.join(format!("{}-{}", job.id, job.name)));
            self.removed(&folder, job);
        }
        Ok(())
    }

    /// Takes in a job that an earlier run left.
    fn pick_up(&mut self, folder: JobFolder, mut job: Job) {
        let now = self.clock.wall();
        match &job.state {
            JobState::Done { .. } | JobState::Failed { .. } | JobState::Cancelled { .. } => {
                self.put_away(folder, job);
                return;
            }
            // The daemon ended under it, which is no attempt.
            JobState::Running { .. } => {
                let entered = job.interrupt_attempt(now);
                debug_assert!(entered.is_ok(), "{entered:?}");
            }
            JobState::Retrying { .. } => {
                // Neither a stop nor a reboot is a reason to wait.
                let entered = job.enter(JobState::Queued);
                debug_assert!(entered.is_ok(), "{entered:?}");
            }
            JobState::Claiming { .. }
            | JobState::Queued
            | JobState::Blocked { .. }
            | JobState::Paused { .. } => {}
        }
        match &job.state {
            JobState::Cancelled { reason, .. } => {
                let reason = reason.clone();
                self.end_cancelled(folder, job, &reason);
                return;
            }
            JobState::Blocked { obstacle, .. } => {
                if obstacle.lack == Lack::Network && (self.hindrance)(&folder).is_some() {
                    (self.tell)(Report::Blocked(&job, obstacle));
                } else {
                    // Whether a shortage is over shows when it is tried.
                    let entered = job.enter(JobState::Queued);
                    debug_assert!(entered.is_ok(), "{entered:?}");
                    (self.tell)(Report::Unblocked(&job));
                }
            }
            JobState::Paused { .. } => {
                (self.tell)(Report::Paused(&job));
            }
            JobState::Claiming { .. }
            | JobState::Queued
            | JobState::Running { .. }
            | JobState::Retrying { .. }
            | JobState::Done { .. }
            | JobState::Failed { .. } => {
                (self.tell)(Report::PickedUp(&job));
            }
        }
        // The record is as it was until an attempt is claimed; the row says how things stand.
        self.ledger.put(&folder, &job, now);
        self.jobs.insert(job.id, Entry::new(folder, job));
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
}
