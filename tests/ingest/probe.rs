//! Pictures that take the process down that reads them: the watching one lives on and says so.

use rustix::process::Signal;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::is_alive;
use crate::support::studio::picture;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// Makes a studio in which the reading of a file goes as `mishap` says; `patience` in ms.
fn studio(file: &str, mishap: &str, patience: u64) -> Studio {
    let studio = Studio::new();
    let reads = json!({ file: mishap });
    studio.plan_reads(
        &json!({ "*": ["paint"] }),
        &json!({ "probe": patience }),
        &reads,
    );
    studio
}

/// Drops a bundle whose content has the mishap, and a good one; returns the note.
fn rejected(mishap: &str, patience: u64) -> String {
    let studio = studio("bad.content.png", mishap, patience);
    studio.drop("bad.content.png", picture(1));
    studio.drop("bad.style.png", picture(2));
    studio.drop_pair("good");
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(studio.shelf("done").len(), 1, "{output:?}");
    assert_eq!(
        studio.watched(),
        ["bad.content.png", "bad.error.txt", "bad.style.png"]
    );
    text(studio.path("watch/bad.error.txt"))
}

fn check(mishap: &str, words: &str) {
    let note = rejected(mishap, 60_000);
    for words in ["bad.content.png", words, "save it anew"] {
        assert!(note.contains(words), "{words}: {note}");
    }
}

#[test]
fn a_reader_that_crashes() {
    check("crash", "signal 6");
}

#[test]
fn a_reader_that_calls_itself_too_often() {
    check("overflow", "the reader crashed on");
}

#[test]
fn a_reader_that_devours_memory() {
    check("devour", "takes more memory to read than it may");
}

#[test]
fn a_reader_that_hangs() {
    let note = rejected("hang", 1000);
    assert!(
        note.contains("bad.content.png took too long to read"),
        "{note}"
    );
}

#[test]
fn a_profile_that_takes_its_reader_down_is_named() {
    let studio = studio("bad.toml", "overflow", 60_000);
    studio.drop("bad.content.png", picture(1));
    studio.drop("bad.style.png", picture(2));
    studio.drop("bad.toml", "seed = 1\n");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let note = text(studio.path("watch/bad.error.txt"));
    assert!(
        note.contains("crashed on") && note.contains("bad.toml"),
        "{note}"
    );
}

#[test]
fn a_result_that_takes_its_reader_down_fails_its_job() {
    let studio = studio("result.png", "crash", 60_000);
    studio.drop_pair("harbour");
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let reason = text(studio.shelf("failed")[0].join("reason.txt"));
    assert!(
        reason.contains("result.png") && reason.contains("signal 6"),
        "{reason}"
    );
}

#[test]
fn a_stop_does_not_wait_for_a_reader_that_hangs() {
    let studio = studio("bad.content.png", "hang", 600_000);
    studio.drop("bad.content.png", picture(1));
    studio.drop("bad.style.png", picture(2));
    let daemon = studio.daemon();
    wait_until("the reader to start", || !daemon.workers().is_empty());
    let readers = daemon.workers();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    assert!(readers.iter().all(|reader| !is_alive(*reader)));
}

#[test]
fn no_reader_outlives_a_killed_daemon() {
    let studio = studio("bad.content.png", "hang", 600_000);
    studio.drop("bad.content.png", picture(1));
    studio.drop("bad.style.png", picture(2));
    let daemon = studio.daemon();
    wait_until("the reader to start", || !daemon.workers().is_empty());
    let readers = daemon.workers();
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end(), None);
    wait_until("the reader to end", || {
        readers.iter().all(|reader| !is_alive(*reader))
    });
}
