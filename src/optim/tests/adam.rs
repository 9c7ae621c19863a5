//! Adam against recorded trajectories, with epsilon in both places.

use super::{
    AdamOptions, EpsilonPlace, ONE, Optimizer, Options, adam_options, assert_follows, bits, drive,
    quadratic, rosenbrock, traces,
};

/// The widely copied settings under which the place of epsilon shows.
fn large_epsilon(epsilon_place: EpsilonPlace) -> Options {
    let base = AdamOptions {
        learning_rate: 0.1,
        ..AdamOptions::default()
    };
    Options::Adam(AdamOptions {
        beta1: 0.99,
        epsilon: 0.1,
        epsilon_place,
        ..base
    })
}

#[test]
fn follows_the_recorded_run_on_rosenbrock() {
    let mut optimizer = Optimizer::new(adam_options(EpsilonPlace::AfterCorrection), ONE);
    let losses = drive(&mut optimizer, rosenbrock, &mut [-1.25, 1.0], 30);
    assert_follows(&losses, &traces::ROSENBROCK_ADAM, |_| 1e-5);
}

#[test]
fn follows_the_recorded_run_with_a_large_epsilon() {
    let mut optimizer = Optimizer::new(large_epsilon(EpsilonPlace::AfterCorrection), ONE);
    let losses = drive(&mut optimizer, quadratic, &mut [0.0; 8], 30);
    assert_follows(&losses, &traces::QUADRATIC_ADAM, |_| 1e-5);
}

#[test]
fn follows_the_older_rule_with_a_large_epsilon() {
    let mut optimizer = Optimizer::new(large_epsilon(EpsilonPlace::BeforeCorrection), ONE);
    let losses = drive(&mut optimizer, quadratic, &mut [0.0; 8], 30);
    assert_follows(&losses, &traces::QUADRATIC_ADAM_TORCH, |_| 1e-5);
}

#[test]
fn the_first_step_has_the_learning_rate_as_its_length() {
    for place in [
        EpsilonPlace::BeforeCorrection,
        EpsilonPlace::AfterCorrection,
    ] {
        let mut x = [0.0, 0.0];
        let mut optimizer = Optimizer::new(adam_options(place), ONE);
        drive(&mut optimizer, |_| (1.0, vec![250.0, -4e3]), &mut x, 1);
        assert!(
            (x[0] + 0.1).abs() < 1e-6 && (x[1] - 0.1).abs() < 1e-6,
            "{place:?}: {x:?}"
        );
    }
}

#[test]
fn scaling_the_loss_hardly_changes_the_path() {
    let run = |function| {
        let mut x = [0.0; 8];
        let mut optimizer = Optimizer::new(adam_options(EpsilonPlace::AfterCorrection), ONE);
        drive(&mut optimizer, function, &mut x, 20);
        x
    };
    let plain = run(quadratic);
    let scaled = run(|x| super::scaled_quadratic(x, 1024.0));
    assert_ne!(bits(&plain), bits(&[0.0; 8]));
    for (plain, scaled) in plain.iter().zip(scaled) {
        assert!((plain - scaled).abs() < 1e-5, "{plain} and {scaled}");
    }
}

#[test]
fn reaches_the_minimum_of_rosenbrock() {
    let mut x = [-1.25, 1.0];
    let mut optimizer = Optimizer::new(adam_options(EpsilonPlace::AfterCorrection), ONE);
    drive(&mut optimizer, rosenbrock, &mut x, 4000);
    assert!(rosenbrock(&x).0 < 1e-6, "{x:?}");
}
