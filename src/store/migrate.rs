//! The numbered changes of the schema, and the copy that is made before an existing store changes.
//!
//! Each change is one transaction that also sets the schema's number (`PRAGMA user_version`), so a
//! crash leaves the schema before it or after it. A copy bears the number of the schema it has.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;
use rusqlite::backup::Backup;
use rusqlite::backup::StepResult;

use crate::clock::Timestamp;
use crate::store::Origin;
use crate::store::StoreError;
use crate::store::columns::seconds;
use crate::store::error::sort;
use crate::store::open::APPLICATION_ID;

/// Every change of the schema that was ever released, in order: the first makes schema 1.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    name: "first",
    sql: include_str!("migrations/0001_first.sql"),
}];

/// One change of the schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Migration {
    /// What it brings, as in its file's name.
    pub(super) name: &'static str,
    /// The statements.
    pub(super) sql: &'static str,
}

/// Fails if schema number `found` is newer than the last of `migrations`.
pub(super) fn refuse_newer(
    path: &Path,
    found: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let known = newest(migrations);
    if found <= known {
        return Ok(());
    }
    Err(StoreError::Newer {
        path: path.to_owned(),
        found,
        known,
        backup: (1..=known)
            .rev()
            .map(|number| backup_path(path, number))
            .find(|backup| backup.is_file()),
    })
}

/// Brings the database, whose schema is number `found`, to the last of `migrations`.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    found: u32,
    now: Timestamp,
    migrations: &[Migration],
) -> Result<Origin, StoreError> {
    let origin = match found {
        0 => Origin::Created,
        from if from < newest(migrations) => {
            let backup = backup_path(path, from);
            back_up(connection, path, &backup)?;
            Origin::Migrated { from, backup }
        }
        _ => return Ok(Origin::Found),
    };
    for (number, migration) in (1_u32..).zip(migrations) {
        if found < number {
            let applied = apply(connection, number, migration, now);
            applied.map_err(|source| failed(path, number, migration, source))?;
        }
    }
    Ok(origin)
}

fn newest(migrations: &[Migration]) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// Returns where the copy of the store at `path` with schema `number` is kept.
pub(super) fn backup_path(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-schema-{number:04}.db"))
}

/// Copies the database behind `connection`, which lies at `path`, to `to`, replacing an older copy
/// there at once.
pub(super) fn back_up(connection: &Connection, path: &Path, to: &Path) -> Result<(), StoreError> {
    let mut partial = OsString::from(to);
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = |what| {
        let path = to.to_owned();
        move |source| StoreError::File { what, path, source }
    };
    let copied = remove_if_there(&partial)
        .map_err(file("replace the unfinished copy of"))
        .and_then(|()| {
            copy(connection, &partial).map_err(|source| sort("copy everything", path, source))
        });
    copied.inspect_err(|_| {
        // The copy already failed; what is left of it is replaced by the next one.
        let _best_effort = fs::remove_file(&partial);
    })?;
    fs::rename(&partial, to).map_err(file("put into place"))?;
    let folder = to.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(file("sync the folder of"))
}

fn copy(connection: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    target.busy_timeout(Duration::ZERO)?;
    {
        let backup = Backup::new(connection, &mut target)?;
        // All pages in one step, so that the copy is of one moment.
        if backup.step(-1)? != StepResult::Done {
            let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
            return Err(rusqlite::Error::SqliteFailure(busy, None));
        }
    }
    // The copy is one file, complete without a log beside it.
    target.query_row("PRAGMA journal_mode = DELETE", (), |_| Ok(()))?;
    target.close().map_err(|(_, source)| source)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn apply(
    connection: &mut Connection,
    number: u32,
    migration: &Migration,
    now: Timestamp,
) -> rusqlite::Result<()> {
    // Changes of tables that others refer to need this; what they leave is checked below.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied = apply_within(&transaction, number, migration, now);
    let finished = match applied {
        Ok(()) => transaction.commit(),
        Err(error) => transaction.rollback().and(Err(error)),
    };
    connection.pragma_update(None, "foreign_keys", true)?;
    finished
}

fn apply_within(
    transaction: &Transaction<'_>,
    number: u32,
    migration: &Migration,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute_batch(migration.sql)?;
    if number == 1 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        begin(transaction, now)?;
    }
    let n_loose: i64 =
        transaction.query_row("SELECT count(*) FROM pragma_foreign_key_check", (), |row| {
            row.get(0)
        })?;
    if n_loose > 0 {
        let broken = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY);
        return Err(rusqlite::Error::SqliteFailure(broken, None));
    }
    transaction.pragma_update(None, "user_version", number)
}

/// Fills what a new store holds.
///
/// Events are numbered from a thousand times the store's first second, so that numbers go on rising
/// where a store was lost and made again, and nobody who follows along takes new events for old.
fn begin(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES ('created', ?1)",
        [now.to_string()],
    )?;
    let first = seconds(now).min(i64::MAX / 1_000_000).saturating_mul(1000);
    transaction.execute(
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?1)",
        [first],
    )?;
    Ok(())
}

fn failed(path: &Path, number: u32, migration: &Migration, source: rusqlite::Error) -> StoreError {
    let sorted = sort("change the schema", path, source);
    let StoreError::Sql { path, source, .. } = sorted else {
        return sorted;
    };
    StoreError::Migrate {
        path,
        number,
        name: migration.name,
        source,
    }
}
