//! `pentimento models verify [NAME]`: whether installed networks are whole and can be used.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use crate::cli::models::args::VerifyArgs;
use crate::cli::models::words;
use crate::cli::output;
use crate::models::{self, Folders, State, Verdict};

/// Looks at one network, or at all that are installed. The status is failure if one is not fine.
pub(super) fn run(args: &VerifyArgs, folders: &Folders) -> anyhow::Result<ExitCode> {
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => models::list(&folders.look)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.state != State::NotInstalled)
            .map(|entry| entry.manifest.name)
            .collect(),
    };
    let mut verdicts = Vec::new();
    for name in &names {
        match models::verify(name, &folders.look)? {
            Some(verdict) => verdicts.push(verdict),
            None if args.name.is_some() => {
                bail!("network {name} is not installed, run `pentimento models pull {name}`")
            }
            None => {}
        }
    }
    if args.json {
        let list: Vec<Value> = verdicts.iter().map(as_json).collect();
        output::line(&serde_json::to_string_pretty(&list)?)?;
    } else {
        for verdict in &verdicts {
            output::line(&line(verdict))?;
        }
    }
    let is_fine = verdicts.iter().all(|verdict| verdict.problem.is_none());
    Ok(if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(verdict: &Verdict) -> String {
    let name = words::shown(&verdict.name);
    match problem(verdict) {
        Some(problem) => format!("{name}: {}", words::shown(&problem)),
        None if verdict.compared => {
            format!("{name}: fine, checksum compared, {} layers", verdict.layers)
        }
        None => format!(
            "{name}: can be used, {} layers; no checksum is known to compare with",
            verdict.layers
        ),
    }
}

fn problem(verdict: &Verdict) -> Option<String> {
    use std::error::Error as _;
    let problem = verdict.problem.as_ref()?;
    let mut text = problem.to_string();
    let mut source = problem.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Some(text)
}

fn as_json(verdict: &Verdict) -> Value {
    json!({
        "name": verdict.name,
        "file": verdict.file,
        "fine": verdict.problem.is_none(),
        "checksum_compared": verdict.compared,
        "layers": verdict.layers,
        "problem": problem(verdict),
    })
}
