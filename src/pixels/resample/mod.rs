//! Change a picture's size, as the tools do whose recipes people bring along.
//!
//! One separable engine serves all filters: rows and columns in Pillow's order, sums in `f64` in a
//! fixed order. A result is therefore equal bit for bit on every machine, and equal to Pillow's
//! where a filter is Pillow's, which the `fast_image_resize` crate is not for 8-bit pictures. The
//! kernels know lengths only; the sizes to choose are in [`fit_longest`].

mod kernel;
mod size;

use self::kernel::{FIXED_BITS, Kernel};
pub use self::size::{Rounding, fit_longest};
use super::{
    colour::eight_bits,
    picture::{PLANES, Picture},
};

/// How a new pixel is computed from the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Pillow's antialiased bilinear filter on 8-bit pictures, as neural-style-pt uses it: the
    /// input, the rows and the result are rounded to whole numbers.
    BilinearU8,
    /// Pillow's antialiased bilinear filter in `f32`.
    Bilinear,
    /// Pillow's Lanczos filter (three lobes) in `f32`; may overshoot 0-255.
    Lanczos,
    /// Lua Torch's `bilinear`: enlarging is linear with the end points aligned, shrinking is the
    /// area average, an equal length is a copy.
    Torch,
}

/// Returns `picture` resampled to `width` x `height`; a length of 0 is taken as 1.
pub fn resize(picture: &Picture, width: usize, height: usize, filter: Filter) -> Picture {
    let (width, height) = (width.max(1), height.max(1));
    let rows = pass(filter, picture.width(), width);
    let columns = pass(filter, picture.height(), height);
    // Pillow works on as few values as it can; with rounding in between, the order shows.
    let columns_first = picture.width() < width && height < picture.height();
    let finish = match filter {
        Filter::BilinearU8 => from_fixed,
        Filter::Bilinear | Filter::Lanczos | Filter::Torch => plain,
    };
    let mut data = Vec::with_capacity(PLANES * width * height);
    for channel in 0..PLANES {
        let mut plane = picture.plane(channel).to_vec();
        if filter == Filter::BilinearU8 {
            for value in &mut plane {
                *value = f32::from(eight_bits(*value));
            }
        }
        if columns_first {
            plane = resample_columns(plane, picture.width(), columns.as_ref(), finish);
            plane = resample_rows(plane, picture.width(), rows.as_ref(), finish);
        } else {
            plane = resample_rows(plane, picture.width(), rows.as_ref(), finish);
            plane = resample_columns(plane, width, columns.as_ref(), finish);
        }
        data.append(&mut plane);
    }
    Picture::new(width, height, data).expect("each plane was resampled to width times height")
}

/// Returns the kernel of one direction, or `None` where the length stays as it is.
fn pass(filter: Filter, from: usize, to: usize) -> Option<Kernel> {
    (from != to).then(|| Kernel::new(filter, from, to))
}

/// Resamples the rows of a plane that is `width` wide; without a kernel they stay.
fn resample_rows(
    plane: Vec<f32>,
    width: usize,
    kernel: Option<&Kernel>,
    finish: fn(f64) -> f32,
) -> Vec<f32> {
    let Some(kernel) = kernel else { return plane };
    let mut out = Vec::with_capacity(kernel.windows.len() * (plane.len() / width));
    for row in plane.chunks_exact(width) {
        out.extend(kernel.windows.iter().map(|window| {
            let inputs = row[window.first..].iter().zip(&window.weights);
            finish(
                inputs
                    .map(|(&value, weight)| f64::from(value) * weight)
                    .sum(),
            )
        }));
    }
    out
}

/// Resamples the columns of a plane that is `width` wide; without a kernel they stay.
fn resample_columns(
    plane: Vec<f32>,
    width: usize,
    kernel: Option<&Kernel>,
    finish: fn(f64) -> f32,
) -> Vec<f32> {
    let Some(kernel) = kernel else { return plane };
    let mut out = Vec::with_capacity(kernel.windows.len() * width);
    let mut sums = vec![0.0_f64; width];
    for window in &kernel.windows {
        sums.fill(0.0);
        let rows = plane[window.first * width..].chunks_exact(width);
        for (row, weight) in rows.zip(&window.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += f64::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| finish(sum)));
    }
    out
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding to f32 is the purpose"
)]
fn plain(sum: f64) -> f32 {
    sum as f32
}

/// Rounds a sum of 8-bit values with 22-bit weights to the nearest whole number in 0-255.
#[allow(
    clippy::cast_possible_truncation,
    reason = "whole numbers in 0-255 are exact in f32"
)]
fn from_fixed(sum: f64) -> f32 {
    let one = f64::from(1 << FIXED_BITS);
    (sum / one + 0.5).floor().clamp(0.0, 255.0) as f32
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]
mod tests;
