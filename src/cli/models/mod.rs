//! `pentimento models`: networks, one file a verb.

mod channels;
mod reconstruct;
mod see;
mod seen;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::args::Common;
use crate::cli::models::see::SeeArgs;

/// What to do with networks.
#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// Show what a layer sees in a picture
    See(SeeArgs),
}

/// Does what was asked with networks.
pub(super) fn run(common: &Common, command: &ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::See(args) => see::run(common, args),
    }
}
