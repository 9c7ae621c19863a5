//! Workers that misbehave: each ends as a failed job with its reason, and the next one goes on.

use serde_json::Value;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::is_alive;
use crate::support::studio::json_at;
use crate::support::studio::text;
use crate::support::studio::wait_until;

/// Runs one job by the given steps, then a good one, and returns what `reason.txt` says.
fn reason_of(steps: &Value, timing: &Value) -> String {
    let studio = Studio::new();
    studio.plan(&json!({ "bad": steps, "*": ["paint"] }), timing);
    studio.drop_pair("bad");
    studio.drop_pair("good");
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(studio.shelf("done").len(), 1, "{output:?}");
    let failed = studio.shelf("failed").remove(0);
    assert_eq!(json_at(failed.join("job.json"))["state"], "failed");
    assert!(failed.join("inputs/content.png").exists());
    text(failed.join("reason.txt"))
}

fn check(steps: &Value, words: &str) {
    let reason = reason_of(steps, &json!({}));
    assert!(reason.contains(words), "{steps}: {reason}");
}

#[test]
fn a_failure_is_told_as_it_is() {
    check(&json!([{ "fail": "numbers" }]), "the plan says so");
}

#[test]
fn a_crash_has_a_signal() {
    check(&json!(["crash"]), "signal 6");
}

#[test]
fn a_panic_has_its_words() {
    check(&json!(["panic"]), "the plan says so");
}

#[test]
fn an_end_without_a_result_is_a_failure() {
    check(&json!([]), "without a result");
}

#[test]
fn garbage_does_no_harm_and_a_flood_of_it_ends_the_worker() {
    check(
        &json!([{ "raw": [255, 254, 10, 123, 10, 0, 10] }, "crash"]),
        "signal 6",
    );
    let flood: Vec<u8> = b"x\n".repeat(2000);
    check(&json!([{ "raw": flood }, "hang"]), "no messages");
}

#[test]
fn a_result_must_be_what_the_worker_says() {
    let cases = [
        (json!(["result.png", "00"]), "No such file"),
        (json!(["job.json", "00"]), "not those that were written"),
        (
            json!(["../../plan.json", "00"]),
            "outside of the job's folder",
        ),
    ];
    for (claim, words) in cases {
        check(&json!([{ "claim": claim }]), words);
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let steps = json!([{ "write": ["result.png", ""] }, { "claim": ["result.png", empty] }]);
    check(&steps, "not as it should be");
}

#[test]
fn a_worker_that_hangs_is_ended() {
    let timing = json!({ "first_progress": 500, "stall": 500, "stop_grace": 500 });
    let reason = reason_of(&json!(["hang"]), &timing);
    assert!(reason.contains("made no progress"), "{reason}");
}

#[test]
fn a_flood_of_words_is_kept_short() {
    let line = "x".repeat(1023) + "\n";
    let studio = Studio::with_plan(&json!({ "*": [{ "grumble": [line, 6000] }, "paint"] }));
    studio.drop_pair("loud");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let log = std::fs::metadata(studio.shelf("done")[0].join("log.txt"))
        .unwrap()
        .len();
    assert!((4 << 20..5 << 20).contains(&log), "{log}");
}

#[test]
fn what_a_worker_started_ends_with_it() {
    let studio = Studio::with_plan(&json!({ "*": ["fork", "crash"] }));
    studio.drop_pair("forks");
    assert_eq!(studio.until_idle().status.code(), Some(3));
    let pid: u32 = text(studio.shelf("failed")[0].join("child.pid"))
        .parse()
        .unwrap();
    wait_until("the worker's child to end", || !is_alive(pid));
}
