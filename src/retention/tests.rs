//! Tests of retention: the decision over made-up jobs, then with files.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const DAY: u64 = 86_400;

/// A job with a snapshot of 10 bytes every 100 steps.
fn job(id: u32, phase: Phase, count: u64) -> JobSnapshots {
    let snapshots = (1..=count).map(|n| Snapshot {
        path: PathBuf::from(format!("{id}/{:06}.png", n * 100)),
        stage: 1,
        step: n * 100,
        bytes: 10,
        is_starred: false,
    });
    JobSnapshots {
        id,
        phase,
        snapshots: snapshots.collect(),
    }
}

fn ended(days: u64) -> Phase {
    Phase::Ended(Timestamp(days * DAY))
}

fn budget(bytes: u64) -> Rules {
    Rules {
        budget: Some(bytes),
        keep_days: None,
    }
}

/// The hundreds of the snapshots that stay in a job.
fn stay(job: &JobSnapshots, plan: &Plan) -> Vec<u64> {
    let is_gone = |path: &Path| plan.removals.iter().any(|r| r.path == path);
    let kept = job.snapshots.iter().filter(|s| !is_gone(&s.path));
    kept.map(|s| s.step / 100).collect()
}

#[test]
fn without_rules_nothing_goes() {
    let jobs = [job(1, ended(0), 50)];
    let plan = plan(&jobs, &Rules::default(), Timestamp(9_999 * DAY));
    assert_eq!(plan.removals, []);
    assert_eq!((plan.left, plan.over), (500, 0));
}

