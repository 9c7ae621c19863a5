//! `pentimento logs`: what a job's worker said.

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::jobs::args::JobArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::find;
use crate::cli::jobs::words::plain;
use crate::cli::output;

/// Prints the log's end, a megabyte at most.
pub(super) fn run(common: &Common, args: &JobArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let id = find(&client, &args.job)?;
    let mut bytes = Vec::new();
    client.read(&format!("/v1/jobs/{id}/log"), &mut bytes)?;
    for text in String::from_utf8_lossy(&bytes).lines() {
        output::line(&plain(text))?;
    }
    Ok(ExitCode::SUCCESS)
}
