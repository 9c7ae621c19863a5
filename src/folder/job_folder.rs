//! One job's folder: what each file in it is called, and its record.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::FolderError;
use crate::folder::io_error;
use crate::folder::write_atomic;
use crate::job::Failure;
use crate::job::Job;

/// The folder of one job, in `active/`, `done/` or `failed/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFolder {
    path: PathBuf,
}

impl JobFolder {
    /// The name of the record in a job's folder.
    pub const RECORD: &str = "job.json";
    /// The name of the folder of the dropped pictures in a job's folder.
    pub const INPUTS: &str = "inputs";
    /// The name of the folder of the stages of the work in a job's folder.
    pub const SNAPSHOTS: &str = "snapshots";

    /// Returns the job folder at `path`, whether it exists or not.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the dropped pictures lie.
    pub fn inputs(&self) -> PathBuf {
        self.path.join(Self::INPUTS)
    }

    /// Returns where the stages of the work are kept.
    pub fn snapshots(&self) -> PathBuf {
        self.path.join(Self::SNAPSHOTS)
    }

    /// Returns where the finished picture goes; `ending` is that of its format.
    pub fn result(&self, ending: &str) -> PathBuf {
        self.path.join(format!("result.{ending}"))
    }

    /// Returns where the resolved profile lies.
    pub fn profile(&self) -> PathBuf {
        self.path.join("profile.toml")
    }

    /// Returns where the losses of every iteration go.
    pub fn losses(&self) -> PathBuf {
        self.path.join("losses.csv")
    }

    /// Returns where the checkpoints lie that a later attempt goes on from.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint")
    }

    /// Removes the checkpoints of a job that is done. What cannot be removed only takes room.
    pub fn drop_checkpoint(&self) {
        let _still_there = fs::remove_dir_all(self.checkpoint());
    }

    /// Returns where the record lies of what was changed while the job ran.
    pub fn edits(&self) -> PathBuf {
        self.path.join("edits.jsonl")
    }

    /// Returns where the worker's own words go.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.txt")
    }

    /// Returns where the explanation of a failure goes.
    pub fn reason(&self) -> PathBuf {
        self.path.join("reason.txt")
    }

    /// Reads the record.
    pub fn read(&self) -> Result<Job, FolderError> {
        let path = self.path.join(Self::RECORD);
        let bytes = fs::read(&path).map_err(io_error("read the job record", &path))?;
        serde_json::from_slice(&bytes).map_err(|source| FolderError::Record { path, source })
    }

    /// Writes the record, replacing the earlier one at once.
    pub fn write(&self, job: &Job) -> Result<(), FolderError> {
        let path = self.path.join(Self::RECORD);
        let mut bytes = serde_json::to_vec_pretty(job).map_err(|source| FolderError::Record {
            path: path.clone(),
            source,
        })?;
        bytes.push(b'\n');
        write_atomic(&path, &bytes)
    }

    /// Writes `reason.txt`: what happened, and what the user can do.
    pub fn write_reason(&self, name: &str, failure: &Failure) -> Result<(), FolderError> {
        let Failure { reason, hint, .. } = failure;
        let text = format!(
            "Pentimento could not finish \"{name}\".\n\n\
             What happened: {reason}\n\n\
             What to do: {hint}\n\n{UNTOUCHED}"
        );
        write_atomic(&self.reason(), text.as_bytes())
    }

    /// Writes `reason.txt` of a job that somebody ended.
    pub fn write_cancelled(&self, name: &str, reason: &str) -> Result<(), FolderError> {
        let text = format!("\"{name}\" was cancelled.\n\nWhat happened: {reason}\n\n{UNTOUCHED}");
        write_atomic(&self.reason(), text.as_bytes())
    }

    /// Returns the pictures in `snapshots/`, oldest first; hidden files are not finished.
    pub fn snapshot_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.snapshots()).into_iter().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                let is_ours = metadata.is_file() && !is_hidden;
                Some((metadata.modified().ok()?, entry.path())).filter(|_| is_ours)
            })
            .collect();
        files.sort();
        files.into_iter().map(|(_, path)| path).collect()
    }

    /// Puts the newest snapshot beside the record as `last.png`, or whatever its ending is. Returns
    /// its path, or `None` where there is no snapshot.
    pub fn keep_last_picture(&self) -> Result<Option<PathBuf>, FolderError> {
        let Some(newest) = self.snapshot_files().pop() else {
            return Ok(None);
        };
        let ending = newest.extension().unwrap_or_default();
        let last = self.path.join("last").with_extension(ending);
        match fs::hard_link(&newest, &last) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // Not every filesystem has links.
            Err(_) => drop(fs::copy(&newest, &last).map_err(io_error("copy", &newest))?),
            Ok(()) => {}
        }
        Ok(Some(last))
    }

    /// Removes what says why an earlier try ended.
    pub fn clear_reason(&self) -> Result<(), FolderError> {
        let mut stale = vec![self.reason()];
        let entries = fs::read_dir(&self.path).map_err(io_error("list", &self.path))?;
        stale.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.file_stem().is_some_and(|stem| stem == "last")),
        );
        for path in stale {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                result => result.map_err(io_error("remove", &path))?,
            }
        }
        Ok(())
    }
}

/// What stands at the end of every `reason.txt`.
const UNTOUCHED: &str = "The pictures that were dropped are in inputs/, untouched. To try again, \
                         run `pentimento retry`, or move this folder back into watch/.\n";
