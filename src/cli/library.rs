//! The ONNX Runtime library for a command that computes, or starts somebody who does.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;

use crate::cli::args::Common;
use crate::cli::runtime;
use crate::runtime::{Environment, Library, Request};

/// Where the dynamic loader looks for what a library needs.
pub(super) const LOADER_PATH: &str = if cfg!(target_os = "macos") {
    "DYLD_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// Returns the library, installing it where there is none, and shows how that goes.
pub(super) fn found(common: &Common, request: &Request) -> anyhow::Result<Library> {
    let found = runtime::shown(common, |environment, progress| {
        crate::runtime::ensure(environment, request, progress)
    });
    Ok(found?)
}

/// Returns the library for this process to load.
///
/// What the library itself needs must be known to the loader when a process starts; where that is
/// more than this process was told, it starts itself anew, knowing it.
pub(super) fn ready(
    environment: &Environment,
    common: &Common,
    request: &Request,
) -> anyhow::Result<Library> {
    let library = found(common, request)?;
    let Some(path) = loader_path(environment, &library) else {
        return Ok(library);
    };
    let program = std::env::current_exe().context("find the program's own file")?;
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(LOADER_PATH, path)
        .exec();
    Err(error).context("start anew with the CUDA libraries on the loader's path")
}

/// Returns the loader's path with what `library` needs in front, if that is not on it yet.
pub(super) fn loader_path(
    environment: &Environment,
    library: &Library,
) -> Option<std::ffi::OsString> {
    let present: Vec<_> = std::env::split_paths(&environment.ld_library_path).collect();
    let mut wanted: Vec<_> = library
        .library_path
        .iter()
        .filter(|folder| !present.contains(folder))
        .cloned()
        .collect();
    if wanted.is_empty() {
        return None;
    }
    wanted.extend(present);
    std::env::join_paths(wanted).ok()
}
