//! Painting a job anew as a new job, perhaps with other options.
//!
//! The pictures are copied and the changed profile is checked as that of a dropped bundle, in a
//! folder that becomes the new job's by one rename. What a crash leaves of it is cleared away at the
//! next start.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::causes::with_causes;
use crate::clock::Timestamp;
use crate::control::Admission;
use crate::control::Refusal;
use crate::control::view::Card;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::copy_tree;
use crate::folder::io_error;
use crate::folder::write_atomic;
use crate::ingest::Accepted;
use crate::ingest::BundleFiles;
use crate::ingest::Rejection;
use crate::job::Course;
use crate::job::Job;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::SCHEMA;
use crate::profile::ProfileError;
use crate::profile::ProfileFolders;
use crate::profile::RawProfile;
use crate::profile::resolve;

/// Decides whether the pictures and the profile of a job can be used, as of a dropped bundle.
pub type Review = Arc<
    dyn Fn(&BundleFiles, &dyn Fn() -> bool) -> Option<Result<Accepted, Rejection>> + Send + Sync,
>;

/// How the folders are called in which reruns are prepared.
const STAGING: &str = "rerun-";

/// Prepares a new job over the pictures of another one, with options changed as `key=value`.
pub fn prepare(
    state: &Path,
    card: &Card,
    changes: &[String],
    now: Timestamp,
    review: &Review,
) -> Result<Admission, Refusal> {
    let id = card.job.id;
    let files = |source| Refusal::Files { id, source };
    let staging = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(state)
        .map_err(io_error("make a folder in", state))
        .map_err(files)?;
    let from = JobFolder::at(card.folder.clone());
    let to = JobFolder::at(staging.path().to_owned());
    copy_tree(&from.inputs(), &to.inputs()).map_err(files)?;
    let text = changed_profile(&from, &to, &card.job, (changes, review))?;
    write_atomic(&to.profile(), text.as_bytes()).map_err(files)?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(to.path(), open)
        .map_err(io_error("open", to.path()))
        .map_err(files)?;
    let said = if changes.is_empty() {
        String::new()
    } else {
        format!(", {}", changes.join(", "))
    };
    let job = Job {
        schema: SCHEMA,
        id: JobId(0),
        name: card.job.name.clone(),
        created: now,
        profile_source: format!("that of {id}{said}"),
        inputs: card.job.inputs.clone(),
        // Asked for: it is no duplicate of anything.
        work: None,
        course: Box::new(Course {
            rerun_of: Some(id.0),
            ..Course::default()
        }),
        state: JobState::Queued,
    };
    let folder = JobFolder::at(staging.keep());
    Ok(Admission { folder, job })
}

/// Returns the profile of the job in `from` with options changed, checked over the pictures in `at`.
pub fn changed_profile(
    from: &JobFolder,
    at: &JobFolder,
    job: &Job,
    (changes, review): (&[String], &Review),
) -> Result<String, Refusal> {
    let id = job.id;
    let text = overridden(&from.profile(), changes).map_err(|error| Refusal::Profile {
        id,
        reason: with_causes(&error),
        hint: "mend what was changed; the job is as it was".to_owned(),
    })?;
    let file = tempfile::Builder::new()
        .prefix(".profile-")
        .suffix(".toml")
        .tempfile_in(at.path())
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()).map(|()| file))
        .map_err(io_error("write the profile in", at.path()))
        .map_err(|source| Refusal::Files { id, source })?;
    let bundle = BundleFiles {
        name: job.name.clone(),
        content: job.content().map(|path| at.inputs().join(path)),
        styles: job.styles().map(|path| at.inputs().join(path)).collect(),
        profile: Some(file.path().to_owned()),
        root: at.inputs(),
    };
    match review(&bundle, &|| true) {
        Some(Ok(accepted)) => Ok(accepted.profile_text),
        Some(Err(rejection)) => Err(Refusal::Profile {
            id,
            reason: rejection.reason,
            hint: rejection.hint,
        }),
        None => Err(Refusal::Ending),
    }
}

/// Clears away what an earlier run left of reruns that it was preparing.
pub fn clear_staging(state: &Path) -> Result<(), FolderError> {
    for entry in fs::read_dir(state)
        .map_err(io_error("list", state))?
        .flatten()
    {
        let is_staging = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(STAGING.as_bytes());
        if is_staging {
            let path: PathBuf = entry.path();
            fs::remove_dir_all(&path).map_err(io_error("clear away", &path))?;
        }
    }
    Ok(())
}

fn overridden(path: &Path, changes: &[String]) -> Result<String, ProfileError> {
    let mut raw = RawProfile::load(path, &ProfileFolders::new(Vec::new()))?;
    for change in changes {
        set(&mut raw, change)?;
    }
    // Resolved when the job was made: nothing is left to a preset.
    Ok(resolve(&raw, &|_| None)?.to_toml())
}

/// Changes one option: in all stages, where it is one of theirs and no stage is named, since a
/// resolved profile has every option in every stage.
fn set(raw: &mut RawProfile, change: &str) -> Result<(), ProfileError> {
    let mut changed = raw.clone();
    if change.starts_with("stages.") || changed.set(&format!("stages.0.{change}")).is_err() {
        return raw.set(change);
    }
    for number in 1.. {
        match changed.set(&format!("stages.{number}.{change}")) {
            Err(ProfileError::NoSuchStage { .. }) => break,
            set => set?,
        }
    }
    *raw = changed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_holds_in_every_stage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profile.toml");
        let text = "seed = 1\n[[stages]]\nstyle_weight = 1.0\n[[stages]]\nstyle_weight = 2.0\n";
        fs::write(&path, text).unwrap();
        let changed = |change: &str| overridden(&path, &[change.to_owned()]);
        let all = changed("style_weight=5").unwrap();
        assert_eq!(all.matches("style_weight = 5.0").count(), 2, "{all}");
        let one = changed("stages.1.style_weight=5").unwrap();
        assert_eq!(one.matches("style_weight = 5.0").count(), 1, "{one}");
        assert!(changed("seed=7").unwrap().contains("seed = 7"));
        for wrong in [
            "style_weight=much",
            "nonsense=1",
            "stages.7.style_weight=1",
            "seed",
        ] {
            assert!(changed(wrong).is_err(), "{wrong}");
        }
    }
}
