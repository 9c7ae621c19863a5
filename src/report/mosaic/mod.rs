//! The channels of a layer as tiles, each with its number and its range.

use serde::Serialize;

use crate::pixels::{Area, Canvas, Picture, Rgb, text_height, text_width};
use crate::report::number::short;
use crate::report::{BRIGHT, DIM, GROUND, MARGIN, heading_size, write_heading};

/// The longer side to which small channels are magnified, by a whole factor, where there are many;
/// where there are few, up to [`MOST_SIDE`].
const LEAST_SIDE: usize = 112;

/// About how many pixels all tiles together should have at least.
const LEAST_PIXELS: usize = 3 << 19;

/// The longer side to which large channels are reduced, by a whole factor, where there are few.
const MOST_SIDE: usize = 320;

/// About how many pixels all tiles together may have.
const MOST_PIXELS: usize = 16 << 20;

/// Space between tiles.
const GAP: usize = 8;

/// Scale of a channel's number, and of its range.
const LABEL: (usize, usize) = (2, 1);

/// Width to height that a mosaic should come near to.
const ASPECT: f64 = 1.4;

/// What a layer makes of a picture: `channels` maps of `height`×`width`, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Maps<'a> {
    data: &'a [f32],
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Maps<'a> {
    /// Returns the maps in `data` (`[channels, height, width]`), or `None` if there are none or the
    /// length does not fit.
    pub fn new(data: &'a [f32], (channels, height, width): (usize, usize, usize)) -> Option<Self> {
        let len = channels.checked_mul(height)?.checked_mul(width)?;
        (len > 0 && len == data.len()).then_some(Self {
            data,
            channels,
            height,
            width,
        })
    }

    /// Returns how many channels there are.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns the values of one channel, row by row.
    pub fn channel(&self, index: usize) -> &'a [f32] {
        let len = self.height * self.width;
        &self.data[index * len..(index + 1) * len]
    }

    /// Returns the smallest and the largest value of one channel.
    fn range(&self, index: usize) -> (f32, f32) {
        let values = self.channel(index).iter();
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        })
    }
}

/// What black and white stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The smallest and the largest value of the channel itself.
    Own,
    /// Those of all channels that are shown.
    Common,
}

/// A channel in a mosaic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tile {
    /// Its number, from 0.
    pub channel: usize,
    /// Left edge in the picture.
    pub x: usize,
    /// Upper edge in the picture.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Its smallest value.
    pub lowest: f32,
    /// Its largest value.
    pub highest: f32,
}

/// A mosaic, and where what lies in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mosaic {
    /// The picture.
    pub picture: Picture,
    /// The tiles in the order in which they are shown.
    pub tiles: Vec<Tile>,
}

/// Draws the channels of these numbers, in this order, under a heading that ends in what black and
/// white stand for.
pub fn mosaic(maps: &Maps, channels: &[usize], range: Range, heading: &[String]) -> Mosaic {
    let zoom = Zoom::of(maps, channels.len());
    let (width, height) = zoom.size(maps);
    let common = common_range(maps, channels);
    let mut heading = heading.to_vec();
    heading.push(match range {
        Range::Own => "black: the channel's smallest value, white: its largest".to_owned(),
        Range::Common => format!("black: {}, white: {}", short(common.0), short(common.1)),
    });
    let labels: Vec<[String; 2]> = channels.iter().map(|&c| label(maps, c)).collect();
    let label_width = labels
        .iter()
        .map(|[number, range]| text_width(number, LABEL.0) + GAP + text_width(range, LABEL.1));
    let cell_width = label_width.max().unwrap_or(0).max(width);
    let cell_height = height + 4 + text_height(LABEL.0);
    let (columns, rows) = grid(channels.len(), (cell_width + GAP, cell_height + GAP));
    let (heading_width, heading_height) = heading_size(&heading);
    let top = MARGIN + heading_height + GAP;
    let inner = heading_width.max(columns * (cell_width + GAP) - GAP);
    let mut canvas = Canvas::new(
        inner + 2 * MARGIN,
        top + rows * (cell_height + GAP) - GAP + MARGIN,
        GROUND,
    );
    write_heading(&mut canvas, &heading, (MARGIN, MARGIN));
    let mut tiles = Vec::with_capacity(channels.len());
    for (place, (&channel, [number, words])) in channels.iter().zip(&labels).enumerate() {
        let x = MARGIN + place % columns * (cell_width + GAP);
        let y = top + place / columns * (cell_height + GAP);
        let own = maps.range(channel);
        let shown = if range == Range::Own { own } else { common };
        let area = Area {
            x,
            y,
            width,
            height,
        };
        canvas.paint(area, |column, row| {
            grey(zoom.value(maps, channel, (column, row)), shown)
        });
        let below = y + height + 4;
        canvas.write(number, (x, below), LABEL.0, BRIGHT);
        let right = x + cell_width - text_width(words, LABEL.1);
        canvas.write(words, (right, below + 5), LABEL.1, DIM);
        tiles.push(Tile {
            channel,
            x,
            y,
            width,
            height,
            lowest: own.0,
            highest: own.1,
        });
    }
    Mosaic {
        picture: canvas.into_picture(),
        tiles,
    }
}

