//! Paintings from one picture: what a layer keeps of its content, what the Gram matrices keep of
//! its style; on the command line, through `models see`, and as dropped bundles.

use std::fs;
use std::path::Path;

use pentimento::pixels::{DecodeOptions, open};

use super::{pentimento, said};
use crate::support::studio::{Studio, picture, text};

const CONTENT_ONLY: &str = "style_layers = []\nimage_size = 48\nnum_iterations = 3\n\
                            init = \"random\"\nsave_iter = 0\n";
const STYLE_ONLY: &str = "content_layers = []\nimage_size = 48\nnum_iterations = 3\n\
                          init = \"random\"\nsave_iter = 0\n";

fn size(path: &Path) -> (usize, usize) {
    let opened = open(path, &DecodeOptions::default()).unwrap();
    (opened.picture.width(), opened.picture.height())
}

#[test]
fn one_picture_is_enough_where_the_profile_needs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("harbour.png"), picture(1)).unwrap();
    let cases = [
        (CONTENT_ONLY, "content:", "style:", "harbour_content.png"),
        (STYLE_ONLY, "style:", "content:", "harbour_style.png"),
    ];
    for (profile, has, lacks, name) in cases {
        fs::write(dir.path().join("p.toml"), profile).unwrap();
        let output = pentimento(dir.path())
            .args(["paint", "harbour.png", "-p", "p.toml", "--losses", "l.csv"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(size(&dir.path().join(name)), (48, 36));
        let table = text(dir.path().join("l.csv"));
        assert!(table.contains(has) && !table.contains(lacks), "{table}");
    }
}

#[test]
fn a_weight_of_0_is_as_good_as_no_layers() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("harbour.png"), picture(1)).unwrap();
    let paint = |name: &str, more: &str| {
        let profile = format!(
            "{more}image_size = 48\nnum_iterations = 3\ninit = \"random\"\nseed = 3\nembed_params = \"off\"\n"
        );
        fs::write(dir.path().join("p.toml"), profile).unwrap();
        let output = pentimento(dir.path())
            .args(["paint", "harbour.png", "-p", "p.toml", "-o", name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        fs::read(dir.path().join(name)).unwrap()
    };
    let none = paint("a.png", "style_layers = []\n");
    assert!(none == paint("b.png", "style_weight = 0\n"));
    // The layers of a weight of 0 need not even be there.
    let unknown = "style_weight = 0\nstyle_layers = [\"relu9_9\"]\n";
    assert!(none == paint("c.png", unknown));
}

#[test]
fn a_missing_style_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("harbour.png"), picture(1)).unwrap();
    let output = pentimento(dir.path())
        .args(["paint", "harbour.png"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("name a style picture behind harbour.png"),
        "{said}"
    );
}

#[test]
fn a_reconstruction_is_the_painting_of_its_profile() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("harbour.png"), picture(1)).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quick = [
        "num_iterations=3",
        "save_iter=0",
        "seed=5",
        "embed_params=off",
    ];
    for (what, key) in [("content", "content_layers"), ("style", "style_layers")] {
        let seen = pentimento(dir.path())
            .args(["models", "see", "builtin", "relu1_2,relu2_1", "harbour.png"])
            .args(["--reconstruct", what, "--size", "48", "--set"])
            .args(quick)
            .output()
            .unwrap();
        assert!(seen.status.success(), "{}", said(&seen));
        let name = format!("harbour_relu1_2,relu2_1_{what}.png");
        let painted = pentimento(dir.path())
            .args(["paint", "harbour.png", "-o", "painted.png", "-p"])
            .arg(root.join(format!("profiles/{what}-only.toml")))
            .args(["--set", "image_size=48", &format!("{key}=relu1_2,relu2_1")])
            .args(quick)
            .output()
            .unwrap();
        assert!(painted.status.success(), "{}", said(&painted));
        let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
        assert!(read(&name) == read("painted.png"), "{what}");
    }
}

#[test]
fn a_bundle_of_one_picture_is_painted_where_its_profile_says_so() {
    let studio = Studio::new();
    studio.drop("whole/content.png", picture(1));
    studio.drop("whole/profile.toml", CONTENT_ONLY);
    studio.drop("manner.style.png", picture(2));
    studio.drop("manner.toml", STYLE_ONLY);
    let output = pentimento(&studio.path("."))
        .arg("--until-idle")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let done = studio.wait_for("done", 2);
    for folder in &done {
        assert_eq!(size(&folder.join("result.png")), (48, 36));
    }
    assert!(studio.watched().is_empty());
    let printed = said(&output);
    assert!(printed.contains("whole: taken, no style"), "{printed}");
    assert!(
        printed.contains("manner: taken, 1 style, no content"),
        "{printed}"
    );
}
