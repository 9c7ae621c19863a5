//! Pictures that the program draws itself: seeded, of many kinds, for training a feature network
//! that has seen nobody's photograph or painting.
//!
//! A drawing is a *subject* (noise, pattern, marbling, leaves, lines, lit forms, a scene) made in a
//! *medium* (as it is, brush strokes, pen, halftone, mosaic, flat colours) and then *aged* (grain,
//! canvas, stains). Each has a file; a new one is added there and in `subject` or `drawn`.
//!
//! The same seed gives the same bytes on every machine: only operations that are exact everywhere are
//! used (`arithmetic`). The bytes belong to a recipe for training, so a change of any of them is a
//! change of recipe. Nothing here reads or writes anything.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "places become pixels, pixels places, and bits numbers"
)]

mod arithmetic;
mod canvas;
mod curves;
mod flow;
mod hatching;
mod leaves;
mod noise;
mod palette;
mod pattern;
mod print;
mod scene;
mod shading;
mod shape;
mod strokes;
mod texture;
mod things;

use self::canvas::Canvas;
use crate::random::Random;

/// Returns the drawing of `seed`, `side` × `side` pixels, row by row, RGB, 8 bits each.
///
/// A drawing at another size shows the same things; a `side` of 0 is taken as 1.
pub fn draw(side: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::stream(seed, &[]);
    let canvas = drawn(side.max(1), &mut random);
    canvas
        .pixels
        .iter()
        .flat_map(|pixel| pixel.map(|value| (value * 255.0 + 0.5).clamp(0.0, 255.0) as u8))
        .collect()
}

/// Draws a subject in a medium, and ages it.
fn drawn(side: usize, random: &mut Random) -> Canvas {
    let subject = subject(side, random);
    let mut canvas = match random.below(20) {
        0..=7 => subject,
        8..=13 => strokes::paint(&subject, random),
        14 | 15 => hatching::pen(&subject, random),
        16 => print::halftone(&subject, random),
        17 | 18 => print::mosaic(&subject, random),
        _ => print::flat(&subject, random),
    };
    print::age(&mut canvas, random);
    canvas
}

fn subject(side: usize, random: &mut Random) -> Canvas {
    match random.below(20) {
        0..=3 => texture::texture(side, random),
        4 => texture::marbling(side, random),
        5..=7 => pattern::pattern(side, random),
        8..=10 => leaves::leaves(side, random),
        11 | 12 => curves::curves(side, random),
        13 | 14 => shading::forms(side, random),
        _ => scene::scene(side, random),
    }
}

#[cfg(test)]
mod tests;
