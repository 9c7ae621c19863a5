//! What was run for a job, on disk before it runs: `.hooks.json` in the job's folder.
//!
//! The mark of a hook is synced before the hook starts, so that after a crash there is either no
//! mark, and it did not run, or one that says that it may have. Only one task writes them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::folder::FolderError;
use crate::folder::write_atomic;
use crate::hooks::HookEvent;
use crate::job::names::display_name;

/// The file in a job's folder.
const FILE: &str = ".hooks.json";

/// How far a hook got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    /// It was about to be started.
    Begun,
    /// It is over, however it ended.
    Ended,
    /// It was begun, and then the program died.
    MayHaveRun,
}

/// The marks of one event of one attempt.
#[derive(Debug)]
pub(super) struct Marks {
    path: PathBuf,
    /// Event and attempt, such as `finished` or `started#2`.
    key: String,
    all: All,
}

/// The file: by event and attempt, then by the hook's name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct All(BTreeMap<String, BTreeMap<String, Mark>>);

impl Marks {
    /// Reads the marks in a job's folder. A damaged file has lost its marks; what it says nothing
    /// about is run, as the user who damaged it might expect.
    pub(super) fn of(folder: &Path, event: HookEvent, attempt: u32) -> Self {
        let path = folder.join(FILE);
        let all = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Self {
            path,
            key: format!("{}#{attempt}", event.name()),
            all,
        }
    }

    /// Returns the mark of a hook.
    pub(super) fn get(&self, hook: &OsStr) -> Option<Mark> {
        let marks = self.all.0.get(&self.key)?;
        marks.get(&display_name(hook)).copied()
    }

    /// Writes the mark of a hook, and returns when it is on the disk.
    pub(super) fn set(&mut self, hook: &OsStr, mark: Mark) -> Result<(), FolderError> {
        let marks = self.all.0.entry(self.key.clone()).or_default();
        marks.insert(display_name(hook), mark);
        let path = &self.path;
        let mut bytes = serde_json::to_vec(&self.all).map_err(|source| FolderError::Record {
            path: path.clone(),
            source,
        })?;
        bytes.push(b'\n');
        write_atomic(path, &bytes)
    }
}
