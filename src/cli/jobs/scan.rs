//! `pentimento scan`: has the daemon look into the watch folder now.

use std::process::ExitCode;

use serde_json::json;

use crate::api::types::Done;
use crate::cli::args::Common;
use crate::cli::jobs::connect;

/// Asks for a look.
pub(super) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    connect(common)?.post::<Done>("/v1/scan", &json!({}))?;
    Ok(ExitCode::SUCCESS)
}
