//! `pentimento metrics`: numbers for Prometheus.

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::jobs::connect;
use crate::cli::output;

/// Prints the numbers.
pub(super) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    connect(common)?.read("/metrics", &mut bytes)?;
    output::line(String::from_utf8_lossy(&bytes).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
