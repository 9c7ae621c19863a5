//! Loops over long vectors: in blocks, on several threads, with sums in a fixed order.
//!
//! Always true: a vector is cut into blocks of [`BLOCK`] elements, a block is summed by one thread
//! in one order, and block sums are added in block order. So neither the number of threads nor
//! which of them took which block can change a bit of a result.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    thread,
};

/// Elements in a block: 32 KiB of each vector, so that what is reused stays in a core's own cache.
pub(super) const BLOCK: usize = 8192;

/// Blocks below which another thread costs more than it brings.
const BLOCKS_PER_THREAD: usize = 2;

/// Elements summed in `f32` lanes before the lanes are added up in `f64`.
const RUN: usize = 128;
const LANES: usize = 16;

/// Does `work` once for every item, on at most `threads` threads, in no particular order.
///
/// An item is what belongs to one block: its parts of the vectors and a place for its result.
pub(super) fn for_each<T: Send>(
    threads: NonZeroUsize,
    items: impl ExactSizeIterator<Item = T> + Send,
    work: impl Fn(T) + Sync,
) {
    let helpers = (threads.get() - 1).min(items.len() / BLOCKS_PER_THREAD);
    let queue = Mutex::new(items);
    let drain = || {
        loop {
            let item = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(item) = item else { break };
            work(item);
        }
    };
    thread::scope(|scope| {
        for _ in 0..helpers {
            // A thread that the system refuses is one helper less; the result is the same.
            if thread::Builder::new().spawn_scoped(scope, drain).is_err() {
                break;
            }
        }
        drain();
    });
}

/// Returns the number of blocks of a vector of `len` elements.
pub(super) fn count(len: usize) -> usize {
    len.div_ceil(BLOCK)
}

/// Returns block `index` of `vector`.
pub(super) fn block(vector: &[f32], index: usize) -> &[f32] {
    let start = index * BLOCK;
    &vector[start..vector.len().min(start + BLOCK)]
}

/// Returns the scalar product of two parts of at most a block.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut totals = [0.0_f64; LANES];
    let (a_runs, a_rest) = a.as_chunks::<RUN>();
    let (b_runs, b_rest) = b.as_chunks::<RUN>();
    for (a, b) in a_runs.iter().zip(b_runs) {
        let mut lanes = [0.0_f32; LANES];
        for (a, b) in a
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(b.as_chunks::<LANES>().0)
        {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += a * b;
            }
        }
        for (total, lane) in totals.iter_mut().zip(lanes) {
            *total += f64::from(lane);
        }
    }
    let rest: f64 = a_rest
        .iter()
        .zip(b_rest)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum();
    totals.iter().sum::<f64>() + rest
}

/// Returns the sum of absolute values of a part of at most a block.
pub(super) fn absolute_sum(a: &[f32]) -> f64 {
    let mut totals = [0.0_f64; LANES];
    let (groups, rest) = a.as_chunks::<LANES>();
    for group in groups {
        for (total, value) in totals.iter_mut().zip(group) {
            *total += f64::from(value.abs());
        }
    }
    totals.iter().sum::<f64>() + rest.iter().map(|value| f64::from(value.abs())).sum::<f64>()
}

/// Returns true if and only if no element is NaN or infinite.
pub(super) fn all_finite(a: &[f32]) -> bool {
    // Without a branch per element, or the loop would not be vectorised.
    !a.iter().fold(false, |bad, value| bad | !value.is_finite())
}

/// Adds `terms`, each a factor and a vector, to `target` in the order given, where `target` stands
/// for block `index` of the sum.
pub(super) fn add_terms(target: &mut [f32], terms: &[(f32, &[f32])], index: usize) {
    let (fours, rest) = terms.as_chunks::<4>();
    for terms in fours {
        let [(fa, a), (fb, b), (fc, c), (fd, d)] = terms.map(|(f, v)| (f, block(v, index)));
        let vectors = a.iter().zip(b).zip(c).zip(d);
        for (target, (((a, b), c), d)) in target.iter_mut().zip(vectors) {
            *target = (((*target + fa * a) + fb * b) + fc * c) + fd * d;
        }
    }
    for &(factor, vector) in rest {
        for (target, value) in target.iter_mut().zip(block(vector, index)) {
            *target += factor * value;
        }
    }
}
