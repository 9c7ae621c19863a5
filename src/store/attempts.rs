//! Attempts at jobs: one row each time a worker is started, counted at the start.
//!
//! A worker that dies without a word has its attempt nevertheless, so that no job is tried for ever.
//! A job has at most one attempt that goes on. How many attempts are too many is not decided here.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::params;

use crate::clock::Timestamp;
use crate::job::Failure;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::columns::seconds;
use crate::store::columns::timestamp;

/// One attempt at a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// From 1, by job.
    pub number: u32,
    /// When it began.
    pub started: Timestamp,
    /// What was computed on, once that is known.
    pub device: Option<String>,
    /// The last checkpoint that it wrote.
    pub checkpoint: Option<Checkpoint>,
    /// When and how it ended; absent while it goes on.
    pub end: Option<(Timestamp, AttemptOutcome)>,
}

/// How far a checkpoint reaches; later ones compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Checkpoint {
    /// The stage, from 1.
    pub stage: u32,
    /// The iteration within the stage.
    pub iteration: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// With the result.
    Done,
    /// By a fault.
    Failed(Failure),
    /// It was told to stop.
    Stopped,
    /// Its daemon ended under it.
    Interrupted,
}

impl AttemptOutcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Change<'_> {
    /// Records a job that is running from now on, and that an attempt at it begins; returns the
    /// attempt's number.
    pub fn begin_attempt(&self, job: &Job, now: Timestamp) -> Result<u32, StoreError> {
        if !matches!(job.state, JobState::Running { .. }) {
            return Err(StoreError::NotRunning {
                id: job.id,
                state: job.state.name(),
            });
        }
        self.update_job(job, now)?;
        let sql = "INSERT INTO attempts (job, number, started) \
                   SELECT ?1, 1 + coalesce(max(number), 0), ?2 FROM attempts WHERE job = ?1 \
                   RETURNING number";
        self.connection
            .query_row(sql, params![job.id.0, seconds(now)], |row| row.get(0))
            .map_err(self.failed("record the beginning of an attempt"))
    }

    /// Records what an attempt that goes on computes on.
    pub fn set_device(&self, id: JobId, number: u32, device: &str) -> Result<(), StoreError> {
        let sql = "UPDATE attempts SET device = ?3 \
                   WHERE job = ?1 AND number = ?2 AND ended IS NULL";
        let n_changed = self
            .connection
            .execute(sql, params![id.0, number, device])
            .map_err(self.failed("record the device of an attempt"))?;
        going_on(id, number, n_changed)
    }

    /// Records that an attempt that goes on wrote a checkpoint.
    pub fn set_checkpoint(
        &self,
        id: JobId,
        number: u32,
        checkpoint: Checkpoint,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE attempts SET checkpoint_stage = ?3, checkpoint_iteration = ?4 \
                   WHERE job = ?1 AND number = ?2 AND ended IS NULL";
        let Checkpoint { stage, iteration } = checkpoint;
        let n_changed = self
            .connection
            .execute(sql, params![id.0, number, stage, iteration])
            .map_err(self.failed("record the checkpoint of an attempt"))?;
        going_on(id, number, n_changed)
    }

    /// Records that an attempt ended, and how; the job's own new state goes with
    /// [`Change::update_job`] in the same transaction.
    pub fn end_attempt(
        &self,
        id: JobId,
        number: u32,
        outcome: &AttemptOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let failure = match outcome {
            AttemptOutcome::Failed(failure) => {
                let what = "failure";
                let text = serde_json::to_string(failure).map_err(|source| StoreError::Json {
                    what,
                    id,
                    source,
                })?;
                Some(text)
            }
            AttemptOutcome::Done | AttemptOutcome::Stopped | AttemptOutcome::Interrupted => None,
        };
        let sql = "UPDATE attempts SET ended = ?3, outcome = ?4, failure = ?5 \
                   WHERE job = ?1 AND number = ?2 AND ended IS NULL";
        let values = params![id.0, number, seconds(now), outcome.name(), failure];
        let n_changed = self
            .connection
            .execute(sql, values)
            .map_err(self.failed("record the end of an attempt"))?;
        going_on(id, number, n_changed)
    }

    /// Ends the attempts that an earlier daemon left open, as interrupted; returns them.
    pub fn interrupt_attempts(&self, now: Timestamp) -> Result<Vec<(JobId, u32)>, StoreError> {
        let sql = "UPDATE attempts SET ended = ?1, outcome = 'interrupted' WHERE ended IS NULL \
                   RETURNING job, number";
        let mut open: Vec<(JobId, u32)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement
                    .query_map([seconds(now)], |row| Ok((JobId(row.get(0)?), row.get(1)?)))?;
                rows.collect()
            })
            .map_err(self.failed("end the attempts that were left open"))?;
        open.sort_unstable();
        Ok(open)
    }
}

impl Reader {
    /// Returns the attempts at a job, oldest first.
    pub fn attempts(&self, id: JobId) -> Result<Vec<Attempt>, StoreError> {
        let sql = "SELECT number, started, device, checkpoint_stage, checkpoint_iteration, \
                   ended, outcome, failure FROM attempts WHERE job = ?1 ORDER BY number";
        let rows: Vec<Stored> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map([id.0], stored)?.collect())
            .map_err(self.failed("read the attempts at a job"))?;
        rows.into_iter().map(|stored| stored.read(id)).collect()
    }

    /// Returns the number of the attempt at a job that goes on, if there is one.
    pub fn open_attempt(&self, id: JobId) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT number FROM attempts WHERE job = ?1 AND ended IS NULL";
        self.connection
            .query_row(sql, [id.0], |row| row.get(0))
            .optional()
            .map_err(self.failed("read the attempts at a job"))
    }
}

/// An attempt whose failure is still text.
struct Stored {
    attempt: Attempt,
    failure: Option<String>,
}

impl Stored {
    fn read(self, id: JobId) -> Result<Attempt, StoreError> {
        let Self {
            mut attempt,
            failure,
        } = self;
        if let (Some((_, outcome)), Some(text)) = (&mut attempt.end, failure) {
            let what = "failure";
            let failure = serde_json::from_str(&text).map_err(|source| StoreError::Json {
                what,
                id,
                source,
            })?;
            *outcome = AttemptOutcome::Failed(failure);
        }
        Ok(attempt)
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let checkpoint = match (row.get(3)?, row.get(4)?) {
        (Some(stage), Some(iteration)) => Some(Checkpoint { stage, iteration }),
        _ => None,
    };
    let outcome: Option<String> = row.get(6)?;
    let end = match (row.get::<_, Option<i64>>(5)?, outcome.as_deref()) {
        (Some(ended), Some("done")) => Some((timestamp(ended), AttemptOutcome::Done)),
        (Some(ended), Some("stopped")) => Some((timestamp(ended), AttemptOutcome::Stopped)),
        // That of a failed attempt is put in by `Stored::read`.
        (Some(ended), _) => Some((timestamp(ended), AttemptOutcome::Interrupted)),
        (None, _) => None,
    };
    Ok(Stored {
        attempt: Attempt {
            number: row.get(0)?,
            started: timestamp(row.get(1)?),
            device: row.get(2)?,
            checkpoint,
            end,
        },
        failure: row.get(7)?,
    })
}

fn going_on(id: JobId, number: u32, n_changed: usize) -> Result<(), StoreError> {
    if n_changed == 0 {
        return Err(StoreError::NoAttempt { id, number });
    }
    Ok(())
}
