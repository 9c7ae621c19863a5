//! A decoded file before anything was converted: samples as stored, and what is needed to
//! understand them.

use image::metadata::Orientation;

use super::note::Note;

/// What the decoders hand over.
///
/// Always true: `samples` holds `width * height * channels.count()` values, interleaved by pixel.
#[derive(Debug)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: Channels,
    pub(super) samples: Samples,
    pub(super) colours: Colours,
    pub(super) orientation: Orientation,
    pub(super) notes: Vec<Note>,
}

/// The meaning of the values of one pixel, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Amounts of ink.
    Cmyk,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

/// Sample values as the file holds them.
#[derive(Debug)]
pub(super) enum Samples {
    /// 0-255.
    U8(Vec<u8>),
    /// 0-65535.
    U16(Vec<u16>),
    /// 0-1.
    F32(Vec<f32>),
}

impl Samples {
    /// Returns one sample scaled to 0-255; whole 8-bit values stay whole.
    pub(super) fn get(&self, at: usize) -> f32 {
        match self {
            Self::U8(values) => f32::from(values[at]),
            Self::U16(values) => f32::from(values[at]) / 257.0,
            Self::F32(values) => values[at] * 255.0,
        }
    }
}

/// What the file says about its colour space.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Colours {
    /// sRGB, or nothing said.
    Srgb,
    /// An embedded ICC profile.
    Icc(Vec<u8>),
    /// sRGB primaries, with sample values equal to light raised to this power.
    Gamma(f64),
    /// Code points of ITU-T H.273: primaries and transfer function.
    Cicp(u8, u8),
}

impl Raster {
    /// Returns width and height after turning the picture upright.
    pub(super) fn upright_size(&self) -> (usize, usize) {
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (self.height, self.width),
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => (self.width, self.height),
        }
    }

    /// Returns the place of stored pixel `(x, y)` in the upright picture.
    pub(super) fn upright(&self, x: usize, y: usize) -> (usize, usize) {
        let (right, bottom) = (self.width - 1 - x, self.height - 1 - y);
        match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (right, y),
            Orientation::Rotate180 => (right, bottom),
            Orientation::FlipVertical => (x, bottom),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (bottom, x),
            Orientation::Rotate270FlipH => (bottom, right),
            Orientation::Rotate270 => (y, right),
        }
    }
}
