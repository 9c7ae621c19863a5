//! How bundles arrive and what becomes of their files.

use std::fs;
use std::io::Write;

use crate::support::studio::Studio;
use crate::support::studio::json_at;
use crate::support::studio::picture;
use crate::support::studio::text;

#[test]
fn both_spellings_lying_there_are_painted() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    studio.drop("wave.Content.PNG", picture(3));
    studio.drop("wave.style10.png", picture(4));
    studio.drop("wave.STYLE2.png", picture(5));
    studio.drop("wave.toml", "style_weight = 7\n");

    let output = studio.until_idle();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(studio.watched().is_empty());
    assert!(studio.shelf("active").is_empty());
    let done = studio.shelf("done");
    assert_eq!(done.len(), 2);
    let harbour = done
        .iter()
        .find(|path| text(path.join("job.json")).contains("harbour"))
        .unwrap();
    assert!(harbour.to_str().unwrap().contains("_harbour_000"));
    assert_eq!(
        fs::read(harbour.join("inputs/content.png")).unwrap(),
        picture(1)
    );
    assert_eq!(fs::read(harbour.join("result.png")).unwrap(), picture(1));
    assert!(harbour.join("log.txt").exists());

    let wave = done.iter().find(|path| *path != harbour).unwrap();
    let job = json_at(wave.join("job.json"));
    assert_eq!(job["state"], "done");
    let files: Vec<_> = job["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| &i["file"])
        .collect();
    assert_eq!(
        files,
        ["wave.Content.PNG", "wave.STYLE2.png", "wave.style10.png"]
    );
    assert!(text(wave.join("profile.toml")).contains("style_weight = 7"));
    assert!(wave.join("inputs/wave.toml").exists());
}

#[test]
fn bundles_arriving_while_watching_are_painted() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    let elsewhere = studio.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("content.png"), picture(1)).unwrap();
    fs::write(elsewhere.join("style.png"), picture(2)).unwrap();
    fs::rename(&elsewhere, studio.path("watch/moved")).unwrap();
    studio.wait_for("done", 1);

    studio.drop_pair("copied");
    studio.wait_for("done", 2);

    fs::write(studio.path("one.png"), picture(3)).unwrap();
    fs::hard_link(
        studio.path("one.png"),
        studio.path("watch/linked.content.png"),
    )
    .unwrap();
    fs::hard_link(
        studio.path("one.png"),
        studio.path("watch/linked.style.png"),
    )
    .unwrap();
    studio.wait_for("done", 3);
    assert_eq!(fs::read(studio.path("one.png")).unwrap(), picture(3));
    assert!(studio.watched().is_empty());
}

#[test]
fn a_file_that_is_still_being_written_is_waited_for() {
    let studio = Studio::new();
    studio.drop("slow.style.png", picture(2));
    let path = studio.drop("slow.content.png", "");
    let mut writer = fs::File::options().write(true).open(&path).unwrap();
    writer.write_all(&picture(1)[..100]).unwrap();
    let daemon = studio.daemon();
    daemon.wait_for("slow: process");
    assert!(studio.shelf("active").is_empty());
    writer.write_all(&picture(1)[100..]).unwrap();
    drop(writer);
    let done = studio.wait_for("done", 1);
    assert_eq!(
        fs::read(done[0].join("inputs/slow.content.png")).unwrap(),
        picture(1)
    );
}

#[test]
fn what_is_missing_is_said_and_waited_for() {
    let studio = Studio::new();
    studio.drop("late.content.png", picture(1));
    let daemon = studio.daemon();
    daemon.wait_for("late: waiting for a style picture: late.style.*");
    studio.drop("late.style.png", picture(2));
    studio.wait_for("done", 1);
}

#[test]
fn temporary_names_are_no_arrival_and_the_rename_is() {
    let studio = Studio::new();
    studio.drop("boat.style.png", picture(2));
    let partial = studio.drop(".boat.content.png.Xa81Zu", picture(1));
    let daemon = studio.daemon();
    daemon.wait_for("boat: waiting for a content picture");
    fs::rename(partial, studio.path("watch/boat.content.png")).unwrap();
    studio.wait_for("done", 1);
}

#[test]
fn the_same_name_again_is_another_job() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    for n_done in 1..=2 {
        studio.drop_pair("again");
        studio.wait_for("done", n_done);
    }
    let ids: Vec<_> = studio
        .shelf("done")
        .iter()
        .map(|path| json_at(path.join("job.json"))["id"].clone())
        .collect();
    assert_eq!(ids, [1, 2]);
}

#[test]
fn the_nearest_profile_wins() {
    let studio = Studio::new();
    studio.drop("profile.toml", "style_weight = 1\n");
    studio.drop_pair("plain");
    studio.drop_pair("own");
    studio.drop("own/profile.toml", "style_weight = 2\n");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    for folder in studio.shelf("done") {
        let is_own = folder.to_str().unwrap().contains("_own_");
        let profile = text(folder.join("profile.toml"));
        let expected = if is_own {
            "style_weight = 2"
        } else {
            "style_weight = 1"
        };
        assert!(profile.contains(expected), "{profile}");
    }
    assert_eq!(studio.watched(), ["profile.toml"]);
}

#[test]
fn a_watch_folder_that_goes_away_and_returns_is_used_again() {
    let studio = Studio::new();
    studio.plan(
        &serde_json::json!({ "*": ["paint"] }),
        &serde_json::json!({ "rescan": 500 }),
    );
    let daemon = studio.daemon();
    fs::rename(studio.path("watch"), studio.path("gone")).unwrap();
    daemon.wait_for("cannot look into the watch folder");
    assert!(!studio.path("watch").exists());
    fs::rename(studio.path("gone"), studio.path("watch")).unwrap();
    studio.drop_pair("back");
    studio.wait_for("done", 1);
}

#[test]
fn a_note_that_nothing_more_comes_saves_the_wait() {
    let studio = Studio::new();
    studio.plan(
        &serde_json::json!({ "*": ["paint"] }),
        &serde_json::json!({ "settle": 600_000 }),
    );
    studio.drop_pair("now");
    studio.drop("now/READY", "");
    let _daemon = studio.daemon();
    let done = studio.wait_for("done", 1);
    assert!(done[0].join("inputs/READY").exists());
}
