//! Optimisers: they minimise a function that somebody else evaluates.
//!
//! The caller computes loss and gradient at `x`, hands them over, and `x` is moved in place to the
//! next point. Nothing here evaluates, saves pictures, reads a clock or decides how long to go on.
//! Always true: the same calls give the same bits, whatever the number of threads and however often
//! the state was written out and read back in between. A step that cannot be taken leaves `x` and
//! the state as they were, so the picture the caller holds is the last good one.

mod adam;
mod adamw;
mod blocks;
mod lbfgs;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    adam::{Adam, AdamOptions, EpsilonPlace},
    adamw::{AdamW, AdamWOptions, Parameter, Schedule},
    lbfgs::{Lbfgs, LbfgsOptions, Pair},
    state::StateError,
};

use std::{
    fmt,
    io::{self, Read, Write},
    num::NonZeroUsize,
};

/// Which optimiser, and with what settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Options {
    /// Limited-memory BFGS with a fixed step.
    Lbfgs(LbfgsOptions),
    /// Adam.
    Adam(AdamOptions),
}

impl Options {
    /// Returns the most memory in bytes that the optimiser of these options holds for a variable
    /// of `len` elements, its working space during a step included.
    ///
    /// L-BFGS reaches it once its history is full; the variable and the gradient are not counted.
    pub fn memory_bytes(&self, len: usize) -> u64 {
        match self {
            Self::Lbfgs(options) => options.memory_bytes(len),
            Self::Adam(options) => options.memory_bytes(len),
        }
    }
}

/// An optimiser in the middle of its work.
#[derive(Debug, Clone)]
pub enum Optimizer {
    /// Limited-memory BFGS with a fixed step.
    Lbfgs(Lbfgs),
    /// Adam.
    Adam(Adam),
}

impl Optimizer {
    /// Returns an optimiser that has seen nothing yet; its loops run on `threads` threads.
    pub fn new(options: Options, threads: NonZeroUsize) -> Self {
        match options {
            Options::Lbfgs(options) => Self::Lbfgs(Lbfgs::new(options, threads)),
            Options::Adam(options) => Self::Adam(Adam::new(options, threads)),
        }
    }

    /// Takes one evaluation, `loss` and `gradient` at `x`, and moves `x` to where the function is
    /// to be evaluated next. N calls are N iterations of neural-style.
    ///
    /// # Panics
    ///
    /// If `x` and `gradient` differ in length, or have another length than at the call before
    /// without a [`reset`](Self::reset) in between.
    pub fn step(&mut self, x: &mut [f32], loss: f64, gradient: &[f32]) -> Step {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.step(x, loss, gradient),
            Self::Adam(adam) => adam.step(x, loss, gradient),
        }
    }

    /// Returns the number of evaluations that moved `x` since the start or the last reset.
    pub fn evaluations(&self) -> u64 {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.evaluations(),
            Self::Adam(adam) => adam.evaluations(),
        }
    }

    /// Forgets everything learned, as a stage of another size must; the options stay.
    pub fn reset(&mut self) {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.reset(),
            Self::Adam(adam) => adam.reset(),
        }
    }

    /// Writes everything that the next step depends on, except `x` itself.
    ///
    /// Little-endian, versioned, each record with its SHA-256.
    pub fn write_to(&self, writer: &mut impl Write) -> Result<(), StateError> {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.write_to(writer),
            Self::Adam(adam) => adam.write_to(writer),
        }
    }

    /// Reads what [`write_to`](Self::write_to) wrote, and no byte more.
    ///
    /// `len` is the length of the variable that the state must belong to and `options` are those
    /// it must have been made with; anything else is refused before memory is taken for it.
    pub fn read_from(
        reader: &mut impl Read,
        options: Options,
        len: usize,
        threads: NonZeroUsize,
    ) -> Result<Self, StateError> {
        match options {
            Options::Lbfgs(options) => {
                Lbfgs::read_from(reader, options, len, threads).map(Self::Lbfgs)
            }
            Options::Adam(options) => {
                Adam::read_from(reader, options, len, threads).map(Self::Adam)
            }
        }
    }
}

impl Optimizer {
    /// Writes what [`write_to`](Self::write_to) writes but for the pairs of L-BFGS, which can be
    /// kept apart from it: each is written once, by [`Pair::write_to`].
    pub fn write_head(&self, writer: &mut impl Write) -> Result<(), StateError> {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.write_head(writer),
            Self::Adam(adam) => adam.write_to(writer),
        }
    }

    /// Returns the pairs that [`write_head`](Self::write_head) leaves out, oldest first.
    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        let lbfgs = match self {
            Self::Lbfgs(lbfgs) => Some(lbfgs),
            Self::Adam(_) => None,
        };
        lbfgs.into_iter().flat_map(Lbfgs::pairs)
    }

    /// Reads what [`write_head`](Self::write_head) wrote, and each pair that belongs to it from the
    /// reader that `open` returns for its number. Refuses as [`read_from`](Self::read_from) does.
    pub fn read_apart<R: Read>(
        reader: &mut impl Read,
        options: Options,
        len: usize,
        threads: NonZeroUsize,
        open: &mut dyn FnMut(u64) -> io::Result<R>,
    ) -> Result<Self, StateError> {
        match options {
            Options::Lbfgs(options) => {
                Lbfgs::read_apart(reader, options, len, threads, open).map(Self::Lbfgs)
            }
            Options::Adam(options) => {
                Adam::read_from(reader, options, len, threads).map(Self::Adam)
            }
        }
    }

    /// Tells the optimiser that another function is minimised from here on: what L-BFGS learned
    /// of the curvature is no longer true and is forgotten; Adam's means forget by themselves.
    pub fn function_changed(&mut self) {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.reset(),
            Self::Adam(_) => {}
        }
    }

    /// Sets Adam's step length from the next step on. L-BFGS keeps its own, as in neural-style.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        match self {
            Self::Lbfgs(_) => {}
            Self::Adam(adam) => adam.set_learning_rate(learning_rate),
        }
    }
}

/// What became of one evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub enum Step {
    /// `x` has moved (a gradient of zero moves it by nothing).
    Moved,
    /// `x` and the optimiser are as before the call; going on needs another decision first.
    Stopped(Stop),
}

/// Why no step was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stop {
    /// A number that is NaN or infinite.
    NonFinite(Quantity),
    /// The direction leads uphill: the slope along it, gradient times direction, exceeds 1.
    Ascent {
        /// That slope.
        slope: f64,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite(quantity) => write!(f, "{quantity} is not a finite number"),
            Self::Ascent { slope } => {
                write!(f, "the search direction leads uphill (slope {slope:.3e})")
            }
        }
    }
}

/// What was found to be NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The loss handed in.
    Loss,
    /// An element of the gradient handed in.
    Gradient,
    /// The direction, a moment, or the point that the step would have led to.
    Update,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loss => "the loss",
            Self::Gradient => "the gradient",
            Self::Update => "the next step",
        })
    }
}
