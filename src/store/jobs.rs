//! Jobs and the states they went through.
//!
//! A row holds the whole record beside what is searched by. Whether a job may go from one state to
//! another is decided by [`Job::enter`] alone; here it is asked with what is stored, so that the
//! history stays legal whoever writes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ffi::OsString;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::params;

use crate::clock::Timestamp;
use crate::job::Job;
use crate::job::JobId;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::columns;
use crate::store::columns::seconds;
use crate::store::columns::timestamp;

/// The states that a job can have, by name.
pub const STATES: [&str; 9] = [
    "claiming",
    "queued",
    "blocked",
    "running",
    "paused",
    "retrying",
    "done",
    "failed",
    "cancelled",
];

/// The states in which a job can enter the store.
const BEGINNINGS: [&str; 2] = ["claiming", "queued"];

/// The studio's folder that a job's folder lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shelf {
    /// `active/`.
    Active,
    /// `done/`.
    Done,
    /// `failed/`.
    Failed,
}

impl Shelf {
    /// Returns the folder's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "done" => Self::Done,
            "failed" => Self::Failed,
            // The schema admits no fourth.
            _ => Self::Active,
        }
    }
}

/// Where a job's folder lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where its folder lies in the studio.
    pub shelf: Shelf,
    /// The folder's name there, such as `0042-harbour`.
    pub folder: OsString,
}

/// What the store holds of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    /// The record, as in the folder's `job.json`.
    pub job: Job,
    /// Where the folder lies.
    pub place: Place,
    /// When the job entered its state.
    pub changed: Timestamp,
    /// Jobs of a higher priority run first; 0 unless set.
    pub priority: i32,
    /// What the job was made from, see [`crate::store::fingerprint()`].
    pub fingerprint: Option<String>,
}

/// One change of a job's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it was recorded.
    pub time: Timestamp,
    /// The state before, absent where the store knew none.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// How the store came to know.
    pub cause: Cause,
}

/// How the store came to know of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The job made this step.
    Step,
    /// It was found in the job's folder after rows had been lost.
    Rederived,
}

/// What [`Change::rederive`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rederived {
    /// How many jobs the store had not known.
    pub n_added: usize,
    /// How many it had known otherwise.
    pub n_changed: usize,
    /// Folders left aside, since another one claims to be the same job.
    pub doubled: Vec<(JobId, Place)>,
}

