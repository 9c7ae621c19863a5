//! Being a service: the unit as systemd reads it, the log, completions, paths, pruning.

mod hooks;
mod prune;
mod unit;
mod words;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Returns the program, to be run in `folder` as a user who has a home there and nothing else.
fn pentimento(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pentimento"));
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("HOME", folder)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("SUDO_USER")
        .env_remove("JOURNAL_STREAM");
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
