//! What feeds training: drawings a second on one core, and batches of crops on all.

use criterion::{Criterion, Throughput};
use pentimento::drawing;
use pentimento::training::data::{DataOptions, DataSource, Dataset};

/// Drawings that are timed together, since one takes ten times what another takes.
const DRAWINGS: u64 = 100;

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("data");
    group.throughput(Throughput::Elements(DRAWINGS));
    group.bench_function("drawings_128", |bencher| {
        bencher.iter(|| {
            let drawings = (0..DRAWINGS).map(|seed| drawing::draw(128, seed));
            drawings.map(|drawing| drawing.len()).sum::<usize>()
        });
    });
    let options = DataOptions::default();
    let sources = [DataSource::Procedural {
        count: 200,
        seed: 0,
    }];
    let (data, _) = Dataset::open(&sources, &options)?;
    // Drawings are made when they are first asked for: not in what is timed.
    for step in 0..50 {
        data.batch(step);
    }
    group.throughput(Throughput::Elements(options.batch as u64));
    let mut step = 0;
    group.bench_function("crops_64", |bencher| {
        bencher.iter(|| {
            step += 1;
            data.batch(step)
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}
