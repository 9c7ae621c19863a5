//! One step of each optimiser at 512×512, L-BFGS with its history of 100 full.
//!
//! An evaluation of VGG-19 at that size takes most of a second on two cores; a step should not be
//! seen beside it.

use criterion::{Criterion, criterion_group, criterion_main};
use pentimento::optim::{AdamOptions, LbfgsOptions, Optimizer, Options, Step};
use std::{
    hint::black_box,
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

const LEN: usize = 3 * 512 * 512;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4));
    targets = steps
}
criterion_main!(benches);

fn steps(criterion: &mut Criterion) {
    let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut group = criterion.benchmark_group("optim_512");
    for threads in [NonZeroUsize::MIN, all] {
        for (name, options) in [
            ("lbfgs_100", Options::Lbfgs(LbfgsOptions::default())),
            ("adam", Options::Adam(AdamOptions::default())),
        ] {
            let mut run = Run::new(options, threads);
            for _ in 0..110 {
                run.step();
            }
            group.bench_function(format!("{name}/{threads}_threads"), |bencher| {
                bencher.iter_custom(|n_steps| (0..n_steps).map(|_| run.step()).sum());
            });
        }
    }
    group.finish();
}

/// A quadratic whose curvature differs from element to element, so that every pair is accepted and
/// the steps never die down.
struct Run {
    optimizer: Optimizer,
    x: Vec<f32>,
    gradient: Vec<f32>,
    turn: usize,
}

impl Run {
    fn new(options: Options, threads: NonZeroUsize) -> Self {
        let x = vec![0.0; LEN];
        Self {
            optimizer: Optimizer::new(options, threads),
            gradient: x.clone(),
            x,
            turn: 0,
        }
    }

    /// Evaluates and takes a step; returns the time of the step alone.
    fn step(&mut self) -> Duration {
        // The goal moves on with every step.
        self.turn += 1;
        let turn = u16::try_from(self.turn % 251).map_or(0.0, f32::from);
        let curvatures = [1.0_f32, 2.0, 3.5, 5.0, 0.5, 0.25, 7.0].iter().cycle();
        for ((gradient, x), curvature) in self.gradient.iter_mut().zip(&self.x).zip(curvatures) {
            *gradient = curvature * (x - turn * 0.01 * curvature);
        }
        let start = Instant::now();
        let step = self
            .optimizer
            .step(&mut self.x, 1.0, black_box(&self.gradient));
        let taken = start.elapsed();
        assert_eq!(step, Step::Moved, "the benchmark measures a step");
        taken
    }
}
