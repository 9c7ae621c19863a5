//! Weights of a one-dimensional resampling: for each output position, which input positions count
//! and how much.
//!
//! Nothing here touches pixels. Weights are `f64` and depend on the two lengths alone, so a result
//! is the same on every machine.

use super::Filter;

/// Weights for resampling a line to `windows.len()` positions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kernel {
    pub(super) windows: Vec<Window>,
}

/// The weighted inputs of one output position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// First input position.
    pub(super) first: usize,
    /// Weights of the inputs from `first` on.
    pub(super) weights: Vec<f64>,
}

impl Kernel {
    /// Returns the weights that take a line from `from` to `to` positions, both at least 1.
    pub(super) fn new(filter: Filter, from: usize, to: usize) -> Self {
        let windows = match filter {
            Filter::BilinearU8 => convolution(from, to, 1.0, triangle)
                .into_iter()
                .map(fixed_point)
                .collect(),
            Filter::Bilinear => convolution(from, to, 1.0, triangle),
            Filter::Lanczos => convolution(from, to, LANCZOS_LOBES, lanczos),
            Filter::Torch if from < to => aligned_ends(from, to),
            Filter::Torch => area_average(from, to),
        };
        Self { windows }
    }
}

/// Fractional bits of the weights of [`Filter::BilinearU8`].
pub(super) const FIXED_BITS: i32 = 22;
const LANCZOS_LOBES: f64 = 3.0;

/// Antialiased convolution as Pillow defines it: when shrinking, the filter is stretched by the
/// scale, centred on the output pixel, and normalised over the inputs that exist.
fn convolution(from: usize, to: usize, radius: f64, filter: fn(f64) -> f64) -> Vec<Window> {
    let scale = real(from) / real(to);
    let stretch = scale.max(1.0);
    let support = radius * stretch;
    let window = |at: usize| {
        let centre = (real(at) + 0.5) * scale;
        let first = whole(centre - support + 0.5);
        let last = whole(centre + support + 0.5).min(from);
        let mut weights: Vec<f64> = (first..last)
            .map(|input| filter((real(input) - centre + 0.5) * (1.0 / stretch)))
            .collect();
        let sum: f64 = weights.iter().sum();
        if sum != 0.0 {
            for weight in &mut weights {
                *weight /= sum;
            }
        }
        Window { first, weights }
    };
    (0..to).map(window).collect()
}

/// Linear interpolation with the end points aligned, as Torch enlarges: one input step is
/// `(from - 1) / (to - 1)` of an output step.
fn aligned_ends(from: usize, to: usize) -> Vec<Window> {
    let step = real(from - 1) / real(to - 1);
    let window = |at: usize| {
        let position = real(at) * step;
        let first = whole(position).min(from - 1);
        if first == from - 1 {
            return Window {
                first,
                weights: vec![1.0],
            };
        }
        let fraction = position - real(first);
        Window {
            first,
            weights: vec![1.0 - fraction, fraction],
        }
    };
    (0..to).map(window).collect()
}

/// Mean over the stretch of input that an output position covers, as Torch shrinks: the inputs at
/// both ends count by the fraction that is covered.
fn area_average(from: usize, to: usize) -> Vec<Window> {
    let scale = real(from) / real(to);
    let window = |at: usize| {
        let (start, end) = (real(at) * scale, real(at + 1) * scale);
        let first = whole(start).min(from - 1);
        let last = whole(end.ceil()).clamp(first + 1, from);
        let covered = |input: usize| end.min(real(input + 1)) - start.max(real(input));
        let mut weights: Vec<f64> = (first..last).map(covered).collect();
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        Window { first, weights }
    };
    (0..to).map(window).collect()
}

/// Turns weights into whole multiples of 2^-22, rounded half away from zero; as `f64` they still
/// add up exactly.
fn fixed_point(window: Window) -> Window {
    let one = f64::from(1 << FIXED_BITS);
    let weights = window
        .weights
        .into_iter()
        .map(|weight| (weight * one).round())
        .collect();
    Window {
        first: window.first,
        weights,
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// `sinc(x) * sinc(x / 3)` on `-3 <= x < 3`.
fn lanczos(x: f64) -> f64 {
    if (-LANCZOS_LOBES..LANCZOS_LOBES).contains(&x) {
        sinc(x) * sinc(x / LANCZOS_LOBES)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let angle = x * std::f64::consts::PI;
    angle.sin() / angle
}

#[allow(
    clippy::cast_precision_loss,
    reason = "positions in a line are far below 2^53"
)]
fn real(position: usize) -> f64 {
    position as f64
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cutting off is what is wanted, and a negative position becomes 0"
)]
fn whole(position: f64) -> usize {
    position as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(filter: Filter, from: usize, to: usize) -> Vec<(usize, Vec<f64>)> {
        let windows = Kernel::new(filter, from, to).windows;
        windows
            .into_iter()
            .map(|window| (window.first, window.weights))
            .collect()
    }

    #[test]
    fn torch_enlarges_with_the_ends_on_each_other() {
        let expected = [
            (0, vec![1.0, 0.0]),
            (0, vec![0.5, 0.5]),
            (1, vec![1.0, 0.0]),
            (1, vec![0.5, 0.5]),
            (2, vec![1.0]),
        ];
        assert_eq!(weights(Filter::Torch, 3, 5), expected);
        assert_eq!(
            weights(Filter::Torch, 1, 2),
            [(0, vec![1.0]), (0, vec![1.0])]
        );
    }

    #[test]
    fn torch_shrinks_by_area_with_fractional_ends() {
        let (third, two_thirds) = (1.0 / 3.0, 2.0 / 3.0);
        let found = weights(Filter::Torch, 3, 2);
        let expected = [(0, [two_thirds, third]), (1, [third, two_thirds])];
        for ((first, weights), (expected_first, expected)) in found.iter().zip(expected) {
            assert_eq!(*first, expected_first);
            for (weight, expected) in weights.iter().zip(expected) {
                assert!((weight - expected).abs() < 1e-12, "{weights:?}");
            }
        }
        assert_eq!(weights(Filter::Torch, 4, 1), [(0, vec![0.25; 4])]);
    }

    #[test]
    fn every_window_lies_inside_and_sums_to_one() {
        for filter in [
            Filter::Bilinear,
            Filter::Lanczos,
            Filter::Torch,
            Filter::BilinearU8,
        ] {
            for (from, to) in [
                (1, 1),
                (1, 7),
                (7, 1),
                (5, 64),
                (640, 3),
                (513, 512),
                (99, 98),
            ] {
                let one = if filter == Filter::BilinearU8 {
                    f64::from(1 << FIXED_BITS)
                } else {
                    1.0
                };
                for (first, weights) in weights(filter, from, to) {
                    assert!(!weights.is_empty() && first + weights.len() <= from);
                    let sum: f64 = weights.iter().sum();
                    assert!(
                        (sum / one - 1.0).abs() < 1e-4,
                        "{filter:?} {from} {to}: {sum}"
                    );
                }
            }
        }
    }
}
