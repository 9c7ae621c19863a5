//! The watching process as a whole: its lock, its end, its return.

mod attempts;
mod blocked;
mod painting;
mod socket;
mod store;
mod upkeep;
mod verbs;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::is_alive;
use crate::support::studio::json_at;
use crate::support::studio::picture;
use crate::support::studio::text;
use crate::support::studio::wait_until;

#[test]
fn only_one_watches_a_studio() {
    let studio = Studio::new();
    let daemon = studio.daemon();
    let second = studio.ask(&["daemon"]);
    assert_eq!(second.status.code(), Some(6));
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        error.contains(&daemon.pid().as_raw_nonzero().to_string()),
        "{error}"
    );
    studio.drop_pair("still");
    studio.wait_for("done", 1);
}

#[test]
fn bundles_that_wait_or_are_rejected_do_not_hold_until_idle() {
    let studio = Studio::new();
    studio.drop("waits.content.png", picture(1));
    studio.drop("bad.content.png", "");
    studio.drop("bad.style.png", picture(1));
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        studio.watched(),
        [
            "bad.content.png",
            "bad.error.txt",
            "bad.style.png",
            "waits.content.png"
        ]
    );
}

#[test]
fn until_idle_fails_where_the_watch_folder_cannot_be_seen() {
    let studio = Studio::new();
    fs::remove_dir(studio.path("watch")).unwrap();
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("cannot look into the watch folder") && error.contains("watch: No such"),
        "{error}"
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!printed.contains("nothing left to do"), "{printed}");
}

#[test]
fn a_stop_keeps_the_job_for_the_next_start() {
    for signal in [Signal::TERM, Signal::INT] {
        let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
        studio.drop_pair("harbour");
        let daemon = studio.daemon();
        daemon.wait_for("0001 harbour: stage 1");
        let workers = daemon.workers();
        assert_eq!(workers.len(), 1);
        daemon.signal(signal);
        assert_eq!(daemon.end(), Some(0));
        assert!(!is_alive(workers[0]));
        let active = studio.shelf("active").remove(0);
        assert_eq!(
            fs::read(active.join("inputs/content.png")).unwrap(),
            picture(1)
        );
        assert_eq!(json_at(active.join("job.json"))["state"], "queued");

        fs::write(studio.path("go"), "").unwrap();
        let output = studio.until_idle();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            studio.shelf("done")[0]
                .to_str()
                .unwrap()
                .ends_with("_harbour_0001")
        );
    }
}

#[test]
fn a_worker_that_ignores_the_stop_is_killed() {
    let studio = Studio::new();
    let note = json!({ "emit": { "event": "note", "text": "here" } });
    studio.plan(
        &json!({ "*": [note, "hang"] }),
        &json!({ "stop_grace": 300 }),
    );
    studio.drop_pair("deaf");
    let daemon = studio.daemon();
    daemon.wait_for("deaf: here");
    let workers = daemon.workers();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    assert!(!is_alive(workers[0]));
    assert_eq!(studio.shelf("active").len(), 1);
}

#[test]
fn a_worker_that_is_writing_has_longer_than_the_grace() {
    let studio = Studio::new();
    let note = json!({ "emit": { "event": "note", "text": "here" } });
    // Four and a half seconds of a large checkpoint.
    let steps = json!([note, { "beat": 15 }, { "write": ["checkpoint/all", "written"] }]);
    studio.plan(&json!({ "*": steps }), &json!({ "stop_grace": 2500 }));
    studio.drop_pair("large");
    let daemon = studio.daemon();
    daemon.wait_for("large: here");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let job = studio.shelf("active").remove(0);
    assert_eq!(text(job.join("checkpoint/all")), "written");
    assert_eq!(json_at(job.join("job.json"))["state"], "queued");
}

#[test]
fn a_second_signal_does_not_wait_for_the_grace() {
    let studio = Studio::new();
    let note = json!({ "emit": { "event": "note", "text": "here" } });
    studio.plan(
        &json!({ "*": [note, "hang"] }),
        &json!({ "stop_grace": 600_000 }),
    );
    studio.drop_pair("deaf");
    let daemon = studio.daemon();
    daemon.wait_for("deaf: here");
    daemon.signal(Signal::INT);
    daemon.wait_for("stopping, waiting for 0001");
    daemon.signal(Signal::INT);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn no_worker_outlives_a_killed_daemon_and_the_job_runs_again() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    let workers = daemon.workers();
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), None);
    wait_until("the worker to end", || !is_alive(workers[0]));
    fs::write(studio.path("go"), "").unwrap();
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 1);
    assert!(studio.shelf("active").is_empty());
}

#[test]
fn other_signals_end_nothing() {
    let studio = Studio::new();
    let daemon = studio.daemon();
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::PIPE] {
        daemon.signal(signal);
    }
    daemon.wait_for("told to read the settings again");
    studio.drop_pair("still");
    studio.wait_for("done", 1);
}

#[test]
fn of_ten_started_at_once_one_wins() {
    let studio = Studio::new();
    let mut children: Vec<_> = (0..10)
        .map(|_| studio.command().arg("daemon").spawn().unwrap())
        .collect();
    let mut codes = Vec::new();
    wait_until("nine to give up", || {
        for child in &mut children {
            if let Some(status) = child.try_wait().unwrap() {
                codes.push((child.id(), status.code()));
            }
        }
        codes.sort_unstable();
        codes.dedup();
        codes.len() == 9
    });
    assert!(codes.iter().all(|(_, code)| *code == Some(6)), "{codes:?}");
    // The one that is left is the one that answers.
    let left = children.iter().map(std::process::Child::id);
    let left: Vec<_> = left
        .filter(|id| codes.iter().all(|(over, _)| over != id))
        .collect();
    let mut pid = None;
    wait_until("an answer", || {
        let output = studio.ask(&["status", "--json"]);
        pid = serde_json::from_slice(&output.stdout)
            .ok()
            .and_then(|status: serde_json::Value| status["pid"].as_u64());
        pid.is_some()
    });
    assert_eq!(left, [u32::try_from(pid.unwrap()).unwrap()]);
    studio.told(&["stop"]);
    for child in &mut children {
        child.wait().unwrap();
    }
}

