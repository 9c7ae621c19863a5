//! Taking a bundle: from `watch/` into a job folder, so that a crash in the middle loses nothing.
//!
//! The list of moves is written down before the first one. Whoever finds a half-claimed job works
//! the list off: what is at its destination stays there, the rest is moved. A link that is followed
//! becomes a copy of its file beforehand, where it lies: moved, it would lead elsewhere.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::folder::hash_file;
use crate::folder::move_path;
use crate::folder::replace_link;
use crate::ingest::Accepted;
use crate::ingest::Links;
use crate::ingest::pairing::Key;
use crate::ingest::pairing::Spelling;
use crate::ingest::settle::Fingerprint;
use crate::job::Input;
use crate::job::Job;
use crate::job::JobState;
use crate::job::Move;
use crate::job::Role;
use crate::job::SCHEMA;
use crate::job::names::PathText;
use crate::job::names::safe_name;

/// A bundle that passed its gates. Paths are below `watch/`.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) key: Key,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) content: Option<PathBuf>,
    pub(crate) styles: Vec<PathBuf>,
    /// Its own profile, if it has one.
    pub(crate) profile: Option<PathBuf>,
    pub(crate) accepted: Accepted,
}

/// Moves a bundle into a new job folder and returns the queued job.
pub(crate) fn claim(
    studio: &Studio,
    bundle: &Ready,
    links: Links,
    now: Timestamp,
) -> Result<(JobFolder, Job), FolderError> {
    if links == Links::Follow {
        let members = bundle.content.iter().chain(&bundle.styles);
        for member in members.chain(&bundle.profile) {
            let path = studio.watch.join(member);
            if path.is_symlink() {
                replace_link(&path)?;
            }
        }
    }
    let name = safe_name(&name_of(studio, &bundle.key));
    let (id, folder) = studio.new_job_folder(&name)?;
    let mut job = Job {
        schema: SCHEMA,
        id,
        name,
        created: now,
        profile_source: bundle.accepted.profile_source.clone(),
        inputs: inputs(bundle),
        course: crate::job::Course::default(),
        state: JobState::Claiming {
            moves: moves(bundle),
        },
    };
    let prepared =
        crate::folder::write_atomic(&folder.profile(), bundle.accepted.profile_text.as_bytes())
            .and_then(|()| folder.write(&job))
            .and_then(|()| finish_claim(studio, &folder, &mut job));
    if let Err(error) = prepared {
        undo(studio, &folder, &job);
        return Err(error);
    }
    Ok((folder, job))
}

/// Works off what is left of a claim and queues the job.
pub(crate) fn finish_claim(
    studio: &Studio,
    folder: &JobFolder,
    job: &mut Job,
) -> Result<(), FolderError> {
    let JobState::Claiming { moves } = &job.state else {
        return Ok(());
    };
    for Move { from, to } in moves {
        let to = folder.path().join(&to.0);
        if fs::symlink_metadata(&to).is_err() {
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)
                    .map_err(crate::folder::io_error("create the folder", parent))?;
            }
            move_path(&studio.watch.join(&from.0), &to)?;
        }
    }
    for input in &mut job.inputs {
        input.sha256 = Some(hash_file(&folder.inputs().join(&input.file.0))?);
    }
    let queued = Job {
        state: JobState::Queued,
        ..job.clone()
    };
    folder.write(&queued)?;
    *job = queued;
    Ok(())
}

/// Puts back what a failed claim had moved, so that the bundle is whole in `watch/` again.
fn undo(studio: &Studio, folder: &JobFolder, job: &Job) {
    let JobState::Claiming { moves } = &job.state else {
        return;
    };
    let mut is_undone = true;
    for Move { from, to } in moves.iter().rev() {
        let to = folder.path().join(&to.0);
        if fs::symlink_metadata(&to).is_ok() {
            let back = move_path(&to, &studio.watch.join(&from.0));
            is_undone &= back
                .inspect_err(|error| tracing::error!(%error, "claim not undone"))
                .is_ok();
        }
    }
    if is_undone {
        // Only our own record and profile are left in it.
        let removed = fs::remove_dir_all(folder.path());
        removed.unwrap_or_else(|error| tracing::error!(%error, "empty job folder not removed"));
    }
}

/// A folder is renamed as a whole; loose files are moved one by one and keep their names.
fn moves(bundle: &Ready) -> Vec<Move> {
    let name = Path::new(&bundle.key.name);
    let step = |from: &Path, to: &Path| Move {
        from: PathText(from.to_owned()),
        to: PathText(to.to_owned()),
    };
    let inputs = Path::new(JobFolder::INPUTS);
    match bundle.key.spelling {
        Spelling::Folder => vec![step(name, inputs)],
        Spelling::Returned => {
            vec![
                step(&name.join(inputs), inputs),
                step(name, Path::new("previous")),
            ]
        }
        Spelling::Flat => bundle
            .fingerprint
            .iter()
            .map(|(path, _)| step(path, &inputs.join(path)))
            .collect(),
    }
}

fn inputs(bundle: &Ready) -> Vec<Input> {
    let below_inputs = |path: &Path| {
        let prefix = match bundle.key.spelling {
            Spelling::Folder => PathBuf::from(&bundle.key.name),
            Spelling::Returned => Path::new(&bundle.key.name).join(JobFolder::INPUTS),
            Spelling::Flat => PathBuf::new(),
        };
        path.strip_prefix(prefix).unwrap_or(path).to_owned()
    };
    let input = |role, path: &PathBuf| Input {
        role,
        file: PathText(below_inputs(path)),
        original: PathText(path.clone()),
        sha256: None,
    };
    let styles = bundle.styles.iter().map(|style| input(Role::Style, style));
    let content = bundle.content.iter();
    content
        .map(|content| input(Role::Content, content))
        .chain(styles)
        .collect()
}

/// A job folder that was dragged back goes by the name its job had, not by date and number.
fn name_of(studio: &Studio, key: &Key) -> std::ffi::OsString {
    if key.spelling == Spelling::Returned {
        let earlier = JobFolder::at(studio.watch.join(&key.name));
        if let Ok(job) = earlier.read() {
            return job.name.into();
        }
    }
    key.name.clone()
}
