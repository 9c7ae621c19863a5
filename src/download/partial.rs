//! A file that has not arrived whole: its bytes in `NAME.part`, what they are of in `NAME.part.toml`.
//!
//! The notes are written before the first byte they speak of, so that bytes without notes, or with
//! notes of something else, are never taken for a beginning.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::checksum::{Sums, sums};
use super::client::Answer;
use super::error::DownloadError;

/// The place of a file that arrives.
pub(super) struct Partial {
    path: PathBuf,
    notes: PathBuf,
}

/// What the bytes are of.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Notes {
    /// The address that was asked, before redirections.
    url: String,
    /// The file's entity tag or date.
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
    /// Bytes of the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// Where to go on.
#[derive(Debug, Default)]
pub(super) struct ResumePoint {
    /// Bytes that are there.
    pub(super) from: u64,
    /// What the server must still have for them to be its beginning.
    pub(super) validator: Option<String>,
    total: Option<u64>,
}

impl ResumePoint {
    /// Whether nothing is left to fetch.
    pub(super) fn is_complete(&self, size: Option<u64>) -> bool {
        self.from > 0 && self.total.or(size) == Some(self.from)
    }

    /// Whether a file of this length can be the one that was begun.
    pub(super) fn agrees(&self, total: Option<u64>) -> bool {
        self.total.is_none() || total.is_none() || self.total == total
    }
}

impl Partial {
    pub(super) fn at(path: &Path) -> Self {
        let mut notes = path.as_os_str().to_owned();
        notes.push(".toml");
        Self {
            path: path.to_owned(),
            notes: notes.into(),
        }
    }

    /// Returns how many bytes are there.
    pub(super) fn length(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Returns where a download from `url` goes on. A beginning from another address, or one that
    /// the server cannot vouch for, is of use only where a checksum decides in the end.
    pub(super) fn resume_point(&self, url: &str, checked_in_the_end: bool) -> ResumePoint {
        let notes = fs::read_to_string(&self.notes)
            .ok()
            .and_then(|text| toml::from_str::<Notes>(&text).ok());
        let Some(notes) = notes else {
            return ResumePoint::default();
        };
        let is_same = notes.url == url;
        let is_vouched = is_same && notes.validator.is_some();
        if !is_vouched && !checked_in_the_end {
            return ResumePoint::default();
        }
        ResumePoint {
            from: self.length(),
            validator: notes.validator.filter(|_| is_same),
            total: notes.total.filter(|_| is_same),
        }
    }

    /// Holds that the disk has room for what is still to come.
    pub(super) fn make_room(&self, from: u64, total: Option<u64>) -> Result<(), DownloadError> {
        let there = if from == 0 { self.length() } else { 0 };
        let Some(needed) = total.map(|total| total.saturating_sub(from)) else {
            return Ok(());
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let Ok(disk) = rustix::fs::statvfs(folder) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free.saturating_add(there) < needed {
            return Err(DownloadError::NoSpace {
                path: self.path.clone(),
                needed,
                free,
            });
        }
        Ok(())
    }

    /// Opens the file for the bytes of `answer`, which come from `url`.
    pub(super) fn open(&self, url: &str, answer: &Answer) -> Result<Appender<'_>, DownloadError> {
        if answer.from == 0 {
            self.discard()?;
        }
        let notes = Notes {
            url: url.to_owned(),
            validator: answer.validator.clone(),
            total: answer.total,
        };
        let text = toml::to_string(&notes).expect("three plain values can be written as TOML");
        fs::write(&self.notes, text).map_err(at("write", &self.notes))?;
        let file = File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(at("open", &self.path))?;
        Ok(Appender {
            file,
            path: &self.path,
        })
    }

    pub(super) fn sums(&self) -> Result<Sums, DownloadError> {
        File::open(&self.path)
            .and_then(sums)
            .map_err(at("read", &self.path))
    }

    /// Removes what is there.
    pub(super) fn discard(&self) -> Result<(), DownloadError> {
        for path in [&self.path, &self.notes] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at("remove", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The end of the file, where bytes are added.
pub(super) struct Appender<'a> {
    file: File,
    path: &'a Path,
}

impl Appender<'_> {
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        self.file.write_all(bytes).map_err(|source| {
            if source.kind() == io::ErrorKind::StorageFull {
                DownloadError::NoSpace {
                    path: self.path.to_owned(),
                    needed: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                    free: 0,
                }
            } else {
                at("write", self.path)(source)
            }
        })
    }

    pub(super) fn finish(self) -> Result<(), DownloadError> {
        self.file.sync_all().map_err(at("sync", self.path))
    }
}

pub(super) fn at<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> DownloadError + 'a {
    move |source| DownloadError::File {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_one() {
        // A device on which every write fails as on a full disk.
        let path = Path::new("/dev/full");
        let Ok(file) = File::options().append(true).open(path) else {
            return;
        };
        let error = Appender { file, path }.append(b"abc").unwrap_err();
        assert!(matches!(error, DownloadError::NoSpace { .. }), "{error:?}");
    }

    #[test]
    fn a_beginning_is_used_only_where_something_vouches_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let partial = Partial::at(&folder.path().join("x.part"));
        fs::write(&partial.path, [0; 9]).unwrap();
        let from = |notes: &str, url: &str, checked| {
            fs::write(&partial.notes, notes).unwrap();
            partial.resume_point(url, checked).from
        };
        let tagged = "url = \"a\"\nvalidator = \"v\"\n";
        let bare = "url = \"a\"\n";
        assert_eq!(from(tagged, "a", false), 9);
        assert_eq!(from(tagged, "b", false), 0);
        assert_eq!(from(tagged, "b", true), 9);
        assert_eq!(from(bare, "a", false), 0);
        assert_eq!(from(bare, "a", true), 9);
        assert_eq!(from("nonsense", "a", true), 0);
    }
}
