//! Taking a bundle: from a watch folder into a job folder, so that a crash in the middle loses
//! nothing.
//!
//! The list of moves is written down before the first one. Whoever finds a half-claimed job works
//! the list off: what is at its destination stays there, the rest is moved, or copied where the
//! original is to stay. A link that is followed becomes a copy of its file beforehand, where it
//! lies: moved, it would lead elsewhere.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::folder::FolderError;
use crate::folder::JobFolder;
use crate::folder::Studio;
use crate::folder::copy_file;
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
use crate::job::JobId;
use crate::job::JobState;
use crate::job::Move;
use crate::job::Role;
use crate::job::SCHEMA;
use crate::job::names::PathText;
use crate::job::names::safe_name;

/// A bundle that passed its gates. Paths are below its watch folder.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) key: Key,
    pub(crate) fingerprint: Fingerprint,
    /// What is moved away.
    pub(crate) takes: Vec<PathBuf>,
    pub(crate) content: Option<PathBuf>,
    pub(crate) styles: Vec<PathBuf>,
    pub(crate) profile: Option<PathBuf>,
    pub(crate) accepted: Accepted,
    /// What the work amounts to.
    pub(crate) work: String,
}

/// Where a claim takes from, and how.
pub(crate) struct Ground<'a> {
    pub(crate) studio: &'a Studio,
    /// The watch folder that the bundle lies in.
    pub(crate) watch: &'a Path,
    pub(crate) links: Links,
    /// The watch folder cannot be written to: everything is copied.
    pub(crate) keeps_all: bool,
}

/// Moves a bundle into a new job folder and returns the queued job. `note` is called with the job's
/// number once the claim can no longer be forgotten.
pub(crate) fn claim(
    ground: &Ground<'_>,
    bundle: &Ready,
    now: Timestamp,
    note: &mut dyn FnMut(JobId) -> Result<(), FolderError>,
) -> Result<(JobFolder, Job), FolderError> {
    let Ground { studio, watch, .. } = *ground;
    if ground.links == Links::Follow && !ground.keeps_all {
        follow_links(watch, bundle)?;
    }
    let name = safe_name(&name_of(watch, &bundle.key));
    let (id, folder) = studio.new_job_folder(&name)?;
    let mut job = Job {
        schema: SCHEMA,
        id,
        name,
        created: now,
        profile_source: bundle.accepted.profile_source.clone(),
        inputs: inputs(bundle),
        course: Box::default(),
        work: Some(bundle.work.clone()),
        state: JobState::Claiming {
            moves: moves(ground, bundle),
        },
    };
    let prepared =
        crate::folder::write_atomic(&folder.profile(), bundle.accepted.profile_text.as_bytes())
            .and_then(|()| folder.write(&job))
            .and_then(|()| note(id))
            .and_then(|()| finish_claim(studio, &folder, &mut job));
    if let Err(error) = prepared {
        undo(studio, &folder, &job);
        return Err(error);
    }
    Ok((folder, job))
}

/// Puts copies in the place of the links among what is moved.
fn follow_links(watch: &Path, bundle: &Ready) -> Result<(), FolderError> {
    let members = bundle.content.iter().chain(&bundle.styles);
    // A recipe's style stays, and so does a link that leads to it.
    let is_moved =
        |path: &&PathBuf| bundle.key.spelling != Spelling::Recipe || bundle.takes.contains(path);
    for path in members.chain(&bundle.profile).filter(is_moved) {
        let path = watch.join(path);
        if path.is_symlink() {
            replace_link(&path)?;
        }
    }
    Ok(())
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
    for step in moves {
        let (from, to) = (
            studio.watch.join(&step.from.0),
            folder.path().join(&step.to.0),
        );
        if fs::symlink_metadata(&to).is_err() {
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)
                    .map_err(crate::folder::io_error("create the folder", parent))?;
            }
            if step.keeps {
                copy_file(&from, &to)?;
            } else {
                move_path(&from, &to)?;
            }
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

/// Returns whether a folder in `active/` is one in which a claim was only prepared: without a
/// record nothing was moved into it yet, and what lies in it was written by this program.
pub(crate) fn is_unbegun(folder: &JobFolder) -> bool {
    let Ok(entries) = fs::read_dir(folder.path()) else {
        return false;
    };
    let profile = folder.profile();
    let mut entries = entries.flatten();
    entries.all(|entry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        entry.path() == profile || name.starts_with(b".") && name.ends_with(b".partial")
    })
}

