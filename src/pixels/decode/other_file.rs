//! Everything that is neither JPEG nor PNG, by the decoders of `image`.
//!
//! The order matters and must stay: size from the header, check, only then a buffer. `image`'s own
//! allocation limit does not hold on this way of calling it.

use std::io::{Cursor, ErrorKind};

use image::{
    ColorType, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    codecs::webp::WebPDecoder,
};

use super::{
    Format, Input,
    note::Note,
    pages,
    raster::{Channels, Colours, Raster, Samples},
};
use crate::pixels::error::DecodeError;

pub(super) fn decode(input: &Input<'_>) -> Result<Raster, DecodeError> {
    let mut notes = Vec::new();
    match input.format {
        Format::Gif => {
            let outline = pages::gif_outline(input.bytes);
            if outline.frames > 1 {
                notes.push(Note::Animated);
            } else if !outline.ended {
                notes.push(Note::EndMissing);
            }
        }
        Format::Tiff => match pages::tiff_pages(input.bytes) {
            1 => {}
            pages => {
                return Err(DecodeError::ManyPages {
                    path: input.path.to_owned(),
                    pages,
                });
            }
        },
        Format::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(input.bytes));
            if decoder
                .map_err(|error| failure(input, error))?
                .has_animation()
            {
                notes.push(Note::Animated);
            }
        }
        Format::Jpeg | Format::Png | Format::Bmp | Format::Qoi | Format::Tga | Format::Pnm => {}
    }
    read(input, notes)
}

fn read(input: &Input<'_>, mut notes: Vec<Note>) -> Result<Raster, DecodeError> {
    let failed = |error: ImageError| failure(input, error);
    let mut reader = ImageReader::with_format(Cursor::new(input.bytes), library_format(input));
    let mut limits = Limits::default();
    // No pixel takes more than 16 bytes; the decoders that count need as much again to work in.
    limits.max_alloc = Some(input.max_pixels.saturating_mul(32));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = input.check_size(width, height)?;
    let orientation = decoder.orientation().map_err(failed)?;
    // A profile that cannot be read never costs the picture.
    let profile = decoder.icc_profile().ok().flatten();
    if matches!(
        decoder.original_color_type(),
        ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16
    ) {
        notes.push(Note::Cmyk { profile: false });
    }
    let colour = decoder.color_type();
    let length = usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    decoder.read_image(&mut bytes).map_err(failed)?;
    let (channels, samples) = samples(colour, bytes)
        .ok_or_else(|| input.unsupported(format!("colour type {colour:?}")))?;
    Ok(Raster {
        width,
        height,
        channels,
        samples,
        colours: profile.map_or(Colours::Srgb, Colours::Icc),
        orientation,
        notes,
    })
}

fn library_format(input: &Input<'_>) -> ImageFormat {
    match input.format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
        Format::Tiff => ImageFormat::Tiff,
        Format::Bmp => ImageFormat::Bmp,
        Format::Qoi => ImageFormat::Qoi,
        Format::Tga => ImageFormat::Tga,
        Format::Pnm => ImageFormat::Pnm,
    }
}

/// Takes the bytes of a decoder (native byte order) as what `colour` says.
fn samples(colour: ColorType, bytes: Vec<u8>) -> Option<(Channels, Samples)> {
    let channels = match colour {
        ColorType::L8 | ColorType::L16 => Channels::Grey,
        ColorType::La8 | ColorType::La16 => Channels::GreyAlpha,
        ColorType::Rgb8 | ColorType::Rgb16 | ColorType::Rgb32F => Channels::Rgb,
        ColorType::Rgba8 | ColorType::Rgba16 | ColorType::Rgba32F => Channels::Rgba,
        _ => return None,
    };
    let samples = match colour.bytes_per_pixel() / colour.channel_count() {
        1 => Samples::U8(bytes),
        2 => {
            let (pairs, _) = bytes.as_chunks::<2>();
            Samples::U16(pairs.iter().map(|pair| u16::from_ne_bytes(*pair)).collect())
        }
        _ => {
            let (quads, _) = bytes.as_chunks::<4>();
            Samples::F32(quads.iter().map(|quad| f32::from_ne_bytes(*quad)).collect())
        }
    };
    Some((channels, samples))
}

fn failure(input: &Input<'_>, error: ImageError) -> DecodeError {
    match &error {
        ImageError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
            input.incomplete(Some(error.into()))
        }
        ImageError::Unsupported(_) | ImageError::Limits(_) => input.unsupported(error),
        ImageError::IoError(_)
        | ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_) => {
            if ends_early(&error) {
                input.incomplete(Some(error.into()))
            } else {
                input.damaged(error)
            }
        }
    }
}

/// Returns true if and only if a cause of `error` is that the file ended.
fn ends_early(error: &ImageError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == ErrorKind::UnexpectedEof) {
            return true;
        }
        cause = error.source();
    }
    false
}
