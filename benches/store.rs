//! The job store with fifty thousand finished jobs: opening it, and what a status line asks.

use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion};
use pentimento::clock::Timestamp;
use pentimento::job::names::PathText;
use pentimento::job::{Input, Job, JobId, JobState, Painting, Role, SCHEMA};
use pentimento::store::{
    AttemptOutcome, Filter, LossSample, Page, Place, Shelf, Store, StoreError,
};
use serde_json::json;

/// How many jobs lie in the history.
const JOBS: u32 = 50_000;

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("queue.db");
    fill(&path)?;
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("store");
    let open = || Store::open(&path, Timestamp(9)).expect("it was just made");
    group.bench_function("open_50000", |bencher| bencher.iter(open));
    let mut store = open();
    // As a kill leaves it: with a log, so that all pages are looked at first.
    store.write(|change| change.set_priority(JobId(1), 1))?;
    let killed = folder.path().join("killed.db");
    std::fs::copy(&path, &killed)?;
    let log = std::fs::read(folder.path().join("queue.db-wal"))?;
    group.bench_function("open_50000_after_a_kill", |bencher| {
        bencher.iter_batched(
            || std::fs::write(folder.path().join("killed.db-wal"), &log),
            |_| Store::open(&killed, Timestamp(9)).expect("it is whole"),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("counts_50000", |bencher| bencher.iter(|| store.counts()));
    for (name, text) in [
        ("first_page", ""),
        ("rare_name", "49 harbour"),
        ("no_name", "absent"),
    ] {
        let filter = Filter {
            states: Vec::new(),
            text: text.to_owned(),
        };
        let page = Page {
            before: None,
            limit: 100,
        };
        group.bench_function(name, |bencher| bencher.iter(|| store.list(&filter, page)));
    }
    group.bench_function("folders_50000", |bencher| {
        bencher.iter(|| store.folders(Shelf::Done));
    });
    group.bench_function("line", |bencher| bencher.iter(|| store.line("queued", 10)));
    let mut iteration = 0;
    group.bench_function("commit_one_loss", |bencher| {
        bencher.iter(|| {
            iteration += 1;
            store.write(|change| change.add_losses(JobId(1), &[sample(iteration)]))
        });
    });
    group.bench_function("verify_50000", |bencher| bencher.iter(|| store.verify()));
    group.finish();
    criterion.final_summary();
    Ok(())
}

/// Takes each job through its states with an attempt and losses.
fn fill(path: &Path) -> Result<(), StoreError> {
    let mut store = Store::open(path, Timestamp(9))?;
    for first in (1..=JOBS).step_by(1000) {
        store.write(|change| {
            for id in first..first + 1000 {
                let mut job = job(id);
                let place = Place::new(Shelf::Active, format!("{}-{}", job.id, job.name));
                change.put_job(&job, &place, Timestamp(1))?;
                job.state = JobState::Running {
                    started: Timestamp(2),
                };
                let number = change.begin_attempt(&job, Timestamp(2))?;
                change.add_losses(job.id, &[sample(1), sample(2)])?;
                change.end_attempt(job.id, number, &AttemptOutcome::Done, Timestamp(3))?;
                job.state = JobState::Done {
                    finished: Timestamp(3),
                    result: Painting {
                        file: PathText(PathBuf::from("result.png")),
                        sha256: "ab".repeat(32),
                    },
                };
                let folder = format!("2026-11-23_{}_{}", job.name, job.id);
                change.put_job(&job, &Place::new(Shelf::Done, folder), Timestamp(3))?;
                change.add_event(
                    "job",
                    Some(job.id),
                    &json!({ "state": "done" }),
                    Timestamp(3),
                )?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn sample(iteration: u32) -> LossSample {
    LossSample {
        stage: 1,
        iteration,
        total: 1.5,
        terms: vec![("content".to_owned(), 0.5), ("style".to_owned(), 1.0)],
    }
}

fn job(id: u32) -> Job {
    let input = |role, file: &str| Input {
        role,
        file: PathText(PathBuf::from(file)),
        original: PathText(PathBuf::from("harbour").join(file)),
        sha256: Some("cd".repeat(32)),
    };
    Job {
        schema: SCHEMA,
        id: JobId(id),
        name: format!("{} harbour", id % 1000),
        created: Timestamp(1),
        profile_source: "studio default".to_owned(),
        inputs: vec![
            input(Role::Content, "content.jpg"),
            input(Role::Style, "style.jpg"),
        ],
        course: Box::default(),
        work: None,
        state: JobState::Queued,
    }
}
