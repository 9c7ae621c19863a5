//! Import of a caffemodel of VGG-19's size: its time, and the memory it takes beside its result.
//!
//! The file is written from random numbers and read back while the system still has it in memory.
//! Each import is a process of its own, so that its peak is its own. One line of JSON is printed.

#![allow(clippy::print_stdout, reason = "the result goes to standard output")]
#![allow(
    clippy::cast_possible_truncation,
    reason = "seven bits of a number fit a byte"
)]

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Parser;
use pentimento::network::import::caffe::{self, CaffeOptions};
use serde_json::{Value, json};

/// Times the import of a 575 MB caffemodel and prints one line of JSON.
#[derive(Debug, Parser)]
struct Args {
    /// Keep the fully connected layers
    #[arg(long)]
    classifier: bool,
    /// Imports that are timed
    #[arg(long, default_value_t = 5)]
    count: usize,
    /// Import this file once and print what that took
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let options = CaffeOptions {
        prototxt: None,
        classifier: args.classifier,
    };
    if let Some(path) = args.import {
        println!("{}", import(&path, &options)?);
        return Ok(());
    }
    ensure!(args.count > 0, "--count 0 times nothing");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vgg19.caffemodel");
    write(&path).with_context(|| format!("write {}", path.display()))?;
    let mut runs = Vec::with_capacity(args.count);
    for _ in 0..args.count {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--import").arg(&path);
        if args.classifier {
            command.arg("--classifier");
        }
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "an import failed: {said}");
        runs.push(serde_json::from_slice::<Value>(&output.stdout)?);
    }
    runs.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
    let result = json!({
        "file_bytes": path.metadata()?.len(),
        "classifier": args.classifier,
        "median": runs[runs.len() / 2],
        "runs": runs,
    });
    println!("{result}");
    Ok(())
}

fn seconds(run: &Value) -> f64 {
    run["seconds"].as_f64().unwrap_or(f64::INFINITY)
}

fn import(path: &Path, options: &CaffeOptions) -> anyhow::Result<Value> {
    let before = peak_memory();
    let start = Instant::now();
    let network = caffe::read(path, options)?;
    let seconds = start.elapsed().as_secs_f64();
    let peak = peak_memory();
    let numbers: usize = network.weights.values().map(|w| w.data().len()).sum();
    let result = numbers as u64 * 4;
    Ok(json!({
        "seconds": seconds,
        "layers": network.layers.layers.len(),
        "result_bytes": result,
        "rss_before_bytes": before,
        "peak_rss_bytes": peak,
        "beside_result_bytes": peak.map(|peak| peak.saturating_sub(result)),
    }))
}

/// Returns the most bytes of memory that this process held at once, where the system tells
/// (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Writes VGG-19 in Caffe's older generation, as its authors published it.
fn write(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&text(3, "data"))?;
    let mut seed = 1;
    let (mut bottom, mut inputs) = ("data".to_owned(), 3);
    for (block, (count, out)) in (1..).zip([(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)]) {
        for index in 1..=count {
            let name = format!("conv{block}_{index}");
            let param = [int(1, out), int(3, 1), int(4, 3)].concat();
            let head = head(&name, &bottom, &name, 4);
            let shapes = [[out, inputs, 3, 3], [1, 1, 1, out]];
            layer(
                &mut file,
                &head,
                &shapes,
                &self::block(10, &param),
                &mut seed,
            )?;
            let relu = self::head(&format!("relu{block}_{index}"), &name, &name, 18);
            layer(&mut file, &relu, &[], &[], &mut seed)?;
            (bottom, inputs) = (name, out);
        }
        let pool = format!("pool{block}");
        let param = self::block(19, &[int(1, 0), int(2, 2), int(3, 2)].concat());
        layer(
            &mut file,
            &head(&pool, &bottom, &pool, 17),
            &[],
            &param,
            &mut seed,
        )?;
        bottom = pool;
    }
    for (name, read, out) in [
        ("fc6", 25_088, 4096),
        ("fc7", 4096, 4096),
        ("fc8", 4096, 1000),
    ] {
        let shapes = [[1, 1, out, read], [1, 1, 1, out]];
        let param = block(17, &int(1, out));
        layer(
            &mut file,
            &head(name, &bottom, name, 14),
            &shapes,
            &param,
            &mut seed,
        )?;
        name.clone_into(&mut bottom);
    }
    layer(
        &mut file,
        &head("prob", "fc8", "prob", 20),
        &[],
        &[],
        &mut seed,
    )?;
    file.flush()
}

fn head(name: &str, bottom: &str, top: &str, kind: u64) -> Vec<u8> {
    [text(2, bottom), text(3, top), text(4, name), int(5, kind)].concat()
}

/// Writes a layer; the numbers of its arrays are made while they are written.
fn layer(
    file: &mut impl io::Write,
    head: &[u8],
    shapes: &[[u64; 4]],
    param: &[u8],
    seed: &mut u64,
) -> io::Result<()> {
    let arrays: Vec<(Vec<u8>, u64)> = shapes
        .iter()
        .map(|shape| {
            let bytes = shape.iter().product::<u64>() * 4;
            let extents = (1..).zip(shape).flat_map(|(at, &n)| int(at, n));
            let start: Vec<u8> = extents.chain(key(5, 2)).chain(varint(bytes)).collect();
            let length = start.len() as u64 + bytes;
            let start = [key(6, 2), varint(length), start].concat();
            (start, bytes)
        })
        .collect();
    let arrays_length: u64 = arrays
        .iter()
        .map(|(start, bytes)| start.len() as u64 + bytes)
        .sum();
    let length = (head.len() + param.len()) as u64 + arrays_length;
    file.write_all(&[key(2, 2), varint(length), head.to_vec()].concat())?;
    for (start, bytes) in arrays {
        file.write_all(&start)?;
        for _ in 0..bytes / 4 {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let small = f32::from((*seed >> 48) as u16) / 65_536.0 - 0.5;
            file.write_all(&(0.1 * small).to_le_bytes())?;
        }
    }
    file.write_all(param)
}

fn key(number: u64, kind: u64) -> Vec<u8> {
    varint(number << 3 | kind)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn int(number: u64, value: u64) -> Vec<u8> {
    [key(number, 0), varint(value)].concat()
}

fn block(number: u64, bytes: &[u8]) -> Vec<u8> {
    [key(number, 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn text(number: u64, text: &str) -> Vec<u8> {
    block(number, text.as_bytes())
}
