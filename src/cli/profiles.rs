//! Profiles for the commands: found, overridden, resolved against the networks' presets.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::args::PaintArgs;
use crate::network::{self, NetworkError};
use crate::profile::{
    NetworkRef, Profile, ProfileError, ProfileFolders, RawOptions, RawProfile, Roots, resolve,
};
use crate::settings::Settings;

/// Returns the profile of a `paint` command, seed drawn.
pub(super) fn for_paint(args: &PaintArgs, settings: &Settings) -> anyhow::Result<Profile> {
    overridden(args.profile.as_deref(), &args.set, settings)
}

/// Returns a profile (the defaults where none is named) with some of its options set, seed drawn.
pub(super) fn overridden(
    profile: Option<&Path>,
    options: &[(String, String)],
    settings: &Settings,
) -> anyhow::Result<Profile> {
    let folders = settings.profile_folders();
    let mut raw = match profile {
        Some(path) => RawProfile::load(&file(path, &folders)?, &folders)?,
        None => RawProfile::default(),
    };
    for (key, value) in options {
        raw.set(&format!("{key}={value}"))?;
    }
    Ok(finished(&raw, &settings.model_folders(), &here()?)?)
}

/// Returns the roots of a profile on the command line: its paths start from the current folder.
pub(super) fn here() -> anyhow::Result<Roots> {
    let folder = std::env::current_dir().context("find the current folder")?;
    Ok(Roots::any(&folder))
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
        None => match folders.names()?.as_slice() {
            [] => anyhow::bail!(
                "there is no profile {name}: no file of that name, and no profiles/ here (name a \
                 studio with --studio)"
            ),
            names => anyhow::bail!(
                "there is no profile {name}: neither a file of that name nor one of {}",
                names.join(", ")
            ),
        },
    }
}

/// Resolves a profile and draws its seed where it has none. `roots` are those of its paths.
pub(super) fn finished(
    raw: &RawProfile,
    network_dirs: &[PathBuf],
    roots: &Roots,
) -> Result<Profile, Unresolved> {
    let mut profile = resolved(raw, network_dirs, roots)?;
    profile.seed.get_or_insert_with(draw_seed);
    Ok(profile)
}

/// Resolves a profile. `roots` are those of its paths.
pub(super) fn resolved(
    raw: &RawProfile,
    network_dirs: &[PathBuf],
    roots: &Roots,
) -> Result<Profile, Unresolved> {
    let trouble = RefCell::new(None);
    let preset = |network: &NetworkRef| match presets(network, network_dirs, roots) {
        Ok(preset) => preset,
        Err(error) => {
            trouble.borrow_mut().get_or_insert(error);
            None
        }
    };
    let resolved = resolve(raw, &preset);
    if let Some(error) = trouble.into_inner() {
        return Err(error);
    }
    Ok(resolved?)
}

/// Why a profile cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// The manifest of a network cannot be read.
    #[error(transparent)]
    Network(Box<NetworkError>),
    /// The profile, or the presets of a network, cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl From<NetworkError> for Unresolved {
    fn from(error: NetworkError) -> Self {
        Self::Network(Box::new(error))
    }
}

/// Returns the presets of a network; none where there is no manifest.
fn presets(
    network: &NetworkRef,
    dirs: &[PathBuf],
    roots: &Roots,
) -> Result<Option<RawOptions>, Unresolved> {
    let name = located(network, roots)?;
    let Some(manifest) = network::manifest(&name, dirs)? else {
        return Ok(None);
    };
    let origin = format!("the manifest of {}", manifest.name);
    Ok(Some(RawOptions::from_presets(&origin, &manifest.preset)?))
}

/// Returns the network's name, or the path of its file.
pub(super) fn located(network: &NetworkRef, roots: &Roots) -> Result<String, ProfileError> {
    Ok(match network {
        NetworkRef::Named(name) => name.clone(),
        NetworkRef::File(path) => {
            let path = roots.locate("network", path)?;
            path.to_string_lossy().into_owned()
        }
    })
}

/// Returns a seed that nobody chose.
pub(super) fn draw_seed() -> u32 {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    let [a, b, c, d, ..] = random.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_of_the_shipped_manifests_read() {
        let dirs = [Path::new(env!("CARGO_MANIFEST_DIR")).join("models")];
        for name in ["builtin", "vgg19"] {
            let network = NetworkRef::parse(name).unwrap();
            let presets = presets(&network, &dirs, &here().unwrap()).unwrap();
            assert!(presets.is_some(), "{name}");
        }
        let profile = finished(&RawProfile::default(), &[], &here().unwrap()).unwrap();
        assert_eq!(
            profile.stages()[0].style_layers.len(),
            9,
            "the built-in network's own layers"
        );
        assert!(profile.seed.is_some());
    }

    #[test]
    fn the_manifest_beside_a_file_is_looked_for_where_the_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "name = \"mine\"\nfile = \"mine.onnx\"\n[preset]\npooling = \"avg\"\n";
        std::fs::write(folder.path().join("mine.toml"), manifest).unwrap();
        std::fs::write(folder.path().join("mine.onnx"), "").unwrap();
        let network = NetworkRef::parse("mine.onnx").unwrap();
        let of = |roots: &Roots| presets(&network, &[], roots);
        let found = of(&Roots::any(folder.path())).unwrap();
        assert!(
            found.is_some(),
            "the presets of the manifest beside the file"
        );
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(of(&Roots::any(elsewhere.path())).is_err());
    }
}
