//! Attempts, snapshots and edits, and the folder the store may lie in.

use std::path::Path;

use serde_json::json;

use super::*;

#[test]
fn an_attempt_counts_from_its_beginning() {
    let mut scene = Scene::new();
    let mut job = scene.queue(1);
    assert_eq!(scene.run(&mut job), 1);
    assert_eq!(scene.store.open_attempt(JobId(1)).unwrap(), Some(1));
    let reached = Checkpoint {
        stage: 2,
        iteration: 40,
    };
    job.enter(JobState::Queued).unwrap();
    scene
        .store
        .write(|change| {
            change.set_device(JobId(1), 1, "cpu")?;
            change.set_checkpoint(JobId(1), 1, reached)?;
            let outcome = AttemptOutcome::Failed(failure());
            change.end_attempt(JobId(1), 1, &outcome, Timestamp(3500))?;
            change.update_job(&job, Timestamp(3500))
        })
        .unwrap();
    assert_eq!(scene.run(&mut job), 2);
    let attempts = scene.store.attempts(JobId(1)).unwrap();
    let first = Attempt {
        number: 1,
        started: Timestamp(3000),
        device: Some("cpu".to_owned()),
        checkpoint: Some(reached),
        end: Some((Timestamp(3500), AttemptOutcome::Failed(failure()))),
    };
    let second = Attempt {
        number: 2,
        started: Timestamp(3000),
        device: None,
        checkpoint: None,
        end: None,
    };
    assert_eq!(attempts, [first, second]);
    scene.whole();
}

#[test]
fn a_job_has_one_attempt_at_a_time_and_only_while_it_runs() {
    let mut scene = Scene::new();
    let mut job = scene.queue(1);
    let begun = scene
        .store
        .write(|change| change.begin_attempt(&job, Timestamp(1)));
    assert!(matches!(
        begun,
        Err(StoreError::NotRunning {
            state: "queued",
            ..
        })
    ));
    scene.run(&mut job);
    let second = scene
        .store
        .write(|change| change.begin_attempt(&job, Timestamp(1)));
    assert!(matches!(second, Err(StoreError::Sql { .. })), "{second:?}");
    for number in [0, 2] {
        let ended = scene.store.write(|change| {
            change.end_attempt(JobId(1), number, &AttemptOutcome::Done, Timestamp(1))
        });
        assert!(matches!(ended, Err(StoreError::NoAttempt { .. })));
    }
    let twice = scene.store.write(|change| {
        change.end_attempt(JobId(1), 1, &AttemptOutcome::Done, Timestamp(1))?;
        change.end_attempt(JobId(1), 1, &AttemptOutcome::Stopped, Timestamp(1))
    });
    assert!(matches!(
        twice,
        Err(StoreError::NoAttempt { number: 1, .. })
    ));
    assert_eq!(scene.store.open_attempt(JobId(1)).unwrap(), Some(1));
}

#[test]
fn attempts_left_open_are_interrupted() {
    let mut scene = Scene::new();
    for id in 1..=3 {
        let mut job = scene.queue(id);
        scene.run(&mut job);
    }
    let interrupt = |change: &Change<'_>| {
        change.end_attempt(JobId(2), 1, &AttemptOutcome::Stopped, Timestamp(8))?;
        change.interrupt_attempts(Timestamp(9))
    };
    let open = scene.store.write(interrupt).unwrap();
    assert_eq!(open, [(JobId(1), 1), (JobId(3), 1)]);
    let end = |id| scene.store.attempts(JobId(id)).unwrap().remove(0).end;
    assert_eq!(end(1), Some((Timestamp(9), AttemptOutcome::Interrupted)));
    assert_eq!(end(2), Some((Timestamp(8), AttemptOutcome::Stopped)));
}

