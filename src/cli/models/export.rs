//! `pentimento models export`: a network as an ONNX model that any ONNX Runtime runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::autodiff::Target;
use crate::cli::args::Common;
use crate::cli::context::Context;
use crate::cli::{output, profiles};
use crate::engine;
use crate::job::names::display_path;
use crate::network::{self, Network, Pooling, PoolingKind};
use crate::objective::{Objective, Spec};
use crate::onnx::{self, Model};
use crate::profile::{Compat, Profile, Stage};
use crate::transfer;

/// What is exported, and where to.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The network: its name, or a file
    pub name: String,
    /// Size of the picture in pixels
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: (usize, usize),
    /// The profile that layers, weights and pooling are taken from: a TOML file, or a name
    #[arg(short, long)]
    pub profile: Option<PathBuf>,
    /// The stage of the profile, from 1 [default: the last]
    #[arg(long, value_name = "N")]
    pub stage: Option<usize>,
    /// Export the losses and their gradient instead of the layers
    #[arg(long)]
    pub objective: bool,
    /// The layers to give [default: those of the profile; without one, all that the size allows]
    #[arg(
        long,
        value_name = "LAYER",
        value_delimiter = ',',
        conflicts_with = "objective"
    )]
    pub layers: Vec<String>,
    /// Where the model goes [default: named after network and size, in the current folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Writes the model.
pub(in crate::cli) fn run(common: &Common, args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let settings = Context::anywhere(common)?.settings;
    let network = network::find(&args.name, &settings.model_folders())?;
    let profile = if args.profile.is_some() || args.objective {
        let network = [("network".to_owned(), args.name.clone())];
        Some(profiles::overridden(
            args.profile.as_deref(),
            &network,
            &settings,
        )?)
    } else {
        None
    };
    let model = match &profile {
        Some(profile) if args.objective => objective(args, &network, profile)?,
        Some(profile) => {
            let stage = stage(args, profile)?;
            let own = stage.content_layers.iter().chain(&stage.style_layers);
            let layers = if args.layers.is_empty() {
                distinct(own)
            } else {
                args.layers.clone()
            };
            let pooling = transfer::pooling(stage, profile.compat);
            layers_model(args, &network, &layers, pooling)?
        }
        None => bare(args, &network)?,
    };
    let path = args.output.clone().unwrap_or_else(|| default_path(args));
    let bytes = onnx::write(&model);
    save(&path, &bytes)?;
    let outputs: Vec<&str> = model
        .graph
        .outputs
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    output::line(&format!(
        "{} ({} bytes): image [1, 3, {}, {}] to {}",
        display_path(&path),
        bytes.len(),
        args.size.1,
        args.size.0,
        outputs.join(", ")
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a network's layers, pooled as it is, without a profile.
fn bare(args: &ExportArgs, network: &Network) -> anyhow::Result<Model> {
    let pooling = Pooling {
        kind: PoolingKind::Max,
        caffe_ceil: false,
    };
    if !args.layers.is_empty() {
        return layers_model(args, network, &args.layers, pooling);
    }
    let mut layers = network.layers_at((args.size.1, args.size.0), pooling);
    if layers.is_empty() {
        // The first says why even it cannot be reached.
        layers.extend(network.layers().first().map(|layer| layer.name.clone()));
    }
    layers_model(args, network, &layers, pooling)
}

fn layers_model(
    args: &ExportArgs,
    network: &Network,
    layers: &[String],
    pooling: Pooling,
) -> anyhow::Result<Model> {
    let (width, height) = args.size;
    Ok(network.standalone(layers, (height, width), pooling)?)
}

fn objective(args: &ExportArgs, network: &Network, profile: &Profile) -> anyhow::Result<Model> {
    let stage = stage(args, profile)?;
    let spec = transfer::spec(stage, profile.compat, args.size, engine::Device::Cpu);
    let spec = Spec {
        // The form of the gradient that is good on any device.
        target: Target::Plain,
        ..spec
    };
    let objective = Objective::build(network, &spec)?;
    let weights = transfer::weights(&objective, stage);
    let mut model = objective.standalone(network, &weights, &[])?;
    let scale = transfer::variable_scale(profile.compat);
    if profile.compat == Some(Compat::Lua) {
        let note = format!("compat = \"lua\": feed a picture's values times {scale}");
        model.metadata.insert("input_image_scale".to_owned(), note);
    }
    Ok(model)
}

fn stage<'a>(args: &ExportArgs, profile: &'a Profile) -> anyhow::Result<&'a Stage> {
    let stages = profile.stages();
    let number = args.stage.unwrap_or(stages.len());
    number
        .checked_sub(1)
        .and_then(|index| stages.get(index))
        .with_context(|| {
            format!(
                "there is no stage {number}: the profile has {}",
                stages.len()
            )
        })
}

fn distinct<'a>(layers: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for layer in layers {
        if !distinct.contains(layer) {
            distinct.push(layer.clone());
        }
    }
    distinct
}

fn default_path(args: &ExportArgs) -> PathBuf {
    let stem = Path::new(&args.name).file_stem().unwrap_or_default();
    let (width, height) = args.size;
    let kind = if args.objective { "_objective" } else { "" };
    PathBuf::from(format!(
        "{}_{width}x{height}{kind}.onnx",
        stem.to_string_lossy()
    ))
}

/// Writes a file whole or not at all.
fn save(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written
        .map(|_| ())
        .with_context(|| format!("write {}", path.display()))
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let wrong = || "expected WIDTHxHEIGHT in pixels, such as 512x384".to_owned();
    let (width, height) = text.split_once(['x', 'X', '×']).ok_or_else(wrong)?;
    let side = |text: &str| {
        text.trim()
            .parse::<usize>()
            .ok()
            .filter(|side| (1..=1 << 16).contains(side))
            .ok_or_else(wrong)
    };
    Ok((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_width_by_height() {
        assert_eq!(size("512x384"), Ok((512, 384)));
        assert_eq!(size("64×32"), Ok((64, 32)));
        for wrong in ["", "512", "x", "0x4", "-1x4", "4x4x4", "99999999x1"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
