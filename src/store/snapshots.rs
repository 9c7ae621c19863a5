//! Snapshots: the pictures that a job wrote on its way, as far as they still exist.
//!
//! Only what is known of the files; writing and removing them is up to the caller.

use std::path::Path;
use std::path::PathBuf;

use rusqlite::params;

use crate::clock::Timestamp;
use crate::job::JobId;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::columns;
use crate::store::columns::seconds;
use crate::store::columns::timestamp;
use crate::store::columns::whole;

/// A picture written on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its path below the job's folder.
    pub path: PathBuf,
    /// The stage, from 1.
    pub stage: u32,
    /// The iteration within the stage.
    pub iteration: u32,
    /// Its size.
    pub bytes: u64,
    /// Whether a person wants to keep it.
    pub starred: bool,
    /// When it was written.
    pub created: Timestamp,
}

impl Change<'_> {
    /// Records a snapshot. One of the same path is replaced, its star kept.
    pub fn add_snapshot(&self, id: JobId, snapshot: &Snapshot) -> Result<(), StoreError> {
        let sql = "INSERT INTO snapshots (job, path, stage, iteration, bytes, starred, created) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                   ON CONFLICT (job, path) DO UPDATE SET stage = excluded.stage, \
                   iteration = excluded.iteration, bytes = excluded.bytes, \
                   starred = max(starred, excluded.starred), created = excluded.created";
        let values = params![
            id.0,
            columns::bytes(snapshot.path.as_os_str()),
            snapshot.stage,
            snapshot.iteration,
            whole(snapshot.bytes),
            snapshot.starred,
            seconds(snapshot.created),
        ];
        self.connection
            .execute(sql, values)
            .map_err(self.failed_for(id, "record a snapshot"))?;
        Ok(())
    }

    /// Marks a snapshot as one to keep, or no longer.
    pub fn star_snapshot(&self, id: JobId, path: &Path, starred: bool) -> Result<(), StoreError> {
        let sql = "UPDATE snapshots SET starred = ?3 WHERE job = ?1 AND path = ?2";
        let values = params![id.0, columns::bytes(path.as_os_str()), starred];
        let n_changed = self
            .connection
            .execute(sql, values)
            .map_err(self.failed("star a snapshot"))?;
        found(id, path, n_changed)
    }

    /// Forgets a snapshot whose file is gone.
    pub fn forget_snapshot(&self, id: JobId, path: &Path) -> Result<(), StoreError> {
        let sql = "DELETE FROM snapshots WHERE job = ?1 AND path = ?2";
        let n_removed = self
            .connection
            .execute(sql, params![id.0, columns::bytes(path.as_os_str())])
            .map_err(self.failed("forget a snapshot"))?;
        found(id, path, n_removed)
    }
}

impl Reader {
    /// Returns a job's snapshots, from the first iteration on.
    pub fn snapshots(&self, id: JobId) -> Result<Vec<Snapshot>, StoreError> {
        let sql = "SELECT path, stage, iteration, bytes, starred, created FROM snapshots \
                   WHERE job = ?1 ORDER BY stage, iteration, path";
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([id.0], |row| {
                    Ok(Snapshot {
                        path: PathBuf::from(columns::name(row.get(0)?)),
                        stage: row.get(1)?,
                        iteration: row.get(2)?,
                        bytes: columns::count(row.get(3)?),
                        starred: row.get(4)?,
                        created: timestamp(row.get(5)?),
                    })
                })?;
                rows.collect()
            })
            .map_err(self.failed("read the snapshots of a job"))
    }

    /// Returns how many bytes all snapshots take, of all jobs.
    pub fn snapshot_bytes(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT coalesce(sum(bytes), 0) FROM snapshots", (), |row| {
                row.get(0)
            })
            .map(columns::count)
            .map_err(self.failed("add up the snapshots"))
    }
}

fn found(id: JobId, path: &Path, n_changed: usize) -> Result<(), StoreError> {
    if n_changed == 0 {
        let path = path.to_owned();
        return Err(StoreError::NoSnapshot { id, path });
    }
    Ok(())
}
