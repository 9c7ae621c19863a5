//! Pictures: decoded safely, resampled, recoloured and written back; the only user of `image`.
//!
//! Everything outside this module sees one form only, [`Picture`]: planar RGB in `f32`, 0-255,
//! sRGB, upright, no alpha. Formats, limits, orientation, profiles and half-copied files end here.
//! Nothing here knows of jobs, networks or the studio; a file is named by its path and that is all.

mod canvas;
mod colour;
mod decode;
mod encode;
mod error;
mod lettering;
mod picture;
mod resample;

pub use self::{
    canvas::{Area, Canvas, Rgb},
    colour::{original_colors_lua, original_colors_pt},
    decode::{DecodeOptions, Format, MAX_PIXELS, Note, Opened, Probe, open, probe, read_text},
    encode::{Depth, save_jpeg, save_png, to_image, verify},
    error::{DecodeError, EncodeError},
    lettering::{text_height, text_width},
    picture::Picture,
    resample::{Filter, Rounding, fit_longest, resize},
};
