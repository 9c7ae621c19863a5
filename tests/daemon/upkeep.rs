//! What the daemon tells the service manager, and the hooks that it calls.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// Takes what has come in on the line of the service manager.
fn hear(line: &UnixDatagram, heard: &mut String) {
    let mut buffer = [0; 2048];
    while let Ok(length) = line.recv(&mut buffer) {
        heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
        heard.push('\n');
    }
}

/// Puts a hook for `event` into the studio that appends a line to `told.txt` there.
fn hook(studio: &Studio, event: &str) {
    let folder = studio.path("hooks.d").join(event);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("tell");
    let script = "#!/bin/sh\nprintf '%s %s %s\\n' \"$PENTIMENTO_EVENT\" \"$PENTIMENTO_JOB_NAME\" \
        \"$PENTIMENTO_RESULT\" >> \"$PENTIMENTO_STUDIO/told.txt\"\n";
    // Written by another process, so that no other test's child holds it open for writing.
    let mut cat = Command::new("sh")
        .args(["-c", "cat > \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = cat.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    assert!(cat.wait().unwrap().success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn g01_the_service_manager_hears_of_readiness_life_and_the_end() {
    let studio = Studio::new();
    let path = studio.path("manager");
    let line = UnixDatagram::bind(&path).unwrap();
    line.set_nonblocking(true).unwrap();
    let daemon = studio.daemon_with(&[
        ("NOTIFY_SOCKET", path.as_os_str()),
        ("WATCHDOG_USEC", OsStr::new("200000")),
    ]);
    let mut heard = String::new();
    wait_until("readiness to be told", || {
        hear(&line, &mut heard);
        heard.contains("READY=1\nSTATUS=0 running, 0 queued")
    });
    // Without anything to do, too.
    let before = heard.matches("WATCHDOG=1").count();
    wait_until("three more signs of life", || {
        hear(&line, &mut heard);
        heard.matches("WATCHDOG=1").count() >= before + 3
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    hear(&line, &mut heard);
    assert!(heard.contains("STOPPING=1"), "{heard}");
    assert_eq!(heard.matches("READY=1").count(), 1, "{heard}");
}

#[test]
fn hooks_are_called_for_what_happens_in_its_order() {
    let studio = Studio::with_plan(
        &json!({ "*": [{ "emit": { "event": "started", "device": "CPU", "size": [8, 8], "stages": 1 } }, "paint"] }),
    );
    for event in ["accepted", "started", "finished", "queue-empty"] {
        hook(&studio, event);
    }
    let daemon = studio.daemon();
    studio.drop_pair("harbour");
    let done = studio.wait_for("done", 1);
    let told = studio.path("told.txt");
    wait_until("the last hook to have run", || {
        fs::read_to_string(&told).is_ok_and(|text| text.contains("queue-empty"))
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let told = text(told);
    let events: Vec<&str> = told
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(events, ["accepted", "started", "finished", "queue-empty"]);
    let result = done[0].join("result.png");
    assert!(
        told.contains(&format!("finished harbour {}", result.display())),
        "{told}"
    );
}

#[test]
fn f05_snapshots_are_thinned_when_a_job_has_ended() {
    let write = |name: &str| json!({ "write": [format!("snapshots/{name}.png"), "0123456789"] });
    let steps = json!([write("000100"), write("000200"), write("000300"), "paint"]);
    let studio = Studio::with_plan(&json!({ "*": steps }));
    fs::write(studio.path("pentimento.toml"), "snapshots_budget = 10\n").unwrap();
    let daemon = studio.daemon();
    studio.drop_pair("harbour");
    let done = studio.wait_for("done", 1).remove(0);
    wait_until("all snapshots but the latest to go", || {
        let left = fs::read_dir(done.join("snapshots")).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        names == ["000300.png"]
    });
    assert!(done.join("result.png").is_file());
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}
