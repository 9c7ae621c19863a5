//! A job's course: its attempts, what they brought, and what the user wishes.
//!
//! An attempt is on record before its worker starts. What ended with the daemon, by a stop or by a
//! reboot counts for nothing: [`Course::tries`] holds only attempts in a row that failed without a
//! newer checkpoint, and the running one.

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::job::Failure;
use crate::job::IllegalStep;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Next;
use crate::job::names::PathText;
use crate::job::retry;
use crate::job::retry::Backoff;

/// How many attempts a record keeps; of more, the last ones.
const ATTEMPTS_KEPT: usize = 50;

/// What was tried so far, and what the user wishes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Course {
    /// The attempts, the last fifty of them.
    pub attempts: Vec<Attempt>,
    /// Attempts in a row that brought no newer checkpoint, the running one counted.
    pub tries: u32,
    /// How far the newest checkpoint is.
    pub checkpoint: Option<Mark>,
    /// The place in the queue, lowest first, if it is not that of the job's number.
    pub rank: Option<i64>,
    /// What is to become of a running job once its worker has stopped.
    pub wish: Option<Wish>,
    /// Snapshots that the user marked, as paths below the job's folder.
    pub starred: Vec<PathText>,
    /// Edits that no worker has answered yet.
    pub edits: Vec<PendingEdit>,
    /// The number of the last edit; never used for another one.
    pub last_edit: u64,
    /// The job that this one is a rerun of.
    pub rerun_of: Option<u32>,
}

/// A change of an option that the next worker is to make; answered from its own record should it
/// be told twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingEdit {
    /// Its number within the job.
    pub id: u64,
    /// The option.
    pub option: String,
    /// Its new value.
    pub value: f64,
    /// The stage whose option it is, from 1; absent for the stage at hand.
    #[serde(default)]
    pub stage: Option<u32>,
}

/// A point in a painting; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The stage, from 1.
    pub stage: u32,
    /// The last iteration within the stage that is in it.
    pub iteration: u32,
}

/// What is to become of a running job once its worker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// It shall wait until it is told to go on.
    Pause,
    /// It shall end.
    Cancel,
}

/// One attempt to paint a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which it is, from 1.
    pub number: u32,
    /// When it was claimed.
    pub started: Timestamp,
    /// How far the newest checkpoint was then.
    #[serde(default)]
    pub from: Option<Mark>,
    /// When it was over.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// How it ended.
    #[serde(flatten)]
    pub end: AttemptEnd,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "lowercase")]
pub enum AttemptEnd {
    /// Not yet.
    Open,
    /// With the picture.
    Finished,
    /// It was stopped, or the daemon ended under it.
    Interrupted,
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
    },
}

impl Job {
    /// Claims an attempt: the job runs from now on. To be on disk before a worker starts.
    pub fn claim_attempt(&mut self, now: Timestamp) -> Result<(), IllegalStep> {
        self.enter(JobState::Running { started: now })?;
        let course = &mut self.course;
        let number = course.attempts.last().map_or(0, |last| last.number) + 1;
        course.tries += 1;
        course.attempts.push(Attempt {
            number,
            started: now,
            from: course.checkpoint,
            ended: None,
            end: AttemptEnd::Open,
        });
        let n_over = course.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        course.attempts.drain(..n_over);
        Ok(())
    }

    /// Notes a checkpoint of the running attempt.
    pub fn note_checkpoint(&mut self, mark: Mark) {
        self.course.checkpoint = self.course.checkpoint.max(Some(mark));
    }

    /// Ends the running attempt with the picture.
    pub fn finish_attempt(&mut self, now: Timestamp) {
        self.course.tries = 0;
        self.course.end(now, AttemptEnd::Finished);
    }

    /// Ends the running attempt by a stop, which does not count, and enters what was wished.
    pub fn interrupt_attempt(&mut self, now: Timestamp) -> Result<(), IllegalStep> {
        let course = &mut self.course;
        course.tries = if course.is_newer() {
            0
        } else {
            course.tries.saturating_sub(1)
        };
        course.end(now, AttemptEnd::Interrupted);
        let next = self.take_wish(now).unwrap_or(JobState::Queued);
        self.enter(next)
    }

    /// Takes the user's wish for a running job off and returns the state that it means.
    pub fn take_wish(&mut self, now: Timestamp) -> Option<JobState> {
        Some(match self.course.wish.take()? {
            Wish::Pause => JobState::Paused { since: now },
            Wish::Cancel => JobState::Cancelled {
                finished: now,
                reason: "it was cancelled while it ran".to_owned(),
            },
        })
    }

    /// Ends the running attempt by a failure and returns what follows. The state is left to the
    /// caller.
    pub fn fail_attempt(&mut self, failure: &Failure, now: Timestamp, backoff: Backoff) -> Next {
        let course = &mut self.course;
        if course.is_newer() {
            course.tries = 0;
        }
        let next = retry::next(failure.kind, course.tries, backoff);
        if let Next::Wait(_) = next {
            // A shortage is no fault of the job.
            course.tries = course.tries.saturating_sub(1);
        }
        let failure = failure.clone();
        course.end(now, AttemptEnd::Failed { failure });
        next
    }

    /// Forgets earlier failures, so that the job has all its tries again.
    pub fn forgive(&mut self) {
        self.course.tries = 0;
        self.course.wish = None;
    }

    /// Returns the key by which the queue is ordered, lowest first.
    pub fn rank(&self) -> (i64, u32) {
        let usual = i64::from(self.id.0) << 20;
        (self.course.rank.unwrap_or(usual), self.id.0)
    }
}

impl Course {
    /// Returns true if the running attempt brought a checkpoint that was not there before.
    fn is_newer(&self) -> bool {
        let from = self.attempts.last().and_then(|attempt| attempt.from);
        self.checkpoint > from
    }

    fn end(&mut self, now: Timestamp, end: AttemptEnd) {
        if let Some(last) = self.attempts.last_mut()
            && last.end == AttemptEnd::Open
        {
            last.ended = Some(now);
            last.end = end;
        }
    }
}
