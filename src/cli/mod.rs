//! The command line: from arguments to an exit status.
//!
//! One file per command. Printing is done in `output` only. A reader of our output that goes away
//! (`| head`) is no error.

mod args;
mod completions;
mod context;
mod doctor;
mod gates;
mod init;
mod interrupt;
mod jobs;
mod library;
mod meter;
mod models;
mod output;
mod paint;
mod paths;
mod probe;
mod prober;
mod profiles;
mod prune;
mod runtime;
mod service;
mod settings;
mod status;
mod systemd;
mod terminal;
mod train;
mod watch;
mod worker;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::args::Cli;
use crate::cli::args::Command;

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
    let verbosity = i16::from(cli.common.verbose) - i16::from(cli.common.quiet);
    crate::logging::start(verbosity, cli.common.log_format.into());
    match run(&cli) {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            status::of(&error)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        None => watch::run(&cli.common, &cli.watch),
        Some(Command::Jobs(command)) => jobs::run(&cli.common, &cli.watch, command),
        Some(Command::Init(args)) => init::run(&cli.common, args),
        Some(Command::Worker(args)) => worker::run(args),
        Some(Command::Probe(args)) => probe::run(&cli.common, args),
        Some(Command::Paint(args)) => paint::run(&cli.common, args),
        Some(Command::Models { command }) => models::run(&cli.common, command),
        Some(Command::Train(args)) => train::run(&cli.common, args),
        Some(Command::Settings(args)) => settings::run(&cli.common, args),
        Some(Command::Doctor) => doctor::run(&cli.common),
        Some(Command::Service { command }) => service::run(&cli.common, command),
        Some(Command::Prune(args)) => prune::run(&cli.common, args),
        Some(Command::Paths { json }) => paths::run(&cli.common, *json),
        Some(Command::Completions { shell }) => completions::run(*shell),
        Some(Command::Man { folder }) => completions::man(folder),
        Some(Command::Runtime { command }) => runtime::run(&cli.common, command),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}
