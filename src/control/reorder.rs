//! Giving a waiting job another place in the queue.
//!
//! Places are numbers with gaps between them, so that a move usually changes one job's record; where
//! a gap is used up, all waiting jobs are numbered anew.

use crate::control::Refusal;
use crate::control::Step;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;

/// The gap that is left between two jobs.
const GAP: i64 = 1 << 20;

/// Where in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// After all others.
    Last,
    /// Right before another job.
    Before(JobId),
    /// Right after another job.
    After(JobId),
}

/// Decides which places change; `queue` is all waiting jobs in their order.
pub(super) fn decide(job: &Job, place: Place, queue: &[(JobId, i64)]) -> Result<Step, Refusal> {
    let waits = matches!(
        job.state,
        JobState::Queued
            | JobState::Blocked { .. }
            | JobState::Paused { .. }
            | JobState::Retrying { .. }
    );
    if !waits {
        return Err(Refusal::NotNow {
            id: job.id,
            done: "moved",
            state: job.state.name(),
            hint: "only a job that waits has a place in the queue",
        });
    }
    let others: Vec<_> = queue.iter().filter(|(id, _)| *id != job.id).collect();
    let position = |other: JobId| others.iter().position(|(id, _)| *id == other);
    let to = match place {
        Place::First => 0,
        Place::Last => others.len(),
        // Beside itself: where it is.
        Place::Before(other) | Place::After(other) if other == job.id => return Ok(Step::Nothing),
        Place::Before(other) => position(other).ok_or(Refusal::UnknownJob { id: other })?,
        Place::After(other) => position(other).ok_or(Refusal::UnknownJob { id: other })? + 1,
    };
    let before = to.checked_sub(1).map(|at| others[at].1);
    let after = others.get(to).map(|(_, rank)| *rank);
    let rank = match (before, after) {
        (None, None) => return Ok(Step::Nothing),
        (None, Some(after)) => after.checked_sub(GAP),
        (Some(before), None) => before.checked_add(GAP),
        (Some(before), Some(after)) => {
            Some(before.midpoint(after)).filter(|rank| *rank > before && *rank < after)
        }
    };
    if let Some(rank) = rank {
        return Ok(Step::Rank(vec![(job.id, rank)]));
    }
    let mut order: Vec<JobId> = others.iter().map(|(id, _)| *id).collect();
    order.insert(to, job.id);
    let ranks = order.into_iter().zip(1..).map(|(id, n)| (id, n * GAP));
    Ok(Step::Rank(ranks.collect()))
}
