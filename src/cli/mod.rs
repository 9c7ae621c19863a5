//! The command line: from arguments to an exit status.
//!
//! One file per command. Printing is done in `output` only. A reader of our output that goes away
//! (`| head`) is no error.

mod args;
mod doctor;
mod gates;
mod init;
mod library;
mod output;
mod paint;
mod profiles;
mod runtime;
mod watch;
mod worker;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::cli::args::Cli;
use crate::cli::args::Command;
use crate::cli::args::Common;
use crate::daemon;
use crate::folder::Studio;

/// There is no studio here.
#[derive(Debug, thiserror::Error)]
#[error(
    "no studio here: neither {} nor a folder above it has a pentimento.toml; make one with \
     `pentimento init`, or name one with --studio DIR",
    crate::job::names::display_path(.0)
)]
struct NoStudio(std::path::PathBuf);

/// Runs the program over its command line and returns its exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, where a reader may be gone.
            let _printed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    crate::logging::start(i16::from(cli.common.verbose) - i16::from(cli.common.quiet));
    match run(&cli) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            status_of(&error)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        None => watch::run(&cli.common, &cli.watch),
        Some(Command::Init(args)) => init::run(args),
        Some(Command::Worker(args)) => worker::run(args),
        Some(Command::Paint(args)) => paint::run(&cli.common, args),
        Some(Command::Doctor) => doctor::run(&cli.common),
        Some(Command::Runtime { command }) => runtime::run(&cli.common, command),
    }
}

/// Returns the studio that the command line names or that the current folder lies in.
fn find_studio(common: &Common) -> anyhow::Result<Studio> {
    let start = common.studio.as_deref().unwrap_or(Path::new("."));
    let absolute = std::fs::canonicalize(start)
        .with_context(|| format!("cannot find {}", crate::job::names::display_path(start)))?;
    let found = match common.studio {
        Some(_) => Some(Studio::at(absolute.clone()))
            .filter(|s| s.root().join(crate::folder::MARKER).is_file()),
        None => Studio::find(&absolute),
    };
    found.ok_or_else(|| NoStudio(absolute).into())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn status_of(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<NoStudio>().is_some() {
        return ExitCode::from(4);
    }
    match error.downcast_ref::<daemon::Fatal>() {
        Some(daemon::Fatal::AlreadyRunning { .. }) => ExitCode::from(6),
        _ => ExitCode::FAILURE,
    }
}
