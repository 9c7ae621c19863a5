//! Recipe folders, and profiles that paintings carry, through the real program.

use crate::support::studio::Studio;
use crate::support::studio::drawn;
use crate::support::studio::picture;
use crate::support::studio::text;

#[test]
fn every_picture_in_a_recipe_folder_is_painted_and_the_style_stays() {
    let studio = Studio::new();
    studio.drop("wave/recipe.toml", "style_weight = 7\n");
    studio.drop("wave/style.png", picture(2));
    studio.drop("wave/one.png", picture(3));
    studio.drop("wave/two.png", picture(4));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let done = studio.shelf("done");
    assert_eq!(done.len(), 2);
    for folder in &done {
        let profile = text(folder.join("profile.toml"));
        assert!(profile.contains("style_weight = 7"), "{profile}");
        assert!(folder.join("inputs/style.png").exists());
    }
    studio.drop("wave/three.png", picture(5));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 3);
    let mut left: Vec<_> = std::fs::read_dir(studio.path("watch/wave"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["recipe.toml", "style.png"]);
}

#[test]
fn a_painting_lends_its_profile() {
    let studio = Studio::new();
    let carried = serde_json::json!({ "schema": 1, "profile": "style_weight = 9\nseed = 4\n" });
    let painting = drawn(&[6], &[("pentimento", &carried.to_string())]);
    studio.drop_pair("again");
    studio.drop("again/recipe.png", painting);
    studio.drop_pair("other");
    studio.drop("other/recipe.png", picture(7));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    let done = studio.shelf("done");
    assert_eq!(done.len(), 1);
    let profile = text(done[0].join("profile.toml"));
    assert!(profile.contains("style_weight = 9"), "{profile}");
    assert!(done[0].join("inputs/recipe.png").exists());
    let note = text(studio.path("watch/other.error.txt"));
    assert!(note.contains("recipe.png carries no profile"), "{note}");
}
