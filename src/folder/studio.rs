//! A studio: the folder that holds `watch/`, `active/`, `done/` and `failed/`.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::clock::Timestamp;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::io_error;
use crate::folder::move_path;
use crate::folder::write_atomic;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::names::natural_order;

/// Held while a job is given its number.
static NUMBERING: Mutex<()> = Mutex::new(());

/// The file that makes a folder a studio.
pub const MARKER: &str = "pentimento.toml";

/// The layout of a studio: absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Studio {
    /// The studio's own folder.
    pub root: PathBuf,
    /// Where pictures are dropped: the first watch folder.
    pub watch: PathBuf,
    /// Further watch folders.
    pub more_watches: Vec<PathBuf>,
    /// Where claimed jobs lie.
    pub active: PathBuf,
    /// Where finished jobs lie.
    pub done: PathBuf,
    /// Where failed jobs lie.
    pub failed: PathBuf,
    /// Where the program keeps its own files.
    pub state: PathBuf,
}

impl Studio {
    /// Returns the studio at `root` with the folders that it has unless its settings say else.
    pub fn at(root: PathBuf) -> Self {
        Self {
            watch: root.join("watch"),
            more_watches: Vec::new(),
            active: root.join("active"),
            done: root.join("done"),
            failed: root.join("failed"),
            state: root.join(".pentimento"),
            root,
        }
    }

