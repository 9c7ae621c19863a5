//! Where a job stands, and which steps lead from where to where.
//!
//! The one table of states: folders, messages, the control API and the store spell them as
//! [`JobState::name`] does.

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::job::Failure;
use crate::job::Job;
use crate::job::JobId;
use crate::job::Move;
use crate::job::Obstacle;
use crate::job::Painting;

/// Where a job stands.
///
/// `claiming → queued → running → done`. From every unfinished state a job may be cancelled or
/// fail; `failed | cancelled → queued` when somebody wants it tried again. `queued | running →
/// blocked` when something outside of it is missing, `running → retrying` when an attempt failed,
/// and from there, from `paused`, and when the daemon ended under it, back to `queued`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum JobState {
    /// Its files are on the way from `watch/`; after a crash the list of moves is worked off.
    Claiming { moves: Vec<Move> },
    /// Will run.
    Queued,
    /// Something outside of it is missing; it goes on by itself once that is there.
    Blocked {
        /// When it was found to be so.
        since: Timestamp,
        /// What is missing.
        obstacle: Obstacle,
    },
    /// A worker is on it.
    Running { started: Timestamp },
    /// Told to wait; it has given its device back.
    Paused { since: Timestamp },
    /// An attempt failed, and the next one is due.
    Retrying {
        /// When the next attempt is due. The wait itself is measured by a clock that does not jump.
        next: Timestamp,
        /// Why the last attempt failed.
        failure: Failure,
    },
    /// The result was read again and verified.
    Done {
        finished: Timestamp,
        result: Painting,
    },
    /// It ended without a result.
    Failed {
        finished: Timestamp,
        failure: Failure,
    },
    /// Somebody ended it.
    Cancelled {
        finished: Timestamp,
        /// Who or why, in words.
        reason: String,
    },
}

impl JobState {
    /// The names of all states, in the order of a job's life.
    pub const NAMES: [&'static str; 9] = [
        "claiming",
        "queued",
        "blocked",
        "running",
        "paused",
        "retrying",
        "done",
        "failed",
        "cancelled",
    ];

    /// Returns the state's name as files and messages spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claiming { .. } => "claiming",
            Self::Queued => "queued",
            Self::Blocked { .. } => "blocked",
            Self::Running { .. } => "running",
            Self::Paused { .. } => "paused",
            Self::Retrying { .. } => "retrying",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Returns true if the job is over, unless somebody wants it tried again.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Done { .. } | Self::Failed { .. } | Self::Cancelled { .. }
        )
    }

    /// Returns whether a job may go from here to `next`.
    fn leads_to(&self, next: &Self) -> bool {
        let stops = matches!(next, Self::Failed { .. } | Self::Cancelled { .. });
        match self {
            Self::Claiming { .. } | Self::Paused { .. } => stops || matches!(next, Self::Queued),
            Self::Queued => {
                stops
                    || matches!(
                        next,
                        Self::Running { .. } | Self::Blocked { .. } | Self::Paused { .. }
                    )
            }
            Self::Blocked { .. } | Self::Retrying { .. } => {
                stops || matches!(next, Self::Queued | Self::Paused { .. })
            }
            Self::Running { .. } => !matches!(next, Self::Claiming { .. } | Self::Running { .. }),
            Self::Done { .. } => false,
            Self::Failed { .. } | Self::Cancelled { .. } => matches!(next, Self::Queued),
        }
    }
}

/// A state change that a job cannot make.
#[derive(Debug, thiserror::Error)]
#[error("job {id} cannot go from {from} to {to}")]
pub struct IllegalStep {
    id: JobId,
    from: &'static str,
    to: &'static str,
}

impl Job {
    /// Enters `next`, if the job may go there from where it stands.
    pub fn enter(&mut self, next: JobState) -> Result<(), IllegalStep> {
        if !self.state.leads_to(&next) {
            return Err(IllegalStep {
                id: self.id,
                from: self.state.name(),
                to: next.name(),
            });
        }
        self.state = next;
        Ok(())
    }
}
