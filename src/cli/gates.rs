//! What a bundle, a job and a result must pass: the pictures decode, the profile reads, the network
//! is known, and there when the job runs.
//!
//! Joins what `pixels`, `profile` and `network` say into the words that stand in `NAME.error.txt`.
//! What opens dropped files runs in a probe, since a decoder can take its process with it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind::PermissionDenied;
use std::path::Path;

use serde::Deserialize;

use crate::causes::with_causes;
use crate::cli::profiles::{self, Unresolved, located};
use crate::folder::JobFolder;
use crate::ingest::{Accepted, BundleFiles, Cause, Rejection};
use crate::job::names::{display_name, display_path};
use crate::job::{Lack, Obstacle};
use crate::network::{self, Network, NetworkError};
use crate::pixels::{self, DecodeError, DecodeOptions, Probe, Rounding, fit_longest};
use crate::profile::{Compat, Profile, ProfileError, ProfileFolders, RawProfile, Roots, resolve};
use crate::settings::Settings;
use crate::transfer::RECIPE_KEY;

/// What to do about a network's file that is not there.
const NETWORK_FILE: &str = "name a network of models/, or put the file there";

/// The most pixels of a finished picture: the largest `image_size`, squared.
pub(super) const RESULT_PIXELS: u64 = 16_384 * 16_384;

/// The most bytes of a network that is read to see whether it has the layers of a profile.
const SOON_READ: u64 = 64 << 20;

/// Decides whether a bundle can be used; `reading` is told of each file before it is opened.
pub(super) fn check(
    bundle: &BundleFiles,
    settings: &Settings,
    reading: &mut dyn FnMut(&Path),
) -> Result<Accepted, Rejection> {
    reading(bundle.profile.as_ref().unwrap_or(&bundle.root));
    let (raw, profile_source) = profile(bundle, settings)?;
    let dirs = settings.model_folders();
    let in_profile = |error: &ProfileError| wrong_profile(error, Cause::Bundle);
    let roots = settings.roots(&bundle.root);
    let mut profile = profiles::resolved(&raw, &dirs, &roots).map_err(|error| match &error {
        Unresolved::Profile(
            error @ (ProfileError::NoSuchFile { .. } | ProfileError::OutsideRoots { .. }),
        ) => rejection(with_causes(error), NETWORK_FILE, Cause::Outside),
        Unresolved::Profile(error) => in_profile(error),
        Unresolved::Network(error) => {
            let hint = "mend the manifest, or name another network";
            rejection(with_causes(error), hint, Cause::Outside)
        }
    })?;
    pictures_there(&profile, bundle)?;
    profile
        .check_styles(bundle.styles.len())
        .map_err(|error| in_profile(&error))?;
    profile
        .check_paths(&roots)
        .map_err(|error| in_profile(&error))?;
    known(&profile, bundle, settings)?;
    layers_there(&profile, bundle, settings, reading)?;
    let mut remarks = Vec::new();
    let mut probes = Vec::new();
    for path in bundle.content.iter().chain(&bundle.styles) {
        reading(path);
        probes.push((path, picture(path, &profile, settings, &mut remarks)?));
    }
    // The first picture gives the painting its shape: the content, or where there is none a style.
    if let Some(((path, first), styles)) = probes.split_first() {
        large_enough(
            path,
            (first.width, first.height),
            &profile,
            (settings, &roots),
        )?;
        let is_first = |(_, style): &(_, Probe)| style.sha256 == first.sha256;
        if bundle.content.is_some() && styles.iter().any(is_first) {
            remarks.push("content and style are the same picture".to_owned());
        }
    }
    let profile_key = profile.to_toml();
    profile.seed.get_or_insert_with(profiles::draw_seed);
    Ok(Accepted {
        profile_text: profile.to_toml(),
        profile_key,
        profile_source,
        remarks,
    })
}

/// Decides whether a finished picture is whole.
pub(super) fn verify(path: &Path) -> Result<(), String> {
    let options = DecodeOptions {
        max_pixels: RESULT_PIXELS,
        ..DecodeOptions::default()
    };
    pixels::probe(path, &options)
        .map(|_| ())
        .map_err(|error| with_causes(&error))
}

