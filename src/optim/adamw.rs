//! AdamW (Loshchilov & Hutter, 2019): Adam whose weight decay does not pass through the moments.
//!
//! For the many tensors of a network at once, each with its own length and with or without decay.
//! Element by element in `f32`, so nothing depends on order or on the number of threads. The
//! learning rate is given with each step: a [`Schedule`] says it.

use super::{
    Quantity, Step, Stop, blocks,
    state::{Kind, RecordReader, RecordWriter, StateError},
};
use std::{
    io::{Read, Write},
    num::NonZeroUsize,
};

/// Largest size of a gradient's element whose square is certain to be finite.
const LARGEST: f32 = 1e18;

/// Settings of AdamW.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWOptions {
    /// Decay of the mean of the gradient, at least 0 and below 1.
    pub beta1: f64,
    /// Decay of the mean of its square, at least 0 and below 1.
    pub beta2: f64,
    /// What keeps the division finite; above 0.
    pub epsilon: f64,
    /// Share of a decaying tensor that is taken off at each step, in units of the learning rate.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    /// Returns `PyTorch`'s settings.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 1e-2,
        }
    }
}

/// A tensor that is trained.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// Its elements, moved in place.
    pub values: &'a mut [f32],
    /// The gradient of the loss with respect to each.
    pub gradient: &'a [f32],
    /// Whether weight decay pulls it towards 0.
    pub decays: bool,
}

/// AdamW between two evaluations.
#[derive(Debug, Clone)]
pub struct AdamW {
    options: AdamWOptions,
    threads: NonZeroUsize,
    steps: u64,
    moments: Vec<Moments>,
}

/// The running means of one tensor.
#[derive(Debug, Clone)]
struct Moments {
    /// Of the gradient.
    first: Vec<f32>,
    /// Of its square.
    second: Vec<f32>,
}

impl AdamW {
    /// Returns an optimiser of tensors of these lengths whose moments are zero.
    pub fn new(options: AdamWOptions, lengths: &[usize], threads: NonZeroUsize) -> Self {
        let moments = lengths
            .iter()
            .map(|&len| Moments {
                first: vec![0.0; len],
                second: vec![0.0; len],
            })
            .collect();
        Self {
            options,
            threads,
            steps: 0,
            moments,
        }
    }

    /// Takes one evaluation and moves all parameters by the learning rate `rate`; where a number is
    /// not finite, nothing is moved.
    ///
    /// # Panics
    ///
    /// If the parameters differ in number or length from those the optimiser was made for.
    pub fn step(&mut self, rate: f64, loss: f64, parameters: &mut [Parameter<'_>]) -> Step {
        assert_eq!(parameters.len(), self.moments.len(), "the same parameters");
        for (parameter, moments) in parameters.iter().zip(&self.moments) {
            let len = moments.first.len();
            assert_eq!(parameter.values.len(), len, "a parameter keeps its length");
            assert_eq!(parameter.gradient.len(), len, "one element a value");
        }
        if !loss.is_finite() {
            return Step::Stopped(Stop::NonFinite(Quantity::Loss));
        }
        for parameter in parameters.iter() {
            if !blocks::all_finite(parameter.gradient) {
                return Step::Stopped(Stop::NonFinite(Quantity::Gradient));
            }
            // Without a branch per element, or the loop would not be vectorised.
            let gradient = parameter.gradient.iter();
            if gradient.fold(false, |large, g| large | (g.abs() > LARGEST)) {
                return Step::Stopped(Stop::NonFinite(Quantity::Update));
            }
        }
        let rule = Rule::at(&self.options, self.steps + 1, rate);
        let mut work = Vec::new();
        for (parameter, moments) in parameters.iter_mut().zip(&mut self.moments) {
            let kept = if parameter.decays { rule.kept } else { 1.0 };
            let values = parameter.values.chunks_mut(blocks::BLOCK);
            let gradient = parameter.gradient.chunks(blocks::BLOCK);
            let first = moments.first.chunks_mut(blocks::BLOCK);
            let second = moments.second.chunks_mut(blocks::BLOCK);
            work.extend(
                first
                    .zip(second)
                    .zip(values.zip(gradient))
                    .map(|(moments, point)| (kept, moments, point)),
            );
        }
        blocks::for_each(
            self.threads,
            work.into_iter(),
            |(kept, (first, second), (values, gradient))| {
                let moments = first.iter_mut().zip(second);
                for ((first, second), (value, gradient)) in
                    moments.zip(values.iter_mut().zip(gradient))
                {
                    [*first, *second, *value] =
                        rule.advance(kept, *first, *second, *value, *gradient);
                }
            },
        );
        self.steps += 1;
        Step::Moved
    }

    /// Returns the number of steps that moved the parameters.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Writes everything that the next step depends on, except the parameters.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), StateError> {
        let mut record = RecordWriter::begin(writer, Kind::AdamW)?;
        record.bytes(&encode(&self.options))?;
        record.u64(self.steps)?;
        record.length(self.moments.len())?;
        for moments in &self.moments {
            record.length(moments.first.len())?;
            record.vector(&moments.first)?;
            record.vector(&moments.second)?;
        }
        record.end()
    }

