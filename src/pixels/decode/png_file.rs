//! PNG by the `png` crate: 8 and 16 bits, palette, grey, transparency, the first frame of an APNG.
//!
//! Texts are never unpacked here. Checksums are verified; a file without its end chunk is accepted
//! if all its pixels are there.

use std::{borrow::Cow, io::Cursor};

use image::metadata::Orientation;
use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, Transformations};

use super::{
    Input,
    note::Note,
    png_chunks::{self, END_CHUNK, End},
    raster::{Channels, Colours, Raster, Samples},
};
use crate::pixels::error::DecodeError;

/// What the decoder may allocate beside the pixels: rows, palette, profile.
const MAX_SIDE_BYTES: usize = 64 << 20;

pub(super) fn decode(input: &Input<'_>) -> Result<Raster, DecodeError> {
    let (bytes, marked) = match png_chunks::end(input.bytes) {
        End::Marked => (Cow::Borrowed(input.bytes), true),
        // The decoder wants to see what follows the picture.
        End::Unmarked { length } => (
            Cow::Owned([&input.bytes[..length], &END_CHUNK].concat()),
            false,
        ),
        End::Cut => (Cow::Borrowed(input.bytes), false),
    };
    let failed = |error: DecodingError| match &error {
        DecodingError::LimitsExceeded => input.unsupported(error),
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => {
            if marked {
                input.damaged(error)
            } else {
                input.incomplete(Some(error.into()))
            }
        }
    };
    let limits = Limits {
        bytes: MAX_SIDE_BYTES,
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(&*bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(failed)?;
    let (width, height) = input.check_size(header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(failed)?;
    let (colour, depth) = reader.output_color_type();
    let channels = match colour {
        ColorType::Grayscale => Channels::Grey,
        ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
        ColorType::Indexed => return Err(input.unsupported("a palette that cannot be expanded")),
    };
    let length = reader.output_buffer_size();
    let mut pixels = vec![0; length.ok_or_else(|| failed(DecodingError::LimitsExceeded))?];
    reader.next_frame(&mut pixels).map_err(failed)?;
    let samples = match depth {
        BitDepth::Sixteen => {
            let (pairs, _) = pixels.as_chunks::<2>();
            Samples::U16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
        }
        BitDepth::One | BitDepth::Two | BitDepth::Four | BitDepth::Eight => Samples::U8(pixels),
    };
    let info = reader.info();
    let mut notes = Vec::new();
    if info
        .animation_control()
        .is_some_and(|animation| animation.num_frames > 1)
    {
        notes.push(Note::Animated);
    }
    if !marked {
        notes.push(Note::EndMissing);
    }
    let exif = info.exif_metadata.as_deref();
    let orientation = exif.and_then(Orientation::from_exif_chunk);
    Ok(Raster {
        width,
        height,
        channels,
        samples,
        colours: colours(info),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        notes,
    })
}

/// Returns what the file says about its colours, the strongest statement first, as PNG ranks them.
fn colours(info: &Info<'_>) -> Colours {
    const SRGB_GAMMA: f64 = 0.454_55;
    if let Some(points) = info.coding_independent_code_points {
        return Colours::Cicp(points.color_primaries, points.transfer_function);
    }
    if let Some(profile) = &info.icc_profile {
        return Colours::Icc(profile.to_vec());
    }
    let gamma = info.gama_chunk.map(|gamma| f64::from(gamma.into_value()));
    match gamma {
        // Other values are nonsense, and close to 1/2.2 is what sRGB files carry.
        Some(gamma) if info.srgb.is_none() && (0.1..=2.0).contains(&gamma) => {
            if (gamma - SRGB_GAMMA).abs() < 0.01 {
                Colours::Srgb
            } else {
                Colours::Gamma(gamma)
            }
        }
        _ => Colours::Srgb,
    }
}
