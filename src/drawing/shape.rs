//! Shapes known by the distance to their edge, and how they are filled.

use super::arithmetic::{direction, length};
use super::canvas::{Bounds, Canvas, Colour, Point};
use crate::random::Random;

/// A shape on the plane.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// An ellipse with its axes' half lengths, the first along `along`.
    Ellipse {
        centre: Point,
        radii: Point,
        along: Point,
    },
    /// The inside of a closed line.
    Polygon(Vec<Point>),
    /// A line through points, with round ends.
    Line { points: Vec<Point>, width: f32 },
}

impl Shape {
    /// Returns an upright rectangle.
    pub(super) fn rectangle(low: Point, high: Point) -> Self {
        Self::Polygon(vec![low, [high[0], low[1]], high, [low[0], high[1]]])
    }

    /// Returns an upright ellipse.
    pub(super) fn ellipse(centre: Point, radii: Point) -> Self {
        Self::Ellipse {
            centre,
            radii,
            along: [1.0, 0.0],
        }
    }

    /// Returns a polygon of 3 to 8 corners around a place.
    pub(super) fn shard(
        random: &mut Random,
        centre: Point,
        radius: f32,
        flat: f32,
        turn: f32,
    ) -> Self {
        let corners = 3 + random.below(6);
        let [cos, sin] = direction(turn);
        let points = (0..corners).map(|index| {
            let angle = (index as f32 + random.between(-0.3, 0.3)) / corners as f32;
            let far = radius * random.between(0.6, 1.15);
            let [x, y] = direction(angle);
            let (x, y) = (x * far, y * far * flat);
            [centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos]
        });
        Self::Polygon(points.collect())
    }

    /// Returns the distance to the edge in units, negative inside.
    pub(super) fn distance(&self, point: Point) -> f32 {
        match self {
            Self::Ellipse {
                centre,
                radii,
                along,
            } => {
                let (dx, dy) = (point[0] - centre[0], point[1] - centre[1]);
                let x = (dx * along[0] + dy * along[1]) / radii[0];
                let y = (dy * along[0] - dx * along[1]) / radii[1];
                // First order: the value over its slope.
                let value = length(x, y);
                let slope = length(x / radii[0], y / radii[1]) / value.max(1e-4);
                (value - 1.0) / slope.max(1e-4)
            }
            Self::Polygon(points) => polygon_distance(points, point),
            Self::Line { points, width } => {
                let nearest = points
                    .windows(2)
                    .map(|ends| segment_distance(ends[0], ends[1], point))
                    .fold(f32::MAX, f32::min);
                nearest.sqrt() - width / 2.0
            }
        }
    }

    /// Returns the rectangle that holds the shape and its soft edge.
    pub(super) fn bounds(&self) -> Bounds {
        match self {
            Self::Ellipse { centre, radii, .. } => {
                Bounds::around(&[*centre], radii[0].max(radii[1]) + 1.0)
            }
            Self::Polygon(points) => Bounds::around(points, 1.0),
            Self::Line { points, width } => Bounds::around(points, width / 2.0 + 1.0),
        }
    }
}

/// Returns the squared distance to a piece of a line.
fn segment_distance(from: Point, to: Point, point: Point) -> f32 {
    let (ex, ey) = (to[0] - from[0], to[1] - from[1]);
    let (px, py) = (point[0] - from[0], point[1] - from[1]);
    let along = ((px * ex + py * ey) / (ex * ex + ey * ey).max(1e-9)).clamp(0.0, 1.0);
    let (dx, dy) = (px - along * ex, py - along * ey);
    dx * dx + dy * dy
}

fn polygon_distance(points: &[Point], point: Point) -> f32 {
    let (mut nearest, mut inside) = (f32::MAX, false);
    let mut before = points[points.len() - 1];
    for &corner in points {
        nearest = nearest.min(segment_distance(before, corner, point));
        // A ray to the right crosses an odd number of edges from inside.
        if (corner[1] > point[1]) != (before[1] > point[1]) {
            let crossing = (before[0] - corner[0]) * (point[1] - corner[1])
                / (before[1] - corner[1])
                + corner[0];
            inside ^= point[0] < crossing;
        }
        before = corner;
    }
    nearest.sqrt() * if inside { -1.0 } else { 1.0 }
}

impl Canvas {
    /// Fills a shape with what `colour` gives for each place.
    pub(super) fn fill(&mut self, shape: &Shape, mut colour: impl FnMut(Point) -> Colour) {
        let scale = self.side as f32 / super::canvas::EXTENT;
        self.lay(shape.bounds(), |point, there| {
            let cover = (0.5 - shape.distance(point) * scale).clamp(0.0, 1.0);
            if cover > 0.0 {
                (colour(point), cover)
            } else {
                (there, 0.0)
            }
        });
    }

    /// Draws the outline of a shape with a pen of `width` units.
    pub(super) fn outline(&mut self, shape: &Shape, width: f32, colour: Colour) {
        let scale = self.side as f32 / super::canvas::EXTENT;
        self.lay(shape.bounds(), |point, _| {
            let away = shape.distance(point).abs() - width / 2.0;
            (colour, (0.5 - away * scale).clamp(0.0, 1.0))
        });
    }
}
