//! Loss traces of neural-style-pt, evaluation by evaluation, on the same weights and pictures.
//!
//! The pictures are already at the size of the run, so that no resampling takes part. The bounds
//! widen because L-BFGS amplifies the rounding of the first evaluations: neural-style-pt against
//! itself, with another number of threads, differs by up to 1e-5, 5e-3 and 2e-2 at the same places.

use std::collections::BTreeMap;
use std::path::Path;

use pentimento::profile::{RawProfile, Roots, resolve};
use pentimento::transfer::{Event, Flow, Naming, SavedAs, Task, paint};
use serde::Deserialize;

use crate::support::{shared, tools};

#[derive(Deserialize)]
struct Trace {
    content: String,
    styles: Vec<String>,
    options: String,
    losses: Vec<Losses>,
}

#[derive(Deserialize)]
struct Losses {
    content: Vec<f64>,
    style: Vec<f64>,
    total: f64,
}

fn trace(name: &str) {
    let (Some(folder), Some(weights)) =
        (shared("reference"), shared("weights/vgg19_f16.safetensors"))
    else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("neural_style_pt.json")).unwrap();
    let mut traces: BTreeMap<String, Trace> = serde_json::from_str(&text).unwrap();
    let trace = traces.remove(name).unwrap();
    let found = run(&trace, &folder, &weights);
    assert_eq!(found.len(), trace.losses.len());
    for (i, (expected, found)) in trace.losses.iter().zip(&found).enumerate() {
        let bound = match i + 1 {
            ..=5 => 1e-3,
            6..=10 => 1e-2,
            _ => 3e-2,
        };
        let error = (found.0 - expected.total).abs() / expected.total;
        eprintln!(
            "{name}: evaluation {}, relative error of the total {error:.2e}",
            i + 1
        );
        assert!(
            error < bound,
            "{name}, evaluation {}: {} for {}",
            i + 1,
            found.0,
            expected.total
        );
    }
    // The terms of the first evaluation, one by one.
    let terms = trace.losses[0].content.iter().chain(&trace.losses[0].style);
    for (expected, (name, found)) in terms.zip(&found[0].1) {
        let allowed = if *expected == 0.0 {
            1e-6 * trace.losses[0].total
        } else {
            1e-4 * expected.abs()
        };
        let found = f64::from(*found);
        assert!(
            (found - expected).abs() <= allowed,
            "{name}: {found} for {expected}"
        );
    }
}

type Row = (f64, Vec<(String, f32)>);

fn run(trace: &Trace, folder: &Path, weights: &Path) -> Vec<Row> {
    let place = tempfile::tempdir().unwrap();
    let mut raw = RawProfile::default();
    raw.set("compat=pt").unwrap();
    raw.set(&format!("network={}", weights.display())).unwrap();
    let words: Vec<&str> = trace.options.split(' ').collect();
    for pair in words.chunks(2) {
        raw.set(&format!("{}={}", pair[0].trim_start_matches('-'), pair[1]))
            .unwrap();
    }
    let task = Task {
        content: Some(folder.join(&trace.content)),
        styles: trace
            .styles
            .iter()
            .map(|style| folder.join(style))
            .collect(),
        profile: resolve(&raw, &|_| None).unwrap(),
        roots: Roots::any(Path::new("/")),
        network_dirs: Vec::new(),
        naming: Naming {
            result: place.path().join("out.png"),
            snapshots: SavedAs::Beside,
            losses: None,
        },
        seed: 0,
        memory: None,
        max_pixels: u64::MAX,
        follow_symlinks: true,
    };
    let mut rows = Vec::new();
    paint(&task, &tools(2), &mut |event| {
        if let Event::Evaluation(evaluation) = event {
            rows.push((evaluation.total, evaluation.terms.to_vec()));
        }
        Flow::Continue
    })
    .unwrap();
    rows
}

#[test]
fn lbfgs_with_the_defaults() {
    trace("vgg19_lbfgs_defaults");
}

#[test]
fn adam_with_average_pooling_and_other_layers() {
    trace("vgg19_adam_avgpool");
}

#[test]
fn two_blended_styles() {
    trace("vgg19_two_styles");
}
