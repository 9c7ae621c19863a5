//! A job: one picture to paint, from its claim to its end, as data.
//!
//! Pure: no files, no clock. `folder` keeps a job on disk as `job.json`, whose shape is the serde
//! form of [`Job`]. A state holds what only makes sense in it, and changes only through
//! [`Job::enter`].

pub mod names;

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::job::names::PathText;

/// The `job.json` format that this program writes.
pub const SCHEMA: u32 = 1;

/// The number of a job in its studio, shown with at least four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u32);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// One picture to paint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The format of this record, [`SCHEMA`] when written by this program.
    pub schema: u32,
    /// The number of the job.
    pub id: JobId,
    /// The bundle's name, made safe for folders and terminals.
    pub name: String,
    /// When the bundle was claimed.
    pub created: Timestamp,
    /// Where the profile came from, in words.
    pub profile_source: String,
    /// The pictures, content first, then the styles in their order.
    pub inputs: Vec<Input>,
    /// What the work amounts to: a digest over pictures and profile, a drawn seed left out. Equal
    /// for equal work; absent in the record of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<String>,
    /// Where the job stands.
    #[serde(flatten)]
    pub state: JobState,
}

/// A picture that a job was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What the picture is for.
    pub role: Role,
    /// Its path below the job's `inputs/`.
    pub file: PathText,
    /// Its path below `watch/` when it was dropped.
    pub original: PathText,
    /// Lower-case hexadecimal SHA-256 of its bytes; absent only while the bundle is being claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What a picture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The picture that is re-painted.
    Content,
    /// A picture whose manner is taken.
    Style,
}

/// Where a job stands.
///
/// `claiming → queued → running → done | failed`; `running → queued` when the daemon ended under
/// it, `queued → failed` when it cannot be started. `queued | running → blocked` when something
/// outside of it is missing, `blocked → queued` once that is there.
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
}

impl JobState {
    /// Returns the state's name as files and messages spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claiming { .. } => "claiming",
            Self::Queued => "queued",
            Self::Blocked { .. } => "blocked",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What keeps a job from running, such as a network that is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What is missing, in plain words.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
}

/// One step of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// A path below the first watch folder, or an absolute one.
    pub from: PathText,
    /// A path below the job's folder.
    pub to: PathText,
    /// The original stays where it is, and the job gets a copy: a recipe's style, or a watch folder
    /// that cannot be written to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keeps: bool,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Painting {
    /// The picture's path below the job's folder.
    pub file: PathText,
    /// Lower-case hexadecimal SHA-256 of its bytes.
    pub sha256: String,
}

/// Why a job ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// What happened, in plain words.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
}

/// Kinds of failure, by whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// A picture or the profile cannot be used.
    Input,
    /// The network is missing or cannot be used.
    Network,
    /// ONNX Runtime or the device is missing or failed.
    Device,
    /// It does not fit into memory.
    Memory,
    /// A file could not be written or read.
    Disk,
    /// Loss or gradient were no longer numbers.
    Numbers,
    /// The worker died or hung, or its result is not what it claimed.
    Worker,
    /// A fault of this program.
    Internal,
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
        let legal = match &self.state {
            JobState::Claiming { .. } | JobState::Running { .. } => {
                !matches!(next, JobState::Claiming { .. }) && self.state.name() != next.name()
            }
            JobState::Queued => matches!(
                next,
                JobState::Running { .. } | JobState::Blocked { .. } | JobState::Failed { .. }
            ),
            JobState::Blocked { .. } => matches!(next, JobState::Queued | JobState::Failed { .. }),
            JobState::Done { .. } | JobState::Failed { .. } => false,
        };
        let claimed_only = matches!(self.state, JobState::Claiming { .. })
            && matches!(
                next,
                JobState::Running { .. } | JobState::Blocked { .. } | JobState::Done { .. }
            );
        if !legal || claimed_only {
            return Err(IllegalStep {
                id: self.id,
                from: self.state.name(),
                to: next.name(),
            });
        }
        self.state = next;
        Ok(())
    }

    /// Returns the content picture's path below `inputs/`, or `None` in a damaged record.
    pub fn content(&self) -> Option<&Path> {
        self.files(Role::Content).next()
    }

    /// Returns the paths of the style pictures below `inputs/`, in order.
    pub fn styles(&self) -> impl Iterator<Item = &Path> {
        self.files(Role::Style)
    }

    fn files(&self, role: Role) -> impl Iterator<Item = &Path> {
        self.inputs
            .iter()
            .filter(move |input| input.role == role)
            .map(|input| input.file.0.as_path())
    }
}

#[cfg(test)]
mod tests;
