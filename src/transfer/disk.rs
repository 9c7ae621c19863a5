//! How much room on the disk a kept run will take, before it starts.

use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::TEMPORARY;
use super::forecast::optimizer;
use super::targets::{image_size, stage_size};
use super::{Inputs, SavedAs, Task, TransferError};
use crate::optim::Options;
use crate::pixels::Picture;
use crate::profile::{PngDepth, Profile, Stage};

/// Checkpoints that are on the disk at once: two, and one that is being written.
const CHECKPOINTS: u64 = 3;

/// Vectors of a checkpoint: the picture, the one before, two of the optimiser.
const VECTORS: u64 = 4;

/// Room for everything small: the table of losses, the log, the records.
const SMALL: u64 = 16 << 20;

/// Returns the most bytes that the files of a run take at once.
///
/// Two times the history of L-BFGS, since the pairs of one checkpoint may all be others than those
/// of the one before.
pub(super) fn needed(profile: &Profile, content: &Picture) -> u64 {
    let stages = profile.stages().iter();
    let kept = stages.map(|stage| {
        let vector = 4 * values(profile, stage, content);
        let pairs = match optimizer(stage, profile.compat) {
            Options::Lbfgs(options) => {
                let history = options.history.get() as u64;
                (2 * history).min(u64::from(stage.num_iterations) + history)
            }
            Options::Adam(_) => 0,
        };
        vector.saturating_mul(CHECKPOINTS * VECTORS + 2 * pairs)
    });
    let pictures = profile.stages().iter().map(|stage| {
        let depth = match profile.png_depth {
            PngDepth::Eight => 1,
            PngDepth::Sixteen => 2,
        };
        let snapshots = stage.num_iterations.checked_div(stage.save_iter);
        let picture = depth * values(profile, stage, content);
        picture.saturating_mul(1 + u64::from(snapshots.unwrap_or(0)))
    });
    let pictures = pictures.fold(0_u64, u64::saturating_add);
    SMALL
        .saturating_add(kept.max().unwrap_or(0))
        .saturating_add(pictures)
}

/// Returns the error for a run that does not fit on the disk of its checkpoints.
pub(super) fn refuse_what_does_not_fit(
    task: &Task,
    inputs: &Inputs,
    checkpoints: &Path,
) -> Result<(), TransferError> {
    let needed = needed(&task.profile, &inputs.content);
    let mut folders = vec![checkpoints];
    if let SavedAs::In(folder) = &task.naming.snapshots {
        folders.push(folder);
    }
    let there = folders
        .into_iter()
        .map(bytes_in)
        .fold(0, u64::saturating_add);
    let Some((place, available)) = free(checkpoints) else {
        return Ok(());
    };
    let needed = needed.saturating_sub(there);
    if needed > available {
        return Err(TransferError::Disk {
            folder: place,
            needed,
            available,
        });
    }
    Ok(())
}

fn values(profile: &Profile, stage: &Stage, content: &Picture) -> u64 {
    let (width, height) = stage_size(content, image_size(stage), profile.compat);
    3 * width as u64 * height as u64
}

/// Returns the bytes of the files in a folder that a run will take over.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with(TEMPORARY));
    files
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}

/// Returns the bytes that may be written where `folder` is or will be, and the place asked; `None`
/// where the system does not say.
fn free(folder: &Path) -> Option<(PathBuf, u64)> {
    let mut place = folder;
    loop {
        match rustix::fs::statvfs(place) {
            Ok(disk) => {
                return Some((
                    place.to_owned(),
                    disk.f_bavail.saturating_mul(disk.f_frsize),
                ));
            }
            Err(error) if io::Error::from(error).kind() == io::ErrorKind::NotFound => {
                place = place.parent()?;
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{RawProfile, resolve};

    fn needed_with(options: &[&str]) -> u64 {
        let mut raw = RawProfile::default();
        raw.set("save_iter=0").unwrap();
        for option in options {
            raw.set(option).unwrap();
        }
        let profile = resolve(&raw, &|_| None).unwrap();
        let content = Picture::new(512, 512, vec![0.0; 512 * 512 * 3]).unwrap();
        needed(&profile, &content)
    }

    #[test]
    fn pictures_and_optimiser_count() {
        let vector = 512 * 512 * 3 * 4;
        let adam = needed_with(&["optimizer=adam"]);
        assert_eq!(adam, SMALL + 12 * vector + vector / 4);
        let lbfgs = needed_with(&["lbfgs_num_correction=10"]);
        assert_eq!(lbfgs, adam + 40 * vector);
        // No more pairs in a set than iterations.
        let short = needed_with(&["num_iterations=5"]);
        assert_eq!(short, adam + 20 * vector);
        let snapshots = needed_with(&["optimizer=adam", "save_iter=100", "png_depth=16"]);
        assert_eq!(snapshots, SMALL + 12 * vector + 11 * vector / 2);
    }

    #[test]
    fn a_folder_to_come_lies_where_its_parent_is() {
        let folder = tempfile::tempdir().unwrap();
        let (place, bytes) = free(&folder.path().join("a/b")).unwrap();
        assert_eq!(place, folder.path());
        assert!(bytes > 0);
    }
}
