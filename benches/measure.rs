//! How well a network paints: content × style pairs, painted with its own preset and measured by
//! networks that judge.
//!
//! Pictures are kept under `target/measure`, in a folder for each network, profile and size, and are
//! not painted again while they are there. README.md in this folder defines the measure.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table goes to standard output, progress to standard error"
)]

mod judge;
#[path = "setup/engine.rs"]
mod loading;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use clap::Parser;
use judge::{Judge, Verdict};
use pentimento::engine::{Device, Engine, SessionOptions};
use pentimento::network;
use pentimento::pixels::{self, DecodeOptions, Filter, Picture, Rounding, fit_longest};
use pentimento::profile::{NetworkRef, Profile, RawOptions, RawProfile, Roots, resolve};
use pentimento::runtime;
use pentimento::transfer::{Event, Flow, Naming, SavedAs, Task, Tools, paint};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Paints content × style pairs with a network and measures style and content.
#[derive(Debug, Parser)]
struct Args {
    /// Name of a network, or a file of weights
    #[arg(long, default_value = "builtin")]
    network: String,
    /// Pairs of pictures as CONTENT:STYLE, their names without the ending
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = pair,
        default_value = "tubingen:starry_night,tubingen:the_scream,tubingen:escher_sphere,\
                         golden_gate:starry_night,golden_gate:the_scream,golden_gate:escher_sphere"
    )]
    pairs: Vec<(String, String)>,
    /// Iterations of L-BFGS
    #[arg(long, default_value_t = 200)]
    iterations: usize,
    /// Longer side of all pictures
    #[arg(long, default_value_t = 384)]
    size: usize,
    /// Options of the profile over the network's preset, as KEY=VALUE
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Pairs painted at the same time, the threads divided among them
    #[arg(long, default_value = "1")]
    jobs: NonZeroUsize,
    /// cpu, or cuda:0
    #[arg(long, default_value = "cpu")]
    device: runtime::Device,
    /// Folder of the pictures, NAME.jpg each
    #[arg(long, default_value = "../shared/pictures")]
    pictures: PathBuf,
    /// Folder of the judges' weights
    #[arg(long, default_value = "../shared/weights")]
    judges: PathBuf,
    /// Folders with networks
    #[arg(long, default_value = "models")]
    models: Vec<PathBuf>,
    /// Folder that the painted pictures are kept in
    #[arg(long, default_value = "target/measure")]
    out: PathBuf,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let device = match args.device {
        runtime::Device::Cuda(card) => Device::Cuda(card),
        runtime::Device::Cpu | runtime::Device::Auto => Device::Cpu,
    };
    let threads = std::thread::available_parallelism()?;
    let engine = loading::engine()?;
    let profile = profile(&args)?;
    let folder = folder(&args, &profile)?;
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(folder.join("profile.toml"), profile.to_toml()).context("write the profile")?;
    paint_all(&args, &engine, (device, threads), &profile, &folder)?;
    let options = SessionOptions::new(device, threads.get());
    let rows = judge_all(&args, &engine, &options, &folder)?;
    tell(&args, &folder, &rows)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (content, style) = text
        .split_once(':')
        .ok_or_else(|| "expected CONTENT:STYLE, such as tubingen:the_scream".to_owned())?;
    Ok((content.to_owned(), style.to_owned()))
}

/// Returns the network's own preset with what the measure fixes.
fn profile(args: &Args) -> anyhow::Result<Profile> {
    let mut raw = RawProfile::default();
    raw.set(&format!("network={}", args.network))?;
    raw.set(&format!("image_size={}", args.size))?;
    raw.set(&format!("num_iterations={}", args.iterations))?;
    for option in ["init=image", "optimizer=lbfgs", "seed=1"] {
        raw.set(option)?;
    }
    for option in &args.set {
        raw.set(option)?;
    }
    let mut trouble = None;
    let reader = std::cell::RefCell::new(&mut trouble);
    let profile = resolve(&raw, &|network: &NetworkRef| {
        let read = || -> anyhow::Result<Option<RawOptions>> {
            let Some(manifest) = network::manifest(&network.to_string(), &args.models)? else {
                return Ok(None);
            };
            Ok(Some(RawOptions::from_presets(
                &manifest.name,
                &manifest.preset,
            )?))
        };
        read().unwrap_or_else(|error| {
            **reader.borrow_mut() = Some(error);
            None
        })
    });
    match trouble {
        Some(error) => Err(error),
        None => Ok(profile?),
    }
}

/// Returns the folder of a network's pictures: other weights or another profile have another.
fn folder(args: &Args, profile: &Profile) -> anyhow::Result<PathBuf> {
    let network = network::find(&args.network, &args.models)?;
    let mut hash = Sha256::new();
    hash.update(network.sha256());
    hash.update(profile.to_toml());
    let digest = hash.finalize();
    let short = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    Ok(args
        .out
        .join(format!("{}-{short:08x}", network.manifest().name)))
}

fn result_file(folder: &Path, (content, style): &(String, String)) -> PathBuf {
    folder.join(format!("{content}-{style}.png"))
}

/// Paints every pair that has no picture yet.
fn paint_all(
    args: &Args,
    engine: &Engine,
    (device, threads): (Device, NonZeroUsize),
    profile: &Profile,
    folder: &Path,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let share = NonZeroUsize::new(threads.get() / args.jobs.get()).unwrap_or(NonZeroUsize::MIN);
    let tools = Tools {
        engine,
        device,
        threads: share,
    };
    let work = || -> anyhow::Result<()> {
        while let Some(pair) = args.pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let file = result_file(folder, pair);
            if !file.exists() {
                paint_one(args, &tools, profile, pair, &file)
                    .with_context(|| format!("paint {} × {}", pair.0, pair.1))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.get()).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => done?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })
}

