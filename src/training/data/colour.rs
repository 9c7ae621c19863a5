//! Varies the light and colour of a crop, so that a network learns form more than one shade.

use super::options::Augmentation;
use crate::random::Random;

/// Varies a crop (three planes of `crop` × `crop`, RGB, 0–255) in place; it stays within 0–255.
pub(super) fn vary(planes: &mut [f32], crop: usize, how: &Augmentation, random: &mut Random) {
    let plane = crop * crop;
    if random.chance(how.permute) {
        permute(planes, plane, random);
    }
    if random.chance(how.blur) {
        blur(planes, crop, random.between(0.1, 0.5));
    }
    let matrix = matrix(how, random);
    let curve = (how.gamma * random.normal()).clamp(-0.8, 0.8);
    let (red, rest) = planes.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let colour = [*r / 255.0, *g / 255.0, *b / 255.0];
        [*r, *g, *b] = matrix.map(|[x, y, z, add]| {
            let t = (colour[0] * x + colour[1] * y + colour[2] * z + add).clamp(0.0, 1.0);
            255.0 * (t + curve * t * (1.0 - t))
        });
    }
    if random.chance(how.noise.0) {
        let strength = 255.0 * random.between(0.0, how.noise.1);
        for value in planes {
            // Two uniform numbers: a triangle is near enough to a bell, and quick.
            let noise = (random.unit() + random.unit() - 1.0) * 2.45;
            *value = (*value + strength * noise).clamp(0.0, 255.0);
        }
    }
}

/// Returns contrast, saturation, hue, brightness and tint as one map of colours: three rows of
/// factors for red, green and blue, and what is added.
fn matrix(how: &Augmentation, random: &mut Random) -> [[f32; 4]; 3] {
    let contrast = (1.0 + how.contrast * random.normal()).max(0.2);
    let saturation = (1.0 + how.saturation * random.normal()).max(0.0);
    let sine = (how.hue * random.normal()).clamp(-1.0, 1.0);
    let cosine = (1.0 - sine * sine).sqrt();
    let brightness = how.brightness * random.normal();
    let tint = [(); 3].map(|()| how.tint * random.normal());
    // A turn about the grey axis (Rodrigues' formula with axis (1, 1, 1)/√3): the mean stays.
    let side = sine / 3.0_f32.sqrt();
    let (own, common) = (cosine, (1.0 - cosine) / 3.0);
    let turn = [
        [own + common, common - side, common + side],
        [common + side, own + common, common - side],
        [common - side, common + side, own + common],
    ];
    let mut rows = [[0.0; 4]; 3];
    for (row, out) in rows.iter_mut().enumerate() {
        for column in 0..3 {
            let grey = 1.0 / 3.0;
            out[column] = contrast * (saturation * (turn[row][column] - grey) + grey);
        }
        out[3] = 0.5 * (1.0 - contrast) + brightness + tint[row];
    }
    rows
}

/// Puts the channels into another order.
fn permute(planes: &mut [f32], plane: usize, random: &mut Random) {
    for last in [2, 1] {
        let other = random.below(last + 1);
        if other < last {
            let (front, back) = planes.split_at_mut(last * plane);
            front[other * plane..(other + 1) * plane].swap_with_slice(&mut back[..plane]);
        }
    }
}

/// Mixes each value with its neighbours along rows and columns.
fn blur(planes: &mut [f32], crop: usize, share: f32) {
    for plane in planes.chunks_exact_mut(crop * crop) {
        for row in plane.chunks_exact_mut(crop) {
            let mut before = row[0];
            for at in 0..crop {
                let (here, after) = (row[at], row[(at + 1).min(crop - 1)]);
                row[at] = here + share * (0.5 * (before + after) - here);
                before = here;
            }
        }
        let mut before = plane[..crop].to_vec();
        for at in 0..crop * crop {
            let here = plane[at];
            let after = plane.get(at + crop).copied().unwrap_or(here);
            plane[at] = here + share * (0.5 * (before[at % crop] + after) - here);
            before[at % crop] = here;
        }
    }
}
