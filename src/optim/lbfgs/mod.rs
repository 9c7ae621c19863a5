//! L-BFGS with a fixed step and no line search, as `optim.lbfgs` of Torch and `torch.optim.LBFGS`
//! do it when neural-style and neural-style-pt call them.
//!
//! Both switch every stopping test off by a tolerance of -1, which leaves one: a direction that
//! leads uphill. The first step has unit L1 length (unless the gradient is shorter than that), so
//! scaling the loss does not change the path.

mod pairs;
mod records;

pub use self::pairs::Pair;

use self::pairs::{Products, Vectors};
use super::{Quantity, Step, Stop, blocks};
use std::{collections::VecDeque, num::NonZeroUsize};

/// A pair enters the history only if its `y·s` is above this.
const LEAST_CURVATURE: f64 = 1e-10;

/// The slope from which a direction counts as uphill: minus the tolerance of -1.
const STEEPEST_ASCENT: f64 = 1.0;

/// Settings of L-BFGS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsOptions {
    /// How many pairs are remembered (`lbfgs_num_correction`; its 0 means this default of 100).
    pub history: NonZeroUsize,
    /// The step length from the second step on, and a factor of the first. neural-style leaves it
    /// at 1: its `learning_rate` is Adam's.
    pub learning_rate: f64,
}

impl Default for LbfgsOptions {
    fn default() -> Self {
        Self {
            history: NonZeroUsize::MIN.saturating_add(99),
            learning_rate: 1.0,
        }
    }
}

impl LbfgsOptions {
    /// Returns the most memory in bytes for a variable of `len` elements: two vectors a pair, the
    /// last gradient and step, and the two vectors that a step makes.
    pub fn memory_bytes(&self, len: usize) -> u64 {
        let vectors = (self.history.get() as u64)
            .saturating_mul(2)
            .saturating_add(4);
        vectors.saturating_mul(4).saturating_mul(len as u64)
    }
}

/// L-BFGS between two evaluations.
#[derive(Debug, Clone)]
pub struct Lbfgs {
    options: LbfgsOptions,
    threads: NonZeroUsize,
    evaluations: u64,
    /// `H`, the assumed inverse curvature where the history knows nothing.
    scale: f64,
    next_sequence: u64,
    /// Oldest first.
    pairs: VecDeque<Pair>,
    last: Option<Last>,
}

/// What the next evaluation is compared with.
#[derive(Debug, Clone)]
struct Last {
    gradient: Vec<f32>,
    step: Vec<f32>,
}

impl Lbfgs {
    /// Returns an optimiser without a history.
    pub fn new(options: LbfgsOptions, threads: NonZeroUsize) -> Self {
        Self {
            options,
            threads,
            evaluations: 0,
            scale: 1.0,
            next_sequence: 0,
            pairs: VecDeque::new(),
            last: None,
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
        let fresh = self.last.as_ref().map(|last| self.observe(last, gradient));
        let fresh = fresh.filter(|fresh| fresh.products.curvature > LEAST_CURVATURE);
        let plan = self.plan(fresh, gradient);
        let proposal = self.propose(&plan, x, gradient);
        if !proposal.finite {
            return Step::Stopped(Stop::NonFinite(Quantity::Update));
        }
        if proposal.slope > STEEPEST_ASCENT {
            return Step::Stopped(Stop::Ascent {
                slope: proposal.slope,
            });
        }
        self.commit(plan, gradient, proposal.step, x);
        Step::Moved
    }

    /// Returns the number of evaluations that moved the variable since the start or a reset.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// Returns the history, oldest pair first.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = &Pair> {
        self.pairs.iter()
    }

    /// Forgets the history; the numbers of pairs to come go on from where they were.
    pub fn reset(&mut self) {
        let next_sequence = self.next_sequence;
        *self = Self {
            next_sequence,
            ..Self::new(self.options, self.threads)
        };
    }

