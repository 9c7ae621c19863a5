//! Bundles of one picture: taken where a profile beside it does without the other, else waited for.

use std::fs;

use crate::support::studio::Studio;
use crate::support::studio::json_at;
use crate::support::studio::picture;

const CONTENT_ONLY: &str = "style_layers = []\ninit = \"random\"\n";

#[test]
fn a_profile_beside_it_decides_whether_a_picture_is_enough() {
    let studio = Studio::new();
    // Its own profile, and one that needs a style after all.
    studio.drop("own.content.png", picture(1));
    studio.drop("own.toml", CONTENT_ONLY);
    studio.drop("both/content.png", picture(1));
    studio.drop("both/profile.toml", "seed = 1\n");
    // Starting from the content, it is needed whatever the losses are.
    studio.drop("start/style.png", picture(2));
    let start = "content_layers = []\ninit = \"image\"\n";
    studio.drop("start/profile.toml", start);
    // No profile of its own.
    studio.drop("none/content.png", picture(1));
    let output = studio.until_idle();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(studio.watched(), ["both", "none", "start"]);
    let record = json_at(studio.shelf("done")[0].join("job.json"));
    assert_eq!(record["inputs"].as_array().unwrap().len(), 1);
    let printed = String::from_utf8(output.stdout).unwrap();
    for waits in [
        "both: waiting for a style picture: style.*",
        "none: waiting for a style picture: style.*",
        "start: waiting for a content picture: content.*",
    ] {
        assert!(printed.contains(waits), "{waits}: {printed}");
    }

    // The picture that was missing ends the wait, and the profile for all counts, too.
    studio.drop("both/style.png", picture(2));
    studio.drop("profile.toml", CONTENT_ONLY);
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.watched(), ["profile.toml", "start"]);
    assert_eq!(studio.shelf("done").len(), 3);
}

#[test]
fn the_studios_own_default_takes_no_lone_pictures() {
    let studio = Studio::new();
    fs::create_dir(studio.path("profiles")).unwrap();
    fs::write(studio.path("profiles/lone.toml"), CONTENT_ONLY).unwrap();
    fs::write(
        studio.path("pentimento.toml"),
        "default_profile = \"lone\"\n",
    )
    .unwrap();
    studio.drop("lone.content.png", picture(1));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.watched(), ["lone.content.png"]);
}
