//! Steps of training in a process of their own: their times, and the most memory they took.
//!
//! It prints one line of JSON, for `pytorch_train.py`. The data are noise and cost nothing.

#![allow(clippy::print_stdout, reason = "the result goes to standard output")]

mod figures;
#[allow(dead_code, reason = "it names no network")]
#[path = "setup/engine.rs"]
mod loading;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use figures::{median, peak_memory, shares};
use pentimento::engine::Device;
use pentimento::training::{StepBench, Tools, preset};
use serde_json::{Value, json};

/// Times single steps of training and prints one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// small or vgg-thin
    #[arg(long, default_value = "small")]
    preset: String,
    /// Crops in a batch
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Side of a crop in pixels
    #[arg(long, default_value_t = 64)]
    crop: usize,
    /// Classes to tell apart
    #[arg(long, default_value_t = 2500)]
    classes: usize,
    /// Steps that are timed
    #[arg(long, default_value_t = 5)]
    count: usize,
    /// Steps before those
    #[arg(long, default_value_t = 2)]
    warm_up: usize,
    /// Threads [default: one for each core]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Let ONNX Runtime write its profile to a file that begins so (the times suffer)
    #[arg(long, value_name = "PREFIX")]
    profile: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ensure!(args.count > 0, "--count 0 times nothing");
    let threads = match args.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()?,
    };
    let engine = loading::engine()?;
    let tools = Tools {
        engine: &engine,
        device: Device::Cpu,
        threads,
    };
    let layers = preset(&args.preset)?;
    let sizes = [args.batch, args.crop, args.classes];
    let start = Instant::now();
    let mut step = StepBench::prepare(&layers, sizes, &tools, args.profile.clone())?;
    let prepared = start.elapsed();
    for _ in 0..args.warm_up {
        step.run()?;
    }
    let mut times = Vec::with_capacity(args.count);
    let mut loss = 0.0;
    for _ in 0..args.count {
        let start = Instant::now();
        loss = step.run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    let profile = match args.profile {
        Some(_) => shares(&step.end_profile()?)?,
        None => Value::Null,
    };
    let line = json!({
        "preset": args.preset,
        "batch": args.batch,
        "crop": args.crop,
        "threads": threads.get(),
        "prepared_s": prepared.as_secs_f64(),
        "median_s": median(&times),
        "times_s": times,
        "loss": loss,
        "peak_rss_bytes": peak_memory(),
        "profile": profile,
    });
    println!("{line}");
    Ok(())
}
