//! `pentimento models list`: the networks that a profile can name.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::models::args::ListArgs;
use crate::cli::models::words;
use crate::cli::output;
use crate::job::names::display_path;
use crate::models::{self, Entry, Folders};

/// Prints the list.
pub(super) fn run(args: &ListArgs, folders: &Folders) -> anyhow::Result<ExitCode> {
    let mut entries = Vec::new();
    for entry in models::list(&folders.look) {
        match entry {
            Ok(entry) => entries.push(entry),
            // One manifest that cannot be used hides no other.
            Err(error) => output::note(&format!("{:#}", anyhow::Error::from(error))),
        }
    }
    if args.json {
        let list: Vec<Value> = entries.iter().map(as_json).collect();
        output::line(&serde_json::to_string_pretty(&list)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = entries
        .iter()
        .map(|entry| entry.manifest.name.chars().count())
        .max()
        .unwrap_or(0);
    for entry in &entries {
        output::line(&format!(
            "{:width$}  {:14}  {:>10}  {}",
            words::shown(&entry.manifest.name),
            words::state(&entry.state),
            words::how_large(entry),
            words::shown(&entry.manifest.title),
        ))?;
        let mut details = Vec::new();
        if !entry.manifest.licence.is_empty() {
            details.push(format!(
                "licence: {}",
                words::shown(&entry.manifest.licence)
            ));
        }
        if let Some(file) = entry.file() {
            details.push(display_path(file));
        }
        for detail in details {
            output::line(&format!("{:width$}  {detail}", ""))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "name": entry.manifest.name,
        "title": entry.manifest.title,
        "state": words::state(&entry.state),
        "file": entry.file(),
        "licence": entry.manifest.licence,
        "can_be_pulled": !entry.manifest.sources.is_empty(),
    })
}
