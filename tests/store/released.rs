//! A database of each schema that was released opens and holds what it held.
//!
//! When a schema is released, run the test with `PENTIMENTO_WRITE_STORE` naming the new file; when
//! it is changed later, what is asked here may grow, and the files stay as they are.

use std::path::{Path, PathBuf};

use pentimento::clock::Timestamp;
use pentimento::job::{Job, JobId, JobState};
use pentimento::store::{
    AttemptOutcome, Checkpoint, EventId, Filter, LossSample, NewEdit, Page, Place, Shelf, Snapshot,
    Store, fingerprint,
};
use serde_json::json;

use super::{failure, job, place, states};

const RELEASED: [&str; 1] = ["schema-0001.db"];

/// Three jobs: one done after a failed attempt, one failed, one running, with all that belongs to
/// them.
fn fill(store: &mut Store) {
    let states = states();
    let [_, queued, _, running, done, failed] = states.as_slice() else {
        panic!("the states are others");
    };
    for id in 1..=3 {
        step(store, &job(id, queued.clone()), None);
        attempt(store, &job(id, running.clone()));
    }
    let end = |store: &mut Store, id, number, outcome: &AttemptOutcome| {
        store
            .write(|change| change.end_attempt(JobId(id), number, outcome, Timestamp(4000)))
            .unwrap();
    };
    end(store, 1, 1, &AttemptOutcome::Failed(failure()));
    step(store, &job(1, queued.clone()), None);
    attempt(store, &job(1, running.clone()));
    end(store, 1, 2, &AttemptOutcome::Done);
    let shelf = Place::new(Shelf::Done, "2026-11-23_harbour 1_0001");
    step(store, &job(1, done.clone()), Some(shelf));
    end(store, 2, 1, &AttemptOutcome::Failed(failure()));
    let shelf = Place::new(Shelf::Failed, "2026-11-23_harbour 2_0002");
    step(store, &job(2, failed.clone()), Some(shelf));
    parts(store);
}

fn step(store: &mut Store, job: &Job, shelf: Option<Place>) {
    let place = shelf.unwrap_or_else(|| place(job));
    store
        .write(|change| {
            change.put_job(job, &place, Timestamp(4500))?;
            let payload = json!({ "state": job.state.name() });
            change.add_event("job", Some(job.id), &payload, Timestamp(4500))
        })
        .unwrap();
}

fn attempt(store: &mut Store, job: &Job) {
    let reached = Checkpoint {
        stage: 1,
        iteration: 60,
    };
    store
        .write(|change| {
            let number = change.begin_attempt(job, Timestamp(3000))?;
            change.set_device(job.id, number, "cpu")?;
            change.set_checkpoint(job.id, number, reached)
        })
        .unwrap();
}

fn parts(store: &mut Store) {
    let snapshot = Snapshot {
        path: PathBuf::from("snapshots/1-0060.png"),
        stage: 1,
        iteration: 60,
        bytes: 12_345,
        starred: true,
        created: Timestamp(3500),
    };
    let losses: Vec<LossSample> = (1..=20)
        .map(|iteration| LossSample {
            stage: 1,
            iteration,
            total: 1.0 / f64::from(iteration),
            terms: vec![("content".to_owned(), 0.25)],
        })
        .collect();
    let edit = NewEdit {
        stage: 1,
        iteration: 61,
        option: "style_weight".to_owned(),
        value: json!(2000.0),
    };
    let print = fingerprint(&job(3, JobState::Queued).inputs, "size = 512").unwrap();
    store
        .write(|change| {
            change.add_snapshot(JobId(3), &snapshot)?;
            change.add_losses(JobId(3), &losses)?;
            let id = change.add_edit(JobId(3), &edit, Timestamp(3600))?;
            change.mark_applied(id, Timestamp(3700))?;
            change.set_fingerprint(JobId(3), &print)?;
            change.set_priority(JobId(3), 2)
        })
        .unwrap();
}

/// Everything that can be asked of a store, in words.
fn told(store: &Store) -> Vec<String> {
    let page = Page {
        before: None,
        limit: 100,
    };
    let mut told = vec![
        format!("{:?}", store.list(&Filter::default(), page).unwrap()),
        format!("{:?}", store.counts().unwrap()),
        format!("{:?}", store.line("running", 9).unwrap()),
        format!("{:?}", store.events_since(EventId(0), 100).unwrap().events),
        format!("{:?}", store.folders(Shelf::Done).unwrap()),
        format!("{}", store.snapshot_bytes().unwrap()),
    ];
    for id in (1..=3).map(JobId) {
        told.push(format!("{:?}", store.history(id).unwrap()));
        told.push(format!("{:?}", store.attempts(id).unwrap()));
        told.push(format!("{:?}", store.snapshots(id).unwrap()));
        told.push(format!("{:?}", store.losses(id).unwrap()));
        told.push(format!("{:?}", store.edits(id).unwrap()));
    }
    told
}

#[test]
fn every_released_schema_opens_and_holds_what_it_held() {
    let folder = tempfile::tempdir().unwrap();
    let mut fresh = Store::open(&folder.path().join("fresh.db"), Timestamp(1000)).unwrap();
    fill(&mut fresh);
    if let Some(to) = std::env::var_os("PENTIMENTO_WRITE_STORE") {
        fresh.backup_to(Path::new(&to)).unwrap();
    }
    for name in RELEASED {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/store")
            .join(name);
        let copy = folder.path().join(name);
        std::fs::copy(&from, &copy).unwrap();
        let mut store = Store::open(&copy, Timestamp(9000)).unwrap();
        assert_eq!(told(&store), told(&fresh), "{name}");
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());
        store
            .write(|change| {
                let job = job(4, JobState::Queued);
                change.put_job(&job, &place(&job), Timestamp(9000))
            })
            .unwrap();
        assert_eq!(store.last_job().unwrap(), Some(JobId(4)));
    }
}
