//! Whether a store is whole: the database, its references, and every job's history.

use crate::store::Reader;
use crate::store::StoreError;

/// The questions after SQLite's own, each answered with a line for whatever is wrong.
const QUESTIONS: &[&str] = &[
    "SELECT 'row ' || coalesce(rowid, '') || ' of ' || \"table\" || ' belongs to nothing' \
     FROM pragma_foreign_key_check",
    "SELECT 'job ' || job || ' went from ' || coalesce(from_state, 'nothing') || \
     ' while it was ' || coalesce(earlier, 'nothing') FROM \
     (SELECT job, from_state, lag(to_state) OVER (PARTITION BY job ORDER BY seq) AS earlier \
     FROM history) WHERE from_state IS NOT earlier",
    "SELECT 'job ' || id || ' is ' || state || ' and its history ends otherwise' FROM jobs \
     WHERE state IS NOT (SELECT to_state FROM history WHERE job = jobs.id \
     ORDER BY seq DESC LIMIT 1)",
    "SELECT 'job ' || attempts.job || ' has attempt ' || number || ' going on in ' || shelf \
     FROM attempts JOIN jobs ON jobs.id = attempts.job WHERE ended IS NULL AND shelf <> 'active'",
];

impl Reader {
    /// Reads everything and returns what is wrong with it, nothing for a whole store.
    ///
    /// That every step is a legal one was checked when it was written; here it is seen that each
    /// starts where the one before it ended.
    pub fn verify(&self) -> Result<Vec<String>, StoreError> {
        let what = "check everything";
        let mut wrong = self
            .lines("PRAGMA integrity_check(100)")
            .map_err(self.failed(what))?;
        wrong.retain(|line| line != "ok");
        if wrong.is_empty() {
            for question in QUESTIONS {
                wrong.extend(self.lines(question).map_err(self.failed(what))?);
            }
        }
        Ok(wrong)
    }

    fn lines(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map((), |row| row.get(0))?;
        rows.collect()
    }
}