/// Reads the nearest profile, and says where it is from: the bundle's own or the one in its watch
/// folder, then the default of that watch folder, then the studio's.
fn profile(bundle: &BundleFiles, settings: &Settings) -> Result<(RawProfile, String), Rejection> {
    let folders = settings.profile_folders();
    if let Some(path) = &bundle.profile {
        let name = display_name(path.file_name().unwrap_or_default());
        let is_painting = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png"));
        let raw = if is_painting {
            embedded(path, settings, &folders)?
        } else {
            RawProfile::load(path, &folders).map_err(|e| wrong_profile(&e, Cause::Bundle))?
        };
        return Ok((raw, name));
    }
    let watch_default = settings.watch_profile(&bundle.root);
    let (name, whose, key) = match (watch_default, &settings.default_profile) {
        (Some(name), _) => (
            name,
            "default of the watch folder",
            "profile of a [[watch]]",
        ),
        (None, Some(name)) => (name.as_str(), "studio default", "default_profile"),
        (None, None) => return Ok((RawProfile::default(), "built-in defaults".to_owned())),
    };
    let file = folders
        .file(name)
        .map_err(|e| wrong_profile(&e, Cause::Outside))?
        .ok_or_else(|| {
            rejection(
                format!("there is no profile {name}, which the settings name as {key}"),
                "put it into profiles/ or change the setting",
                Cause::Outside,
            )
        })?;
    let raw = RawProfile::load(&file, &folders).map_err(|e| wrong_profile(&e, Cause::Outside))?;
    Ok((raw, format!("{whose} ({})", display_name(name.as_ref()))))
}

/// Reads the profile that a painting of this program carries.
fn embedded(
    path: &Path,
    settings: &Settings,
    folders: &ProfileFolders,
) -> Result<RawProfile, Rejection> {
    let options = DecodeOptions {
        max_pixels: settings.max_pixels,
        follow_symlinks: settings.allow_symlinks,
        ..DecodeOptions::default()
    };
    let texts = pixels::read_text(path, &options).map_err(|error| refused(&error))?;
    let carried = texts.iter().find(|(key, _)| key == RECIPE_KEY);
    let carried = carried.and_then(|(_, text)| serde_json::from_str::<Carried>(text).ok());
    let name = display_name(path.file_name().unwrap_or_default());
    let Some(carried) = carried else {
        return Err(rejection(
            format!(
                "{name} carries no profile: it is no painting of pentimento, or was saved anew"
            ),
            "put a painting there as pentimento wrote it, or a profile.toml",
            Cause::Bundle,
        ));
    };
    RawProfile::parse(&name, carried.profile.as_bytes(), folders)
        .map_err(|error| wrong_profile(&error, Cause::Bundle))
}

/// What counts here of the object that a painting carries.
#[derive(Deserialize)]
struct Carried {
    profile: String,
}

/// Returns what is said of a profile that cannot be used.
fn wrong_profile(error: &ProfileError, cause: Cause) -> Rejection {
    let hint = if let ProfileError::Unreadable { source, .. } = error {
        if source.kind() == PermissionDenied {
            "run `chmod u+r` on the profile or copy it as your own file"
        } else {
            "put a profile there that can be read"
        }
    } else {
        "mend the profile; the pictures may stay where they are"
    };
    rejection(with_causes(error), hint, cause)
}

/// Says what the job in a folder lacks to run: a network of its profile that is not installed.
///
/// What else is wrong with the job shows when it runs.
pub(super) fn hindrance(folder: &JobFolder, settings: &Settings) -> Option<Obstacle> {
    let none = ProfileFolders::new(Vec::new());
    let raw = RawProfile::load(&folder.profile(), &none).ok()?;
    // Resolved when the job was made: nothing is left to a preset.
    let profile = resolve(&raw, &|_| None).ok()?;
    let dirs = settings.model_folders();
    let roots = settings.roots(&folder.inputs());
    profile.stages().iter().find_map(|stage| {
        let name = match located(&stage.network, &roots) {
            Ok(name) => name,
            Err(error @ ProfileError::NoSuchFile { .. }) => {
                return Some(Obstacle {
                    reason: error.to_string(),
                    hint: "put the file back".to_owned(),
                    lack: Lack::Network,
                });
            }
            Err(_) => return None,
        };
        match network::is_installed(&name, &dirs) {
            Err(NetworkError::NotInstalled { name }) => Some(Obstacle {
                reason: format!("network {} is not installed", display_name(name.as_ref())),
                hint: format!(
                    "run `pentimento models pull {}`",
                    display_name(name.as_ref())
                ),
                lack: Lack::Network,
            }),
            Err(NetworkError::NoWeights { name, file }) => Some(Obstacle {
                reason: format!("network {} is not installed", display_name(name.as_ref())),
                hint: format!("put its weights at {}", display_path(&file)),
                lack: Lack::Network,
            }),
            Err(NetworkError::Missing { name, .. }) => Some(Obstacle {
                reason: format!("network {} is gone", display_name(name.as_ref())),
                hint: "put its manifest and its weights back into models/".to_owned(),
                lack: Lack::Network,
            }),
            Ok(()) | Err(_) => None,
        }
    })
}

