//! A square matrix as colours, with a bar that says what they stand for.
//!
//! Colours follow the square root of a value's share of the largest: a Gram matrix has a few entries
//! that dwarf the rest, and on an even scale everything else is black. The bar is labelled with the
//! values themselves.

use serde::Serialize;

use crate::pixels::{Area, Canvas, Picture, Rgb, text_height, text_width};
use crate::report::colours::{diverging, sequential};
use crate::report::number::short;
use crate::report::{BRIGHT, DIM, GROUND, MARGIN, heading_size, write_heading};

/// How large the matrix is drawn at least, along a side.
const SIDE: usize = 768;

/// Width of the bar.
const BAR: usize = 24;

/// Scale of the numbers beside matrix and bar.
const LABEL: usize = 2;

/// Length of the line from a number to what it names.
const TICK: usize = 6;

/// The least space between two numbers beside the matrix.
const BETWEEN: usize = 40;

/// A heat map, and where its cells lie.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// The picture.
    pub picture: Picture,
    /// Where the matrix lies.
    pub place: Place,
}

/// Where a matrix lies in a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// Left edge of its first column.
    pub x: usize,
    /// Upper edge of its first row.
    pub y: usize,
    /// Pixels of an entry, along a side.
    pub cell: usize,
    /// The largest size of an entry.
    pub largest: f32,
    /// Whether there are entries below 0.
    pub signed: bool,
}

impl Place {
    /// Returns the colour of an entry.
    pub fn colour(&self, value: f32) -> Rgb {
        if self.largest == 0.0 {
            return self.of_share(0.0);
        }
        let share = value / self.largest;
        self.of_share(share.abs().sqrt().copysign(share))
    }

    fn of_share(&self, share: f32) -> Rgb {
        if self.signed {
            diverging(share)
        } else {
            sequential(share)
        }
    }
}

/// Draws a matrix (`names.len()` rows of as many columns) under a heading; `names` are the numbers
/// that its rows and columns go by.
pub fn heat_map(matrix: &[f32], names: &[usize], heading: &[String]) -> HeatMap {
    let side = names.len();
    let cell = SIDE.div_ceil(side.max(1));
    let extent = cell * side;
    let largest = matrix
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let (heading_width, heading_height) = heading_size(heading);
    let widest = names
        .iter()
        .max()
        .map_or(0, |name| text_width(&name.to_string(), LABEL));
    let place = Place {
        x: MARGIN + widest + TICK + 4,
        y: MARGIN + heading_height + text_height(LABEL) + TICK + 4,
        cell,
        largest,
        signed: matrix.iter().any(|value| *value < 0.0),
    };
    let bar = Area {
        x: place.x + extent + 2 * MARGIN,
        y: place.y,
        width: BAR,
        height: extent.max(SIDE / 3),
    };
    let ticks = ticks(&place);
    let words = ticks
        .iter()
        .map(|(_, text)| text_width(text, LABEL))
        .max()
        .unwrap_or(0);
    let right = bar.x + BAR + TICK + 4 + words;
    let mut canvas = Canvas::new(
        right.max(MARGIN + heading_width) + MARGIN,
        bar.y + bar.height + MARGIN,
        GROUND,
    );
    write_heading(&mut canvas, heading, (MARGIN, MARGIN));
    let area = Area {
        x: place.x,
        y: place.y,
        width: extent,
        height: extent,
    };
    canvas.paint(area, |x, y| {
        place.colour(matrix[y / cell * side + x / cell])
    });
    name_cells(&mut canvas, &place, names);
    draw_bar(&mut canvas, &place, bar, &ticks);
    HeatMap {
        picture: canvas.into_picture(),
        place,
    }
}

/// Draws a matrix of `side` rows, one pixel an entry, in the colours of `place` and without any words.
pub fn bare(matrix: &[f32], place: &Place, side: usize) -> Picture {
    let mut canvas = Canvas::new(side, side, GROUND);
    let area = Area {
        x: 0,
        y: 0,
        width: side,
        height: side,
    };
    canvas.paint(area, |x, y| place.colour(matrix[y * side + x]));
    canvas.into_picture()
}

/// Writes the numbers of some rows and columns beside the matrix.
fn name_cells(canvas: &mut Canvas, place: &Place, names: &[usize]) {
    let steps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
    let step = steps
        .into_iter()
        .find(|step| step * place.cell >= BETWEEN)
        .unwrap_or(1024);
    for (index, name) in names.iter().enumerate().step_by(step) {
        let text = name.to_string();
        let width = text_width(&text, LABEL);
        let middle = index * place.cell + place.cell / 2;
        let tick = Area {
            x: place.x - TICK - 1,
            y: place.y + middle,
            width: TICK,
            height: 1,
        };
        canvas.fill(tick, DIM);
        let (left, top) = (tick.x - 3 - width, (tick.y + 1).saturating_sub(7));
        canvas.write(&text, (left, top), LABEL, DIM);
        let tick = Area {
            x: place.x + middle,
            y: place.y - TICK - 1,
            width: 1,
            height: TICK,
        };
        canvas.fill(tick, DIM);
        let (left, top) = (
            tick.x.saturating_sub(width / 2),
            tick.y - text_height(LABEL),
        );
        canvas.write(&text, (left, top + 2), LABEL, DIM);
    }
}

/// Returns the shares (of the bar's colours) that are labelled, and their labels.
fn ticks(place: &Place) -> Vec<(f32, String)> {
    let shares: &[f32] = if place.signed {
        &[1.0, 0.75, 0.5, 0.0, -0.5, -0.75, -1.0]
    } else {
        &[1.0, 0.75, 0.5, 0.25, 0.0]
    };
    let label = |share: f32| short((share * share * place.largest).copysign(share));
    shares.iter().map(|&share| (share, label(share))).collect()
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rows of a bar, a few hundred"
)]
fn draw_bar(canvas: &mut Canvas, place: &Place, bar: Area, ticks: &[(f32, String)]) {
    let last = (bar.height - 1) as f32;
    let lowest = if place.signed { -1.0 } else { 0.0 };
    canvas.paint(bar, |_, row| {
        place.of_share(1.0 - row as f32 / last * (1.0 - lowest))
    });
    for (share, text) in ticks {
        let row = ((1.0 - share) / (1.0 - lowest) * last).round() as usize;
        let tick = Area {
            x: bar.x + BAR + 2,
            y: bar.y + row,
            width: TICK,
            height: 1,
        };
        canvas.fill(tick, BRIGHT);
        let top = (tick.y + 1)
            .saturating_sub(7)
            .min(bar.y + bar.height - text_height(LABEL) + 2);
        canvas.write(text, (tick.x + TICK + 3, top), LABEL, BRIGHT);
    }
}

#[cfg(test)]
mod tests;
