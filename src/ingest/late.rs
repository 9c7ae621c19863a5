//! A profile that came after its bundle was taken.
//!
//! Where a profile lies alone in a watch folder and the bundle of that name is a job by now, the
//! profile is checked against that job's pictures and offered. The watching process decides: a job
//! that has not started adopts it, a running one goes on as it is.

use std::path::Path;
use std::path::PathBuf;

use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::move_path;
use crate::folder::write_atomic;
use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::unfinished::work_of_hashes;
use crate::job::Job;
use crate::job::JobId;
use crate::job::Role;

/// A profile for a job that is made already.
#[derive(Debug, Clone)]
pub struct LateProfile {
    /// The job.
    pub job: JobId,
    /// The job's name.
    pub name: String,
    /// Where the profile lies, absolute.
    pub file: PathBuf,
    /// The folder that was made for it, absolute; removed with it if nothing else is in there.
    pub folder: Option<PathBuf>,
    /// What the check says about it and the job's pictures.
    pub accepted: Accepted,
}

/// Gives a job that has not started the profile that came late. The file goes to the job's
/// pictures; where it cannot be moved, it stays.
///
/// Can be done again after a crash at any point.
pub fn adopt(late: &LateProfile, folder: &JobFolder, job: &mut Job) -> Result<(), FolderError> {
    write_atomic(&folder.profile(), late.accepted.profile_text.as_bytes())?;
    let hashes: Option<Vec<_>> = job
        .inputs
        .iter()
        .map(|input| Some((input.role, input.sha256.as_deref()?)))
        .collect();
    let work = hashes.map(|hashes| work_of_hashes(hashes.into_iter(), &late.accepted.profile_key));
    let adopted = Job {
        profile_source: late.accepted.profile_source.clone(),
        work,
        ..job.clone()
    };
    folder.write(&adopted)?;
    *job = adopted;
    let moved = move_path(&late.file, &free_name(folder, &late.file));
    if let Err(error) = moved {
        tracing::debug!(%error, "an adopted profile stays where it is");
    }
    if let Some(folder) = &late.folder {
        let _may_hold_more = std::fs::remove_dir(folder);
    }
    Ok(())
}

/// Returns the files of a job together with a profile that came late.
pub(crate) fn files_of(folder: &JobFolder, job: &Job, profile: &Path) -> BundleFiles {
    let at = |role| {
        job.inputs
            .iter()
            .filter(move |input| input.role == role)
            .map(|input| folder.inputs().join(&input.file.0))
    };
    BundleFiles {
        name: job.name.clone(),
        content: at(Role::Content).next(),
        styles: at(Role::Style).collect(),
        profile: Some(profile.to_owned()),
        root: profile.parent().unwrap_or(Path::new("/")).to_owned(),
    }
}

fn free_name(folder: &JobFolder, file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let first = folder.inputs().join(name);
    let numbered = (2..1000).map(|n| folder.inputs().join(format!("{stem}-{n}.toml")));
    std::iter::once(first.clone())
        .chain(numbered)
        .find(|path| std::fs::symlink_metadata(path).is_err())
        .unwrap_or(first)
}
