//! The transition table over all pairs of states, and the record's way through JSON.

use std::path::PathBuf;

use super::*;

fn states() -> Vec<JobState> {
    let path = |text: &str| PathText(PathBuf::from(text));
    let failure = Failure {
        kind: FailureKind::Worker,
        reason: "it died".to_owned(),
        hint: "try again".to_owned(),
    };
    let painting = Painting {
        file: path("result.png"),
        sha256: "ab".to_owned(),
    };
    vec![
        JobState::Claiming {
            moves: vec![Move {
                from: path("harbour"),
                to: path("inputs"),
                keeps: false,
            }],
        },
        JobState::Queued,
        JobState::Blocked {
            since: Timestamp(6),
            obstacle: Obstacle {
                reason: "it is not installed".to_owned(),
                hint: "install it".to_owned(),
                lack: Lack::Network,
            },
        },
        JobState::Running {
            started: Timestamp(7),
        },
        JobState::Paused {
            since: Timestamp(7),
        },
        JobState::Retrying {
            next: Timestamp(8),
            failure: failure.clone(),
        },
        JobState::Done {
            finished: Timestamp(8),
            result: painting,
        },
        JobState::Failed {
            finished: Timestamp(9),
            failure,
        },
        JobState::Cancelled {
            finished: Timestamp(9),
            reason: "enough".to_owned(),
        },
    ]
}

fn job(state: JobState) -> Job {
    let input = |role, file: &str| Input {
        role,
        file: PathText(PathBuf::from(file)),
        original: PathText(PathBuf::from("harbour").join(file)),
        sha256: Some("00".to_owned()),
    };
    Job {
        schema: SCHEMA,
        id: JobId(42),
        name: "harbour".to_owned(),
        created: Timestamp(5),
        profile_source: "studio default".to_owned(),
        inputs: vec![
            input(Role::Content, "content.jpg"),
            input(Role::Style, "style1.png"),
            input(Role::Style, "style2.png"),
        ],
        course: Box::default(),
        work: None,
        state,
    }
}

fn failure(kind: FailureKind) -> Failure {
    Failure {
        kind,
        reason: "it died".to_owned(),
        hint: "try again".to_owned(),
    }
}

const MARK: Mark = Mark {
    stage: 1,
    iteration: 100,
};

#[test]
fn transitions_are_exactly_these() {
    let legal = [
        ("claiming", "queued"),
        ("claiming", "failed"),
        ("claiming", "cancelled"),
        ("queued", "running"),
        ("queued", "blocked"),
        ("queued", "paused"),
        ("queued", "failed"),
        ("queued", "cancelled"),
        ("blocked", "queued"),
        ("blocked", "paused"),
        ("blocked", "failed"),
        ("blocked", "cancelled"),
        ("running", "queued"),
        ("running", "blocked"),
        ("running", "paused"),
        ("running", "retrying"),
        ("running", "done"),
        ("running", "failed"),
        ("running", "cancelled"),
        ("paused", "queued"),
        ("paused", "failed"),
        ("paused", "cancelled"),
        ("retrying", "queued"),
        ("retrying", "paused"),
        ("retrying", "failed"),
        ("retrying", "cancelled"),
        ("failed", "queued"),
        ("cancelled", "queued"),
    ];
    for from in states() {
        for to in states() {
            let expected = legal.contains(&(from.name(), to.name()));
            let mut job = job(from.clone());
            assert_eq!(
                job.enter(to.clone()).is_ok(),
                expected,
                "{from:?} to {to:?}"
            );
            assert_eq!(job.state, if expected { to } else { from.clone() });
        }
    }
}

#[test]
fn records_survive_json() {
    for state in states() {
        let job = job(state);
        let json = serde_json::to_string_pretty(&job).unwrap();
        assert!(
            json.contains(&format!("\"state\": \"{}\"", job.state.name())),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), job);
    }
}

#[test]
fn the_list_of_names_is_complete() {
    let names: Vec<_> = states().iter().map(JobState::name).collect();
    assert_eq!(names, JobState::NAMES);
}

