//! Jobs, their steps, their line, their lists, and how lost rows come back.

use super::*;

#[test]
fn what_is_put_is_there_after_opening_again() {
    let mut scene = Scene::new();
    assert_eq!(*scene.store.origin(), Origin::Created);
    let job = scene.queue(7);
    let path = scene.path();
    drop(scene.store);
    let store = Store::open(&path, Timestamp(9)).unwrap();
    assert_eq!(*store.origin(), Origin::Found);
    let row = store.job(JobId(7)).unwrap().unwrap();
    assert_eq!(row.place, place(&job));
    assert_eq!((row.changed, row.priority), (Timestamp(2000), 0));
    assert_eq!(row.job, job);
    assert_eq!(store.job(JobId(8)).unwrap(), None);
    assert_eq!(store.last_job().unwrap(), Some(JobId(7)));
}

#[test]
fn every_step_is_asked_of_the_job() {
    let states = [
        JobState::Claiming { moves: Vec::new() },
        JobState::Queued,
        running(),
        done(),
        failed(),
    ];
    for from in &states {
        for to in &states {
            let mut scene = Scene::new();
            let before = job(1, from.clone());
            let after = job(1, to.clone());
            let found = [(place(&before), before.clone())];
            let rederived = |change: &Change<'_>| change.rederive(&found, Timestamp(1));
            scene.store.write(rederived).unwrap();
            let legal = from.name() == to.name() || before.clone().enter(to.clone()).is_ok();
            let put = scene.put(&after);
            assert_eq!(put.is_ok(), legal, "{from:?} to {to:?}: {put:?}");
            let stored = scene.store.job(JobId(1)).unwrap().unwrap().job;
            assert_eq!(stored, if legal { after } else { before });
            let n_steps = if legal && from.name() != to.name() {
                2
            } else {
                1
            };
            assert_eq!(scene.store.history(JobId(1)).unwrap().len(), n_steps);
            scene.whole();
        }
    }
}

#[test]
fn a_job_begins_at_the_beginning() {
    let mut scene = Scene::new();
    for state in [running(), done(), failed()] {
        let put = scene.put(&job(1, state));
        assert!(matches!(put, Err(StoreError::Beginning { .. })), "{put:?}");
    }
    let unknown = job(1, JobState::Queued);
    let updated = scene
        .store
        .write(|change| change.update_job(&unknown, Timestamp(1)));
    assert!(matches!(updated, Err(StoreError::NoJob { id: JobId(1) })));
    assert_eq!(scene.store.counts().unwrap().len(), 0);
}

#[test]
fn a_history_tells_every_step_with_its_time() {
    let mut scene = Scene::new();
    let mut job = scene.queue(1);
    scene.run(&mut job);
    job.enter(done()).unwrap();
    let shelf = Place::new(Shelf::Done, "2026-11-23_harbour_0001");
    scene
        .store
        .write(|change| change.put_job(&job, &shelf, Timestamp(4000)))
        .unwrap();
    let history = scene.store.history(JobId(1)).unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|step| (step.time.0, step.from.as_deref(), step.to.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (2000, None, "queued"),
            (3000, Some("queued"), "running"),
            (4000, Some("running"), "done"),
        ]
    );
    assert_eq!(scene.store.job(JobId(1)).unwrap().unwrap().place, shelf);
    let folders = scene.store.folders(Shelf::Done).unwrap();
    assert_eq!(folders.get(&shelf.folder), Some(&JobId(1)));
    assert!(scene.store.folders(Shelf::Active).unwrap().is_empty());
}

#[test]
fn folders_keep_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let mut scene = Scene::new();
    let job = job(1, JobState::Queued);
    let odd = Place::new(Shelf::Active, std::ffi::OsStr::from_bytes(b"0001-\xff'\n"));
    scene
        .store
        .write(|change| change.put_job(&job, &odd, Timestamp(1)))
        .unwrap();
    assert_eq!(scene.store.job(JobId(1)).unwrap().unwrap().place, odd);
}

