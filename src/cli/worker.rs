//! `pentimento worker`: one job, on behalf of a watching process. Hidden.

use std::io;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::args::WorkerArgs;
use crate::clock::Clock;
use crate::worker;
use crate::worker::painting;
use crate::worker::rehearsal::Plan;

/// Runs the worker over standard input and output.
pub(super) fn run(args: &WorkerArgs) -> anyhow::Result<ExitCode> {
    let input = io::BufReader::new(io::stdin());
    let ended_well = if let Some(path) = &args.plan {
        let plan = Plan::read(path).context("cannot read the plan")?;
        worker::run(input, io::stdout(), |assignment, _, tell| {
            plan.play(assignment, tell)
        })?
    } else {
        let clock = Clock::start();
        worker::run(input, io::stdout(), |assignment, edits, tell| {
            painting::run(assignment, (clock, edits), tell)
        })?
    };
    Ok(if ended_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
