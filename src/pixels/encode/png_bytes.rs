//! A picture as the bytes of a PNG.

use std::path::Path;

use png::{
    BitDepth, ColorType, Encoder, EncodingError, ScaledFloat, SourceChromaticities,
    SrgbRenderingIntent,
};

use super::{interleaved, sides};
use crate::pixels::{colour::eight_bits, error::EncodeError, picture::Picture};

/// Bits per channel of a PNG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 256 steps.
    Eight,
    /// 65536 steps, for further editing.
    Sixteen,
}

pub(super) fn encode(
    picture: &Picture,
    path: &Path,
    depth: Depth,
    texts: &[(String, String)],
) -> Result<Vec<u8>, EncodeError> {
    let failed = |error: EncodingError| EncodeError::Encode {
        path: path.to_owned(),
        source: error.into(),
    };
    let (width, height) = sides(picture, path)?;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(match depth {
        Depth::Eight => BitDepth::Eight,
        Depth::Sixteen => BitDepth::Sixteen,
    });
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    // For readers that know no sRGB chunk; the values are those that PNG names for sRGB.
    encoder.set_source_gamma(ScaledFloat::from_scaled(45_455));
    encoder.set_source_chromaticities(SourceChromaticities::new(
        (0.3127, 0.3290),
        (0.64, 0.33),
        (0.30, 0.60),
        (0.15, 0.06),
    ));
    for (keyword, text) in texts {
        check_keyword(keyword, path)?;
        encoder
            .add_itxt_chunk(keyword.clone(), text.clone())
            .map_err(failed)?;
    }
    let mut writer = encoder.write_header().map_err(failed)?;
    let samples: Vec<u8> = match depth {
        Depth::Eight => interleaved(picture).map(eight_bits).collect(),
        Depth::Sixteen => interleaved(picture)
            .flat_map(|value| sixteen_bits(value).to_be_bytes())
            .collect(),
    };
    writer.write_image_data(&samples).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// Refuses what the encoder would write and no reader could tell apart.
fn check_keyword(keyword: &str, path: &Path) -> Result<(), EncodeError> {
    let printable = keyword
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    let spaced = keyword.starts_with(' ') || keyword.ends_with(' ') || keyword.contains("  ");
    if printable && !spaced && (1..=79).contains(&keyword.len()) {
        return Ok(());
    }
    Err(EncodeError::Keyword {
        path: path.to_owned(),
        keyword: keyword.to_owned(),
    })
}

/// Clips to 0-255 and scales to the nearest of 65536 steps; what is not a number becomes 0.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was clipped to the range of u16, and the cast takes NaN to 0"
)]
fn sixteen_bits(value: f32) -> u16 {
    (value.clamp(0.0, 255.0) * 257.0).round() as u16
}
