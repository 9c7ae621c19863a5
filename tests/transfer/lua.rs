//! The first evaluation of a run in the sense of the Lua original, against its definitions in `f64`.
//!
//! The network is one 1×1 convolution with its activation, and every picture has the size of the
//! run, which the original copies, so that the whole way from the files to the terms can be followed
//! by hand.

use std::path::Path;

use pentimento::profile::{RawProfile, Roots, resolve};
use pentimento::transfer::{Event, Flow, Naming, SavedAs, Task, paint};
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::support::studio::picture;
use crate::support::tools;

const KERNEL: [[f64; 3]; 4] = [
    [0.5, -0.25, 0.125],
    [-0.5, 0.75, 0.25],
    [0.25, 0.25, -0.75],
    [1.0, 0.5, -1.0],
];
const BIAS: [f64; 4] = [10.0, -20.0, 30.0, 5.0];

/// What the network sees: 256 × [0, 1].
const SCALE: f64 = 256.0 / 255.0;

/// Writes the network into `folder` and returns its name in a profile.
fn network(folder: &Path) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "short in binary: nothing is lost"
    )]
    let bytes = |values: &[f64]| -> Vec<u8> {
        let values = values.iter().map(|&v| v as f32);
        values.flat_map(f32::to_le_bytes).collect()
    };
    let (kernel, bias) = (bytes(KERNEL.as_flattened()), bytes(&BIAS));
    let tensors = [
        ("conv1_1.weight", vec![4, 3, 1, 1], &kernel),
        ("conv1_1.bias", vec![4], &bias),
    ];
    let views = tensors
        .map(|(name, shape, data)| (name, TensorView::new(Dtype::F32, shape, data).unwrap()));
    let path = folder.join("tiny.safetensors");
    std::fs::write(&path, serialize(views, None).unwrap()).unwrap();
    let manifest = "name = \"tiny\"\nfile = \"tiny.safetensors\"\n[input]\norder = \"RGB\"\n\
        range = 255.0\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n";
    std::fs::write(folder.join("tiny.toml"), manifest).unwrap();
    path.to_string_lossy().into_owned()
}

/// Returns `relu1_1` of a picture, a row a position.
fn features(png: &[u8]) -> Vec<[f64; 4]> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    let position = |pixel: &[u8]| {
        let mut row = BIAS;
        for (value, kernel) in row.iter_mut().zip(KERNEL) {
            let sum: f64 = kernel
                .iter()
                .zip(pixel)
                .map(|(k, &p)| k * f64::from(p) * SCALE)
                .sum();
            *value = (*value + sum).max(0.0);
        }
        row
    };
    rgb.chunks_exact(3).map(position).collect()
}

/// Returns the Gram matrix over its number of elements, `G / (C · M)`.
fn gram(features: &[[f64; 4]]) -> [[f64; 4]; 4] {
    let count = (4 * features.len()) as f64;
    let mut gram = [[0.0; 4]; 4];
    for (i, row) in gram.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            *value = features.iter().map(|f| f[i] * f[j]).sum::<f64>() / count;
        }
    }
    gram
}

#[test]
fn scale_blend_and_sizes_are_those_of_the_original() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, seed: u8| {
        let path = place.path().join(name);
        std::fs::write(&path, picture(seed)).unwrap();
        path
    };
    let mut raw = RawProfile::default();
    for set in [
        "compat=lua",
        "content_layers=[\"relu1_1\"]",
        "style_layers=[\"relu1_1\"]",
        "content_weight=3",
        "style_weight=50",
        // Not part of the loss there.
        "tv_weight=7",
        "image_size=64",
        // 63.36 pixels, which the original rounds up to what the styles have.
        "style_scale=0.99",
        "style_blend_weights=[1, 3]",
        "num_iterations=1",
    ] {
        raw.set(set).unwrap();
    }
    raw.set(&format!("network={}", network(place.path())))
        .unwrap();
    raw.set(&format!("init={}", write("init.png", 3).display()))
        .unwrap();
    let task = Task {
        content: Some(write("content.png", 1)),
        styles: vec![write("a.png", 20), write("b.png", 77)],
        profile: resolve(&raw, &|_| None).unwrap(),
        roots: Roots::any(place.path()),
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
    let mut found = None;
    paint(&task, &tools(1), &mut |event| {
        if let Event::Evaluation(evaluation) = event {
            found = Some((evaluation.total, evaluation.terms.to_vec()));
        }
        Flow::Continue
    })
    .unwrap();
    let (total, terms) = found.unwrap();

    let (start, content) = (features(&picture(3)), features(&picture(1)));
    let squares = start.as_flattened().iter().zip(content.as_flattened());
    let squares: f64 = squares.map(|(f, p)| (f - p).powi(2)).sum();
    let content = 3.0 * squares / (4 * start.len()) as f64;
    let (a, b) = (gram(&features(&picture(20))), gram(&features(&picture(77))));
    let mut style = 0.0;
    for (i, row) in gram(&start).iter().enumerate() {
        for (j, g) in row.iter().enumerate() {
            style += (g - 0.25 * a[i][j] - 0.75 * b[i][j]).powi(2);
        }
    }
    let style = 50.0 * style / 16.0;
    for (name, expected) in [("content:relu1_1", content), ("style:relu1_1", style)] {
        let (_, loss) = terms.iter().find(|(term, _)| term == name).unwrap();
        let error = (f64::from(*loss) - expected).abs() / expected;
        assert!(error < 1e-5, "{name}: {loss} for {expected}");
    }
    let error = (total - content - style).abs() / total;
    assert!(error < 1e-5, "{total} for {content} and {style}");
}