#[test]
fn snapshots_are_kept_by_path() {
    let mut scene = Scene::new();
    scene.queue(1);
    let snapshot = |path: &str, iteration, bytes| Snapshot {
        path: PathBuf::from(path),
        stage: 1,
        iteration,
        bytes,
        starred: false,
        created: Timestamp(5),
    };
    let (a, b) = (
        snapshot("snapshots/a.png", 10, 100),
        snapshot("snapshots/b.png", 5, 50),
    );
    let larger = snapshot("snapshots/a.png", 10, 120);
    scene
        .store
        .write(|change| {
            change.add_snapshot(JobId(1), &a)?;
            change.add_snapshot(JobId(1), &b)?;
            change.star_snapshot(JobId(1), &a.path, true)?;
            change.add_snapshot(JobId(1), &larger)
        })
        .unwrap();
    let starred = Snapshot {
        starred: true,
        ..larger
    };
    assert_eq!(
        scene.store.snapshots(JobId(1)).unwrap(),
        [b.clone(), starred]
    );
    assert_eq!(scene.store.snapshot_bytes().unwrap(), 170);
    let forget = |change: &Change<'_>| change.forget_snapshot(JobId(1), &b.path);
    scene.store.write(forget).unwrap();
    assert_eq!(scene.store.snapshot_bytes().unwrap(), 120);
    let missing = scene.store.write(forget);
    assert!(matches!(missing, Err(StoreError::NoSnapshot { .. })));
    let stranger = scene
        .store
        .write(|change| change.add_snapshot(JobId(2), &a));
    assert!(matches!(stranger, Err(StoreError::NoJob { id: JobId(2) })));
}

#[test]
fn edits_wait_until_they_are_applied_once() {
    let mut scene = Scene::new();
    scene.queue(1);
    let edit = |option: &str, value| NewEdit {
        stage: 1,
        iteration: 30,
        option: option.to_owned(),
        value,
    };
    let (weight, rate) = (
        edit("style_weight", json!(1000)),
        edit("learning_rate", json!(0.5)),
    );
    let id = scene
        .store
        .write(|change| {
            let id = change.add_edit(JobId(1), &weight, Timestamp(6))?;
            change.add_edit(JobId(1), &rate, Timestamp(6))?;
            Ok(id)
        })
        .unwrap();
    let apply = |change: &Change<'_>| change.mark_applied(id, Timestamp(7));
    scene.store.write(apply).unwrap();
    assert!(matches!(
        scene.store.write(apply),
        Err(StoreError::NoEdit { .. })
    ));
    let edits = scene.store.edits(JobId(1)).unwrap();
    assert_eq!(
        (&edits[0].edit, edits[0].applied),
        (&weight, Some(Timestamp(7)))
    );
    assert_eq!((&edits[1].edit, edits[1].applied), (&rate, None));
    let stranger = scene
        .store
        .write(|change| change.add_edit(JobId(2), &rate, Timestamp(6)));
    assert!(matches!(stranger, Err(StoreError::NoJob { id: JobId(2) })));
}

#[test]
fn a_forgotten_job_takes_along_what_belongs_to_it() {
    let mut scene = Scene::new();
    let mut job = scene.queue(1);
    scene.run(&mut job);
    let loss = LossSample {
        stage: 1,
        iteration: 1,
        total: 1.0,
        terms: Vec::new(),
    };
    scene
        .store
        .write(|change| {
            change.add_losses(JobId(1), std::slice::from_ref(&loss))?;
            change.forget_job(JobId(1))
        })
        .unwrap();
    for table in ["jobs", "history", "attempts", "losses"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let connection = &scene.store.reader.connection;
        let n_rows: u32 = connection.query_row(&sql, (), |row| row.get(0)).unwrap();
        assert_eq!(n_rows, 0, "{table}");
    }
}

#[test]
fn network_filesystems_are_told_by_their_number() {
    let cases: [(u32, Option<&str>); 8] = [
        (0x6969, Some("NFS")),
        (0xff53_4d42, Some("CIFS")),
        (0xfe53_4d42, Some("SMB")),
        (0x0102_1997, Some("9P")),
        (0xef53, None),
        (0x0102_1994, None),
        (0x9123_683e, None),
        (0x6573_5546, None),
    ];
    for (number, name) in cases {
        assert_eq!(network_filesystem(number), name, "{number:x}");
    }
    let missing = check_folder(Path::new("/no/such/folder"));
    assert!(matches!(missing, Err(StoreError::File { .. })));
}

#[test]
fn a_reader_sees_what_was_written_and_cannot_write() {
    let mut scene = Scene::new();
    let reader = scene.store.reader().unwrap();
    assert_eq!(reader.job(JobId(1)).unwrap(), None);
    scene.queue(1);
    std::thread::scope(|scope| {
        let asked = scope.spawn(move || {
            let written = reader.connection.execute("DELETE FROM jobs", ());
            (reader.job(JobId(1)).unwrap().is_some(), written.is_err())
        });
        assert_eq!(asked.join().unwrap(), (true, true));
    });
    assert!(scene.store.job(JobId(1)).unwrap().is_some());
}
