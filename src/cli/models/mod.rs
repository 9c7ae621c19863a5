//! `pentimento models`: what networks there are, and putting them on disk. One file a command.

mod args;
mod channels;
mod export;
mod import;
mod list;
mod pull;
mod reconstruct;
mod remove;
mod see;
mod seen;
mod show;
mod verify;
mod words;

use std::process::ExitCode;

pub(super) use args::ModelsCommand;

use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::models::Folders;
use crate::settings::Settings;

/// Carries out a `models` command.
pub(super) fn run(common: &Common, command: &ModelsCommand) -> anyhow::Result<ExitCode> {
    let settings = Context::anywhere(common)?.settings;
    let folders = folders(&settings);
    match command {
        ModelsCommand::List(args) => list::run(args, &folders),
        ModelsCommand::Show(args) => show::run(args, &folders),
        ModelsCommand::Pull(args) => pull::run(common, args, &folders),
        ModelsCommand::Verify(args) => verify::run(args, &folders),
        ModelsCommand::Import(args) => import::run(common, args, &folders),
        ModelsCommand::Export(args) => export::run(common, args),
        ModelsCommand::Remove(args) => remove::run(args, &folders),
        ModelsCommand::See(args) => see::run(common, args),
    }
}

/// Returns where networks are: put into the studio, or for all of a person's studios outside one.
fn folders(settings: &Settings) -> Folders {
    let shared = settings.data_dir.join("models");
    Folders {
        install: settings
            .studio
            .as_ref()
            .map_or(shared, |studio| studio.models.clone()),
        look: settings.model_folders(),
    }
}
