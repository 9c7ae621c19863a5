//! Where the daemon listens, and what may lie in its way.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::wait_until;

fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn it_is_the_owners_alone_and_goes_with_the_daemon() {
    let studio = Studio::new();
    fs::set_permissions(
        studio.path(".pentimento"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    let daemon = studio.daemon();
    let socket = studio.path(".pentimento/sock");
    wait_until("the socket", || socket.exists());
    assert_eq!(
        (mode(studio.path(".pentimento")), mode(&socket)),
        (0o700, 0o600)
    );
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    assert!(!socket.exists());
    assert_eq!(studio.ask(&["status"]).status.code(), Some(5));
}

#[test]
fn a_stale_socket_is_no_hindrance() {
    let studio = Studio::new();
    drop(UnixListener::bind(studio.path(".pentimento/sock")).unwrap());
    assert_eq!(studio.ask(&["status"]).status.code(), Some(5));
    let daemon = studio.daemon();
    studio.told(&["status"]);
    // What a killed daemon leaves is one.
    daemon.signal(Signal::KILL);
    daemon.end();
    assert!(studio.path(".pentimento/sock").exists());
    let _daemon = studio.daemon();
    studio.told(&["status"]);
}

#[test]
fn anything_else_in_its_place_is_refused_and_left_alone() {
    let studio = Studio::new();
    let socket = studio.path(".pentimento/sock");
    let refused = || {
        let output = studio.ask(&["daemon"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("sock is there and is no socket"), "{error}");
    };
    fs::write(&socket, "mine").unwrap();
    refused();
    assert_eq!(fs::read(&socket).unwrap(), b"mine");
    fs::remove_file(&socket).unwrap();
    fs::create_dir(&socket).unwrap();
    refused();
    fs::remove_dir(&socket).unwrap();
    std::os::unix::fs::symlink(studio.path("elsewhere"), &socket).unwrap();
    refused();
    assert!(socket.is_symlink());
}

#[test]
fn a_deleted_socket_comes_back() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    studio.told(&["status"]);
    fs::remove_file(studio.path(".pentimento/sock")).unwrap();
    wait_until("the socket to come back", || {
        studio.ask(&["status"]).status.success()
    });
}

#[test]
fn a_path_that_is_too_long_has_a_short_one_that_both_sides_know() {
    let studio = Studio::new();
    let long = studio.path("x".repeat(100));
    fs::create_dir(&long).unwrap();
    fs::write(long.join("pentimento.toml"), "").unwrap();
    let run = studio.path("run");
    fs::create_dir(&run).unwrap();
    let program = |words: &[&str]| {
        let mut command = studio.command();
        command
            .args(["--studio", long.to_str().unwrap()])
            .args(words);
        command.env("XDG_RUNTIME_DIR", &run);
        command
    };
    let mut daemon = program(&["daemon"]).spawn().unwrap();
    wait_until("an answer", || {
        program(&["status"]).output().unwrap().status.success()
    });
    assert!(!long.join(".pentimento/sock").exists());
    assert_eq!(mode(run.join("pentimento")), 0o700);
    assert_eq!(fs::read_dir(run.join("pentimento")).unwrap().count(), 1);
    let stopped = program(&["stop"]).output().unwrap();
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}

#[test]
fn another_user_is_turned_away() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can ask as somebody else");
        return;
    }
    let studio = Studio::new();
    let _daemon = studio.daemon();
    studio.told(&["status"]);
    let copy = studio.path("pentimento");
    fs::copy(env!("CARGO_BIN_EXE_pentimento"), &copy).unwrap();
    let root = studio.path("");
    let ask = || {
        let mut command = Command::new(&copy);
        command
            .uid(65_534)
            .gid(65_534)
            .current_dir("/")
            .env("HOME", "/");
        command
            .arg("--studio")
            .arg(&root)
            .arg("status")
            .output()
            .unwrap()
    };
    let open = |path: &str, mode| {
        fs::set_permissions(studio.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    open("", 0o755);
    // The folder keeps others out …
    assert_eq!(ask().status.code(), Some(5));
    // … and so does the daemon, should somebody open the folder.
    open(".pentimento", 0o755);
    open(".pentimento/sock", 0o777);
    let output = ask();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(output.stdout.is_empty());
    studio.told(&["status"]);
}

#[test]
fn no_worker_holds_the_socket_or_the_lock() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "never" }] }));
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    for pid in daemon.workers() {
        for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            assert!(!target.ends_with(".pentimento/lock"), "{target}");
            assert!(!target.starts_with("socket:"), "{target}");
        }
    }
    daemon.signal(Signal::KILL);
    daemon.end();
    let _next = studio.daemon();
}
