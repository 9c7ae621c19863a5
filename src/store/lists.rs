//! Lists of jobs: a page of those that fit a filter, the line of those that wait, counts by state.
//!
//! Built for tens of thousands of finished jobs: each state is walked through its index, from the
//! newest job on, and a record is read only for a job that is shown.

use std::collections::BTreeMap;
use std::ffi::OsString;

use rusqlite::params;

use crate::job::JobId;
use crate::store::JobRow;
use crate::store::Reader;
use crate::store::STATES;
use crate::store::Shelf;
use crate::store::StoreError;
use crate::store::columns;

/// Which jobs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Names of states; none means any.
    pub states: Vec<String>,
    /// A part of the name, the case of ASCII letters ignored, or a job's number; empty means any.
    pub text: String,
}

/// Which part of a list to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Only jobs with a lower number than this: the last one of the page before.
    pub before: Option<JobId>,
    /// At most this many.
    pub limit: u32,
}

/// A page of a list, newest job first.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The jobs.
    pub rows: Vec<JobRow>,
    /// Where the next page begins: its [`Page::before`]; absent on the last page.
    pub next: Option<JobId>,
}

impl Reader {
    /// Returns a page of the jobs that `filter` lets through, newest first.
    pub fn list(&self, filter: &Filter, page: Page) -> Result<Listing, StoreError> {
        let states: Vec<&str> = match filter.states.as_slice() {
            [] => STATES.to_vec(),
            names => names
                .iter()
                .map(|name| known_state(name))
                .collect::<Result<_, _>>()?,
        };
        let mut ids = Vec::new();
        for state in states {
            let of_state = self.of_state(state, &filter.text, page);
            ids.extend(of_state.map_err(self.failed("list jobs"))?);
        }
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids.dedup();
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let is_last = ids.len() <= limit;
        ids.truncate(limit);
        let next = ids.last().copied().filter(|_| !is_last);
        Ok(Listing {
            rows: self.rows(&ids)?,
            next,
        })
    }

    /// Returns the first `limit` jobs in `state` in the order in which they are to run: by
    /// priority, then as they were moved, then by number.
    pub fn line(&self, state: &str, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        let state = known_state(state)?;
        let sql = "SELECT id FROM jobs WHERE shelf = 'active' AND state = ?1 \
                   ORDER BY priority DESC, position, id LIMIT ?2";
        let ids: Vec<JobId> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows =
                    statement.query_map(params![state, limit], |row| row.get(0).map(JobId))?;
                rows.collect()
            })
            .map_err(self.failed("list the jobs that wait"))?;
        self.rows(&ids)
    }

    /// Returns how many jobs there are in each state; states without a job are left out.
    pub fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.connection
            .prepare_cached("SELECT state, count(*) FROM jobs GROUP BY state")
            .and_then(|mut statement| {
                let rows = statement
                    .query_map((), |row| Ok((row.get(0)?, columns::count(row.get(1)?))))?;
                rows.collect()
            })
            .map_err(self.failed("count the jobs"))
    }

    /// Returns the folders that jobs are recorded with on a shelf, by name: what the caller
    /// compares with the folders that are there, to see what has to be derived again.
    pub fn folders(&self, shelf: Shelf) -> Result<BTreeMap<OsString, JobId>, StoreError> {
        self.connection
            .prepare_cached("SELECT folder, id FROM jobs WHERE shelf = ?1")
            .and_then(|mut statement| {
                let rows = statement.query_map([shelf.name()], |row| {
                    Ok((columns::name(row.get(0)?), JobId(row.get(1)?)))
                })?;
                rows.collect()
            })
            .map_err(self.failed("list the folders of jobs"))
    }

    /// Returns the highest number that a job has.
    pub fn last_job(&self) -> Result<Option<JobId>, StoreError> {
        self.connection
            .query_row("SELECT max(id) FROM jobs", (), |row| row.get(0))
            .map(|id: Option<u32>| id.map(JobId))
            .map_err(self.failed("read the last job"))
    }

    /// Returns one more than the page holds, where there are as many, so that its end is seen.
    fn of_state(&self, state: &str, text: &str, page: Page) -> rusqlite::Result<Vec<JobId>> {
        let sql = "SELECT id FROM jobs WHERE state = ?1 AND id < ?2 \
                   AND (name LIKE ?3 ESCAPE '\\' OR id IS ?4) ORDER BY id DESC LIMIT ?5";
        let before = page.before.map_or(i64::MAX, |id| i64::from(id.0));
        let number: Option<u32> = text.parse().ok();
        let limit = i64::from(page.limit) + 1;
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(
            params![state, before, pattern(text), number, limit],
            |row| row.get(0).map(JobId),
        )?;
        rows.collect()
    }

    fn rows(&self, ids: &[JobId]) -> Result<Vec<JobRow>, StoreError> {
        // A job that another connection removed since is no longer part of the list.
        ids.iter()
            .filter_map(|id| self.job(*id).transpose())
            .collect()
    }
}

fn known_state(name: &str) -> Result<&'static str, StoreError> {
    STATES
        .into_iter()
        .find(|state| *state == name)
        .ok_or_else(|| StoreError::NoState {
            state: name.to_owned(),
        })
}

/// Returns the pattern of names that contain `text` as it stands.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
