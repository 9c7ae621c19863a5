//! Brush strokes along a flow: a picture painted over, large strokes first, with bristles, varied
//! paint and light on its thickness.

use super::arithmetic::{ease, exponential, mix};
use super::canvas::{Bounds, Canvas, Colour, EXTENT, Field, Point, blend, shade};
use super::flow::Flow;
use super::noise::{hash, hashed};
use crate::random::Random;

/// How strokes are made.
#[derive(Debug, Clone)]
struct Brush {
    width: f32,
    /// Length in units.
    far: f32,
    /// Variation of a stroke's colour.
    vary: f32,
    /// Bristles across a stroke.
    bristles: f32,
    /// How much bristles differ.
    rough: f32,
    /// Opacity.
    body: f32,
}

/// Paints a picture over with strokes.
pub(super) fn paint(picture: &Canvas, random: &mut Random) -> Canvas {
    let flow = Flow::new(random, Some(picture));
    let width = exponential(random.between(0.75, 2.4));
    let brush = Brush {
        width,
        far: width * exponential(random.between(0.3, 1.9)),
        vary: random.between(0.02, 0.14),
        bristles: random.between(2.0, 8.0),
        rough: if random.chance(0.75) {
            random.between(0.05, 0.3)
        } else {
            0.0
        },
        body: if random.chance(0.7) {
            1.0
        } else {
            random.between(0.4, 0.9)
        },
    };
    let mut painted = if random.chance(0.5) {
        picture.clone()
    } else {
        let ground: Colour = [random.unit(), random.unit(), random.unit()];
        Canvas::new(picture.side, |_| ground)
    };
    let mut relief = Field::new(picture.side, |_| 0.0);
    let fine = random.chance(0.5);
    for (size, cover) in [
        (1.0, random.between(1.2, 3.0)),
        (0.5, if fine { 0.7 } else { 0.0 }),
    ] {
        let brush = Brush {
            width: brush.width * size,
            far: brush.far * size,
            ..brush
        };
        let area = EXTENT * EXTENT;
        let count = (cover * area / (brush.width * brush.far)).min(2600.0) as usize;
        for _ in 0..count {
            stroke(&mut painted, &mut relief, picture, &flow, &brush, random);
        }
    }
    if random.chance(0.8) {
        light(&mut painted, &relief, random.between(0.1, 0.9));
    }
    painted
}

/// Lays one stroke, in the picture's colour at its middle.
fn stroke(
    painted: &mut Canvas,
    relief: &mut Field,
    picture: &Canvas,
    flow: &Flow,
    brush: &Brush,
    random: &mut Random,
) {
    let start = [
        random.between(-8.0, EXTENT + 8.0),
        random.between(-8.0, EXTENT + 8.0),
    ];
    let far = brush.far * random.between(0.6, 1.4);
    let steps = (far / (brush.width * 1.5)).clamp(2.0, 6.0) as usize;
    let points = flow.follow(start, far, steps);
    let tone = brush.vary * random.normal();
    let colour = picture
        .at(points[steps / 2])
        .map(|value| value + tone + 0.5 * brush.vary * random.normal());
    let half = 0.5 * brush.width * random.between(0.7, 1.3);
    let id = random.bits() as u32;
    let bounds = Bounds::around(&points, half + 0.5);
    let ([left, right], [top, bottom]) = (painted.span(bounds, 0), painted.span(bounds, 1));
    let unit = EXTENT / painted.side as f32;
    for row in top..bottom {
        for column in left..right {
            let place = [(column as f32 + 0.5) * unit, (row as f32 + 0.5) * unit];
            let (across, along) = locate(&points, place);
            if across.abs() >= half + unit {
                continue;
            }
            let bristle = bristle(across / half * brush.bristles, along * 3.0, id);
            // Thin at the ends, where single bristles run out.
            let end = ease(along, 0.0, 0.15) * ease(1.0 - along, 0.0, 0.1 + 0.3 * bristle);
            let edge = ((half - across.abs()) / unit + 0.5).clamp(0.0, 1.0);
            let cover = edge * brush.body * mix(1.0 - 3.0 * brush.rough, 1.0, end).clamp(0.0, 1.0);
            let index = row * painted.side + column;
            let paint = shade(colour, 1.0 + brush.rough * (2.0 * bristle - 1.0));
            painted.pixels[index] = blend(painted.pixels[index], paint, cover);
            // Paint is pushed to the stroke's rims.
            let rim = ease(across.abs() / half, 0.5, 0.95) * 0.5;
            let thick = 0.5 + rim + 0.8 * brush.rough * (bristle - 0.5) + 0.3 * hashed(id);
            relief.values[index] = mix(relief.values[index], thick, cover);
        }
    }
}

/// Returns how far a place lies from a line, negative on its left, and where along it, 0-1.
fn locate(points: &[Point], place: Point) -> (f32, f32) {
    let (mut nearest, mut side, mut along) = (f32::MAX, 1.0, 0.0);
    let pieces = (points.len() - 1) as f32;
    for (index, ends) in points.windows(2).enumerate() {
        let (ex, ey) = (ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]);
        let (px, py) = (place[0] - ends[0][0], place[1] - ends[0][1]);
        let squared = (ex * ex + ey * ey).max(1e-9);
        let t = ((px * ex + py * ey) / squared).clamp(0.0, 1.0);
        let (dx, dy) = (px - t * ex, py - t * ey);
        let away = dx * dx + dy * dy;
        if away < nearest {
            nearest = away;
            side = if ex * py - ey * px < 0.0 { -1.0 } else { 1.0 };
            along = (index as f32 + t) / pieces;
        }
    }
    (nearest.sqrt() * side, along)
}

/// Returns how much paint a bristle carries, 0-1: it varies across and, slowly, along a stroke.
fn bristle(across: f32, along: f32, id: u32) -> f32 {
    let (column, row) = (across.floor(), along.floor());
    let value = |dx: i32, dy: i32| hashed(hash(column as i32 + dx, row as i32 + dy, id));
    let (u, v) = (across - column, along - row);
    let above = mix(value(0, 0), value(1, 0), u);
    mix(above, mix(value(0, 1), value(1, 1), u), v)
}

/// Lights the thickness of paint from the upper left.
pub(super) fn light(painted: &mut Canvas, relief: &Field, strength: f32) {
    let side = painted.side;
    for index in 0..side * side {
        let [x, y] = relief.slope(index % side, index / side);
        let lit = ((-x * 0.7 - y) * strength).clamp(-0.4, 0.5);
        let pixel = painted.pixels[index];
        painted.pixels[index] = if lit > 0.0 {
            blend(pixel, [1.0; 3], lit * 0.7)
        } else {
            shade(pixel, 1.0 + lit)
        };
    }
}
