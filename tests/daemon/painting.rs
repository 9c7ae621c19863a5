//! The daemon with workers that really paint: what is asked of it reaches them.

use serde_json::Value;

use crate::support::library;
use crate::support::studio::Studio;
use crate::support::studio::wait_until;

/// Returns how far the running attempt at job 1 is.
fn iteration(studio: &Studio) -> u64 {
    let output = studio.ask(&["show", "1", "--json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    shown["progress"]["iteration"].as_u64().unwrap_or(0)
}

#[test]
fn a_painting_is_paused_goes_on_and_is_changed_on_the_way() {
    let studio = Studio::new();
    let profile = "image_size = 64\nnum_iterations = 1000000\nsave_iter = 50\n";
    studio.drop("harbour/profile.toml", profile);
    studio.drop("harbour/READY", "");
    studio.drop_pair("harbour");
    let daemon = studio.painting_daemon(library());
    wait_until("some iterations", || iteration(&studio) > 5);
    studio.told(&["pause", "harbour"]);
    let paused = studio.wait_for_state("1", "paused");
    let kept = paused["checkpoint"][1].as_u64().unwrap();
    assert!(kept > 5, "{paused}");

    studio.told(&["resume", "harbour"]);
    wait_until("it to go on", || iteration(&studio) > kept);
    daemon.wait_for(&format!("goes on from stage 1, iteration {kept}"));
    assert_eq!(studio.json(&["show", "1"])["attempts"], 2);

    studio.told(&["edit", "harbour", "tv_weight=0.5"]);
    daemon.wait_for("tv_weight = 0.5 from stage 1");
    wait_until("the change to be off the record", || {
        studio.json(&["show", "1"])["pending_edits"] == serde_json::json!([])
    });
    wait_until("a snapshot", || {
        studio.json(&["show", "1"])["snapshots"][0]["name"].is_string()
    });
    studio.told(&["cancel", "harbour"]);
    let failed = studio.wait_for("failed", 1).remove(0);
    assert!(failed.join("last.png").exists(), "the last good picture");
    studio.told(&["stop"]);
    assert_eq!(daemon.end(), Some(0));
}
