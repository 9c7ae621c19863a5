//! What a network is trained on: crops of pictures, each with the class it belongs to.
//!
//! [`Dataset::batch`] is a function of the options' seed and the step alone: nothing is remembered
//! from step to step, so that training goes on after a break exactly as it would have without one.
//! Pictures are held as 8-bit RGB, reduced so that all of them fit the memory that the options allow
//! ([`DataOptions::memory`]); drawings are made when they are first asked for.
//!
//! Some of what there is is never trained on, so that accuracy can be told honestly (`split`).

mod colour;
mod crop;
mod error;
mod list;
mod options;
mod split;
mod store;

use std::path::PathBuf;

use self::{
    crop::Window,
    split::{HeldOut, Region},
    store::Stored,
};
pub use self::{
    error::{DataError, DataReport, SkipReason, Skipped},
    options::{Augmentation, DataOptions},
};
use crate::random::Random;
use crate::tensor::Tensor;

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// A folder. With sub-folders that hold pictures, each of them is a class of its pictures;
    /// else each picture in the folder is a class of its own, told apart by its crops.
    Folder(PathBuf),
    /// Drawings by the program, each a class of its own: those of the seeds `seed` to
    /// `seed + count - 1`.
    Procedural {
        /// How many.
        count: usize,
        /// Seed of the first.
        seed: u64,
    },
}

/// Crops and their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[N, 3, crop, crop]`, RGB, 0–255.
    pub pictures: Tensor,
    /// The class of each crop, in the order of the crops; an index into
    /// [`Dataset::class_names`].
    pub labels: Vec<usize>,
}

/// Pictures in classes, ready to be cut into batches.
#[derive(Debug)]
pub struct Dataset {
    options: DataOptions,
    names: Vec<String>,
    pictures: Vec<Stored>,
    /// The pictures of each class that are trained on, as indices; none is empty.
    classes: Vec<Vec<usize>>,
    /// Class and place of each crop that is kept for the accuracy.
    held_out: Vec<HeldOut>,
    /// The part of each picture that is trained on.
    regions: Vec<Region>,
}

impl Dataset {
    /// Reads `sources`, which become the classes of one data set in their order: the sub-folders of
    /// a folder by name, pictures by name, drawings by seed. Sub-folders of the same name in several
    /// folders are one class.
    ///
    /// Pictures that cannot be used are left out and named in the report.
    pub fn open(
        sources: &[DataSource],
        options: &DataOptions,
    ) -> Result<(Self, DataReport), DataError> {
        options.check()?;
        let listing = list::list(sources)?;
        let sides = options.sides_for(listing.drawings(), listing.files())?;
        let (pictures, labels, mut report) = store::read(&listing.items, sides, options);
        report.ignored = listing.ignored;
        // Classes whose pictures could not be read do not count.
        let mut kept: Vec<Option<usize>> = vec![None; listing.classes.len()];
        let mut names = Vec::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (picture, &label) in labels.iter().enumerate() {
            let class = *kept[label].get_or_insert_with(|| {
                names.push(listing.classes[label].clone());
                members.push(Vec::new());
                names.len() - 1
            });
            members[class].push(picture);
        }
        if names.len() < 2 {
            return Err(DataError::OneClass {
                found: names.first().cloned(),
                skipped: report.skipped.len(),
            });
        }
        let split = split::split(&members, &pictures, options);
        report.pictures = pictures.len();
        report.classes = names.len();
        report.held_out = split.held_out.len();
        let dataset = Self {
            options: options.clone(),
            names,
            pictures,
            classes: split.classes,
            held_out: split.held_out,
            regions: split.regions,
        };
        Ok((dataset, report))
    }

    /// Returns how many classes there are, at least 2.
    pub fn class_count(&self) -> usize {
        self.names.len()
    }

    /// Returns the classes' names: that of the sub-folder, of the picture's file, or
    /// `drawing SEED`.
    pub fn class_names(&self) -> &[String] {
        &self.names
    }

    /// Returns the batch of a step: crops of classes that are drawn evenly, augmented. The same step
    /// of the same data and options is the same batch, whatever was asked for before.
    pub fn batch(&self, step: u64) -> Batch {
        self.collect(|index| {
            let mut random = Random::stream(self.options.seed, &[0, step, index as u64]);
            let class = random.below(self.classes.len());
            let picture = *random.pick(&self.classes[class]);
            let region = self.regions[picture];
            let window = Window::random(region, &self.options, &mut random);
            (class, picture, window, Some(random))
        })
    }

    /// Returns how many batches [`Self::held_out_batch`] gives.
    pub fn held_out(&self) -> usize {
        self.held_out.len().div_ceil(self.options.batch)
    }

    /// Returns a batch of crops that are never trained on, not augmented; `index` is taken modulo
    /// [`Self::held_out`]. The last batch is filled up with the first crops. Where nothing is held
    /// out, it is the batch for training of that step.
    pub fn held_out_batch(&self, index: usize) -> Batch {
        if self.held_out.is_empty() {
            return self.batch(index as u64);
        }
        self.collect(|item| {
            let at = (index * self.options.batch + item) % self.held_out.len();
            let kept = self.held_out[at];
            let window = Window::still(kept.region, self.options.crop, kept.share);
            (kept.class, kept.picture, window, None)
        })
    }

    /// Cuts as many crops as a batch has, on all threads.
    fn collect(
        &self,
        item: impl Fn(usize) -> (usize, usize, Window, Option<Random>) + Sync,
    ) -> Batch {
        let crop = self.options.crop;
        let length = 3 * crop * crop;
        let mut data = vec![0.0; self.options.batch * length];
        let mut labels = vec![0; self.options.batch];
        let share = self.options.batch.div_ceil(self.options.threads().max(1));
        std::thread::scope(|scope| {
            let parts = data
                .chunks_mut(share * length)
                .zip(labels.chunks_mut(share));
            for (part, (data, labels)) in parts.enumerate() {
                let item = &item;
                scope.spawn(move || {
                    let crops = data.chunks_exact_mut(length).zip(labels);
                    for (index, (planes, label)) in crops.enumerate() {
                        let (class, picture, window, random) = item(part * share + index);
                        *label = class;
                        let view = self.pictures[picture].view();
                        window.cut(&view, crop, planes);
                        if let Some(mut random) = random {
                            colour::vary(planes, crop, &self.options.augmentation, &mut random);
                        }
                    }
                });
            }
        });
        let pictures = Tensor::new(vec![self.options.batch, 3, crop, crop], data)
            .expect("the data was made for this shape");
        Batch { pictures, labels }
    }
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers and copies are exact, and the values are known"
)]
mod tests;