    /// Reads what [`write_to`](Self::write_to) wrote, and no byte more; other options and other
    /// lengths than these are refused.
    pub fn read_from(
        reader: &mut impl Read,
        options: AdamWOptions,
        lengths: &[usize],
        threads: NonZeroUsize,
    ) -> Result<Self, StateError> {
        let mut record = RecordReader::begin(reader, Kind::AdamW)?;
        record.expect_options(&encode(&options))?;
        let steps = record.u64()?;
        record.expect_length(lengths.len())?;
        let mut moments = Vec::with_capacity(lengths.len());
        for &len in lengths {
            record.expect_length(len)?;
            moments.push(Moments {
                first: record.vector(len)?,
                second: record.vector(len)?,
            });
        }
        record.end()?;
        Ok(Self {
            options,
            threads,
            steps,
            moments,
        })
    }
}

/// Returns the options as they are written.
fn encode(options: &AdamWOptions) -> Vec<u8> {
    [
        options.beta1,
        options.beta2,
        options.epsilon,
        options.weight_decay,
    ]
    .iter()
    .flat_map(|value| value.to_le_bytes())
    .collect()
}

/// The update of one step, its numbers worked out.
#[derive(Debug, Clone, Copy)]
struct Rule {
    beta2: f32,
    weight1: f32,
    weight2: f32,
    /// What `√v` is divided by before `epsilon` is added.
    root_correction: f32,
    epsilon: f32,
    rate: f32,
    /// Share of a decaying value that is left.
    kept: f32,
}

impl Rule {
    /// Returns the rule of step `t`, counted from 1.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "worked out in f64, applied in f32"
    )]
    fn at(options: &AdamWOptions, t: u64, rate: f64) -> Self {
        let t = i32::try_from(t).unwrap_or(i32::MAX);
        Self {
            beta2: options.beta2 as f32,
            weight1: (1.0 - options.beta1) as f32,
            weight2: (1.0 - options.beta2) as f32,
            root_correction: (1.0 - options.beta2.powi(t)).sqrt() as f32,
            epsilon: options.epsilon as f32,
            rate: (rate / (1.0 - options.beta1.powi(t))) as f32,
            kept: (1.0 - rate * options.weight_decay) as f32,
        }
    }

    /// Returns the new first moment, second moment and value of one element.
    fn advance(self, kept: f32, first: f32, second: f32, value: f32, gradient: f32) -> [f32; 3] {
        let first = first + self.weight1 * (gradient - first);
        let second = second * self.beta2 + self.weight2 * gradient * gradient;
        let denominator = second.sqrt() / self.root_correction + self.epsilon;
        let value = value * kept - self.rate * (first / denominator);
        [first, second, value]
    }
}

/// A learning rate over the course of a training: a linear warm-up, then a half cosine down to 0
/// (Loshchilov & Hutter, 2017, without restarts).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub rate: f64,
    /// Steps until it is reached.
    pub warm_up: u64,
    /// Steps in all.
    pub steps: u64,
}

impl Schedule {
    /// Returns the learning rate of step `step`, counted from 0.
    #[allow(
        clippy::cast_precision_loss,
        reason = "steps are far below 2^52, and a rate needs few digits"
    )]
    pub fn rate(&self, step: u64) -> f64 {
        let rise = if step < self.warm_up {
            (step + 1) as f64 / self.warm_up as f64
        } else {
            1.0
        };
        let rest = self.steps.saturating_sub(self.warm_up).max(1) as f64;
        let done = (step.saturating_sub(self.warm_up) as f64 / rest).min(1.0);
        self.rate * rise * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}
