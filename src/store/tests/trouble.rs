//! Files that are no store, a disk that is full, and checks that notice what is wrong.

use std::fs;

use super::*;

/// Opens what lies at `path` and returns the error, having seen that nothing was changed.
fn refused(path: &Path) -> StoreError {
    let bytes = fs::read(path).unwrap();
    let error = Store::open(path, Timestamp(1)).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), bytes, "{error}");
    error
}

#[test]
fn what_is_no_store_is_refused_with_two_commands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it's a queue.db");
    fs::write(
        &path,
        "a text, quite a long one, that is no database".repeat(40),
    )
    .unwrap();
    let error = refused(&path);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let words = error.to_string();
    let aside = folder.path().join("damaged");
    let command = format!(
        "`mkdir -p '{aside}' && mv '{}/it'\\''s a queue.db'* '{aside}'/`",
        folder.path().display(),
        aside = aside.display(),
    );
    assert!(words.contains(&command), "{words}\n{command}");
    assert!(words.contains("`pentimento` in the studio"), "{words}");
}

#[test]
fn the_command_puts_a_damaged_store_aside_and_a_new_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    for name in ["queue.db", "queue.db-wal"] {
        fs::write(folder.path().join(name), "no database".repeat(100)).unwrap();
    }
    let words = refused(&path).to_string();
    let command = words.split('`').nth(1).unwrap();
    let run = std::process::Command::new("sh")
        .args(["-c", command])
        .status();
    assert!(run.unwrap().success(), "{command}");
    let store = Store::open(&path, Timestamp(1)).unwrap();
    assert_eq!(*store.origin(), Origin::Created);
    assert!(folder.path().join("damaged/queue.db").exists());
    assert!(folder.path().join("damaged/queue.db-wal").exists());
}

#[test]
fn a_damaged_store_keeps_its_log_as_it_is() {
    let mut scene = Scene::new();
    for id in 1..200 {
        scene.queue(id);
    }
    let path = scene.path();
    drop(scene.store);
    let whole = fs::read(&path).unwrap();
    scene.store = Store::open(&path, Timestamp(1)).unwrap();
    for id in 200..220 {
        scene.queue(id);
    }
    let log = fs::read(scene.folder.path().join("queue.db-wal")).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (path, beside) = (
        other.path().join("queue.db"),
        other.path().join("queue.db-wal"),
    );
    let mut scribbled = whole.clone();
    scribbled[whole.len() / 4..whole.len() / 2].fill(0xa5);
    let cut = &whole[..whole.len() / 2];
    for damaged in [b"no database", cut, &whole[..4096], &scribbled] {
        fs::write(&path, damaged).unwrap();
        fs::write(&beside, &log).unwrap();
        let error = refused(&path);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert_eq!(fs::read(&beside).unwrap(), log);
    }
    fs::write(&path, &whole).unwrap();
    let store = Store::open(&path, Timestamp(1)).unwrap();
    assert_eq!(store.last_job().unwrap(), Some(JobId(219)));
    drop(store);
    fs::remove_file(&path).unwrap();
    fs::write(&beside, &log).unwrap();
    let store = Store::open(&path, Timestamp(1)).unwrap();
    assert_eq!(*store.origin(), Origin::Created);
    assert_eq!(
        fs::read(other.path().join("queue.db-wal.orphan")).unwrap(),
        log
    );
}

#[test]
fn another_programs_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("tables", "CREATE TABLE notes (a)"),
        (
            "mark",
            "CREATE TABLE notes (a); PRAGMA application_id = 7; PRAGMA user_version = 1",
        ),
        ("version", "PRAGMA user_version = 3"),
        (
            "negative",
            "CREATE TABLE notes (a); PRAGMA application_id = 1346719316; PRAGMA user_version = -1",
        ),
    ] {
        let path = folder.path().join(name);
        let other = Connection::open(&path).unwrap();
        other.execute_batch(sql).unwrap();
        drop(other);
        let error = refused(&path);
        assert!(
            matches!(error, StoreError::Foreign { .. }),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_store_cut_short_or_overwritten_is_refused() {
    let mut scene = Scene::new();
    for id in 1..200 {
        scene.queue(id);
    }
    let path = scene.path();
    drop(scene.store);
    let whole = fs::read(&path).unwrap();
    for cut in [100, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..cut]).unwrap();
        let error = refused(&path);
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{cut}: {error:?}"
        );
    }
    let mut scribbled = whole.clone();
    scribbled[..64].fill(b'x');
    fs::write(&path, &scribbled).unwrap();
    assert!(matches!(refused(&path), StoreError::Damaged { .. }));
    fs::write(&path, &whole).unwrap();
    Store::open(&path, Timestamp(1)).unwrap();
}

