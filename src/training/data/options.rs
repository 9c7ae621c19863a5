//! How pictures are held, cut and varied.

use super::error::DataError;

/// Largest crop, in pixels.
const MAX_CROP: usize = 1024;

/// How a data set is made and cut.
#[derive(Debug, Clone, PartialEq)]
pub struct DataOptions {
    /// Side of a crop in pixels, 16–1024.
    pub crop: usize,
    /// Crops in a batch, 1–4096.
    pub batch: usize,
    /// Where everything random comes from.
    pub seed: u64,
    /// Side of a drawing in pixels. Lowered, at most to the crop, where the pictures would not fit
    /// `memory`.
    pub side: usize,
    /// Side of a square with the most pixels that a picture from a file is held with: what a crop
    /// shows of it then has the detail of a picture that is painted. Never taken below `side`, and
    /// lowered to it first where the pictures would not fit `memory`.
    pub file_side: usize,
    /// Most bytes that the pictures may take.
    pub memory: u64,
    /// Limit on a picture file's width times height; what is larger is left out.
    pub max_pixels: u64,
    /// Whether a part of the pictures is kept to tell the accuracy.
    pub hold_out: bool,
    /// Threads to read and cut with; 0 for as many as there are cores. No result depends on it.
    pub threads: usize,
    /// How crops are varied.
    pub augmentation: Augmentation,
}

impl Default for DataOptions {
    fn default() -> Self {
        Self {
            crop: 64,
            batch: 64,
            seed: 0,
            side: 160,
            file_side: 320,
            memory: 512 << 20,
            max_pixels: 40_000_000,
            hold_out: true,
            threads: 0,
            augmentation: Augmentation::default(),
        }
    }
}

/// How large pictures are held: sides of squares of as many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) drawing: usize,
    pub(super) file: usize,
}

/// How much a crop is varied. Shares are probabilities, 0–1.
#[derive(Debug, Clone, PartialEq)]
pub struct Augmentation {
    /// Share of crops that are cut as they are, pixel by pixel: fine grain survives only there.
    pub straight: f32,
    /// Smallest and largest side of what is cut, in crops.
    pub scale: (f32, f32),
    /// Most by which width and height are stretched against each other, 1 for not at all.
    pub aspect: f32,
    /// Largest rotation, as the sine of its angle.
    pub rotation: f32,
    /// Share of crops that are mirrored left to right.
    pub mirror: f32,
    /// Share of crops that are mirrored top to bottom.
    pub upset: f32,
    /// Standard deviation of what is added to all channels alike, in a picture's range.
    pub brightness: f32,
    /// Standard deviation of what is added to each channel, in a picture's range.
    pub tint: f32,
    /// Standard deviation of the contrast's factor.
    pub contrast: f32,
    /// Standard deviation of the factor on what is coloured.
    pub saturation: f32,
    /// Standard deviation of a turn of all hues, as the sine of its angle.
    pub hue: f32,
    /// Standard deviation of a curve that lifts or lowers middle tones, as a gamma does.
    pub gamma: f32,
    /// Share of crops whose channels change places.
    pub permute: f32,
    /// Share of crops that are blurred slightly.
    pub blur: f32,
    /// Share of crops that get noise, and its largest standard deviation in a picture's range.
    pub noise: (f32, f32),
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            straight: 0.35,
            scale: (0.75, 1.35),
            aspect: 1.15,
            rotation: 0.12,
            mirror: 0.5,
            upset: 0.0,
            brightness: 0.06,
            tint: 0.04,
            contrast: 0.15,
            saturation: 0.2,
            hue: 0.06,
            gamma: 0.2,
            permute: 0.0,
            blur: 0.1,
            noise: (0.2, 0.03),
        }
    }
}

impl Augmentation {
    /// Returns an augmentation that changes nothing but the place of a crop.
    pub fn none() -> Self {
        Self {
            straight: 1.0,
            scale: (1.0, 1.0),
            aspect: 1.0,
            rotation: 0.0,
            mirror: 0.0,
            upset: 0.0,
            brightness: 0.0,
            tint: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            gamma: 0.0,
            permute: 0.0,
            blur: 0.0,
            noise: (0.0, 0.0),
        }
    }
}

impl DataOptions {
    /// Refuses what cannot work.
    pub(super) fn check(&self) -> Result<(), DataError> {
        let bad = |option, reason: String| Err(DataError::Option { option, reason });
        if !(16..=MAX_CROP).contains(&self.crop) {
            return bad("crop", format!("{} is not within 16–{MAX_CROP}", self.crop));
        }
        if !(1..=4096).contains(&self.batch) {
            return bad("batch", format!("{} is not within 1–4096", self.batch));
        }
        let most = 4 * MAX_CROP;
        for (option, side) in [("side", self.side), ("file_side", self.file_side)] {
            if !(self.crop..=most).contains(&side) {
                let crop = self.crop;
                return bad(
                    option,
                    format!("{side} is not within {crop} (the crop) and {most}"),
                );
            }
        }
        let (low, high) = self.augmentation.scale;
        if !(0.1 <= low && low <= high && high <= 10.0) {
            return bad("scale", format!("{low}–{high} is no range within 0.1–10"));
        }
        Ok(())
    }

    /// Returns the sides with which so many drawings and files fit the memory.
    pub(super) fn sides_for(&self, drawings: usize, files: usize) -> Result<Sides, DataError> {
        let bytes = |sides: &Sides| {
            let area = |count: usize, side: usize| 3 * count as u64 * (side as u64).pow(2);
            area(drawings, sides.drawing).saturating_add(area(files, sides.file))
        };
        let largest = self.file_side.max(self.side);
        let fewer_details = (self.side..=largest).rev().map(|file| Sides {
            drawing: self.side,
            file,
        });
        let all_smaller = (self.crop..self.side).rev().map(|side| Sides {
            drawing: side,
            file: side,
        });
        let fits = fewer_details
            .chain(all_smaller)
            .find(|sides| bytes(sides) <= self.memory);
        fits.ok_or_else(|| DataError::Memory {
            pictures: drawings + files,
            bytes: bytes(&Sides {
                drawing: self.crop,
                file: self.crop,
            }),
            limit: self.memory,
        })
    }

    /// Returns how many threads to use.
    pub(super) fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            threads => threads,
        }
    }
}
