//! Cancelling a job: it ends in `failed/`, with the reason and the last good picture.

use crate::clock::Timestamp;
use crate::control::Refusal;
use crate::control::Step;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Wish;

/// Decides what cancelling means for a job.
pub(super) fn decide(job: &Job, now: Timestamp) -> Result<Step, Refusal> {
    match job.state {
        JobState::Running { .. } => Ok(Step::Wish(Some(Wish::Cancel))),
        JobState::Queued
        | JobState::Blocked { .. }
        | JobState::Paused { .. }
        | JobState::Retrying { .. } => Ok(Step::Enter(JobState::Cancelled {
            finished: now,
            reason: format!("it was cancelled while it was {}", job.state.name()),
        })),
        JobState::Cancelled { .. } => Ok(Step::Nothing),
        JobState::Claiming { .. } | JobState::Done { .. } | JobState::Failed { .. } => {
            Err(Refusal::NotNow {
                id: job.id,
                done: "cancelled",
                state: job.state.name(),
                hint: "only a job that is not over can",
            })
        }
    }
}