#[test]
fn the_line_goes_by_priority_then_as_moved_then_by_number() {
    let mut scene = Scene::new();
    for id in 1..=5 {
        scene.queue(id);
    }
    let mut taken = scene.store.job(JobId(4)).unwrap().unwrap().job;
    scene.run(&mut taken);
    scene
        .store
        .write(|change| {
            change.set_priority(JobId(3), 5)?;
            change.move_to_front(JobId(5))?;
            change.move_to_front(JobId(2))
        })
        .unwrap();
    let ids = |limit| -> Vec<u32> {
        let line = scene.store.line("queued", limit).unwrap();
        line.iter().map(|row| row.job.id.0).collect()
    };
    assert_eq!(ids(10), [3, 2, 5, 1]);
    assert_eq!(ids(2), [3, 2]);
    assert_eq!(scene.store.job(JobId(3)).unwrap().unwrap().priority, 5);
    let missing = scene.store.write(|change| change.set_priority(JobId(9), 1));
    assert!(matches!(missing, Err(StoreError::NoJob { id: JobId(9) })));
}

#[test]
fn lists_are_paged_and_filtered() {
    let mut scene = Scene::new();
    for id in 1..=7 {
        scene.queue(id);
    }
    for id in [2, 5] {
        let mut job = scene.store.job(JobId(id)).unwrap().unwrap().job;
        scene.run(&mut job);
    }
    let mut odd = job(8, JobState::Queued);
    odd.name = "100%_Noon".to_owned();
    scene.put(&odd).unwrap();
    let list = |states: &[&str], text: &str, before: Option<u32>, limit| {
        let filter = Filter {
            states: states.iter().map(|&state| state.to_owned()).collect(),
            text: text.to_owned(),
        };
        let before = before.map(JobId);
        let listing = scene.store.list(&filter, Page { before, limit }).unwrap();
        let ids: Vec<u32> = listing.rows.iter().map(|row| row.job.id.0).collect();
        (ids, listing.next.map(|id| id.0))
    };
    assert_eq!(list(&[], "", None, 3), (vec![8, 7, 6], Some(6)));
    assert_eq!(list(&[], "", Some(6), 3), (vec![5, 4, 3], Some(3)));
    assert_eq!(list(&[], "", Some(3), 3), (vec![2, 1], None));
    assert_eq!(list(&[], "", None, 8).1, None);
    assert_eq!(list(&["running"], "", None, 1), (vec![5], Some(5)));
    assert_eq!(list(&["running", "done"], "", None, 9), (vec![5, 2], None));
    assert_eq!(list(&["running", "running"], "", None, 9).0, [5, 2]);
    assert_eq!(list(&[], "%_nOO", None, 9).0, [8]);
    assert_eq!(list(&[], "_", None, 9).0, [8]);
    assert_eq!(list(&[], "HARBOUR", None, 2), (vec![7, 6], Some(6)));
    assert_eq!(list(&[], "4", None, 9).0, [4]);
    assert_eq!(list(&[], "0008", None, 9).0, [8]);
    assert_eq!(list(&[], "", None, 0), (vec![], None));
    let counts = scene.store.counts().unwrap();
    let counts: Vec<_> = counts
        .iter()
        .map(|(state, n)| (state.as_str(), *n))
        .collect();
    assert_eq!(counts, [("queued", 6), ("running", 2)]);
    let unknown = Filter {
        states: vec!["finished\n".to_owned()],
        text: String::new(),
    };
    let page = Page {
        before: None,
        limit: 1,
    };
    let refused = scene.store.list(&unknown, page).unwrap_err().to_string();
    assert!(
        refused.contains("\"finished\\n\"; states are claiming,"),
        "{refused}"
    );
}

