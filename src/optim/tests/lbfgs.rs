//! L-BFGS against recorded trajectories, the textbook's recursion, and its own rules.

use super::{
    super::{Lbfgs, blocks},
    LbfgsOptions, ONE, Optimizer, Step, assert_follows, bits, drive, lbfgs_options, noise,
    quadratic, rosenbrock, scaled_quadratic, traces,
};
use std::num::NonZeroUsize;

/// Four times what f32 costs the recorded implementation itself, at least.
fn tolerance(evaluation: usize) -> f64 {
    match evaluation {
        ..=10 => 1e-5,
        11..=20 => 2e-4,
        _ => 2e-3,
    }
}

fn lbfgs(history: usize) -> Lbfgs {
    let history = NonZeroUsize::new(history).expect("a history of at least one pair");
    Lbfgs::new(
        LbfgsOptions {
            history,
            learning_rate: 1.0,
        },
        ONE,
    )
}

fn sequences(lbfgs: &Lbfgs) -> Vec<u64> {
    lbfgs.pairs().map(super::super::Pair::sequence).collect()
}

#[test]
fn follows_the_recorded_run_on_rosenbrock() {
    let mut optimizer = Optimizer::new(lbfgs_options(100), ONE);
    let losses = drive(&mut optimizer, rosenbrock, &mut [-1.25, 1.0], 11);
    assert_follows(&losses, &traces::ROSENBROCK_LBFGS, tolerance);
}

#[test]
fn follows_the_recorded_run_on_an_ill_conditioned_quadratic() {
    for (history, recorded) in [
        (100, traces::QUADRATIC_LBFGS),
        (3, traces::QUADRATIC_LBFGS_3),
    ] {
        let mut optimizer = Optimizer::new(lbfgs_options(history), ONE);
        let losses = drive(&mut optimizer, quadratic, &mut [0.0; 8], 30);
        assert_follows(&losses, &recorded, tolerance);
    }
}

#[test]
fn reaches_the_minimum_of_the_quadratic() {
    let mut x = [0.0; 8];
    drive(
        &mut Optimizer::new(lbfgs_options(100), ONE),
        quadratic,
        &mut x,
        40,
    );
    assert!(quadratic(&x).0 < 1e-8, "{x:?}");
}

