//! The losses of neural-style by their definitions, in `f64`, over the tiny network.

use pentimento::network::{Pooling, PoolingKind};
use pentimento::objective::{Normalize, Semantics, Term, TermKind, TotalVariation};

pub const CHANNELS: usize = 4;

pub const KERNEL: [[f32; 3]; CHANNELS] = [
    [0.21, -0.34, 0.17],
    [-0.4, 0.15, 0.33],
    [0.12, 0.25, -0.31],
    [0.3, 0.2, 0.1],
];

pub const BIAS: [f32; CHANNELS] = [1.5, -7.25, 3.0, -40.0];

pub struct Reference {
    size: (usize, usize),
    semantics: Semantics,
    picture: Vec<f64>,
    conv: Vec<f64>,
    relu: Vec<f64>,
    pool: Vec<f64>,
    /// For each element of `pool`, which elements of `relu` enter it and with what share.
    shares: Vec<Vec<(usize, f64)>>,
}

impl Reference {
    pub fn new(
        picture: &[f64],
        size: (usize, usize),
        pooling: Pooling,
        semantics: Semantics,
    ) -> Self {
        let positions = size.0 * size.1;
        let mut conv = Vec::new();
        for (kernel, bias) in KERNEL.iter().zip(BIAS) {
            for at in 0..positions {
                let products = (0..3).map(|c| f64::from(kernel[c]) * picture[c * positions + at]);
                conv.push(products.sum::<f64>() + f64::from(bias));
            }
        }
        let relu: Vec<f64> = conv.iter().map(|v| v.max(0.0)).collect();
        let shares = shares(&relu, size, pooling);
        let pooled = |shares: &Vec<(usize, f64)>| shares.iter().map(|&(at, s)| relu[at] * s).sum();
        Self {
            size,
            semantics,
            picture: picture.to_vec(),
            pool: shares.iter().map(pooled).collect(),
            conv,
            relu,
            shares,
        }
    }

    pub fn features(&self, layer: &str) -> &[f64] {
        match layer {
            "conv1_1" => &self.conv,
            "relu1_1" => &self.relu,
            "pool1" => &self.pool,
            other => panic!("no layer {other}"),
        }
    }

    /// `G/(C·M)`.
    pub fn gram(&self, layer: &str) -> Vec<f64> {
        let features = self.features(layer);
        let rows: Vec<&[f64]> = features.chunks(features.len() / CHANNELS).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        rows.iter()
            .flat_map(|a| rows.iter().map(|b| dot(a, b) / features.len() as f64))
            .collect()
    }

    /// Returns the reported value of a term and what it adds to the gradient.
    pub fn term(&self, term: &Term, target: &[f64], weight: f64) -> (f64, Vec<f64>) {
        let (value, gradient) = match term.kind {
            TermKind::Content => content(self.features(&term.layer), target),
            TermKind::Style => style(self.features(&term.layer), &self.gram(&term.layer), target),
            TermKind::TotalVariation => {
                let (value, gradient) = match self.semantics.total_variation {
                    TotalVariation::Absolute => self.absolute(),
                    TotalVariation::SquaredGradientOnly => (0.0, self.squared()),
                };
                let gradient = gradient.into_iter().map(|g| g * weight).collect();
                return (value * weight, gradient);
            }
        };
        let size: f64 = gradient.iter().map(|g| g.abs()).sum();
        let factor = match self.semantics.normalize {
            Normalize::Off => weight,
            Normalize::SquaredWeight => weight * weight,
            Normalize::L1 => weight / (size + 1e-8),
        };
        let gradient = gradient.into_iter().map(|g| g * factor).collect();
        (value * weight, self.to_picture(&term.layer, gradient))
    }

    /// Takes a gradient at a layer back to the picture.
    fn to_picture(&self, layer: &str, mut gradient: Vec<f64>) -> Vec<f64> {
        if layer == "pool1" {
            let mut below = vec![0.0; self.relu.len()];
            for (shares, g) in self.shares.iter().zip(gradient) {
                for &(at, share) in shares {
                    below[at] += share * g;
                }
            }
            gradient = below;
        }
        if layer != "conv1_1" {
            for (g, &value) in gradient.iter_mut().zip(&self.conv) {
                assert!(value.abs() > 1e-2, "the picture is too near the kink");
                if value < 0.0 {
                    *g = 0.0;
                }
            }
        }
        let positions = self.size.0 * self.size.1;
        (0..3 * positions)
            .map(|i| {
                let (channel, at) = (i / positions, i % positions);
                (0..CHANNELS)
                    .map(|o| f64::from(KERNEL[o][channel]) * gradient[o * positions + at])
                    .sum()
            })
            .collect()
    }

