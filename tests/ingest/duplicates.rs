//! The same work twice, and profiles that come late, through the real program.

use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::picture;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// A studio in which no job ends before `go` is there.
fn waiting_studio() -> Studio {
    let studio = Studio::new();
    studio.plan(
        &json!({ "*": [{ "until": "go" }, "paint"] }),
        &json!({ "rescan": 500 }),
    );
    studio
}

fn drop(studio: &Studio, name: &str) {
    studio.drop(format!("{name}.content.png"), picture(1));
    studio.drop(format!("{name}.style.png"), picture(2));
}

#[test]
fn a20_the_same_work_is_held_told_and_run_when_the_first_has_ended() {
    let studio = waiting_studio();
    drop(&studio, "first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    drop(&studio, "second");
    daemon.wait_for("second: duplicate of 0001");
    let note = studio.path("watch/second.duplicate.txt");
    wait_until("the note", || note.exists());
    assert!(text(&note).contains("second.ready"), "{}", text(&note));
    std::fs::write(studio.path("go"), "").unwrap();
    studio.wait_for("done", 2);
    wait_until("the note to go", || studio.watched().is_empty());
}

#[test]
fn a20_a_held_bundle_is_run_by_a_ready_note() {
    let studio = waiting_studio();
    drop(&studio, "first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    drop(&studio, "second");
    daemon.wait_for("second: duplicate of 0001");
    studio.drop("second.ready", "");
    daemon.wait_for("0002 second: taken");
}

#[test]
fn a16_a17_a_late_profile_is_adopted_by_a_job_that_has_not_begun() {
    let studio = waiting_studio();
    drop(&studio, "first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    studio.drop_pair("second");
    daemon.wait_for("0002 second: taken");
    studio.drop("second/profile.toml", "style_weight = 7\n");
    daemon.wait_for("0002 second: adopted the profile that came late (profile.toml)");
    studio.drop("first.toml", "style_weight = 8\n");
    daemon.wait_for("0001 first: a newer profile is there");
    let record = text(studio.path("active/0002-second/profile.toml"));
    assert!(record.contains("style_weight = 7"), "{record}");
    let record = text(studio.path("active/0001-first/profile.toml"));
    assert!(!record.contains("style_weight = 8"), "{record}");
    assert_eq!(studio.watched(), ["first.toml"]);
}

#[test]
fn a25_a_finished_picture_may_be_dropped_again() {
    let studio = Studio::new();
    studio.drop_pair("first");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let result = std::fs::read(studio.shelf("done")[0].join("result.png")).unwrap();
    studio.drop("second.content.png", result);
    studio.drop("second.style.png", picture(3));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 2);
}

#[test]
fn c24_content_and_style_may_be_one_picture_and_it_is_said() {
    let studio = Studio::new();
    studio.drop("same.content.png", picture(1));
    studio.drop("same.style.png", picture(1));
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("same: content and style are the same picture"),
        "{printed}"
    );
}
