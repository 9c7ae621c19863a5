//! Reading pictures: each file lists one family of cases; `samples` makes the files.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;

mod broken;
mod colours;
mod formats;
mod jpeg;
mod limits;
mod places;
mod png_kinds;
mod samples;
mod text_entries;

/// A folder that holds one file under test.
struct Dropped {
    _folder: TempDir,
    path: PathBuf,
}

fn dropped(name: &str, bytes: &[u8]) -> Dropped {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Dropped {
        _folder: folder,
        path,
    }
}

/// Opens `bytes` under `name` and checks that `probe` agrees on success, size and format.
fn opened(name: &str, bytes: &[u8]) -> Result<Opened, DecodeError> {
    let file = dropped(name, bytes);
    let options = DecodeOptions::default();
    let opened = open(&file.path, &options);
    match (&opened, probe(&file.path, &options)) {
        (Ok(opened), Ok(probe)) => {
            let size = (opened.picture.width(), opened.picture.height());
            assert_eq!((probe.width, probe.height), size);
            assert_eq!(
                (probe.format, &probe.sha256),
                (opened.format, &opened.sha256)
            );
        }
        (Err(_), Err(_)) => {}
        (opened, probe) => panic!("{name}: {:?} but {probe:?}", opened.as_ref().map(|_| ())),
    }
    opened
}

/// Returns the pixel at `(x, y)`.
fn pixel(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    [0, 1, 2].map(|channel| picture.plane(channel)[y * picture.width() + x])
}

#[track_caller]
fn assert_near(found: [f32; 3], expected: [f32; 3], tolerance: f32) {
    let near = found
        .iter()
        .zip(expected)
        .all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(near, "{found:?} is not {expected:?}");
}

/// Returns an error with all its causes as one line.
fn told(error: &DecodeError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