#[test]
fn lost_rows_come_back_from_the_records() {
    let mut scene = Scene::new();
    let known = scene.queue(1);
    scene.queue(2);
    let moved = Place::new(Shelf::Done, "2026-11-23_harbour 2_0002");
    let copy = Place::new(Shelf::Failed, "a copy of 1");
    let found = [
        (copy.clone(), job(1, failed())),
        (place(&known), known.clone()),
        (moved.clone(), job(2, done())),
        (place(&job(3, running())), job(3, running())),
    ];
    let rederive = |change: &Change<'_>| change.rederive(&found, Timestamp(5000));
    let rederived = scene.store.write(rederive).unwrap();
    let expected = Rederived {
        n_added: 1,
        n_changed: 1,
        doubled: vec![(JobId(1), copy.clone())],
    };
    assert_eq!(rederived, expected);
    assert_eq!(scene.store.job(JobId(1)).unwrap().unwrap().job, known);
    let row = scene.store.job(JobId(2)).unwrap().unwrap();
    assert_eq!((row.job, row.place), (job(2, done()), moved));
    assert_eq!(row.changed, Timestamp(5000));
    let last = scene.store.history(JobId(2)).unwrap().pop().unwrap();
    assert_eq!(last.cause, Cause::Rederived);
    assert_eq!(
        (last.from.as_deref(), last.to.as_str()),
        (Some("queued"), "done")
    );
    let again = scene.store.write(rederive).unwrap();
    assert_eq!((again.n_added, again.n_changed), (0, 0));
    scene.whole();
}

#[test]
fn a_record_that_cannot_be_understood_names_its_job_and_is_made_up_for() {
    let mut scene = Scene::new();
    let job = scene.queue(3);
    scene
        .store
        .reader
        .connection
        .execute(
            "UPDATE jobs SET record = json_set(record, '$.created', 'noon')",
            (),
        )
        .unwrap();
    let error = scene.store.job(JobId(3)).unwrap_err().to_string();
    assert!(error.contains("job 0003"), "{error}");
    let found = [(place(&job), job.clone())];
    let rederived = scene
        .store
        .write(|change| change.rederive(&found, Timestamp(1)))
        .unwrap();
    assert_eq!(rederived.n_changed, 1);
    assert_eq!(scene.store.job(JobId(3)).unwrap().unwrap().job, job);
    scene.whole();
}

#[test]
fn duplicates_are_found_by_what_they_were_made_from() {
    let mut scene = Scene::new();
    let input = |role, sha256: Option<&str>| Input {
        role,
        file: PathText(PathBuf::from("a")),
        original: PathText(PathBuf::from("b")),
        sha256: sha256.map(str::to_owned),
    };
    let (content, style) = (
        input(Role::Content, Some("1")),
        input(Role::Style, Some("2")),
    );
    let print = fingerprint(&[content.clone(), style.clone()], "size = 1").unwrap();
    let mut renamed = content.clone();
    renamed.file = PathText(PathBuf::from("other"));
    assert_eq!(
        fingerprint(&[renamed, style.clone()], "size = 1").as_ref(),
        Some(&print)
    );
    let others = [
        fingerprint(&[content.clone(), style.clone()], "size = 2"),
        fingerprint(&[style.clone(), content.clone()], "size = 1"),
        fingerprint(std::slice::from_ref(&content), "size = 1"),
        fingerprint(
            &[content.clone(), input(Role::Content, Some("2"))],
            "size = 1",
        ),
    ];
    for other in others {
        assert_ne!(other.unwrap(), print);
    }
    assert_eq!(fingerprint(&[content, input(Role::Style, None)], ""), None);

    for id in 1..=3 {
        scene.queue(id);
    }
    scene
        .store
        .write(|change| {
            change.set_fingerprint(JobId(1), &print)?;
            change.set_fingerprint(JobId(3), &print)
        })
        .unwrap();
    assert_eq!(
        scene.store.with_fingerprint(&print).unwrap(),
        [JobId(1), JobId(3)]
    );
    assert!(scene.store.with_fingerprint("else").unwrap().is_empty());
    let row = scene.store.job(JobId(1)).unwrap().unwrap();
    assert_eq!(row.fingerprint, Some(print));
}
