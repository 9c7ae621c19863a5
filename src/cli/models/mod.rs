//! `pentimento models`: what can be done with networks. One file a verb.

mod export;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::args::Common;

/// What to do with networks.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ModelsCommand {
    /// Write a network, or its losses and gradient, as an ONNX model for other programs
    Export(export::ExportArgs),
}

/// Does what the command says.
pub(super) fn run(common: &Common, command: &ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::Export(args) => export::run(common, args),
    }
}
