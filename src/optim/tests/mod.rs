//! What the optimisers promise, on functions small enough to follow.

mod adam;
mod adamw;
mod lbfgs;
mod resume;
mod traces;

use super::{AdamOptions, EpsilonPlace, LbfgsOptions, Optimizer, Options, Quantity, Step, Stop};
use std::num::NonZeroUsize;

/// Loss and gradient at a point.
type Function = fn(&[f32]) -> (f64, Vec<f32>);

const ONE: NonZeroUsize = NonZeroUsize::MIN;

#[allow(
    clippy::cast_possible_truncation,
    reason = "gradients are f32 like those of a graph"
)]
fn rosenbrock(x: &[f32]) -> (f64, Vec<f32>) {
    let (a, b) = (f64::from(x[0]), f64::from(x[1]));
    let bend = b - a * a;
    let gradient = [-2.0 * (1.0 - a) - 400.0 * a * bend, 200.0 * bend];
    (
        (1.0 - a).powi(2) + 100.0 * bend * bend,
        gradient.map(|value| value as f32).to_vec(),
    )
}

/// `½ Σ 10^(i/2) (xᵢ-1)²`, i from 0 to 7 and over again.
fn quadratic(x: &[f32]) -> (f64, Vec<f32>) {
    scaled_quadratic(x, 1.0)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "gradients are f32 like those of a graph"
)]
fn scaled_quadratic(x: &[f32], factor: f64) -> (f64, Vec<f32>) {
    let (mut loss, mut gradient) = (0.0, Vec::new());
    for (x, i) in x.iter().zip((0..8_i32).cycle()) {
        let (curvature, off) = (
            factor * 10_f64.powf(f64::from(i) / 2.0),
            f64::from(*x) - 1.0,
        );
        loss += 0.5 * curvature * off * off;
        gradient.push((curvature * off) as f32);
    }
    (loss, gradient)
}

/// Takes `n` evaluations and returns their losses; the last update is made as well.
fn drive(optimizer: &mut Optimizer, function: Function, x: &mut [f32], n: usize) -> Vec<f64> {
    (0..n)
        .map(|_| {
            let (loss, gradient) = function(x);
            assert_eq!(optimizer.step(x, loss, &gradient), Step::Moved);
            loss
        })
        .collect()
}

fn lbfgs_options(history: usize) -> Options {
    let history = NonZeroUsize::new(history).expect("a history of at least one pair");
    Options::Lbfgs(LbfgsOptions {
        history,
        ..LbfgsOptions::default()
    })
}

fn adam_options(epsilon_place: EpsilonPlace) -> Options {
    let options = AdamOptions {
        learning_rate: 0.1,
        epsilon_place,
        ..AdamOptions::default()
    };
    Options::Adam(options)
}

fn state_of(optimizer: &Optimizer) -> Vec<u8> {
    let mut bytes = Vec::new();
    optimizer.write_to(&mut bytes).expect("writing to memory");
    bytes
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|value| value.to_bits()).collect()
}

/// Fails unless each loss is within `tolerance(evaluation)` of the recorded one, relatively.
fn assert_follows(losses: &[f64], recorded: &[f64], tolerance: fn(usize) -> f64) {
    assert_eq!(losses.len(), recorded.len());
    for (index, (loss, recorded)) in losses.iter().zip(recorded).enumerate() {
        let off = (loss - recorded).abs() / recorded.abs();
        assert!(
            off <= tolerance(index + 1),
            "evaluation {}: {loss}, not {recorded}",
            index + 1
        );
    }
}

/// Values between -1 and 1 that look random and are the same everywhere.
fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [.., high, top] = state.to_le_bytes();
            f32::from(i16::from_le_bytes([high, top])) / 32768.0
        })
        .collect()
}

