//! From what lies in `watch/` to claimed jobs: listing, pairing, settling, gates, claim.
//!
//! The only user of `notify`, and that for early wake-ups only: the listing is the truth. An
//! [`Inbox`] is looked at again and again; every look is complete in itself. Nothing a person
//! dropped is deleted or changed; what cannot be used stays where it is with a note beside it.

mod claim;
mod hints;
mod inbox;
mod listing;
mod notes;
mod pairing;
mod roles;
mod settle;
mod source;
mod writers;

use std::path::PathBuf;
use std::time::Duration;

use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::job::Job;

pub use crate::ingest::inbox::Inbox;
pub use crate::ingest::source::Source;
pub use crate::ingest::source::SourceEvent;

/// How patient the inbox is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a bundle must be unchanged before it is taken.
    pub settle: Duration,
    /// How often `watch/` is looked at when nothing hints at a change.
    pub rescan: Duration,
    /// How long a picture that is cut off may stay unchanged before it is rejected.
    pub incomplete: Duration,
    /// How often a bundle is checked again whose trouble lies outside of it.
    pub recheck: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(5),
            rescan: Duration::from_secs(15),
            incomplete: Duration::from_mins(15),
            recheck: Duration::from_mins(1),
        }
    }
}

/// Whether symbolic links in `watch/` stand for the files that they lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They are refused.
    Refuse,
    /// They do; a job gets a copy of the file.
    Follow,
}

/// The files of a bundle, still in `watch/`: complete, or what is there of one with a profile, which
/// decides whether that is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFiles {
    /// The bundle's name, fit to be shown.
    pub name: String,
    /// The content picture, if there is one.
    pub content: Option<PathBuf>,
    /// The style pictures in their order; at least one where there is no content picture.
    pub styles: Vec<PathBuf>,
    /// The nearest profile, if there is one in the bundle or in `watch/`.
    pub profile: Option<PathBuf>,
    /// The folder that relative paths in the profile start from and must not leave.
    pub root: PathBuf,
}

/// What the check of a bundle that can be used returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The profile with everything filled in, as TOML; goes into the job's folder.
    pub profile_text: String,
    /// Where the profile came from, in words.
    pub profile_source: String,
    /// Remarks worth telling, such as a picture whose name says PNG and whose bytes say JPEG.
    pub remarks: Vec<String>,
}

/// What the check of a bundle that cannot be used returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What is wrong, naming the file.
    pub reason: String,
    /// What the user can do about it.
    pub hint: String,
    /// Where the trouble lies.
    pub cause: Cause,
}

/// Where the trouble with a bundle lies, which decides when it is checked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// In the bundle: checked again when one of its files changes.
    Bundle,
    /// A picture ends too early: perhaps the rest is still coming.
    Incomplete,
    /// A picture that its profile needs is not there: waited for.
    Missing,
    /// Outside, such as a network that is not there: checked again from time to time.
    Outside,
}

/// Decides whether a bundle can be used; runs on the inbox's thread.
///
/// It may take a while, and asks its second argument whether to go on: `None` if it did not.
pub type Check =
    Box<dyn Fn(&BundleFiles, &dyn Fn() -> bool) -> Option<Result<Accepted, Rejection>> + Send>;

/// How a bundle in `watch/` stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleState {
    /// Arriving; the text says what is being waited for.
    Settling(String),
    /// A member is missing: which.
    Waiting(String),
    /// It cannot be used as it is.
    Rejected {
        /// What is wrong.
        reason: String,
        /// What the user can do about it.
        hint: String,
    },
}

/// Something that a look found out.
#[derive(Debug)]
pub enum Notice {
    /// A bundle is new, or stands differently than before. The name is fit to be shown.
    Bundle(String, BundleState),
    /// Something worth telling once.
    Remark(String),
    /// A bundle was taken.
    Claimed(JobFolder, Job),
}

/// What a look amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Bundles that are arriving.
    pub n_settling: usize,
    /// The monotonic reading at which to look again, at the latest.
    pub next_look: Duration,
}

/// A job folder that an earlier run left in `active/`.
#[derive(Debug)]
pub enum Leftover {
    /// A job; a claim that was half done is finished.
    Job(JobFolder, Job),
    /// A folder whose record cannot be read.
    Damaged(JobFolder, FolderError),
    /// A job whose claim cannot be finished now.
    Stuck(JobFolder, FolderError),
}

/// Returns what an earlier run left in `active/`, in the order of the jobs' numbers.
pub fn recover(studio: &Studio) -> Result<Vec<Leftover>, FolderError> {
    let leftover = |folder: JobFolder| match folder.read() {
        Ok(mut job) => match claim::finish_claim(studio, &folder, &mut job) {
            Ok(()) => Leftover::Job(folder, job),
            Err(error) => Leftover::Stuck(folder, error),
        },
        Err(error) => Leftover::Damaged(folder, error),
    };
    // A folder without anything in it was made right before the end of the earlier run.
    let is_empty = |folder: &JobFolder| std::fs::remove_dir(folder.path()).is_ok();
    let folders = studio.active_jobs()?.into_iter();
    Ok(folders
        .filter(|folder| !is_empty(folder))
        .map(leftover)
        .collect())
}
