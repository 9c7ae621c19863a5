//! What happened, numbered, for those who follow along and come back after a break.
//!
//! Numbers rise and are never given twice, not even when old events go or the store is made again.
//! The newest [`EVENTS_MAX`] are kept.

use rusqlite::OptionalExtension;
use rusqlite::params;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::job::JobId;
use crate::store::Change;
use crate::store::Reader;
use crate::store::StoreError;
use crate::store::columns::seconds;
use crate::store::columns::timestamp;

/// How many events are kept.
pub const EVENTS_MAX: u32 = 10_000;

/// The number of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub i64);

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// When it was recorded.
    pub time: Timestamp,
    /// What kind it is, such as `job`.
    pub kind: String,
    /// The job that it is about; the store may know it no longer.
    pub job: Option<JobId>,
    /// The rest.
    pub payload: Value,
}

/// Events after one that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Whether events between are gone, or the known one is not from this store: whoever asks
    /// should read everything anew and go on from [`Reader::last_event`].
    pub missed: bool,
}

impl Change<'_> {
    /// Records an event and lets the oldest go; returns its number.
    pub fn add_event(
        &self,
        kind: &str,
        job: Option<JobId>,
        payload: &Value,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        let add = || -> rusqlite::Result<i64> {
            let sql = "INSERT INTO events (time, kind, job, payload) VALUES (?1, ?2, ?3, ?4) \
                       RETURNING id";
            let mut statement = self.connection.prepare_cached(sql)?;
            let job = job.map(|id| id.0);
            let values = params![seconds(now), kind, job, payload.to_string()];
            let id: i64 = statement.query_row(values, |row| row.get(0))?;
            let mut statement = self
                .connection
                .prepare_cached("DELETE FROM events WHERE id <= ?1")?;
            statement.execute([id - i64::from(EVENTS_MAX)])?;
            Ok(id)
        };
        add().map(EventId).map_err(self.failed("record an event"))
    }
}

impl Reader {
    /// Returns up to `limit` events that came after `known`.
    pub fn events_since(&self, known: EventId, limit: u32) -> Result<EventPage, StoreError> {
        let sql = "SELECT id, time, kind, job, payload FROM events WHERE id > ?1 \
                   ORDER BY id LIMIT ?2";
        let rows: Vec<(Event, String)> = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let rows = statement.query_map(params![known.0, limit], |row| {
                    let event = Event {
                        id: EventId(row.get(0)?),
                        time: timestamp(row.get(1)?),
                        kind: row.get(2)?,
                        job: row.get::<_, Option<u32>>(3)?.map(JobId),
                        payload: Value::Null,
                    };
                    Ok((event, row.get(4)?))
                })?;
                rows.collect()
            })
            .map_err(self.failed("read events"))?;
        Ok(EventPage {
            missed: !self.is_complete_after(known)?,
            events: rows.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the number of the newest event, or of the one before the first of a new store.
    pub fn last_event(&self) -> Result<EventId, StoreError> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
        let last: Option<i64> = self
            .connection
            .query_row(sql, (), |row| row.get(0))
            .optional()
            .map_err(self.failed("read the last event"))?;
        Ok(EventId(last.unwrap_or(0)))
    }

    /// Returns true if every event after `known` is there.
    fn is_complete_after(&self, known: EventId) -> Result<bool, StoreError> {
        let oldest: Option<i64> = self
            .connection
            .query_row("SELECT min(id) FROM events", (), |row| row.get(0))
            .map_err(self.failed("read the oldest event"))?;
        let last = self.last_event()?;
        let first_needed = known.0.saturating_add(1);
        Ok(known <= last && oldest.unwrap_or(last.0.saturating_add(1)) <= first_needed)
    }
}

fn read((mut event, text): (Event, String)) -> Result<Event, StoreError> {
    let id = event.id.0;
    event.payload =
        serde_json::from_str(&text).map_err(|source| StoreError::Event { id, source })?;
    Ok(event)
}