/// Holds that every network of the profile is known. One whose weights are not there will block
/// the job until they are.
fn known(profile: &Profile, bundle: &BundleFiles, settings: &Settings) -> Result<(), Rejection> {
    let dirs = settings.model_folders();
    let roots = settings.roots(&bundle.root);
    for stage in profile.stages() {
        let name = located(&stage.network, &roots)
            .map_err(|error| rejection(with_causes(&error), NETWORK_FILE, Cause::Outside))?;
        match network::is_installed(&name, &dirs) {
            Ok(()) | Err(NetworkError::NoWeights { .. } | NetworkError::NotInstalled { .. }) => {}
            Err(error) => {
                let hint = "name a network that is there (`builtin` always is), or put its \
                            manifest into models/";
                return Err(rejection(with_causes(&error), hint, Cause::Outside));
            }
        }
    }
    Ok(())
}

/// Holds that the networks have the layers that count, as far as they are soon read.
///
/// A network that is not there, too large or broken shows when its job is to run.
fn layers_there(
    profile: &Profile,
    bundle: &BundleFiles,
    settings: &Settings,
    reading: &mut dyn FnMut(&Path),
) -> Result<(), Rejection> {
    let dirs = settings.model_folders();
    let roots = settings.roots(&bundle.root);
    let mut networks: BTreeMap<String, Option<Network>> = BTreeMap::new();
    for stage in profile.stages() {
        let Ok(name) = located(&stage.network, &roots) else {
            continue;
        };
        let network = networks.entry(name.clone()).or_insert_with(|| {
            network::file_size(&name, &dirs).filter(|size| *size <= SOON_READ)?;
            reading(Path::new(&name));
            network::find(&name, &dirs).ok()
        });
        let Some(network) = network else { continue };
        for layer in stage.content_in_use().iter().chain(stage.style_in_use()) {
            if let Err(error) = network.layer(layer) {
                let hint =
                    "name a layer that the network has; the pictures may stay where they are";
                return Err(rejection(with_causes(&error), hint, Cause::Bundle));
            }
        }
    }
    Ok(())
}

/// Holds that the pictures that the profile needs are there.
fn pictures_there(profile: &Profile, bundle: &BundleFiles) -> Result<(), Rejection> {
    let missing = if bundle.content.is_none() && profile.needs_content() {
        "a content picture"
    } else if bundle.styles.is_empty() && profile.needs_style() {
        "a style picture"
    } else {
        return Ok(());
    };
    let hint = "add it, or let the profile do without (content_layers = [] or style_layers = [])";
    Err(rejection(missing.to_owned(), hint, Cause::Missing))
}

/// Reads a picture to its end and returns its width and height.
fn picture(
    path: &Path,
    profile: &Profile,
    settings: &Settings,
    remarks: &mut Vec<String>,
) -> Result<Probe, Rejection> {
    let options = DecodeOptions {
        max_pixels: profile
            .max_pixels
            .unwrap_or(u64::MAX)
            .min(settings.max_pixels),
        follow_symlinks: settings.allow_symlinks,
        ..DecodeOptions::default()
    };
    let probe = pixels::probe(path, &options).map_err(|error| refused(&error))?;
    let name = display_name(path.file_name().unwrap_or_default());
    remarks.extend(probe.notes.iter().map(|note| format!("{name}: {note}")));
    Ok(probe)
}

fn refused(error: &DecodeError) -> Rejection {
    // An empty file that has settled is one that went wrong, not one that is on its way.
    let may_arrive = error.may_still_arrive() && !matches!(error, DecodeError::Empty { .. });
    let cause = if may_arrive {
        Cause::Incomplete
    } else {
        Cause::Bundle
    };
    let (mut reason, hint) = reason_and_mend(error);
    if let Some(source) = error.source() {
        reason.push_str(": ");
        reason.push_str(&with_causes(source));
    }
    rejection(reason, &hint, cause)
}

