//! What stands in a scene: houses, towns, trees, boats, figures and birds.
//!
//! Each is given the place of its foot and its size in units, and is put together of a few shapes.

use super::canvas::{Canvas, Colour, EXTENT, Point, blend, shade};
use super::noise::Noise;
use super::palette::Palette;
use super::shape::Shape;
use crate::random::Random;

/// Draws a house: a lit wall, a side, a roof, windows and a door.
pub(super) fn house(
    canvas: &mut Canvas,
    palette: &Palette,
    [x, y]: Point,
    size: f32,
    random: &mut Random,
) {
    let (wall, roof) = (palette.pick(random), palette.pick(random));
    let (wide, high) = (
        size * random.between(0.35, 0.7),
        size * random.between(0.5, 1.0),
    );
    let top = y - high;
    canvas.fill(&Shape::rectangle([x - wide, top], [x + wide, y]), |p| {
        shade(wall, 1.0 - 0.3 * (p[0] - x) / wide)
    });
    let (eave, peak) = (wide * 1.15, top - wide * random.between(0.5, 1.4));
    let gable = vec![
        [x - eave, top],
        [x + eave, top],
        [x + eave * random.between(-0.4, 0.4), peak],
    ];
    let tiles = size * 0.08;
    canvas.fill(&Shape::Polygon(gable), |p| {
        let row = (p[1] / tiles.max(1.0)).floor().rem_euclid(2.0);
        shade(roof, 0.85 + 0.2 * row)
    });
    let (columns, rows) = (1 + random.below(3), 1 + random.below(3));
    let glass = if random.chance(0.3) {
        palette.extremes().1
    } else {
        shade(wall, 0.35)
    };
    for column in 0..columns {
        for row in 0..rows {
            let cx = x - wide + 2.0 * wide * (column as f32 + 0.5) / columns as f32;
            let cy = top + high * (row as f32 + 0.5) / rows as f32;
            let (w, h) = (wide * 0.4 / columns as f32, high * 0.26 / rows as f32);
            canvas.fill(
                &Shape::rectangle([cx - w, cy - h], [cx + w, cy + h]),
                |_| glass,
            );
        }
    }
}

/// Draws a row of houses and towers along the horizon.
pub(super) fn town(canvas: &mut Canvas, palette: &Palette, horizon: f32, random: &mut Random) {
    let mut x = random.between(-10.0, 60.0);
    let end = x + random.between(30.0, 120.0);
    while x < end {
        let size = random.between(6.0, 20.0);
        if random.chance(0.15) {
            tower(canvas, palette, [x, horizon + 1.0], size * 1.8, random);
        } else {
            house(canvas, palette, [x, horizon + 1.0], size, random);
        }
        x += size * random.between(0.4, 1.1);
    }
}

fn tower(canvas: &mut Canvas, palette: &Palette, [x, y]: Point, size: f32, random: &mut Random) {
    let (wall, roof) = (palette.pick(random), palette.pick(random));
    let half = size * 0.11;
    canvas.fill(
        &Shape::rectangle([x - half, y - size], [x + half, y]),
        |p| shade(wall, 1.0 - 0.35 * (p[0] - x) / half),
    );
    let spire = vec![
        [x - half * 1.3, y - size],
        [x + half * 1.3, y - size],
        [x, y - size * 1.5],
    ];
    canvas.fill(&Shape::Polygon(spire), |_| roof);
}

/// Draws a tree: round, pointed or a cypress's flame.
pub(super) fn tree(
    canvas: &mut Canvas,
    palette: &Palette,
    [x, y]: Point,
    size: f32,
    random: &mut Random,
) {
    let (bark, leaf) = (shade(palette.pick(random), 0.5), palette.pick(random));
    let leaves = Noise::oriented(random, (size * 0.09).max(1.5), 1.6, 2, 0.7);
    let tint = |p: Point, light: f32| shade(leaf, 0.85 + 0.45 * leaves.at(p) + light);
    let lean = size * 0.1 * random.normal();
    let trunk = vec![
        [x, y],
        [x + lean * 0.5, y - size * 0.3],
        [x + lean, y - size * 0.6],
    ];
    canvas.fill(
        &Shape::Line {
            points: trunk,
            width: size * 0.08,
        },
        |_| bark,
    );
    match random.below(3) {
        0 => {
            for _ in 0..6 + random.below(8) {
                let cx = x + lean + size * 0.22 * random.normal();
                let cy = y - size * 0.7 + size * 0.15 * random.normal();
                let radius = size * random.between(0.1, 0.22);
                let light = 0.3 * ((y - size * 0.7 - cy) / size + random.between(-0.3, 0.3));
                canvas.fill(&Shape::ellipse([cx, cy], [radius, radius * 0.8]), |p| {
                    tint(p, light - 0.25 * (p[1] - cy) / radius)
                });
            }
        }
        1 => {
            for tier in 0..4 {
                let t = tier as f32;
                let (half, top) = (size * (0.32 - 0.06 * t), y - size * (0.5 + 0.2 * t));
                let base = top + size * 0.38;
                let shape = Shape::Polygon(vec![[x - half, base], [x + half, base], [x, top]]);
                canvas.fill(&shape, |p| tint(p, 0.25 * (x - p[0]) / half));
            }
        }
        _ => {
            let sway = size * 0.05 * random.normal();
            let flame = (0..14)
                .map(|index| {
                    let turn = index as f32 / 14.0;
                    let [cos, sin] = super::arithmetic::direction(turn);
                    let up = 0.5 + 0.5 * sin;
                    let half = size * 0.16 * (1.2 - up);
                    [
                        x + half * cos * 1.4 + sway * up * up * 3.0,
                        y - size * 1.2 * up,
                    ]
                })
                .collect();
            canvas.fill(&Shape::Polygon(flame), |p| tint(p, 0.2 * (x - p[0]) / size));
        }
    }
}

