//! The jobs that are over, as their folders in `done/` and `failed/` say.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::job::Job;
use crate::job::JobId;

/// The jobs that are over.
#[derive(Debug, Default)]
pub(super) struct Archive {
    jobs: BTreeMap<JobId, (Job, PathBuf)>,
}

impl Archive {
    /// Reads the records on both shelves; a folder without a readable one is nobody's job.
    pub(super) fn read(studio: &Studio) -> Result<Self, FolderError> {
        let mut archive = Self::default();
        for shelf in [&studio.done, &studio.failed] {
            let entries =
                std::fs::read_dir(shelf).map_err(crate::folder::io_error("list", shelf))?;
            for entry in entries.flatten() {
                let folder = JobFolder::at(entry.path());
                if let Ok(job) = folder.read() {
                    archive.insert(&folder, job);
                }
            }
        }
        Ok(archive)
    }

    /// Takes in a job whose folder is where it belongs.
    pub(super) fn insert(&mut self, folder: &JobFolder, job: Job) {
        self.jobs.insert(job.id, (job, folder.path().to_owned()));
    }

    /// Forgets a job that is not over any more.
    pub(super) fn remove(&mut self, id: JobId) {
        self.jobs.remove(&id);
    }

    /// Returns a job and its folder.
    pub(super) fn get(&self, id: JobId) -> Option<(&Job, &Path)> {
        self.jobs.get(&id).map(|(job, path)| (job, path.as_path()))
    }

    /// Returns all jobs.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().map(|(job, _)| job)
    }
}