#[test]
fn a_job_is_thinned_evenly() {
    let jobs = [job(1, ended(1), 9)];
    let stays = |bytes| stay(&jobs[0], &plan(&jobs, &budget(bytes), Timestamp(DAY)));
    assert_eq!(stays(90), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(stays(80), [1, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(stays(50), [1, 3, 5, 7, 9]);
    assert_eq!(stays(30), [1, 5, 9]);
    assert_eq!(stays(20), [1, 9]);
    assert_eq!(stays(10), [9]);
    assert_eq!(stays(0), [9]);
    assert_eq!(plan(&jobs, &budget(0), Timestamp(DAY)).over, 10);
}

#[test]
fn all_jobs_are_thinned_before_one_is_thinned_twice_the_oldest_first() {
    let jobs = [
        job(7, Phase::Alive, 5),
        job(2, ended(2), 5),
        job(3, ended(1), 5),
    ];
    let plan = plan(&jobs, &budget(90), Timestamp(3 * DAY));
    let order: Vec<(u32, &Path)> = plan
        .removals
        .iter()
        .map(|r| (r.job, r.path.as_path()))
        .collect();
    assert_eq!(
        order,
        [
            (3, Path::new("3/000200.png")),
            (3, Path::new("3/000400.png")),
            (2, Path::new("2/000200.png")),
            (2, Path::new("2/000400.png")),
            (7, Path::new("7/000200.png")),
            (7, Path::new("7/000400.png")),
        ]
    );
    assert_eq!((plan.freed, plan.left), (60, 90));
}

#[test]
fn first_pictures_and_stage_ends_go_last_and_stars_never() {
    let mut jobs = [job(1, ended(1), 8), job(2, ended(2), 8)];
    for snapshot in &mut jobs[0].snapshots[4..] {
        snapshot.stage = 2;
    }
    jobs[1].snapshots[2].is_starred = true;
    let stays = |bytes| {
        let plan = plan(&jobs, &budget(bytes), Timestamp(DAY));
        [stay(&jobs[0], &plan), stay(&jobs[1], &plan)]
    };
    assert_eq!(stays(60), [vec![1, 4, 8], vec![1, 3, 8]]);
    assert_eq!(stays(40), [vec![8], vec![1, 3, 8]]);
    assert_eq!(stays(0), [vec![8], vec![3, 8]]);
}

#[test]
fn old_jobs_keep_what_marks_their_way() {
    let jobs = [
        job(1, ended(1), 5),
        job(2, ended(50), 5),
        job(3, Phase::Alive, 5),
    ];
    let rules = Rules {
        budget: None,
        keep_days: Some(30),
    };
    let plan = plan(&jobs, &rules, Timestamp(60 * DAY));
    assert_eq!(stay(&jobs[0], &plan), [1, 5]);
    assert_eq!(stay(&jobs[1], &plan).len(), 5);
    assert_eq!(stay(&jobs[2], &plan).len(), 5);
    let back = super::plan(&jobs, &rules, Timestamp(0));
    assert_eq!(back.removals, [], "the clock was set back");
}

#[test]
fn a_clock_that_was_set_is_noticed() {
    let start = (Timestamp(1_000_000), Duration::from_secs(5));
    let later = |calendar: u64, monotonic| {
        let now = (Timestamp(calendar), Duration::from_secs(monotonic));
        is_steady(start, now)
    };
    assert!(later(1_003_600, 3_605));
    assert!(later(1_000_000 + 8 * 3600, 65), "a night asleep");
    assert!(!later(1_000_000 - DAY, 65));
    assert!(!later(1_000_000 + 3650 * DAY, 65));
}

proptest! {
    #[test]
    fn what_must_stay_stays(
        counts in prop::collection::vec((0_u64..30, 0_u64..5), 1..8),
        stars in prop::collection::vec(any::<bool>(), 30),
        bytes in 0_u64..3000,
    ) {
        let jobs: Vec<JobSnapshots> = counts.iter().zip(1..).map(|((count, end), id)| {
            let phase = if *end == 0 { Phase::Alive } else { ended(*end) };
            let mut job = job(id, phase, *count);
            for (snapshot, star) in job.snapshots.iter_mut().zip(&stars) {
                snapshot.is_starred = *star;
            }
            job
        }).collect();
        let total: u64 = jobs.iter().flat_map(|j| &j.snapshots).map(|s| s.bytes).sum();
        let first = plan(&jobs, &budget(bytes), Timestamp(DAY));
        prop_assert_eq!(&first, &plan(&jobs, &budget(bytes), Timestamp(DAY)));
        prop_assert_eq!(first.freed + first.left, total);
        prop_assert_eq!(first.over, first.left.saturating_sub(bytes));
        let mut spared = 0;
        for job in &jobs {
            let left = stay(job, &first);
            for (index, snapshot) in job.snapshots.iter().enumerate() {
                if snapshot.is_starred || index + 1 == job.snapshots.len() {
                    spared += snapshot.bytes;
                    prop_assert!(left.contains(&(snapshot.step / 100)));
                }
            }
        }
        prop_assert!(first.left <= bytes.max(spared));
        // Not one more than needed.
        if let Some(last) = first.removals.last() {
            prop_assert!(first.left + last.bytes > bytes);
        }
    }
}

struct Place {
    _dir: tempfile::TempDir,
    studio: Studio,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        Self { _dir: dir, studio }
    }

    fn done(&self, id: u32, names: &[&str]) -> PathBuf {
        let folder = self.studio.done.join(format!("2026-11-23_a_{id:04}"));
        fs::create_dir_all(folder.join("snapshots")).unwrap();
        for name in names {
            fs::write(folder.join("snapshots").join(name), "0123456789").unwrap();
        }
        fs::write(folder.join("result.png"), "result").unwrap();
        let record = json!({
            "schema": 1, "id": id, "name": "a", "created": "2026-11-23T00:00:00Z",
            "profile_source": "x", "inputs": [], "state": "done",
            "finished": "2026-11-23T00:00:00Z", "result": { "file": "result.png", "sha256": "0" }
        });
        fs::write(folder.join("job.json"), record.to_string()).unwrap();
        folder
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn only_snapshots_are_ever_removed() {
    let place = Place::new();
    let all = [
        "s1_000100.png",
        "s1_000200.png",
        "s2_000100.png",
        "s2_000200.png",
        "mine.png",
    ];
    let folder = place.done(1, &all);
    let record = folder.join("job.json");
    let mut job: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    job["course"] = json!({ "starred": ["snapshots/s1_000200.png"] });
    fs::write(&record, job.to_string()).unwrap();
    let (plan, removed) = tidy(&place.studio, &budget(0), Timestamp(0)).unwrap();
    assert_eq!((removed.gone.len(), removed.bytes), (2, 20));
    assert!(removed.failures.is_empty());
    assert_eq!(plan.over, 20);
    assert_eq!(
        names(&folder.join("snapshots")),
        ["mine.png", "s1_000200.png", "s2_000200.png"]
    );
    assert_eq!(names(&folder), ["job.json", "result.png", "snapshots"]);
}

#[test]
fn stages_follow_each_other_in_steps() {
    let place = Place::new();
    place.done(1, &["s1_000100.png", "s1_000300.png", "s2_000050.png"]);
    let jobs = scan(&place.studio).unwrap();
    let steps: Vec<u64> = jobs[0].snapshots.iter().map(|s| s.step).collect();
    assert_eq!(steps, [100, 300, 350]);
    assert_eq!(jobs[0].id, 1);
}

#[test]
fn links_lead_nowhere() {
    let place = Place::new();
    let outside = place.studio.root.join("outside");
    fs::create_dir(&outside).unwrap();
    for name in ["000100.png", "000200.png", "000300.png"] {
        fs::write(outside.join(name), "0123456789").unwrap();
    }
    let folder = place.done(1, &[]);
    fs::remove_dir(folder.join("snapshots")).unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("snapshots")).unwrap();
    std::os::unix::fs::symlink(&folder, place.studio.done.join("linked")).unwrap();
    assert_eq!(scan(&place.studio).unwrap(), []);
    // Nor does a plan that was made before the folder was exchanged for a link.
    let plan = Plan {
        removals: vec![Removal {
            job: 1,
            path: folder.join("snapshots/000200.png"),
            bytes: 10,
        }],
        ..Plan::default()
    };
    assert_eq!(remove(&plan).failures.len(), 1);
    assert_eq!(names(&outside).len(), 3);
}

#[test]
fn a_file_that_changed_is_kept_and_one_that_is_gone_is_no_trouble() {
    let place = Place::new();
    let folder = place.done(1, &["000100.png", "000200.png", "000300.png"]);
    let jobs = scan(&place.studio).unwrap();
    let plan = plan(&jobs, &budget(0), Timestamp(0));
    assert_eq!(plan.removals.len(), 2);
    fs::write(folder.join("snapshots/000200.png"), "painted anew").unwrap();
    fs::remove_file(folder.join("snapshots/000100.png")).unwrap();
    let removed = remove(&plan);
    assert_eq!(removed.gone.len(), 1);
    assert!(matches!(
        removed.failures[..],
        [RetentionError::Changed { .. }]
    ));
    assert_eq!(
        names(&folder.join("snapshots")),
        ["000200.png", "000300.png"]
    );
}

#[test]
fn folders_that_are_no_jobs_are_left_alone() {
    let place = Place::new();
    let folder = place.done(1, &["000100.png", "000200.png", "000300.png"]);
    fs::write(folder.join("job.json"), "{").unwrap();
    let (plan, _) = tidy(&place.studio, &budget(0), Timestamp(0)).unwrap();
    assert_eq!(plan.removals, []);
    fs::remove_dir_all(&place.studio.failed).unwrap();
    assert!(scan(&place.studio).is_ok());
}
