//! Read a picture file of any origin into a [`Picture`], or say why not.
//!
//! The way of a file: `source` opens it, `format` judges it by its content, one of
//! `jpeg_file`, `png_file`, `other_file` decodes it under the limits of the header, `develop`
//! turns samples into upright sRGB. A file that was cut is refused where a lenient decoder would
//! fill the rest with grey (a JPEG that was cut and then closed with an end mark passes, since it
//! is whole by its marks), and a decoder's panic is an error like any other.
//!
//! A new format needs a signature in `format` and, if it has traps of its own, a file here.

mod develop;
mod format;
mod jpeg_file;
mod jpeg_marks;
mod note;
mod other_file;
mod pages;
mod png_chunks;
mod png_file;
mod profile;
mod raster;
mod source;
mod texts;

use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use sha2::{Digest, Sha256};

pub use self::{format::Format, note::Note, texts::read_text};
use self::{format::Sniffed, raster::Raster, source::Links};
use super::{
    error::{Cause, DecodeError},
    picture::Picture,
};

/// Default limit on width times height: 120 megapixels. The limit is on pixels and not on bytes,
/// because a picture in `f32` is far larger than its file.
pub const MAX_PIXELS: u64 = 120_000_000;

/// How files are read.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodeOptions {
    /// Limit on width times height, checked against the header before anything is allocated.
    pub max_pixels: u64,
    /// Colour (RGB, 0-255, sRGB) that shows through transparent parts.
    pub matte: [f32; 3],
    /// Whether the file may be a symbolic link. False for whatever was dropped.
    pub follow_symlinks: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            max_pixels: MAX_PIXELS,
            matte: [255.0; 3],
            follow_symlinks: false,
        }
    }
}

/// A picture that was read, and what is to be said about it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The picture: upright, sRGB, without alpha.
    pub picture: Picture,
    /// The format by content.
    pub format: Format,
    /// Remarks for the person.
    pub notes: Vec<Note>,
    /// Missing opacity as a share of the whole picture, 0-1.
    pub transparency: f32,
    /// SHA-256 of the file's bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// What is known about a file that passed the completeness check.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Columns of the upright picture.
    pub width: usize,
    /// Rows of the upright picture.
    pub height: usize,
    /// The format by content.
    pub format: Format,
    /// Remarks for the person; those about transparency and colour come from [`open`] only.
    pub notes: Vec<Note>,
    /// SHA-256 of the file's bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// Reads the file at `path`.
pub fn open(path: &Path, options: &DecodeOptions) -> Result<Opened, DecodeError> {
    let bytes = source::read(path, options.links())?;
    let input = Input::new(path, &bytes, options)?;
    let (picture, transparency, notes) =
        input.guarded(|| Ok(develop::develop(input.decode()?, options.matte)))?;
    Ok(Opened {
        picture,
        format: input.format,
        notes,
        transparency,
        sha256: hash(&bytes),
    })
}

/// Checks that the file at `path` is a complete picture within the limits, without keeping it.
pub fn probe(path: &Path, options: &DecodeOptions) -> Result<Probe, DecodeError> {
    let bytes = source::read(path, options.links())?;
    let input = Input::new(path, &bytes, options)?;
    let raster = input.guarded(|| input.decode())?;
    let (width, height) = raster.upright_size();
    let sha256 = hash(&bytes);
    Ok(Probe {
        width,
        height,
        format: input.format,
        notes: raster.notes,
        sha256,
    })
}

impl DecodeOptions {
    fn links(&self) -> Links {
        if self.follow_symlinks {
            Links::Follow
        } else {
            Links::Refuse
        }
    }
}

/// A file that looks like a picture, and the limits that hold for it.
struct Input<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    format: Format,
    max_pixels: u64,
}

impl<'a> Input<'a> {
    fn new(path: &'a Path, bytes: &'a [u8], options: &DecodeOptions) -> Result<Self, DecodeError> {
        let owned = path.to_owned();
        let format = match format::sniff(path, bytes) {
            Sniffed::Picture(format) => format,
            Sniffed::Foreign { what, mend } => {
                return Err(DecodeError::Foreign {
                    path: owned,
                    what,
                    mend,
                });
            }
            Sniffed::Other(looks_like) => {
                return Err(DecodeError::NotAnImage {
                    path: owned,
                    looks_like,
                });
            }
            Sniffed::Blank => return Err(DecodeError::Blank { path: owned }),
        };
        Ok(Self {
            path,
            bytes,
            format,
            max_pixels: options.max_pixels,
        })
    }

    fn decode(&self) -> Result<Raster, DecodeError> {
        let mut raster = match self.format {
            Format::Jpeg => jpeg_file::decode(self),
            Format::Png => png_file::decode(self),
            Format::Gif
            | Format::WebP
            | Format::Tiff
            | Format::Bmp
            | Format::Qoi
            | Format::Tga
            | Format::Pnm => other_file::decode(self),
        }?;
        let extension = format::extension(self.path);
        if !extension.is_empty() && !self.format.is_named(&extension) {
            raster.notes.insert(
                0,
                Note::WrongExtension {
                    extension,
                    format: self.format,
                },
            );
        }
        Ok(raster)
    }

    /// Runs a decoder, turning a panic inside it into an error about this file.
    fn guarded<T>(
        &self,
        decode: impl FnOnce() -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        // Whatever the decoder was working on is dropped with it; nothing half-done is seen again.
        match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(result) => result,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                Err(self.damaged(format!(
                    "the decoder gave up: {}",
                    text.unwrap_or("no reason")
                )))
            }
        }
    }

    /// Holds the size that a header claims against the limit and returns it as width and height.
    fn check_size(
        &self,
        width: impl TryInto<usize>,
        height: impl TryInto<usize>,
    ) -> Result<(usize, usize), DecodeError> {
        let width = width.try_into().unwrap_or(usize::MAX);
        let height = height.try_into().unwrap_or(usize::MAX);
        if width == 0 || height == 0 {
            return Err(self.damaged(format!("the header claims {width} x {height} pixels")));
        }
        match (width as u64).checked_mul(height as u64) {
            Some(pixels) if pixels <= self.max_pixels => Ok((width, height)),
            _ => Err(DecodeError::TooManyPixels {
                path: self.path.to_owned(),
                width,
                height,
                limit: self.max_pixels,
            }),
        }
    }

    fn incomplete(&self, cause: impl Into<Option<Cause>>) -> DecodeError {
        let path = self.path.to_owned();
        DecodeError::Incomplete {
            path,
            format: self.format,
            source: cause.into(),
        }
    }

    fn damaged(&self, cause: impl Into<Cause>) -> DecodeError {
        let path = self.path.to_owned();
        DecodeError::Damaged {
            path,
            format: self.format,
            source: cause.into(),
        }
    }

    fn unsupported(&self, cause: impl Into<Cause>) -> DecodeError {
        let path = self.path.to_owned();
        DecodeError::Unsupported {
            path,
            format: self.format,
            source: cause.into(),
        }
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes everything");
            text
        })
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers and copies are exact, and the values are known"
)]
mod tests;
