//! Profiles for the commands: found, overridden, resolved against the networks' presets.

use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::args::PaintArgs;
use crate::folder::Studio;
use crate::network;
use crate::profile::{
    NetworkRef, Profile, ProfileError, ProfileFolders, RawOptions, RawProfile, resolve,
};

/// Returns the folders with networks: the studio's, else the current folder's `models/`.
pub(super) fn network_dirs(studio: Option<&Studio>) -> Vec<PathBuf> {
    match studio {
        Some(studio) => vec![studio.root().join("models")],
        None => vec![PathBuf::from("models")],
    }
}

/// Returns the folders with named profiles.
pub(super) fn folders(studio: Option<&Studio>) -> ProfileFolders {
    let folder = match studio {
        Some(studio) => studio.root().join("profiles"),
        None => PathBuf::from("profiles"),
    };
    ProfileFolders::new(vec![folder])
}

/// Returns the profile of a `paint` command, seed drawn.
pub(super) fn for_paint(args: &PaintArgs, studio: Option<&Studio>) -> anyhow::Result<Profile> {
    let folders = folders(studio);
    let mut raw = match &args.profile {
        Some(path) => RawProfile::load(&file(path, &folders)?, &folders)?,
        None => RawProfile::default(),
    };
    for (key, value) in &args.set {
        raw.set(&format!("{key}={value}"))?;
    }
    Ok(finished(&raw, &network_dirs(studio))?)
}

/// Returns the file of `-p`: a path, or the name of a profile.
fn file(path: &Path, folders: &ProfileFolders) -> anyhow::Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let name = path
        .to_str()
        .context("the name of a profile must be UTF-8")?;
    match folders.file(name)? {
        Some(file) => Ok(file),
        None => anyhow::bail!(
            "there is no profile {name}: neither a file of that name nor one of {}",
            folders.names()?.join(", ")
        ),
    }
}

/// Resolves a profile and draws its seed where it has none.
pub(super) fn finished(
    raw: &RawProfile,
    network_dirs: &[PathBuf],
) -> Result<Profile, ProfileError> {
    let mut profile = resolve(raw, &|network| presets(network, network_dirs))?;
    profile.seed.get_or_insert_with(draw_seed);
    Ok(profile)
}

/// Returns the presets of a network; none where there is no manifest, or one that cannot be read,
/// which is told when the network itself is.
fn presets(network: &NetworkRef, dirs: &[PathBuf]) -> Option<RawOptions> {
    let manifest = network::manifest(&network.to_string(), dirs).ok()??;
    RawOptions::from_presets(
        &format!("the manifest of {}", manifest.name),
        &manifest.preset,
    )
    .ok()
}

/// Returns a seed that nobody chose.
pub(super) fn draw_seed() -> u32 {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    let [a, b, c, d, ..] = random.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
