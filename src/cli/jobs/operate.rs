//! `pentimento pause`, `resume`, `cancel`, `retry`, `move` and `star`: a job is told something.

use std::process::ExitCode;

use serde_json::json;

use crate::api::types::JobSummary;
use crate::api::types::MoveTo;
use crate::api::types::Star;
use crate::cli::args::Common;
use crate::cli::jobs::args::JobsArgs;
use crate::cli::jobs::args::MoveArgs;
use crate::cli::jobs::args::StarArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::find;
use crate::cli::jobs::words;
use crate::cli::output;

/// Tells each of the jobs; one that refuses does not keep the others from being told.
pub(super) fn run(common: &Common, args: &JobsArgs, verb: &str) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let mut refused = None;
    for named in &args.jobs {
        let told = find(&client, named).and_then(|id| {
            let address = format!("/v1/jobs/{id}/{verb}");
            Ok(client.post::<JobSummary>(&address, &json!({}))?)
        });
        match told {
            Ok(job) if args.json => output::line(&serde_json::to_string(&job)?)?,
            Ok(job) => output::line(&words::line(&job))?,
            Err(error) => {
                if let Some(earlier) = refused.replace(error) {
                    output::error(&earlier);
                }
            }
        }
    }
    refused.map_or(Ok(ExitCode::SUCCESS), Err)
}

/// Gives a job another place in the queue.
pub(super) fn reorder(common: &Common, args: &MoveArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let id = find(&client, &args.job)?;
    let to = match (&args.to.before, &args.to.after) {
        (Some(other), _) => MoveTo::Before(find(&client, other)?),
        (None, Some(other)) => MoveTo::After(find(&client, other)?),
        (None, None) if args.to.first => MoveTo::First,
        (None, None) => MoveTo::Last,
    };
    let job: JobSummary = client.post(&format!("/v1/jobs/{id}/move"), &to)?;
    output::line(&words::line(&job))?;
    Ok(ExitCode::SUCCESS)
}

/// Marks a snapshot, or takes the mark away.
pub(super) fn star(common: &Common, args: &StarArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let id = find(&client, &args.job)?;
    let star = Star {
        snapshot: args.snapshot.clone(),
        starred: !args.remove,
    };
    let job: JobSummary = client.post(&format!("/v1/jobs/{id}/star"), &star)?;
    output::line(&words::line(&job))?;
    Ok(ExitCode::SUCCESS)
}
