//! Pictures made again in other ways: halftone screens, mosaics, stained glass, woodcut and flat
//! posters.

use super::arithmetic::{direction, ease, exponential};
use super::canvas::{Canvas, Colour, EXTENT, Point, blend, brightness, shade};
use super::noise::{Noise, cell, hash, hashed};
use super::palette::Palette;
use crate::random::Random;

/// Prints a picture with a screen of dots or lines, in one ink or in three.
pub(super) fn halftone(picture: &Canvas, random: &mut Random) -> Canvas {
    let period = exponential(random.between(0.9, 2.0));
    let lines = random.chance(0.4);
    let first = random.unit();
    let inks = random.chance(0.6);
    let (dark, light) = Palette::new(random).extremes();
    let soft = 0.6 / period;
    let screen = |point: Point, turn: f32, amount: f32| {
        let [cos, sin] = direction(turn);
        let u = (point[0] * cos + point[1] * sin) / period;
        let v = (point[1] * cos - point[0] * sin) / period;
        let (a, b) = ((u - u.round()).abs(), (v - v.round()).abs());
        // The dot's radius gives its share of a square of side 1.
        let (far, reach) = if lines {
            (a, amount / 2.0)
        } else {
            ((a * a + b * b).sqrt(), (amount * 0.4).sqrt())
        };
        1.0 - ease(far, reach - soft / 2.0, reach + soft / 2.0)
    };
    Canvas::new(picture.side, |point| {
        let colour = picture.at(point);
        if inks {
            let turns = [0.04, 0.21, 0.12];
            [0, 1, 2].map(|c| 1.0 - screen(point, first + turns[c], 1.0 - colour[c]))
        } else {
            blend(light, dark, screen(point, first, 1.0 - brightness(colour)))
        }
    })
}

/// Sets a picture in tiles, with joints between them.
pub(super) fn mosaic(picture: &Canvas, random: &mut Random) -> Canvas {
    let size = exponential(random.between(1.0, 2.4));
    let spread = if random.chance(0.3) {
        0.15
    } else {
        random.between(0.3, 1.0)
    };
    let seed = random.bits() as u32;
    let [cos, sin] = direction(if random.chance(0.5) {
        0.0
    } else {
        random.unit()
    });
    let joint = random.between(0.02, 0.16);
    let lead: Colour = if random.chance(0.6) {
        [random.between(0.0, 0.25); 3]
    } else {
        [0.9, 0.88, 0.82]
    };
    let (vary, bevel) = (random.between(0.02, 0.2), random.between(0.0, 0.35));
    Canvas::new(picture.side, |[x, y]| {
        let place = [(x * cos + y * sin) / size, (y * cos - x * sin) / size];
        let cell = cell(place, spread, seed);
        let [u, v] = cell.offset.map(|d| d * size);
        // The colour is that of the picture under the tile's middle.
        let middle = [x - u * cos + v * sin, y - u * sin - v * cos];
        let light = vary * (hashed(cell.id) - 0.5) - bevel * (cell.offset[0] + cell.offset[1]);
        let tile = shade(picture.at(middle), 1.0 + 2.0 * light);
        blend(
            lead,
            tile,
            ease(cell.next - cell.near, joint, joint + 1.6 / size.max(2.0)),
        )
    })
}

/// Cuts a picture into a few flat colours with rough edges, as in a woodcut or a poster.
pub(super) fn flat(picture: &Canvas, random: &mut Random) -> Canvas {
    let tones = picture.tones().normalised();
    let palette = Palette::new(random);
    let steps = 2 + random.below(5);
    let rough = Noise::oriented(random, 4.0, steps as f32, 2, 0.5);
    let strength = random.between(0.0, 0.25);
    let own = random.chance(0.5);
    let seed = random.bits() as u32;
    let mut index = 0;
    Canvas::new(picture.side, |point| {
        let tone = tones.values[index] + strength * rough.at(point);
        let there = picture.pixels[index];
        index += 1;
        let step = (tone * steps as f32).floor().clamp(0.0, steps as f32 - 1.0);
        let level = step / (steps as f32 - 1.0);
        if own {
            palette.at(level)
        } else {
            let tint = hashed(hash(step as i32, 0, seed)) * 0.1;
            there.map(|c| (c * 4.0).round() / 4.0 * (0.6 + 0.5 * level) + tint)
        }
    })
}

/// Ages a picture: grain, the weave of canvas or paper, stains.
pub(super) fn age(canvas: &mut Canvas, random: &mut Random) {
    if random.chance(0.35) {
        let strength = random.between(0.01, 0.08);
        let grey = random.chance(0.5);
        // A sequence of its own: what follows must not depend on the number of pixels.
        let mut grain = Random::new(random.bits());
        for pixel in &mut canvas.pixels {
            let common = grain.unit() - 0.5;
            *pixel = pixel.map(|c| {
                let own = if grey { common } else { grain.unit() - 0.5 };
                c + strength * 2.0 * own
            });
        }
    }
    if random.chance(0.25) {
        // Canvas or laid paper.
        let period = random.between(1.6, 3.2);
        let strength = random.between(0.02, 0.09);
        let unit = EXTENT / canvas.side as f32;
        let side = canvas.side;
        for (index, pixel) in canvas.pixels.iter_mut().enumerate() {
            let u = (index % side) as f32 * unit / period;
            let v = (index / side) as f32 * unit / period;
            let over = super::arithmetic::sine(u) * super::arithmetic::sine(v);
            *pixel = shade(*pixel, 1.0 + strength * over);
        }
    }
    if random.chance(0.3) {
        let stain = Noise::new(random, 40.0, 3, 0.5);
        let strength = random.between(0.05, 0.25);
        let side = canvas.side;
        let unit = EXTENT / side as f32;
        for (index, pixel) in canvas.pixels.iter_mut().enumerate() {
            let place = [(index % side) as f32 * unit, (index / side) as f32 * unit];
            *pixel = shade(*pixel, 1.0 + strength * stain.at(place));
        }
    }
}
