//! Simple scenes: a sky, hills or water or a street under it, and things that stand in it.

use super::arithmetic::{bell, ease, length, mix, sine};
use super::canvas::{Bounds, Canvas, Colour, EXTENT, Point, blend, shade};
use super::noise::{Fold, Noise};
use super::palette::Palette;
use super::things;
use crate::random::Random;

/// Draws a scene.
pub(super) fn scene(side: usize, random: &mut Random) -> Canvas {
    let palette = Palette::new(random);
    let horizon = random.between(45.0, 95.0);
    let mut canvas = sky(side, &palette, horizon, random);
    for layer in 0..random.below(4) {
        let base = horizon - 3.0 - random.between(0.0, 22.0) / (layer + 1) as f32;
        ridge(&mut canvas, &palette, base, random);
    }
    if random.chance(0.6) {
        things::town(&mut canvas, &palette, horizon, random);
    }
    if random.chance(0.5) {
        water(&mut canvas, &palette, horizon, random);
        for _ in 0..random.below(5) {
            let foot = random.between(horizon + 6.0, EXTENT - 4.0);
            let size = 4.0 + (foot - horizon) * random.between(0.2, 0.5);
            let place = [random.between(0.0, EXTENT), foot];
            things::boat(&mut canvas, &palette, place, size, random);
        }
    } else {
        field(&mut canvas, &palette, horizon, random);
        let mut feet: Vec<f32> = (0..2 + random.below(9))
            .map(|_| random.between(horizon, EXTENT + 6.0))
            .collect();
        feet.sort_by(f32::total_cmp);
        for foot in feet {
            let size = 8.0 + (foot - horizon) * random.between(0.5, 1.3);
            let place = [random.between(-5.0, EXTENT + 5.0), foot];
            match random.below(5) {
                0 => things::house(&mut canvas, &palette, place, size, random),
                1 => things::figure(&mut canvas, &palette, place, size * 0.7, random),
                _ => things::tree(&mut canvas, &palette, place, size, random),
            }
        }
    }
    if random.chance(0.3) {
        things::birds(&mut canvas, palette.extremes().0, horizon, random);
    }
    canvas
}

/// A gradient with a sun or moon, stars and clouds.
fn sky(side: usize, palette: &Palette, horizon: f32, random: &mut Random) -> Canvas {
    let (high, low) = (palette.pick(random), palette.pick(random));
    let clouds = Noise::oriented(random, 34.0, 2.2, 5, 0.55);
    let flat = if random.chance(0.6) { 1.0 } else { 0.0 };
    let white = palette.extremes().1;
    let cover = random.between(-0.3, 0.6);
    let sun = [random.between(10.0, 118.0), random.between(8.0, horizon)];
    let radius = random.between(3.0, 10.0);
    let glow: Colour = blend(white, palette.pick(random), 0.3);
    let rings = random.chance(0.3);
    let stars: Vec<(Point, f32)> = (0..if random.chance(0.3) {
        4 + random.below(10)
    } else {
        0
    })
        .map(|_| {
            let place = [random.between(0.0, EXTENT), random.between(0.0, horizon)];
            (place, random.between(1.0, 4.0))
        })
        .collect();
    Canvas::new(side, |p| {
        let mut colour = blend(high, low, p[1] / horizon);
        let cloud = clouds.at([p[0], p[1] * (1.0 + flat)]);
        let lit = shade(white, 1.0 - 0.3 * ease(cloud, 0.3, 1.0));
        colour = blend(colour, lit, 0.9 * ease(cloud, cover, cover + 0.6));
        let far = length(p[0] - sun[0], p[1] - sun[1]);
        let wave = if rings {
            0.75 + 0.25 * sine(far / 7.0)
        } else {
            1.0
        };
        colour = blend(colour, glow, 0.7 * wave * bell(far / (radius * 2.5)));
        colour = blend(colour, glow, 1.0 - ease(far, radius - 0.5, radius + 0.5));
        for (place, size) in &stars {
            let far = length(p[0] - place[0], p[1] - place[1]) / size;
            if far < 4.0 {
                colour = blend(colour, glow, (bell(far) + 0.3 * bell(far - 2.0)).min(1.0));
            }
        }
        colour
    })
}

