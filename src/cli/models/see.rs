//! `pentimento models see`: what a layer makes of a picture, as a mosaic of its channels or as its
//! Gram matrix; and, painted, what that alone keeps of the picture.
//!
//! A one-picture command: ONNX Runtime is loaded here. The mosaic is drawn in `report`, the painting
//! is an ordinary one with a profile that has one layer.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::args::{Common, key_value};
use crate::cli::context::Context;
use crate::cli::models::channels::{self, Selection};
use crate::cli::paint::{self, Errand};
use crate::cli::{library, output, profiles, terminal};
use crate::job::names::{display_name, display_path};
use crate::network::{self, Network, Pooling, PoolingKind};
use crate::pixels::{self, DecodeOptions, Depth, Filter, Picture, Rounding, fit_longest, resize};
use crate::profile::{self, ProfileFolders, RawProfile};
use crate::report::{self, HeatMap, Maps, Mosaic, Range};
use crate::runtime::Environment;
use crate::settings::Settings;
use crate::tensor::Tensor;
use crate::transfer::{Sight, look};
use crate::worker::computing::Computing;

/// Keyword of the PNG text that says what is where in the picture.
const TEXT: &str = "pentimento-layer";

/// Longest side of the picture that is looked at, unless it is said.
const SIZE: u32 = 256;

/// The longest part of a file's name that a heading shows, in letters.
const NAME: usize = 48;

/// What to look at.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  pentimento models see builtin relu3_1 harbour.jpg            every channel, labelled
  pentimento models see vgg19 relu5_1 harbour.jpg --sort --channels 0-63
  pentimento models see vgg19 relu2_1 wave.jpg --gram          what the style loss compares
  pentimento models see vgg19 relu4_2 harbour.jpg --reconstruct content
  pentimento models see vgg19 relu1_1,relu2_1,relu3_1 wave.jpg --reconstruct style")]
pub(in crate::cli) struct SeeArgs {
    /// The network: its name, or the path of its file
    pub name: String,
    /// The layer, such as relu3_1; for --reconstruct also several, as in relu1_1,relu2_1
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

fn stem(args: &SeeArgs) -> OsString {
    let mut stem = args.image.file_stem().unwrap_or_default().to_owned();
    stem.push("_");
    stem.push(&args.layer);
    stem
}

/// What was looked at.
struct Seen<'a> {
    args: &'a SeeArgs,
    network: &'a Network,
    picture: &'a Picture,
}

/// What is embedded in the PNG.
#[derive(Serialize)]
struct Embedded<'a> {
    schema: u32,
    network: &'a str,
    /// SHA-256 of the network's file.
    sha256: &'a str,
    layer: &'a str,
    /// Width and height of the picture as the network saw it.
    size: [usize; 2],
    /// The channels' tiles in a mosaic.
    #[serde(skip_serializing_if = "Option::is_none")]
    tiles: Option<&'a [report::Tile]>,
    /// Where the Gram matrix lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    gram: Option<&'a report::Place>,
    /// The channels that its rows and columns stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<&'a [usize]>,
}

