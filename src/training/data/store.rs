//! Pictures as they are held: 8-bit RGB, at a bounded size.
//!
//! Files are read when the data set is opened, since only then can it be said which of them are of
//! no use; drawings when they are first needed, since drawing thousands takes a while.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::{DataReport, SkipReason, Skipped};
use super::list::{Item, Origin};
use super::options::{DataOptions, Sides};
use crate::drawing;
use crate::pixels::{self, DecodeOptions, Filter, Picture};

/// Most threads that decode at once: each may hold a whole picture in `f32`.
const READERS: usize = 4;

/// A picture that is held, or how to make it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Pixels,
}

#[derive(Debug)]
enum Pixels {
    Read(Vec<u8>),
    Drawn {
        seed: u64,
        pixels: OnceLock<Vec<u8>>,
    },
}

/// A picture's pixels, row by row, RGB.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: &'a [u8],
}

impl Stored {
    /// Returns the picture, drawing it where that was not done yet.
    pub(super) fn view(&self) -> View<'_> {
        let pixels = match &self.pixels {
            Pixels::Read(pixels) => pixels,
            Pixels::Drawn { seed, pixels } => {
                pixels.get_or_init(|| drawing::draw(self.width, *seed))
            }
        };
        View {
            width: self.width,
            height: self.height,
            pixels,
        }
    }
}

/// What became of one item.
enum Read {
    Kept { picture: Stored, enlarged: bool },
    Skipped(Skipped),
}

/// Reads every item at the size for its kind, and returns the pictures that can be used, the
/// class of each, and a report.
pub(super) fn read(
    items: &[Item],
    sides: Sides,
    options: &DataOptions,
) -> (Vec<Stored>, Vec<usize>, DataReport) {
    let done: Vec<OnceLock<Read>> = items.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.threads().clamp(1, READERS) {
            scope.spawn(|| {
                while let Some(index) = claim(&next, items.len()) {
                    done[index].get_or_init(|| read_one(&items[index].origin, sides, options));
                }
            });
        }
    });
    let mut report = DataReport {
        side: sides.drawing,
        file_side: sides.file,
        ..DataReport::default()
    };
    let (mut pictures, mut classes) = (Vec::new(), Vec::new());
    for (item, read) in items.iter().zip(done) {
        match read.into_inner() {
            Some(Read::Kept { picture, enlarged }) => {
                if let (true, Origin::File(path)) = (enlarged, &item.origin) {
                    report.enlarged.push(path.clone());
                }
                pictures.push(picture);
                classes.push(item.class);
            }
            Some(Read::Skipped(skipped)) => report.skipped.push(skipped),
            None => {}
        }
    }
    (pictures, classes, report)
}

fn claim(next: &AtomicUsize, count: usize) -> Option<usize> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    (index < count).then_some(index)
}

fn read_one(origin: &Origin, sides: Sides, options: &DataOptions) -> Read {
    match origin {
        Origin::Drawing(seed) => Read::Kept {
            picture: Stored {
                width: sides.drawing,
                height: sides.drawing,
                pixels: Pixels::Drawn {
                    seed: *seed,
                    pixels: OnceLock::new(),
                },
            },
            enlarged: false,
        },
        Origin::File(path) => read_file(path, sides.file, options),
    }
}

fn read_file(path: &Path, side: usize, options: &DataOptions) -> Read {
    let skipped = |reason| {
        Read::Skipped(Skipped {
            path: path.to_owned(),
            reason,
        })
    };
    let decode = DecodeOptions {
        max_pixels: options.max_pixels,
        follow_symlinks: true,
        ..DecodeOptions::default()
    };
    let picture = match pixels::open(path, &decode) {
        Ok(opened) => opened.picture,
        Err(error) => return skipped(SkipReason::Unreadable(error)),
    };
    let shorter = picture.width().min(picture.height());
    let least = options.crop.div_ceil(2);
    if shorter < least {
        return skipped(SkipReason::TooSmall {
            width: picture.width(),
            height: picture.height(),
            least,
        });
    }
    Read::Kept {
        picture: fitted(&picture, side, options.crop),
        enlarged: shorter < options.crop,
    }
}

/// Reduces a picture to at most `side`² pixels, but so that its shorter side still has `crop`, for
/// which small ones are enlarged; of a long strip, the middle is kept.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes in pixels, positive and far below 2^52"
)]
fn fitted(picture: &Picture, side: usize, crop: usize) -> Stored {
    let (width, height) = (picture.width() as f64, picture.height() as f64);
    let area = (side * side) as f64;
    let by_area = (area / (width * height)).sqrt().min(1.0);
    let scale = by_area.max(crop as f64 / width.min(height));
    let scaled = |length: f64| ((length * scale) as usize).max(crop);
    // The strip is cut before it is scaled, so that no long intermediate is made.
    let longest = side * side / crop;
    let (wide, high) = (scaled(width).min(longest), scaled(height).min(longest));
    let part =
        |length: f64, kept: usize| ((kept as f64 / scale).ceil() as usize).min(length as usize);
    let middle = middle_of(picture, part(width, wide), part(height, high));
    let resized = pixels::resize(&middle, wide, high, Filter::Lanczos);
    let plane = wide * high;
    let pixels = (0..plane)
        .flat_map(|at| [0, 1, 2].map(|c| resized.data()[c * plane + at]))
        .map(|value| (value + 0.5).clamp(0.0, 255.0) as u8)
        .collect();
    Stored {
        width: wide,
        height: high,
        pixels: Pixels::Read(pixels),
    }
}

/// Returns the middle `width` × `height` of a picture.
fn middle_of(picture: &Picture, width: usize, height: usize) -> Picture {
    if (width, height) == (picture.width(), picture.height()) {
        return picture.clone();
    }
    let (left, top) = (
        (picture.width() - width) / 2,
        (picture.height() - height) / 2,
    );
    let plane = picture.width() * picture.height();
    let mut data = Vec::with_capacity(3 * width * height);
    for channel in 0..3 {
        for row in top..top + height {
            let start = channel * plane + row * picture.width() + left;
            data.extend_from_slice(&picture.data()[start..start + width]);
        }
    }
    Picture::new(width, height, data).expect("a row was copied for each row of the middle")
}
