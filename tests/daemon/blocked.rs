//! Jobs whose network is known and not installed: they wait, hold nobody up, and go on by
//! themselves.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::json_at;
use crate::support::studio::wait_until;

const BLOCKED: &str =
    "far: blocked: network vgg19 is not installed, run `pentimento models pull vgg19`";

/// Drops a bundle, `far`, whose network is in the catalogue and not installed.
fn drop_far(studio: &Studio) {
    fs::create_dir_all(studio.path("models")).unwrap();
    studio.drop("far/profile.toml", "network = \"vgg19\"\n");
    studio.drop_pair("far");
}

fn install(studio: &Studio) {
    // Rehearsed painting reads no weights.
    let partial = studio.path("models/.vgg19.part");
    fs::write(&partial, "weights").unwrap();
    fs::rename(partial, studio.path("models/vgg19.safetensors")).unwrap();
}

fn state(folder: &Path) -> String {
    let record = json_at(folder.join("job.json"));
    record["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_blocked_job_holds_nobody_up_and_goes_on_when_its_network_is_installed() {
    let studio = Studio::new();
    drop_far(&studio);
    let daemon = studio.daemon();
    daemon.wait_for(BLOCKED);
    studio.drop_pair("near");
    studio.wait_for("done", 1);
    let folder = studio.shelf("active").remove(0);
    let record = json_at(folder.join("job.json"));
    assert_eq!(record["state"], "blocked");
    assert_eq!(
        record["obstacle"]["reason"],
        "network vgg19 is not installed"
    );
    assert!(studio.watched().is_empty(), "no note: it was taken");

    install(&studio);
    let done = studio.wait_for("done", 2);
    let is_far = |folder: &Path| folder.to_string_lossy().ends_with("_far_0001");
    assert!(done.iter().any(|folder| is_far(folder)), "{done:?}");
    let output = daemon.output();
    assert_eq!(output.matches(BLOCKED).count(), 1, "{output}");
    assert!(output.contains("far: no longer blocked"), "{output}");
}

#[test]
fn a_blocked_job_does_not_hold_until_idle_and_outlives_it() {
    let studio = Studio::new();
    drop_far(&studio);
    for _ in 0..2 {
        let output = studio.until_idle();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(BLOCKED), "{printed}");
        assert!(printed.contains("0 done, 0 failed, 1 blocked"), "{printed}");
        assert_eq!(state(&studio.shelf("active")[0]), "blocked");
    }
    install(&studio);
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(state(&studio.shelf("done")[0]), "done");
    assert!(studio.shelf("active").is_empty());
}

#[test]
fn several_blocked_jobs_go_on_in_their_order() {
    let studio = Studio::new();
    drop_far(&studio);
    assert_eq!(studio.until_idle().status.code(), Some(0));
    for name in ["b", "a"] {
        studio.drop(format!("{name}/profile.toml"), "network = \"vgg19\"\n");
        studio.drop_pair(name);
        assert_eq!(studio.until_idle().status.code(), Some(0));
    }
    install(&studio);
    let printed = String::from_utf8(studio.until_idle().stdout).unwrap();
    let at = |text: &str| printed.find(text).unwrap();
    assert!(at("0001 far: done") < at("0002 b: done"), "{printed}");
    assert!(at("0002 b: done") < at("0003 a: done"), "{printed}");
}

#[test]
fn a_network_that_goes_away_under_its_job_blocks_it() {
    let fails = json!({ "*": [{ "until": "go" }, { "fail": "network" }] });
    let studio = Studio::with_plan(&fails);
    drop_far(&studio);
    install(&studio);
    let daemon = studio.daemon();
    daemon.wait_for("0001 far: stage 1");
    fs::remove_file(studio.path("models/vgg19.safetensors")).unwrap();
    fs::write(studio.path("go"), "").unwrap();
    daemon.wait_for(BLOCKED);
    studio.plan(&json!({ "*": ["paint"] }), &json!({}));
    install(&studio);
    studio.wait_for("done", 1);

    // With the network there, the failure is the job's own.
    studio.plan(&fails, &json!({}));
    studio.drop("own/profile.toml", "network = \"vgg19\"\n");
    studio.drop_pair("own");
    studio.wait_for("failed", 1);
}

#[test]
fn a_blocked_job_whose_folder_is_removed_is_let_go() {
    let studio = Studio::new();
    drop_far(&studio);
    let daemon = studio.daemon();
    daemon.wait_for(BLOCKED);
    wait_until("the folder to go", || {
        fs::remove_dir_all(studio.shelf("active").remove(0)).is_ok()
    });
    install(&studio);
    daemon.wait_for("0001 far: its folder was removed");
}
