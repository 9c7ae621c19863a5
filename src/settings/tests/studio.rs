//! A studio's folders: which do not go together, and how a studio is found and made.

use std::{fs, path::PathBuf};

use super::{
    super::{Settings, find_studio, init, layers},
    Place, STUDIO, assert_says,
};

#[test]
fn outputs_inside_the_watched_folder_are_refused_with_both_paths() {
    let place = Place::new();
    for (text, key, output) in [
        ("done = \"watch/done\"", "done", "studio/watch/done"),
        ("failed = \"watch\"", "failed", "studio/watch"),
        ("watch = \".\"", "active", "studio/active"),
        ("watch = [\"in\", \"x/..\"]", "active", "studio/active"),
        (
            "state_dir = \"./x/../watch/s\"",
            "state_dir",
            "studio/watch/s",
        ),
    ] {
        let message = place.refusal(text);
        let output = place.at(output).to_string_lossy().into_owned();
        assert_says(&message, &[key, &output, "inside the watched folder"]);
    }
}

#[test]
fn outputs_are_not_hidden_in_the_watched_folder_by_a_link() {
    let place = Place::new();
    fs::create_dir(place.at("studio/watch")).unwrap();
    std::os::unix::fs::symlink(place.at("studio/watch"), place.at("studio/elsewhere")).unwrap();
    let message = place.refusal("done = \"elsewhere/done\"");
    assert_says(&message, &["elsewhere/done", "studio/watch"]);
}

#[test]
fn watched_folders_do_not_overlap() {
    let place = Place::new();
    for text in [
        "watch = [\"in\", \"in/deeper\"]",
        "watch = [\"in/deeper\", \"in\"]",
    ] {
        assert_says(
            &place.refusal(text),
            &["studio/in/deeper", "same as, or lies inside"],
        );
    }
    assert_says(&place.refusal("watch = [\"in\", \"./in\"]"), &["same as"]);
}

#[test]
fn the_nearest_studio_upwards_is_found() {
    let mut place = Place::new();
    fs::create_dir_all(place.at("studio/done/2026")).unwrap();
    place.around.cwd = place.at("studio/done/2026");
    assert_eq!(
        find_studio(None, &place.around).unwrap(),
        place.at("studio")
    );
    place.write("studio/done/pentimento.toml", "");
    assert_eq!(
        find_studio(None, &place.around).unwrap(),
        place.at("studio/done")
    );
    let named = PathBuf::from("../..");
    let found = find_studio(Some(&named), &place.around).unwrap();
    assert_eq!(found, place.at("studio").canonicalize().unwrap());
}

#[test]
fn without_a_studio_init_is_named() {
    let place = Place::new();
    let message = find_studio(None, &place.around).unwrap_err().to_string();
    assert_says(
        &message,
        &[
            "no pentimento.toml in",
            "cwd",
            "`pentimento init`",
            "--studio DIR",
        ],
    );
    let named = PathBuf::from("nowhere");
    let message = find_studio(Some(&named), &place.around)
        .unwrap_err()
        .to_string();
    assert_says(&message, &["cwd/nowhere is no studio", "`pentimento init "]);
}

#[test]
fn init_makes_a_studio_and_overwrites_nothing() {
    let place = Place::new();
    let made = init(&PathBuf::from("new"), &place.around).unwrap();
    let root = place.at("cwd/new");
    assert!(made.created.contains(&root.join("pentimento.toml")));
    let text = fs::read_to_string(root.join("pentimento.toml")).unwrap();
    for folder in [
        "watch",
        "active",
        "done",
        "failed",
        "profiles",
        "models",
        ".pentimento",
    ] {
        assert!(root.join(folder).is_dir(), "{folder}");
    }
    fs::write(root.join("pentimento.toml"), "watch = \"in\"\n").unwrap();
    let again = init(&root, &place.around).unwrap();
    assert_eq!(again.created, [root.join("in")]);
    let kept = fs::read_to_string(root.join("pentimento.toml")).unwrap();
    assert_eq!(kept, "watch = \"in\"\n");
    assert!(text.contains("#watch = \"watch\""));
}

#[test]
fn the_file_that_init_writes_names_every_setting_with_its_default() {
    let place = Place::new();
    let template = include_str!("../template.toml");
    place.write(STUDIO, template);
    let plain = Place::new();
    let defaults = Settings::load(Some(&place.at("studio")), &plain.around).unwrap();
    place.write(STUDIO, "");
    assert_eq!(
        defaults,
        Settings::load(Some(&place.at("studio")), &plain.around).unwrap()
    );
    // What is commented out is the default, save where there is none to write.
    let no_default = [
        "default_profile",
        "memory_limit",
        "snapshots_budget",
        "keep_days",
        "ort_lib",
        "data_dir",
    ];
    let spelled: Vec<_> = template
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| !line.starts_with(' '))
        .filter(|line| !no_default.iter().any(|key| line.starts_with(key)))
        .collect();
    place.write(STUDIO, &spelled.join("\n"));
    assert_eq!(
        defaults,
        Settings::load(Some(&place.at("studio")), &plain.around).unwrap()
    );
    let all = template
        .lines()
        .filter(|line| line.starts_with('#') && !line.starts_with("# "))
        .filter(|line| line.contains(" = "));
    assert_eq!(all.count(), layers::KEYS.len());
}