#[test]
fn damage_found_later_is_told_and_seen_by_the_check() {
    let mut scene = Scene::new();
    for id in 1..200 {
        scene.queue(id);
    }
    let path = scene.path();
    drop(scene.store);
    let mut bytes = fs::read(&path).unwrap();
    let from = bytes.len() / 2;
    bytes[from..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let store = Store::open(&path, Timestamp(1)).unwrap();
    assert!(
        !store
            .verify()
            .unwrap_or_else(|error| vec![error.to_string()])
            .is_empty()
    );
    let errors: Vec<StoreError> = (1..200)
        .filter_map(|id| store.job(JobId(id)).err())
        .collect();
    assert!(!errors.is_empty());
    for error in errors {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn an_empty_file_holds_nothing_to_lose() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    fs::write(&path, "").unwrap();
    let store = Store::open(&path, Timestamp(1)).unwrap();
    assert_eq!(*store.origin(), Origin::Created);
}

#[test]
fn a_folder_a_link_or_a_pipe_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("target"), "").unwrap();
    std::os::unix::fs::symlink("target", at("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    for name in ["folder", "link", "pipe"] {
        let error = Store::open(&at(name), Timestamp(1)).unwrap_err();
        assert!(
            matches!(error, StoreError::NotAFile { .. }),
            "{name}: {error:?}"
        );
    }
    let missing = Store::open(&at("nowhere/queue.db"), Timestamp(1));
    assert!(
        matches!(missing, Err(StoreError::Sql { .. })),
        "{missing:?}"
    );
}

#[test]
fn the_reserve_holds_real_room_and_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut store = Store::open(&path, Timestamp(1)).unwrap();
    let reserve = folder.path().join("reserve");
    let size = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).unwrap();
        (metadata.len(), RESERVE_BYTES <= metadata.blocks() * 512)
    };
    assert_eq!(size(&reserve), (RESERVE_BYTES, true));
    assert!(!store.is_short());
    fs::write(&reserve, "cut").unwrap();
    assert!(store.renew_reserve().unwrap());
    assert_eq!(size(&reserve), (RESERVE_BYTES, true));
}

#[test]
fn no_reserve_is_made_where_there_is_no_room_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queue.db");
    let mut store = Store::open_with_reserve(&path, Timestamp(1), 1 << 60).unwrap();
    assert!(store.is_short());
    assert!(!store.renew_reserve().unwrap());
    assert!(!folder.path().join("reserve").exists());
}

#[test]
fn a_full_disk_takes_the_reserve_and_what_is_spared_does_not() {
    let mut scene = Scene::new();
    scene.queue(1);
    let reserve = scene.folder.path().join("reserve");
    // As many pages as there are: SQLite then answers as it does on a full disk.
    let connection = &scene.store.reader.connection;
    let n_pages: u32 = connection
        .query_row("PRAGMA page_count", (), |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "max_page_count", n_pages)
        .unwrap();
    let samples: Vec<LossSample> = (1..2000)
        .map(|iteration| LossSample {
            stage: 1,
            iteration,
            total: 1.0,
            terms: vec![("content".to_owned(), 1.0)],
        })
        .collect();
    let add = |change: &Change<'_>| change.add_losses(JobId(1), &samples);
    let error = scene.store.write_if_room(add).unwrap_err();
    assert!(error.is_full(), "{error:?}");
    assert!(reserve.exists() && !scene.store.is_short());
    let n_tries = std::cell::Cell::new(0);
    let error = scene
        .store
        .write(|change| {
            n_tries.set(n_tries.get() + 1);
            add(change)
        })
        .unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(n_tries.get(), 2);
    assert!(!reserve.exists() && scene.store.is_short());
    scene.whole();
    let connection = &scene.store.reader.connection;
    connection
        .pragma_update(None, "max_page_count", 1 << 20)
        .unwrap();
    scene.store.write(add).unwrap();
    assert!(scene.store.renew_reserve().unwrap() && reserve.exists());
    scene.whole();
}

#[test]
fn the_check_sees_histories_that_do_not_fit() {
    for sql in [
        "UPDATE history SET from_state = 'blocked' WHERE from_state IS NOT NULL",
        "DELETE FROM history WHERE from_state IS NULL",
        "UPDATE history SET to_state = 'done' WHERE from_state IS NOT NULL",
        "UPDATE jobs SET shelf = 'done'",
        "PRAGMA foreign_keys = OFF; DELETE FROM jobs",
    ] {
        let mut scene = Scene::new();
        let mut job = scene.queue(1);
        scene.run(&mut job);
        scene.whole();
        scene.store.reader.connection.execute_batch(sql).unwrap();
        assert!(!scene.store.verify().unwrap().is_empty(), "{sql}");
    }
}

#[test]
fn the_schema_refuses_what_the_code_would_never_write() {
    let mut scene = Scene::new();
    let mut job = scene.queue(1);
    scene.run(&mut job);
    for sql in [
        "UPDATE jobs SET state = 'finished', record = json_set(record, '$.state', 'finished')",
        "UPDATE jobs SET state = 'done'",
        "UPDATE jobs SET id = 2",
        "UPDATE jobs SET record = '{'",
        "UPDATE jobs SET shelf = 'watch'",
        "UPDATE attempts SET ended = 5",
        "UPDATE attempts SET ended = 5, outcome = 'failed'",
        "UPDATE attempts SET ended = 5, outcome = 'done', failure = '{}'",
        "INSERT INTO attempts (job, number, started) VALUES (1, 2, 1)",
        "INSERT INTO losses (job, seq, stage, iteration, terms) VALUES (2, 0, 1, 1, '[]')",
        "UPDATE jobs SET priority = 'high'",
    ] {
        let refused = scene.store.reader.connection.execute_batch(sql);
        assert!(refused.is_err(), "{sql}");
    }
    scene.whole();
}
