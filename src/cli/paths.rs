//! `pentimento paths`: which files and folders are in force, and why.

use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::context::surroundings;
use crate::cli::output;
use crate::cli::systemd;
use crate::folder::MARKER;
use crate::hooks;
use crate::job::names::display_path;
use crate::service;
use crate::settings;
use crate::settings::Settings;
use crate::settings::SettingsError;
use crate::settings::Surroundings;

/// One path.
struct Row {
    what: &'static str,
    path: PathBuf,
    /// What made it so.
    why: String,
}

/// Prints every path, one a line.
pub(super) fn run(common: &Common, as_json: bool) -> anyhow::Result<ExitCode> {
    let around = surroundings(common)?;
    let root = match settings::find_studio(common.studio.as_deref(), &around) {
        Ok(root) => Some(root),
        Err(SettingsError::NoStudio { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let settings = Settings::load(root.as_deref(), &around)?;
    let mut rows = Vec::new();
    if let Some(root) = &root {
        let why = match &common.studio {
            Some(_) => "--studio",
            None => "the nearest folder with a pentimento.toml",
        };
        rows.push(row("studio", root.clone(), why));
        rows.push(row("settings", root.join(MARKER), "in the studio"));
    }
    of_user(&mut rows, &around);
    of_settings(&mut rows, &settings, root.as_deref());
    if as_json {
        let paths: Vec<_> = rows
            .iter()
            .map(|row| {
                let path = row.path.to_string_lossy();
                json!({
                    "what": row.what, "path": path, "why": row.why, "is_there": row.path.exists()
                })
            })
            .collect();
        output::line(&json!({ "schema": 1, "paths": paths }).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    for row in rows {
        let absent = if row.path.exists() { "" } else { ", not there" };
        let path = display_path(&row.path);
        output::line(&format!("{:<14} {path}  ({}{absent})", row.what, row.why))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(what: &'static str, path: PathBuf, why: &str) -> Row {
    let why = why.to_owned();
    Row { what, path, why }
}

fn of_user(rows: &mut Vec<Row>, around: &Surroundings) {
    let by = |variable: &str| {
        let is_set = around.vars.get(variable);
        match is_set.filter(|value| Path::new(value).is_absolute()) {
            Some(_) => format!("by {variable}"),
            None => "by HOME".to_owned(),
        }
    };
    if let Some(folder) = around.config_dir() {
        let why = by("XDG_CONFIG_HOME");
        rows.push(row("your settings", folder.join("config.toml"), &why));
        rows.push(row("your profiles", folder.join("profiles"), &why));
    }
}

fn of_settings(rows: &mut Vec<Row>, settings: &Settings, root: Option<&Path>) {
    if let (Some(studio), Some(root)) = (&settings.studio, root) {
        let why = |path: &Path, usual: &str| {
            if path == root.join(usual) {
                "the default"
            } else {
                "by the settings"
            }
        };
        for watch in &studio.watch {
            rows.push(row("watch", watch.clone(), why(watch, "watch")));
        }
        for (what, path, usual) in [
            ("active", &studio.active, "active"),
            ("done", &studio.done, "done"),
            ("failed", &studio.failed, "failed"),
            ("profiles", &studio.profiles, "profiles"),
            ("state", &studio.state, ".pentimento"),
        ] {
            rows.push(row(what, path.clone(), why(path, usual)));
        }
        rows.push(row("hooks", root.join(hooks::FOLDER), "in the studio"));
        let unit = service::unit_name(root);
        let places = systemd::places();
        let system = places.system.join(&unit);
        let user = places.user.map(|folder| folder.join(&unit));
        let units = [(user, "of the user"), (Some(system), "of the machine")];
        for (path, why) in units {
            let there = path.filter(|path| path.is_file());
            rows.extend(there.map(|path| row("service", path, why)));
        }
    }
    for folder in settings.model_folders() {
        let why = match &settings.studio {
            Some(studio) if folder == studio.models => "of the studio",
            _ if settings.model_dirs.contains(&folder) => "by model_dirs",
            _ => "shared between studios",
        };
        rows.push(row("networks", folder, why));
    }
    rows.push(row(
        "data",
        settings.data_dir.clone(),
        "of the user, or by data_dir",
    ));
    if let Some(library) = &settings.ort_lib {
        rows.push(row("ONNX Runtime", library.clone(), "by ort_lib"));
    }
}
