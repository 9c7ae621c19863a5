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
            },
        },
        JobState::Running {
            started: Timestamp(7),
        },
        JobState::Done {
            finished: Timestamp(8),
            result: painting,
        },
        JobState::Failed {
            finished: Timestamp(9),
            failure,
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
        work: None,
        state,
    }
}

#[test]
fn transitions_are_exactly_these() {
    let legal = [
        ("claiming", "queued"),
        ("claiming", "failed"),
        ("queued", "running"),
        ("queued", "blocked"),
        ("queued", "failed"),
        ("blocked", "queued"),
        ("blocked", "failed"),
        ("running", "queued"),
        ("running", "blocked"),
        ("running", "done"),
        ("running", "failed"),
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
fn pictures_by_role() {
    let job = job(JobState::Queued);
    assert_eq!(job.content(), Some(Path::new("content.jpg")));
    assert_eq!(
        job.styles().collect::<Vec<_>>(),
        [Path::new("style1.png"), "style2.png".as_ref()]
    );
    assert_eq!(JobId(7).to_string(), "0007");
}