/// All four optimisers, with names for messages.
fn all_options() -> [(&'static str, Options); 4] {
    [
        ("L-BFGS, history 3", lbfgs_options(3)),
        ("L-BFGS, history 100", lbfgs_options(100)),
        (
            "Adam as in Torch",
            adam_options(EpsilonPlace::BeforeCorrection),
        ),
        (
            "Adam as in its successor",
            adam_options(EpsilonPlace::AfterCorrection),
        ),
    ]
}

#[test]
fn thread_count_does_not_change_a_bit() {
    let len = 20 * super::blocks::BLOCK + 5;
    let start = noise(1, len);
    for (name, options) in all_options() {
        let run = |threads: usize| {
            let threads = NonZeroUsize::new(threads).expect("at least one");
            let mut optimizer = Optimizer::new(options, threads);
            let mut x = start.clone();
            drive(&mut optimizer, quadratic, &mut x, 6);
            (bits(&x), state_of(&optimizer))
        };
        let alone = run(1);
        assert_ne!(alone.0, bits(&start), "{name} moves");
        for threads in [2, 3, 8] {
            assert!(
                run(threads) == alone,
                "{name} on {threads} threads differs from one"
            );
        }
    }
}

#[test]
fn what_is_not_finite_stops_and_changes_nothing() {
    let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for (name, options) in all_options() {
        for before in [0, 1, 5] {
            let mut optimizer = Optimizer::new(options, ONE);
            let mut x = vec![0.25; 150];
            drive(&mut optimizer, quadratic, &mut x, before);
            let (kept_x, kept_state) = (x.clone(), state_of(&optimizer));
            let (loss, gradient) = quadratic(&x);
            let mut refuse = |loss: f64, gradient: &[f32], quantity| {
                let stop = Step::Stopped(Stop::NonFinite(quantity));
                assert_eq!(
                    optimizer.step(&mut x, loss, gradient),
                    stop,
                    "{name} after {before}"
                );
                assert_eq!(bits(&x), bits(&kept_x), "{name} after {before}: x");
                assert!(
                    state_of(&optimizer) == kept_state,
                    "{name} after {before}: state"
                );
            };
            for value in bad {
                refuse(f64::from(value), &gradient, Quantity::Loss);
                for at in [0, 17, 149] {
                    let mut gradient = gradient.clone();
                    gradient[at] = value;
                    refuse(loss, &gradient, Quantity::Gradient);
                }
            }
            // Finite, but its square is not.
            let mut huge = gradient.clone();
            huge[5] = f32::MAX;
            refuse(loss, &huge, Quantity::Update);
            let mut untouched = Optimizer::new(options, ONE);
            let mut same_x = vec![0.25; 150];
            drive(&mut untouched, quadratic, &mut same_x, before + 4);
            drive(&mut optimizer, quadratic, &mut x, 4);
            assert_eq!(
                bits(&x),
                bits(&same_x),
                "{name} goes on as if nothing had been"
            );
        }
    }
}

#[test]
fn a_variable_that_is_not_finite_is_not_moved() {
    for (name, options) in all_options() {
        let mut x = [0.0, f32::INFINITY];
        let step = Optimizer::new(options, ONE).step(&mut x, 1.0, &[1.0, 1.0]);
        assert_eq!(
            step,
            Step::Stopped(Stop::NonFinite(Quantity::Update)),
            "{name}"
        );
        assert_eq!(bits(&x), bits(&[0.0, f32::INFINITY]), "{name}");
    }
}

#[test]
fn a_gradient_of_zero_moves_by_nothing() {
    for (name, options) in all_options() {
        let mut optimizer = Optimizer::new(options, ONE);
        let mut x = [3.0, -4.0];
        for _ in 0..3 {
            assert_eq!(
                optimizer.step(&mut x, 0.0, &[0.0, 0.0]),
                Step::Moved,
                "{name}"
            );
        }
        assert_eq!(bits(&x), bits(&[3.0, -4.0]), "{name}");
    }
}

#[test]
fn a_reset_optimizer_is_as_new_and_takes_another_size() {
    for (name, options) in all_options() {
        let mut optimizer = Optimizer::new(options, ONE);
        drive(&mut optimizer, quadratic, &mut [0.0; 8], 6);
        assert_eq!(optimizer.evaluations(), 6, "{name}");
        optimizer.reset();
        assert_eq!(optimizer.evaluations(), 0, "{name}");
        let (mut x, mut fresh_x) = ([0.5; 24], [0.5; 24]);
        drive(&mut optimizer, quadratic, &mut x, 6);
        drive(
            &mut Optimizer::new(options, ONE),
            quadratic,
            &mut fresh_x,
            6,
        );
        assert_eq!(bits(&x), bits(&fresh_x), "{name}");
    }
}

#[test]
fn memory_is_two_vectors_a_pair() {
    let len = 3 * 512 * 512;
    let vector = 4 * len as u64;
    assert_eq!(lbfgs_options(100).memory_bytes(len), 204 * vector);
    assert_eq!(lbfgs_options(10).memory_bytes(len), 24 * vector);
    assert_eq!(
        adam_options(EpsilonPlace::AfterCorrection).memory_bytes(len),
        2 * vector
    );
    assert_eq!(lbfgs_options(usize::MAX).memory_bytes(usize::MAX), u64::MAX);
}

#[test]
fn reasons_are_plain() {
    let text = Stop::NonFinite(Quantity::Gradient).to_string();
    assert_eq!(text, "the gradient is not a finite number");
    let text = Stop::Ascent { slope: 12.5 }.to_string();
    assert_eq!(text, "the search direction leads uphill (slope 1.250e1)");
}
