//! A job: one picture to paint, from its claim to its end, as data.
//!
//! Pure: no files, no clock. `folder` keeps a job on disk as `job.json`, whose shape is the serde
//! form of [`Job`]. A state holds what only makes sense in it, and changes only through
//! [`Job::enter`] and what stands on it: the attempts (`course`), whose number `retry` limits.

mod course;
pub mod names;
mod retry;
mod state;

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::job::names::PathText;

pub use crate::job::course::Attempt;
pub use crate::job::course::AttemptEnd;
pub use crate::job::course::Course;
pub use crate::job::course::Mark;
pub use crate::job::course::PendingEdit;
pub use crate::job::course::Wish;
pub use crate::job::retry::Backoff;
pub use crate::job::retry::Next;
pub use crate::job::retry::TRIES_MAX;
pub use crate::job::state::IllegalStep;
pub use crate::job::state::JobState;

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
    /// What was tried so far, and what the user wishes.
    #[serde(default)]
    pub course: Box<Course>,
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

/// What keeps a job from running, such as a network that is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// What is missing, in plain words.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
    /// What kind of thing it is.
    #[serde(default)]
    pub lack: Lack,
}

/// What a blocked job lacks, which decides how it is found out that it may go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lack {
    /// A network that is not installed: looked for.
    #[default]
    Network,
    /// Room on the disk: goes on when there is more of it, or after a while.
    Disk,
    /// Memory: goes on when more of it is free, or after a while.
    Memory,
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

impl Job {
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
