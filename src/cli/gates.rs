//! What a bundle and a result must pass: the pictures decode, the profile reads, the network is
//! there.
//!
//! Joins what `pixels`, `profile` and `network` say into the words that stand in `NAME.error.txt`.

use std::error::Error;
use std::path::Path;

use crate::causes::with_causes;
use crate::cli::profiles;
use crate::ingest::{Accepted, BundleFiles, Cause, Rejection};
use crate::job::names::display_name;
use crate::network;
use crate::pixels::{self, DecodeError, DecodeOptions, Rounding, fit_longest};
use crate::profile::{Compat, NetworkRef, Profile, RawProfile};
use crate::settings::Settings;

/// Decides whether a bundle can be used.
pub(super) fn check(bundle: &BundleFiles, settings: &Settings) -> Result<Accepted, Rejection> {
    let (raw, profile_source) = profile(bundle, settings)?;
    let dirs = settings.model_folders();
    let in_profile = |error: &dyn Error| {
        let hint = "mend the profile; the pictures may stay where they are";
        rejection(with_causes(error), hint, Cause::Bundle)
    };
    let profile = profiles::finished(&raw, &dirs).map_err(|error| in_profile(&error))?;
    profile
        .check_styles(bundle.styles.len())
        .map_err(|error| in_profile(&error))?;
    profile
        .check_paths(&settings.roots(&bundle.root))
        .map_err(|error| in_profile(&error))?;
    installed(&profile, bundle, settings)?;
    let mut remarks = Vec::new();
    let size = picture(&bundle.content, &profile, settings, &mut remarks)?;
    for style in &bundle.styles {
        picture(style, &profile, settings, &mut remarks)?;
    }
    large_enough(&bundle.content, size, &profile, settings)?;
    Ok(Accepted {
        profile_text: profile.to_toml(),
        profile_source,
        remarks,
    })
}

/// Decides whether a finished picture is whole.
pub(super) fn verify(path: &Path) -> Result<(), String> {
    let options = DecodeOptions {
        max_pixels: u64::MAX,
        ..DecodeOptions::default()
    };
    pixels::probe(path, &options)
        .map(|_| ())
        .map_err(|error| with_causes(&error))
}

/// Reads the nearest profile, and says where it is from.
fn profile(bundle: &BundleFiles, settings: &Settings) -> Result<(RawProfile, String), Rejection> {
    let folders = settings.profile_folders();
    let wrong = |error: &dyn Error, cause| {
        let hint = "mend the profile; the pictures may stay where they are";
        rejection(with_causes(error), hint, cause)
    };
    if let Some(path) = &bundle.profile {
        let raw = RawProfile::load(path, &folders).map_err(|e| wrong(&e, Cause::Bundle))?;
        return Ok((raw, display_name(path.file_name().unwrap_or_default())));
    }
    let Some(name) = &settings.default_profile else {
        return Ok((RawProfile::default(), "built-in defaults".to_owned()));
    };
    let file = folders
        .file(name)
        .map_err(|e| wrong(&e, Cause::Outside))?
        .ok_or_else(|| {
            rejection(
                format!("there is no profile {name}, which the settings name as default_profile"),
                "put it into profiles/ or change the setting",
                Cause::Outside,
            )
        })?;
    let raw = RawProfile::load(&file, &folders).map_err(|e| wrong(&e, Cause::Outside))?;
    Ok((
        raw,
        format!("studio default ({})", display_name(name.as_ref())),
    ))
}

/// Holds that every network of the profile is there, without reading any weights.
fn installed(
    profile: &Profile,
    bundle: &BundleFiles,
    settings: &Settings,
) -> Result<(), Rejection> {
    let dirs = settings.model_folders();
    let roots = settings.roots(&bundle.root);
    for stage in profile.stages() {
        let name = match &stage.network {
            NetworkRef::Named(name) => name.clone(),
            NetworkRef::File(path) => match roots.locate("network", path) {
                Ok(path) => path.to_string_lossy().into_owned(),
                Err(error) => {
                    let hint = "name a network of models/, or put the file there";
                    return Err(rejection(with_causes(&error), hint, Cause::Outside));
                }
            },
        };
        network::is_installed(&name, &dirs).map_err(|error| {
            let hint =
                "install it, or choose another network in the profile (`builtin` is always there)";
            rejection(with_causes(&error), hint, Cause::Outside)
        })?;
    }
    Ok(())
}

/// Reads a picture to its end and returns its width and height.
fn picture(
    path: &Path,
    profile: &Profile,
    settings: &Settings,
    remarks: &mut Vec<String>,
) -> Result<(usize, usize), Rejection> {
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
    Ok((probe.width, probe.height))
}

fn refused(error: &DecodeError) -> Rejection {
    // An empty file that has settled is one that went wrong, not one that is on its way.
    let may_arrive = error.may_still_arrive() && !matches!(error, DecodeError::Empty { .. });
    let cause = if may_arrive {
        Cause::Incomplete
    } else {
        Cause::Bundle
    };
    rejection(
        with_causes(error),
        "replace the picture, under the same name or another",
        cause,
    )
}

/// Holds that the networks can work on the content at the size of each stage.
fn large_enough(
    content: &Path,
    (width, height): (usize, usize),
    profile: &Profile,
    settings: &Settings,
) -> Result<(), Rejection> {
    let dirs = settings.model_folders();
    for stage in profile.stages() {
        let manifest = network::manifest(&stage.network.to_string(), &dirs)
            .ok()
            .flatten();
        let Some(manifest) = manifest else { continue };
        let rounding = match profile.compat {
            Some(Compat::Lua) => Rounding::LongestExact,
            Some(Compat::Pt) | None => Rounding::BothTruncated,
        };
        let size = usize::try_from(stage.image_size).unwrap_or(usize::MAX);
        let (w, h) = fit_longest(width, height, size, rounding);
        let minimum = manifest.input.minimum_size;
        if w.min(h) < minimum {
            let name = display_name(content.file_name().unwrap_or_default());
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
