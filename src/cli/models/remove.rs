//! `pentimento models remove NAME`: removes what was pulled or imported, and says what.

use std::process::ExitCode;

use crate::cli::models::args::RemoveArgs;
use crate::cli::models::words;
use crate::cli::output;
use crate::job::names::display_path;
use crate::models::{self, Folders};

/// Removes the network.
pub(super) fn run(args: &RemoveArgs, folders: &Folders) -> anyhow::Result<ExitCode> {
    let removed = models::remove(&args.name, folders)?;
    for file in &removed.files {
        output::line(&format!("removed {}", display_path(file)))?;
    }
    if let Some((file, others)) = &removed.shared {
        let others: Vec<String> = others.iter().map(|name| words::shown(name)).collect();
        output::line(&format!(
            "{} stays: {} uses it too",
            display_path(file),
            others.join(", ")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
