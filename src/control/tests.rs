//! Every operation on a job in every state, and the order of the queue.

use super::*;
use crate::job::Attempt;
use crate::job::AttemptEnd;
use crate::job::Failure;
use crate::job::FailureKind;
use crate::job::Lack;
use crate::job::Obstacle;
use crate::job::Painting;
use crate::job::SCHEMA;

const NOW: Timestamp = Timestamp(100);

fn states() -> Vec<JobState> {
    let failure = Failure {
        kind: FailureKind::Worker,
        reason: "it died".to_owned(),
        hint: "try again".to_owned(),
    };
    let obstacle = Obstacle {
        reason: "it is full".to_owned(),
        hint: "make room".to_owned(),
        lack: Lack::Disk,
    };
    let result = Painting {
        file: PathText("result.png".into()),
        sha256: "ab".to_owned(),
    };
    let (since, started, finished, next) = (NOW, NOW, NOW, NOW);
    vec![
        JobState::Claiming { moves: Vec::new() },
        JobState::Queued,
        JobState::Blocked { since, obstacle },
        JobState::Running { started },
        JobState::Paused { since },
        JobState::Retrying {
            next,
            failure: failure.clone(),
        },
        JobState::Done { finished, result },
        JobState::Failed { finished, failure },
        JobState::Cancelled {
            finished,
            reason: "enough".to_owned(),
        },
    ]
}

fn job(state: JobState) -> Job {
    Job {
        schema: SCHEMA,
        id: JobId(7),
        name: "harbour".to_owned(),
        created: NOW,
        profile_source: "studio default".to_owned(),
        inputs: Vec::new(),
        course: Box::default(),
        work: None,
        state,
    }
}

/// Returns the step in a word, by state.
fn steps(operation: &Operation) -> Vec<String> {
    let word = |state: JobState| {
        let job = job(state);
        let step = decide(operation, &job, &[(JobId(7), 7)], NOW);
        match step {
            Ok(Step::Enter(next)) => {
                job.clone().enter(next.clone()).unwrap();
                next.name().to_owned()
            }
            Ok(Step::Nothing) => "nothing".to_owned(),
            Ok(Step::Wish(wish)) => format!("{wish:?}"),
            Ok(Step::Revive) => "revive".to_owned(),
            Ok(Step::Rank(_)) => "rank".to_owned(),
            Ok(Step::Record(_)) => "record".to_owned(),
            Ok(Step::Profile(_)) => "profile".to_owned(),
            Err(refusal) => {
                assert!(!refusal.hint().is_empty());
                "no".to_owned()
            }
        }
    };
    states().into_iter().map(word).collect()
}

#[test]
fn what_each_operation_means_in_each_state() {
    let no = "no";
    let (pause, cancel) = ("Some(Pause)", "Some(Cancel)");
    // claiming, queued, blocked, running, paused, retrying, done, failed, cancelled
    let table = [
        (
            Operation::Pause,
            [
                no, "paused", "paused", pause, "nothing", "paused", no, no, no,
            ],
        ),
        (
            Operation::Resume,
            [
                no, "nothing", "queued", "nothing", "queued", "queued", no, no, no,
            ],
        ),
        (
            Operation::Cancel,
            [
                no,
                "cancelled",
                "cancelled",
                cancel,
                "cancelled",
                "cancelled",
                no,
                no,
                "nothing",
            ],
        ),
        (
            Operation::Retry,
            [
                no, "nothing", "queued", no, no, "queued", no, "revive", "revive",
            ],
        ),
        (
            Operation::Move(Place::First),
            [
                no, "nothing", "nothing", no, "nothing", "nothing", no, no, no,
            ],
        ),
    ];
    for (operation, expected) in table {
        assert_eq!(steps(&operation), expected, "{operation:?}");
    }
}

#[test]
fn a_wish_can_be_taken_back_until_the_worker_has_stopped() {
    let mut job = job(JobState::Running { started: NOW });
    job.course.wish = Some(Wish::Pause);
    let step = decide(&Operation::Resume, &job, &[], NOW).unwrap();
    assert_eq!(step, Step::Wish(None));
    job.course.wish = Some(Wish::Cancel);
    assert!(decide(&Operation::Resume, &job, &[], NOW).is_err());
    assert!(decide(&Operation::Pause, &job, &[], NOW).is_err());
}

