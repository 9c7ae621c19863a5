//! The memory of L-BFGS: pairs of a step taken and the change of gradient it brought.
//!
//! The direction is found in two readings of the history instead of the textbook's four. The
//! two-loop recursion (Nocedal & Wright, algorithm 7.4) only ever asks for scalar products between
//! stored vectors and the gradient, so it is carried out on those numbers alone, in `f64`; what it
//! yields is one factor for every vector. A pair keeps its products with the pairs before it.

use super::blocks;
use std::num::NonZeroUsize;

/// One pair of the history: a step and the change of gradient over it.
///
/// Pairs never change once made, and their numbers increase by one from pair to pair, so each can
/// be stored once.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub(super) sequence: u64,
    pub(super) step: Vec<f32>,
    pub(super) change: Vec<f32>,
    pub(super) products: Products,
}

impl Pair {
    /// Returns the pair's number: 0 for the first ever, never used twice.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns `s`, the step from one evaluated point to the next.
    pub fn step(&self) -> &[f32] {
        &self.step
    }

    /// Returns `y`, the gradient after the step less the gradient before it.
    pub fn change(&self) -> &[f32] {
        &self.change
    }
}

/// The scalar products of a pair that do not depend on the present gradient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Products {
    /// `y·s` of the pair itself; positive.
    pub(super) curvature: f64,
    /// `y·y` of the pair itself.
    pub(super) change_square: f64,
    /// With each pair that was in the history when this one came, oldest first: this pair's `y`
    /// with the older one's `s`, and with its `y`.
    pub(super) with_older: Vec<[f64; 2]>,
}

/// The two vectors of a pair, stored already or about to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors<'a> {
    pub(super) step: &'a [f32],
    pub(super) change: &'a [f32],
}

/// Returns, for each pair, the scalar products of its `s` and of its `y` with each vector of
/// `with`. Every stored vector is read once.
pub(super) fn products_with<const N: usize>(
    pairs: &[Vectors<'_>],
    with: [&[f32]; N],
    threads: NonZeroUsize,
) -> Vec<[[f64; 2]; N]> {
    let zero = [[0.0; 2]; N];
    if pairs.is_empty() {
        return Vec::new();
    }
    let blocks = blocks::count(with.iter().map(|vector| vector.len()).max().unwrap_or(0));
    let mut partial = vec![zero; blocks * pairs.len()];
    blocks::for_each(
        threads,
        partial.chunks_mut(pairs.len()).enumerate(),
        |(index, sums)| {
            let with = with.map(|vector| blocks::block(vector, index));
            for (pair, sums) in pairs.iter().zip(sums) {
                let step = blocks::block(pair.step, index);
                let change = blocks::block(pair.change, index);
                *sums = with.map(|with| [blocks::dot(step, with), blocks::dot(change, with)]);
            }
        },
    );
    let mut totals = vec![zero; pairs.len()];
    for sums in partial.chunks(pairs.len()) {
        for (total, sum) in totals
            .iter_mut()
            .flatten()
            .flatten()
            .zip(sums.iter().flatten().flatten())
        {
            *total += sum;
        }
    }
    totals
}

/// Returns, for each pair, the factors of its `s` and of its `y` in the direction
/// `d = -H·g + Σ factors`, where `H` is `scale`.
///
/// `pairs` and `with_gradient` (`s·g` and `y·g` of each pair) run from oldest to newest.
pub(super) fn factors(
    pairs: &[&Products],
    with_gradient: &[[f64; 2]],
    scale: f64,
) -> Vec<[f64; 2]> {
    let mut factors = vec![[0.0; 2]; pairs.len()];
    // αᵢ = sᵢ·q / yᵢ·sᵢ, q = -g - Σ αⱼ yⱼ over the newer pairs j
    let mut alphas = vec![0.0; pairs.len()];
    for i in (0..pairs.len()).rev() {
        let newer = (i + 1..pairs.len()).map(|j| alphas[j] * between(pairs, j, i)[0]);
        let [step_gradient, _] = with_gradient[i];
        alphas[i] = (-step_gradient - newer.sum::<f64>()) / pairs[i].curvature;
    }
    // βᵢ = yᵢ·r / yᵢ·sᵢ, r = H·q + Σ (αⱼ - βⱼ) sⱼ over the older pairs j
    for i in 0..pairs.len() {
        let all = (0..pairs.len()).map(|j| {
            let square = if i == j {
                pairs[i].change_square
            } else {
                between(pairs, i, j)[1]
            };
            alphas[j] * square
        });
        let older = (0..i).map(|j| factors[j][0] * between(pairs, i, j)[0]);
        let [_, change_gradient] = with_gradient[i];
        let product = scale * (-change_gradient - all.sum::<f64>()) + older.sum::<f64>();
        factors[i] = [alphas[i] - product / pairs[i].curvature, -scale * alphas[i]];
    }
    factors
}

/// Returns, of the newer of the two pairs, its `y` times the other's `s` and times its `y`.
///
/// The first is asked for with `a` the newer pair only; the second is the same both ways.
fn between(pairs: &[&Products], a: usize, b: usize) -> [f64; 2] {
    let (older, newer) = (a.min(b), a.max(b));
    let known = &pairs[newer].with_older;
    // Pairs leave the history in order, so the neighbour below is always the last one noted.
    known[known.len() - (newer - older)]
}
