//! Adam (Kingma & Ba, 2015), with its epsilon where Torch or where `PyTorch` puts it.
//!
//! Element by element in `f32`, so nothing depends on order; the moments are its whole state.

use super::{
    Quantity, Step, Stop, blocks,
    state::{Kind, RecordReader, RecordWriter, StateError},
};
use std::{
    io::{Read, Write},
    num::NonZeroUsize,
};

/// Settings of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptions {
    /// The step length in units of the variable (`learning_rate`).
    pub learning_rate: f64,
    /// Decay of the mean of the gradient, at least 0 and below 1.
    pub beta1: f64,
    /// Decay of the mean of its square, at least 0 and below 1.
    pub beta2: f64,
    /// What keeps the division finite; above 0.
    pub epsilon: f64,
    /// Where `epsilon` is added: only visible if it is large.
    pub epsilon_place: EpsilonPlace,
}

impl Default for AdamOptions {
    /// Returns neural-style-pt's settings.
    fn default() -> Self {
        Self {
            learning_rate: 1.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            epsilon_place: EpsilonPlace::AfterCorrection,
        }
    }
}

impl AdamOptions {
    /// Returns the memory in bytes for a variable of `len` elements: two moments.
    #[allow(clippy::unused_self, reason = "asked of either optimiser's options")]
    pub fn memory_bytes(&self, len: usize) -> u64 {
        8_u64.saturating_mul(len as u64)
    }
}

/// What `epsilon` is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpsilonPlace {
    /// `√v + ε`, and the correction of both moments goes into the step length: Torch.
    BeforeCorrection,
    /// `√(v / (1 - β₂ᵗ)) + ε`: `PyTorch`, and the paper.
    AfterCorrection,
}

/// Adam between two evaluations.
#[derive(Debug, Clone)]
pub struct Adam {
    options: AdamOptions,
    threads: NonZeroUsize,
    evaluations: u64,
    moments: Option<Moments>,
}

/// The running means.
#[derive(Debug, Clone)]
struct Moments {
    /// Of the gradient.
    first: Vec<f32>,
    /// Of its square.
    second: Vec<f32>,
}

impl Adam {
    /// Returns an optimiser whose moments are zero.
    pub fn new(options: AdamOptions, threads: NonZeroUsize) -> Self {
        Self {
            options,
            threads,
            evaluations: 0,
            moments: None,
        }
    }

    /// Takes one evaluation and moves `x`; see [`Optimizer::step`](super::Optimizer::step).
    pub fn step(&mut self, x: &mut [f32], loss: f64, gradient: &[f32]) -> Step {
        assert_eq!(x.len(), gradient.len(), "one gradient element per variable");
        if !loss.is_finite() {
            return Step::Stopped(Stop::NonFinite(Quantity::Loss));
        }
        if !blocks::all_finite(gradient) {
            return Step::Stopped(Stop::NonFinite(Quantity::Gradient));
        }
        let rule = Rule::at(&self.options, self.evaluations + 1);
        let moments = self.moments.get_or_insert_with(|| Moments {
            first: vec![0.0; x.len()],
            second: vec![0.0; x.len()],
        });
        assert_eq!(
            moments.first.len(),
            x.len(),
            "the same variable since the last reset"
        );
        if !rule.stays_finite(moments, x, gradient, self.threads) {
            return Step::Stopped(Stop::NonFinite(Quantity::Update));
        }
        rule.apply(moments, x, gradient, self.threads);
        self.evaluations += 1;
        Step::Moved
    }

    /// Returns the number of evaluations that moved the variable since the start or a reset.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Sets the step length from the next step on; the moments stay.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.options.learning_rate = learning_rate;
    }

    /// Forgets the moments.
    pub fn reset(&mut self) {
        *self = Self::new(self.options, self.threads);
    }

    /// Writes the state; see [`Optimizer::write_to`](super::Optimizer::write_to).
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), StateError> {
        let mut record = RecordWriter::begin(writer, Kind::Adam)?;
        record.bytes(&encode(&self.options))?;
        record.u64(self.evaluations)?;
        // Moments of an optimiser that never moved are zero and need not be kept.
        let moments = self.moments.as_ref().filter(|_| self.evaluations > 0);
        record.length(moments.map_or(0, |moments| moments.first.len()))?;
        if let Some(moments) = moments {
            record.vector(&moments.first)?;
            record.vector(&moments.second)?;
        }
        record.end()
    }

    /// Reads the state; see [`Optimizer::read_from`](super::Optimizer::read_from).
    pub fn read_from(
        reader: &mut impl Read,
        options: AdamOptions,
        len: usize,
        threads: NonZeroUsize,
    ) -> Result<Self, StateError> {
        let mut record = RecordReader::begin(reader, Kind::Adam)?;
        record.expect_options(&encode(&options))?;
        let evaluations = record.u64()?;
        record.expect_length(if evaluations == 0 { 0 } else { len })?;
        let moments = if evaluations == 0 {
            None
        } else {
            Some(Moments {
                first: record.vector(len)?,
                second: record.vector(len)?,
            })
        };
        record.end()?;
        Ok(Self {
            options,
            threads,
            evaluations,
            moments,
        })
    }
}

