//! A surface to draw plain things on: areas, single pixels, text.
//!
//! For pictures about pictures (mosaics, sheets, charts). What lies outside of the surface is left
//! out, so that nobody has to clip.

use super::{lettering, picture::Picture};

/// A colour: red, green, blue, 0-255, sRGB.
pub type Rgb = [u8; 3];

/// An area in pixels, from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Columns left of it.
    pub x: usize,
    /// Rows above it.
    pub y: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

/// A surface of at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    data: Vec<Rgb>,
}

impl Canvas {
    /// Returns a surface of one colour; a side of 0 is taken as 1.
    pub fn new(width: usize, height: usize, ground: Rgb) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self {
            width,
            height,
            data: vec![ground; width * height],
        }
    }

    /// Gives one pixel a colour.
    pub fn dot(&mut self, x: usize, y: usize, colour: Rgb) {
        if x < self.width && y < self.height {
            self.data[y * self.width + x] = colour;
        }
    }

    /// Gives an area one colour.
    pub fn fill(&mut self, area: Area, colour: Rgb) {
        let right = (area.x + area.width).min(self.width);
        for y in area.y..(area.y + area.height).min(self.height) {
            for x in area.x..right {
                self.dot(x, y, colour);
            }
        }
    }

    /// Gives each pixel of an area the colour that `of` returns for its column and row within it.
    pub fn paint(&mut self, area: Area, of: impl Fn(usize, usize) -> Rgb) {
        for y in 0..area.height {
            for x in 0..area.width {
                self.dot(area.x + x, area.y + y, of(x, y));
            }
        }
    }

    /// Writes one line of text whose upper left corner is at (`x`, `y`).
    pub fn write(&mut self, text: &str, (x, y): (usize, usize), scale: usize, colour: Rgb) {
        lettering::trace(text, scale, &mut |column, row| {
            self.dot(x + column, y + row, colour);
        });
    }

    /// Returns the surface as a picture.
    pub fn into_picture(self) -> Picture {
        let planes = (0..3).flat_map(|plane| {
            let values = self.data.iter().map(move |colour| colour[plane]);
            values.map(f32::from)
        });
        let data = planes.collect();
        Picture::new(self.width, self.height, data).expect("three planes of at least one pixel")
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_lies_where_it_was_drawn() {
        let mut canvas = Canvas::new(5, 4, [1, 2, 3]);
        let area = Area {
            x: 3,
            y: 1,
            width: 9,
            height: 2,
        };
        canvas.fill(area, [9, 8, 7]);
        canvas.paint(Area { height: 1, ..area }, |x, _| [u8::from(x == 1), 0, 0]);
        canvas.dot(50, 0, [0; 3]);
        let picture = canvas.into_picture();
        assert_eq!((picture.width(), picture.height()), (5, 4));
        let red: Vec<f32> = picture.plane(0).to_vec();
        let expected = [
            [1.0, 1.0, 1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0, 0.0, 1.0],
            [1.0, 1.0, 1.0, 9.0, 9.0],
            [1.0; 5],
        ];
        assert_eq!(red, expected.as_flattened());
        assert_eq!(picture.plane(2)[2 * 5 + 4], 7.0);
    }

    #[test]
    fn text_beyond_the_edge_is_left_out() {
        let mut canvas = Canvas::new(8, 8, [0; 3]);
        canvas.write("HHH", (0, 0), 1, [255; 3]);
        let picture = canvas.into_picture();
        // The first letter's left stroke, and the second's, which begins in the seventh column.
        assert!(
            picture.plane(0)[..56]
                .chunks(8)
                .all(|row| row[0] == 255.0 && row[6] == 255.0)
        );
    }
}
