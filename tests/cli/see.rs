//! `pentimento models see`, held against what the network gives when it is run here.

#![allow(clippy::float_cmp, reason = "what was read twice is the same")]

use std::path::Path;
use std::process::Output;

use pentimento::engine::{Device, SessionOptions};
use pentimento::network::{self, Pooling, PoolingKind};
use pentimento::objective;
use pentimento::pixels::{DecodeOptions, Picture, open, read_text};
use pentimento::report;
use serde_json::Value;

use super::{pentimento, said};
use crate::support::engine;
use crate::support::studio::picture;

/// A layer of the built-in network with 64 channels, and one below a rectification.
const LAYER: &str = "relu2_1";
const SIGNED: &str = "conv2_1";

fn see(folder: &Path, words: &[&str]) -> Output {
    std::fs::write(folder.join("content.png"), picture(1)).unwrap();
    let mut command = pentimento(folder);
    command.args(["models", "see", "builtin"]).args(words);
    command.output().unwrap()
}

/// Runs the command, which must go well, and returns the picture and what is embedded in it.
fn seen(folder: &Path, words: &[&str]) -> (Picture, Value) {
    let words = [words, &["-o", "out.png"]].concat();
    let output = see(folder, &words);
    assert!(output.status.success(), "{}", said(&output));
    let path = folder.join("out.png");
    let texts = read_text(&path, &DecodeOptions::default()).unwrap();
    let (_, text) = texts
        .iter()
        .find(|(key, _)| key == "pentimento-layer")
        .unwrap();
    let picture = open(&path, &DecodeOptions::default()).unwrap().picture;
    (picture, serde_json::from_str(text).unwrap())
}

/// Returns the channels of a layer for the test picture at its own size, and a channel's extent.
fn channels(folder: &Path, layer: &str) -> Vec<Vec<f32>> {
    let network = network::find("builtin", &[]).unwrap();
    let pooling = Pooling {
        kind: PoolingKind::Average,
        caffe_ceil: false,
    };
    let model = objective::features(&network, &[layer.to_owned()], (48, 64), pooling).unwrap();
    let options = SessionOptions::new(Device::Cpu, 1);
    let mut session = engine().session(&model, &options).unwrap();
    let opened = open(&folder.join("content.png"), &DecodeOptions::default()).unwrap();
    let image = opened.picture.to_tensor();
    let features = session
        .run(&[(objective::IMAGE, &image)])
        .unwrap()
        .remove(0);
    let &[1, _, height, width] = features.shape() else {
        panic!("{:?}", features.shape());
    };
    assert_eq!((height, width), (24, 32));
    let maps = features.data().chunks(height * width);
    maps.map(<[f32]>::to_vec).collect()
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    let len = picture.width() * picture.height();
    let at = y * picture.width() + x;
    [0, 1, 2].map(|plane| picture.data()[plane * len + at])
}

/// Holds two colours against each other, to what rounding may do.
fn assert_near(found: [f32; 3], expected: [u8; 3], allowed: f32, what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        let off = (found - f32::from(expected)).abs();
        assert!(off <= allowed, "{what}: {found} for {expected}");
    }
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Returns the smallest and the largest value.
fn range(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        })
}

/// Checks every tile at some values; returns the channels in their order.
fn check_tiles(
    picture: &Picture,
    embedded: &Value,
    channels: &[Vec<f32>],
    common: Option<(f32, f32)>,
) -> Vec<usize> {
    let tiles = embedded["tiles"].as_array().unwrap();
    let check = |tile: &Value| {
        let channel = number(&tile["channel"]);
        let values = &channels[channel];
        let own = range(values);
        for (key, expected) in [("lowest", own.0), ("highest", own.1)] {
            let found = tile[key].as_f64().unwrap();
            let off = (found - f64::from(expected)).abs();
            assert!(off <= 1e-4 * f64::from(own.1.abs()).max(1.0), "{channel}");
        }
        let factor = number(&tile["width"]) / 32;
        assert_eq!(number(&tile["width"]), 32 * factor);
        assert_eq!(number(&tile["height"]), 24 * factor);
        for (x, y) in [(0, 0), (31, 0), (7, 11), (16, 23)] {
            let at = (
                number(&tile["x"]) + x * factor + factor / 2,
                number(&tile["y"]) + y * factor + factor / 2,
            );
            let expected = report::grey(values[y * 32 + x], common.unwrap_or(own));
            let what = format!("channel {channel} at {x}, {y}");
            assert_near(pixel(picture, at.0, at.1), expected, 1.0, &what);
        }
        channel
    };
    tiles.iter().map(check).collect()
}

#[test]
fn a_mosaic_holds_every_channel_scaled_to_its_own_range() {
    for layer in [LAYER, SIGNED] {
        let dir = tempfile::tempdir().unwrap();
        let (picture, embedded) = seen(dir.path(), &[layer, "content.png", "--size", "64"]);
        assert_eq!(embedded["layer"], layer);
        assert_eq!(embedded["size"], serde_json::json!([64, 48]));
        let channels = channels(dir.path(), layer);
        let order = check_tiles(&picture, &embedded, &channels, None);
        assert_eq!(order, (0..64).collect::<Vec<_>>());
    }
}

