//! `pentimento paint`: one picture, here and now, without a watching process.

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::args::PaintArgs;

/// Paints one picture.
pub(super) fn run(_common: &Common, _args: &PaintArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not wired yet")
}