/// Takes what a decoder says apart; some of its errors end in a mend, after the last semicolon.
fn reason_and_mend(error: &DecodeError) -> (String, String) {
    let text = error.to_string();
    let names_mend = match error {
        DecodeError::Permission { .. }
        | DecodeError::Symlink { .. }
        | DecodeError::Empty { .. }
        | DecodeError::Blank { .. }
        | DecodeError::Foreign { .. }
        | DecodeError::ManyPages { .. }
        | DecodeError::Incomplete { .. }
        | DecodeError::Damaged { .. }
        | DecodeError::Unsupported { .. }
        | DecodeError::TooManyPixels { .. } => true,
        DecodeError::Read { .. }
        | DecodeError::NotRegular { .. }
        | DecodeError::TooLong { .. }
        | DecodeError::NotAnImage { .. }
        | DecodeError::TextTooLong { .. } => false,
    };
    match text.rsplit_once("; ") {
        Some((reason, mend)) if names_mend => (reason.to_owned(), mend.to_owned()),
        _ => (
            text,
            "replace the picture, under the same name or another".to_owned(),
        ),
    }
}

/// Holds that the networks can work on a picture of this shape at the size of each stage.
fn large_enough(
    shape: &Path,
    (width, height): (usize, usize),
    profile: &Profile,
    (settings, roots): (&Settings, &Roots),
) -> Result<(), Rejection> {
    let dirs = settings.model_folders();
    for stage in profile.stages() {
        let manifest = located(&stage.network, roots)
            .ok()
            .and_then(|name| network::manifest(&name, &dirs).ok().flatten());
        let Some(manifest) = manifest else { continue };
        let rounding = match profile.compat {
            Some(Compat::Lua) => Rounding::LongestExact,
            Some(Compat::Pt) | None => Rounding::BothTruncated,
        };
        let size = usize::try_from(stage.image_size).unwrap_or(usize::MAX);
        let (w, h) = fit_longest(width, height, size, rounding);
        let minimum = manifest.input.minimum_size;
        if w.min(h) < minimum {
            let name = display_name(shape.file_name().unwrap_or_default());
            let reason = format!(
                "{name} ({width}×{height}) becomes {w}×{h} at image_size = {size}, and network \
                 `{}` needs a shorter side of at least {minimum} pixels",
                manifest.name
            );
            let hint = "choose a larger image_size or crop the picture to a less extreme shape";
            return Err(rejection(reason, hint, Cause::Bundle));
        }
    }
    Ok(())
}

fn rejection(reason: String, hint: &str, cause: Cause) -> Rejection {
    Rejection {
        reason,
        hint: hint.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_picture_is_refused_with_one_mend() {
        // A name may hold what parts the mend from the rest.
        let path = PathBuf::from("a; b.jpg");
        let source = || io::Error::from(PermissionDenied);
        let locked = DecodeError::Permission {
            path: path.clone(),
            mode: 0,
            owner: 7,
            source: source(),
        };
        let read = DecodeError::Read {
            path: path.clone(),
            source: source(),
        };
        let cases = [
            (
                DecodeError::Empty { path: path.clone() },
                "a; b.jpg is an empty file",
                "copy it again",
            ),
            (
                locked,
                "no permission to read a; b.jpg (mode 0000, owner 7): permission denied",
                "run `chmod u+r` on it or copy it as your own file",
            ),
            (
                read,
                "cannot read a; b.jpg: permission denied",
                "replace the picture, under the same name or another",
            ),
        ];
        for (error, reason, hint) in cases {
            let rejection = refused(&error);
            assert_eq!((&*rejection.reason, &*rejection.hint), (reason, hint));
        }
    }

    #[test]
    fn a_profile_without_permission_is_not_to_be_mended_but_let_be_read() {
        let unreadable = |kind: io::ErrorKind| ProfileError::Unreadable {
            path: PathBuf::from("profile.toml"),
            source: kind.into(),
        };
        let hint = |error| wrong_profile(&error, Cause::Bundle).hint;
        assert!(hint(unreadable(PermissionDenied)).contains("chmod u+r"));
        assert!(!hint(unreadable(io::ErrorKind::IsADirectory)).contains("chmod"));
    }
}
