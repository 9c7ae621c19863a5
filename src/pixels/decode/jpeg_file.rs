//! JPEG by `zune-jpeg` in strict mode: a cut file is refused, where `image` fills with grey, also
//! where an end mark was put behind the cut. Two things cannot be told without decoding twice: a cut
//! within the last scan of a progressive file, or of a baseline file of several scans, with an end
//! mark behind it. A missing end mark is forgiven in baseline files only: in a progressive one it
//! cannot be told from a missing scan.
//!
//! Four-channel files are handed over as amounts of ink, not as the decoder's guess at RGB, so that
//! an embedded profile can convert them; Adobe's writers store them inverted.

use image::metadata::Orientation;
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::{JpegDecoder, errors::DecodeErrors};

use super::{
    Input, jpeg_marks,
    note::Note,
    raster::{Channels, Colours, Raster, Samples},
};
use crate::pixels::error::DecodeError;

pub(super) fn decode(input: &Input<'_>) -> Result<Raster, DecodeError> {
    let marks = jpeg_marks::read(input.bytes);
    if marks.lacks_scans {
        return Err(input.damaged("scans are missing before the end mark"));
    }
    // The decoder takes an end mark's word for it that the data is whole; without one it looks.
    let bytes = &input.bytes[..marks.end_of_scan.unwrap_or(input.bytes.len())];
    let failed = |error: DecodeErrors| {
        if marks.unusual || matches!(error, DecodeErrors::Unsupported(_)) {
            input.unsupported(error)
        } else if marks.ended {
            input.damaged(error)
        } else {
            input.incomplete(Some(error.into()))
        }
    };
    // The decoder's own limits on the sides are lifted: ours is on pixels, and checked first.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder.dimensions().expect("the headers were decoded");
    let (width, height) = input.check_size(width, height)?;
    let stored = decoder
        .input_colorspace()
        .expect("the headers were decoded");
    let ink = matches!(stored, ColorSpace::CMYK | ColorSpace::YCCK);
    let (wanted, channels) = if ink {
        (stored, Channels::Cmyk)
    } else if stored == ColorSpace::Luma {
        (stored, Channels::Grey)
    } else if matches!(stored, ColorSpace::YCbCr | ColorSpace::RGB) {
        (ColorSpace::RGB, Channels::Rgb)
    } else {
        return Err(input.unsupported(format!("colour space {stored:?}")));
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut samples = decoder.decode().map_err(failed)?;
    if stored == ColorSpace::YCCK {
        to_stored_cmyk(&mut samples);
    }
    if ink && marks.adobe {
        for value in &mut samples {
            *value = 255 - *value;
        }
    }
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok(Raster {
        width,
        height,
        channels,
        samples: Samples::U8(samples),
        colours: decoder.icc_profile().map_or(Colours::Srgb, Colours::Icc),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        notes: if marks.ended {
            Vec::new()
        } else {
            vec![Note::EndMissing]
        },
    })
}

/// Turns the first three of four channels from YCC into the complement of RGB, which is what the
/// writer of a YCCK file started from.
fn to_stored_cmyk(samples: &mut [u8]) {
    for pixel in samples.chunks_exact_mut(4) {
        let [y, cb, cr] = [0, 1, 2].map(|channel| f32::from(pixel[channel]));
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let rgb = [
            y + 1.402 * cr,
            y - 0.344_136 * cb - 0.714_136 * cr,
            y + 1.772 * cb,
        ];
        for (stored, value) in pixel.iter_mut().zip(rgb) {
            *stored = 255 - crate::pixels::colour::eight_bits(value);
        }
    }
}
