//! Dead leaves: shapes of all sizes lying over each other (Matheron 1968), flat, shaded, outlined or
//! textured, scattered or in the direction of a flow.

use super::arithmetic::{direction, sine};
use super::canvas::{Canvas, EXTENT, blend, shade};
use super::flow::Flow;
use super::noise::Noise;
use super::palette::Palette;
use super::shape::Shape;
use crate::random::Random;

/// Draws leaves.
pub(super) fn leaves(side: usize, random: &mut Random) -> Canvas {
    let palette = Palette::new(random);
    let ground = palette.pick(random);
    let mut canvas = Canvas::new(side, |_| ground);
    let flow = random.chance(0.5).then(|| Flow::new(random, None));
    let (base, spread) = (random.unit(), random.between(0.0, 0.5));
    let flat = random.between(0.2, 1.0);
    let turn = base + spread * random.between(-0.5, 0.5);
    let largest = random.between(8.0, 34.0);
    let kind = random.below(4);
    let shading = if random.chance(0.6) {
        random.between(0.1, 0.6)
    } else {
        0.0
    };
    let light = direction(random.unit());
    let pen = random
        .chance(0.3)
        .then(|| (random.between(0.5, 1.6), palette.extremes().0));
    let stripes = random.chance(0.3).then(|| random.between(2.0, 6.0));
    let grain = random
        .chance(0.4)
        .then(|| Noise::oriented(random, 2.5, 3.0, 2, 0.6));
    let shadow = random.chance(0.35);
    for _ in 0..200 + random.below(300) {
        let centre = [
            random.between(-6.0, EXTENT + 6.0),
            random.between(-6.0, EXTENT + 6.0),
        ];
        // Radii whose squares' inverses are even: as many small leaves as cover what one large does.
        let radius = (2.2 / (random.unit() + 0.001).sqrt()).min(largest);
        let along = match &flow {
            Some(flow) => flow.at(centre),
            None => direction(base + spread * random.between(-1.0, 1.0)),
        };
        let shape = match kind {
            0 => Shape::Ellipse {
                centre,
                radii: [radius, radius * flat],
                along,
            },
            1 => Shape::shard(random, centre, radius, flat, turn),
            2 => lens(centre, radius, flat, along),
            _ if random.chance(0.5) => Shape::ellipse(centre, [radius, radius * flat]),
            _ => block(centre, radius, flat, along),
        };
        let colour = palette.pick(random);
        if shadow {
            let dark = shade(colour, 0.25);
            let moved = moved(&shape, [1.2, 1.6]);
            canvas.lay(moved.bounds(), |p, there| {
                let near = (0.6 - moved.distance(p) * 0.5).clamp(0.0, 1.0);
                (blend(there, dark, 0.5), near)
            });
        }
        let phase = random.unit();
        canvas.fill(&shape, |p| {
            let (x, y) = (p[0] - centre[0], p[1] - centre[1]);
            let mut factor = 1.0 - shading * (x * light[0] + y * light[1]) / radius;
            if let Some(period) = stripes {
                factor += 0.18 * sine((x * along[1] - y * along[0]) / period + phase);
            }
            if let Some(grain) = &grain {
                factor += 0.25 * grain.at(p);
            }
            shade(colour, factor)
        });
        if let Some((width, colour)) = pen {
            canvas.outline(&shape, width, colour);
        }
    }
    canvas
}

/// A leaf with two pointed ends.
fn lens(centre: [f32; 2], radius: f32, flat: f32, along: [f32; 2]) -> Shape {
    let points = (0..12).map(|index| {
        let [x, y] = direction(index as f32 / 12.0);
        // Narrower towards the ends.
        let (x, y) = (
            x * radius,
            y * radius * flat * 0.7 * (1.0 - x * x).max(0.0).sqrt(),
        );
        [
            centre[0] + x * along[0] - y * along[1],
            centre[1] + x * along[1] + y * along[0],
        ]
    });
    Shape::Polygon(points.collect())
}

fn block(centre: [f32; 2], radius: f32, flat: f32, along: [f32; 2]) -> Shape {
    let corner = |x: f32, y: f32| {
        let (x, y) = (x * radius * 0.9, y * radius * flat * 0.9);
        [
            centre[0] + x * along[0] - y * along[1],
            centre[1] + x * along[1] + y * along[0],
        ]
    };
    Shape::Polygon(vec![
        corner(-1.0, -1.0),
        corner(1.0, -1.0),
        corner(1.0, 1.0),
        corner(-1.0, 1.0),
    ])
}

fn moved(shape: &Shape, by: [f32; 2]) -> Shape {
    let place = |p: &[f32; 2]| [p[0] + by[0], p[1] + by[1]];
    match shape {
        Shape::Ellipse {
            centre,
            radii,
            along,
        } => Shape::Ellipse {
            centre: place(centre),
            radii: *radii,
            along: *along,
        },
        Shape::Polygon(points) => Shape::Polygon(points.iter().map(place).collect()),
        Shape::Line { points, width } => Shape::Line {
            points: points.iter().map(place).collect(),
            width: *width,
        },
    }
}
