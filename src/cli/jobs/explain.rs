//! `pentimento explain` and `run-duplicate`: what lies in the watch folders, and why.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::api::client::encoded;
use crate::api::types::Done;
use crate::api::types::Explained;
use crate::api::types::Held;
use crate::cli::args::Common;
use crate::cli::jobs::args::ExplainArgs;
use crate::cli::jobs::args::PathArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::print_json;
use crate::cli::jobs::words::plain;
use crate::cli::output;

/// Says why a path lies where it lies.
pub(super) fn run(common: &Common, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let address = format!("/v1/explain?path={}", encoded(&absolute(&args.path)?));
    let explained: Explained = connect(common)?.get(&address)?;
    if args.json {
        print_json(&explained)?;
        return Ok(ExitCode::SUCCESS);
    }
    let bundle = explained.bundle.as_deref().map(plain);
    let bundle = bundle.map_or_else(String::new, |bundle| format!(" (bundle {bundle})"));
    output::line(&format!(
        "{}{bundle}: {}: {}",
        plain(&explained.path),
        plain(&explained.state),
        plain(&explained.reason)
    ))?;
    if let Some(hint) = &explained.hint {
        output::line(&format!("  what to do: {}", plain(hint)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Has a bundle painted although it is held as a duplicate.
pub(super) fn run_duplicate(common: &Common, args: &PathArgs) -> anyhow::Result<ExitCode> {
    let held = Held {
        path: absolute(&args.path)?,
    };
    connect(common)?.post::<Done>("/v1/bundles/run", &held)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the path from the root on, links in its folder followed as the daemon names them.
fn absolute(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path).context("find the path")?;
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    let path = match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    };
    let text = path.into_os_string().into_string();
    text.ok()
        .context("a path that is not UTF-8 cannot be asked about")
}
