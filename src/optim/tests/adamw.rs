//! AdamW against a recorded run of PyTorch's, its state, and what it refuses.

use super::{ONE, Quantity, Step, Stop, bits};
use crate::optim::{AdamW, AdamWOptions, Parameter, Schedule};
use std::num::NonZeroUsize;

const OPTIONS: AdamWOptions = AdamWOptions {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.05,
};

const SCHEDULE: Schedule = Schedule {
    rate: 0.02,
    warm_up: 2,
    steps: 6,
};

/// `torch.optim.AdamW` (2.15, f64) on the loss of [`evaluate`], the second tensor without decay, the
/// rates those of [`SCHEDULE`]: the five elements after each step.
const TRACE: [[f32; 5]; 6] = [
    [0.509_75, -1.239_375, 1.989, 0.24, -0.74],
    [
        0.529_230_7,
        -1.218_137_4,
        1.967_013,
        0.220_025_44,
        -0.720_011_5,
    ],
    [
        0.548_660_7,
        -1.196_926_3,
        1.945_053_9,
        0.200_141_46,
        -0.700_060_8,
    ],
    [
        0.565_187_45,
        -1.178_846_4,
        1.926_337,
        0.183_296_4,
        -0.683_082_3,
    ],
    [
        0.574_830_8,
        -1.168_269_3,
        1.915_387_7,
        0.173_523_47,
        -0.673_172_8,
    ],
    [
        0.577_645_6,
        -1.165_174_2,
        1.912_183_9,
        0.170_687_96,
        -0.670_280_5,
    ],
];

fn start() -> (Vec<f32>, Vec<f32>) {
    (vec![0.5, -1.25, 2.0], vec![0.25, -0.75])
}

/// Returns the gradients of `Σ wᵢ (aᵢ - tᵢ)² + 2 Σ bᵢ² + a₀·b₁`.
fn evaluate(a: &[f32], b: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let of_a = vec![2.0 * (a[0] - 1.0) + b[1], a[1] - 2.0, 6.0 * (a[2] + 1.0)];
    (of_a, vec![4.0 * b[0], 4.0 * b[1] + a[0]])
}

fn advance(optimizer: &mut AdamW, a: &mut [f32], b: &mut [f32]) {
    let (of_a, of_b) = evaluate(a, b);
    let rate = SCHEDULE.rate(optimizer.steps());
    let moved = optimizer.step(rate, 0.0, &mut parameters(a, &of_a, b, &of_b));
    assert_eq!(moved, Step::Moved);
}

fn parameters<'a>(
    a: &'a mut [f32],
    of_a: &'a [f32],
    b: &'a mut [f32],
    of_b: &'a [f32],
) -> [Parameter<'a>; 2] {
    [(a, of_a, true), (b, of_b, false)].map(|(values, gradient, decays)| Parameter {
        values,
        gradient,
        decays,
    })
}

#[test]
fn follows_the_recorded_run() {
    let mut optimizer = AdamW::new(OPTIONS, &[3, 2], ONE);
    let (mut a, mut b) = start();
    for expected in TRACE {
        advance(&mut optimizer, &mut a, &mut b);
        for (found, expected) in a.iter().chain(&b).zip(expected) {
            assert!((found - expected).abs() < 2e-6, "{found} for {expected}");
        }
    }
}

#[test]
fn goes_on_from_its_state_as_if_nothing_had_happened() {
    let mut optimizer = AdamW::new(OPTIONS, &[3, 2], ONE);
    let (mut a, mut b) = start();
    for _ in 0..3 {
        advance(&mut optimizer, &mut a, &mut b);
    }
    let mut written = Vec::new();
    optimizer.write_to(&mut written).unwrap();
    let mut again = AdamW::read_from(&mut written.as_slice(), OPTIONS, &[3, 2], ONE).unwrap();
    let (mut a2, mut b2) = (a.clone(), b.clone());
    for _ in 0..3 {
        advance(&mut optimizer, &mut a, &mut b);
        advance(&mut again, &mut a2, &mut b2);
    }
    assert_eq!(bits(&a), bits(&a2));
    assert_eq!(bits(&b), bits(&b2));
}

#[test]
fn a_state_of_other_tensors_or_options_or_with_a_fault_is_refused() {
    let optimizer = AdamW::new(OPTIONS, &[3, 2], ONE);
    let mut written = Vec::new();
    optimizer.write_to(&mut written).unwrap();
    let read = |bytes: &[u8], options, lengths: &[usize]| {
        AdamW::read_from(&mut { bytes }, options, lengths, ONE).map(|_| ())
    };
    assert!(read(&written, OPTIONS, &[3, 2]).is_ok());
    assert!(read(&written, OPTIONS, &[2, 3]).is_err());
    assert!(read(&written, OPTIONS, &[3]).is_err());
    assert!(read(&written, AdamWOptions::default(), &[3, 2]).is_err());
    let cut = &written[..written.len() - 1];
    assert!(read(cut, OPTIONS, &[3, 2]).is_err());
    let middle = written.len() / 2;
    written[middle] ^= 1;
    assert!(read(&written, OPTIONS, &[3, 2]).is_err());
}

#[test]
fn numbers_that_are_not_finite_move_nothing() {
    let mut optimizer = AdamW::new(OPTIONS, &[3, 2], ONE);
    let (mut a, mut b) = start();
    let mut attempt = |loss: f64, gradient: [f32; 2]| {
        let of_a = [1.0; 3];
        let moved = optimizer.step(0.1, loss, &mut parameters(&mut a, &of_a, &mut b, &gradient));
        (moved, a.clone(), b.clone())
    };
    for (loss, gradient, quantity) in [
        (f64::NAN, [1.0, 1.0], Quantity::Loss),
        (1.0, [1.0, f32::NAN], Quantity::Gradient),
        (1.0, [f32::INFINITY, 1.0], Quantity::Gradient),
        (1.0, [1.0, 1e30], Quantity::Update),
    ] {
        let (moved, a, b) = attempt(loss, gradient);
        assert_eq!(moved, Step::Stopped(Stop::NonFinite(quantity)));
        assert_eq!((a, b), start());
    }
}

#[test]
fn threads_change_no_bit() {
    let values: Vec<f32> = (0_u16..60_000).map(|i| f32::from(i) / 7e3 - 4.0).collect();
    let run = |threads| {
        let mut optimizer = AdamW::new(OPTIONS, &[values.len()], threads);
        let mut x = values.clone();
        for _ in 0..3 {
            let gradient: Vec<f32> = x.iter().map(|v| v * v - 1.0).collect();
            let mut parameters = [Parameter {
                values: &mut x,
                gradient: &gradient,
                decays: true,
            }];
            assert_eq!(optimizer.step(0.01, 0.0, &mut parameters), Step::Moved);
        }
        bits(&x)
    };
    assert_eq!(run(ONE), run(NonZeroUsize::new(3).unwrap()));
}

#[test]
fn the_schedule_rises_and_falls_to_nothing() {
    let schedule = Schedule {
        rate: 1.0,
        warm_up: 10,
        steps: 110,
    };
    assert!((schedule.rate(0) - 0.1).abs() < 1e-12);
    assert!((schedule.rate(9) - 1.0).abs() < 1e-12);
    assert!((schedule.rate(60) - 0.5).abs() < 1e-12);
    assert!(schedule.rate(109) < 1e-3);
    assert!(schedule.rate(110).abs() < 1e-12);
    assert!(schedule.rate(1000).abs() < 1e-12);
}
