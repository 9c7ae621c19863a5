//! `pentimento models see`: what a layer makes of a picture, as a mosaic of its channels or as its
//! Gram matrix; and, painted, what that alone keeps of the picture.
//!
//! A one-picture command: ONNX Runtime is loaded here. The mosaic is drawn in `report`, the painting
//! is an ordinary one with a profile that has one layer.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::cli::args::{Common, key_value};
use crate::cli::context::Context;
use crate::cli::models::channels::{self, Selection};
use crate::cli::models::reconstruct::reconstruct;
use crate::cli::models::seen::Seen;
use crate::cli::{library, output, paint, profiles};
use crate::job::names::display_path;
use crate::network::{self, Network, Pooling, PoolingKind};
use crate::pixels::{self, DecodeOptions, Filter, Picture, Rounding, fit_longest, resize};
use crate::profile::{self, RawProfile};
use crate::runtime::Environment;
use crate::settings::Settings;
use crate::tensor::Tensor;
use crate::transfer::{Sight, look};
use crate::worker::computing::Computing;

/// Longest side of the picture that is looked at, unless it is said.
const SIZE: u32 = 256;

/// What to look at.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pentimento models see builtin relu3_1 harbour.jpg            every channel, labelled
  pentimento models see vgg19 relu5_1 harbour.jpg --sort --channels 0-63
  pentimento models see vgg19 relu2_1 wave.jpg --gram          what the style loss compares
  pentimento models see vgg19 relu4_2 harbour.jpg --reconstruct content
  pentimento models see vgg19 relu1_1,relu2_1,relu3_1 wave.jpg --reconstruct style")]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line by itself"
)]
pub(in crate::cli) struct SeeArgs {
    /// The network: its name, or the path of its file
    pub name: String,
    /// The layer, such as `relu3_1`; for --reconstruct also several, as in `relu1_1,relu2_1`
    pub layer: String,
    /// The picture to look at
    pub image: PathBuf,
    /// Where the PNG goes [default: beside the picture]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Longest side of the picture as the network sees it [default: 256]
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub size: Option<u32>,
    /// The Gram matrix of the channels instead of the channels
    #[arg(long)]
    pub gram: bool,
    /// These channels only, in this order, as in 0-15,40
    #[arg(long, value_name = "LIST", value_parser = channels::parse)]
    pub channels: Option<Selection>,
    /// The strongest channels first (mean of squares)
    #[arg(long)]
    pub sort: bool,
    /// One scale from black to white for all channels instead of one for each
    #[arg(long, conflicts_with = "gram")]
    pub common: bool,
    /// Show it in the terminal, too, even if the output is none
    #[arg(long)]
    pub show: bool,
    /// Paint from noise what the layer keeps of the picture's content, or of its style
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["gram", "channels", "sort", "common", "show"])]
    pub reconstruct: Option<Reconstruct>,
    /// Set an option of the profile that --reconstruct paints with, as in `num_iterations=500`
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., value_parser = key_value, requires = "reconstruct")]
    pub set: Vec<(String, String)>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long)]
    pub device: Option<String>,
    /// Threads to compute with
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
}

/// What is kept of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Reconstruct {
    /// The features of the layer.
    Content,
    /// The Gram matrix of the layer.
    Style,
}

/// Shows what a layer sees.
pub(super) fn run(common: &Common, args: &SeeArgs) -> anyhow::Result<ExitCode> {
    let context = Context::anywhere(common)?;
    if let Some(what) = args.reconstruct {
        return reconstruct(common, &context, args, what);
    }
    let settings = &context.settings;
    let network = network::find(&args.name, &settings.model_folders())?;
    network.layer(&args.layer)?;
    let picture = picture(args, settings)?;
    let destination = destination(args)?;
    let tensor = measure(common, &context, args, &network, &picture)?;
    let seen = Seen {
        args,
        network: &network,
        picture: &picture,
        is_shown: args.show || std::io::stdout().is_terminal() && common.quiet == 0,
    };
    if args.gram {
        seen.gram(&tensor, &destination)?;
    } else {
        seen.mosaic(&tensor, &destination)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the picture and brings it to the size that the network is to see.
fn picture(args: &SeeArgs, settings: &Settings) -> anyhow::Result<Picture> {
    let options = DecodeOptions {
        max_pixels: settings.max_pixels,
        follow_symlinks: true,
        ..DecodeOptions::default()
    };
    let opened = pixels::open(&args.image, &options)?;
    for note in &opened.notes {
        output::note(&format!("{}: {note}", display_path(&args.image)));
    }
    let size = usize::try_from(args.size.unwrap_or(SIZE)).unwrap_or(usize::MAX);
    let (width, height) = (opened.picture.width(), opened.picture.height());
    let (width, height) = fit_longest(width, height, size, Rounding::BothTruncated);
    Ok(resize(&opened.picture, width, height, Filter::BilinearU8))
}

fn measure(
    common: &Common,
    context: &Context,
    args: &SeeArgs,
    network: &Network,
    picture: &Picture,
) -> anyhow::Result<Tensor> {
    let pooling = pooling(args, &context.settings)?;
    let device = args.device.as_deref().unwrap_or("auto").parse()?;
    let environment = Environment::from_process();
    let library = library::ready(&environment, common, &context.request(common, device))?;
    let threads = args.threads.unwrap_or(0);
    let computing = Computing::prepare(&environment, &library, device, threads)?;
    let memory = context.settings.memory_limit.or(computing.memory);
    let sight = if args.gram {
        Sight::Gram
    } else {
        Sight::Features
    };
    let tools = computing.tools();
    let layer = (args.layer.as_str(), pooling);
    Ok(look(network, layer, picture, sight, (&tools, memory))?)
}

/// Returns the pooling that the network paints with where a profile does not say.
fn pooling(args: &SeeArgs, settings: &Settings) -> anyhow::Result<Pooling> {
    let mut raw = RawProfile::default();
    raw.set(&format!("network={}", args.name))?;
    let profile = profiles::finished(&raw, &settings.model_folders(), &profiles::here()?)?;
    let kind = match profile.stages().first().map(|stage| stage.pooling) {
        Some(profile::Pooling::Average) => PoolingKind::Average,
        Some(profile::Pooling::Max) | None => PoolingKind::Max,
    };
    Ok(Pooling {
        kind,
        caffe_ceil: false,
    })
}

/// Returns where the PNG goes; beside the picture a name that nothing has yet.
fn destination(args: &SeeArgs) -> anyhow::Result<PathBuf> {
    if let Some(path) = &args.output {
        let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        if !ending.eq_ignore_ascii_case("png") {
            bail!(
                "{} cannot be written: end its name in .png",
                display_path(path)
            );
        }
        return Ok(path.clone());
    }
    let mut stem = stem(args);
    if args.gram {
        stem.push("_gram");
    }
    Ok(paint::free_name(&args.image, &stem, "png"))
}

/// Returns the beginning of a file's name: the picture's and the layer's.
pub(super) fn stem(args: &SeeArgs) -> OsString {
    let mut stem = args.image.file_stem().unwrap_or_default().to_owned();
    stem.push("_");
    stem.push(&args.layer);
    stem
}
