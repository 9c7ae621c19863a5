//! From stored samples to a picture: colours to sRGB, alpha over the matte, upright.

use super::{
    note::Note,
    profile::to_srgb,
    raster::{Channels, Raster},
};
use crate::pixels::picture::{PLANES, Picture};

/// Returns the picture, the share of missing opacity (0-1) and all notes.
///
/// Alpha is laid over `matte` (RGB, 0-255) in gamma-encoded sRGB, as image programs show it.
pub(super) fn develop(raster: Raster, matte: [f32; 3]) -> (Picture, f32, Vec<Note>) {
    let (conversion, note) = to_srgb(raster.channels, &raster.colours);
    let inputs = conversion.inputs(raster.channels);
    let (width, height) = raster.upright_size();
    let len = width * height;
    let mut data = vec![0.0; PLANES * len];
    let mut row = vec![0.0; raster.width * inputs];
    let mut rgb = vec![0.0; raster.width * PLANES];
    let mut missing = 0.0_f64;
    for y in 0..raster.height {
        read_row(&raster, y, inputs, &mut row);
        conversion.convert(&mut row, &mut rgb, inputs);
        for (x, pixel) in rgb.chunks_exact(PLANES).enumerate() {
            let alpha = alpha(&raster, x, y);
            missing += f64::from(1.0 - alpha);
            let (column, line) = raster.upright(x, y);
            for channel in 0..PLANES {
                let (over, under) = (pixel[channel], matte[channel]);
                let value = if alpha < 1.0 {
                    under + (over - under) * alpha
                } else {
                    over
                };
                data[channel * len + line * width + column] = value;
            }
        }
    }
    let share = share(missing, len);
    let mut notes = raster.notes;
    notes.extend(note);
    if share > 0.0 {
        notes.push(Note::Transparent { share });
    }
    let picture = Picture::new(width, height, data).expect("the sides were checked not to be 0");
    (picture, share, notes)
}

/// Fills `row` with the first `inputs` values of each pixel; a grey that is read as RGB repeats.
fn read_row(raster: &Raster, y: usize, inputs: usize, row: &mut [f32]) {
    let count = raster.channels.count();
    let grey = matches!(raster.channels, Channels::Grey | Channels::GreyAlpha);
    for (x, pixel) in row.chunks_exact_mut(inputs).enumerate() {
        let first = (y * raster.width + x) * count;
        for (channel, value) in pixel.iter_mut().enumerate() {
            let value_read = raster.samples.get(first + if grey { 0 } else { channel });
            // Floating-point files may hold anything; what is not a number becomes black.
            *value = if value_read.is_nan() {
                0.0
            } else {
                value_read.clamp(0.0, 255.0)
            };
        }
    }
}

/// Returns the opacity of a stored pixel, 0-1.
fn alpha(raster: &Raster, x: usize, y: usize) -> f32 {
    if !raster.channels.has_alpha() {
        return 1.0;
    }
    let count = raster.channels.count();
    let value = raster
        .samples
        .get((y * raster.width + x) * count + count - 1)
        / 255.0;
    if value.is_nan() {
        1.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a share needs no more than the precision of f32"
)]
fn share(missing: f64, pixels: usize) -> f32 {
    (missing / pixels as f64) as f32
}