impl Change<'_> {
    /// Records a job as it is now and where it lies.
    ///
    /// A new job begins claiming or queued; a known one goes where [`Job::enter`] lets it, or stays
    /// in its state.
    pub fn put_job(&self, job: &Job, place: &Place, now: Timestamp) -> Result<(), StoreError> {
        match self.before(job)? {
            None if BEGINNINGS.contains(&job.state.name()) => {
                self.insert(job, place, now)?;
                self.note(job.id, None, job.state.name(), Cause::Step, now)
            }
            None => Err(StoreError::Beginning {
                id: job.id,
                state: job.state.name(),
            }),
            Some(before) => {
                self.step(before, job, now)?;
                self.set_place(job.id, place)
            }
        }
    }

    /// Records a known job as it is now, where it lies being unchanged.
    pub fn update_job(&self, job: &Job, now: Timestamp) -> Result<(), StoreError> {
        let before = self.before(job)?.ok_or(StoreError::NoJob { id: job.id })?;
        self.step(before, job, now)
    }

    /// Records where a job's folder lies.
    pub fn set_place(&self, id: JobId, place: &Place) -> Result<(), StoreError> {
        let n_changed = self
            .connection
            .prepare_cached("UPDATE jobs SET shelf = ?2, folder = ?3 WHERE id = ?1")
            .and_then(|mut statement| {
                let folder = columns::bytes(&place.folder);
                statement.execute(params![id.0, place.shelf.name(), folder])
            })
            .map_err(self.failed("record where a job lies"))?;
        known(id, n_changed)
    }

    /// Sets the priority of a job: higher runs first.
    pub fn set_priority(&self, id: JobId, priority: i32) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET priority = ?2 WHERE id = ?1";
        let n_changed = self
            .connection
            .execute(sql, params![id.0, priority])
            .map_err(self.failed("set the priority of a job"))?;
        known(id, n_changed)
    }

    /// Puts an active job before all others of its priority.
    pub fn move_to_front(&self, id: JobId) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET position = \
                   (SELECT min(position) - 1 FROM jobs WHERE shelf = 'active') \
                   WHERE id = ?1 AND shelf = 'active'";
        let n_changed = self
            .connection
            .execute(sql, [id.0])
            .map_err(self.failed("move a job to the front"))?;
        known(id, n_changed)
    }

    /// Records what a job was made from, see [`crate::store::fingerprint()`].
    pub fn set_fingerprint(&self, id: JobId, fingerprint: &str) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET fingerprint = ?2 WHERE id = ?1";
        let n_changed = self
            .connection
            .execute(sql, params![id.0, fingerprint])
            .map_err(self.failed("record what a job was made from"))?;
        known(id, n_changed)
    }

    /// Forgets a job with all that belongs to it, events excepted.
    pub fn forget_job(&self, id: JobId) -> Result<(), StoreError> {
        let n_removed = self
            .connection
            .execute("DELETE FROM jobs WHERE id = ?1", [id.0])
            .map_err(self.failed("forget a job"))?;
        known(id, n_removed)
    }

    /// Makes rows agree with the records that the caller read in job folders, which are the truth.
    ///
    /// Steps that the store missed go into the history as found, not as made. Where two folders
    /// hold one job, the one that the store knew wins, else the first; so folders that may be
    /// copies of each other belong into one call.
    pub fn rederive(
        &self,
        found: &[(Place, Job)],
        now: Timestamp,
    ) -> Result<Rederived, StoreError> {
        let mut rederived = Rederived::default();
        let mut seen = BTreeMap::new();
        for (at, (place, job)) in found.iter().enumerate() {
            let known_place = self.place(job.id)?;
            let best = seen.entry(job.id).or_insert(at);
            if *best != at && known_place.as_ref() == Some(place) {
                *best = at;
            }
        }
        for (at, (place, job)) in found.iter().enumerate() {
            if seen.get(&job.id) != Some(&at) {
                rederived.doubled.push((job.id, place.clone()));
                continue;
            }
            match self.found(place, job, now)? {
                Found::New => rederived.n_added += 1,
                Found::Other => rederived.n_changed += 1,
                Found::Same => {}
            }
        }
        Ok(rederived)
    }

    fn found(&self, place: &Place, job: &Job, now: Timestamp) -> Result<Found, StoreError> {
        let state = job.state.name();
        let before = match self.before(job) {
            // The folder's record makes up for one here that cannot be understood.
            Err(StoreError::Json { .. }) => Some(None),
            before => before?.map(Some),
        };
        let Some(before) = before else {
            self.insert(job, place, now)?;
            self.note(job.id, None, state, Cause::Rederived, now)?;
            return Ok(Found::New);
        };
        if before.as_ref() == Some(job) && self.place(job.id)?.as_ref() == Some(place) {
            return Ok(Found::Same);
        }
        let from = last_state(self.connection, job.id)
            .map_err(self.failed("read the history of a job"))?;
        if from.as_deref() != Some(state) {
            self.note(job.id, from.as_deref(), state, Cause::Rederived, now)?;
        }
        self.update(job, from.as_deref() != Some(state), now)?;
        self.set_place(job.id, place)?;
        Ok(Found::Other)
    }

    fn step(&self, mut before: Job, job: &Job, now: Timestamp) -> Result<(), StoreError> {
        let (from, to) = (before.state.name(), job.state.name());
        if from != to {
            before.enter(job.state.clone())?;
            self.note(job.id, Some(from), to, Cause::Step, now)?;
        }
        self.update(job, from != to, now)
    }

    fn insert(&self, job: &Job, place: &Place, now: Timestamp) -> Result<(), StoreError> {
        let record = written(job)?;
        let sql = "INSERT INTO jobs \
                   (id, name, created, changed, state, shelf, folder, position, record) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1, ?8)";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![
                    job.id.0,
                    job.name,
                    seconds(job.created),
                    seconds(now),
                    job.state.name(),
                    place.shelf.name(),
                    columns::bytes(&place.folder),
                    record,
                ])
            })
            .map_err(self.failed("record a job"))?;
        Ok(())
    }

    fn update(&self, job: &Job, is_step: bool, now: Timestamp) -> Result<(), StoreError> {
        let record = written(job)?;
        let sql = "UPDATE jobs SET name = ?2, created = ?3, state = ?4, record = ?5, \
                   changed = iif(?6, ?7, changed) WHERE id = ?1";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![
                    job.id.0,
                    job.name,
                    seconds(job.created),
                    job.state.name(),
                    record,
                    is_step,
                    seconds(now),
                ])
            })
            .map_err(self.failed("record a job"))?;
        Ok(())
    }

    fn note(
        &self,
        id: JobId,
        from: Option<&str>,
        to: &str,
        cause: Cause,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let cause = match cause {
            Cause::Step => "step",
            Cause::Rederived => "rederived",
        };
        let sql = "INSERT INTO history (job, time, from_state, to_state, cause) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.execute(params![id.0, seconds(now), from, to, cause])
            })
            .map_err(self.failed("record a job's step"))?;
        Ok(())
    }

    fn before(&self, job: &Job) -> Result<Option<Job>, StoreError> {
        let record: Option<String> = self
            .connection
            .prepare_cached("SELECT record FROM jobs WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([job.id.0], |row| row.get(0)).optional())
            .map_err(self.failed("read a job"))?;
        record.map(|record| read(job.id, &record)).transpose()
    }

    fn place(&self, id: JobId) -> Result<Option<Place>, StoreError> {
        self.connection
            .prepare_cached("SELECT shelf, folder FROM jobs WHERE id = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row([id.0], |row| place_of(row, 0))
                    .optional()
            })
            .map_err(self.failed("read where a job lies"))
    }
}

