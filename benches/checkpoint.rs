//! What checkpoints cost: one painting with them, at the pace that a job has, as a line of JSON.
//!
//! It paints noise with the built-in network (or another) into a temporary folder and sums up how
//! long the writing of checkpoints took, beside the time of the whole.

#![allow(clippy::print_stdout, reason = "the result goes to standard output")]

#[path = "setup/engine.rs"]
mod loading;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use pentimento::clock::Clock;
use pentimento::engine::Device;
use pentimento::pixels::{Depth, Picture, save_png};
use pentimento::profile::{RawProfile, Roots, resolve};
use pentimento::random::Random;
use pentimento::transfer::{Cadence, Event, Flow, Keep, Naming, SavedAs, Task, Tools, paint_kept};
use serde_json::json;

/// Paints once with checkpoints and prints their share of the time as one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// Longest side of the picture in pixels
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Iterations
    #[arg(long, default_value_t = 300)]
    iterations: u32,
    /// lbfgs or adam
    #[arg(long, default_value = "lbfgs")]
    optimizer: String,
    /// A network by name or file
    #[arg(long, default_value = "builtin")]
    network: String,
    /// Where to paint: a folder on the disk in question [default: the system's for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Threads [default: one for each core]
    #[arg(long)]
    threads: Option<std::num::NonZeroUsize>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let place = match &args.folder {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let place = place.context("make a folder to paint into")?;
    let task = task(&args, place.path())?;
    let engine = loading::engine()?;
    let network = loading::network(Path::new(&args.network))?;
    let tools = Tools {
        engine: &engine,
        device: Device::Cpu,
        threads: match args.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism()?,
        },
    };
    let clock = Clock::start();
    let keep = Keep {
        folder: place.path().join("checkpoint"),
        edits: place.path().join("edits.jsonl"),
        cadence: Cadence::Usual,
        clock,
        orders: &mut || None,
    };
    let (mut checkpoints, mut written, mut spent) = (0_u32, 0, Duration::ZERO);
    paint_kept(&task, &tools, keep, &mut |event| {
        if let Event::Checkpoint { bytes, took, .. } = event {
            checkpoints += 1;
            written += bytes;
            spent += took;
        }
        Flow::Continue
    })?;
    let all = clock.monotonic();
    let result = json!({
        "size": args.size,
        "iterations": args.iterations,
        "optimizer": args.optimizer,
        "network": network.manifest().name,
        "threads": tools.threads,
        "seconds": all.as_secs_f64(),
        "checkpoints": checkpoints,
        "checkpoint_bytes": written,
        "checkpoint_seconds": spent.as_secs_f64(),
        "checkpoint_share": spent.as_secs_f64() / all.as_secs_f64(),
    });
    println!("{result}");
    Ok(())
}

fn task(args: &Args, place: &Path) -> anyhow::Result<Task> {
    let mut raw = RawProfile::default();
    for option in [
        format!("image_size={}", args.size),
        format!("num_iterations={}", args.iterations),
        format!("optimizer={}", args.optimizer),
        format!("network={}", args.network),
        "init=random".to_owned(),
        "seed=1".to_owned(),
        "save_iter=0".to_owned(),
    ] {
        raw.set(&option)?;
    }
    let picture = |name: &str, seed: u64| -> anyhow::Result<PathBuf> {
        let path = place.join(name);
        let mut random = Random::new(seed);
        let values = (0..3 * args.size * args.size).map(|_| 255.0 * random.unit());
        let picture = Picture::new(args.size, args.size, values.collect());
        let picture = picture.context("--size 0 is no picture")?;
        save_png(&picture, &path, Depth::Eight, &[])?;
        Ok(path)
    };
    Ok(Task {
        content: Some(picture("content.png", 1)?),
        styles: vec![picture("style.png", 2)?],
        profile: resolve(&raw, &|_| None)?,
        roots: Roots::any(Path::new(".")),
        network_dirs: Vec::new(),
        naming: Naming {
            result: place.join("result.png"),
            snapshots: SavedAs::Beside,
            losses: Some(place.join("losses.csv")),
        },
        seed: 1,
        memory: None,
        max_pixels: u64::MAX,
        follow_symlinks: true,
    })
}
