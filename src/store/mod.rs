//! The job store: what the daemon knows of its jobs, in one SQLite database that survives `kill -9`.
//!
//! The only user of SQLite. Every commit is synced before it is acknowledged. It never reads the
//! clock and never looks into job folders: the folders are the truth about jobs, and whatever is
//! lost here is made again from their records ([`Change::rederive`]), so write `job.json` first
//! and the store second. One [`Store`] writes; any number of [`Reader`]s read beside it. To change
//! the schema, append a file to `migrations/` and a line to `migrate::MIGRATIONS`, and check in a
//! database of the new schema.

mod attempts;
mod columns;
mod edits;
mod error;
mod events;
mod filesystem;
mod fingerprint;
mod jobs;
mod lists;
mod losses;
mod migrate;
mod open;
mod reserve;
mod snapshots;
mod verify;

use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;

use crate::clock::Timestamp;
use crate::job::JobId;
use crate::store::reserve::Reserve;

pub use crate::store::attempts::Attempt;
pub use crate::store::attempts::AttemptOutcome;
pub use crate::store::attempts::Checkpoint;
pub use crate::store::edits::Edit;
pub use crate::store::edits::EditId;
pub use crate::store::edits::NewEdit;
pub use crate::store::error::StoreError;
pub use crate::store::events::EVENTS_MAX;
pub use crate::store::events::Event;
pub use crate::store::events::EventId;
pub use crate::store::events::EventPage;
pub use crate::store::filesystem::check_folder;
pub use crate::store::filesystem::network_filesystem;
pub use crate::store::fingerprint::fingerprint;
pub use crate::store::jobs::Cause;
pub use crate::store::jobs::JobRow;
pub use crate::store::jobs::Place;
pub use crate::store::jobs::Rederived;
pub use crate::store::jobs::STATES;
pub use crate::store::jobs::Shelf;
pub use crate::store::jobs::Step;
pub use crate::store::lists::Filter;
pub use crate::store::lists::Listing;
pub use crate::store::lists::Page;
pub use crate::store::losses::LossSample;
pub use crate::store::losses::is_kept;
pub use crate::store::snapshots::Snapshot;

/// How much room the reserve file holds unless told else: 8 MiB.
pub const RESERVE_BYTES: u64 = 8 << 20;

/// How a store was found when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// There was none; it is empty, and every job folder has to be read into it.
    Created,
    /// It was there.
    Found,
    /// It was there with an older schema, of which a copy was made.
    Migrated {
        /// The number of the schema that it had.
        from: u32,
        /// The copy.
        backup: PathBuf,
    },
}

/// The store with its one writing connection.
#[derive(Debug)]
pub struct Store {
    reader: Reader,
    reserve: Reserve,
    origin: Origin,
}

/// A connection that answers questions.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// What is written together: all of it or, after a crash or an error, none.
#[derive(Debug)]
pub struct Change<'a> {
    connection: &'a Connection,
    path: &'a Path,
}

impl Store {
    /// Opens the store at `path`, or makes it where there is none, and brings it to the newest
    /// schema. The folder must exist and be writable by this process alone: the daemon's lock
    /// keeps a second writer away.
    ///
    /// A file that is no store, or a damaged one, is an error and stays as it is.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_with_reserve(path, now, RESERVE_BYTES)
    }

    /// Opens the store as [`Store::open`] does, with a reserve file of `bytes` bytes.
    pub fn open_with_reserve(path: &Path, now: Timestamp, bytes: u64) -> Result<Self, StoreError> {
        let mut reserve = Reserve::beside(path, bytes);
        let opened = open::open(path, now, migrate::MIGRATIONS);
        let (connection, origin) = match opened {
            Err(error) if reserve.may_help(&error) && reserve.release()? => {
                open::open(path, now, migrate::MIGRATIONS)?
            }
            opened => {
                let opened = opened?;
                reserve.hold()?;
                opened
            }
        };
        let path = path.to_owned();
        Ok(Self {
            reader: Reader { connection, path },
            reserve,
            origin,
        })
    }

    /// Returns how the store was found.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Opens another connection, for questions asked from another thread.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        let path = self.reader.path.clone();
        let connection = open::open_to_read(&path)?;
        Ok(Reader { connection, path })
    }

    /// Does `work` as one transaction, synced when this returns.
    ///
    /// Where the disk is full, the reserve file is given up and `work` done once more, so it must
    /// bear being done twice. [`Store::is_short`] tells so afterwards.
    pub fn write<T>(
        &mut self,
        work: impl Fn(&Change<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.write_if_room(&work) {
            Err(error) if self.reserve.may_help(&error) && self.reserve.release()? => {
                self.write_if_room(work)
            }
            result => result,
        }
    }

    /// Does `work` as one transaction, without touching the reserve: for what can be done without,
    /// such as losses.
    pub fn write_if_room<T>(
        &mut self,
        work: impl Fn(&Change<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let Reader { connection, path } = &mut self.reader;
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|source| error::sort("begin to write", path, source))?;
        let change = Change {
            connection: &transaction,
            path,
        };
        let done = work(&change)?;
        let committed = transaction.commit();
        committed.map_err(|source| error::sort("commit", path, source))?;
        Ok(done)
    }

    /// Returns true while the reserve file is given up: no job should be started.
    pub fn is_short(&self) -> bool {
        !self.reserve.is_held()
    }

    /// Makes the reserve file again if there is room for it and as much beside it; returns true if
    /// it is there. To be called now and then while [`Store::is_short`].
    pub fn renew_reserve(&mut self) -> Result<bool, StoreError> {
        self.reserve.hold()
    }
}

impl Deref for Store {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Reader {
    /// Returns the store's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the whole store, as of now, to a new file at `to`: synced, and there only when whole.
    pub fn backup_to(&self, to: &Path) -> Result<(), StoreError> {
        migrate::back_up(&self.connection, &self.path, to)
    }

    fn failed(&self, what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
        move |source| error::sort(what, &self.path, source)
    }
}

impl Change<'_> {
    fn failed(&self, what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
        move |source| error::sort(what, self.path, source)
    }

    /// Sorts as [`Change::failed`] does, and tells what belongs to a job that is not there.
    fn failed_for(&self, id: JobId, what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
        move |source| match source.sqlite_error() {
            Some(error) if error.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY => {
                StoreError::NoJob { id }
            }
            _ => error::sort(what, self.path, source),
        }
    }
}

#[cfg(test)]
mod tests;
