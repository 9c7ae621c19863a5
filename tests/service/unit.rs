//! `pentimento service`: what is written, what is said, and that systemd can read it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{pentimento, said};
use crate::support::studio::text;

/// A studio with an awkward name, below a home.
fn studio() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let studio = dir.path().join("my \"studio\" 100% $HOME");
    fs::create_dir(&studio).unwrap();
    fs::write(studio.join("pentimento.toml"), "").unwrap();
    (dir, studio)
}

fn service(home: &Path, studio: &Path, args: &[&str]) -> Command {
    let mut command = pentimento(home);
    command
        .arg("--studio")
        .arg(studio)
        .arg("service")
        .args(args);
    command
}

fn units(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[test]
fn a_unit_is_written_shown_and_removed() {
    let (home, studio) = studio();
    let folder = home.path().join(".config/systemd/user");
    let install = service(home.path(), &studio, &["install"])
        .output()
        .unwrap();
    assert!(install.status.success(), "{}", said(&install));
    let written = units(&folder);
    assert_eq!(written.len(), 1, "{}", said(&install));
    let name = written[0].file_name().unwrap().to_str().unwrap().to_owned();
    let how = format!("systemctl --user enable --now {name}");
    assert!(said(&install).contains(&how), "{}", said(&install));
    let unit = text(&written[0]);
    assert!(unit.contains("--studio \""), "{unit}");
    assert!(
        unit.contains("my \\\"studio\\\" 100%% $$HOME\" daemon\n"),
        "{unit}"
    );
    let again = service(home.path(), &studio, &["install"])
        .output()
        .unwrap();
    assert!(
        said(&again).contains("is as it should be"),
        "{}",
        said(&again)
    );
    let status = service(home.path(), &studio, &["status", "--json"])
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let ours = status["units"].as_array().unwrap();
    let ours: Vec<_> = ours
        .iter()
        .filter(|u| u["is_of_this_studio"] == true)
        .collect();
    assert_eq!(ours.len(), 1, "{status}");
    assert_eq!(ours[0]["scope"], "user");
    let removed = service(home.path(), &studio, &["uninstall"])
        .output()
        .unwrap();
    assert!(said(&removed).contains("is removed"), "{}", said(&removed));
    assert_eq!(units(&folder), Vec::<PathBuf>::new());
    let status = service(home.path(), &studio, &["status"]).output().unwrap();
    assert!(
        said(&status).contains("no unit of this studio"),
        "{}",
        said(&status)
    );
}

#[test]
fn a_unit_of_the_machine_needs_root_or_another_folder() {
    let (home, studio) = studio();
    let out = home.path().join("out");
    let args = ["install", "--system", "--user", "ann", "--output", "out"];
    let written = service(home.path(), &studio, &args).output().unwrap();
    assert!(written.status.success(), "{}", said(&written));
    let unit = text(&units(&out)[0]);
    assert!(unit.lines().any(|line| line == "User=ann"), "{unit}");
    assert!(unit.contains("WantedBy=multi-user.target"), "{unit}");
    let hostile = [
        "install",
        "--system",
        "--user",
        "ann\nExecStart=/x",
        "--output",
        "out",
    ];
    let refused = service(home.path(), &studio, &hostile).output().unwrap();
    assert!(!refused.status.success() && said(&refused).contains("is no name of a user"));
    for args in [
        &["install", "--user", "ann"][..],
        &["install", "--now", "--output", "out"],
    ] {
        let wrong = service(home.path(), &studio, args).output().unwrap();
        assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    }
}

#[test]
fn without_root_the_command_that_would_do_is_named() {
    let (home, studio) = studio();
    let mut command = if rustix::process::geteuid().is_root() {
        // Somebody else may not go where the program was built.
        let copy = home.path().join("pentimento");
        fs::copy(env!("CARGO_BIN_EXE_pentimento"), &copy).unwrap();
        let nobody = 65_534;
        for path in [home.path(), &studio, &copy, &studio.join("pentimento.toml")] {
            std::os::unix::fs::lchown(path, Some(nobody), Some(nobody)).unwrap();
        }
        let mut command = Command::new(copy);
        command.uid(nobody).gid(nobody).current_dir(home.path());
        command
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME");
        command.arg("--studio").arg(&studio);
        command.args(["service", "install", "--system", "--user", "ann"]);
        command
    } else {
        service(
            home.path(),
            &studio,
            &["install", "--system", "--user", "ann"],
        )
    };
    let refused = command.output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let text = said(&refused);
    assert!(text.contains("\n  sudo "), "{text}");
    let tail = "100% $HOME' service install --system --user ann\n";
    assert!(text.contains(tail), "{text}");
}

#[test]
fn under_sudo_a_unit_of_the_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be taken for somebody's sudo");
        return;
    }
    let (home, studio) = studio();
    let mut command = service(home.path(), &studio, &["install"]);
    let refused = command.env("SUDO_USER", "ann").output().unwrap();
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("run it without sudo"),
        "{}",
        said(&refused)
    );
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    }
    let (home, studio) = studio();
    let user = service(home.path(), &studio, &["install", "--output", "user"]);
    let system = [
        "install", "--system", "--user", "root", "--output", "system",
    ];
    for (mut install, folder, scope) in [
        (user, "user", "--user"),
        (service(home.path(), &studio, &system), "system", "--system"),
    ] {
        let output = install.output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let unit = units(&home.path().join(folder)).remove(0);
        let verdict = Command::new("systemd-analyze")
            .args([scope, "verify", "--man=no", "--recursive-errors=no"])
            .arg(&unit)
            .env("XDG_RUNTIME_DIR", home.path())
            .output()
            .unwrap();
        let name = unit.file_name().unwrap().to_str().unwrap();
        let complaints: Vec<String> = said(&verdict)
            .lines()
            .filter(|line| line.contains(name))
            .map(str::to_owned)
            .collect();
        let is_fine = verdict.status.success() && complaints.is_empty();
        assert!(is_fine, "{}\n{}", said(&verdict), text(&unit));
    }
}

#[test]
fn systemd_would_find_a_fault() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("broken.service");
    fs::write(&unit, "[Service]\nExecStart=relative\nKillMode=never\n").unwrap();
    let verdict = Command::new("systemd-analyze")
        .args(["--system", "verify", "--man=no"])
        .arg(&unit)
        .output()
        .unwrap();
    assert!(
        said(&verdict).contains("broken.service"),
        "{}",
        said(&verdict)
    );
}
