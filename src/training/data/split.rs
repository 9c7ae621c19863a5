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
    /// What is trained on of each picture (the whole of one that is kept).
    pub(super) regions: Vec<Region>,
}

/// Divides the pictures of each class.
pub(super) fn split(classes: &[Vec<usize>], pictures: &[Stored], options: &DataOptions) -> Splits {
    let whole = |picture: &Stored| Region {
        left: 0,
        top: 0,
        width: picture.width,
        height: picture.height,
    };
    let mut result = Splits {
        classes: classes.to_vec(),
        held_out: Vec::new(),
        regions: pictures.iter().map(whole).collect(),
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
                let region = result.regions[picture];
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
            let whole = result.regions[picture];
            let (training, region) = divided(whole, options, &mut random);
            result.regions[picture] = training;
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
        let all = std::mem::take(&mut result.held_out);
        result.held_out = (0..MOST).map(|at| all[at * all.len() / MOST]).collect();
    }
    result
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
