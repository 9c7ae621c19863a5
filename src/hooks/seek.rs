//! Which hooks there are, and which files in their folders are not run.
//!
//! Only what the user put there on purpose is run: an executable file that nobody else may write,
//! which lies in the studio.

use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;

use crate::folder::Studio;
use crate::hooks::HookEvent;
use crate::job::names::natural_order;

/// The name of the folder of hooks in a studio.
pub const FOLDER: &str = "hooks.d";
/// Endings of what lies beside hooks without being one.
const ASIDE: [&str; 3] = ["md", "txt", "disabled"];

/// What lies in an event's folder, in natural order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// What is run.
    pub hooks: Vec<PathBuf>,
    /// What is not.
    pub refused: Vec<Refused>,
}

/// A file or folder that is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub path: PathBuf,
    /// Why, and what to do.
    pub why: String,
}

/// Returns the folder of the studio's hooks.
pub fn folder(studio: &Studio) -> PathBuf {
    studio.root.join(FOLDER)
}

/// Returns the hooks of an event.
pub fn find(studio: &Studio, event: HookEvent) -> Found {
    let mut found = Found::default();
    let all = folder(studio);
    let ours = all.join(event.name());
    let Ok(root) = studio.root.canonicalize() else {
        return found;
    };
    for folder in [&all, &ours] {
        match look(folder, &root) {
            Ok(Some(metadata)) if metadata.is_dir() => {}
            Ok(None) => return found,
            Ok(Some(_)) => return refuse(found, folder, "it is not a folder".to_owned()),
            Err(why) => return refuse(found, folder, why),
        }
    }
    let entries = fs::read_dir(&ours).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort_by(|a, b| natural_order(a, b));
    for path in names.into_iter().map(|name| ours.join(name)) {
        if is_aside(&path) {
            continue;
        }
        match look(&path, &root) {
            Ok(Some(metadata)) => match unfit(&path, &metadata) {
                None => found.hooks.push(path),
                Some(why) => found = refuse(found, &path, why),
            },
            Ok(None) => {}
            Err(why) => found = refuse(found, &path, why),
        }
    }
    found
}

/// Returns the names in the folder of hooks that are no event's.
pub fn unknown(studio: &Studio) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(studio)).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let is_event = HookEvent::ALL
            .iter()
            .any(|event| path.ends_with(event.name()));
        !is_event && !is_aside(path)
    });
    paths.sort();
    paths
}

fn refuse(mut found: Found, path: &Path, why: String) -> Found {
    let path = path.to_owned();
    found.refused.push(Refused { path, why });
    found
}

fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default();
    name.starts_with('.') || name.ends_with('~') || ASIDE.iter().any(|aside| ending == *aside)
}

/// Returns what `path` leads to, `None` if to nothing, or why it is not trusted.
fn look(path: &Path, root: &Path) -> Result<Option<Metadata>, String> {
    let Ok(own) = fs::symlink_metadata(path) else {
        return Ok(None);
    };
    if own.is_symlink() {
        let target = path
            .canonicalize()
            .map_err(|_broken| "it is a link that leads nowhere".to_owned())?;
        if !target.starts_with(root) {
            return Err("it is a link that leads out of the studio; put a copy there".to_owned());
        }
    }
    let metadata =
        fs::metadata(path).map_err(|error| format!("it cannot be looked at: {error}"))?;
    if metadata.mode() & 0o002 != 0 {
        return Err("anybody may write to it; `chmod o-w` it".to_owned());
    }
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    Ok(Some(metadata))
}

fn unfit(path: &Path, metadata: &Metadata) -> Option<String> {
    if !metadata.is_file() {
        return Some("it is not a file".to_owned());
    }
    // Root passes every check of access, and still cannot run what nobody may run.
    let is_executable = metadata.mode() & 0o111 != 0
        && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    (!is_executable).then(|| "it is not executable; `chmod +x` it".to_owned())
}
