//! The jobs that are not finished yet: what was taken and still lies in `active/`.
//!
//! Answers two questions about a bundle: is the same work under way already, and which job was made
//! of the bundle of that name? A job's folder leaves `active/` when it ends, so the folders are the
//! truth and this is an index into them.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::Digest;
use sha2::Sha256;

use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::folder::hash_file;
use crate::ingest::roles;
use crate::job::Job;
use crate::job::JobId;
use crate::job::Role;

/// An index of the jobs in `active/`.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    jobs: Vec<Entry>,
    /// How many entries it had when those of finished jobs were last thrown out.
    n_kept: usize,
}

#[derive(Debug)]
struct Entry {
    id: JobId,
    folder: JobFolder,
    work: Option<String>,
    /// The name of the bundle that it was made of.
    bundle: Option<OsString>,
}

impl Unfinished {
    /// Reads the jobs that lie in `active/`; a record that cannot be read is passed over.
    pub(crate) fn read(studio: &Studio) -> Result<Self, FolderError> {
        let mut unfinished = Self::default();
        for folder in studio.active_jobs()? {
            if let Ok(job) = folder.read() {
                unfinished.add(&folder, &job);
            }
        }
        Ok(unfinished)
    }

    /// Adds a job that was just made.
    pub(crate) fn add(&mut self, folder: &JobFolder, job: &Job) {
        if self.jobs.len() >= 2 * self.n_kept + 64 {
            self.jobs.retain(Entry::is_unfinished);
            self.n_kept = self.jobs.len();
        }
        self.jobs.push(Entry {
            id: job.id,
            folder: folder.clone(),
            work: job.work.clone(),
            bundle: bundle_of(job),
        });
    }

    /// Returns the job that does the same work already.
    pub(crate) fn same(&self, work: &str) -> Option<JobId> {
        let is_same = |entry: &&Entry| entry.work.as_deref() == Some(work);
        let mut same = self.jobs.iter().filter(is_same);
        same.find(|entry| entry.is_unfinished())
            .map(|entry| entry.id)
    }

    /// Returns the newest job that was made of a bundle of that name.
    pub(crate) fn of_bundle(&self, name: &std::ffi::OsStr) -> Option<(JobFolder, Job)> {
        let is_it = |entry: &&Entry| entry.bundle.as_deref() == Some(name);
        let mut found = self.jobs.iter().rev().filter(is_it);
        let entry = found.find(|entry| entry.is_unfinished())?;
        let job = entry.folder.read().ok()?;
        Some((entry.folder.clone(), job))
    }
}

impl Entry {
    fn is_unfinished(&self) -> bool {
        self.folder.path().is_dir()
    }
}

/// Returns the name of the bundle that a job was made of, from where its pictures lay.
fn bundle_of(job: &Job) -> Option<OsString> {
    let original = &job.inputs.first()?.original.0;
    let mut parts = original.iter();
    let first = parts.next()?;
    match parts.next() {
        Some(_) => Some(first.to_owned()),
        None => roles::part_of_flat(first).map(|(stem, _)| stem),
    }
}

/// Returns what the work on these pictures with that profile amounts to, as a digest. `profile_key`
/// stands for everything in the profile but a seed that nobody chose.
pub(crate) fn work_of(
    pictures: &[(Role, &Path)],
    profile_key: &str,
) -> Result<String, FolderError> {
    let hashes: Result<Vec<_>, FolderError> = pictures
        .iter()
        .map(|(role, path)| {
            // A link that may be followed is one by now; the gates refused any other.
            let real = path
                .canonicalize()
                .map_err(crate::folder::io_error("look at", path))?;
            Ok((*role, hash_file(&real)?))
        })
        .collect();
    let hashes = hashes?;
    let hashes = hashes.iter().map(|(role, hash)| (*role, hash.as_str()));
    Ok(work_of_hashes(hashes, profile_key))
}

/// Returns what [`work_of`] does, from the pictures' digests.
pub(crate) fn work_of_hashes<'a>(
    hashes: impl Iterator<Item = (Role, &'a str)>,
    profile_key: &str,
) -> String {
    let mut digest = Sha256::new();
    for (role, hash) in hashes {
        digest.update(match role {
            Role::Content => b"c",
            Role::Style => b"s",
        });
        digest.update(hash.as_bytes());
    }
    digest.update(OsString::from(profile_key).as_bytes());
    digest
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
