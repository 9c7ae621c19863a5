//! The job store beside the folders: lost, broken, and behind.

use std::fs;

use serde_json::json;

use crate::support::studio::Studio;

fn ids(studio: &Studio) -> Vec<u64> {
    let page = studio.json(&["list"]);
    let jobs = page["jobs"].as_array().unwrap();
    jobs.iter().map(|job| job["id"].as_u64().unwrap()).collect()
}

fn remove_store(studio: &Studio) {
    for path in studio.shelf(".pentimento") {
        if path.to_string_lossy().contains("queue.db") {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_lost_store_is_made_again_from_the_folders() {
    let plan = json!({ "bad": [{ "fail": "numbers" }], "*": ["paint"] });
    let studio = Studio::with_plan(&plan);
    studio.drop_pair("good");
    studio.drop_pair("bad");
    assert_eq!(studio.until_idle().status.code(), Some(3));
    assert!(studio.path(".pentimento/queue.db").exists());
    remove_store(&studio);
    let _daemon = studio.daemon();
    assert_eq!(ids(&studio), [2, 1]);
    let counts = &studio.json(&["status"])["jobs"];
    assert_eq!((&counts["done"], &counts["failed"]), (&json!(1), &json!(1)));
    studio.told(&["retry", "bad"]);
}

#[test]
fn a_store_that_cannot_be_read_is_left_as_it_is() {
    let studio = Studio::new();
    let store = studio.path(".pentimento/queue.db");
    fs::write(&store, "this is no database, and somebody may miss it").unwrap();
    let output = studio.ask(&["daemon"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("queue.db"), "{error}");
    assert_eq!(
        fs::read(&store).unwrap(),
        b"this is no database, and somebody may miss it"
    );
}

#[test]
fn a_removed_folder_leaves_a_line_in_the_list() {
    let studio = Studio::with_plan(&json!({ "first": ["paint"], "*": [{ "until": "go" }] }));
    studio.drop_pair("first");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    fs::remove_dir_all(studio.shelf("done").remove(0)).unwrap();
    studio.drop_pair("second");
    let daemon = studio.daemon();
    daemon.wait_for("0002 second: stage 1");
    assert_eq!(ids(&studio), [2, 1]);
    studio.told(&["stop"]);
    daemon.end();
    fs::remove_dir_all(studio.shelf("active").remove(0)).unwrap();
    let daemon = studio.daemon();
    daemon.wait_for("0002 second: its folder was removed");
    let shown = studio.json(&["show", "2"]);
    assert_eq!(shown["state"], "cancelled");
    assert_eq!(shown["reason"], "its folder was removed");
}
