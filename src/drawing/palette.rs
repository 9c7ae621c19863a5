//! Colours that go together: a few hues in a scheme, ordered from dark to light.

use super::arithmetic::cosine;
use super::canvas::{Colour, blend};
use crate::random::Random;

/// A row of colours from dark to light (or, by chance, in no order).
#[derive(Debug, Clone)]
pub(super) struct Palette {
    colours: Vec<Colour>,
}

impl Palette {
    /// Returns a palette of 2 to 8 colours.
    pub(super) fn new(random: &mut Random) -> Self {
        let count = 2 + random.below(7);
        let scheme = random.below(9);
        let first = random.unit();
        let strength = random.between(0.3, 1.2);
        let drift = random.between(-0.6, 0.6);
        let low = random.between(0.0, 0.35);
        let high = random.between(0.65, 1.0);
        let mut colours: Vec<Colour> = (0..count)
            .map(|index| {
                let hue = match scheme {
                    0 => first + random.between(-0.06, 0.06),
                    1 => first + 0.5 * (index % 2) as f32 + random.between(-0.05, 0.05),
                    2 => first + (index % 3) as f32 / 3.0 + random.between(-0.05, 0.05),
                    3 | 4 => first + index as f32 / count as f32 * drift,
                    _ => random.unit(),
                };
                let strength = if scheme == 8 {
                    0.06
                } else {
                    strength * random.between(0.5, 1.0)
                };
                let level = index as f32 / (count - 1) as f32;
                hue_colour(hue, strength, low + (high - low) * level)
            })
            .collect();
        if random.chance(0.3) {
            for index in (1..colours.len()).rev() {
                colours.swap(index, random.below(index + 1));
            }
        }
        Self { colours }
    }

    /// Returns the colour at `t`: 0 the first, 1 the last, between them a mixture.
    pub(super) fn at(&self, t: f32) -> Colour {
        let last = self.colours.len() - 1;
        let place = t.clamp(0.0, 1.0) * last as f32;
        let index = (place as usize).min(last - 1);
        blend(
            self.colours[index],
            self.colours[index + 1],
            place - index as f32,
        )
    }

    /// Returns the colour at `t` without mixing.
    pub(super) fn step(&self, t: f32) -> Colour {
        let count = self.colours.len();
        self.colours[((t.clamp(0.0, 1.0) * count as f32) as usize).min(count - 1)]
    }

    /// Returns one of the colours, a little changed.
    pub(super) fn pick(&self, random: &mut Random) -> Colour {
        let colour = *random.pick(&self.colours);
        let light = random.normal() * 0.03;
        colour.map(|value| value + light + random.normal() * 0.02)
    }

    /// Returns the darkest and the lightest colour, pushed apart where they are near.
    pub(super) fn extremes(&self) -> (Colour, Colour) {
        let level = |c: &Colour| super::canvas::brightness(*c);
        let by = |a: &&Colour, b: &&Colour| level(a).total_cmp(&level(b));
        let dark = self.colours.iter().min_by(by).copied().unwrap_or([0.0; 3]);
        let light = self.colours.iter().max_by(by).copied().unwrap_or([1.0; 3]);
        (blend(dark, [0.0; 3], 0.3), blend(light, [1.0; 3], 0.4))
    }
}

/// Returns a colour of a hue in turns, with a strength of colour and a lightness, each 0-1.
fn hue_colour(hue: f32, strength: f32, lightness: f32) -> Colour {
    // Colour has most room at middling lightness.
    let room = 0.75 * strength * (1.0 - (2.0 * lightness - 1.0).abs() * 0.6);
    [0.0, 1.0 / 3.0, 2.0 / 3.0]
        .map(|shift| (lightness + 0.5 * room * cosine(hue - shift)).clamp(0.0, 1.0))
}
