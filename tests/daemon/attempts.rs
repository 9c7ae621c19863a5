//! Attempts: what counts as one, what is tried again, and what waits.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::json_at;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// Returns the record of the only job on a shelf.
fn record(studio: &Studio, shelf: &str) -> Value {
    json_at(studio.shelf(shelf)[0].join("job.json"))
}

fn ends(record: &Value) -> Vec<&str> {
    let attempts = record["course"]["attempts"].as_array().unwrap();
    let ends = attempts
        .iter()
        .map(|attempt| attempt["end"].as_str().unwrap());
    ends.collect()
}

fn checkpoint(iteration: u32) -> Value {
    json!({ "emit": {
        "event": "checkpoint", "stage": 1, "iteration": iteration, "evaluations": iteration,
    } })
}

#[test]
fn a_worker_that_dies_three_times_is_the_end_of_its_job_only() {
    let studio = Studio::with_plan(&json!({ "bad": ["crash"], "*": ["paint"] }));
    studio.drop_pair("bad");
    studio.drop_pair("good");
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(studio.shelf("done").len(), 1);
    assert_eq!(ends(&record(&studio, "failed")), ["failed"; 3]);
    let reason = text(studio.shelf("failed")[0].join("reason.txt"));
    assert!(reason.contains("gave up after 3 attempts"), "{reason}");
    assert!(reason.contains("signal 6"), "{reason}");
}

#[test]
fn a_newer_checkpoint_breaks_the_row_and_the_same_one_does_not() {
    let studio = Studio::with_plan(&json!({ "*": [checkpoint(10), "crash"] }));
    studio.drop_pair("harbour");
    assert_eq!(studio.until_idle().status.code(), Some(3));
    // The first attempt brought something; three more in a row did not.
    assert_eq!(ends(&record(&studio, "failed")), ["failed"; 4]);
    assert_eq!(
        record(&studio, "failed")["course"]["checkpoint"],
        json!({ "stage": 1, "iteration": 10 })
    );
}

#[test]
fn an_attempt_is_on_record_before_its_worker_runs() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
    studio.drop_pair("harbour");
    let daemon = studio.daemon();
    daemon.wait_for("0001 harbour: stage 1");
    let running = record(&studio, "active");
    assert_eq!(running["state"], "running");
    assert_eq!(
        (ends(&running), &running["course"]["tries"]),
        (vec!["open"], &json!(1))
    );
}

#[test]
fn neither_a_killed_daemon_nor_a_stop_is_an_attempt() {
    let studio = Studio::with_plan(&json!({ "*": [{ "until": "go" }, "paint"] }));
    studio.drop_pair("harbour");
    for n in 0..4 {
        let daemon = studio.daemon();
        daemon.wait_for("0001 harbour: stage 1");
        let signal = if n % 2 == 0 {
            Signal::KILL
        } else {
            Signal::TERM
        };
        daemon.signal(signal);
        daemon.end();
    }
    // As many as would have been too many.
    let plan = json!({ "*": ["crash"] });
    studio.plan(&plan, &json!({ "backoff": 600_000 }));
    let daemon = studio.daemon();
    let shown = studio.wait_for_state("1", "retrying");
    assert_eq!(shown["attempts"], 5);
    assert_eq!(record(&studio, "active")["course"]["tries"], 1);
    let kinds = [
        "interrupted",
        "interrupted",
        "interrupted",
        "interrupted",
        "failed",
    ];
    assert_eq!(ends(&record(&studio, "active")), kinds);
    daemon.signal(Signal::TERM);
    daemon.end();
    // Nor is a back-off kept over it.
    studio.plan(&json!({ "*": ["paint"] }), &json!({ "backoff": 600_000 }));
    assert_eq!(studio.until_idle().status.code(), Some(0));
}

#[test]
fn a_job_that_waits_for_its_next_attempt_can_be_told_to_go_now() {
    let studio = Studio::new();
    let timing = json!({ "backoff": 600_000 });
    studio.plan(&json!({ "*": ["crash"] }), &timing);
    studio.drop_pair("harbour");
    let _daemon = studio.daemon();
    let shown = studio.wait_for_state("harbour", "retrying");
    assert!(shown["reason"].as_str().unwrap().contains("signal 6"));
    assert!(shown["next_attempt"].is_string());
    studio.plan(&json!({ "*": ["paint"] }), &timing);
    studio.told(&["retry", "harbour"]);
    studio.wait_for("done", 1);
}

#[test]
fn what_would_end_the_same_way_is_not_tried_again() {
    for class in ["input", "numbers"] {
        let studio = Studio::with_plan(&json!({ "*": [{ "fail": class }] }));
        studio.drop_pair("harbour");
        assert_eq!(studio.until_idle().status.code(), Some(3));
        assert_eq!(ends(&record(&studio, "failed")), ["failed"], "{class}");
    }
}

#[test]
fn a_shortage_blocks_and_is_over_by_itself() {
    for class in ["disk", "memory"] {
        let studio = Studio::with_plan(&json!({ "*": [{ "fail": class }] }));
        studio.drop_pair("harbour");
        let output = studio.until_idle();
        assert_eq!(output.status.code(), Some(0), "{class}: {output:?}");
        let blocked = record(&studio, "active");
        assert_eq!(blocked["state"], "blocked");
        assert_eq!(blocked["obstacle"]["lack"], class);
        assert_eq!(blocked["course"]["tries"], 0, "no fault of the job");

        let timing = json!({ "shortage": 100 });
        studio.plan(&json!({ "*": [{ "fail": class }] }), &timing);
        let _daemon = studio.daemon();
        wait_until("several attempts", || {
            ends(&record(&studio, "active")).len() > 4
        });
        studio.plan(&json!({ "*": ["paint"] }), &timing);
        studio.wait_for("done", 1);
    }
}

#[test]
fn the_last_good_picture_is_kept_where_a_job_fails() {
    let steps = json!([{ "write": ["snapshots/a_100.png", "good"] }, { "fail": "numbers" }]);
    let studio = Studio::with_plan(&json!({ "*": steps }));
    studio.drop_pair("harbour");
    assert_eq!(studio.until_idle().status.code(), Some(3));
    let failed = studio.shelf("failed").remove(0);
    assert_eq!(fs::read(failed.join("last.png")).unwrap(), b"good");
}
