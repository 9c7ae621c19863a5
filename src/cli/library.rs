//! The ONNX Runtime library for a command that computes, or starts somebody who does.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::Common;
use crate::cli::output;
use crate::job::names::display_path;
use crate::runtime::{self, Device, Environment, Library, Progress, Request};

/// Where the dynamic loader looks for what a library needs.
pub(super) const LOADER_PATH: &str = if cfg!(target_os = "macos") {
    "DYLD_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// Returns the library, installing it where there is none, with a progress bar.
pub(super) fn found(
    environment: &Environment,
    common: &Common,
    device: Device,
) -> anyhow::Result<Library> {
    let request = Request {
        ort_lib: common.ort_lib.clone(),
        settings: None,
        device,
    };
    let mut bar = ProgressBar::hidden();
    let library = runtime::ensure(environment, &request, &mut |progress| {
        advance(&mut bar, &progress, common.quiet > 0);
    });
    bar.finish_and_clear();
    Ok(library?)
}

/// Shows a step of an installation.
pub(super) fn advance(bar: &mut ProgressBar, progress: &Progress, quiet: bool) {
    if quiet {
        return;
    }
    match progress {
        Progress::Waiting => {
            output::remark("another process installs ONNX Runtime; waiting for it")
        }
        Progress::Fetching {
            requirement,
            client,
            total,
        } => {
            output::remark(&format!("fetching {requirement} with {client}"));
            *bar = ProgressBar::new(*total);
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}")
            {
                bar.set_style(style);
            }
        }
        Progress::Transferred(bytes) => bar.set_position(*bytes),
        Progress::Checking => bar.set_message("checking"),
        Progress::Failed(failure) => {
            bar.finish_and_clear();
            output::remark(&failure.to_string());
        }
        Progress::Installed { folder } => {
            bar.finish_and_clear();
            output::remark(&format!("installed in {}", display_path(folder)));
        }
    }
}

/// Returns the library for this process to load.
///
/// What the library itself needs must be known to the loader when a process starts; where that is
/// more than this process was told, it starts itself anew, knowing it.
pub(super) fn ready(
    environment: &Environment,
    common: &Common,
    device: Device,
) -> anyhow::Result<Library> {
    let library = found(environment, common, device)?;
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
