//! A picture as the bytes of a JPEG.

use std::ops::Range;
use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use moxcms::ColorProfile;

use super::{interleaved, sides};
use crate::pixels::{
    colour::eight_bits,
    error::{Cause, EncodeError},
    picture::Picture,
};

/// Where a colour profile holds the date on which it was made.
const DATE_AT: Range<usize> = 24..36;

/// The date of the standard of sRGB, 18 October 1999, as a profile spells it.
const DATE: [u8; 12] = [7, 207, 0, 10, 0, 18, 0, 0, 0, 0, 0, 0];

pub(super) fn encode(picture: &Picture, path: &Path, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let failed = |source: Cause| EncodeError::Encode {
        path: path.to_owned(),
        source,
    };
    let (width, height) = sides(picture, path)?;
    let mut profile = ColorProfile::new_srgb()
        .encode()
        .map_err(|error| failed(error.into()))?;
    if let Some(date) = profile.get_mut(DATE_AT) {
        // The same picture is to be the same bytes whenever it is written.
        date.copy_from_slice(&DATE);
    }
    let samples: Vec<u8> = interleaved(picture).map(eight_bits).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100));
    encoder
        .set_icc_profile(profile)
        .map_err(|error| failed(error.into()))?;
    encoder
        .write_image(&samples, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| failed(error.into()))?;
    Ok(bytes)
}
