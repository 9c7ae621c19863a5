//! The commands that are asked of the daemon.

use std::fs;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::is_alive;
use crate::support::studio::json_at;
use crate::support::studio::picture;
use crate::support::studio::style_of;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// Returns a studio whose jobs run until the file `go` is there.
fn waiting() -> Studio {
    Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }))
}

fn error(studio: &Studio, words: &[&str], status: i32) -> String {
    let output = studio.ask(words);
    assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn ids(page: &Value) -> Vec<u64> {
    let jobs = page["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_paused_job_gives_its_device_back_and_goes_on_when_told_to() {
    let studio = waiting();
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    let worker = daemon.workers()[0];
    studio.told(&["pause", "harbour"]);
    studio.wait_for_state("1", "paused");
    assert!(!is_alive(worker));
    // Another one may have the device meanwhile; the paused one does not come back by itself.
    fs::write(studio.path("go"), "").unwrap();
    studio.drop_pair("other");
    studio.wait_for("done", 1);
    assert_eq!(studio.json(&["show", "1"])["state"], "paused");
    studio.told(&["resume", "#1"]);
    studio.wait_for("done", 2);
}

#[test]
fn a_pause_outlives_the_daemon() {
    let studio = waiting();
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    studio.told(&["pause", "1"]);
    studio.wait_for_state("1", "paused");
    studio.told(&["stop"]);
    assert_eq!(daemon.end(), Some(0));
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(studio.shelf("active").len(), 1);
}

#[test]
fn a_cancelled_job_keeps_everything_and_can_be_tried_again() {
    let steps = json!([{ "write": ["snapshots/a_100.png", "good"] }, { "until": "go" }, "paint"]);
    let studio = Studio::with_plan(&json!({ "*": steps }));
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    studio.told(&["cancel", "harbour"]);
    let folder = studio.wait_for("failed", 1).remove(0);
    wait_until("the reason", || folder.join("reason.txt").exists());
    assert_eq!(json_at(folder.join("job.json"))["state"], "cancelled");
    assert_eq!(
        fs::read(folder.join("inputs/content.png")).unwrap(),
        picture(1)
    );
    assert_eq!(fs::read(folder.join("last.png")).unwrap(), b"good");
    assert!(text(folder.join("reason.txt")).contains("was cancelled"));
    error(&studio, &["resume", "harbour"], 1);

    fs::write(studio.path("go"), "").unwrap();
    studio.told(&["retry", "harbour"]);
    let done = studio.wait_for("done", 1).remove(0);
    assert!(done.to_string_lossy().ends_with("_harbour_0001"));
    assert!(!done.join("reason.txt").exists() && !done.join("last.png").exists());
    assert!(studio.shelf("failed").is_empty());
}

#[test]
fn waiting_jobs_move_and_end_without_a_worker() {
    let studio = waiting();
    studio.drop_pair("first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    for name in ["second", "third", "fourth"] {
        studio.drop_pair(name);
        daemon.wait_for(&format!("{name}: taken"));
    }
    let place = |job: &str| studio.json(&["show", job])["place"].as_u64();
    studio.told(&["move", "fourth", "--first"]);
    assert_eq!(
        (place("fourth"), place("second"), place("third")),
        (Some(1), Some(2), Some(3))
    );
    studio.told(&["move", "second", "--after", "third"]);
    assert_eq!((place("third"), place("second")), (Some(2), Some(3)));
    let refused = error(&studio, &["move", "first", "--last"], 1);
    assert!(refused.contains("it is running"), "{refused}");
    studio.told(&["cancel", "third", "second"]);
    assert_eq!(studio.wait_for("failed", 2).len(), 2);
    fs::write(studio.path("go"), "").unwrap();
    assert_eq!(studio.ask(&["wait", "fourth"]).status.code(), Some(0));
    assert_eq!(
        studio.ask(&["wait", "first", "second"]).status.code(),
        Some(3)
    );
}

#[test]
fn a_rerun_is_a_new_job_over_copies() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    let _daemon = studio.daemon();
    studio.wait_for("done", 1);
    let job = studio.json(&["rerun", "harbour", "style_weight=123"]);
    assert_eq!(job["id"], 2);
    assert_eq!(studio.ask(&["wait", "2"]).status.code(), Some(0));
    let done = studio.wait_for("done", 2);
    let old = done
        .iter()
        .find(|path| path.ends_with(name(&done, "0001")))
        .unwrap();
    let new = done
        .iter()
        .find(|path| path.ends_with(name(&done, "0002")))
        .unwrap();
    let style = fs::read(new.join("inputs/style.png")).unwrap();
    assert_eq!(style, style_of(Path::new("harbour")));
    assert!(text(new.join("profile.toml")).contains("style_weight = 123"));
    assert!(!text(old.join("profile.toml")).contains("style_weight = 123"));
    assert_eq!(json_at(new.join("job.json"))["course"]["rerun_of"], 1);

    let refused = error(&studio, &["rerun", "2", "style_weight=much"], 1);
    assert!(refused.contains("style_weight"), "{refused}");
    assert!(studio.shelf("active").is_empty());
    let leftovers = studio.shelf(".pentimento").into_iter();
    let leftovers = leftovers.filter(|path| path.to_string_lossy().contains("rerun-"));
    assert_eq!(leftovers.count(), 0);
}

fn name(paths: &[std::path::PathBuf], ending: &str) -> String {
    let mut names = paths.iter().filter_map(|path| path.file_name()?.to_str());
    names
        .find(|name| name.ends_with(ending))
        .unwrap()
        .to_owned()
}

#[test]
fn options_change_before_a_job_has_begun_and_some_of_them_after() {
    let studio = waiting();
    studio.drop_pair("first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    studio.drop_pair("second");
    daemon.wait_for("0002 second: taken");
    let second = studio.path("active/0002-second");
    studio.told(&["edit", "second", "image_size=128", "num_iterations=7"]);
    let profile = text(second.join("profile.toml"));
    assert!(profile.contains("num_iterations = 7"), "{profile}");
    let refused = error(&studio, &["edit", "second", "num_iterations=-1"], 1);
    assert!(refused.contains("num_iterations"), "{refused}");
    assert_eq!(text(second.join("profile.toml")), profile);

    let refused = error(&studio, &["edit", "first", "image_size=128"], 1);
    assert!(refused.contains("has begun"), "{refused}");
    for change in ["tv_weight=0", "num_iterations=0", "style_weight=much"] {
        error(&studio, &["edit", "first", change], 1);
    }
    error(
        &studio,
        &["edit", "first", "tv_weight=0.5", "--stage", "7"],
        1,
    );
    studio.told(&["edit", "first", "style_weight=500", "tv_weight=0.5"]);
    let record = json_at(studio.path("active/0001-first/job.json"));
    let edits = record["course"]["edits"].as_array().unwrap();
    assert_eq!((edits.len(), &edits[1]["id"]), (2, &json!(2)));
    assert_eq!(edits[0]["option"], "style_weight");
}

#[test]
fn a_snapshot_is_marked() {
    let steps = json!([{ "write": ["snapshots/a b.png", "good"] }, "paint"]);
    let studio = Studio::with_plan(&json!({ "*": steps }));
    studio.drop_pair("harbour");
    let _daemon = studio.daemon();
    studio.wait_for_state("1", "done");
    studio.told(&["star", "1", "a b.png"]);
    assert_eq!(studio.json(&["show", "1"])["snapshots"][0]["starred"], true);
    studio.told(&["star", "1", "a b.png", "--remove"]);
    assert_eq!(
        studio.json(&["show", "1"])["snapshots"][0]["starred"],
        false
    );
    error(&studio, &["star", "1", "b.png"], 4);
    error(&studio, &["star", "1", "../job.json"], 4);
}

#[test]
fn pictures_are_added_whether_a_daemon_runs_or_not() {
    let studio = Studio::new();
    fs::write(studio.path("a.png"), picture(1)).unwrap();
    fs::write(studio.path("b.png"), picture(2)).unwrap();
    let bundle = studio.told(&["add", "a.png", "b.png", "--set", "num_iterations=3"]);
    assert_eq!(studio.watched(), ["a"]);
    assert!(bundle.trim().ends_with("/watch/a"), "{bundle}");
    let _daemon = studio.daemon();
    studio.told(&["add", "a.png", "b.png", "--name", "again"]);
    let done = studio.wait_for("done", 2);
    assert!(studio.watched().is_empty());
    let first = done
        .iter()
        .find(|path| path.ends_with(name(&done, "_a_0001")))
        .unwrap();
    assert!(text(first.join("profile.toml")).contains("num_iterations = 3"));
}

#[test]
fn the_list_is_paged_and_searched_and_survives_the_daemon() {
    let studio = Studio::with_plan(&json!({ "bad": [{ "fail": "numbers" }], "*": ["paint"] }));
    for job in ["one", "two", "bad", "four"] {
        studio.drop_pair(job);
    }
    assert_eq!(studio.until_idle().status.code(), Some(3));
    let _daemon = studio.daemon();
    let all = studio.json(&["list"]);
    assert_eq!((ids(&all), &all["schema"]), (vec![4, 3, 2, 1], &json!(1)));
    let page = studio.json(&["list", "--limit", "3"]);
    assert_eq!((ids(&page).len(), &page["next"]), (3, &json!(2)));
    assert_eq!(ids(&studio.json(&["list", "--before", "2"])), [1]);
    let failed = studio.json(&["list", "--state", "failed,cancelled"]);
    assert_eq!(ids(&failed).len(), 1);
    assert_eq!(failed["jobs"][0]["name"], "bad");
    assert_eq!(ids(&studio.json(&["list", "OU"])).len(), 1);
    let refused = error(&studio, &["list", "--state", "asleep"], 1);
    assert!(refused.contains("one of claiming, queued"), "{refused}");
    let counts = &studio.json(&["status"])["jobs"];
    assert_eq!((&counts["done"], &counts["failed"]), (&json!(3), &json!(1)));
    let listed = studio.told(&["list"]);
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert!(studio.told(&["show", "bad"]).contains("the plan says so"));
}

#[test]
fn what_is_not_there_has_a_status_of_its_own() {
    let studio = Studio::new();
    assert!(error(&studio, &["status"], 5).contains("no daemon runs"));
    let _daemon = studio.daemon();
    for verb in ["show", "pause", "resume", "cancel", "retry", "logs", "wait"] {
        assert!(error(&studio, &[verb, "77"], 4).contains("unknown job 0077"));
        assert!(error(&studio, &[verb, "nobody"], 4).contains("unknown job nobody"));
    }
}

#[test]
fn the_daemon_ends_when_told_to_and_its_job_waits_for_the_next() {
    let studio = waiting();
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    let stopped = studio.ask(&["stop"]);
    assert_eq!(stopped.status.code(), Some(0), "{stopped:?}");
    assert_eq!(daemon.end(), Some(0));
    let record = json_at(studio.shelf("active")[0].join("job.json"));
    assert_eq!(record["state"], "queued");
}

#[test]
fn what_lies_in_the_watch_folder_is_listed_and_explained() {
    let studio = Studio::new();
    studio.drop("lone.content.png", picture(1));
    studio.drop("notes.txt", "words");
    let daemon = studio.daemon();
    daemon.wait_for("lone: waiting");
    let mut listed = Value::Null;
    wait_until("the bundle to be listed", || {
        listed = studio.json(&["list", "--bundles"]);
        listed["bundles"][0]["state"] == "waiting"
    });
    assert_eq!(listed["bundles"][0]["name"], "lone");
    assert_eq!(studio.json(&["status"])["bundles"]["waiting"], 1);
    let explained = studio.json(&["explain", "watch/lone.content.png"]);
    assert_eq!(
        (&explained["state"], &explained["bundle"]),
        (&json!("waiting"), &json!("lone"))
    );
    assert!(
        studio
            .told(&["explain", "watch/notes.txt"])
            .contains("ignored")
    );
    assert!(studio.told(&["explain", "plan.json"]).contains("elsewhere"));
    let refused = error(&studio, &["run-duplicate", "watch/lone.content.png"], 1);
    assert!(refused.contains("not held as a duplicate"), "{refused}");
    error(&studio, &["run-duplicate", "plan.json"], 4);
}

#[test]
fn a_held_duplicate_is_run_when_told_to() {
    let studio = waiting();
    studio.drop_pair("first");
    let daemon = studio.daemon();
    daemon.wait_for("0001 first: stage 1");
    studio.drop("again/content.png", picture(1));
    studio.drop("again/style.png", style_of(Path::new("first")));
    daemon.wait_for("again: duplicate of 0001");
    studio.told(&["run-duplicate", "watch/again"]);
    daemon.wait_for("0002 again: taken");
}

#[test]
fn numbers_are_never_used_again() {
    let studio = Studio::new();
    studio.drop_pair("first");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    fs::remove_dir_all(studio.shelf("done").remove(0)).unwrap();
    studio.drop_pair("second");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let done = studio.shelf("done").remove(0);
    assert!(done.to_string_lossy().ends_with("_second_0002"));
}

#[test]
fn what_a_worker_said_is_printed_without_harm() {
    let studio =
        Studio::with_plan(&json!({ "*": [{ "grumble": ["\u{1b}[2Jloud\n", 2] }, "paint"] }));
    studio.drop_pair("harbour");
    let _daemon = studio.daemon();
    studio.wait_for_state("1", "done");
    let said = studio.told(&["logs", "1"]);
    assert!(
        said.contains("\\u{1b}[2Jloud") && !said.contains('\u{1b}'),
        "{said}"
    );
}
