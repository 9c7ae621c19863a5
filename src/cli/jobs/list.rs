//! `pentimento list`: jobs, or the bundles in the watch folder.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::api::client::Blocking;
use crate::api::client::encoded;
use crate::api::types::Bundles;
use crate::api::types::JobPage;
use crate::cli::args::Common;
use crate::cli::jobs::args::ListArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::print_json;
use crate::cli::jobs::words;
use crate::cli::output;

/// Prints the list.
pub(super) fn run(common: &Common, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    if args.bundles {
        return bundles(&client, args);
    }
    let mut address = format!("/v1/jobs?limit={}", args.limit);
    if let Some(before) = args.before {
        // Writing to a string cannot fail.
        let _ = write!(address, "&before={before}");
    }
    if !args.state.is_empty() {
        let _ = write!(address, "&state={}", encoded(&args.state.join(",")));
    }
    if let Some(text) = &args.text {
        let _ = write!(address, "&text={}", encoded(text));
    }
    let page: JobPage = client.get(&address)?;
    if args.json {
        print_json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    for job in &page.jobs {
        output::line(&words::line(job))?;
    }
    if let Some(next) = page.next {
        output::note(&format!("there are more: --before {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn bundles(client: &Blocking, args: &ListArgs) -> anyhow::Result<ExitCode> {
    let bundles: Bundles = client.get("/v1/bundles")?;
    if args.json {
        print_json(&bundles)?;
        return Ok(ExitCode::SUCCESS);
    }
    for bundle in &bundles.bundles {
        let hint = bundle.hint.as_deref().map(words::plain);
        let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
        output::line(&format!(
            "{:9}  {}  {}{hint}",
            words::plain(&bundle.state),
            words::plain(&bundle.name),
            words::plain(&bundle.reason)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
