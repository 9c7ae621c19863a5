//! Tests of profiles: what is read, what is refused and in which words, what it comes to.

mod keys;
mod paths;
mod reading;
mod resolving;

use std::fs;

use super::{ProfileError, ProfileFolders, RawProfile};

/// Reads `text` as the file `harbour.toml`, with nothing to extend.
fn read(text: &str) -> Result<RawProfile, ProfileError> {
    RawProfile::parse("harbour.toml", text.as_bytes(), &ProfileFolders::default())
}

/// Returns the message of the error that reading `text` gives.
fn refusal(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

/// Asserts that `message` holds each of `parts`.
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(
            message.contains(part),
            "{part:?} is missing from: {message}"
        );
    }
}

/// Returns a folder of profiles with these names and texts.
fn folder(profiles: &[(&str, &str)]) -> (tempfile::TempDir, ProfileFolders) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in profiles {
        fs::write(dir.path().join(format!("{name}.toml")), text).unwrap();
    }
    let folders = ProfileFolders::new(vec![dir.path().to_owned()]);
    (dir, folders)
}
