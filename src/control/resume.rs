//! Letting a job go on: out of a pause, or at once instead of later.

use crate::control::Refusal;
use crate::control::Step;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Wish;

/// Decides what going on means for a job.
pub(super) fn decide(job: &Job) -> Result<Step, Refusal> {
    let refused = |hint| {
        Err(Refusal::NotNow {
            id: job.id,
            done: "resumed",
            state: job.state.name(),
            hint,
        })
    };
    match job.state {
        JobState::Paused { .. } | JobState::Retrying { .. } | JobState::Blocked { .. } => {
            Ok(Step::Enter(JobState::Queued))
        }
        JobState::Running { .. } => match job.course.wish {
            None => Ok(Step::Nothing),
            Some(Wish::Pause) => Ok(Step::Wish(None)),
            Some(Wish::Cancel) => refused("it is being cancelled; `pentimento retry` afterwards"),
        },
        JobState::Queued => Ok(Step::Nothing),
        JobState::Failed { .. } | JobState::Cancelled { .. } => {
            refused("`pentimento retry` tries it again")
        }
        JobState::Claiming { .. } | JobState::Done { .. } => {
            refused("`pentimento rerun` paints a finished job anew")
        }
    }
}
