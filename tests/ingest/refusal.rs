//! What cannot be used stays where it is, is explained beside it, and holds nothing up.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use crate::support::studio::Studio;
use crate::support::studio::picture;
use crate::support::studio::text;
use crate::support::studio::wait_until;

#[test]
fn an_empty_picture_is_rejected_until_it_is_mended() {
    let studio = Studio::new();
    studio.drop("harbour/content.png", "");
    studio.drop("harbour/style.png", picture(2));
    let daemon = studio.daemon();
    let note = studio.path("watch/harbour.error.txt");
    wait_until("the note", || note.exists());
    assert!(text(&note).contains("content.png"), "{}", text(&note));
    daemon.wait_for("harbour: rejected: ");

    studio.drop_pair("good");
    studio.wait_for("done", 1);
    assert_eq!(
        fs::read(studio.path("watch/harbour/content.png")).unwrap(),
        b""
    );

    studio.drop("harbour/content.png", picture(1));
    studio.wait_for("done", 2);
    wait_until("the note to go", || !note.exists());
}

#[test]
fn the_note_goes_with_its_bundle() {
    let studio = Studio::new();
    let empty = studio.drop("gone.content.png", "");
    studio.drop("gone.style.png", picture(2));
    let _daemon = studio.daemon();
    wait_until("the note", || studio.path("watch/gone.error.txt").exists());
    fs::remove_file(empty).unwrap();
    wait_until("the note to go", || studio.watched() == ["gone.style.png"]);
}

#[test]
fn a_profile_that_is_no_toml_is_shown_with_its_line() {
    let studio = Studio::new();
    studio.drop_pair("typo");
    studio.drop("typo/profile.toml", "seed = 1\nstyle_weight = = 5\n");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let note = text(studio.path("watch/typo.error.txt"));
    for part in ["profile.toml:2:16", "style_weight = = 5"] {
        assert!(note.contains(part), "{part}: {note}");
    }
    assert_eq!(studio.watched(), ["typo", "typo.error.txt"]);
}

#[test]
fn ambiguous_names_are_explained() {
    let studio = Studio::new();
    for name in ["a.png", "b.png", "c.png"] {
        studio.drop(format!("three/{name}"), picture(1));
    }
    studio.drop("two.content.png", picture(1));
    studio.drop("two.content.jpg", picture(1));
    studio.drop("two.style.png", picture(2));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let three = text(studio.path("watch/three.error.txt"));
    assert!(
        three.contains("name one content.* and one style.*"),
        "{three}"
    );
    let two = text(studio.path("watch/two.error.txt"));
    assert!(
        two.contains("two.content.png") && two.contains("two.content.jpg"),
        "{two}"
    );
}

#[test]
fn links_and_pipes_are_not_opened() {
    let studio = Studio::new();
    fs::write(studio.path("secret.png"), picture(9)).unwrap();
    for (bundle, kind) in [
        ("link", "symbolic link"),
        ("pipe", "FIFO"),
        ("dir", "folder"),
    ] {
        studio.drop(format!("{bundle}.style.png"), picture(2));
        let path = studio.path(format!("watch/{bundle}.content.png"));
        match bundle {
            "link" => symlink(studio.path("secret.png"), &path).unwrap(),
            "pipe" => {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
            }
            _ => fs::create_dir(&path).unwrap(),
        }
        studio.drop(format!("in-{bundle}/style.png"), picture(2));
        if bundle != "dir" {
            fs::rename(&path, studio.path(format!("watch/in-{bundle}/content.png"))).unwrap();
            let again = studio.path(format!("watch/in-{bundle}/content.png"));
            let kind_again = fs::symlink_metadata(again).unwrap().file_type();
            assert!(!kind_again.is_file(), "{kind}");
        }
    }
    symlink(studio.path("watch"), studio.path("watch/loop")).unwrap();
    studio.drop_pair("good");

    let output = studio.until_idle();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(studio.shelf("done").len(), 1);
    let note = text(studio.path("watch/in-link.error.txt"));
    assert!(
        note.contains("symbolic link") && note.contains("allow_symlinks = true"),
        "{note}"
    );
    assert!(text(studio.path("watch/in-pipe.error.txt")).contains("FIFO"));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("loop: a symbolic link"), "{printed}");
}

