//! What lies in the studio: its folders, networks and hooks.

use std::path::PathBuf;

use crate::causes::with_causes;
use crate::cli::doctor::report::Level;
use crate::cli::doctor::report::Report;
use crate::folder::Studio;
use crate::hooks;
use crate::hooks::HookEvent;
use crate::job::names::display_name;
use crate::job::names::display_path;
use crate::models;
use crate::models::State;

/// Looks for the studio's own folders.
pub(super) fn look_at_folders(report: &mut Report, studio: &Studio) {
    report.add(Level::Fine, "studio", display_path(&studio.root));
    if !studio.watch.is_dir() {
        let text = format!("{} is not there", display_path(&studio.watch));
        report.add(Level::Warning, "watch", text).mend =
            Some("`pentimento init` in the studio makes it".to_owned());
    }
}

/// Counts the networks that can be used among those that are known.
pub(super) fn look_at_networks(report: &mut Report, folders: &[PathBuf]) {
    let entries = models::list(folders);
    let n_known = entries.len();
    let mut usable = Vec::new();
    let mut damaged = Vec::new();
    for entry in &entries {
        match entry {
            Ok(entry) if entry.state != State::NotInstalled => {
                usable.push(entry.manifest.name.as_str());
            }
            Ok(_) => {}
            Err(error) => damaged.push(with_causes(error)),
        }
    }
    let names = usable.join(", ");
    let text = match usable.len() {
        0 => format!("none of {n_known} known networks is installed"),
        1 => format!("1 of {n_known} known networks is installed: {names}"),
        n => format!("{n} of {n_known} known networks are installed: {names}"),
    };
    let mend = (usable.len() < n_known)
        .then(|| "`pentimento models list` shows the others, `models pull` fetches one".to_owned());
    if usable.is_empty() {
        report.add(Level::Warning, "models", text).mend = mend;
    } else {
        report.add(Level::Fine, "models", text);
    }
    if !damaged.is_empty() {
        report.add(Level::Warning, "models", damaged.join("\n"));
    }
}

/// Looks at the user's hooks, if there are any.
pub(super) fn look_at_hooks(report: &mut Report, studio: &Studio) {
    let mut lines = Vec::new();
    let mut troubles = Vec::new();
    for event in HookEvent::ALL {
        let found = hooks::find(studio, event);
        if !found.hooks.is_empty() {
            let names = found.hooks.iter().filter_map(|hook| hook.file_name());
            let names: Vec<String> = names.map(display_name).collect();
            lines.push(format!("{}: {}", event.name(), names.join(", ")));
        }
        for refused in found.refused {
            troubles.push(format!("{}: {}", display_path(&refused.path), refused.why));
        }
    }
    for path in hooks::unknown(studio) {
        troubles.push(format!("{}: there is no such event", display_path(&path)));
    }
    if !lines.is_empty() {
        report.add(Level::Fine, "hooks", lines.join("\n"));
    }
    if !troubles.is_empty() {
        let events: Vec<&str> = HookEvent::ALL.iter().map(|event| event.name()).collect();
        let text = format!("not run:\n{}", troubles.join("\n"));
        report.add(Level::Warning, "hooks", text).mend =
            Some(format!("events are {}", events.join(", ")));
    }
}
