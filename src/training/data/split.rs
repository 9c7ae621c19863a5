//! Divides pictures into what is trained on and what tells the accuracy.
//!
//! A class of four pictures or more keeps one in eight whole. Where a class has fewer, and above all
//! where each picture is its own class, a strip at one end of each picture is kept: crops for
//! training never reach into it, so that no pixel is on both sides.

use super::options::DataOptions;
use super::store::Stored;
use crate::random::Random;

/// Most crops that are held out: an accuracy needs no more.
const MOST: usize = 4096;

/// A part of a picture in pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// How one picture is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// What is trained on (the whole of a picture that is never asked for).
    pub(super) training: Region,
}

/// A crop that is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HeldOut {
    pub(super) class: usize,
    pub(super) picture: usize,
    pub(super) region: Region,
    /// Where in the region, 0–1 along its longer side.
    pub(super) share: f32,
}

/// All pictures, divided.
pub(super) struct Splits {
    pub(super) classes: Vec<Vec<usize>>,
    pub(super) held_out: Vec<HeldOut>,
    pub(super) splits: Vec<Split>,
}

/// Divides the pictures of each class.
pub(super) fn split(classes: &[Vec<usize>], pictures: &[Stored], options: &DataOptions) -> Splits {
    let whole = |picture: &Stored| Split {
        training: Region {
            left: 0,
            top: 0,
            width: picture.width,
            height: picture.height,
        },
    };
    let mut result = Splits {
        classes: classes.to_vec(),
        held_out: Vec::new(),
        splits: pictures.iter().map(whole).collect(),
    };
    if !options.hold_out {
        return result;
    }
    for (class, members) in classes.iter().enumerate() {
        let mut random = Random::stream(options.seed, &[1, class as u64]);
        if members.len() >= 4 {
            let kept = &mut result.classes[class];
            for _ in 0..members.len().div_ceil(8) {
                let picture = kept.remove(random.below(kept.len()));
                let region = result.splits[picture].training;
                for share in [0.0, 1.0] {
                    result.held_out.push(HeldOut {
                        class,
                        picture,
                        region,
                        share,
                    });
                }
            }
            continue;
        }
        for &picture in members {
            let split = &mut result.splits[picture];
            let (training, region) = divided(split.training, options, &mut random);
            split.training = training;
            let share = random.unit();
            result.held_out.push(HeldOut {
                class,
                picture,
                region,
                share,
            });
        }
    }
    if result.held_out.len() > MOST {
        let every = result.held_out.len() as f64 / MOST as f64;
        result.held_out = (0..MOST)
            .map(|index| result.held_out[evenly(index, every)])
            .collect();
    }
    result
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index, far below 2^52"
)]
fn evenly(index: usize, every: f64) -> usize {
    (index as f64 * every) as usize
}

/// Takes a strip off one end of a picture's longer side, as wide as the smallest crop that training
/// sees, but at most a third.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sizes in pixels"
)]
fn divided(whole: Region, options: &DataOptions, random: &mut Random) -> (Region, Region) {
    let smallest = options.crop as f32 * options.augmentation.scale.0.clamp(0.5, 1.0);
    let upright = match whole.width.cmp(&whole.height) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Equal => random.chance(0.5),
        std::cmp::Ordering::Greater => false,
    };
    let first = random.chance(0.5);
    let cut = |start: usize, length: usize| {
        let strip = (smallest as usize).min(length / 3).max(1);
        if first {
            ((start + strip, length - strip), (start, strip))
        } else {
            ((start, length - strip), (start + length - strip, strip))
        }
    };
    let mut parts = (whole, whole);
    if upright {
        let (training, kept) = cut(whole.top, whole.height);
        (parts.0.top, parts.0.height) = training;
        (parts.1.top, parts.1.height) = kept;
    } else {
        let (training, kept) = cut(whole.left, whole.width);
        (parts.0.left, parts.0.width) = training;
        (parts.1.left, parts.1.width) = kept;
    }
    parts
}