#[test]
fn links_that_may_be_followed_become_copies() {
    let studio = Studio::new();
    fs::write(studio.path("pentimento.toml"), "allow_symlinks = true\n").unwrap();
    let album = studio.path("album.png");
    fs::write(&album, picture(9)).unwrap();
    fs::write(studio.path("soft.toml"), "style_weight = 7\n").unwrap();
    studio.drop("flat.style.png", picture(2));
    studio.drop("folder/style.png", picture(2));
    symlink("../album.png", studio.path("watch/flat.content.png")).unwrap();
    symlink("../soft.toml", studio.path("watch/flat.toml")).unwrap();
    symlink("../../album.png", studio.path("watch/folder/content.png")).unwrap();
    studio.drop("astray.style.png", picture(2));
    symlink("../active", studio.path("watch/astray.content.png")).unwrap();

    let output = studio.until_idle();

    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let done = studio.shelf("done");
    assert_eq!(done.len(), 2);
    for folder in done {
        let is_flat = folder.to_str().unwrap().contains("_flat_");
        let name = if is_flat {
            "flat.content.png"
        } else {
            "content.png"
        };
        let content = folder.join("inputs").join(name);
        assert!(!content.is_symlink(), "{content:?}");
        assert_eq!(fs::read(content).unwrap(), picture(9));
        let profile = text(folder.join("profile.toml"));
        assert_eq!(profile.contains("style_weight = 7"), is_flat, "{profile}");
    }
    assert_eq!(fs::read(album).unwrap(), picture(9));
    let note = text(studio.path("watch/astray.error.txt"));
    assert!(note.contains("leads to no file"), "{note}");
}

#[test]
fn what_is_unreadable_is_rejected_until_it_is_readable() {
    let mut studio = Studio::new();
    studio.drop_pair("picture");
    studio.drop_pair("profile");
    studio.drop("profile/profile.toml", "seed = 1\n");
    let locked = [
        ("picture", studio.path("watch/picture/content.png")),
        ("profile", studio.path("watch/profile/profile.toml")),
    ];
    for (_, path) in &locked {
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    studio.give_up_root();
    let _daemon = studio.daemon();
    for (bundle, path) in &locked {
        let file = path.file_name().unwrap().to_str().unwrap();
        let note = studio.path(format!("watch/{bundle}.error.txt"));
        wait_until("the note", || {
            let note = text(&note);
            note.contains(file) && note.contains("chmod u+r")
        });
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    studio.wait_for("done", 2);
}

#[test]
fn a_failed_job_that_is_dragged_back_runs_again() {
    let studio = Studio::with_plan(&serde_json::json!({ "*": ["crash"] }));
    studio.drop("harbour.content.png", picture(1));
    studio.drop("harbour.style.png", picture(2));
    assert_eq!(studio.until_idle().status.code(), Some(3));
    let failed = studio.shelf("failed").remove(0);
    fs::rename(&failed, studio.path("watch/2026-11-23_harbour_0001")).unwrap();
    studio.plan(
        &serde_json::json!({ "harbour": ["paint"] }),
        &serde_json::json!({}),
    );

    assert_eq!(studio.until_idle().status.code(), Some(0));

    let done = studio.shelf("done").remove(0);
    assert!(
        done.to_str().unwrap().ends_with("_harbour_0002"),
        "{done:?}"
    );
    assert_eq!(
        fs::read(done.join("inputs/harbour.content.png")).unwrap(),
        picture(1)
    );
    assert!(done.join("previous/reason.txt").exists());
}
