//! The edits of a run: which option was changed at which iteration, on record before it counts.
//!
//! `edits.jsonl` has a line an edit, appended and synced. Always true: a run with the same record
//! paints the same picture, whether it was interrupted or begins anew, because each edit holds from
//! the same iteration on.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::checkpoint::hex;
use crate::profile::EditError;

/// Longest line that is read, in bytes.
const MOST_LINE: u64 = 1024;

/// Most edits of a run.
const MOST_EDITS: usize = 10_000;

/// A change that somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct EditOrder {
    /// Names it within the run.
    pub id: u64,
    /// The option.
    pub option: String,
    /// Its new value.
    pub value: f64,
    /// The stage whose option it is, from 1; `None` for the stage at hand.
    pub stage: Option<usize>,
}

/// A change on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Names it within the run.
    pub(super) id: u64,
    /// The stage in which it came, from 1.
    pub(super) stage: usize,
    /// The first iteration of that stage that is made with it.
    pub(super) iteration: usize,
    /// The stage whose option it is, from 1.
    pub(super) target: usize,
    /// The option.
    pub(super) option: String,
    /// Its new value.
    pub(super) value: f64,
}

impl Entry {
    /// Returns where it holds from: stage and iteration.
    pub(super) fn at(&self) -> (usize, usize) {
        (self.stage, self.iteration)
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for number in [self.id, self.stage as u64, self.iteration as u64] {
            hash.update(number.to_le_bytes());
        }
        hash.update((self.target as u64).to_le_bytes());
        hash.update(self.value.to_bits().to_le_bytes());
        hash.update(self.option.as_bytes());
        hash.finalize().into()
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    edit: Entry,
    /// The beginning of its SHA-256, in hexadecimal.
    check: String,
}

/// Why the record cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("the record of edits {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line is not what was written.
    #[error(
        "the record of edits {} is damaged in line {line}: without it the picture would become \
         another one; remove the line to go on without that edit",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An edit on record that cannot be carried out in this run.
    #[error("the record of edits {}: edit {id}", path.display())]
    Impossible {
        /// The file.
        path: PathBuf,
        /// The edit.
        id: u64,
        /// Why not.
        #[source]
        source: EditError,
    },
    /// There are too many edits.
    #[error("a job can be edited {MOST_EDITS} times")]
    TooMany,
}

/// The record.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    entries: Vec<Entry>,
    /// Bytes of whole lines.
    length: u64,
}

impl Journal {
    /// Reads the record at `path`, if there is one. A last line that was never finished was never
    /// carried out, and goes.
    pub(super) fn open(path: PathBuf) -> Result<Self, JournalError> {
        let mut journal = Self {
            path,
            entries: Vec::new(),
            length: 0,
        };
        let file = match File::open(&journal.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(journal),
            Err(error) => return Err(journal.failed(error)),
        };
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut line);
            let n = read.map_err(|error| journal.failed(error))?;
            if !line.ends_with(b"\n") && (n as u64) < MOST_LINE {
                return Ok(journal);
            }
            let parsed = serde_json::from_slice::<Line>(&line).ok();
            let whole = parsed.filter(|line| line.check == check(&line.edit));
            let Some(Line { edit, .. }) = whole else {
                return Err(JournalError::Damaged {
                    path: journal.path,
                    line: journal.entries.len() + 1,
                });
            };
            if journal.entries.len() >= MOST_EDITS {
                return Err(JournalError::TooMany);
            }
            journal.entries.push(edit);
            journal.length += n as u64;
        }
    }

    /// Returns the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the edit of this id.
    pub(super) fn find(&self, id: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// Returns the edits that hold from `at` on (stage, iteration), in the order they came.
    pub(super) fn at(&self, at: (usize, usize)) -> Vec<Entry> {
        let here = self.entries.iter().filter(|entry| entry.at() == at);
        here.cloned().collect()
    }

    /// Returns the edits that hold from `at` on or longer, in the order in which they came to hold.
    pub(super) fn until(&self, at: (usize, usize)) -> Vec<Entry> {
        let before = self.entries.iter().filter(|entry| entry.at() <= at);
        let mut before: Vec<Entry> = before.cloned().collect();
        before.sort_by_key(Entry::at);
        before
    }

    /// Returns a SHA-256 over the edits that hold from `at` on or longer.
    pub(super) fn digest_until(&self, at: (usize, usize)) -> String {
        let mut hash = Sha256::new();
        for entry in self.until(at) {
            hash.update(entry.digest());
        }
        hex(&hash.finalize())
    }

    /// Puts an edit on record, durably.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), JournalError> {
        if self.entries.len() >= MOST_EDITS {
            return Err(JournalError::TooMany);
        }
        let length = self.append(&entry).map_err(|error| self.failed(error))?;
        self.length = length;
        self.entries.push(entry);
        Ok(())
    }

    fn append(&self, entry: &Entry) -> io::Result<u64> {
        let mut line = serde_json::to_vec(&Line {
            edit: entry.clone(),
            check: check(entry),
        })?;
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.path)?;
        // What is left of a line that was never finished must not become part of this one.
        file.set_len(self.length)?;
        file.write_all(&line)?;
        file.sync_all()?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(self.length + line.len() as u64)
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::File {
            path: self.path.clone(),
            source,
        }
    }
}

