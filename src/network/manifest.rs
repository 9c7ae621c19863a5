//! What is known about a network beside its graph: a TOML file in `models/`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A manifest, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name by which profiles refer to the network.
    pub name: String,
    /// One line on what it is.
    #[serde(default)]
    pub title: String,
    /// File of the graph (`.onnx`) or of the weights (`.safetensors`), beside the manifest.
    pub file: String,
    /// Terms under which the weights may be used.
    #[serde(default)]
    pub licence: String,
    /// SHA-256 of `file` in hexadecimal; an empty one is not checked.
    #[serde(default)]
    pub sha256: String,
    /// What the network wants as input.
    #[serde(default)]
    pub input: Input,
    /// Profile options that hold for this network where a profile does not say: a table that
    /// `profile` reads, so that there is one place which knows the keys.
    #[serde(default)]
    pub preset: toml::Table,
}

/// What a network wants as input: `(v / 255 · range − mean) / std` of a picture's value `v` in
/// 0–255, channel by channel in `order`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// Order of the channels; `mean` and `std` follow it.
    pub order: Order,
    /// Largest value of a channel before the mean is taken off, 255 or 1.
    pub range: f32,
    /// Mean of each channel.
    pub mean: [f32; 3],
    /// Divisor of each channel.
    pub std: [f32; 3],
    /// Shortest side that the network can work with, in pixels; 0 where the layers decide.
    pub minimum_size: usize,
}

impl Default for Input {
    /// The convention of Caffe's ImageNet networks, which all of neural-style's networks use.
    fn default() -> Self {
        Self {
            order: Order::Bgr,
            range: 255.0,
            mean: [103.939, 116.779, 123.68],
            std: [1.0; 3],
            minimum_size: 0,
        }
    }
}

impl Input {
    /// Returns the mean colour as a picture has it: RGB, 0–255.
    pub fn mean_rgb(&self) -> [f32; 3] {
        let mut mean = self.mean.map(|m| m * 255.0 / self.range);
        if self.order == Order::Bgr {
            mean.reverse();
        }
        mean
    }
}

/// Order of colour channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Order {
    /// Red first.
    Rgb,
    /// Blue first, as in Caffe.
    #[default]
    Bgr,
}

/// Why a manifest cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("read the manifest")]
    Toml(#[from] toml::de::Error),
    /// A number that makes no sense.
    #[error("`{key}` of the manifest is {value}, which must be above 0")]
    Number {
        /// Name of the key.
        key: &'static str,
        /// What it holds.
        value: f32,
    },
    /// A file that does not lie beside the manifest.
    #[error("`file` of the manifest is `{0}`, which must name a file beside it")]
    Path(String),
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)?;
        let positive = |key, value: f32| {
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(ManifestError::Number { key, value })
            }
        };
        positive("input.range", manifest.input.range)?;
        for std in manifest.input.std {
            positive("input.std", std)?;
        }
        if manifest.file.is_empty() || manifest.file.contains(['/', '\\', '\0']) {
            return Err(ManifestError::Path(manifest.file));
        }
        Ok(manifest)
    }
}
