//! Pictures about pictures: what a layer sees, side by side and labelled.
//!
//! Draws what it is given and computes nothing but the look of it: no network, no file, no terminal.
//! Whatever is drawn also says where, so that a program can find in the picture what a person sees.

mod colours;
mod heat_map;
mod mosaic;
mod number;

pub use self::colours::{diverging, sequential};
pub use self::heat_map::{HeatMap, Place, bare, heat_map};
pub use self::mosaic::{Maps, Mosaic, Range, Tile, grey, mosaic, thumbnails};
pub use self::number::short;

use crate::pixels::{Canvas, Rgb, text_height, text_width};

/// What everything is drawn on.
const GROUND: Rgb = [24, 26, 30];

/// What is read first.
const BRIGHT: Rgb = [238, 238, 232];

/// What explains.
const DIM: Rgb = [150, 154, 160];

/// Space around everything, in pixels.
const MARGIN: usize = 16;

/// Scale of the first line of a heading, and of those below it.
const HEADING: [usize; 2] = [3, 2];

/// Returns width and height of a heading: its lines below each other, the first one large.
fn heading_size(lines: &[String]) -> (usize, usize) {
    let scales = HEADING.iter().chain(std::iter::repeat(&HEADING[1]));
    lines
        .iter()
        .zip(scales)
        .fold((0, 0), |(width, height), (line, &scale)| {
            let line_width = text_width(line, scale);
            (width.max(line_width), height + text_height(scale) + 4)
        })
}

/// Writes a heading with its upper left corner at (`x`, `y`).
fn write_heading(canvas: &mut Canvas, lines: &[String], (x, y): (usize, usize)) {
    let mut top = y;
    for (index, line) in lines.iter().enumerate() {
        let is_first = index == 0;
        let (scale, colour) = if is_first {
            (HEADING[0], BRIGHT)
        } else {
            (HEADING[1], DIM)
        };
        canvas.write(line, (x, top), scale, colour);
        top += text_height(scale) + 4;
    }
}