#[test]
fn channels_can_be_chosen_sorted_and_put_on_one_scale() {
    let dir = tempfile::tempdir().unwrap();
    let words = [SIGNED, "content.png", "--size", "64", "--common", "--sort"];
    let chosen = [&words[..], &["--channels", "40,3-9"]].concat();
    let (picture, embedded) = seen(dir.path(), &chosen);
    let channels = channels(dir.path(), SIGNED);
    let mut expected: Vec<usize> = (3..10).chain([40]).collect();
    let common = expected.iter().map(|&i| range(&channels[i]));
    let common = common.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let order = check_tiles(&picture, &embedded, &channels, common);
    let strength = |i: &usize| channels[*i].iter().map(|v| v * v).sum::<f32>();
    expected.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    assert_eq!(order, expected);
}

#[test]
fn a_gram_matrix_is_symmetric_and_as_computed_directly() {
    for (layer, signed) in [(LAYER, false), (SIGNED, true)] {
        let dir = tempfile::tempdir().unwrap();
        let words = [layer, "content.png", "--size", "64", "--gram"];
        let (picture, embedded) = seen(dir.path(), &words);
        let place = &embedded["gram"];
        assert_eq!(place["signed"], signed);
        let (left, top) = (number(&place["x"]), number(&place["y"]));
        let cell = number(&place["cell"]);
        let entry = |row: usize, column: usize| {
            let (x, y) = (left + column * cell, top + row * cell);
            pixel(&picture, x + cell / 2, y + cell / 2)
        };
        let channels = channels(dir.path(), layer);
        let count = (channels.len() * channels[0].len()) as f64;
        let direct = |a: usize, b: usize| {
            let products = channels[a].iter().zip(&channels[b]);
            let sum: f64 = products.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            sum / count
        };
        let largest = (0..64).map(|i| direct(i, i)).fold(0.0, f64::max);
        let said = place["largest"].as_f64().unwrap();
        assert!((said - largest).abs() < 1e-4 * largest, "{said} {largest}");
        for row in 0..64 {
            for column in 0..64 {
                assert_eq!(entry(row, column), entry(column, row));
                let share = direct(row, column) / largest;
                let share = share.abs().sqrt().copysign(share);
                #[allow(clippy::cast_possible_truncation, reason = "colours are coarse")]
                let share = share as f32;
                let expected = if signed {
                    report::diverging(share)
                } else {
                    report::sequential(share)
                };
                let what = format!("{layer}, entry {row}, {column}");
                assert_near(entry(row, column), expected, 2.0, &what);
            }
        }
    }
}

#[test]
fn what_cannot_be_seen_says_why_and_writes_nothing() {
    let cases: [(&[&str], &[&str]); 7] = [
        (
            &["relu33", "content.png"],
            &["no layer `relu33`", "did you mean `relu3_3`?", "relu5_1"],
        ),
        (
            &["relu1_1", "content.png", "--size", "16"],
            &["at least 32 pixels", "16\u{d7}12"],
        ),
        (&["relu1_1", "none.png"], &["none.png", "No such file"]),
        (&["relu1_1", "notes.txt"], &["notes.txt", "not an image"]),
        (
            &["relu1_1", "content.png", "--channels", "0-400"],
            &["no channel 400", "32"],
        ),
        (
            &["relu1_1", "content.png", "-o", "out.gif"],
            &["out.gif", ".png"],
        ),
        (
            &["relu9_9", "content.png", "--reconstruct", "style"],
            &["no layer `relu9_9`"],
        ),
    ];
    for (words, parts) in cases {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("notes.txt"), "a shopping list, no picture").unwrap();
        let output = see(dir.path(), words);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{words:?}: {}",
            said(&output)
        );
        for part in parts {
            assert!(said(&output).contains(part), "{part}: {}", said(&output));
        }
        let names = std::fs::read_dir(dir.path()).unwrap();
        assert_eq!(names.count(), 2, "{words:?}");
    }
}

#[test]
fn an_unknown_network_is_told_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let output = pentimento(dir.path())
        .args(["models", "see", "biultin", "relu1_1", "content.png"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("did you mean `builtin`?"), "{said}");
}

#[test]
fn without_a_name_the_picture_lies_beside_its_source_and_replaces_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["content_relu1_1.png", "content_relu1_1_2.png"] {
        let output = see(dir.path(), &["relu1_1", "content.png"]);
        assert!(output.status.success(), "{}", said(&output));
        let path = dir.path().join(name);
        assert!(path.is_file() && said(&output).contains(name), "{name}");
    }
}

#[test]
fn the_strongest_channels_are_shown_as_half_blocks_where_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let words = ["relu1_1", "content.png", "--size", "64"];
    let quiet = see(dir.path(), &words);
    assert!(!said(&quiet).contains('\u{2584}'), "{}", said(&quiet));
    for more in [&["--show"][..], &["--show", "--gram"]] {
        let shown = see(dir.path(), &[&words[..], more].concat());
        assert!(shown.status.success(), "{}", said(&shown));
        assert!(said(&shown).contains('\u{2584}'), "{}", said(&shown));
    }
}