fn check(entry: &Entry) -> String {
    hex(&entry.digest()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, at: (usize, usize)) -> Entry {
        Entry {
            id,
            stage: at.0,
            iteration: at.1,
            target: at.0,
            option: "style_weight".to_owned(),
            // A number that a careless reader of decimals gets wrong.
            value: 0.1 + 0.2 + f64::from(u32::try_from(id).unwrap()) / 3.0,
        }
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edits.jsonl");
        (folder, path)
    }

    #[test]
    fn a_record_cut_anywhere_has_lost_its_last_edit_only_and_takes_new_ones() {
        let (_folder, path) = place();
        let mut journal = Journal::open(path.clone()).unwrap();
        journal.record(entry(1, (1, 5))).unwrap();
        let first = std::fs::read(&path).unwrap();
        journal.record(entry(2, (2, 3))).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(
            Journal::open(path.clone()).unwrap().entries,
            journal.entries
        );
        for end in first.len()..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let mut cut = Journal::open(path.clone()).unwrap();
            assert_eq!(cut.entries, [entry(1, (1, 5))], "cut at {end}");
            cut.record(entry(2, (2, 3))).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {end}");
        }
    }

    #[test]
    fn any_bit_turned_is_noticed() {
        let (_folder, path) = place();
        let mut journal = Journal::open(path.clone()).unwrap();
        journal.record(entry(1, (1, 5))).unwrap();
        let first = std::fs::read(&path).unwrap().len();
        journal.record(entry(2, (2, 3))).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..first * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(read) = Journal::open(path.clone()) {
                // Another spelling of the same number, such as 1e0 for 1E0.
                assert_eq!(read.entries, journal.entries, "bit {bit}");
            }
        }
    }

    #[test]
    fn edits_come_to_hold_in_the_order_of_their_iterations() {
        let (_folder, path) = place();
        let mut journal = Journal::open(path).unwrap();
        for (id, at) in [(1, (1, 9)), (2, (2, 1)), (3, (1, 4)), (4, (1, 9))] {
            journal.record(entry(id, at)).unwrap();
        }
        let ids = |entries: Vec<Entry>| entries.iter().map(|e| e.id).collect::<Vec<_>>();
        assert_eq!(ids(journal.until((1, 9))), [3, 1, 4]);
        assert_eq!(ids(journal.at((1, 9))), [1, 4]);
        assert_eq!(ids(journal.until((2, 0))), [3, 1, 4]);
        assert_eq!(ids(journal.until((9, 9))), [3, 1, 4, 2]);
        assert_eq!(journal.find(2).map(Entry::at), Some((2, 1)));
        let other = journal.digest_until((1, 9));
        assert_ne!(journal.digest_until((1, 8)), other);
        assert_eq!(journal.digest_until((1, 10)), other);
    }
}