    /// Returns every watch folder, the first one first.
    pub fn watches(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.watch).chain(&self.more_watches)
    }

    /// Returns true if the program has run in this studio before.
    pub fn has_run(&self) -> bool {
        self.state.is_dir()
    }

    /// Creates the folders in which the program puts things.
    ///
    /// A watch folder is made only where the program never ran: later its absence means that
    /// something is not mounted, and a folder made in its place would hide that.
    pub fn prepare(&self) -> Result<(), FolderError> {
        if !self.has_run() {
            for watch in self.watches() {
                create(watch)?;
            }
        }
        for folder in [&self.active, &self.done, &self.failed, &self.state] {
            create(folder)?;
        }
        Ok(())
    }

    /// Returns true if any job ever got as far as its folder and the folder is still there.
    pub fn has_jobs(&self) -> bool {
        [&self.active, &self.done, &self.failed]
            .iter()
            .any(|folder| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()))
    }

    /// Creates the folder of a new job, with the next free number.
    pub fn new_job_folder(&self, name: &str) -> Result<(JobId, JobFolder), FolderError> {
        // Claims and reruns are made by different threads of the one process with the lock.
        let _one_at_a_time = NUMBERING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = JobId(self.last_id()?.0 + 1);
        loop {
            let path = self.active.join(format!("{id}-{name}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    write_atomic(&self.last_id_file(), format!("{id}\n").as_bytes())?;
                    return Ok((id, JobFolder::at(path)));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => id.0 += 1,
                Err(error) => return Err(io_error("create the job folder", &path)(error)),
            }
        }
    }

    /// Returns the folders lying in `active/`, in the order of their numbers.
    pub fn active_jobs(&self) -> Result<Vec<JobFolder>, FolderError> {
        let mut names: Vec<_> = list(&self.active)?;
        names.sort_by(|a, b| natural_order(a, b));
        let paths = names.into_iter().map(|name| self.active.join(name));
        Ok(paths
            .filter(|path| path.is_dir())
            .map(JobFolder::at)
            .collect())
    }

    /// Moves a folder that was prepared elsewhere to `active/` as a new job with the next free
    /// number, which `numbered` is told before.
    pub fn admit(
        &self,
        prepared: &JobFolder,
        name: &str,
        numbered: impl FnOnce(JobId) -> Result<(), FolderError>,
    ) -> Result<JobFolder, FolderError> {
        let (id, folder) = self.new_job_folder(name)?;
        // The number is taken; the folder comes whole or not at all.
        fs::remove_dir(folder.path()).map_err(io_error("replace the folder", folder.path()))?;
        numbered(id)?;
        move_path(prepared.path(), folder.path())?;
        Ok(folder)
    }

    /// Moves an ended job's folder back to `active/`.
    pub fn revive(&self, folder: &JobFolder, job: &Job) -> Result<JobFolder, FolderError> {
        Self::shelve(folder, &self.active, &format!("{}-{}", job.id, job.name))
    }

    /// Moves a job that is over to `done/` or `failed/`, as `2026-11-23_harbour_0042`.
    pub fn archive(
        &self,
        folder: &JobFolder,
        job: &Job,
        today: Timestamp,
    ) -> Result<JobFolder, FolderError> {
        let shelf = match job.state {
            JobState::Done { .. } => &self.done,
            JobState::Failed { .. }
            | JobState::Cancelled { .. }
            | JobState::Claiming { .. }
            | JobState::Queued
            | JobState::Blocked { .. }
            | JobState::Paused { .. }
            | JobState::Retrying { .. }
            | JobState::Running { .. } => &self.failed,
        };
        Self::shelve(
            folder,
            shelf,
            &format!("{}_{}_{}", today.date(), job.name, job.id),
        )
    }

    /// Moves a folder whose record is lost to `failed/`, under its own name.
    pub fn archive_damaged(&self, folder: &JobFolder) -> Result<JobFolder, FolderError> {
        let name = folder
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        Self::shelve(folder, &self.failed, &name)
    }

    fn shelve(folder: &JobFolder, shelf: &Path, name: &str) -> Result<JobFolder, FolderError> {
        let mut to = shelf.join(name);
        let mut n_taken = 1;
        loop {
            match move_path(folder.path(), &to) {
                Ok(()) => return Ok(JobFolder::at(to)),
                Err(FolderError::Taken { .. }) => {
                    n_taken += 1;
                    to = shelf.join(format!("{name}-{n_taken}"));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the highest number that was ever given: the one noted, or a higher one in a name
    /// (`0042-harbour` in `active/`, `…_harbour_0042` elsewhere), should the note be lost.
    fn last_id(&self) -> Result<JobId, FolderError> {
        let noted = fs::read_to_string(self.last_id_file()).ok();
        let mut highest = noted.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if highest == 0 {
            for name in list(&self.active)? {
                let id = name
                    .to_str()
                    .and_then(|name| name.split('-').next()?.parse().ok());
                highest = highest.max(id.unwrap_or(0));
            }
            for shelf in [&self.done, &self.failed] {
                for name in list(shelf)? {
                    let id = name
                        .to_str()
                        .and_then(|name| name.rsplit('_').next()?.split('-').next()?.parse().ok());
                    highest = highest.max(id.unwrap_or(0));
                }
            }
        }
        Ok(JobId(highest))
    }

    fn last_id_file(&self) -> PathBuf {
        self.state.join("last-id")
    }
}

fn create(folder: &Path) -> Result<(), FolderError> {
    fs::create_dir_all(folder).map_err(io_error("create the folder", folder))
}

fn list(folder: &Path) -> Result<Vec<std::ffi::OsString>, FolderError> {
    let entries = fs::read_dir(folder).map_err(io_error("list", folder))?;
    entries
        .map(|entry| Ok(entry.map_err(io_error("list", folder))?.file_name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn studio() -> (tempfile::TempDir, Studio) {
        let dir = tempfile::tempdir().unwrap();
        let studio = Studio::at(dir.path().to_owned());
        studio.prepare().unwrap();
        (dir, studio)
    }

    #[test]
    fn numbers_go_up_even_when_the_note_is_lost() {
        let (_dir, studio) = studio();
        fs::create_dir(studio.done.join("2026-11-23_a_b_0041")).unwrap();
        fs::create_dir(studio.failed.join("2026-11-23_c_0007-2")).unwrap();
        let (id, folder) = studio.new_job_folder("harbour").unwrap();
        assert_eq!(id, JobId(42));
        assert!(folder.path().ends_with("active/0042-harbour"));
        fs::remove_dir(folder.path()).unwrap();
        assert_eq!(studio.new_job_folder("next").unwrap().0, JobId(43));
        fs::remove_file(studio.last_id_file()).unwrap();
        assert_eq!(studio.new_job_folder("lost").unwrap().0, JobId(44));
    }

    #[test]
    fn a_watch_folder_that_went_away_is_not_made_again() {
        let (_dir, studio) = studio();
        fs::remove_dir(&studio.watch).unwrap();
        studio.prepare().unwrap();
        assert!(!studio.watch.exists());
    }
}
