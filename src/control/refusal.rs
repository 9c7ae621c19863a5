//! Why something that was asked is not done: what, why, and what helps.

use crate::folder::FolderError;
use crate::job::JobId;

/// Why something that was asked is not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such job.
    #[error("unknown job {id}")]
    UnknownJob {
        /// Its number.
        id: JobId,
    },
    /// The job stands where that cannot be done.
    #[error("job {id} cannot be {done}: it is {state}")]
    NotNow {
        /// Its number.
        id: JobId,
        /// What was to be done, as a participle.
        done: &'static str,
        /// Where it stands.
        state: &'static str,
        /// What can be done.
        hint: &'static str,
    },
    /// The job has no such snapshot.
    #[error("job {id} has no snapshot {file}")]
    NoSnapshot {
        /// Its number.
        id: JobId,
        /// What was named, fit to be shown.
        file: String,
    },
    /// The option cannot be changed in a job that has begun.
    #[error("option {option} of job {id} cannot be changed any more: it has begun")]
    NotLive {
        /// Its number.
        id: JobId,
        /// The option, fit to be shown.
        option: String,
    },
    /// Too many edits wait for their worker.
    #[error("job {id} has too many changes that no worker has taken up yet")]
    TooManyEdits {
        /// Its number.
        id: JobId,
    },
    /// The value is no number.
    #[error("{option} of job {id} cannot be {value}: it takes a finite number")]
    NotANumber {
        /// Its number.
        id: JobId,
        /// The option, fit to be shown.
        option: String,
        /// What was said, fit to be shown.
        value: String,
    },
    /// The changed profile cannot be used.
    #[error("the changed profile of job {id} cannot be used: {reason}")]
    Profile {
        /// The job whose profile was changed.
        id: JobId,
        /// What is wrong.
        reason: String,
        /// What helps.
        hint: String,
    },
    /// A file could not be written, read or moved.
    #[error("cannot do that with job {id}")]
    Files {
        /// Its number.
        id: JobId,
        #[source]
        source: FolderError,
    },
    /// The daemon is on its way out.
    #[error("the daemon is ending")]
    Ending,
}

impl Refusal {
    /// Returns what the user can do.
    pub fn hint(&self) -> &str {
        match self {
            Self::UnknownJob { .. } => "`pentimento list` shows the jobs that there are",
            Self::NotNow { hint, .. } => hint,
            Self::NoSnapshot { .. } => "`pentimento show` lists the snapshots of a job",
            Self::NotLive { .. } => {
                "only content_weight, style_weight, tv_weight, num_iterations, learning_rate and \
                 save_iter can; `pentimento rerun` begins anew with any option"
            }
            Self::TooManyEdits { .. } => "let the job run first",
            Self::NotANumber { .. } => "write it as in style_weight=500",
            Self::Profile { hint, .. } => hint,
            Self::Files { .. } => "check that the studio's folders can be written to",
            Self::Ending => "ask again once it is back",
        }
    }
}