    /// Compares the gradient with the last one: `y = g - g_last`, with `s·y` and `y·y`.
    fn observe(&self, last: &Last, gradient: &[f32]) -> Fresh {
        assert_eq!(
            last.gradient.len(),
            gradient.len(),
            "the same variable since the last reset"
        );
        let mut change = vec![0.0; gradient.len()];
        let mut sums = vec![[0.0; 2]; blocks::count(gradient.len())];
        let targets = change.chunks_mut(blocks::BLOCK).zip(&mut sums).enumerate();
        blocks::for_each(self.threads, targets, |(index, (change, sums))| {
            let gradients = blocks::block(gradient, index)
                .iter()
                .zip(blocks::block(&last.gradient, index));
            for (change, (new, old)) in change.iter_mut().zip(gradients) {
                *change = new - old;
            }
            let step = blocks::block(&last.step, index);
            *sums = [blocks::dot(step, change), blocks::dot(change, change)];
        });
        let curvature = sums.iter().map(|sums| sums[0]).sum();
        let change_square = sums.iter().map(|sums| sums[1]).sum();
        Fresh {
            change,
            products: Products {
                curvature,
                change_square,
                with_older: Vec::new(),
            },
        }
    }

    /// Finds the factors of the direction over the history as it will be with `fresh` in it.
    fn plan(&self, fresh: Option<Fresh>, gradient: &[f32]) -> Plan {
        let full = self.pairs.len() >= self.options.history.get();
        let evicted = usize::from(fresh.is_some() && full);
        let mut plan = Plan {
            fresh,
            evicted,
            scale: self.scale,
            factors: Vec::new(),
        };
        let vectors = self.vectors(&plan);
        let (with_gradient, mut with_change): (Vec<_>, Vec<_>) = if let Some(fresh) = &plan.fresh {
            pairs::products_with(&vectors, [gradient, &fresh.change], self.threads)
                .into_iter()
                .map(|[gradient, change]| (gradient, change))
                .unzip()
        } else {
            let products = pairs::products_with(&vectors, [gradient], self.threads);
            (products.into_iter().flatten().collect(), Vec::new())
        };
        if let Some(fresh) = &mut plan.fresh {
            // The last are the fresh pair's with itself, which it has already.
            with_change.pop();
            fresh.products.with_older = with_change;
            plan.scale = fresh.products.curvature / fresh.products.change_square;
        }
        let kept = self.pairs.iter().skip(evicted).map(|pair| &pair.products);
        let products: Vec<_> = kept
            .chain(plan.fresh.iter().map(|fresh| &fresh.products))
            .collect();
        plan.factors = pairs::factors(&products, &with_gradient, plan.scale);
        plan
    }

    /// Returns the vectors of the history that `plan` is made for, oldest first.
    fn vectors<'a>(&'a self, plan: &'a Plan) -> Vec<Vectors<'a>> {
        let kept = self.pairs.iter().skip(plan.evicted);
        let kept = kept.map(|pair| Vectors {
            step: &pair.step,
            change: &pair.change,
        });
        let fresh = plan.fresh.iter().zip(&self.last);
        let fresh = fresh.map(|(fresh, last)| Vectors {
            step: &last.step,
            change: &fresh.change,
        });
        kept.chain(fresh).collect()
    }

    /// Works out the step that `plan` leads to, and whether it may be taken from `x`.
    fn propose(&self, plan: &Plan, x: &[f32], gradient: &[f32]) -> Proposal {
        let vectors = self.vectors(plan);
        let pairs = vectors.iter().zip(&plan.factors);
        // The order of the two loops: what one adds, the next may take away again.
        let changes = pairs
            .clone()
            .rev()
            .map(|(pair, [_, y])| (narrow(*y), pair.change));
        let steps = pairs.map(|(pair, [s, _])| (narrow(*s), pair.step));
        let terms: Vec<_> = changes.chain(steps).collect();
        let scale = narrow(plan.scale);
        let length = self.step_length(gradient);

        let mut step = vec![0.0; x.len()];
        let mut checks = vec![(0.0, false); blocks::count(x.len())];
        let targets = step.chunks_mut(blocks::BLOCK).zip(&mut checks).enumerate();
        blocks::for_each(self.threads, targets, |(index, (step, check))| {
            let gradient = blocks::block(gradient, index);
            for (step, gradient) in step.iter_mut().zip(gradient) {
                *step = -scale * gradient;
            }
            blocks::add_terms(step, &terms, index);
            let slope = blocks::dot(step, gradient);
            let mut finite = true;
            for (step, x) in step.iter_mut().zip(blocks::block(x, index)) {
                *step *= length;
                finite &= (*step + x).is_finite();
            }
            *check = (slope, finite);
        });
        let slope: f64 = checks.iter().map(|check| check.0).sum();
        let finite = slope.is_finite() && checks.iter().all(|check| check.1);
        Proposal {
            step,
            slope,
            finite,
        }
    }

