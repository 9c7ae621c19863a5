//! `pentimento show`: all about a job, and its picture.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::api::client::Blocking;
use crate::api::client::encoded;
use crate::api::types::JobDetail;
use crate::cli::args::Common;
use crate::cli::gates::RESULT_PIXELS;
use crate::cli::jobs::args::ShowArgs;
use crate::cli::jobs::connect;
use crate::cli::jobs::find;
use crate::cli::jobs::print_json;
use crate::cli::jobs::words;
use crate::cli::jobs::words::plain;
use crate::cli::output;
use crate::cli::terminal;
use crate::pixels;
use crate::pixels::DecodeOptions;

/// Shows a job.
pub(super) fn run(common: &Common, args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let client = connect(common)?;
    let id = find(&client, &args.job)?;
    let detail: JobDetail = client.get(&format!("/v1/jobs/{id}"))?;
    if args.json {
        print_json(&detail)?;
        return Ok(ExitCode::SUCCESS);
    }
    for text in told(&detail) {
        output::line(&text)?;
    }
    if !args.no_picture && std::io::stdout().is_terminal() {
        picture(&client, &detail)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn told(detail: &JobDetail) -> Vec<String> {
    let mut lines = vec![words::line(&detail.summary)];
    if let Some(hint) = &detail.summary.hint {
        lines.push(format!("  what to do: {}", plain(hint)));
    }
    lines.push(format!("  folder: {}", plain(&detail.folder)));
    lines.push(format!("  taken: {}", plain(&detail.summary.created)));
    lines.push(format!("  profile: {}", plain(&detail.profile_source)));
    for input in &detail.inputs {
        lines.push(format!("  {}: {}", plain(&input.role), plain(&input.file)));
    }
    for attempt in &detail.attempt_list {
        let ended = attempt.ended.as_deref().unwrap_or("now");
        let reason = attempt.reason.as_deref().map(plain);
        lines.push(format!(
            "  attempt {}: {} to {}, {}{}",
            attempt.number,
            plain(&attempt.started),
            plain(ended),
            plain(&attempt.end),
            reason.map_or_else(String::new, |reason| format!(": {reason}"))
        ));
    }
    if let Some([stage, iteration]) = detail.checkpoint {
        lines.push(format!(
            "  checkpoint: stage {stage}, iteration {iteration}"
        ));
    }
    for edit in &detail.pending_edits {
        lines.push(format!(
            "  to be changed: {} = {}",
            plain(&edit.option),
            edit.value
        ));
    }
    for snapshot in &detail.snapshots {
        let star = if snapshot.starred { " *" } else { "" };
        lines.push(format!("  snapshot: {}{star}", plain(&snapshot.name)));
    }
    if let Some(result) = &detail.result {
        lines.push(format!("  result: {}", plain(result)));
    }
    lines
}

/// Shows the result, or the newest snapshot while there is none.
fn picture(client: &Blocking, detail: &JobDetail) -> anyhow::Result<()> {
    let id = detail.summary.id;
    let address = match (&detail.result, detail.snapshots.last()) {
        (Some(_), _) => format!("/v1/jobs/{id}/result"),
        (None, Some(last)) => format!("/v1/jobs/{id}/snapshots/{}", encoded(&last.name)),
        (None, None) => return Ok(()),
    };
    let mut file = tempfile::NamedTempFile::new().context("make a file for the picture")?;
    client.read(&address, file.as_file_mut())?;
    let options = DecodeOptions {
        max_pixels: RESULT_PIXELS,
        ..DecodeOptions::default()
    };
    let opened = pixels::open(file.path(), &options).context("read the picture")?;
    terminal::show(&opened.picture)
}
