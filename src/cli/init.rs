//! `pentimento init`: makes a studio.

use std::fs;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::args::InitArgs;
use crate::cli::output;
use crate::daemon;
use crate::folder::MARKER;
use crate::folder::Studio;
use crate::folder::write_atomic;
use crate::job::names::display_path;

const SETTINGS: &str = "\
# This file makes the folder a studio. Everything in it may be left out.
";

/// Makes the folder a studio, or completes one; leaves what is there as it is.
pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let shown = display_path(&args.folder);
    fs::create_dir_all(&args.folder).with_context(|| format!("cannot create {shown}"))?;
    let root = fs::canonicalize(&args.folder).with_context(|| format!("cannot find {shown}"))?;
    let studio = Studio::at(root);
    let is_new = !studio.has_run();
    studio.prepare()?;
    let watch = studio.watch();
    fs::create_dir_all(&watch)
        .with_context(|| format!("cannot create {}", display_path(&watch)))?;
    let settings = studio.root().join(MARKER);
    if !settings.exists() {
        write_atomic(&settings, SETTINGS.as_bytes())?;
    }
    if let Some(sample) = super::watch::sample().filter(|_| is_new && !args.no_sample) {
        daemon::drop_sample(&studio, &sample)?;
    }
    let root = display_path(studio.root());
    output::line(&format!(
        "{root} is a studio; `pentimento --studio {root}` watches it"
    ))?;
    Ok(ExitCode::SUCCESS)
}