/// Paints one pair beside its place and moves it there, so that half a picture is never kept.
fn paint_one(
    args: &Args,
    tools: &Tools,
    profile: &Profile,
    (content, style): &(String, String),
    file: &Path,
) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let unfinished = file.with_extension("part.png");
    let task = Task {
        content: Some(args.pictures.join(format!("{content}.jpg"))),
        styles: vec![args.pictures.join(format!("{style}.jpg"))],
        profile: profile.clone(),
        roots: Roots::any(Path::new(".")),
        network_dirs: args.models.clone(),
        naming: Naming {
            result: unfinished.clone(),
            snapshots: SavedAs::Beside,
            losses: None,
        },
        seed: 1,
        memory: None,
        max_pixels: pixels::MAX_PIXELS,
        follow_symlinks: true,
    };
    paint(&task, tools, &mut |_: Event<'_>| Flow::Continue)?;
    fs::rename(&unfinished, file).with_context(|| format!("move {}", unfinished.display()))?;
    let seconds = started.elapsed().as_secs();
    eprintln!("{} in {seconds} s", file.display());
    Ok(())
}

/// A pair and what each judge says of its picture.
type Row = ((String, String), Vec<(&'static str, Verdict)>);

fn judge_all(
    args: &Args,
    engine: &Engine,
    options: &SessionOptions,
    folder: &Path,
) -> anyhow::Result<Vec<Row>> {
    let weights = |file: &str| loading::network(&args.judges.join(file));
    let mut judges = [
        Judge::vgg19(weights("vgg19_f16.safetensors")?),
        Judge::squeezenet(weights("squeezenet_v1_1.safetensors")?),
    ];
    let mut rows = Vec::new();
    for pair in &args.pairs {
        let result = open(&result_file(folder, pair))?;
        let content = reduced(args, &pair.0)?;
        let style = reduced(args, &pair.1)?;
        ensure!(
            (result.width(), result.height()) == (content.width(), content.height()),
            "{} has another size than its content",
            result_file(folder, pair).display()
        );
        let mut verdicts = Vec::new();
        for judge in &mut judges {
            let (content, style) = ((pair.0.as_str(), &content), (pair.1.as_str(), &style));
            let verdict = judge.judge(engine, options, &result, content, style)?;
            verdicts.push((judge.title, verdict));
        }
        rows.push((pair.clone(), verdicts));
    }
    Ok(rows)
}

fn open(path: &Path) -> anyhow::Result<Picture> {
    let options = DecodeOptions {
        follow_symlinks: true,
        ..DecodeOptions::default()
    };
    Ok(pixels::open(path, &options)?.picture)
}

/// Returns a picture at the size that the painting saw.
fn reduced(args: &Args, name: &str) -> anyhow::Result<Picture> {
    let picture = open(&args.pictures.join(format!("{name}.jpg")))?;
    let (width, height) = fit_longest(
        picture.width(),
        picture.height(),
        args.size,
        Rounding::BothTruncated,
    );
    Ok(pixels::resize(&picture, width, height, Filter::BilinearU8))
}

/// Prints the table, and writes it as JSON beside the pictures.
fn tell(args: &Args, folder: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let columns = columns(rows);
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    println!("| content × style | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for (index, ((content, style), _)) in rows.iter().enumerate() {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, values)| format!("{:.4}", values[index]))
            .collect();
        println!("| {content} × {style} | {} |", cells.join(" | "));
    }
    let means: Vec<f64> = columns.iter().map(|(_, values)| mean(values)).collect();
    let cells: Vec<String> = means.iter().map(|mean| format!("**{mean:.4}**")).collect();
    println!("| geometric mean | {} |", cells.join(" | "));
    let pairs: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(index, ((content, style), verdicts))| {
            let layers: serde_json::Map<String, Value> = verdicts
                .iter()
                .flat_map(|(title, verdict)| {
                    let named = move |(layer, ratio): &(String, f64)| {
                        (format!("{title} {layer}"), json!(ratio))
                    };
                    verdict.layers.iter().map(named)
                })
                .collect();
            let values: serde_json::Map<String, Value> = columns
                .iter()
                .map(|(name, values)| (name.clone(), json!(values[index])))
                .collect();
            json!({ "content": content, "style": style, "measures": values, "layers": layers })
        })
        .collect();
    let means: serde_json::Map<String, Value> = names
        .iter()
        .zip(means)
        .map(|(name, mean)| ((*name).to_owned(), json!(mean)))
        .collect();
    let all = json!({
        "network": args.network,
        "size": args.size,
        "iterations": args.iterations,
        "set": args.set,
        "pairs": pairs,
        "geometric_mean": means,
    });
    let file = folder.join("measure.json");
    fs::write(&file, format!("{all:#}\n")).with_context(|| format!("write {}", file.display()))?;
    eprintln!("pictures and figures: {}", folder.display());
    Ok(())
}

/// Returns each judge's measures, by name, in the order of the rows.
fn columns(rows: &[Row]) -> Vec<(String, Vec<f64>)> {
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    let mut add = |name: String, value: f64| match columns.iter_mut().find(|(n, _)| *n == name) {
        Some((_, values)) => values.push(value),
        None => columns.push((name, vec![value])),
    };
    for (title, verdict) in rows.iter().flat_map(|(_, verdicts)| verdicts) {
        add(format!("{title} style"), verdict.style);
        if let Some(content) = verdict.content {
            add(format!("{title} content"), content);
        }
    }
    columns
}

/// Returns the geometric mean.
#[allow(clippy::cast_precision_loss, reason = "a handful of pairs")]
fn mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}
