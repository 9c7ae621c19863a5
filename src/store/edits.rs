//! Options that were changed while a job ran, each with the iteration it belongs to.
//!
//! An edit is recorded before it is applied, so that a job which is killed between, or run again,
//! meets the same options at the same iterations.

use rusqlite::params;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::job::JobId;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::columns::seconds;
use crate::store::columns::timestamp;

/// The number of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditId(pub i64);

/// A change of an option that is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEdit {
    /// The stage, from 1.
    pub stage: u32,
    /// The iteration within the stage before which the option changes.
    pub iteration: u32,
    /// The option, as a profile spells it.
    pub option: String,
    /// Its new value.
    pub value: Value,
}

/// A change of an option.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Its number.
    pub id: EditId,
    /// What changes, and when.
    pub edit: NewEdit,
    /// When it was asked for.
    pub created: Timestamp,
    /// When a worker was first known to have applied it.
    pub applied: Option<Timestamp>,
}

impl Change<'_> {
    /// Records a change of an option that is not yet applied.
    pub fn add_edit(
        &self,
        id: JobId,
        edit: &NewEdit,
        now: Timestamp,
    ) -> Result<EditId, StoreError> {
        let sql = "INSERT INTO edits (job, stage, iteration, option, value, created) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
        let values = params![
            id.0,
            edit.stage,
            edit.iteration,
            edit.option,
            edit.value.to_string(),
            seconds(now),
        ];
        self.connection
            .query_row(sql, values, |row| row.get(0).map(EditId))
            .map_err(self.failed_for(id, "record an edit"))
    }

    /// Records that a worker applied an edit.
    pub fn mark_applied(&self, edit: EditId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE edits SET applied = ?2 WHERE id = ?1 AND applied IS NULL";
        let n_changed = self
            .connection
            .execute(sql, params![edit.0, seconds(now)])
            .map_err(self.failed("record that an edit was applied"))?;
        if n_changed == 0 {
            return Err(StoreError::NoEdit { id: edit.0 });
        }
        Ok(())
    }
}

impl Reader {
    /// Returns a job's edits in the order in which they were asked for.
    pub fn edits(&self, id: JobId) -> Result<Vec<Edit>, StoreError> {
        let sql = "SELECT id, stage, iteration, option, value, created, applied FROM edits \
                   WHERE job = ?1 ORDER BY id";
        let rows: Vec<(Edit, String)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([id.0], |row| {
                    let edit = Edit {
                        id: EditId(row.get(0)?),
                        edit: NewEdit {
                            stage: row.get(1)?,
                            iteration: row.get(2)?,
                            option: row.get(3)?,
                            value: Value::Null,
                        },
                        created: timestamp(row.get(5)?),
                        applied: row.get::<_, Option<i64>>(6)?.map(timestamp),
                    };
                    Ok((edit, row.get(4)?))
                })?;
                rows.collect()
            })
            .map_err(self.failed("read the edits of a job"))?;
        let what = "edit";
        let read =
            |(mut edit, text): (Edit, String)| {
                edit.edit.value = serde_json::from_str(&text)
                    .map_err(|source| StoreError::Json { what, id, source })?;
                Ok(edit)
            };
        rows.into_iter().map(read).collect()
    }
}