    /// Returns the factor of the direction: `min(1, 1/‖g‖₁)·lr` at first, then `lr`.
    fn step_length(&self, gradient: &[f32]) -> f32 {
        if self.last.is_some() {
            return narrow(self.options.learning_rate);
        }
        let norm: f64 = gradient
            .chunks(blocks::BLOCK)
            .map(blocks::absolute_sum)
            .sum();
        narrow((1.0 / norm).min(1.0) * self.options.learning_rate)
    }

    /// Takes the step, and with it everything that was worked out on the way.
    fn commit(&mut self, plan: Plan, gradient: &[f32], step: Vec<f32>, x: &mut [f32]) {
        for (x, step) in x.iter_mut().zip(&step) {
            *x += step;
        }
        let last = self.last.take();
        let mut kept_gradient = Vec::new();
        if let Some(last) = last {
            kept_gradient = last.gradient;
            if let Some(Fresh { change, products }) = plan.fresh {
                self.pairs.drain(..plan.evicted);
                let sequence = self.next_sequence;
                self.pairs.push_back(Pair {
                    sequence,
                    step: last.step,
                    change,
                    products,
                });
                self.next_sequence += 1;
            }
        }
        kept_gradient.clear();
        kept_gradient.extend_from_slice(gradient);
        self.last = Some(Last {
            gradient: kept_gradient,
            step,
        });
        self.scale = plan.scale;
        self.evaluations += 1;
    }
}

/// A pair in the making: its step is still [`Last::step`].
#[derive(Debug)]
struct Fresh {
    change: Vec<f32>,
    products: Products,
}

/// A direction as factors, and what becomes of the history if it is taken.
#[derive(Debug)]
struct Plan {
    fresh: Option<Fresh>,
    /// How many of the oldest pairs make room for the fresh one.
    evicted: usize,
    scale: f64,
    /// Of each pair's `s` and `y`, oldest pair first.
    factors: Vec<[f64; 2]>,
}

/// A step that has not been taken.
#[derive(Debug)]
struct Proposal {
    step: Vec<f32>,
    /// `g·d`, before the step length.
    slope: f64,
    /// True if and only if the slope and every element of the new point are finite.
    finite: bool,
}

/// Rounds to `f32`; what is out of its range becomes infinite and is caught with the proposal.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding is what is wanted"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    //! The one stop that no sound history leads to, from a state made by hand.

    use super::{Last, Lbfgs, LbfgsOptions, Step, Stop};
    use std::num::NonZeroUsize;

    #[test]
    fn a_direction_uphill_stops_and_changes_nothing() {
        let gradient = vec![0.5, -1.0];
        let uphill = |scale| Lbfgs {
            scale,
            evaluations: 1,
            last: Some(Last {
                gradient: gradient.clone(),
                step: vec![0.0, 0.0],
            }),
            ..Lbfgs::new(LbfgsOptions::default(), NonZeroUsize::MIN)
        };
        let mut lbfgs = uphill(-2.0);
        let mut before = Vec::new();
        lbfgs.write_to(&mut before).expect("memory");
        let mut x = [3.0, 4.0];
        let step = lbfgs.step(&mut x, 1.0, &gradient);
        assert_eq!(step, Step::Stopped(Stop::Ascent { slope: 2.5 }));
        assert_eq!(x.map(f32::to_bits), [3.0_f32, 4.0].map(f32::to_bits));
        let mut after = Vec::new();
        lbfgs.write_to(&mut after).expect("memory");
        assert_eq!(before, after);
        // A slope of up to 1 is within the tolerance of -1 that both originals are run with.
        assert_eq!(uphill(-0.5).step(&mut x, 1.0, &gradient), Step::Moved);
        assert_eq!(x.map(f32::to_bits), [3.25_f32, 3.5].map(f32::to_bits));
    }
}
