//! Trying a job again: one that is over comes back with all its tries, one that waits goes now.

use crate::control::Refusal;
use crate::control::Step;
use crate::job::Job;
use crate::job::JobState;

/// Decides what another try means for a job.
pub(super) fn decide(job: &Job) -> Result<Step, Refusal> {
    match job.state {
        JobState::Failed { .. } | JobState::Cancelled { .. } => Ok(Step::Revive),
        JobState::Retrying { .. } | JobState::Blocked { .. } => Ok(Step::Enter(JobState::Queued)),
        JobState::Queued => Ok(Step::Nothing),
        JobState::Running { .. } | JobState::Paused { .. } => Err(Refusal::NotNow {
            id: job.id,
            done: "retried",
            state: job.state.name(),
            hint: "it is not over; `pentimento resume` lets a paused job go on",
        }),
        JobState::Claiming { .. } | JobState::Done { .. } => Err(Refusal::NotNow {
            id: job.id,
            done: "retried",
            state: job.state.name(),
            hint: "`pentimento rerun` paints a finished job anew",
        }),
    }
}