#[test]
fn a_record_of_an_earlier_version_reads() {
    let json = r#"{ "schema": 1, "id": 7, "name": "harbour", "created": "2026-11-23T20:14:00Z",
        "profile_source": "studio default", "inputs": [], "state": "queued" }"#;
    let job: Job = serde_json::from_str(json).unwrap();
    assert_eq!(*job.course, Course::default());
    assert_eq!(job.rank(), (7 << 20, 7));
}

#[test]
fn three_attempts_in_a_row_that_bring_nothing_are_the_end() {
    let mut job = job(JobState::Queued);
    let backoff = Backoff::default();
    let died = failure(FailureKind::Worker);
    let attempt = |job: &mut Job, mark: Option<Mark>| {
        job.state = JobState::Queued;
        job.claim_attempt(Timestamp(1)).unwrap();
        if let Some(mark) = mark {
            job.note_checkpoint(mark);
        }
        job.fail_attempt(&died, Timestamp(2), backoff)
    };
    assert_eq!(attempt(&mut job, None), Next::Again(backoff.first));
    assert_eq!(attempt(&mut job, None), Next::Again(backoff.later));
    // A newer checkpoint breaks the row; the same one again does not.
    assert_eq!(attempt(&mut job, Some(MARK)), Next::Again(backoff.first));
    assert_eq!(attempt(&mut job, Some(MARK)), Next::Again(backoff.first));
    assert_eq!(attempt(&mut job, None), Next::Again(backoff.later));
    assert_eq!(attempt(&mut job, None), Next::GiveUp);
    assert_eq!(job.course.attempts.len(), 6);
    job.forgive();
    assert_eq!(attempt(&mut job, None), Next::Again(backoff.first));
    assert_eq!(job.course.attempts.last().unwrap().number, 7);
}

#[test]
fn interruptions_and_shortages_count_for_nothing() {
    let mut job = job(JobState::Queued);
    for _ in 0..5 {
        job.claim_attempt(Timestamp(1)).unwrap();
        assert_eq!(job.course.tries, 1, "counted at the claim");
        job.interrupt_attempt(Timestamp(2)).unwrap();
        assert_eq!((job.course.tries, &job.state), (0, &JobState::Queued));
        job.claim_attempt(Timestamp(1)).unwrap();
        let full = failure(FailureKind::Disk);
        let next = job.fail_attempt(&full, Timestamp(2), Backoff::default());
        assert_eq!((next, job.course.tries), (Next::Wait(Lack::Disk), 0));
        job.state = JobState::Queued;
    }
}

#[test]
fn a_wish_decides_what_an_interrupted_job_becomes() {
    let cases = [
        (None, "queued"),
        (Some(Wish::Pause), "paused"),
        (Some(Wish::Cancel), "cancelled"),
    ];
    for (wish, state) in cases {
        let mut job = job(JobState::Queued);
        job.claim_attempt(Timestamp(1)).unwrap();
        job.course.wish = wish;
        job.interrupt_attempt(Timestamp(2)).unwrap();
        assert_eq!((job.state.name(), job.course.wish), (state, None));
        assert_eq!(job.course.attempts[0].end, AttemptEnd::Interrupted);
    }
}

#[test]
fn a_record_keeps_the_last_attempts_only() {
    let mut job = job(JobState::Queued);
    for _ in 0..70 {
        job.claim_attempt(Timestamp(1)).unwrap();
        job.interrupt_attempt(Timestamp(2)).unwrap();
    }
    let numbers: Vec<_> = job.course.attempts.iter().map(|a| a.number).collect();
    assert_eq!(numbers, (21..=70).collect::<Vec<_>>());
    let json = serde_json::to_string(&job).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), job);
}

#[test]
fn pictures_by_role() {
    let job = job(JobState::Queued);
    assert_eq!(job.content(), Some(Path::new("content.jpg")));
    assert_eq!(
        job.styles().collect::<Vec<_>>(),
        [Path::new("style1.png"), "style2.png".as_ref()]
    );
    assert_eq!(JobId(7).to_string(), "0007");
}
