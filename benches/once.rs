//! A few evaluations in a process of their own: their times, and the most memory it took.
//!
//! It prints one line of JSON, for scripts that compare it with something else. No statistics are
//! made here beyond the median.

#![allow(clippy::print_stdout, reason = "the result goes to standard output")]

mod figures;
mod setup;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use figures::{median, peak_memory, shares};
use pentimento::engine::{Device, SessionOptions};
use pentimento::network::PoolingKind;
use pentimento::runtime;
use serde_json::{Value, json};
use setup::Evaluation;

/// Times single evaluations (loss and gradient) and prints one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// Height and width of the picture in pixels
    #[arg(long, default_value = "384x512", value_parser = size)]
    size: (usize, usize),
    /// max or avg
    #[arg(long, default_value = "max", value_parser = pool)]
    pool: PoolingKind,
    /// A file of weights, or `builtin`
    #[arg(long, default_value = "../shared/weights/vgg19_f16.safetensors")]
    network: PathBuf,
    /// Evaluations that are timed
    #[arg(long, default_value_t = 5)]
    count: usize,
    /// Evaluations before those
    #[arg(long, default_value_t = 2)]
    warm_up: usize,
    /// Threads [default: one for each core]
    #[arg(long)]
    threads: Option<usize>,
    /// cpu or cuda:N
    #[arg(long, default_value = "cpu")]
    device: runtime::Device,
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
        None => std::thread::available_parallelism()?.get(),
    };
    let device = match args.device {
        runtime::Device::Cuda(card) => Device::Cuda(card),
        runtime::Device::Cpu | runtime::Device::Auto => Device::Cpu,
    };
    let mut options = SessionOptions::new(device, threads);
    options.profile.clone_from(&args.profile);
    let engine = setup::engine()?;
    let start = Instant::now();
    let network = setup::network(&args.network)?;
    let mut evaluation = Evaluation::prepare(&engine, &network, args.size, args.pool, &options)?;
    drop(network);
    let prepared = start.elapsed();
    for _ in 0..args.warm_up {
        evaluation.run()?;
    }
    let mut times = Vec::with_capacity(args.count);
    for _ in 0..args.count {
        let start = Instant::now();
        evaluation.run()?;
        times.push(start.elapsed().as_secs_f64());
    }
    let profile = match args.profile {
        Some(_) => shares(&evaluation.session.end_profile()?)?,
        None => Value::Null,
    };
    let result = json!({
        "height": args.size.0,
        "width": args.size.1,
        "pool": match args.pool { PoolingKind::Max => "max", PoolingKind::Average => "avg" },
        "network": args.network,
        "device": device.to_string(),
        "threads": threads,
        "prepare_s": prepared.as_secs_f64(),
        "median_s": median(&times),
        "times_s": times,
        "peak_rss_bytes": peak_memory(),
        "profile": profile,
    });
    println!("{result}");
    Ok(())
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let number = |part: &str| part.parse().ok().filter(|&n: &usize| n > 0);
    text.split_once('x')
        .and_then(|(height, width)| Some((number(height)?, number(width)?)))
        .ok_or_else(|| "expected HEIGHTxWIDTH, such as 384x512".to_owned())
}

fn pool(text: &str) -> Result<PoolingKind, String> {
    match text {
        "max" => Ok(PoolingKind::Max),
        "avg" => Ok(PoolingKind::Average),
        _ => Err("expected max or avg".to_owned()),
    }
}
