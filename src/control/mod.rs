//! What can be asked of the daemon, and what it decides: one file an operation.
//!
//! A decision is pure: from a job as it stands to the [`Step`] to take, or a [`Refusal`]. The steps
//! are taken by the daemon's floor, which alone changes jobs; a [`Desk`] hands it the requests and
//! brings the answers back. To add an operation: a file, a variant of [`Operation`], a route.

pub mod add;
mod cancel;
mod desk;
mod edit;
mod pause;
mod refusal;
mod reorder;
pub mod rerun;
mod resume;
mod retry;
mod star;
pub mod view;

use crate::clock::Timestamp;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Wish;
use crate::job::names::PathText;

pub use crate::control::desk::Admission;
pub use crate::control::desk::Desk;
pub use crate::control::desk::Request;
pub use crate::control::edit::Change;

pub use crate::control::edit::check_changes;
pub use crate::control::edit::has_begun;
pub use crate::control::refusal::Refusal;
pub use crate::control::reorder::Place;

/// Something to do with one job.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Let it wait; a running one gives its device back, with a checkpoint.
    Pause,
    /// Let it go on.
    Resume,
    /// End it without a result.
    Cancel,
    /// Try it again, with all its tries.
    Retry,
    /// Give it another place in the queue.
    Move(Place),
    /// Change options of a job that has begun, from the next iteration on.
    Edit(Vec<Change>),
    /// Replace the profile of a job that has not begun; the text was checked.
    Revise(String),
    /// Mark a snapshot, or take the mark away.
    Star {
        /// The snapshot's path below the job's folder.
        file: PathText,
        /// Whether it shall be marked.
        marked: bool,
    },
}

/// What the floor is to do with a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing: it is so already.
    Nothing,
    /// Enter this state.
    Enter(JobState),
    /// Remember what is wished, and stop the worker if something is.
    Wish(Option<Wish>),
    /// Take the folder back to `active/` and queue the job, with all its tries.
    Revive,
    /// Give these jobs these places.
    Rank(Vec<(JobId, i64)>),
    /// Write the record, in which something changed, and tell the worker.
    Record(Box<Job>),
    /// Write the profile.
    Profile(String),
}

/// Decides what an operation means for a job; `queue` is all waiting jobs in their order.
pub fn decide(
    operation: &Operation,
    job: &Job,
    queue: &[(JobId, i64)],
    now: Timestamp,
) -> Result<Step, Refusal> {
    match operation {
        Operation::Pause => pause::decide(job, now),
        Operation::Resume => resume::decide(job),
        Operation::Cancel => cancel::decide(job, now),
        Operation::Retry => retry::decide(job),
        Operation::Move(place) => reorder::decide(job, *place, queue),
        Operation::Edit(changes) => edit::decide(job, changes),
        Operation::Revise(text) => edit::revise(job, text),
        Operation::Star { file, marked } => star::decide(job, file, *marked),
    }
}

#[cfg(test)]
mod tests;