/// Draws a boat: a hull, and masts with sails.
pub(super) fn boat(
    canvas: &mut Canvas,
    palette: &Palette,
    [x, y]: Point,
    size: f32,
    random: &mut Random,
) {
    let (hull, sail) = (
        palette.pick(random),
        blend(palette.pick(random), palette.extremes().1, 0.4),
    );
    let deep = size * 0.25;
    let shape = vec![
        [x - size, y - deep],
        [x + size * 1.1, y - deep * 1.2],
        [x + size * 0.7, y],
        [x - size * 0.7, y],
    ];
    canvas.fill(&Shape::Polygon(shape), |p| {
        shade(hull, 0.8 + 0.4 * (y - p[1]) / deep)
    });
    if random.chance(0.75) {
        let mast = x + size * random.between(-0.2, 0.2);
        let top = y - size * random.between(1.4, 2.6);
        let width = (size * 0.06).max(0.6);
        canvas.fill(
            &Shape::Line {
                points: vec![[mast, y - deep], [mast, top]],
                width,
            },
            |_| shade(hull, 0.5),
        );
        let belly = size * random.between(0.5, 1.0);
        let cloth = vec![
            [mast + width, top],
            [mast + belly, y - deep * 2.0],
            [mast + width, y - deep * 1.7],
        ];
        canvas.fill(&Shape::Polygon(cloth), |p| {
            shade(sail, 1.0 - 0.3 * (p[0] - mast) / belly)
        });
        let jib = vec![
            [mast - width, top * 0.9 + y * 0.1],
            [mast - belly * 0.8, y - deep * 1.6],
            [mast - width, y - deep * 1.7],
        ];
        canvas.fill(&Shape::Polygon(jib), |_| shade(sail, 0.85));
    }
}

/// Draws a person: legs, a coat, arms and a head.
pub(super) fn figure(
    canvas: &mut Canvas,
    palette: &Palette,
    [x, y]: Point,
    size: f32,
    random: &mut Random,
) {
    let (coat, skin): (Colour, Colour) = (
        palette.pick(random),
        blend(palette.pick(random), [0.9, 0.7, 0.55], 0.6),
    );
    let dark = shade(coat, 0.5);
    let stride = size * random.between(0.02, 0.15);
    for foot in [-stride, stride] {
        let points = vec![[x, y - size * 0.45], [x + foot, y]];
        canvas.fill(
            &Shape::Line {
                points,
                width: size * 0.09,
            },
            |_| dark,
        );
    }
    let (shoulder, hem) = (
        size * random.between(0.1, 0.16),
        size * random.between(0.1, 0.22),
    );
    let body = vec![
        [x - shoulder, y - size * 0.82],
        [x + shoulder, y - size * 0.82],
        [x + hem, y - size * 0.35],
        [x - hem, y - size * 0.35],
    ];
    canvas.fill(&Shape::Polygon(body), |p| {
        shade(coat, 1.0 - 0.4 * (p[0] - x) / hem)
    });
    for way in [-1.0, 1.0] {
        let hand = [
            x + way * size * random.between(0.1, 0.3),
            y - size * random.between(0.4, 0.95),
        ];
        let points = vec![[x + way * shoulder, y - size * 0.78], hand];
        canvas.fill(
            &Shape::Line {
                points,
                width: size * 0.07,
            },
            |_| coat,
        );
    }
    let head = size * 0.085;
    canvas.fill(
        &Shape::ellipse([x, y - size * 0.91], [head, head * 1.25]),
        |_| skin,
    );
}

/// Draws birds: two wings each.
pub(super) fn birds(canvas: &mut Canvas, colour: Colour, horizon: f32, random: &mut Random) {
    for _ in 0..2 + random.below(8) {
        let (x, y) = (random.between(0.0, EXTENT), random.between(4.0, horizon));
        let wing = random.between(2.0, 6.0);
        let points = vec![
            [x - wing, y - wing * 0.4],
            [x - wing * 0.5, y - wing * 0.5],
            [x, y],
            [x + wing * 0.5, y - wing * 0.5],
            [x + wing, y - wing * 0.4],
        ];
        canvas.fill(
            &Shape::Line {
                points,
                width: wing * 0.16 + 0.4,
            },
            |_| colour,
        );
    }
}
