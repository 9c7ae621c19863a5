//! A picture as the bytes of a JPEG.

use std::path::Path;

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use moxcms::ColorProfile;

use super::{interleaved, sides};
use crate::pixels::{
    colour::eight_bits,
    error::{Cause, EncodeError},
    picture::Picture,
};

pub(super) fn encode(picture: &Picture, path: &Path, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let failed = |source: Cause| EncodeError::Encode {
        path: path.to_owned(),
        source,
    };
    let (width, height) = sides(picture, path)?;
    let profile = ColorProfile::new_srgb()
        .encode()
        .map_err(|error| failed(error.into()))?;
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
