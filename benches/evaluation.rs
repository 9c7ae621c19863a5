//! One evaluation, loss and gradient, at the sizes that the project's goals name.
//!
//! VGG-19 needs its weights beside the repository; without them the built-in network alone is
//! timed. How this compares with PyTorch is another question: see README.md in this folder.

#![allow(clippy::print_stderr, reason = "a benchmark says what it skips")]

mod setup;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use criterion::Criterion;
use pentimento::engine::{Device, Engine, SessionOptions};
use pentimento::network::{Network, PoolingKind};
use setup::Evaluation;

/// Where the weights of VGG-19 are looked for.
const VGG19: &str = "../shared/weights/vgg19_f16.safetensors";

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(3))
        .measurement_time(Duration::from_secs(20))
        .configure_from_args();
    let engine = setup::engine()?;
    if let Some(file) = vgg19() {
        let network = setup::network(&file)?;
        for (size, pooling) in [
            ((384, 512), PoolingKind::Max),
            ((384, 512), PoolingKind::Average),
            ((383, 511), PoolingKind::Max),
        ] {
            measure(&mut criterion, &engine, ("vgg19", &network), size, pooling)?;
        }
    }
    let network = setup::network(Path::new("builtin"))?;
    let size = (288, 384);
    let named = ("builtin", &network);
    measure(&mut criterion, &engine, named, size, PoolingKind::Average)?;
    criterion.final_summary();
    Ok(())
}

/// Returns the weights of VGG-19, or says that they are not there.
fn vgg19() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(VGG19);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: VGG-19, whose weights are not at {VGG19}");
    None
}

fn measure(
    criterion: &mut Criterion,
    engine: &Engine,
    (name, network): (&str, &Network),
    size: (usize, usize),
    pooling: PoolingKind,
) -> anyhow::Result<()> {
    let pool = match pooling {
        PoolingKind::Max => "max",
        PoolingKind::Average => "avg",
    };
    let threads = std::thread::available_parallelism()?.get();
    let options = SessionOptions::new(Device::Cpu, threads);
    let mut failure = None;
    // Made when it runs: a filter on the command line may leave it out.
    let mut evaluation: Option<Evaluation> = None;
    let label = format!("evaluation/{name}_{}x{}_{pool}", size.0, size.1);
    criterion.bench_function(&label, |bencher| {
        bencher.iter_custom(|count| {
            let mut timed = || -> anyhow::Result<Duration> {
                if evaluation.is_none() {
                    let made = Evaluation::prepare(engine, network, size, pooling, &options)?;
                    evaluation = Some(made);
                }
                let evaluation = evaluation.as_mut().context("it was made just now")?;
                let start = Instant::now();
                for _ in 0..count {
                    evaluation.run()?;
                }
                Ok(start.elapsed())
            };
            timed().unwrap_or_else(|error| {
                failure = Some(error);
                Duration::from_nanos(count)
            })
        });
    });
    match failure {
        Some(error) => Err(error.context(label)),
        None => Ok(()),
    }
}
