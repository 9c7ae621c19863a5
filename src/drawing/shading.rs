//! Forms without lines: gradients, spheres, folds and terrain, lit from one side.

use super::arithmetic::{bell, direction, length, sine};
use super::canvas::{Canvas, EXTENT, Field, Point};
use super::noise::{Fold, Noise};
use super::palette::Palette;
use crate::random::Random;

/// Draws lit forms.
pub(super) fn forms(side: usize, random: &mut Random) -> Canvas {
    let height = match random.below(4) {
        0 => folds(side, random),
        1 => terrain(side, random),
        2 => balls(side, random),
        _ => return gradients(side, random),
    };
    let palette = Palette::new(random);
    let [x, y] = direction(random.unit());
    let (steep, gloss) = (random.between(0.5, 1.2), random.between(0.0, 0.8));
    let by_height = random.between(0.0, 0.5);
    let mut index = 0;
    Canvas::new(side, |_| {
        let [dx, dy] = height.slope(index % side, index / side);
        let level = height.values[index];
        index += 1;
        // A surface's normal against a light that stands at 45°.
        let facing =
            (1.0 + steep * (dx * x + dy * y)) / (1.0 + steep * steep * (dx * dx + dy * dy)).sqrt();
        let lit = (0.5 * facing).clamp(0.0, 1.0);
        let shine = gloss * bell((facing - 1.4) * 8.0);
        palette
            .at(lit * (1.0 - by_height) + by_height * level / 12.0)
            .map(|c| c + shine)
    })
}

/// Cloth: long waves, bent.
fn folds(side: usize, random: &mut Random) -> Field {
    let size = random.between(16.0, 40.0);
    let noise = Noise::oriented(random, size, 4.0, 2, 0.5);
    let [cos, sin] = direction(random.unit());
    let (period, push) = (random.between(10.0, 30.0), random.between(0.5, 2.0));
    let depth = period * 0.16;
    Field::new(side, |p| {
        let wave = sine((p[0] * cos + p[1] * sin) / period + push * noise.at(p));
        depth * wave.abs() * 2.0
    })
}

fn terrain(side: usize, random: &mut Random) -> Field {
    let size = random.between(12.0, 45.0);
    let fold = if random.chance(0.5) {
        Fold::Ridged
    } else {
        Fold::Smooth
    };
    let gain = random.between(0.35, 0.6);
    let noise = Noise::oriented(random, size, 1.5, 5, gain).folded(fold);
    Field::new(side, |p| size * 0.4 * noise.at(p))
}

/// Spheres on a plane, the nearest in front.
fn balls(side: usize, random: &mut Random) -> Field {
    let balls: Vec<(Point, f32)> = (0..4 + random.below(40))
        .map(|_| {
            let centre = [random.between(0.0, EXTENT), random.between(0.0, EXTENT)];
            (centre, random.between(4.0, 22.0))
        })
        .collect();
    Field::new(side, |p| {
        balls.iter().fold(0.0_f32, |top, (centre, radius)| {
            let far = length(p[0] - centre[0], p[1] - centre[1]);
            top.max((radius * radius - far * far).max(0.0).sqrt())
        })
    })
}

/// Broad gradients that meet at soft or sharp edges.
fn gradients(side: usize, random: &mut Random) -> Canvas {
    let planes: Vec<(Palette, Point, f32)> = (0..2 + random.below(3))
        .map(|_| {
            let along = direction(random.unit());
            (Palette::new(random), along, random.between(60.0, 160.0))
        })
        .collect();
    let noise = Noise::new(random, 50.0, 2, 0.4);
    let sharp = random.chance(0.6);
    Canvas::new(side, |p| {
        let value = (noise.at(p) * 0.5 + 0.5).clamp(0.0, 0.999) * planes.len() as f32;
        let colour = |index: usize| {
            let (palette, along, far) = &planes[index.min(planes.len() - 1)];
            let t = ((p[0] - 64.0) * along[0] + (p[1] - 64.0) * along[1]) / far + 0.5;
            palette.at(t)
        };
        let index = value as usize;
        if sharp {
            colour(index)
        } else {
            super::canvas::blend(colour(index), colour(index + 1), value.fract())
        }
    })
}
