//! The folders in which shared libraries lie: the loader's own, and those of CUDA and Python.
//!
//! Nothing is run to find them. The list is what a loader would use, in its order; folders that
//! do not exist may be in it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::Environment;

/// Returns the folders that the loader searches on its own: those of `/etc/ld.so.conf`, then the
/// built-in ones.
pub(super) fn system(env: &Environment) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let configuration = env.below_root("/etc/ld.so.conf");
    read_configuration(env, configuration, &mut BTreeSet::new(), &mut folders);
    let machine = std::env::consts::ARCH;
    let triplets = [
        format!("/usr/lib/{machine}-linux-gnu"),
        format!("/lib/{machine}-linux-gnu"),
    ];
    let usual = ["/usr/local/lib", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
    let usual = triplets.iter().map(String::as_str).chain(usual);
    folders.extend(usual.map(|folder| env.below_root(folder)));
    if cfg!(target_os = "macos") {
        folders.push(env.below_root("/opt/homebrew/lib"));
    }
    folders
}

/// Returns the folders, beyond the loader's own, in which CUDA's libraries are usually found:
/// the toolkit, the driver as containers mount it, and Python environments.
pub(super) fn cuda(env: &Environment) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(home) = &env.cuda_home {
        folders.extend([home.join("lib64"), home.join("lib")]);
    }
    let toolkits = children(&env.below_root("/usr/local"), "cuda");
    folders.extend(toolkits.iter().map(|toolkit| toolkit.join("lib64")));
    folders.push(env.below_root("/usr/local/nvidia/lib64"));
    folders.push(env.below_root("/usr/local/nvidia/lib"));
    for prefix in python_prefixes(env) {
        folders.push(prefix.join("lib"));
        for python in children(&prefix.join("lib"), "python3") {
            for packages in ["site-packages", "dist-packages"] {
                let nvidia = python.join(packages).join("nvidia");
                folders.extend(
                    children(&nvidia, "")
                        .iter()
                        .map(|package| package.join("lib")),
                );
            }
        }
    }
    folders
}

/// Returns the folders in `folder` whose names start with `prefix`, in the order of their names.
pub(super) fn children(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// The Python on `PATH` is looked at twice: a virtual environment's program is a link out of it.
fn python_prefixes(env: &Environment) -> Vec<PathBuf> {
    let mut prefixes = env.python_prefixes.clone();
    if let Some(program) = env.program("python3") {
        let real = fs::canonicalize(&program).unwrap_or_else(|_| program.clone());
        let prefix = |path: &Path| Some(path.parent()?.parent()?.to_path_buf());
        prefixes.extend([prefix(&program), prefix(&real)].into_iter().flatten());
    }
    prefixes.extend(env.home.as_ref().map(|home| home.join(".local")));
    prefixes.push(env.below_root("/usr/local"));
    prefixes
}

/// `seen` holds what was read before, so that a loop of includes ends.
fn read_configuration(
    env: &Environment,
    path: PathBuf,
    seen: &mut BTreeSet<PathBuf>,
    folders: &mut Vec<PathBuf>,
) {
    let Ok(text) = fs::read_to_string(&path) else {
        return;
    };
    if !seen.insert(path) {
        return;
    }
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(pattern) = line.strip_prefix("include ") {
            for included in expand(env, pattern.trim()) {
                read_configuration(env, included, seen, folders);
            }
        } else if line.starts_with('/') {
            folders.push(env.below_root(line));
        }
    }
}

/// Expands the only pattern that distributions write: one `*` in the last part.
fn expand(env: &Environment, pattern: &str) -> Vec<PathBuf> {
    let relative = Path::new("/etc").join(pattern);
    let pattern = env.below_root(&relative.to_string_lossy());
    let name = pattern
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (Some((start, end)), Some(folder)) = (name.split_once('*'), pattern.parent()) else {
        return vec![pattern];
    };
    let matches = |name: &str| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| matches(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