/// Returns the order of the queue after a move of job 7.
fn order(mut queue: Vec<(JobId, i64)>, place: Place) -> (Vec<u32>, usize) {
    queue.sort_by_key(|(id, rank)| (*rank, *id));
    let step = decide(&Operation::Move(place), &job(JobState::Queued), &queue, NOW);
    let Ok(Step::Rank(ranks)) = step else {
        panic!("{step:?}")
    };
    for (id, rank) in &ranks {
        let entry = queue.iter_mut().find(|(other, _)| other == id).unwrap();
        entry.1 = *rank;
    }
    queue.sort_by_key(|(id, rank)| (*rank, *id));
    (queue.iter().map(|(id, _)| id.0).collect(), ranks.len())
}

#[test]
fn jobs_move_in_the_queue() {
    let queue = |gap: i64| -> Vec<_> { (5..=9).map(|n| (JobId(n), i64::from(n) * gap)).collect() };
    let cases = [
        (Place::First, [7, 5, 6, 8, 9]),
        (Place::Last, [5, 6, 8, 9, 7]),
        (Place::Before(JobId(6)), [5, 7, 6, 8, 9]),
        (Place::After(JobId(8)), [5, 6, 8, 7, 9]),
    ];
    for (place, expected) in cases {
        assert_eq!(
            order(queue(1 << 20), place),
            (expected.to_vec(), 1),
            "{place:?}"
        );
    }
    // Without gaps all are numbered anew.
    let tight = order(queue(1), Place::Before(JobId(6)));
    assert_eq!(tight, (vec![5, 7, 6, 8, 9], 5));
    let unknown = Operation::Move(Place::Before(JobId(99)));
    let step = decide(&unknown, &job(JobState::Queued), &queue(1), NOW);
    assert!(matches!(step, Err(Refusal::UnknownJob { id: JobId(99) })));
}

#[test]
fn an_edit_is_on_record_under_a_number_of_its_own() {
    let mut job = job(JobState::Running { started: NOW });
    let change = |option: &str, value: &str| {
        Operation::Edit(vec![Change {
            option: option.to_owned(),
            value: value.to_owned(),
            stage: None,
        }])
    };
    for n in 1..=2 {
        let step = decide(&change("style_weight", "500"), &job, &[], NOW);
        let Ok(Step::Record(changed)) = step else {
            panic!("{step:?}")
        };
        assert_eq!(changed.course.edits.last().unwrap().id, n);
        job = *changed;
        // Answered, its number is not used again.
        job.course.edits.clear();
    }
    for (option, value) in [
        ("network", "1"),
        ("style_weight", "inf"),
        ("style_weight", "much"),
        ("style_weight", ""),
    ] {
        assert!(decide(&change(option, value), &job, &[], NOW).is_err());
    }
}

#[test]
fn another_profile_is_for_jobs_that_have_not_begun() {
    let mut job = job(JobState::Queued);
    let revise = Operation::Revise("seed = 1\n".to_owned());
    assert!(matches!(
        decide(&revise, &job, &[], NOW),
        Ok(Step::Profile(_))
    ));
    job.course.attempts.push(Attempt {
        number: 1,
        started: NOW,
        from: None,
        ended: Some(NOW),
        end: AttemptEnd::Interrupted,
    });
    assert!(decide(&revise, &job, &[], NOW).is_err());
}

#[test]
fn only_snapshots_can_be_marked() {
    let job = job(JobState::Queued);
    let star = |file: &str| Operation::Star {
        file: PathText(file.into()),
        marked: true,
    };
    let step = decide(&star("snapshots/a.png"), &job, &[], NOW);
    assert!(matches!(step, Ok(Step::Record(job)) if job.course.starred.len() == 1));
    for file in [
        "../a.png",
        "snapshots/../a.png",
        "/a.png",
        "job.json",
        "snapshots",
        "",
    ] {
        assert!(decide(&star(file), &job, &[], NOW).is_err(), "{file}");
    }
}
