//! What can go wrong with the job store, and what a person can do about it.
//!
//! Every message names the file or the job. A store that cannot be used is told apart from a disk
//! that is full, since the one needs a person and the other only room.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::job::IllegalStep;
use crate::job::JobId;
use crate::job::names::display_path;

/// Why the job store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Where the store should be is something else.
    #[error(
        "the job store {} is not an ordinary file: move it away",
        display_path(path)
    )]
    NotAFile {
        /// The store's path.
        path: PathBuf,
    },
    /// The file is no database, or a damaged one.
    #[error(
        "the job store {} is damaged or is no database; it was left as it is. {}",
        display_path(path),
        recovery(path)
    )]
    Damaged {
        /// The store's path.
        path: PathBuf,
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// The file is a database, and not one of this program.
    #[error(
        "the job store {} is a database of another program; it was left as it is. {}",
        display_path(path),
        recovery(path)
    )]
    Foreign {
        /// The store's path.
        path: PathBuf,
    },
    /// The store was written by a newer version of this program.
    #[error("the job store {} has schema {found} and this version knows {known}: use the newer \
        pentimento{}", display_path(path), older(backup.as_deref()))]
    Newer {
        /// The store's path.
        path: PathBuf,
        /// The number of its schema.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
        /// A copy made before the store was brought to a newer schema, if there is one.
        backup: Option<PathBuf>,
    },
    /// A change of the schema failed and was taken back.
    #[error(
        "cannot bring the job store {} to schema {number} ({name}); it was left as it was",
        display_path(path)
    )]
    Migrate {
        /// The store's path.
        path: PathBuf,
        /// The number of the schema that was to be reached.
        number: u32,
        /// The name of the change.
        name: &'static str,
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// The filesystem cannot hold a store that several connections use at the same time.
    #[error(
        "cannot keep the job store at {}: the filesystem there has no shared memory files \
        (journal mode {mode}); set state_dir to a local folder",
        display_path(path)
    )]
    NoWal {
        /// The store's path.
        path: PathBuf,
        /// The journal that SQLite fell back to.
        mode: String,
    },
    /// The folder lies on another machine, where SQLite's locks cannot be trusted.
    #[error(
        "cannot keep the job store in {}, which is on a network filesystem ({filesystem}): \
        set state_dir to a local folder",
        display_path(folder)
    )]
    Network {
        /// The folder.
        folder: PathBuf,
        /// What kind of filesystem it is.
        filesystem: &'static str,
    },
    /// There is no room left on the disk.
    #[error(
        "cannot {what} in the job store {}: the disk is full",
        display_path(path)
    )]
    Full {
        /// The verb and its object.
        what: &'static str,
        /// The store's path.
        path: PathBuf,
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// SQLite refused for another reason.
    #[error("cannot {what} in the job store {}", display_path(path))]
    Sql {
        /// The verb and its object.
        what: &'static str,
        /// The store's path.
        path: PathBuf,
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// A file beside the store could not be written or removed.
    #[error("cannot {what} {}", display_path(path))]
    File {
        /// The verb and its object.
        what: &'static str,
        /// The path it was done to.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A value cannot be written as JSON, or what is stored cannot be read as what it was.
    #[error("cannot understand the {what} of job {id} in the job store")]
    Json {
        /// What was read or written.
        what: &'static str,
        /// The job.
        id: JobId,
        #[source]
        source: serde_json::Error,
    },
    /// An event's payload cannot be understood.
    #[error("cannot understand event {id} in the job store")]
    Event {
        /// The event's number.
        id: i64,
        #[source]
        source: serde_json::Error,
    },
    /// The job cannot go from the state that is stored to the one that was given.
    #[error(transparent)]
    Step(#[from] IllegalStep),
    /// A job enters the store in a state in which none begins.
    #[error("job {id} is new to the job store and cannot begin as {state}")]
    Beginning {
        /// The job.
        id: JobId,
        /// The state that it was given with.
        state: &'static str,
    },
    /// An attempt belongs to a running job.
    #[error("an attempt at job {id} cannot begin while it is {state}")]
    NotRunning {
        /// The job.
        id: JobId,
        /// The state that it was given with.
        state: &'static str,
    },
    /// There is no such job.
    #[error("there is no job {id} in the job store")]
    NoJob {
        /// The job.
        id: JobId,
    },
    /// There is no such attempt, or it is over.
    #[error("job {id} has no attempt {number} that goes on")]
    NoAttempt {
        /// The job.
        id: JobId,
        /// The attempt's number.
        number: u32,
    },
    /// There is no such snapshot.
    #[error("job {id} has no snapshot {}", display_path(path))]
    NoSnapshot {
        /// The job.
        id: JobId,
        /// The snapshot's path below the job's folder.
        path: PathBuf,
    },
    /// There is no such edit, or it was applied before.
    #[error("there is no edit {id} that waits to be applied")]
    NoEdit {
        /// The edit's number.
        id: i64,
    },
    /// A list was asked for by a state that does not exist.
    #[error("there is no state \"{}\"; states are {}", state.escape_debug(), super::STATES.join(", "))]
    NoState {
        /// The state.
        state: String,
    },
}

impl StoreError {
    /// Returns true if more room on the disk might help.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Returns true if a write failed in a way that a full disk or quota can be behind.
    pub(super) fn may_be_full(&self) -> bool {
        let Self::Sql { source, .. } = self else {
            return self.is_full();
        };
        matches!(
            source.sqlite_error().map(|error| error.extended_code),
            Some(
                ffi::SQLITE_IOERR_WRITE
                    | ffi::SQLITE_IOERR_FSYNC
                    | ffi::SQLITE_IOERR_TRUNCATE
                    | ffi::SQLITE_IOERR_SHMMAP
                    | ffi::SQLITE_CANTOPEN
            )
        )
    }
}

/// Sorts what SQLite says about `what` being done to the store at `path`.
pub(super) fn sort(what: &'static str, path: &Path, source: rusqlite::Error) -> StoreError {
    let (path, code) = (path.to_owned(), source.sqlite_error().copied());
    let source = Box::new(source);
    match code {
        Some(error)
            if matches!(
                error.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
            ) =>
        {
            StoreError::Damaged { path, source }
        }
        Some(error)
            if error.code == ErrorCode::DiskFull
                || error.extended_code == ffi::SQLITE_IOERR_SHMSIZE =>
        {
            StoreError::Full { what, path, source }
        }
        _ => StoreError::Sql { what, path, source },
    }
}

/// Returns the two commands that put a store aside and have it made again.
fn recovery(path: &Path) -> String {
    let folder = path.parent().unwrap_or(Path::new("."));
    let (file, aside) = (quoted(path), quoted(&folder.join("damaged")));
    format!(
        "To put it aside: `mkdir -p {aside} && mv {file}* {aside}/`. To have it made again from \
         the job folders after that: `pentimento` in the studio"
    )
}

fn older(backup: Option<&Path>) -> String {
    backup.map_or_else(String::new, |backup| {
        format!(
            ", or put in its place the copy that was made before: {}",
            display_path(backup)
        )
    })
}

/// Returns `path` as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", display_path(path).replace('\'', "'\\''"))
}
