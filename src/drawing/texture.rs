//! Filtered noise: clouds, grain, marble, ridges and rings of noise in a palette's colours.

use super::arithmetic::{exponential, length, sine};
use super::canvas::{Canvas, Field, Point, blend};
use super::noise::{Fold, Noise};
use super::palette::Palette;
use crate::random::Random;

/// Draws a texture, or two of which a third decides where each shows.
pub(super) fn texture(side: usize, random: &mut Random) -> Canvas {
    let field = field(side, random);
    let palette = Palette::new(random);
    let stepped = random.chance(0.2);
    let colour = |palette: &Palette, t: f32| {
        if stepped {
            palette.step(t)
        } else {
            palette.at(t)
        }
    };
    if random.chance(0.55) {
        let mut index = 0;
        return Canvas::new(side, |_| {
            index += 1;
            colour(&palette, field.values[index - 1])
        });
    }
    let (other, mask) = (self::field(side, random), self::field(side, random));
    let second = Palette::new(random);
    let (middle, sharp) = (random.between(0.35, 0.65), random.between(5.0, 40.0));
    let mut index = 0;
    Canvas::new(side, |_| {
        let [a, b, m] = [&field, &other, &mask].map(|f| f.values[index]);
        index += 1;
        let share = 1.0 / (1.0 + exponential((middle - m) * sharp));
        blend(colour(&palette, a), colour(&second, b), share)
    })
}

/// Returns a field of noise of a random kind, 0-1.
pub(super) fn field(side: usize, random: &mut Random) -> Field {
    let size = exponential(random.between(0.9, 3.9));
    let stretch = if random.chance(0.6) {
        exponential(random.between(0.3, 2.2))
    } else {
        1.0
    };
    let value: Field = match random.below(6) {
        // 1/f, from soft to rough.
        0 => {
            let gain = random.between(0.35, 0.9);
            let noise = Noise::oriented(random, size.max(20.0), stretch, 5, gain);
            Field::new(side, |p| noise.at(p))
        }
        // One octave: a narrow band of frequencies.
        1 => {
            let noise = Noise::oriented(random, size, stretch, 1, 1.0);
            Field::new(side, |p| noise.at(p))
        }
        2 => {
            let gain = random.between(0.3, 0.7);
            let noise =
                Noise::oriented(random, size.max(10.0), stretch, 4, gain).folded(Fold::Ridged);
            Field::new(side, |p| noise.at(p))
        }
        // Marble: bands of a plane wave pushed about by noise.
        3 => {
            let noise = Noise::new(random, size.max(16.0), 4, 0.5);
            let [cos, sin] = super::arithmetic::direction(random.unit());
            let (period, push) = (
                exponential(random.between(1.4, 3.4)),
                random.between(0.4, 3.0),
            );
            Field::new(side, |p| {
                sine((cos * p[0] + sin * p[1]) / period + push * noise.at(p))
            })
        }
        4 => warped(side, random, size),
        _ => waves(side, random, size),
    };
    value.normalised()
}

/// Noise at places that noise has moved: folds, smoke, agate.
fn warped(side: usize, random: &mut Random, size: f32) -> Field {
    let warp = Warp::new(random, size.max(14.0) * 1.5, 0.9 * size.max(14.0));
    let gain = random.between(0.3, 0.6);
    let noise = Noise::oriented(random, size.max(10.0), 2.0, 3, gain);
    let rings = if random.chance(0.5) {
        random.between(1.0, 4.0)
    } else {
        0.0
    };
    Field::new(side, |p| {
        let value = noise.at(warp.at(p));
        if rings > 0.0 {
            sine(value * rings)
        } else {
            value
        }
    })
}

/// A sum of plane waves of one length, in few or many directions.
fn waves(side: usize, random: &mut Random, size: f32) -> Field {
    let count = 2 + random.below(7);
    let waves: Vec<[f32; 3]> = (0..count)
        .map(|_| {
            let [cos, sin] = super::arithmetic::direction(random.unit());
            let period = 1.5 * size * random.between(0.85, 1.2);
            [cos / period, sin / period, random.unit()]
        })
        .collect();
    Field::new(side, |[x, y]| {
        waves
            .iter()
            .map(|[a, b, phase]| sine(a * x + b * y + phase))
            .sum()
    })
}

/// Moves places about smoothly.
#[derive(Debug, Clone)]
pub(super) struct Warp {
    noises: [Noise; 2],
    strength: f32,
}

impl Warp {
    /// Returns a warp by up to about `strength` units over distances of `size`.
    pub(super) fn new(random: &mut Random, size: f32, strength: f32) -> Self {
        let noises = [
            Noise::new(random, size, 2, 0.5),
            Noise::new(random, size, 2, 0.5),
        ];
        Self { noises, strength }
    }

    /// Returns where a place is looked up.
    pub(super) fn at(&self, point: Point) -> Point {
        let [x, y] = [0, 1].map(|axis| self.noises[axis].at(point) * self.strength);
        [point[0] + x, point[1] + y]
    }
}

/// Marbling: paint dropped on water, drop beside drop, then combed.
///
/// A drop of radius r pushes a place at distance d from it to √(d² + r²) (Jaffer, "Oseen flow in ink
/// marbling"); colours are found by undoing the moves from the last to the first.
pub(super) fn marbling(side: usize, random: &mut Random) -> Canvas {
    let palette = Palette::new(random);
    let drops: Vec<(Point, f32, [f32; 3])> = (0..40 + random.below(80))
        .map(|_| {
            let centre = [random.between(-10.0, 138.0), random.between(-10.0, 138.0)];
            (centre, random.between(3.0, 17.0), palette.pick(random))
        })
        .collect();
    let ground = palette.pick(random);
    let combs: Vec<(Point, f32, f32, f32)> = (0..random.below(4))
        .map(|_| {
            let along = super::arithmetic::direction(random.unit());
            let spacing = random.between(8.0, 40.0);
            (along, spacing, random.unit(), random.between(6.0, 30.0))
        })
        .collect();
    let warp = Warp::new(random, 30.0, 5.0);
    Canvas::new(side, |point| {
        let mut p = warp.at(point);
        for (along, spacing, phase, pull) in combs.iter().rev() {
            let across = (p[1] * along[0] - p[0] * along[1]) / spacing + phase;
            let tooth = (across - across.round()).abs() * spacing;
            let moved = pull / (1.0 + tooth * 0.45);
            p = [p[0] - along[0] * moved, p[1] - along[1] * moved];
        }
        for (centre, radius, colour) in drops.iter().rev() {
            let (dx, dy) = (p[0] - centre[0], p[1] - centre[1]);
            let far = length(dx, dy);
            if far < *radius {
                return *colour;
            }
            let back = (1.0 - radius * radius / (far * far)).sqrt();
            p = [centre[0] + dx * back, centre[1] + dy * back];
        }
        ground
    })
}
