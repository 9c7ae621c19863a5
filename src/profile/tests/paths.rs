//! Where paths in profiles may lead.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use super::{
    super::{Roots, resolve},
    assert_says, read,
};

/// A studio with a bundle, and a file outside of it.
struct Tree {
    dir: tempfile::TempDir,
    roots: Roots,
}

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["studio/watch/harbour", "studio/models", "outside"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in [
            "studio/watch/harbour/sketch.png",
            "studio/models/net.onnx",
            "outside/secret.png",
        ] {
            fs::write(at(file), "x").unwrap();
        }
        fs::write(at("studio/pentimento.toml"), "").unwrap();
        let allowed = vec![
            at("studio/watch/harbour"),
            at("studio/models"),
            at("studio/absent"),
        ];
        let mut bases = allowed.clone();
        bases.push(at("studio"));
        Self {
            roots: Roots::within(bases, allowed),
            dir,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(path)
    }

    fn refusal(&self, path: &str) -> String {
        self.roots.locate("init", path).expect_err(path).to_string()
    }
}

#[test]
fn paths_within_the_roots_are_found() {
    let tree = Tree::new();
    let sketch = tree.at("studio/watch/harbour/sketch.png");
    let net = tree.at("studio/models/net.onnx");
    let absolute = net.to_string_lossy().into_owned();
    for (path, expected) in [
        ("sketch.png", &sketch),
        ("./sketch.png", &sketch),
        ("../harbour/sketch.png", &sketch),
        ("net.onnx", &net),
        ("models/net.onnx", &net),
        (&absolute, &net),
    ] {
        assert_eq!(
            tree.roots.locate("init", path).expect(path),
            *expected,
            "{path}"
        );
    }
}

#[test]
fn paths_out_of_the_roots_are_refused_unseen() {
    let tree = Tree::new();
    let secret = tree.at("outside/secret.png").to_string_lossy().into_owned();
    for path in [
        "../../../outside/secret.png",
        "../../../outside/no-such-file.png",
        "models/../../outside/secret.png",
        &secret,
        "/etc/passwd",
        "/..",
    ] {
        let message = tree.refusal(path);
        assert_says(
            &message,
            &["`init`", path, "outside the folders", "profile_roots"],
        );
        assert_says(&message, &["studio/models"]);
    }
}

#[test]
fn links_that_lead_out_are_refused_and_those_that_stay_are_not() {
    let tree = Tree::new();
    let bundle = tree.at("studio/watch/harbour");
    symlink(tree.at("outside/secret.png"), bundle.join("link.png")).unwrap();
    symlink(tree.at("outside"), bundle.join("door")).unwrap();
    symlink("sketch.png", bundle.join("near.png")).unwrap();
    symlink("nowhere.png", bundle.join("dangling.png")).unwrap();
    for path in ["link.png", "door/secret.png"] {
        assert_says(&tree.refusal(path), &["outside the folders", path]);
    }
    assert_eq!(
        tree.roots.locate("init", "near.png").unwrap(),
        bundle.join("sketch.png")
    );
    assert_says(&tree.refusal("dangling.png"), &["no such file"]);
}

#[test]
fn what_is_missing_or_no_file_is_said() {
    let tree = Tree::new();
    fs::create_dir(tree.at("studio/watch/harbour/folder.png")).unwrap();
    let message = tree.refusal("skech.png");
    assert_says(
        &message,
        &["`init` = \"skech.png\"", "no such file", "harbour"],
    );
    let message = tree.refusal("pentimento.toml");
    assert_says(&message, &["no such file in", "studio/models"]);
    assert!(
        !message.ends_with("studio"),
        "the studio itself is closed to profiles: {message}"
    );
    assert_says(&tree.refusal("folder.png"), &["is not a file"]);
    assert_says(&tree.refusal("sketch.png/deeper"), &["no such file"]);
}

#[test]
fn a_profile_of_the_callers_own_may_name_any_file() {
    let tree = Tree::new();
    let roots = Roots::any(&tree.at("studio"));
    let secret = tree.at("outside/secret.png");
    assert_eq!(
        roots.locate("init", "../outside/secret.png").unwrap(),
        secret
    );
    assert_eq!(
        roots.locate("init", &secret.to_string_lossy()).unwrap(),
        secret
    );
    let message = roots.locate("init", "no.png").unwrap_err().to_string();
    assert_says(&message, &["no such file"]);
}

#[test]
fn every_path_of_a_profile_is_checked() {
    let tree = Tree::new();
    let check = |text: &str| {
        resolve(&read(text).unwrap(), &|_| None)
            .unwrap()
            .check_paths(&tree.roots)
    };
    check("network = \"net.onnx\"\ninit = \"sketch.png\"").unwrap();
    check("network = \"vgg19\"\ninit = \"image\"").unwrap();
    let message = check("network = \"/etc/hosts\"").unwrap_err().to_string();
    assert_says(&message, &["`network` = \"/etc/hosts\"", "outside"]);
    let message = check("[[stages]]\n[[stages]]\ninit = \"../x.png\"")
        .unwrap_err()
        .to_string();
    assert_says(&message, &["`stages.1.init` = \"../x.png\"", "outside"]);
}

#[test]
fn a_profile_for_others_has_no_absolute_paths() {
    let text = "network = \"/home/ada/nets/vgg19.onnx\"\ninit = \"sketches/first.png\"\n\n[[stages]]\n\n\
                [[stages]]\ninit = \"/home/ada/second.png\"\n";
    let profile = resolve(&read(text).unwrap(), &|_| None).unwrap();
    let told = profile.without_absolute_paths();
    assert!(!told.to_toml().contains("/home"), "{}", told.to_toml());
    let named = told.stages().iter().map(|stage| stage.init.to_string());
    assert_eq!(
        named.collect::<Vec<_>>(),
        ["sketches/first.png", "second.png"]
    );
    assert_eq!(told.stages()[0].network.to_string(), "vgg19.onnx");
}
