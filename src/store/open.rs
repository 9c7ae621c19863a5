//! Opening the database file: what may be opened, how a connection is set up, and what is refused.
//!
//! Nothing is written before the file is known to be a store, or to hold nothing at all. One that was
//! not closed, which its log tells, has its pages looked at first.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite::ffi;

use crate::clock::Timestamp;
use crate::store::Origin;
use crate::store::StoreError;
use crate::store::error::sort;
use crate::store::migrate;
use crate::store::migrate::Migration;

/// Marks a database as one of this program: `PENT`.
pub(super) const APPLICATION_ID: i32 = 0x5045_4e54;

/// How a file of SQLite begins.
const HEAD: [u8; 16] = *b"SQLite format 3\0";

/// How long a connection waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the store at `path` to write, with the schema that the last of `migrations` makes.
pub(super) fn open(
    path: &Path,
    now: Timestamp,
    migrations: &[Migration],
) -> Result<(Connection, Origin), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            let path = path.to_owned();
            return Err(StoreError::NotAFile { path });
        }
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            let (what, path) = ("look at", path.to_owned());
            return Err(StoreError::File { what, path, source });
        }
        Ok(metadata) if 0 < metadata.len() => look_at_head(path)?,
        Ok(_) | Err(_) => keep_orphan(path)?,
    }
    let was_closed = !beside(path, "-wal").exists();
    let failed = |source| sort("open the database", path, source);
    // Without SQLITE_OPEN_URI: a path stays a path, whatever it looks like.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // Until the file is known, closing it must neither work the log into it nor remove the log.
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(keep_log, true).map_err(failed)?;
    let found = identify(&connection, path)?;
    migrate::refuse_newer(path, found, migrations)?;
    if !was_closed {
        look_at_pages(&connection, path)?;
    }
    connection.set_db_config(keep_log, false).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", (), |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        let path = path.to_owned();
        return Err(StoreError::NoWal { path, mode });
    }
    let origin = migrate::migrate(&mut connection, path, found, now, migrations)?;
    Ok((connection, origin))
}

/// Refuses a file that does not begin as a database does: with a whole log beside it SQLite would
/// take the log's first page for the file's.
///
/// Not to be called while this process has the file open: to close it gives up SQLite's locks.
fn look_at_head(path: &Path) -> Result<(), StoreError> {
    let mut head = [0; HEAD.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if head == HEAD => Ok(()),
        Err(source) if source.kind() != io::ErrorKind::UnexpectedEof => Err(StoreError::File {
            what: "read the job store",
            path: path.to_owned(),
            source,
        }),
        Ok(()) | Err(_) => Err(damaged(path, ffi::SQLITE_NOTADB, None)),
    }
}

/// Refuses a database whose pages do not fit together, before its log is worked into it.
fn look_at_pages(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let told: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(|source| sort("check the pages", path, source))?;
    if told == "ok" {
        return Ok(());
    }
    Err(damaged(path, ffi::SQLITE_CORRUPT, Some(told)))
}

fn damaged(path: &Path, code: i32, words: Option<String>) -> StoreError {
    let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), words);
    sort("open the database", path, source)
}

/// Puts aside a log whose database is gone: SQLite would remove it.
fn keep_orphan(path: &Path) -> Result<(), StoreError> {
    let log = beside(path, "-wal");
    if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > 0) {
        let orphan = beside(path, "-wal.orphan");
        tracing::warn!(log = %orphan.display(), "the job store is gone, its log is put aside");
        fs::rename(&log, &orphan).map_err(|source| StoreError::File {
            what: "put aside",
            path: log,
            source,
        })?;
    }
    Ok(())
}

/// Returns the path of the file that SQLite keeps beside the one at `path`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Opens the store at `path`, which another connection made and has open, to read.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let failed = |source| sort("open the database", path, source);
    // A connection that may not write cannot see what others write to the log beside the file.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    Ok(connection)
}

/// Returns the number of the schema in the file, 0 for an empty one; refuses what is no store.
fn identify(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let number = |sql| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        Ok((
            number("PRAGMA application_id")?,
            number("PRAGMA user_version")?,
            number("SELECT count(*) FROM sqlite_schema")?,
        ))
    };
    let (application, version, n_objects) =
        read().map_err(|source| sort("read the schema", path, source))?;
    match (u32::try_from(version), n_objects) {
        (Ok(0), 0) if application == 0 => Ok(0),
        (Ok(version), 1..) if application == i64::from(APPLICATION_ID) && version >= 1 => {
            Ok(version)
        }
        _ => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// Sets what holds for one connection only.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Temporary tables are small here, and a full disk must not be in their way.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // KiB, as a negative number.
    connection.pragma_update(None, "cache_size", -4096)?;
    // Bytes that the log may keep after it was worked into the database.
    connection.pragma_update(None, "journal_size_limit", 4 << 20)
}