#[test]
fn whoever_comes_second_follows() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
    let daemon = studio.daemon();
    let mut second = studio.command().stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(second.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.contains("already running"), "{said}");
    studio.drop_pair("harbour");
    let mut lines = BufReader::new(second.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("0001 harbour: claimed")));
    fs::write(studio.path("go"), "").unwrap();
    assert!(lines.any(|line| line.unwrap().contains("0001 harbour: done")));
    daemon.signal(Signal::TERM);
    assert_eq!(second.wait().unwrap().code(), Some(0));
}

#[test]
fn an_interrupted_until_idle_says_so() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "never" }] }));
    studio.drop_pair("harbour");
    let mut child = studio.command().arg("--until-idle").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("stage 1")));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).unwrap();
    let rest = lines.count();
    assert!(rest > 0);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_claim_that_was_cut_short_is_finished() {
    let studio = Studio::new();
    let folder = studio.path("active/0007-harbour");
    fs::create_dir_all(folder.join("inputs")).unwrap();
    fs::write(folder.join("inputs/harbour.content.png"), picture(1)).unwrap();
    studio.drop("harbour.style.png", picture(2));
    let step = |name: &str| json!({ "from": name, "to": format!("inputs/{name}") });
    let input = |role: &str, name: &str| json!({ "role": role, "file": name, "original": name });
    let job = json!({
        "schema": 1, "id": 7, "name": "harbour", "created": "2026-11-23T20:14:00Z",
        "profile_source": "studio default", "state": "claiming",
        "moves": [step("harbour.content.png"), step("harbour.style.png")],
        "inputs": [input("content", "harbour.content.png"), input("style", "harbour.style.png")],
    });
    fs::write(folder.join("job.json"), job.to_string()).unwrap();
    fs::create_dir(studio.path("active/0008-empty")).unwrap();

    let output = studio.until_idle();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(studio.watched().is_empty() && studio.shelf("active").is_empty());
    let done = studio.shelf("done").remove(0);
    assert_eq!(
        fs::read(done.join("inputs/harbour.style.png")).unwrap(),
        picture(2)
    );
    assert!(json_at(done.join("job.json"))["inputs"][1]["sha256"].is_string());
}

#[test]
fn a_job_without_a_record_is_set_aside() {
    let studio = Studio::new();
    fs::create_dir_all(studio.path("active/0003-lost/inputs")).unwrap();
    fs::write(
        studio.path("active/0003-lost/inputs/content.png"),
        picture(1),
    )
    .unwrap();
    fs::write(studio.path("active/0003-lost/job.json"), "{").unwrap();
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("0 done, 1 failed"), "{printed}");
    let failed = studio.shelf("failed").remove(0);
    assert_eq!(
        fs::read(failed.join("inputs/content.png")).unwrap(),
        picture(1)
    );
    assert!(text(failed.join("reason.txt")).contains("job.json cannot be read"));
}

#[test]
fn a_job_whose_record_cannot_be_written_does_not_hold_up_the_next() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
    studio.drop_pair("first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    studio.drop_pair("second");
    daemon.wait_for("0002 second: taken");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    // Where the record is to be written first is something that cannot be written to.
    fs::create_dir(studio.path("active/0001-first/.job.json.partial")).unwrap();
    fs::write(studio.path("go"), "").unwrap();
    // A look that nothing hints at would come too late.
    let timing = json!({ "rescan": 600_000 });
    studio.plan(&json!({ "*": ["paint"] }), &timing);
    let daemon = studio.daemon();
    studio.wait_for("done", 1);
    daemon.wait_for("0001 first: blocked: the job's record cannot be written");
    assert!(studio.shelf("active")[0].ends_with("0001-first"));
}

#[test]
fn a_reader_that_goes_away_ends_the_watching_quietly() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "never" }] }));
    studio.drop_pair("harbour");
    let mut child = studio.command().spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("watching"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // Taken or not by then, nothing is lost.
    assert_eq!(studio.shelf("active").len() + studio.watched().len(), 1);
}

#[test]
fn outside_of_a_studio_the_way_to_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_pentimento");
    let output = Command::new(program)
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pentimento init"));

    let made = Command::new(program)
        .arg("init")
        .arg(dir.path().join("new"))
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert!(dir.path().join("new/watch").is_dir());
    assert!(dir.path().join("new/pentimento.toml").is_file());
}

#[test]
fn waiting_takes_little_memory() {
    let studio = Studio::new();
    studio.drop("large.content.png", grey(8000));
    studio.drop("large.style.png", picture(2));
    let daemon = studio.daemon();
    studio.wait_for("done", 1);
    let status = text(format!("/proc/{}/status", daemon.pid().as_raw_nonzero()));
    // The most it ever took: a picture of 64 megapixels was read at both ends of the job.
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 40 * 1024, "{kib} KiB");
}

/// Returns a PNG of `side`×`side` grey pixels.
fn grey(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().unwrap();
    let pixels = vec![128; side as usize * side as usize];
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}
