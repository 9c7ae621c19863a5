//! From what lies in `watch/` to claimed jobs: listing, pairing, settling, gates, claim.
//!
//! The only user of `notify`, and that for early wake-ups only: the listing is the truth. An
//! [`Inbox`] is looked at again and again; every look is complete in itself. Nothing a person
//! dropped is deleted or changed; what cannot be used stays where it is with a note beside it.

mod board;
mod claim;
mod error;
mod filesystem;
mod hints;
mod inbox;
mod late;
mod ledger;
mod listing;
mod liveness;
mod notes;
mod pairing;
mod roles;
mod settle;
mod source;
mod unfinished;
mod writers;

use std::path::PathBuf;
use std::time::Duration;

use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::job::Job;
use crate::job::JobId;

pub use crate::ingest::board::Board;
pub use crate::ingest::board::BundleView;
pub use crate::ingest::board::Explanation;
pub use crate::ingest::board::FolderView;
pub use crate::ingest::board::LooseView;
pub use crate::ingest::error::IngestError;
pub use crate::ingest::error::NotHeld;
pub use crate::ingest::filesystem::Mode;
pub use crate::ingest::inbox::Inbox;
pub use crate::ingest::late::LateProfile;
pub use crate::ingest::late::adopt;
pub use crate::ingest::pairing::Spelling;
pub use crate::ingest::source::Source;
pub use crate::ingest::source::SourceEvent;

/// How patient the inbox is.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long a bundle must be unchanged before it is taken.
    pub settle: Duration,
    /// How long, at the least, where the filesystem does not tell of changes.
    pub settle_polled: Duration,
    /// How often `watch/` is looked at when nothing hints at a change.
    pub rescan: Duration,
    /// How often, at the least, where the filesystem does not tell of changes.
    pub poll: Duration,
    /// How long a picture that is cut off may stay unchanged before it is rejected.
    pub incomplete: Duration,
    /// How often a bundle is checked again whose trouble lies outside of it.
    pub recheck: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(5),
            settle_polled: Duration::from_secs(15),
            rescan: Duration::from_secs(15),
            poll: Duration::from_secs(5),
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
    /// The nearest profile, if there is one in the bundle or in `watch/`; a `.png` is a painting that
    /// carries one.
    pub profile: Option<PathBuf>,
    /// The folder that relative paths in the profile start from and must not leave.
    pub root: PathBuf,
}

/// What the check of a bundle that can be used returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The profile with everything filled in, as TOML; goes into the job's folder.
    pub profile_text: String,
    /// Stands for the profile but for a seed that nobody chose: equal for equal work.
    pub profile_key: String,
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
    /// An unfinished job does the same work already.
    Duplicate {
        /// That job.
        of: JobId,
    },
    /// Its files lie in a folder that cannot be written to, and a job was made of copies.
    Taken {
        /// That job.
        by: JobId,
    },
}

impl BundleState {
    /// Returns the state's name as files and messages spell it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Settling(_) => "settling",
            Self::Waiting(_) => "waiting",
            Self::Rejected { .. } => "rejected",
            Self::Duplicate { .. } => "duplicate",
            Self::Taken { .. } => "taken",
        }
    }

    /// Returns why the bundle stands so, and what the user can do, if there is anything to be done.
    pub fn words(&self) -> (String, Option<String>) {
        match self {
            Self::Settling(why) => (why.clone(), None),
            Self::Waiting(what) => (format!("waiting for {what}"), Some(format!("add {what}"))),
            Self::Rejected { reason, hint } => (reason.clone(), Some(hint.clone())),
            Self::Duplicate { of } => (
                format!(
                    "duplicate of {of}, which has the same pictures and profile and is not \
                         finished yet"
                ),
                Some(
                    "put a file READY (or NAME.ready) there, or touch it, to have it painted all \
                      the same; it is taken by itself once that job has ended"
                        .to_owned(),
                ),
            ),
            Self::Taken { by } => (
                format!("taken as {by}; the folder cannot be written to, so the files stay"),
                Some("change a file, or put READY there, to have it painted again".to_owned()),
            ),
        }
    }
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
    /// A profile came for a job that is made already.
    LateProfile(LateProfile),
}

/// What a look amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Bundles that are arriving.
    pub n_settling: usize,
    /// Bundles in line to be checked or taken; the next look goes on with them.
    pub n_in_line: usize,
    /// Watch folders in which nothing can be seen.
    pub n_missing: usize,
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
    let is_empty = |folder: &JobFolder| {
        std::fs::remove_dir(folder.path()).is_ok()
            || claim::is_unbegun(folder) && std::fs::remove_dir_all(folder.path()).is_ok()
    };
    let folders = studio.active_jobs()?.into_iter();
    Ok(folders
        .filter(|folder| !is_empty(folder))
        .map(leftover)
        .collect())
}
