//! Completions, manual pages, paths, and the form of the log.

use std::fs;

use serde_json::Value;

use super::{pentimento, said};
use crate::support::studio::text;

/// The commands that people see.
fn commands() -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let help = pentimento(home.path()).arg("--help").output().unwrap();
    let help = said(&help);
    let listed = help.split("Commands:\n").nth(1).unwrap();
    let listed = listed.split("\n\n").next().unwrap();
    let names: Vec<String> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.contains(&"service".to_owned()), "{help}");
    names
}

#[test]
fn completions_name_every_command_in_every_shell() {
    let home = tempfile::tempdir().unwrap();
    let names = commands();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = pentimento(home.path())
            .args(["completions", shell])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let script = said(&output);
        for name in &names {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
    }
    let wrong = pentimento(home.path())
        .args(["completions", "csh"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn the_bash_completion_is_read_by_bash() {
    let home = tempfile::tempdir().unwrap();
    let output = pentimento(home.path())
        .args(["completions", "bash"])
        .output()
        .unwrap();
    let script = home.path().join("completion.bash");
    fs::write(&script, &output.stdout).unwrap();
    let Ok(read) = std::process::Command::new("bash")
        .arg("-n")
        .arg(&script)
        .output()
    else {
        eprintln!("skipped: bash is not installed");
        return;
    };
    assert!(read.status.success(), "{}", said(&read));
}

#[test]
fn every_command_has_a_page() {
    let home = tempfile::tempdir().unwrap();
    let output = pentimento(home.path())
        .args(["man", "pages"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let pages = home.path().join("pages");
    for name in commands() {
        let page = text(pages.join(format!("pentimento-{name}.1")));
        assert!(page.contains(".TH "), "{name}");
    }
    let first = text(pages.join("pentimento.1"));
    assert!(first.contains("Exit status"), "{first}");
    assert!(pages.join("pentimento-service-install.1").is_file());
    assert!(!pages.join("pentimento-worker.1").exists());
    let settings = text(pages.join("pentimento.toml.5"));
    assert!(settings.contains("snapshots_budget"), "{settings}");
}

#[test]
fn paths_say_what_is_in_force_and_why() {
    let home = tempfile::tempdir().unwrap();
    let studio = home.path().join("studio");
    fs::create_dir_all(studio.join("watch")).unwrap();
    fs::write(studio.join("pentimento.toml"), "done = \"elsewhere\"\n").unwrap();
    let output = pentimento(&studio)
        .args(["paths", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |what: &str| {
        let rows = object["paths"].as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["what"] == what);
        rows.next()
            .unwrap_or_else(|| panic!("{what} in {object}"))
            .clone()
    };
    let shown = |row: &Value| row["path"].as_str().unwrap().to_owned();
    assert!(shown(&of("watch")).ends_with("studio/watch"));
    assert_eq!(of("watch")["is_there"], true);
    assert_eq!(of("watch")["why"], "the default");
    assert!(shown(&of("done")).ends_with("studio/elsewhere"));
    assert_eq!(of("done")["why"], "by the settings");
    assert_eq!(of("done")["is_there"], false);
    assert_eq!(of("your settings")["why"], "by HOME");
    let outside = pentimento(home.path()).arg("paths").output().unwrap();
    assert!(outside.status.success() && said(&outside).contains("your settings"));
}

#[test]
fn the_form_of_the_log_can_be_chosen() {
    let home = tempfile::tempdir().unwrap();
    for (format, status) in [("json", 0), ("text", 0), ("auto", 0), ("xml", 2)] {
        let mut command = pentimento(home.path());
        let output = command
            .args(["paths", "--log-format", format])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
    }
}