/// The two-loop recursion as the textbook has it, vector by vector in f64.
fn textbook_direction(lbfgs: &Lbfgs, gradient: &[f32]) -> Vec<f64> {
    let widen = |v: &[f32]| {
        v.iter()
            .map(|value| f64::from(*value))
            .collect::<Vec<f64>>()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let pairs: Vec<_> = lbfgs
        .pairs()
        .map(|pair| (widen(pair.step()), widen(pair.change())))
        .collect();
    let mut d: Vec<f64> = widen(gradient).iter().map(|value| -value).collect();
    let mut alphas = Vec::new();
    for (s, y) in pairs.iter().rev() {
        let alpha = dot(s, &d) / dot(s, y);
        d.iter_mut().zip(y).for_each(|(d, y)| *d -= alpha * y);
        alphas.push(alpha);
    }
    let scale = pairs.last().map_or(1.0, |(s, y)| dot(s, y) / dot(y, y));
    for d in &mut d {
        *d *= scale;
    }
    for ((s, y), alpha) in pairs.iter().zip(alphas.iter().rev()) {
        let beta = dot(y, &d) / dot(s, y);
        d.iter_mut()
            .zip(s)
            .for_each(|(d, s)| *d += (alpha - beta) * s);
    }
    d
}

#[test]
fn the_direction_is_that_of_the_two_loop_recursion() {
    let len = 2 * blocks::BLOCK + 37;
    let mut x = noise(7, len);
    let mut lbfgs = lbfgs(4);
    for evaluation in 1..=12 {
        let before = x.clone();
        let (loss, gradient) = quadratic(&x);
        assert_eq!(lbfgs.step(&mut x, loss, &gradient), Step::Moved);
        if evaluation == 1 {
            continue;
        }
        // The pair that this step added is part of its own direction.
        let wanted = textbook_direction(&lbfgs, &gradient);
        let largest = wanted
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        for ((before, after), wanted) in before.iter().zip(&x).zip(&wanted) {
            let off = f64::from(*after) - f64::from(*before) - wanted;
            assert!(
                off.abs() < 1e-5 * largest,
                "evaluation {evaluation}: off by {off}"
            );
        }
    }
    assert_eq!(sequences(&lbfgs), [7, 8, 9, 10]);
}

#[test]
fn the_first_step_has_unit_length_unless_the_gradient_is_shorter() {
    let first = |gradient: &[f32], learning_rate| {
        let options = LbfgsOptions {
            learning_rate,
            ..LbfgsOptions::default()
        };
        let mut x = [0.0; 2];
        assert_eq!(
            Lbfgs::new(options, ONE).step(&mut x, 1.0, gradient),
            Step::Moved
        );
        bits(&x)
    };
    assert_eq!(first(&[3.0, -5.0], 1.0), bits(&[-0.375, 0.625]));
    assert_eq!(first(&[3.0, -5.0], 0.5), bits(&[-0.1875, 0.3125]));
    assert_eq!(first(&[0.25, -0.5], 1.0), bits(&[-0.25, 0.5]));
}

#[test]
fn a_full_history_drops_its_oldest_pair() {
    let mut lbfgs = lbfgs(3);
    let mut x = [0.0; 8];
    let mut seen = Vec::new();
    for _ in 0..6 {
        let (loss, gradient) = quadratic(&x);
        assert_eq!(lbfgs.step(&mut x, loss, &gradient), Step::Moved);
        seen.push(sequences(&lbfgs));
    }
    assert_eq!(
        seen,
        [
            vec![],
            vec![0],
            vec![0, 1],
            vec![0, 1, 2],
            vec![1, 2, 3],
            vec![2, 3, 4]
        ]
    );
    lbfgs.reset();
    assert_eq!(lbfgs.pairs().len(), 0);
    drive(&mut Optimizer::Lbfgs(lbfgs.clone()), quadratic, &mut x, 1);
    let mut resumed = Optimizer::Lbfgs(lbfgs);
    drive(&mut resumed, quadratic, &mut [0.0; 8], 3);
    let Optimizer::Lbfgs(lbfgs) = resumed else {
        panic!("still L-BFGS")
    };
    assert_eq!(sequences(&lbfgs), [5, 6], "numbers are not used twice");
}

#[test]
fn a_pair_of_too_little_curvature_leaves_the_history_alone() {
    // The first step from a gradient of -1e-3 is 1e-3, so y·s is 1e-3 times the change.
    for (change, accepted) in [(0.9e-7, 0), (1.1e-7, 1), (-1e-4, 0)] {
        let mut lbfgs = lbfgs(5);
        let mut x = [0.0];
        assert_eq!(lbfgs.step(&mut x, 1.0, &[-1e-3]), Step::Moved);
        assert_eq!(lbfgs.step(&mut x, 1.0, &[-1e-3 + change]), Step::Moved);
        assert_eq!(lbfgs.pairs().len(), accepted, "a change of {change}");
    }
}

#[test]
fn a_rejected_pair_is_stepped_over_with_the_history_there_was() {
    let mut lbfgs = lbfgs(2);
    let mut x = [0.0; 8];
    for _ in 0..4 {
        let (loss, gradient) = quadratic(&x);
        assert_eq!(lbfgs.step(&mut x, loss, &gradient), Step::Moved);
    }
    let (_, gradient) = quadratic(&x);
    assert_eq!(lbfgs.step(&mut x, 1.0, &gradient), Step::Moved);
    let (known, before) = (sequences(&lbfgs), x);
    let wanted = textbook_direction(&lbfgs, &gradient);
    // The same gradient again: y is zero, the old history still gives the same direction.
    assert_eq!(lbfgs.step(&mut x, 1.0, &gradient), Step::Moved);
    assert_eq!(sequences(&lbfgs), known);
    for ((before, after), wanted) in before.iter().zip(x).zip(wanted) {
        assert!(
            (f64::from(after - before) - wanted).abs() < 1e-5,
            "{before} to {after}"
        );
    }
}

#[test]
fn scaling_the_loss_leaves_the_path_unchanged() {
    let run = |factor| {
        let mut lbfgs = lbfgs(100);
        let mut x = [0.0; 8];
        for _ in 0..25 {
            let (loss, gradient) = scaled_quadratic(&x, factor);
            assert_eq!(lbfgs.step(&mut x, loss, &gradient), Step::Moved);
        }
        x
    };
    let plain = run(1.0);
    // By a power of two every number on the way scales without rounding.
    assert_eq!(bits(&run(1024.0)), bits(&plain));
    for (plain, scaled) in plain.iter().zip(run(10.0)) {
        assert!((plain - scaled).abs() < 1e-3, "{plain} and {scaled}");
    }
    // Below a first gradient of unit length the first step is shorter.
    assert_ne!(bits(&run(1.0 / 65536.0)), bits(&plain));
}

#[test]
fn sums_are_as_good_as_in_f64() {
    for len in [0, 1, 127, 128, 129, 5000, blocks::BLOCK] {
        let (a, b) = (noise(3, len), noise(4, len));
        let products = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        let exact: f64 = products.clone().sum();
        let size: f64 = products.map(f64::abs).sum();
        assert!(
            (blocks::dot(&a, &b) - exact).abs() <= 1e-7 * size,
            "{len} products"
        );
        let exact: f64 = a.iter().map(|a| f64::from(a.abs())).sum();
        assert!(
            (blocks::absolute_sum(&a) - exact).abs() <= 1e-12 * exact,
            "{len} values"
        );
    }
}
