//! What is written is read back by the decoder of this module.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::pixels::{Note, open, read_text};

fn ramp() -> Picture {
    let data = (0..3 * 16 * 16_u16)
        .map(|index| f32::from(index) / 3.0)
        .collect();
    Picture::new(16, 16, data).unwrap()
}

fn read(path: &Path) -> Picture {
    let opened = open(path, &DecodeOptions::default()).unwrap();
    assert_eq!(opened.notes, Vec::<Note>::new());
    opened.picture
}

#[test]
fn eight_bits_are_clipped_and_rounded_to_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let data = vec![-5.0, 0.49, 0.5, 254.51, 300.0, f32::NAN];
    save_png(&Picture::new(2, 1, data).unwrap(), &path, Depth::Eight, &[]).unwrap();
    assert_eq!(read(&path).data(), [0.0, 0.0, 1.0, 255.0, 255.0, 0.0]);
}

#[test]
fn sixteen_bits_keep_fractions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    save_png(&ramp(), &path, Depth::Sixteen, &[]).unwrap();
    for (found, expected) in read(&path).data().iter().zip(ramp().data()) {
        assert!(
            (found - expected.min(255.0)).abs() <= 0.5 / 257.0 + 1e-4,
            "{found} {expected}"
        );
    }
}

#[test]
fn jpeg_keeps_full_colour_resolution_and_says_srgb() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jpg");
    // Columns of pure red and blue: halved colour resolution would mix them.
    let red: Vec<f32> = (0..256_u16)
        .map(|at| if at % 2 == 0 { 255.0 } else { 0.0 })
        .collect();
    let blue: Vec<f32> = red.iter().map(|value| 255.0 - value).collect();
    let picture = Picture::new(16, 16, [red, vec![0.0; 256], blue].concat()).unwrap();
    save_jpeg(&picture, &path, 100).unwrap();
    let bytes = fs::read(&path).unwrap();
    let marks = bytes.windows(4).position(|bytes| bytes == b"acsp").unwrap();
    // The signature is 36 bytes into the profile, right behind its date.
    assert_eq!(
        bytes[marks - 12..marks],
        [7, 207, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0]
    );
    for (found, expected) in read(&path).data().iter().zip(picture.data()) {
        assert!((found - expected).abs() < 6.0, "{found} {expected}");
    }
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.windows(11).any(|window| window == b"ICC_PROFILE"));
}

#[test]
fn a_png_says_srgb_and_carries_its_texts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let texts = [
        ("pentimento".to_owned(), "name = \"caf\u{e9}\"\n".to_owned()),
        ("pentimento job".to_owned(), "{}".repeat(100_000)),
    ];
    save_png(&ramp(), &path, Depth::Eight, &texts).unwrap();
    assert_eq!(read_text(&path, &DecodeOptions::default()).unwrap(), texts);
    let bytes = fs::read(&path).unwrap();
    let has = |kind: &[u8]| bytes.windows(4).any(|window| window == kind);
    assert!(has(b"sRGB") && has(b"gAMA") && has(b"cHRM"));
}

#[test]
fn a_keyword_that_png_forbids_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    for keyword in ["", " a", "a ", "a  b", "caf\u{e9}", "a\nb", &"x".repeat(80)] {
        let texts = [(keyword.to_owned(), String::new())];
        let error = save_png(&ramp(), &path, Depth::Eight, &texts).unwrap_err();
        assert!(
            matches!(error, EncodeError::Keyword { .. }),
            "{keyword:?}: {error}"
        );
    }
    assert!(!path.exists());
}

#[test]
fn a_file_is_replaced_whole_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    fs::write(&path, b"old").unwrap();
    save_png(&ramp(), &path, Depth::Eight, &[]).unwrap();
    verify(&path, 16, 16).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let plain = folder.path().join("plain");
    fs::write(&plain, b"").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
}

#[test]
fn a_folder_that_is_missing_is_told_and_an_old_file_survives_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let error = save_png(&ramp(), &folder.path().join("no/a.png"), Depth::Eight, &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no/a.png (creating a temporary file)"),
        "{error}"
    );
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("inside"), b"").unwrap();
    let error = save_png(&ramp(), &taken, Depth::Eight, &[]).unwrap_err();
    assert!(error.to_string().contains("(renaming)"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn verify_sees_a_cut_file_and_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    save_png(&ramp(), &path, Depth::Eight, &[]).unwrap();
    assert!(matches!(
        verify(&path, 16, 15),
        Err(EncodeError::WrongSize {
            found_height: 16,
            ..
        })
    ));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(
        verify(&path, 16, 16),
        Err(EncodeError::Unreadable { .. })
    ));
}
