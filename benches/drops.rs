//! Thousands of bundles dropped at once: how long until each is taken, and what that costs the
//! daemon in memory and time.
//!
//! The real program in a studio in a temporary folder; painting is rehearsed and its first job never
//! ends, so that what is measured is the way from `watch/` to `active/`. Prints one line of JSON.

#![allow(clippy::print_stdout, reason = "the result goes to standard output")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;
use serde_json::json;

/// Drops many bundles at once and waits until each is taken.
#[derive(Debug, Parser)]
struct Args {
    /// Bundles, of two files each
    #[arg(long, default_value_t = 2500)]
    bundles: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let dir = tempfile::tempdir()?;
    let root = dir.path();
    fs::write(root.join("pentimento.toml"), "")?;
    for folder in ["watch", "active", "done", "failed", ".pentimento"] {
        fs::create_dir(root.join(folder))?;
    }
    let plan = json!({ "jobs": { "*": [{ "until": "never" }] } });
    fs::write(root.join("plan.json"), plan.to_string())?;
    let mut daemon = Daemon(
        Command::new(env!("CARGO_BIN_EXE_pentimento"))
            .current_dir(root)
            .env("HOME", root)
            .args(["--quiet", "--rehearse", "plan.json"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?,
    );
    let style = picture(0, 1)?;
    let begin = Instant::now();
    for n in 0..args.bundles {
        let watch = root.join("watch");
        fs::write(watch.join(format!("b{n:05}.content.png")), picture(n, 0)?)?;
        fs::write(watch.join(format!("b{n:05}.style.png")), &style)?;
    }
    let dropped = begin.elapsed();
    let mut first = None;
    loop {
        let n_taken = fs::read_dir(root.join("active"))?.count();
        if n_taken > 0 && first.is_none() {
            first = Some(begin.elapsed());
        }
        let is_empty =
            || fs::read_dir(root.join("watch")).is_ok_and(|mut all| all.next().is_none());
        if n_taken >= args.bundles && is_empty() {
            break;
        }
        ensure!(daemon.0.try_wait()?.is_none(), "the program ended");
        ensure!(
            begin.elapsed() < Duration::from_mins(30),
            "{n_taken} were taken"
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let all = begin.elapsed();
    let names = contents(&root.join("active"))?;
    let figures = json!({
        "bundles": args.bundles,
        "taken_once": names.len() == args.bundles,
        "seconds_to_drop": dropped.as_secs_f64(),
        "seconds_to_first": first.map(|first| first.as_secs_f64()),
        "seconds_to_all": all.as_secs_f64(),
        "peak_memory_mb": peak_memory(daemon.0.id())?,
    });
    println!("{figures}");
    ensure!(
        names.len() == args.bundles,
        "a bundle was lost or taken twice"
    );
    Ok(())
}

/// The program; killed at the end.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _may_be_over = self.0.kill();
        let _may_be_over = self.0.wait();
    }
}

/// Returns the names of the content pictures in all jobs, which are as many as the jobs.
fn contents(active: &Path) -> anyhow::Result<std::collections::BTreeSet<std::ffi::OsString>> {
    let mut names = std::collections::BTreeSet::new();
    let mut n_jobs = 0;
    for job in fs::read_dir(active)? {
        n_jobs += 1;
        for input in fs::read_dir(job?.path().join("inputs"))? {
            let name = input?.file_name();
            if name.to_string_lossy().contains(".content.") {
                names.insert(name);
            }
        }
    }
    ensure!(
        n_jobs == names.len(),
        "{n_jobs} jobs of {} bundles",
        names.len()
    );
    Ok(names)
}

/// Returns the most memory that a process ever took, in megabytes.
fn peak_memory(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.context("the system does not tell")?;
    let kib: f64 = kib.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}

/// Returns a PNG of 48×48 pixels; every number has its own.
fn picture(number: usize, role: u8) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 48, 48);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let digits = number.to_le_bytes();
    let pixels: Vec<u8> = (0..48 * 48 * 3_usize)
        .map(|n| digits[n % 4] ^ role ^ digits[0].wrapping_mul(3))
        .collect();
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(bytes)
}
