//! Losses by iteration, thinned with age so that no job, however long, takes much room.
//!
//! The rule, [`is_kept`], depends only on a sample's number and the newest number: the first 64
//! and the newest 512 samples stay, and of those between, the older half of what is left is kept
//! half as densely as the younger: every 4th, 8th, 16th… So each doubling of the age costs 128
//! samples, a million iterations leave under 2 000, and 2³² of them under 3 600.

use rusqlite::params;

use crate::job::JobId;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;

/// How many of the newest samples are kept, all of them.
const DENSE: u64 = 512;

/// How many of the first samples are kept: that is where losses fall fastest.
const FIRST: u64 = 64;

/// What one iteration lost.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSample {
    /// The stage, from 1.
    pub stage: u32,
    /// The iteration within the stage, from 1.
    pub iteration: u32,
    /// The sum of the weighted terms; NaN where it is no number.
    pub total: f64,
    /// The weighted terms by name; NaN where they are no finite numbers.
    pub terms: Vec<(String, f64)>,
}

/// Returns true if of the samples 0 to `newest` number `seq` is kept; once false, it stays so.
pub fn is_kept(newest: u64, seq: u64) -> bool {
    let age = newest.saturating_sub(seq);
    if age < DENSE || seq < FIRST {
        return true;
    }
    // The powers of two on the way from DENSE to the age give the distance between samples.
    let doublings = (age / DENSE).ilog2();
    seq.is_multiple_of(4 << doublings)
}

impl Change<'_> {
    /// Adds samples, in the order of their iterations.
    ///
    /// Stored samples of the same iteration or later ones are dropped first: an attempt that goes
    /// on from a checkpoint tells again what came after it.
    pub fn add_losses(&self, id: JobId, samples: &[LossSample]) -> Result<(), StoreError> {
        for sample in samples {
            self.add_loss(id, sample)?;
        }
        Ok(())
    }

    fn add_loss(&self, id: JobId, sample: &LossSample) -> Result<(), StoreError> {
        let what = "losses";
        let terms = serde_json::to_string(&sample.terms).map_err(|source| StoreError::Json {
            what,
            id,
            source,
        })?;
        let LossSample {
            stage, iteration, ..
        } = *sample;
        let add = || -> rusqlite::Result<()> {
            let sql = "DELETE FROM losses WHERE job = ?1 AND (stage, iteration) >= (?2, ?3)";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute(params![id.0, stage, iteration])?;
            let sql = "INSERT INTO losses (job, seq, stage, iteration, total, terms) \
                       SELECT ?1, 1 + coalesce(max(seq), -1), ?2, ?3, ?4, ?5 \
                       FROM losses WHERE job = ?1 RETURNING seq";
            let mut statement = self.connection.prepare_cached(sql)?;
            let values = params![id.0, stage, iteration, sample.total, terms];
            let newest: u32 = statement.query_row(values, |row| row.get(0))?;
            self.thin(id, u64::from(newest))
        };
        add().map_err(self.failed_for(id, "record losses"))
    }

    /// Drops what the newest sample made too old: only samples whose age is a bound of the rule can
    /// have changed their lot.
    fn thin(&self, id: JobId, newest: u64) -> rusqlite::Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM losses WHERE job = ?1 AND seq = ?2")?;
        let ages = std::iter::successors(Some(DENSE), |age| age.checked_mul(2));
        for seq in ages.map_while(|age| newest.checked_sub(age)) {
            if !is_kept(newest, seq) {
                statement.execute(params![id.0, i64::try_from(seq).unwrap_or(i64::MAX)])?;
            }
        }
        Ok(())
    }
}

impl Reader {
    /// Returns the samples of a job that were kept, in the order of their iterations.
    pub fn losses(&self, id: JobId) -> Result<Vec<LossSample>, StoreError> {
        let sql = "SELECT stage, iteration, total, terms FROM losses WHERE job = ?1 ORDER BY seq";
        let rows: Vec<(LossSample, String)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map([id.0], |row| {
                    let sample = LossSample {
                        stage: row.get(0)?,
                        iteration: row.get(1)?,
                        total: row.get::<_, Option<f64>>(2)?.unwrap_or(f64::NAN),
                        terms: Vec::new(),
                    };
                    Ok((sample, row.get(3)?))
                })?;
                rows.collect()
            })
            .map_err(self.failed("read the losses of a job"))?;
        let what = "losses";
        rows.into_iter()
            .map(|(mut sample, text)| {
                let terms: Vec<(String, Option<f64>)> = serde_json::from_str(&text)
                    .map_err(|source| StoreError::Json { what, id, source })?;
                let number =
                    |(name, value): (String, Option<f64>)| (name, value.unwrap_or(f64::NAN));
                sample.terms = terms.into_iter().map(number).collect();
                Ok(sample)
            })
            .collect()
    }
}