/// The outline of hills or mountains, with a slope's texture.
fn ridge(canvas: &mut Canvas, palette: &Palette, base: f32, random: &mut Random) {
    let steep = random.between(4.0, 26.0);
    let fold = if random.chance(0.4) {
        Fold::Ridged
    } else {
        Fold::Smooth
    };
    let line = Noise::new(random, 40.0, 4, 0.45).folded(fold);
    let slope = Noise::oriented(random, 7.0, 3.0, 3, 0.6);
    let colour = palette.pick(random);
    let haze = random.between(0.0, 0.5);
    let pale = palette.extremes().1;
    let side = canvas.side;
    let edge = move |x: f32| base - steep * line.at([x, 7.0]);
    let tops: Vec<f32> = (0..side)
        .map(|column| edge((column as f32 + 0.5) * EXTENT / side as f32))
        .collect();
    let whole = Bounds {
        low: [0.0; 2],
        high: [EXTENT; 2],
    };
    let unit = EXTENT / side as f32;
    canvas.lay(whole, |p, there| {
        let top = tops[((p[0] / unit) as usize).min(side - 1)];
        let inside = ((p[1] - top) / unit + 0.5).clamp(0.0, 1.0);
        if inside == 0.0 {
            return (there, 0.0);
        }
        let depth = ((p[1] - top) / 30.0).min(1.0);
        let lit = shade(colour, 0.9 + 0.3 * slope.at(p) - 0.2 * depth);
        (blend(lit, pale, haze * (1.0 - depth)), inside)
    });
}

/// Water: the picture above, mirrored and broken by waves.
fn water(canvas: &mut Canvas, palette: &Palette, horizon: f32, random: &mut Random) {
    let waves = Noise::oriented(random, 3.0, 1.0, 2, 0.6);
    let (tint, strength) = (palette.pick(random), random.between(0.15, 0.6));
    let choppy = random.between(2.0, 9.0);
    let above = canvas.clone();
    let bounds = Bounds {
        low: [0.0, horizon],
        high: [EXTENT; 2],
    };
    canvas.lay(bounds, |p, _| {
        let depth = p[1] - horizon;
        // Waves are longer than high, and nearer ones larger.
        let grow = 1.0 + depth * 0.06;
        let wave = waves.at([p[0] / (4.0 * grow), p[1] * 1.4 / grow]);
        let mirrored = [p[0] + choppy * 0.3 * wave, horizon - depth + choppy * wave];
        let lit = shade(above.at(mirrored), 1.0 + 0.25 * wave);
        (blend(lit, tint, strength), 1.0)
    });
}

/// Ground: furrows, grass or paving towards the horizon.
fn field(canvas: &mut Canvas, palette: &Palette, horizon: f32, random: &mut Random) {
    let (near, far) = (palette.pick(random), palette.pick(random));
    let grass = Noise::oriented(random, 2.5, 2.0, 2, 0.7);
    let vanish = random.between(0.0, EXTENT);
    let furrows = if random.chance(0.5) {
        random.between(3.0, 9.0)
    } else {
        0.0
    };
    let road = random
        .chance(0.4)
        .then(|| (palette.pick(random), random.between(0.15, 0.5)));
    let bounds = Bounds {
        low: [0.0, horizon],
        high: [EXTENT; 2],
    };
    canvas.lay(bounds, |p, _| {
        let depth = ((p[1] - horizon) / (EXTENT - horizon)).max(0.02);
        let across = (p[0] - vanish) / (depth * EXTENT);
        let mut colour = blend(far, near, depth);
        if furrows > 0.0 {
            colour = shade(
                colour,
                1.0 + 0.3 * sine(across * furrows) * mix(0.3, 1.0, depth),
            );
        }
        if let Some((stone, width)) = road
            && across.abs() < width
        {
            colour = stone;
        }
        let small = grass.at([p[0] / (0.5 + depth), p[1] / (0.3 + 0.7 * depth)]);
        (shade(colour, 1.0 + 0.3 * small), 1.0)
    });
}
