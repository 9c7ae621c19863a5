//! Write a picture so that nobody ever sees half of one.
//!
//! Values are clipped to 0-255 and rounded to the nearest step; neural-style-pt cuts fractions off
//! instead, which darkens its files by half a step on average. Colours are tagged as sRGB. A file
//! appears under its name only when it is complete and on the disk.

mod jpeg_bytes;
mod place;
mod png_bytes;

use std::path::Path;

pub use self::png_bytes::Depth;
use super::{
    colour::eight_bits,
    decode::{DecodeOptions, probe},
    error::EncodeError,
    picture::Picture,
};

/// Writes `picture` to `path` as a PNG with `texts` (keyword and text, UTF-8) embedded as iTXt.
///
/// Keywords have 1-79 Latin letters, digits or marks, as PNG demands.
pub fn save_png(
    picture: &Picture,
    path: &Path,
    depth: Depth,
    texts: &[(String, String)],
) -> Result<(), EncodeError> {
    place::write(path, &png_bytes::encode(picture, path, depth, texts)?)
}

/// Writes `picture` to `path` as a JPEG without colour subsampling, sRGB profile embedded.
///
/// `quality` is 1-100 on the usual scale; what lies outside is taken as the nearest.
pub fn save_jpeg(picture: &Picture, path: &Path, quality: u8) -> Result<(), EncodeError> {
    place::write(path, &jpeg_bytes::encode(picture, path, quality)?)
}

/// Returns the picture in the form of the `image` library, for whoever shows pictures in that form:
/// RGB, 8 bits, clipped and rounded as in a file.
pub fn to_image(picture: &Picture) -> image::DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let mut image = image::RgbImage::new(
        u32::try_from(width).unwrap_or(u32::MAX),
        u32::try_from(height).unwrap_or(u32::MAX),
    );
    for (sample, value) in image.iter_mut().zip(interleaved(picture)) {
        *sample = eight_bits(value);
    }
    image.into()
}

/// Reads back what was written to `path` and holds it against the size it should have.
pub fn verify(path: &Path, width: usize, height: usize) -> Result<(), EncodeError> {
    let options = DecodeOptions {
        max_pixels: u64::MAX,
        ..DecodeOptions::default()
    };
    let found = probe(path, &options).map_err(|source| EncodeError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if (found.width, found.height) == (width, height) {
        return Ok(());
    }
    Err(EncodeError::WrongSize {
        path: path.to_owned(),
        width,
        height,
        found_width: found.width,
        found_height: found.height,
    })
}

/// Returns the sides as the formats store them.
fn sides(picture: &Picture, path: &Path) -> Result<(u32, u32), EncodeError> {
    let side = |length: usize| {
        u32::try_from(length).map_err(|error| EncodeError::Encode {
            path: path.to_owned(),
            source: error.into(),
        })
    };
    Ok((side(picture.width())?, side(picture.height())?))
}

/// Returns the values pixel by pixel: `[H, W, 3]`.
fn interleaved(picture: &Picture) -> impl Iterator<Item = f32> {
    let planes = [0, 1, 2].map(|channel| picture.plane(channel));
    (0..picture.width() * picture.height()).flat_map(move |at| planes.map(|plane| plane[at]))
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and copies are exact")]
mod tests;