/// Puts back what a failed claim had moved, so that the bundle is whole in the watch folder again.
fn undo(studio: &Studio, folder: &JobFolder, job: &Job) {
    let JobState::Claiming { moves } = &job.state else {
        return;
    };
    let mut is_undone = true;
    for step in moves.iter().rev().filter(|step| !step.keeps) {
        let to = folder.path().join(&step.to.0);
        if fs::symlink_metadata(&to).is_ok() {
            let back = move_path(&to, &studio.watch.join(&step.from.0));
            is_undone &= back
                .inspect_err(|error| tracing::error!(%error, "claim not undone"))
                .is_ok();
        }
    }
    if is_undone {
        // Only our own record, profile and copies are left in it.
        let removed = fs::remove_dir_all(folder.path());
        removed.unwrap_or_else(|error| tracing::error!(%error, "empty job folder not removed"));
    }
}

/// A folder is renamed as a whole; loose files are moved one by one and keep their names. What a
/// recipe shares is copied, and so is everything where nothing can be moved.
fn moves(ground: &Ground<'_>, bundle: &Ready) -> Vec<Move> {
    let name = Path::new(&bundle.key.name);
    let inputs = Path::new(JobFolder::INPUTS);
    let step = |from: &Path, to: &Path| Move {
        from: PathText(recorded(ground, from, false)),
        to: PathText(to.to_owned()),
        keeps: false,
    };
    let copy = |from: &Path| Move {
        from: PathText(recorded(ground, from, ground.links == Links::Follow)),
        to: PathText(inputs.join(below_inputs(&bundle.key, from))),
        keeps: true,
    };
    if ground.keeps_all {
        let is_file = |path: &&PathBuf| {
            let path = ground.watch.join(path);
            path.is_file() && (ground.links == Links::Follow || !path.is_symlink())
        };
        let files = bundle.fingerprint.iter().map(|(path, _)| path);
        let prefix = prefix(&bundle.key);
        return files
            .filter(|path| path.starts_with(&prefix))
            .filter(is_file)
            .map(|path| copy(path))
            .collect();
    }
    match bundle.key.spelling {
        Spelling::Folder => vec![step(name, inputs)],
        Spelling::Returned => {
            vec![
                step(&name.join(inputs), inputs),
                step(name, Path::new("previous")),
            ]
        }
        Spelling::Flat => bundle
            .takes
            .iter()
            .map(|path| step(path, &inputs.join(path)))
            .collect(),
        Spelling::Recipe => {
            let taken = bundle.takes.iter();
            let taken = taken.map(|path| step(path, &inputs.join(below_inputs(&bundle.key, path))));
            // Copied first: what is moved away cannot be looked for again.
            let styles = bundle.styles.iter().map(|style| copy(style));
            styles.chain(taken).collect()
        }
    }
}

/// Returns a path as a move records it: below the first watch folder, or absolute. A link to be
/// copied is followed now, since the copying follows none.
fn recorded(ground: &Ground<'_>, path: &Path, follows: bool) -> PathBuf {
    let full = ground.watch.join(path);
    if follows && full.is_symlink() {
        return full.canonicalize().unwrap_or(full);
    }
    if ground.watch == ground.studio.watch {
        path.to_owned()
    } else {
        full
    }
}

/// Returns the folder below the watch folder that a bundle's files lie in.
fn prefix(key: &Key) -> PathBuf {
    let name = Path::new(&key.name);
    match key.spelling {
        Spelling::Folder => name.to_owned(),
        Spelling::Returned => name.join(JobFolder::INPUTS),
        Spelling::Flat => PathBuf::new(),
        Spelling::Recipe => name.parent().unwrap_or(Path::new("")).to_owned(),
    }
}

fn below_inputs(key: &Key, path: &Path) -> PathBuf {
    path.strip_prefix(prefix(key)).unwrap_or(path).to_owned()
}

fn inputs(bundle: &Ready) -> Vec<Input> {
    let input = |role, path: &PathBuf| Input {
        role,
        file: PathText(below_inputs(&bundle.key, path)),
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

/// Returns what a bundle's job is called. A job folder that was dragged back goes by the name its
/// job had, not by date and number; a picture in a recipe folder by both names.
fn name_of(watch: &Path, key: &Key) -> OsString {
    match key.spelling {
        Spelling::Returned => {
            let earlier = JobFolder::at(watch.join(&key.name));
            earlier
                .read()
                .map_or(key.name.clone(), |job| job.name.into())
        }
        Spelling::Recipe => {
            let path = Path::new(&key.name);
            let mut name = prefix(key).into_os_string();
            name.push("_");
            name.push(path.file_stem().unwrap_or_default());
            name
        }
        Spelling::Folder | Spelling::Flat => key.name.clone(),
    }
}
