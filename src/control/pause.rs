//! Pausing a job: it keeps its place and what was painted, and gives its device back.

use crate::clock::Timestamp;
use crate::control::Refusal;
use crate::control::Step;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Wish;

/// Decides what pausing means for a job.
pub(super) fn decide(job: &Job, now: Timestamp) -> Result<Step, Refusal> {
    match job.state {
        JobState::Queued | JobState::Blocked { .. } | JobState::Retrying { .. } => {
            Ok(Step::Enter(JobState::Paused { since: now }))
        }
        JobState::Running { .. } if job.course.wish == Some(Wish::Cancel) => {
            Err(refused(job, "it is being cancelled"))
        }
        JobState::Running { .. } => Ok(Step::Wish(Some(Wish::Pause))),
        JobState::Paused { .. } => Ok(Step::Nothing),
        JobState::Claiming { .. }
        | JobState::Done { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => Err(refused(job, "only a job that is not over can")),
    }
}

fn refused(job: &Job, hint: &'static str) -> Refusal {
    Refusal::NotNow {
        id: job.id,
        done: "paused",
        state: job.state.name(),
        hint,
    }
}
