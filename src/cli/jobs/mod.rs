//! What is asked of the daemon: one file a command. Everything goes through `api::client`.
//!
//! A job is named by its number (`12`, `#12`) or by its name, where that is the only one or the only
//! unfinished one. Data goes to standard output, talk to standard error.

mod add;
mod args;
mod change;
mod explain;
mod follow;
mod list;
mod logs;
mod metrics;
mod operate;
mod scan;
mod show;
mod status;
mod stop;
mod wait;
mod words;

use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;
use serde_json::Value;

use crate::api::client::Blocking;
use crate::api::client::encoded;
use crate::api::socket::Places;
use crate::api::types::JobPage;
use crate::api::types::JobSummary;
use crate::cli::args::Common;
use crate::cli::args::WatchArgs;
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::watch;
use crate::job::names::display_name;

pub(super) use crate::cli::jobs::args::JobsCommand;
pub(super) use crate::cli::jobs::follow::follow;

/// The number in what `--json` prints; it goes up when a field changes its meaning.
const SCHEMA: u32 = 1;

/// Carries out a command.
pub(super) fn run(
    common: &Common,
    watching: &WatchArgs,
    command: &JobsCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        JobsCommand::Daemon => watch::watch(common, watching),
        JobsCommand::Stop(args) => stop::run(common, args),
        JobsCommand::Status(args) => status::run(common, args),
        JobsCommand::List(args) => list::run(common, args),
        JobsCommand::Show(args) => show::run(common, args),
        JobsCommand::Logs(args) => logs::run(common, args),
        JobsCommand::Pause(args) => operate::run(common, args, "pause"),
        JobsCommand::Resume(args) => operate::run(common, args, "resume"),
        JobsCommand::Cancel(args) => operate::run(common, args, "cancel"),
        JobsCommand::Retry(args) => operate::run(common, args, "retry"),
        JobsCommand::Move(args) => operate::reorder(common, args),
        JobsCommand::Star(args) => operate::star(common, args),
        JobsCommand::Edit(args) => change::edit(common, args),
        JobsCommand::Rerun(args) => change::rerun(common, args),
        JobsCommand::Wait(args) => wait::run(common, args),
        JobsCommand::Add(args) => add::run(common, args),
        JobsCommand::Explain(args) => explain::run(common, args),
        JobsCommand::RunDuplicate(args) => explain::run_duplicate(common, args),
        JobsCommand::Scan => scan::run(common),
        JobsCommand::Metrics => metrics::run(common),
    }
}

/// Reaches the daemon of the studio.
fn connect(common: &Common) -> anyhow::Result<Blocking> {
    let (_, studio) = Context::in_studio(common)?;
    Ok(Blocking::find(&studio.state, &Places::from_process())?)
}

/// Returns the number of the job that is named.
fn find(client: &Blocking, named: &str) -> anyhow::Result<u32> {
    if let Ok(number) = named.strip_prefix('#').unwrap_or(named).parse() {
        return Ok(number);
    }
    let address = format!("/v1/jobs?limit=100&name={}", encoded(named));
    let page: JobPage = client.get(&address)?;
    let is_over = |job: &&JobSummary| matches!(&*job.state, "done" | "failed" | "cancelled");
    let unfinished: Vec<_> = page.jobs.iter().filter(|job| !is_over(job)).collect();
    let shown = display_name(named.as_ref());
    if let ([JobSummary { id, .. }], _) | (_, [JobSummary { id, .. }]) =
        (page.jobs.as_slice(), unfinished.as_slice())
    {
        return Ok(*id);
    }
    if page.jobs.is_empty() {
        return Err(NoSuchJob { name: shown }.into());
    }
    let numbers: Vec<_> = page.jobs.iter().map(|job| format!("#{}", job.id)).collect();
    bail!(
        "several jobs are called {shown} ({}): name one by its number",
        numbers.join(", ")
    )
}

/// No job has that name.
#[derive(Debug, thiserror::Error)]
#[error("unknown job {name}; `pentimento list` shows the jobs that there are")]
pub(super) struct NoSuchJob {
    name: String,
}

/// Prints a value as JSON, with the number of the form.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(value)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("schema".to_owned(), SCHEMA.into());
    }
    output::line(&serde_json::to_string_pretty(&value)?)?;
    Ok(())
}
