//! Which snapshots there are, read from the folders of the jobs.
//!
//! A snapshot is an ordinary file in a job's `snapshots/` that is named like one; everything else
//! there is somebody's own and not looked at. Folders without a record are no jobs.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::job::JobState;
use crate::retention::RetentionError;

/// The snapshots of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSnapshots {
    /// The job's number.
    pub id: u32,
    /// Whether it has ended.
    pub phase: Phase,
    /// In the order in which they were painted.
    pub snapshots: Vec<Snapshot>,
}

/// How far a job is; earlier ends sort first, what goes on last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It ended then.
    Ended(Timestamp),
    /// It will go on.
    Alive,
}

/// One picture on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its file.
    pub path: PathBuf,
    /// Its stage, from 1.
    pub stage: u32,
    /// Iterations from the job's beginning, counting the snapshots of earlier stages.
    pub step: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether somebody wants to keep it.
    pub is_starred: bool,
}

/// Reads the snapshots of all jobs of the studio that have more than one; a job's record says which
/// of them are starred.
pub fn scan(studio: &Studio) -> Result<Vec<JobSnapshots>, RetentionError> {
    let mut jobs = Vec::new();
    for shelf in [&studio.active, &studio.done, &studio.failed] {
        let entries = match fs::read_dir(shelf) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(RetentionError::Io {
                    what: "list",
                    path: shelf.clone(),
                    source,
                });
            }
        };
        for entry in entries.flatten() {
            // A link to a folder would lead somewhere else.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                jobs.extend(job(&JobFolder::at(entry.path())));
            }
        }
    }
    Ok(jobs)
}

/// Reads one job's snapshots; `None` where there is nothing to decide, or no job.
fn job(folder: &JobFolder) -> Option<JobSnapshots> {
    let snapshots = folder.snapshots();
    let own = fs::symlink_metadata(&snapshots).ok()?;
    if !own.is_dir() {
        return None;
    }
    let mut found: Vec<(u32, u64, PathBuf, u64)> = Vec::new();
    for entry in fs::read_dir(&snapshots).ok()?.flatten() {
        let Some((stage, iteration)) = entry.file_name().to_str().and_then(parse) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                found.push((stage, iteration, entry.path(), metadata.len()));
            }
            Ok(_) | Err(_) => {}
        }
    }
    // The only picture is the latest, and the latest stays.
    if found.len() < 2 {
        return None;
    }
    found.sort();
    let record = folder.read().ok()?;
    let phase = match record.state {
        JobState::Done { finished, .. }
        | JobState::Failed { finished, .. }
        | JobState::Cancelled { finished, .. } => Phase::Ended(finished),
        JobState::Claiming { .. }
        | JobState::Queued
        | JobState::Blocked { .. }
        | JobState::Running { .. }
        | JobState::Paused { .. }
        | JobState::Retrying { .. } => Phase::Alive,
    };
    Some(JobSnapshots {
        id: record.id.0,
        phase,
        snapshots: in_steps(found, &|path| {
            let below = path.strip_prefix(folder.path()).unwrap_or(path);
            let mut starred = record.course.starred.iter();
            starred.any(|starred| starred.0 == below)
        }),
    })
}

/// Counts the iterations of earlier stages in.
fn in_steps(
    found: Vec<(u32, u64, PathBuf, u64)>,
    is_starred: &dyn Fn(&Path) -> bool,
) -> Vec<Snapshot> {
    let (mut before, mut last) = (0_u64, (0, 0));
    found
        .into_iter()
        .map(|(stage, iteration, path, bytes)| {
            if stage != last.0 {
                before = before.saturating_add(last.1);
            }
            last = (stage, iteration);
            Snapshot {
                stage,
                step: before.saturating_add(iteration),
                bytes,
                is_starred: is_starred(&path),
                path,
            }
        })
        .collect()
}

/// Returns stage and iteration of a snapshot by its name: `000100.png`, `s2_000100.png`.
fn parse(name: &str) -> Option<(u32, u64)> {
    let stem = name.strip_suffix(".png")?;
    let (stage, digits) = match stem.strip_prefix('s').and_then(|s| s.split_once('_')) {
        Some((stage, digits)) => (number(stage)?, digits),
        None => (1, stem),
    };
    let iteration = number(digits).filter(|_| digits.len() >= 6)?;
    Some((u32::try_from(stage).ok()?, iteration))
}

fn number(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_snapshots() {
        let cases = [
            ("000100.png", Some((1, 100))),
            ("s2_000100.png", Some((2, 100))),
            ("1234567.png", Some((1, 1_234_567))),
            ("s2_000100.jpg", None),
            ("100.png", None),
            ("mine.png", None),
            ("s_000100.png", None),
            ("s2_+00100.png", None),
            ("s2_000100 (1).png", None),
            ("s99999999999_000100.png", None),
            (".000100.png.partial", None),
        ];
        for (name, parsed) in cases {
            assert_eq!(parse(name), parsed, "{name}");
        }
    }
}
