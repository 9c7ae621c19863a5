//! What `models see` saw, drawn: the picture with its heading, what is embedded in it, and the
//! glimpse of it in the terminal.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::cli::models::see::SeeArgs;
use crate::cli::{output, terminal};
use crate::job::names::{display_name, display_path};
use crate::network::Network;
use crate::pixels::{self, Depth, Picture};
use crate::report::{self, HeatMap, Maps, Mosaic, Range};
use crate::tensor::Tensor;

/// Keyword of the PNG text that says what is where in the picture.
const TEXT: &str = "pentimento-layer";

/// The longest part of a file's name that a heading shows, in letters.
const NAME: usize = 48;

/// What was looked at.
pub(super) struct Seen<'a> {
    /// What was asked for.
    pub(super) args: &'a SeeArgs,
    /// The network.
    pub(super) network: &'a Network,
    /// The picture as the network saw it.
    pub(super) picture: &'a Picture,
    /// Whether to show it in the terminal, too.
    pub(super) is_shown: bool,
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
    /// Draws the channels of `features` (`[1, C, h, w]`).
    pub(super) fn mosaic(&self, features: &Tensor, path: &Path) -> anyhow::Result<()> {
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
        if self.is_shown {
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

    /// Draws a Gram matrix (`[C, C]`).
    pub(super) fn gram(&self, gram: &Tensor, path: &Path) -> anyhow::Result<()> {
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
        if self.is_shown {
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