/// Draws channels without any words, in so many columns: for places too small for words.
pub fn thumbnails(maps: &Maps, channels: &[usize], range: Range, columns: usize) -> Picture {
    let gap = (maps.width / 16).max(1);
    let columns = columns.clamp(1, channels.len().max(1));
    let rows = channels.len().div_ceil(columns);
    let (width, height) = (maps.width + gap, maps.height + gap);
    let mut canvas = Canvas::new(
        (columns * width).saturating_sub(gap),
        (rows * height).saturating_sub(gap),
        GROUND,
    );
    let common = common_range(maps, channels);
    for (place, &channel) in channels.iter().enumerate() {
        let shown = match range {
            Range::Own => maps.range(channel),
            Range::Common => common,
        };
        let area = Area {
            x: place % columns * width,
            y: place / columns * height,
            width: maps.width,
            height: maps.height,
        };
        let values = maps.channel(channel);
        canvas.paint(area, |x, y| grey(values[y * maps.width + x], shown));
    }
    canvas.into_picture()
}

/// Returns the grey of a value between `lowest` (black) and `highest` (white).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast to a byte saturates, and takes what is no number for 0"
)]
pub fn grey(value: f32, (lowest, highest): (f32, f32)) -> Rgb {
    let extent = highest - lowest;
    let share = if extent > 0.0 {
        (value - lowest) / extent
    } else {
        0.0
    };
    [(share * 255.0).round() as u8; 3]
}

fn common_range(maps: &Maps, channels: &[usize]) -> (f32, f32) {
    let ranges = channels.iter().map(|&channel| maps.range(channel));
    ranges.fold((f32::INFINITY, f32::NEG_INFINITY), |a, b| {
        (a.0.min(b.0), a.1.max(b.1))
    })
}

/// Returns what stands below a tile: the channel's number, and its range.
fn label(maps: &Maps, channel: usize) -> [String; 2] {
    let (lowest, highest) = maps.range(channel);
    let range = if lowest < highest {
        format!("{} to {}", short(lowest), short(highest))
    } else {
        format!("all {}", short(lowest))
    };
    [channel.to_string(), range]
}

/// How large a value is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zoom {
    /// As a square of so many pixels a side.
    In(usize),
    /// The mean of a square of so many values a side, as one pixel.
    Out(usize),
}

impl Zoom {
    fn of(maps: &Maps, count: usize) -> Self {
        let longest = maps.height.max(maps.width);
        // Words below each tile are not counted.
        let most = MOST_SIDE.min((MOST_PIXELS / count.max(1)).isqrt());
        if longest > most {
            Self::Out(longest.div_ceil(most))
        } else {
            let least = LEAST_SIDE.max((LEAST_PIXELS / count.max(1)).isqrt());
            Self::In(least.min(most).div_ceil(longest).min(most / longest))
        }
    }

    /// Returns width and height of a tile.
    fn size(self, maps: &Maps) -> (usize, usize) {
        match self {
            Self::In(factor) => (maps.width * factor, maps.height * factor),
            Self::Out(factor) => (maps.width.div_ceil(factor), maps.height.div_ceil(factor)),
        }
    }

    /// Returns the value that is drawn at a column and row of a channel's tile.
    #[allow(clippy::cast_precision_loss, reason = "a few hundred values at most")]
    fn value(self, maps: &Maps, channel: usize, (column, row): (usize, usize)) -> f32 {
        let values = maps.channel(channel);
        match self {
            Self::In(factor) => values[row / factor * maps.width + column / factor],
            Self::Out(factor) => {
                let columns = column * factor..maps.width.min((column + 1) * factor);
                let rows = row * factor..maps.height.min((row + 1) * factor);
                let count = columns.len() * rows.len();
                let sum: f32 = rows
                    .flat_map(|y| &values[y * maps.width..][columns.clone()])
                    .sum();
                sum / count as f32
            }
        }
    }
}

/// Returns how many columns and rows of cells come nearest to a pleasant shape.
#[allow(clippy::cast_precision_loss, reason = "a shape need not be exact")]
fn grid(count: usize, (width, height): (usize, usize)) -> (usize, usize) {
    let badness = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = (columns * width) as f64 / (rows * height) as f64;
        (aspect / ASPECT).ln().abs()
    };
    let columns = (1..=count)
        .min_by(|&a, &b| badness(a).total_cmp(&badness(b)))
        .unwrap_or(1);
    (columns, count.div_ceil(columns))
}

#[cfg(test)]
mod tests;