impl Seen<'_> {
    fn mosaic(&self, features: &Tensor, path: &Path) -> anyhow::Result<()> {
        let shape = match *features.shape() {
            [1, channels, height, width] => (channels, height, width),
            [1, channels] => (channels, 1, 1),
            _ => bail!(
                "layer {} gives values of shape {:?}, which are no channels of a picture",
                self.args.layer,
                features.shape()
            ),
        };
        let maps = Maps::new(features.data(), shape).context("the layer has no channels")?;
        let strengths = strengths(&maps);
        let channels = self.chosen(&strengths)?;
        let range = if self.args.common {
            Range::Common
        } else {
            Range::Own
        };
        let heading = self.heading(channels.len(), shape);
        let Mosaic { picture, tiles } = report::mosaic(&maps, &channels, range, &heading);
        self.save(&picture, path, Some(&tiles), None)?;
        if self.is_shown() {
            let (columns, rows) = terminal::fitting(shape.2, shape.1);
            let mut strongest = by_strength(&channels, &strengths);
            strongest.truncate(columns * rows);
            let small = report::thumbnails(&maps, &strongest, range, columns);
            terminal::show(&small)?;
            let names: Vec<String> = strongest.iter().map(ToString::to_string).collect();
            output::line(&format!(
                "the {} strongest of {} channels, row by row: {}",
                strongest.len(),
                shape.0,
                names.join(" ")
            ))?;
        }
        Ok(())
    }

    fn gram(&self, gram: &Tensor, path: &Path) -> anyhow::Result<()> {
        let &[side, _] = gram.shape() else {
            bail!("layer {} has no Gram matrix", self.args.layer);
        };
        let values = gram.data();
        let strengths: Vec<f32> = (0..side).map(|i| values[i * side + i]).collect();
        let channels = self.chosen(&strengths)?;
        let matrix: Vec<f32> = channels
            .iter()
            .flat_map(|&row| {
                channels
                    .iter()
                    .map(move |&column| values[row * side + column])
            })
            .collect();
        let mut heading = self.titles();
        heading.push(format!(
            "Gram matrix of {}, divided by the number of values",
            counted(channels.len(), side)
        ));
        let HeatMap { picture, place } = report::heat_map(&matrix, &channels, &heading);
        self.save(&picture, path, None, Some((&place, &channels)))?;
        if self.is_shown() {
            terminal::show(&report::bare(&matrix, &place, channels.len()))?;
        }
        Ok(())
    }

    /// Returns the channels to show, in their order.
    fn chosen(&self, strengths: &[f32]) -> anyhow::Result<Vec<usize>> {
        let chosen = match &self.args.channels {
            Some(selection) => selection
                .among(strengths.len())
                .with_context(|| format!("choose channels of layer {}", self.args.layer))?,
            None => (0..strengths.len()).collect(),
        };
        Ok(if self.args.sort {
            by_strength(&chosen, strengths)
        } else {
            chosen
        })
    }

    fn titles(&self) -> Vec<String> {
        let name = display_name(self.args.image.file_name().unwrap_or_default());
        let mut shown: String = name.chars().take(NAME).collect();
        if shown.len() < name.len() {
            shown.push('\u{2026}');
        }
        let network = &self.network.manifest().name;
        let (width, height) = (self.picture.width(), self.picture.height());
        vec![
            format!("{} of {network}", self.args.layer),
            format!("{shown} at {width}\u{d7}{height}"),
        ]
    }

    fn heading(
        &self,
        shown: usize,
        (channels, height, width): (usize, usize, usize),
    ) -> Vec<String> {
        let mut lines = self.titles();
        let sorted = if self.args.sort {
            ", strongest first"
        } else {
            ""
        };
        let counted = counted(shown, channels);
        lines.push(format!("{counted} of {width}\u{d7}{height}{sorted}"));
        let whose = if self.args.common {
            "of all that are shown"
        } else {
            "of the channel itself"
        };
        lines.push(format!(
            "black: the smallest value {whose}, white: the largest"
        ));
        lines
    }

    fn save(
        &self,
        picture: &Picture,
        path: &Path,
        tiles: Option<&[report::Tile]>,
        gram: Option<(&report::Place, &[usize])>,
    ) -> anyhow::Result<()> {
        let embedded = Embedded {
            schema: 1,
            network: &self.network.manifest().name,
            sha256: self.network.sha256(),
            layer: &self.args.layer,
            size: [self.picture.width(), self.picture.height()],
            tiles,
            gram: gram.map(|(place, _)| place),
            channels: gram.map(|(_, channels)| channels),
        };
        let text = serde_json::to_string(&embedded).context("describe the picture")?;
        pixels::save_png(picture, path, Depth::Eight, &[(TEXT.to_owned(), text)])?;
        output::line(&format!(
            "{} ({}\u{d7}{})",
            display_path(path),
            picture.width(),
            picture.height()
        ))?;
        Ok(())
    }

    fn is_shown(&self) -> bool {
        self.args.show || std::io::stdout().is_terminal()
    }
}

fn counted(shown: usize, channels: usize) -> String {
    if shown == channels {
        format!("{channels} channels")
    } else {
        format!("{shown} of {channels} channels")
    }
}

/// Returns the mean of squares of each channel.
#[allow(clippy::cast_precision_loss, reason = "only their order matters")]
fn strengths(maps: &Maps) -> Vec<f32> {
    let mean = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
    (0..maps.channels())
        .map(|index| mean(maps.channel(index)))
        .collect()
}

fn by_strength(channels: &[usize], strengths: &[f32]) -> Vec<usize> {
    let mut sorted = channels.to_vec();
    sorted.sort_by(|&a, &b| strengths[b].total_cmp(&strengths[a]));
    sorted
}

/// Paints what the layer alone keeps of the picture.
fn reconstruct(
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
    let mut stem = stem(args);
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
