//! `pentimento models see … --reconstruct`: an ordinary painting, with one picture and with the
//! profile that is shipped for that.

use std::process::ExitCode;

use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::models::see::{self, Reconstruct, SeeArgs};
use crate::cli::paint::{self, Errand};
use crate::cli::profiles;
use crate::profile::{ProfileFolders, RawProfile};

/// Paints what the layer alone keeps of the picture.
pub(super) fn reconstruct(
    common: &Common,
    context: &Context,
    args: &SeeArgs,
    what: Reconstruct,
) -> anyhow::Result<ExitCode> {
    let (name, text, key, word) = match what {
        Reconstruct::Content => (
            "content-only",
            include_str!("../../../profiles/content-only.toml"),
            "content_layers",
            "content",
        ),
        Reconstruct::Style => (
            "style-only",
            include_str!("../../../profiles/style-only.toml"),
            "style_layers",
            "style",
        ),
    };
    let none = ProfileFolders::new(Vec::new());
    let mut raw = RawProfile::parse(name, text.as_bytes(), &none)?;
    raw.set(&format!("network={}", args.name))?;
    raw.set(&format!("{key}={}", args.layer))?;
    if let Some(size) = args.size {
        raw.set(&format!("image_size={size}"))?;
    }
    for (key, value) in &args.set {
        raw.set(&format!("{key}={value}"))?;
    }
    let mut stem = see::stem(args);
    stem.push(format!("_{word}"));
    let picture = args.image.clone();
    let (content, styles) = match what {
        Reconstruct::Content => (Some(picture), Vec::new()),
        Reconstruct::Style => (None, vec![picture]),
    };
    let errand = Errand {
        content,
        styles,
        profile: profiles::finished(&raw, &context.settings.model_folders(), &profiles::here()?)?,
        output: args.output.clone(),
        stem,
        losses: None,
        device: args.device.clone(),
        threads: args.threads,
    };
    paint::at_once(common, context, errand)
}
