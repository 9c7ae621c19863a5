//! A square to draw on, and scalar fields of the same extent.
//!
//! Places are given in units of which a side has [`EXTENT`], whatever its number of pixels: the same
//! drawing at another size shows the same things, finer. Edges are softened over one pixel.

use super::arithmetic::mix;

/// Units along a side.
pub(super) const EXTENT: f32 = 128.0;

/// RGB, each 0-1.
pub(super) type Colour = [f32; 3];

/// A place in units: x to the right, y downwards.
pub(super) type Point = [f32; 2];

/// Returns the colour between two.
pub(super) fn blend(below: Colour, above: Colour, amount: f32) -> Colour {
    [0, 1, 2].map(|c| mix(below[c], above[c], amount))
}

/// Returns a colour made lighter or darker.
pub(super) fn shade(colour: Colour, factor: f32) -> Colour {
    colour.map(|value| value * factor)
}

/// Returns how bright a colour is, 0-1.
pub(super) fn brightness(colour: Colour) -> f32 {
    0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
}

/// A rectangle of places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: Point,
    pub(super) high: Point,
}

impl Bounds {
    /// Returns the smallest rectangle about `points`, widened by `margin`.
    pub(super) fn around(points: &[Point], margin: f32) -> Self {
        let mut bounds = Self {
            low: [f32::MAX; 2],
            high: [f32::MIN; 2],
        };
        for point in points {
            for (axis, at) in point.iter().enumerate() {
                bounds.low[axis] = bounds.low[axis].min(at - margin);
                bounds.high[axis] = bounds.high[axis].max(at + margin);
            }
        }
        bounds
    }
}

/// A picture under way: `side` × `side` colours, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    pub(super) side: usize,
    pub(super) pixels: Vec<Colour>,
}

impl Canvas {
    /// Returns a canvas whose pixels have the colour that `colour` gives their places.
    pub(super) fn new(side: usize, mut colour: impl FnMut(Point) -> Colour) -> Self {
        let unit = EXTENT / side as f32;
        let pixels = (0..side * side)
            .map(|index| colour(place(index % side, index / side, unit)))
            .collect();
        Self { side, pixels }
    }

    /// Lays ink over the pixels in `bounds`: `ink` gives its colour and how much it covers, from the
    /// place and from what is there.
    pub(super) fn lay(
        &mut self,
        bounds: Bounds,
        mut ink: impl FnMut(Point, Colour) -> (Colour, f32),
    ) {
        let unit = EXTENT / self.side as f32;
        let ([left, right], [top, bottom]) = (self.span(bounds, 0), self.span(bounds, 1));
        for row in top..bottom {
            for column in left..right {
                let pixel = &mut self.pixels[row * self.side + column];
                let (colour, cover) = ink(place(column, row, unit), *pixel);
                if cover > 0.0 {
                    *pixel = blend(*pixel, colour, cover.min(1.0));
                }
            }
        }
    }

    /// Returns the first pixel of `bounds` along an axis and the one behind its last.
    pub(super) fn span(&self, bounds: Bounds, axis: usize) -> [usize; 2] {
        let scale = self.side as f32 / EXTENT;
        let low = (bounds.low[axis] * scale).floor().max(0.0) as usize;
        let high = (bounds.high[axis] * scale).ceil().max(0.0) as usize;
        [low.min(self.side), high.min(self.side)]
    }

    /// Returns the colour at a place, that of the nearest pixel.
    pub(super) fn at(&self, point: Point) -> Colour {
        let [column, row] =
            point.map(|v| ((v * self.side as f32 / EXTENT).max(0.0) as usize).min(self.side - 1));
        self.pixels[row * self.side + column]
    }

    /// Returns the brightness of every pixel.
    pub(super) fn tones(&self) -> Field {
        Field {
            side: self.side,
            values: self.pixels.iter().map(|&pixel| brightness(pixel)).collect(),
        }
    }
}

/// Returns the place of a pixel's middle, given the units a pixel takes.
fn place(column: usize, row: usize, unit: f32) -> Point {
    [(column as f32 + 0.5) * unit, (row as f32 + 0.5) * unit]
}

/// A number for every pixel.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) side: usize,
    pub(super) values: Vec<f32>,
}

impl Field {
    /// Returns the field of `value`.
    pub(super) fn new(side: usize, mut value: impl FnMut(Point) -> f32) -> Self {
        let unit = EXTENT / side as f32;
        let values = (0..side * side)
            .map(|index| value(place(index % side, index / side, unit)))
            .collect();
        Self { side, values }
    }

    /// Scales the values to 0-1.
    pub(super) fn normalised(mut self) -> Self {
        let low = self.values.iter().copied().fold(f32::MAX, f32::min);
        let high = self.values.iter().copied().fold(f32::MIN, f32::max);
        let range = (high - low).max(1e-6);
        self.values.iter_mut().for_each(|v| *v = (*v - low) / range);
        self
    }

    /// Returns the value at a place, that of the nearest pixel.
    pub(super) fn at(&self, point: Point) -> f32 {
        let [column, row] =
            point.map(|v| ((v * self.side as f32 / EXTENT).max(0.0) as usize).min(self.side - 1));
        self.values[row * self.side + column]
    }

    /// Returns the slope at a pixel in values a unit, to the right and downwards.
    pub(super) fn slope(&self, column: usize, row: usize) -> Point {
        let last = self.side - 1;
        let value = |column: usize, row: usize| self.values[row * self.side + column];
        let scale = self.side as f32 / EXTENT / 2.0;
        [
            (value((column + 1).min(last), row) - value(column.saturating_sub(1), row)) * scale,
            (value(column, (row + 1).min(last)) - value(column, row.saturating_sub(1))) * scale,
        ]
    }

    /// Averages each value with its neighbours `radius` pixels around, `times` times over.
    pub(super) fn blurred(mut self, radius: usize, times: usize) -> Self {
        for _ in 0..times {
            self.values = self.box_rows(radius);
            self.values = self.box_rows(radius);
        }
        self
    }

    /// Averages along rows and turns rows into columns.
    fn box_rows(&self, radius: usize) -> Vec<f32> {
        let side = self.side;
        let mut out = vec![0.0; side * side];
        let width = (2 * radius + 1) as f32;
        for row in 0..side {
            let line = &self.values[row * side..(row + 1) * side];
            let value = |at: isize| line[at.clamp(0, side as isize - 1) as usize];
            let radius = radius as isize;
            let mut sum: f32 = (-radius..=radius).map(value).sum();
            for column in 0..side {
                out[column * side + row] = sum / width;
                let at = column as isize;
                sum += value(at + radius + 1) - value(at - radius);
            }
        }
        out
    }
}
