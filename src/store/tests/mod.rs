//! The store from the inside: what its parts promise, on databases in temporary folders.

mod events;
mod jobs;
mod losses;
mod parts;
mod schema;
mod trouble;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Input;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Painting;
use crate::job::Role;
use crate::job::SCHEMA;
use crate::job::names::PathText;

/// A store in a folder of its own.
struct Scene {
    folder: TempDir,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("queue.db"), Timestamp(1000)).unwrap();
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("queue.db")
    }

    /// Records a job that is queued.
    fn queue(&mut self, id: u32) -> Job {
        let job = job(id, JobState::Queued);
        self.put(&job).unwrap();
        job
    }

    fn put(&mut self, job: &Job) -> Result<(), StoreError> {
        let place = place(job);
        self.store
            .write(|change| change.put_job(job, &place, Timestamp(2000)))
    }

    /// Begins an attempt and returns its number.
    fn run(&mut self, job: &mut Job) -> u32 {
        job.enter(running()).unwrap();
        let job = &*job;
        self.store
            .write(|change| change.begin_attempt(job, Timestamp(3000)))
            .unwrap()
    }

    fn whole(&self) {
        assert_eq!(self.store.verify().unwrap(), Vec::<String>::new());
    }
}

fn job(id: u32, state: JobState) -> Job {
    Job {
        schema: SCHEMA,
        id: JobId(id),
        name: format!("harbour {id}"),
        created: Timestamp(1500),
        profile_source: "studio default".to_owned(),
        inputs: vec![Input {
            role: Role::Content,
            file: PathText(PathBuf::from("content.png")),
            original: PathText(PathBuf::from("harbour/content.png")),
            sha256: Some("00".to_owned()),
        }],
        course: Box::default(),
        work: None,
        state,
    }
}

fn place(job: &Job) -> Place {
    Place::new(Shelf::Active, format!("{}-{}", job.id, job.name))
}

fn running() -> JobState {
    JobState::Running {
        started: Timestamp(3000),
    }
}

fn done() -> JobState {
    JobState::Done {
        finished: Timestamp(4000),
        result: Painting {
            file: PathText(PathBuf::from("result.png")),
            sha256: "ab".to_owned(),
        },
    }
}

fn failure() -> Failure {
    Failure {
        kind: FailureKind::Memory,
        reason: "it does not fit".to_owned(),
        hint: "paint it smaller".to_owned(),
    }
}

fn failed() -> JobState {
    JobState::Failed {
        finished: Timestamp(4000),
        failure: failure(),
    }
}
