//! The schema's changes, the copy made before them, and schemas that are too new.

use std::fs;

use super::*;
use crate::store::migrate::MIGRATIONS;
use crate::store::migrate::Migration;
use crate::store::migrate::backup_path;

const SECOND: Migration = Migration {
    name: "second",
    sql: "ALTER TABLE jobs ADD COLUMN mood TEXT; CREATE TABLE moods (mood TEXT) STRICT;",
};

/// Opens the store with one more change than this program has.
fn open_with(path: &Path, more: Migration) -> Result<Origin, StoreError> {
    let mut migrations = MIGRATIONS.to_vec();
    migrations.push(more);
    open::open(path, Timestamp(1), &migrations).map(|(_, origin)| origin)
}

/// Returns the number that follows the newest schema.
fn next() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap() + 1
}

#[test]
fn every_change_has_its_file_and_its_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations");
    let mut files: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let named: Vec<String> = (1..)
        .zip(MIGRATIONS)
        .map(|(number, migration)| format!("{number:04}_{}.sql", migration.name))
        .collect();
    assert_eq!(files, named);
    for (file, migration) in files.iter().zip(MIGRATIONS) {
        assert_eq!(
            fs::read_to_string(folder.join(file)).unwrap(),
            migration.sql
        );
    }
}

#[test]
fn a_store_is_copied_before_its_schema_changes() {
    let mut scene = Scene::new();
    let job = scene.queue(1);
    let path = scene.path();
    drop(scene.store);
    let backup = backup_path(&path, next() - 1);
    let origin = open_with(&path, SECOND).unwrap();
    let migrated = Origin::Migrated {
        from: next() - 1,
        backup: backup.clone(),
    };
    assert_eq!(origin, migrated);
    assert_eq!(open_with(&path, SECOND).unwrap(), Origin::Found);
    let copy = Store::open(&backup, Timestamp(1)).unwrap();
    assert_eq!(copy.job(JobId(1)).unwrap().unwrap().job, job);
    assert_eq!(copy.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let scene = Scene::new();
    let path = scene.path();
    drop(scene.store);
    open_with(&path, SECOND).unwrap();
    let bytes = fs::read(&path).unwrap();
    let refused = Store::open(&path, Timestamp(1)).unwrap_err();
    let backup = backup_path(&path, next() - 1);
    let words = refused.to_string();
    assert!(words.contains(&format!("schema {}", next())), "{words}");
    assert!(words.contains(backup.to_str().unwrap()), "{words}");
    fs::remove_file(&backup).unwrap();
    let words = Store::open(&path, Timestamp(1)).unwrap_err().to_string();
    assert!(words.ends_with("use the newer pentimento"), "{words}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_change_that_fails_leaves_everything_as_it_was_and_can_be_tried_again() {
    let mut scene = Scene::new();
    let job = scene.queue(1);
    let path = scene.path();
    drop(scene.store);
    let halves = Migration {
        name: "halves",
        sql: "ALTER TABLE jobs ADD COLUMN mood TEXT; DELETE FROM jobs; INSERT INTO nowhere VALUES (1);",
    };
    let loose = Migration {
        name: "loose",
        sql: "INSERT INTO edits (job, stage, iteration, option, value, created) \
              VALUES (9, 1, 1, 'a', '1', 1);",
    };
    for migration in [halves, loose] {
        let failed = open_with(&path, migration).unwrap_err();
        let StoreError::Migrate { number, name, .. } = failed else {
            panic!("{failed:?}");
        };
        assert_eq!((number, name), (next(), migration.name));
        let store = Store::open(&path, Timestamp(1)).unwrap();
        assert_eq!(store.job(JobId(1)).unwrap().unwrap().job, job);
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    }
    assert!(matches!(
        open_with(&path, SECOND).unwrap(),
        Origin::Migrated { .. }
    ));
}

#[test]
fn a_copy_replaces_an_older_one_and_what_is_left_of_a_broken_one() {
    let mut scene = Scene::new();
    let backup = scene.folder.path().join("copy.db");
    scene.store.backup_to(&backup).unwrap();
    scene.queue(1);
    fs::write(scene.folder.path().join("copy.db.partial"), "half").unwrap();
    scene.store.backup_to(&backup).unwrap();
    let copy = Store::open(&backup, Timestamp(1)).unwrap();
    assert!(copy.job(JobId(1)).unwrap().is_some());
    assert!(!scene.folder.path().join("copy.db.partial").exists());
}

#[test]
fn every_connection_is_set_up_to_lose_nothing() {
    let scene = Scene::new();
    let reader = scene.store.reader().unwrap();
    for connection in [&scene.store.reader.connection, &reader.connection] {
        let pragma = |name: &str| -> String {
            let sql = format!("PRAGMA {name}");
            connection
                .query_row(&sql, (), |row| {
                    row.get_ref(0)?
                        .as_str()
                        .map(str::to_owned)
                        .or_else(|_| Ok(row.get::<_, i64>(0)?.to_string()))
                })
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal");
        assert_eq!(pragma("synchronous"), "2");
        assert_eq!(pragma("foreign_keys"), "1");
    }
}