/// Returns the options as they are written.
fn encode(options: &AdamOptions) -> Vec<u8> {
    let place: u64 = match options.epsilon_place {
        EpsilonPlace::BeforeCorrection => 0,
        EpsilonPlace::AfterCorrection => 1,
    };
    [
        options.learning_rate,
        options.beta1,
        options.beta2,
        options.epsilon,
    ]
    .iter()
    .flat_map(|value| value.to_le_bytes())
    .chain(place.to_le_bytes())
    .collect()
}

/// The update of one evaluation, its numbers worked out.
#[derive(Debug, Clone, Copy)]
struct Rule {
    beta2: f32,
    weight1: f32,
    weight2: f32,
    /// What `√v` is divided by before `epsilon` is added.
    root_correction: f32,
    epsilon: f32,
    rate: f32,
}

impl Rule {
    /// Returns the rule of evaluation `t`, counted from 1.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "worked out in f64, applied in f32"
    )]
    fn at(options: &AdamOptions, t: u64) -> Self {
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        let correction1 = 1.0 - options.beta1.powi(t);
        let root_correction2 = (1.0 - options.beta2.powi(t)).sqrt();
        let (root_correction, rate) = match options.epsilon_place {
            EpsilonPlace::BeforeCorrection => {
                (1.0, options.learning_rate * root_correction2 / correction1)
            }
            EpsilonPlace::AfterCorrection => {
                (root_correction2, options.learning_rate / correction1)
            }
        };
        Self {
            beta2: options.beta2 as f32,
            weight1: (1.0 - options.beta1) as f32,
            weight2: (1.0 - options.beta2) as f32,
            root_correction: root_correction as f32,
            epsilon: options.epsilon as f32,
            rate: rate as f32,
        }
    }

    /// Returns the new first moment, second moment and variable of one element.
    fn advance(self, first: f32, second: f32, x: f32, gradient: f32) -> [f32; 3] {
        let first = first + self.weight1 * (gradient - first);
        let second = second * self.beta2 + self.weight2 * gradient * gradient;
        let denominator = second.sqrt() / self.root_correction + self.epsilon;
        [first, second, x - self.rate * (first / denominator)]
    }

    /// Returns true if and only if no element would become NaN or infinite.
    fn stays_finite(
        self,
        old: &Moments,
        x: &[f32],
        gradient: &[f32],
        threads: NonZeroUsize,
    ) -> bool {
        let mut finite = vec![true; blocks::count(x.len())];
        blocks::for_each(threads, finite.iter_mut().enumerate(), |(index, finite)| {
            let moments = blocks::block(&old.first, index)
                .iter()
                .zip(blocks::block(&old.second, index));
            let point = blocks::block(x, index)
                .iter()
                .zip(blocks::block(gradient, index));
            for ((first, second), (x, gradient)) in moments.zip(point) {
                let [first, second, x] = self.advance(*first, *second, *x, *gradient);
                *finite &= first.is_finite() & second.is_finite() & x.is_finite();
            }
        });
        finite.iter().all(|finite| *finite)
    }

    /// Moves the moments and the variable on.
    fn apply(self, moments: &mut Moments, x: &mut [f32], gradient: &[f32], threads: NonZeroUsize) {
        let first = moments.first.chunks_mut(blocks::BLOCK);
        let second = moments.second.chunks_mut(blocks::BLOCK);
        let point = x
            .chunks_mut(blocks::BLOCK)
            .zip(gradient.chunks(blocks::BLOCK));
        blocks::for_each(
            threads,
            first.zip(second).zip(point),
            |((first, second), (x, gradient))| {
                let moments = first.iter_mut().zip(second);
                for ((first, second), (x, gradient)) in moments.zip(x.iter_mut().zip(gradient)) {
                    [*first, *second, *x] = self.advance(*first, *second, *x, *gradient);
                }
            },
        );
    }
}
