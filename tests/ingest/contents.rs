//! Pictures and profiles that look right from outside and are not, through the real program.
//!
//! Each is rejected with a reason that names the file and a mend, stays where it is untouched, and
//! does not keep the next bundle from its turn.

use std::fs;

use crate::support::studio::{Studio, picture, text};

const PHOTO: &[u8] = include_bytes!("../../src/cli/sample/content.jpg");

/// Drops a bundle whose content is `bytes` under `name`, and a good one; returns the note.
fn rejected(name: &str, bytes: &[u8], profile: &str) -> String {
    let studio = Studio::new();
    studio.drop(format!("bad/{name}"), bytes);
    studio.drop("bad/style.png", picture(2));
    if !profile.is_empty() {
        studio.drop("bad/profile.toml", profile);
    }
    studio.drop_pair("good");
    let output = studio.until_idle();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert_eq!(
        studio.watched(),
        ["bad", "bad.error.txt"],
        "the bad one stays"
    );
    let kept = fs::read(studio.path("watch/bad").join(name)).unwrap();
    assert!(kept == bytes, "the input is untouched");
    studio.wait_for("done", 1);
    text(studio.path("watch/bad.error.txt"))
}

fn assert_says(note: &str, parts: &[&str]) {
    for part in parts {
        assert!(note.contains(part), "`{part}` is not in: {note}");
    }
}

/// Returns a PNG whose header claims `side`×`side` pixels and that holds next to nothing.
fn bomb(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgba);
    drop(encoder.write_header().unwrap());
    bytes
}

#[test]
fn an_empty_picture() {
    assert_says(&rejected("content.jpg", b"", ""), &["content.jpg", "empty"]);
}

#[test]
fn a_cut_photograph() {
    for keep in [PHOTO.len() / 50, PHOTO.len() / 2, PHOTO.len() - 50] {
        let note = rejected("content.jpg", &PHOTO[..keep], "");
        assert_says(&note, &["content.jpg", "incomplete"]);
    }
}

#[test]
fn a_cut_photograph_is_waited_for_and_taken_when_the_rest_comes() {
    let studio = Studio::new();
    let path = studio.drop("slow.content.jpg", &PHOTO[..PHOTO.len() / 2]);
    studio.drop("slow.style.png", picture(2));
    let daemon = studio.daemon();
    daemon.wait_for("is incomplete");
    daemon.wait_for("waiting for the rest for up to 15 min after the last change");
    assert!(!studio.path("watch/slow.error.txt").exists());
    fs::write(path, PHOTO).unwrap();
    studio.wait_for("done", 1);
}

#[test]
fn text_that_is_called_a_picture() {
    let note = rejected("content.png", b"%PDF-1.7 and so on, and so on", "");
    assert_says(&note, &["content.png", "not an image", "PDF"]);
}

#[test]
fn a_photograph_under_another_ending_is_taken() {
    let studio = Studio::new();
    studio.drop("harbour/content.png", PHOTO);
    studio.drop("harbour/style.png", picture(2));
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 1);
}

#[test]
fn a_header_that_claims_more_than_the_limit() {
    let note = rejected("content.png", &bomb(30_000), "");
    assert_says(&note, &["content.png", "30000", "max_pixels"]);
}

#[test]
fn a_profile_with_an_unknown_key() {
    let note = rejected("content.png", &picture(1), "seed = 1\nstlye_weight = 5\n");
    assert_says(
        &note,
        &["profile.toml", "2", "stlye_weight", "style_weight"],
    );
}

#[test]
fn a_profile_with_a_value_out_of_range() {
    let note = rejected("content.png", &picture(1), "image_size = 8\n");
    assert_says(&note, &["profile.toml", "image_size", "8", "16"]);
}

#[test]
fn a_profile_that_names_a_network_which_is_not_there() {
    let note = rejected("content.png", &picture(1), "network = \"vgg99\"\n");
    assert_says(&note, &["vgg99", "not installed", "builtin"]);
}

#[test]
fn a_network_that_is_a_slip_is_told_the_nearest() {
    let note = rejected("content.png", &picture(1), "network = \"bulitin\"\n");
    assert_says(&note, &["bulitin", "did you mean `builtin`?"]);
}

#[test]
fn a_profile_that_names_a_layer_which_its_network_lacks() {
    let note = rejected("content.png", &picture(1), "style_layers = [\"relu9_9\"]\n");
    assert_says(&note, &["relu9_9", "`builtin`", "relu1_1"]);
}

#[test]
fn a_layer_that_does_not_count_may_be_unknown() {
    let studio = Studio::new();
    let profile = "style_layers = [\"relu9_9\"]\nstyle_weight = 0\n";
    studio.drop("plain/profile.toml", profile);
    studio.drop_pair("plain");
    assert_eq!(studio.until_idle().status.code(), Some(0));
    assert_eq!(studio.shelf("done").len(), 1);
}

#[test]
fn a_profile_that_leads_out_of_its_bundle() {
    let note = rejected("content.png", &picture(1), "init = \"/etc/passwd\"\n");
    assert_says(&note, &["init", "/etc/passwd"]);
}

#[test]
fn a_content_that_is_too_narrow_for_the_network() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 1, 800);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![128; 800]).unwrap();
    writer.finish().unwrap();
    let note = rejected("content.png", &bytes, "");
    assert_says(&note, &["content.png", "1×800", "32 pixels"]);
}