enum Found {
    New,
    Other,
    Same,
}

impl Reader {
    /// Returns what the store holds of a job.
    pub fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let sql = "SELECT record, shelf, folder, changed, priority, fingerprint \
                   FROM jobs WHERE id = ?1";
        let row = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_row([id.0], |row| {
                        Ok((
                            row.get::<_, String>(0)?,
                            place_of(row, 1)?,
                            row.get(3)?,
                            row.get(4)?,
                            row.get(5)?,
                        ))
                    })
                    .optional()
            })
            .map_err(self.failed("read a job"))?;
        let Some((record, place, changed, priority, fingerprint)) = row else {
            return Ok(None);
        };
        Ok(Some(JobRow {
            job: read(id, &record)?,
            place,
            changed: timestamp(changed),
            priority,
            fingerprint,
        }))
    }

    /// Returns the states that a job went through, oldest first.
    pub fn history(&self, id: JobId) -> Result<Vec<Step>, StoreError> {
        let sql = "SELECT time, from_state, to_state, cause FROM history \
                   WHERE job = ?1 ORDER BY seq";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([id.0], |row| {
                    let cause: String = row.get(3)?;
                    Ok(Step {
                        time: timestamp(row.get(0)?),
                        from: row.get(1)?,
                        to: row.get(2)?,
                        cause: match cause.as_str() {
                            "rederived" => Cause::Rederived,
                            _ => Cause::Step,
                        },
                    })
                })?;
                rows.collect()
            })
            .map_err(self.failed("read the history of a job"))
    }

    /// Returns the jobs made from the same pictures and profile, oldest first.
    pub fn with_fingerprint(&self, fingerprint: &str) -> Result<Vec<JobId>, StoreError> {
        self.connection
            .prepare_cached("SELECT id FROM jobs WHERE fingerprint = ?1 ORDER BY id")
            .and_then(|mut statement| {
                let rows = statement.query_map([fingerprint], |row| row.get(0).map(JobId))?;
                rows.collect()
            })
            .map_err(self.failed("search for a job"))
    }
}

fn place_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        shelf: Shelf::of(row.get_ref(at)?.as_str()?),
        folder: columns::name(row.get(at + 1)?),
    })
}

fn last_state(connection: &Connection, id: JobId) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT to_state FROM history WHERE job = ?1 ORDER BY seq DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([id.0], |row| row.get(0)).optional()
}

fn written(job: &Job) -> Result<String, StoreError> {
    let (what, id) = ("record", job.id);
    serde_json::to_string(job).map_err(|source| StoreError::Json { what, id, source })
}

fn read(id: JobId, record: &str) -> Result<Job, StoreError> {
    let what = "record";
    serde_json::from_str(record).map_err(|source| StoreError::Json { what, id, source })
}

/// Turns "no row was changed" into an error.
pub(super) fn known(id: JobId, n_changed: usize) -> Result<(), StoreError> {
    if n_changed == 0 {
        return Err(StoreError::NoJob { id });
    }
    Ok(())
}

impl Place {
    /// Returns the place of the folder named `folder` in a studio's folder.
    pub fn new(shelf: Shelf, folder: impl AsRef<OsStr>) -> Self {
        Self {
            shelf,
            folder: folder.as_ref().to_owned(),
        }
    }
}
