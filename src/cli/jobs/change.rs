//! `pentimento edit` and `rerun`: other options for a job, or for a new one over its pictures.

use std::process::ExitCode;

use crate::api::types::Changes;
use crate::api::types::JobSummary;
use crate::cli::args::Common;
use crate::cli::jobs::args::EditArgs;
use crate::cli::jobs::args::RerunArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::find;
use crate::cli::jobs::print_json;
use crate::cli::jobs::words;
use crate::cli::output;

/// Changes options of a job.
pub(super) fn edit(common: &Common, args: &EditArgs) -> anyhow::Result<ExitCode> {
    let changes = Changes {
        set: assignments(&args.set),
        stage: args.stage,
    };
    post(common, (&args.job, "edit"), &changes, args.json)
}

/// Paints a job anew.
pub(super) fn rerun(common: &Common, args: &RerunArgs) -> anyhow::Result<ExitCode> {
    let changes = Changes {
        set: assignments(&args.set),
        stage: None,
    };
    post(common, (&args.job, "rerun"), &changes, args.json)
}

fn post(
    common: &Common,
    (named, verb): (&str, &str),
    changes: &Changes,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let id = find(&client, named)?;
    let job: JobSummary = client.post(&format!("/v1/jobs/{id}/{verb}"), changes)?;
    if json {
        print_json(&job)?;
    } else {
        output::line(&words::line(&job))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn assignments(set: &[(String, String)]) -> Vec<String> {
    set.iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}
