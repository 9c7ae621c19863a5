//! Watch folders as the settings name them: several, with profiles of their own, and none twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::studio::Studio;
use crate::support::studio::picture;
use crate::support::studio::style_of;
use crate::support::studio::text;

#[test]
fn each_watch_folder_has_a_profile_of_its_own() {
    let studio = Studio::new();
    let settings = "default_profile = \"plain\"\n\
                    [[watch]]\npath = \"watch\"\n\
                    [[watch]]\npath = \"oils\"\nprofile = \"oil\"\n";
    fs::write(studio.path("pentimento.toml"), settings).unwrap();
    fs::create_dir(studio.path("profiles")).unwrap();
    fs::write(studio.path("profiles/plain.toml"), "style_weight = 1\n").unwrap();
    fs::write(studio.path("profiles/oil.toml"), "style_weight = 2\n").unwrap();
    fs::create_dir_all(studio.path("oils/boat")).unwrap();
    fs::write(studio.path("oils/boat/content.png"), picture(1)).unwrap();
    let style = style_of("boat".as_ref());
    fs::write(studio.path("oils/boat/style.png"), style).unwrap();
    studio.drop_pair("harbour");
    studio.drop_pair("own");
    studio.drop("own/profile.toml", "style_weight = 3\n");
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let done = studio.shelf("done");
    assert_eq!(done.len(), 3);
    for folder in done {
        let profile = text(folder.join("profile.toml"));
        let name = folder.to_string_lossy().into_owned();
        let weight = if name.contains("_boat_") {
            2
        } else if name.contains("_own_") {
            3
        } else {
            1
        };
        assert!(
            profile.contains(&format!("style_weight = {weight}")),
            "{name}: {profile}"
        );
    }
}

#[test]
fn h16_two_studios_do_not_watch_one_folder() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    let other = Studio::new();
    let watch = studio.path("watch").to_string_lossy().into_owned();
    fs::write(
        other.path("pentimento.toml"),
        format!("watch = {watch:?}\n"),
    )
    .unwrap();
    let output = other.until_idle();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&watch) && said.contains("already"), "{said}");
    assert!(studio.watched().is_empty());
}

#[test]
fn a24_outputs_in_the_watch_folder_are_refused_at_the_start() {
    let studio = Studio::new();
    fs::write(studio.path("pentimento.toml"), "done = \"watch/done\"\n").unwrap();
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for path in ["watch/done", "watch"] {
        let path = studio.path(path).to_string_lossy().into_owned();
        assert!(said.contains(&path), "{said}");
    }
}

#[test]
fn d08_broken_settings_end_the_start_with_one_message() {
    let studio = Studio::new();
    fs::write(studio.path("pentimento.toml"), "settle_seconds = soon\n").unwrap();
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("pentimento.toml:1:"), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
}

#[test]
fn h17_a_watch_folder_that_cannot_be_written_to_is_copied_from() {
    let mut studio = Studio::new();
    studio.drop_pair("harbour");
    studio.drop("loose.content.png", picture(1));
    studio.drop("loose.style.png", picture(2));
    studio.drop("bad.content.png", "");
    studio.drop("bad.style.png", picture(3));
    studio.give_up_root();
    let watch = studio.path("watch");
    fs::set_permissions(&watch, fs::Permissions::from_mode(0o555)).unwrap();
    for _ in 0..2 {
        let output = studio.until_idle();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("ledger mode"), "{printed}");
        assert!(printed.contains("bad: rejected"), "{printed}");
        assert_eq!(studio.shelf("done").len(), 2, "each once: {printed}");
        assert_eq!(studio.watched().len(), 5, "nothing was taken away");
    }
    let done = studio.shelf("done");
    let copied = done.iter().map(|folder| folder.join("inputs"));
    assert_eq!(
        copied
            .flat_map(|inputs| fs::read_dir(inputs).unwrap())
            .count(),
        4
    );
    fs::set_permissions(&watch, fs::Permissions::from_mode(0o755)).unwrap();
    // A change makes it another bundle.
    studio.drop("loose.content.png", picture(9));
    fs::set_permissions(&watch, fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 3);
    fs::set_permissions(&watch, fs::Permissions::from_mode(0o755)).unwrap();
}
