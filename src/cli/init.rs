//! `pentimento init`: makes a studio.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::args::{Common, InitArgs};
use crate::cli::context::{surroundings, watched};
use crate::cli::output;
use crate::daemon;
use crate::folder::MARKER;
use crate::job::names::display_path;
use crate::settings;

/// Makes the folder a studio, or completes one; leaves what is there as it is.
pub(super) fn run(common: &Common, args: &InitArgs) -> anyhow::Result<ExitCode> {
    let around = surroundings(common)?;
    let was_there = around.cwd.join(&args.folder).join(MARKER).exists();
    let made = settings::init(&args.folder, &around)?;
    let studio = made
        .settings
        .studio
        .as_ref()
        .context("a new studio has settings")?;
    let studio = watched(studio);
    if !was_there && !args.no_sample {
        daemon::drop_sample(&studio, &super::watch::sample())?;
    }
    let root = display_path(&studio.root);
    let here = Path::new(".")
        .canonicalize()
        .is_ok_and(|here| here == studio.root);
    let how = if here {
        String::new()
    } else {
        format!(" --studio {root}")
    };
    output::line(&format!("{root} is a studio; `pentimento{how}` watches it"))?;
    Ok(ExitCode::SUCCESS)
}
