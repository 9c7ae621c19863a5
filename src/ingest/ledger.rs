//! What was taken from a watch folder that cannot be written to, and stays there.
//!
//! One line of JSON for each bundle that was taken, with path, length, time and digest of its
//! files. A bundle that lies there as the ledger has it is not taken again unless somebody says so.
//! A line that a crash cut off is passed over: its job lies in `active/` then.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use crate::folder::FolderError;
use crate::folder::hash_file;
use crate::folder::io_error;
use crate::ingest::pairing::Key;
use crate::ingest::settle::Fingerprint;
use crate::job::JobId;
use crate::job::names::PathText;

/// The ledger of one watch folder.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    watch: PathBuf,
    taken: BTreeMap<Key, Line>,
}

/// A bundle that was taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    watch: PathText,
    name: PathText,
    spelling: crate::ingest::pairing::Spelling,
    files: Vec<Page>,
    job: JobId,
}

/// One of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Page {
    path: PathText,
    len: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    sha256: String,
}

impl Ledger {
    /// The ledger's file, below the folder of the program's state.
    pub(crate) const FILE: &str = "ledger.jsonl";

    /// Reads what was taken from `watch`.
    pub(crate) fn open(state: &Path, watch: &Path) -> Result<Self, FolderError> {
        let path = state.join(Self::FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io_error("read the ledger", &path)(error)),
        };
        let lines = text.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let ours = lines.filter(|line| line.watch.0 == watch).map(|line| {
            let key = Key {
                name: line.name.0.clone().into_os_string(),
                spelling: line.spelling,
            };
            (key, line)
        });
        Ok(Self {
            taken: ours.collect(),
            path,
            watch: watch.to_owned(),
        })
    }

    /// Returns the job that was made of the bundle as it lies there now: its files have the lengths
    /// and times that are written down, or else their digests.
    pub(crate) fn job_of(&self, key: &Key, fingerprint: &Fingerprint) -> Option<JobId> {
        let line = self.taken.get(key).filter(|line| !line.files.is_empty())?;
        let files: Vec<_> = fingerprint
            .iter()
            .filter(|(path, _)| self.watch.join(path).is_file())
            .collect();
        let is_same = files.len() == line.files.len()
            && files.iter().zip(&line.files).all(|((path, stamp), page)| {
                page.path.0 == *path
                    && page.len == stamp.len
                    && (page.modified == stamp.modified
                        || hash_file(&self.watch.join(path)).is_ok_and(|sha| sha == page.sha256))
            });
        is_same.then_some(line.job)
    }

    /// Takes back what was written down about a bundle that was not taken after all.
    pub(crate) fn forget(&mut self, key: &Key) {
        let Some(mut line) = self.taken.remove(key) else {
            return;
        };
        // Without files it stands for nothing that lies there.
        line.files.clear();
        if let Err(error) = self.append(&line) {
            tracing::error!(%error, "a bundle that was not taken stays in the ledger");
        }
    }

    /// Writes down that a bundle was taken as `job`.
    pub(crate) fn add(
        &mut self,
        key: &Key,
        fingerprint: &Fingerprint,
        job: JobId,
    ) -> Result<(), FolderError> {
        let mut files = Vec::new();
        for (path, stamp) in fingerprint {
            let full = self.watch.join(path);
            if full.is_file() {
                // What is behind a link is told from another by its stamp alone.
                let is_link = full.is_symlink();
                files.push(Page {
                    path: PathText(path.clone()),
                    len: stamp.len,
                    modified: stamp.modified,
                    sha256: if is_link {
                        String::new()
                    } else {
                        hash_file(&full)?
                    },
                });
            }
        }
        let line = Line {
            watch: PathText(self.watch.clone()),
            name: PathText(PathBuf::from(&key.name)),
            spelling: key.spelling,
            files,
            job,
        };
        self.append(&line)?;
        self.taken.insert(key.clone(), line);
        Ok(())
    }

    fn append(&self, line: &Line) -> Result<(), FolderError> {
        let mut text = serde_json::to_vec(line).map_err(|source| FolderError::Record {
            path: self.path.clone(),
            source,
        })?;
        // A line that an earlier crash cut off must not swallow this one.
        text.insert(0, b'\n');
        text.push(b'\n');
        let written = File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.sync_all()
            });
        written.map_err(io_error("write the ledger", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Links;
    use crate::ingest::listing::Stamp;
    use crate::ingest::pairing::Spelling;

    #[test]
    fn h17_what_was_taken_is_known_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let watch = dir.path().join("watch");
        fs::create_dir(&watch).unwrap();
        let picture = watch.join("a.content.jpg");
        fs::write(&picture, "one").unwrap();
        let print = || -> Fingerprint {
            let stamp = Stamp::at(&picture, Links::Refuse).unwrap();
            vec![("a.content.jpg".into(), stamp)]
        };
        let key = Key {
            name: "a".into(),
            spelling: Spelling::Flat,
        };
        let open = || Ledger::open(dir.path(), &watch).unwrap();
        let mut ledger = open();
        assert_eq!(ledger.job_of(&key, &print()), None);
        ledger.add(&key, &print(), JobId(7)).unwrap();
        assert_eq!(open().job_of(&key, &print()), Some(JobId(7)));
        // The same bytes under another time are the same picture.
        fs::write(&picture, "one").unwrap();
        let file = File::options().append(true).open(&picture).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(open().job_of(&key, &print()), Some(JobId(7)));
        fs::write(&picture, "two").unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(9))
            .unwrap();
        assert_eq!(open().job_of(&key, &print()), None);
        let other = Ledger::open(dir.path(), dir.path()).unwrap();
        assert_eq!(other.job_of(&key, &print()), None, "another watch folder's");
        ledger.add(&key, &print(), JobId(8)).unwrap();
        ledger.forget(&key);
        assert_eq!(open().job_of(&key, &print()), None);
    }

    #[test]
    fn h17_a_line_that_was_cut_off_swallows_no_other() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.jpg"), "one").unwrap();
        let stamp = Stamp::at(&dir.path().join("a.jpg"), Links::Refuse).unwrap();
        let print = vec![(PathBuf::from("a.jpg"), stamp)];
        fs::write(dir.path().join(Ledger::FILE), "{\"watch\": \"/wat").unwrap();
        let key = Key {
            name: "a".into(),
            spelling: Spelling::Flat,
        };
        let mut ledger = Ledger::open(dir.path(), dir.path()).unwrap();
        ledger.add(&key, &print, JobId(1)).unwrap();
        let again = Ledger::open(dir.path(), dir.path()).unwrap();
        assert_eq!(again.job_of(&key, &print), Some(JobId(1)));
    }
}
