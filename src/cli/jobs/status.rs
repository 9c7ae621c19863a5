//! `pentimento status`: how things stand.

use std::process::ExitCode;

use crate::api::types::Status;
use crate::cli::args::Common;
use crate::cli::jobs::args::JsonArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::print_json;
use crate::cli::jobs::words;
use crate::cli::output;

/// Prints how things stand.
pub(super) fn run(common: &Common, args: &JsonArgs) -> anyhow::Result<ExitCode> {
    let status: Status = connect(common)?.get("/v1/status")?;
    if args.json {
        print_json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    // Whose daemon it is matters to somebody who is root.
    let whose = if status.uid == rustix::process::geteuid().as_raw() {
        String::new()
    } else {
        format!(", of user {}", status.uid)
    };
    output::line(&format!(
        "pentimento {} watches {} (process {}{whose}, since {}){}",
        words::plain(&status.version),
        words::plain(&status.studio),
        status.pid,
        words::plain(&status.since),
        if status.stopping {
            ", and is ending"
        } else {
            ""
        },
    ))?;
    let jobs = &status.jobs;
    output::line(&counts(
        "jobs",
        &[
            (jobs.running, "running"),
            (jobs.queued, "queued"),
            (jobs.retrying, "retrying"),
            (jobs.blocked, "blocked"),
            (jobs.paused, "paused"),
            (jobs.done, "done"),
            (jobs.failed, "failed"),
            (jobs.cancelled, "cancelled"),
        ],
    ))?;
    let bundles = &status.bundles;
    output::line(&counts(
        "bundles",
        &[
            (bundles.settling, "settling"),
            (bundles.waiting, "waiting"),
            (bundles.rejected, "rejected"),
            (bundles.duplicate, "duplicate"),
            (bundles.taken, "taken"),
        ],
    ))?;
    for job in &status.running {
        output::line(&words::line(job))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn counts(what: &str, counts: &[(u64, &str)]) -> String {
    let some: Vec<_> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, state)| format!("{n} {state}"))
        .collect();
    if some.is_empty() {
        return format!("{what}: none");
    }
    format!("{what}: {}", some.join(", "))
}
