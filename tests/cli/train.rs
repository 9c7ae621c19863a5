//! `pentimento train`: from drawings to a profile that names the network, and what it refuses.

use std::fs;

use super::{pentimento, said};
use crate::support::studio::picture;

#[test]
fn a_trained_network_paints() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pentimento.toml"), "").unwrap();
    let layers = r#"
        layers = [
            { name = "conv1_1", kind = "conv", out = 8, kernel = 3, pad = 1, bias = false },
            { name = "norm1_1", kind = "batch_norm" },
            { name = "relu1_1", kind = "relu" },
            { name = "pool1", kind = "max_pool", kernel = 2, stride = 2 },
            { name = "conv2_1", kind = "conv", out = 8, kernel = 3, pad = 1, bias = false },
            { name = "norm2_1", kind = "batch_norm" },
            { name = "relu2_1", kind = "relu" },
        ]
    "#;
    fs::write(dir.path().join("layers.toml"), layers).unwrap();
    let words = "train procedural:4 -o mine --layers layers.toml --steps 5 --batch 4 --crop 16";
    let output = pentimento(dir.path())
        .args(words.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("network = \"mine\""),
        "{}",
        said(&output)
    );
    let manifest = fs::read_to_string(dir.path().join("models/mine.toml")).unwrap();
    assert!(
        manifest.contains(&format!("# pentimento {words}")),
        "{manifest}"
    );

    fs::write(dir.path().join("content.png"), picture(1)).unwrap();
    fs::write(dir.path().join("style.png"), picture(2)).unwrap();
    let output = pentimento(dir.path())
        .args(["paint", "content.png", "style.png", "-o", "out.png"])
        .args(["--set", "network=mine", "image_size=64", "num_iterations=3"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(dir.path().join("out.png").is_file());
}

#[test]
fn what_cannot_be_trained_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pentimento.toml"), "").unwrap();
    fs::create_dir(dir.path().join("one")).unwrap();
    fs::write(dir.path().join("one/a.png"), picture(1)).unwrap();
    fs::write(dir.path().join("broken.toml"), "layers = [{ name = 3 }]").unwrap();
    let cases = [
        ("train one -o mine", "only one class"),
        ("train nowhere -o mine", "nowhere"),
        (
            "train procedural:4 -o mine --preset large",
            "no preset `large`",
        ),
        ("train procedural:many -o mine", "how many drawings"),
        (
            "train procedural:4 -o mine --layers broken.toml",
            "broken.toml",
        ),
        ("train procedural:4 -o a/b", "cannot be the name"),
        (
            "train procedural:4 -o mine --minutes 0",
            "no time to train in",
        ),
        (
            "train procedural:4 -o mine --resume",
            "no checkpoint of `mine`",
        ),
    ];
    for (words, expected) in cases {
        let output = pentimento(dir.path())
            .args(words.split(' '))
            .args(["--crop", "16", "--batch", "4"])
            .output()
            .unwrap();
        assert!(!output.status.success(), "{words}");
        assert!(
            said(&output).contains(expected),
            "{words}: {}",
            said(&output)
        );
    }
    assert!(!dir.path().join("models").exists());
}