    /// neural-style-pt: value and gradient of the sum of absolute differences.
    fn absolute(&self) -> (f64, Vec<f64>) {
        let (height, width) = self.size;
        let mut value = 0.0;
        let mut gradient = vec![0.0; self.picture.len()];
        let mut pair = |a: usize, b: usize| {
            let difference = self.picture[a] - self.picture[b];
            assert!(difference.abs() > 1e-2, "the picture is too near the kink");
            value += difference.abs();
            gradient[a] += difference.signum();
            gradient[b] -= difference.signum();
        };
        for plane in 0..3 {
            for row in 0..height {
                for column in 0..width {
                    let at = (plane * height + row) * width + column;
                    if row + 1 < height {
                        pair(at + width, at);
                    }
                    if column + 1 < width {
                        pair(at + 1, at);
                    }
                }
            }
        }
        (value, gradient)
    }

    /// neural-style's `TVLoss:updateGradInput`, over the corner of (H−1)×(W−1).
    fn squared(&self) -> Vec<f64> {
        let (height, width) = self.size;
        let mut gradient = vec![0.0; self.picture.len()];
        for plane in 0..3 {
            for row in 0..height - 1 {
                for column in 0..width - 1 {
                    let at = (plane * height + row) * width + column;
                    let right = self.picture[at] - self.picture[at + 1];
                    let down = self.picture[at] - self.picture[at + width];
                    gradient[at] += right + down;
                    gradient[at + 1] -= right;
                    gradient[at + width] -= down;
                }
            }
        }
        gradient
    }
}

/// `1/(C·M) Σ(F−P)²` and `2/(C·M)(F−P)`.
fn content(features: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    assert_eq!(features.len(), target.len());
    let count = features.len() as f64;
    let differences: Vec<f64> = features.iter().zip(target).map(|(f, p)| f - p).collect();
    let value = differences.iter().map(|d| d * d).sum::<f64>() / count;
    (value, differences.iter().map(|d| 2.0 * d / count).collect())
}

/// `1/C² Σ(G/(C·M)−A)²` and `4/(C²·C·M)(G/(C·M)−A)·F`.
fn style(features: &[f64], gram: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    assert_eq!(gram.len(), target.len());
    let entries = (CHANNELS * CHANNELS) as f64;
    let count = features.len() as f64;
    let positions = features.len() / CHANNELS;
    let differences: Vec<f64> = gram.iter().zip(target).map(|(g, a)| g - a).collect();
    let value = differences.iter().map(|d| d * d).sum::<f64>() / entries;
    let gradient = (0..features.len())
        .map(|i| {
            let (row, at) = (i / positions, i % positions);
            let products = (0..CHANNELS)
                .map(|k| differences[row * CHANNELS + k] * features[k * positions + at]);
            4.0 / (entries * count) * products.sum::<f64>()
        })
        .collect();
    (value, gradient)
}

/// Returns what enters each window of 2×2.
fn shares(
    relu: &[f64],
    (height, width): (usize, usize),
    pooling: Pooling,
) -> Vec<Vec<(usize, f64)>> {
    let up = pooling.caffe_ceil && pooling.kind == PoolingKind::Max;
    let extent = |d: usize| if up { d.div_ceil(2) } else { d / 2 };
    let mut all = Vec::new();
    for channel in 0..CHANNELS {
        for row in 0..extent(height) {
            for column in 0..extent(width) {
                let inside: Vec<usize> = [(0, 0), (0, 1), (1, 0), (1, 1)]
                    .into_iter()
                    .map(|(down, right)| (2 * row + down, 2 * column + right))
                    .filter(|&(y, x)| y < height && x < width)
                    .map(|(y, x)| (channel * height + y) * width + x)
                    .collect();
                all.push(match pooling.kind {
                    PoolingKind::Average => inside.iter().map(|&at| (at, 0.25)).collect(),
                    PoolingKind::Max => {
                        let largest = inside.iter().max_by(|a, b| relu[**a].total_cmp(&relu[**b]));
                        vec![(*largest.unwrap(), 1.0)]
                    }
                });
            }
        }
    }
    all
}
