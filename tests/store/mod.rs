//! The job store from the outside: what it keeps through kills, cuts, full disks and versions.

mod crash;
mod full;
mod properties;
mod released;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use pentimento::clock::Timestamp;
use pentimento::job::names::PathText;
use pentimento::job::{
    Failure, FailureKind, Input, Job, JobId, JobState, Lack, Obstacle, Painting, Role, SCHEMA,
};
use pentimento::store::{Place, Shelf};

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

/// One state of each kind that a job goes through.
fn states() -> Vec<JobState> {
    vec![
        JobState::Claiming { moves: Vec::new() },
        JobState::Queued,
        JobState::Blocked {
            since: Timestamp(2500),
            obstacle: Obstacle {
                reason: "it is not installed".to_owned(),
                hint: "install it".to_owned(),
                lack: Lack::Network,
            },
        },
        JobState::Running {
            started: Timestamp(3000),
        },
        JobState::Done {
            finished: Timestamp(4000),
            result: Painting {
                file: PathText(PathBuf::from("result.png")),
                sha256: "ab".to_owned(),
            },
        },
        JobState::Failed {
            finished: Timestamp(4000),
            failure: failure(),
        },
    ]
}

fn failure() -> Failure {
    Failure {
        kind: FailureKind::Disk,
        reason: "the disk is full".to_owned(),
        hint: "make room".to_owned(),
    }
}

/// Returns the command that runs one test of this file's modules again, in a process of its own
/// that finds `folder` in the environment.
fn again(runner: Option<(&str, &[&str])>, test: &str, folder: &Path) -> Command {
    let exe = std::env::current_exe().unwrap();
    let mut command = match runner {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(folder).arg(exe);
            command
        }
        None => Command::new(exe),
    };
    command
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(FOLDER, folder);
    command
}

/// Names the folder that a test which was started again works in.
const FOLDER: &str = "PENTIMENTO_TEST_STORE";

/// Returns the folder to work in, in a process that [`again`] started.
fn folder_given() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

fn database(folder: &Path) -> PathBuf {
    folder.join(OsStr::new("queue.db"))
}
