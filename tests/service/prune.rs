//! `pentimento prune` over files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{pentimento, said};

fn studio(settings: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pentimento.toml"), settings).unwrap();
    let folder = dir.path().join("done/2026-11-23_harbour_0042");
    fs::create_dir_all(folder.join("snapshots")).unwrap();
    for n in 1..=9 {
        let name = format!("snapshots/{:06}.png", n * 100);
        fs::write(folder.join(name), [0; 1000]).unwrap();
    }
    fs::write(folder.join("result.png"), [0; 1000]).unwrap();
    let record = json!({
        "schema": 1, "id": 42, "name": "harbour", "created": "2020-11-23T00:00:00Z",
        "profile_source": "x", "inputs": [], "state": "done",
        "finished": "2020-11-23T00:00:00Z", "result": { "file": "result.png", "sha256": "0" }
    });
    fs::write(folder.join("job.json"), record.to_string()).unwrap();
    (dir, folder)
}

fn left(folder: &Path) -> usize {
    fs::read_dir(folder.join("snapshots")).unwrap().count()
}

#[test]
fn without_a_rule_nothing_goes_and_that_is_said() {
    let (dir, folder) = studio("");
    let output = pentimento(dir.path()).arg("prune").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--keep-days"), "{}", said(&output));
    assert_eq!(left(&folder), 9);
}

#[test]
fn a_dry_run_shows_and_the_real_one_does() {
    let (dir, folder) = studio("snapshots_budget = 5000\n");
    let dry = pentimento(dir.path())
        .args(["prune", "--dry-run", "--json"])
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!(shown["bytes"], 4000, "{shown}");
    assert_eq!(shown["left_bytes"], 5000);
    assert_eq!(shown["removed"], 0);
    assert_eq!(shown["snapshots"].as_array().unwrap().len(), 4);
    assert_eq!(left(&folder), 9);
    let real = pentimento(dir.path()).arg("prune").output().unwrap();
    assert!(real.status.success(), "{}", said(&real));
    assert!(
        said(&real).contains("removed 4 snapshots"),
        "{}",
        said(&real)
    );
    assert_eq!(left(&folder), 5);
    assert!(folder.join("result.png").is_file());
    let again = pentimento(dir.path()).arg("prune").output().unwrap();
    assert!(said(&again).contains("nothing goes"), "{}", said(&again));
}

#[test]
fn flags_go_before_settings_and_are_checked() {
    let (dir, folder) = studio("snapshots_budget = 5000\n");
    let wrong = pentimento(dir.path())
        .args(["prune", "--snapshots-budget", "much"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(78), "{}", said(&wrong));
    assert!(
        said(&wrong).contains("--snapshots-budget"),
        "{}",
        said(&wrong)
    );
    let old = pentimento(dir.path())
        .args(["prune", "--snapshots-budget", "100 %", "--keep-days", "30"])
        .output()
        .unwrap();
    assert!(old.status.success(), "{}", said(&old));
    assert_eq!(left(&folder), 2);
}
