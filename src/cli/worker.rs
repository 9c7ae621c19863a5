//! `pentimento worker`: one job, on behalf of a watching process. Hidden.

use std::io;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::args::WorkerArgs;
use crate::worker;
use crate::worker::rehearsal::Plan;

/// Runs the worker over standard input and output.
pub(super) fn run(args: &WorkerArgs) -> anyhow::Result<ExitCode> {
    let Some(path) = &args.plan else {
        anyhow::bail!("not wired yet")
    };
    let plan = Plan::read(path).context("cannot read the plan")?;
    let input = io::BufReader::new(io::stdin());
    let ended_well = worker::run(input, io::stdout(), |assignment, tell| {
        plan.play(assignment, tell)
    })?;
    Ok(if ended_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
