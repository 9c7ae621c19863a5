//! What is known about a network beside its graph: a TOML file in `models/`.
//!
//! A manifest that was read makes sense: every number is in range, every address and checksum is
//! written as one, and nothing in it is unknown. Whether the weights are there is not asked here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::source::{Source, SourceError};

/// A manifest, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name by which profiles refer to the network.
    pub name: String,
    /// One line on what it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// File of the graph (`.onnx`) or of the weights (`.safetensors`), beside the manifest.
    pub file: String,
    /// Terms under which the weights may be used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licence: String,
    /// What a person should know before choosing it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// SHA-256 of `file` in hexadecimal; an empty one is not checked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    /// What is done about pixels that no window of the network would see.
    #[serde(default, skip_serializing_if = "Coverage::is_exact")]
    pub coverage: Coverage,
    /// What the network wants as input.
    #[serde(default)]
    pub input: Input,
    /// Where the weights are published, the preferred place first.
    #[serde(default, rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Other names of layers: alias to name. See [`super::Network::layer`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// What to tell somebody who asks for a layer by a name that is none, by that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, String>,
    /// Profile options that hold for this network where a profile does not say: a table that
    /// `profile` reads, so that there is one place which knows the keys.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub preset: toml::Table,
}

/// What is done about pixels at the right and bottom border that no window would see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Nothing: the network sees what its windows see.
    #[default]
    Exact,
    /// The picture is continued at the right and bottom until the last pixel is seen.
    Pad,
}

impl Coverage {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "that is how serde asks")]
    fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
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

    fn check(&self) -> Result<(), ManifestError> {
        let positive = |key, value: f32| {
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(ManifestError::Number { key, value })
            }
        };
        positive("input.range", self.range)?;
        for std in self.std {
            positive("input.std", std)?;
        }
        match self.mean.iter().find(|mean| !mean.is_finite()) {
            Some(&value) => Err(ManifestError::Infinite {
                key: "input.mean",
                value,
            }),
            None => Ok(()),
        }
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
    /// Not TOML, or a value of the wrong kind.
    #[error("read the manifest")]
    Toml(#[from] toml::de::Error),
    /// A key that means nothing.
    #[error("`{key}` is no key of a manifest{}; known are {}", did_you_mean(.nearest.as_deref()), .known.join(", "))]
    Key {
        /// The key, with the table it stands in.
        key: String,
        /// The key most like it, if one is like it at all.
        nearest: Option<String>,
        /// The keys that may stand there.
        known: Vec<String>,
    },
    /// A number that makes no sense.
    #[error("`{key}` of the manifest is {value}, which must be above 0")]
    Number {
        /// Name of the key.
        key: &'static str,
        /// What it holds.
        value: f32,
    },
    /// A number that is none.
    #[error("`{key}` of the manifest holds {value}, which is no number to subtract")]
    Infinite {
        /// Name of the key.
        key: &'static str,
        /// What it holds.
        value: f32,
    },
    /// A file that does not lie beside the manifest.
    #[error("`file` of the manifest is `{0}`, which must name a file beside it")]
    Path(String),
    /// A place of the weights that cannot be used.
    #[error("source {number} of the manifest")]
    Source {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: SourceError,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!(" (did you mean `{name}`?)"))
        .unwrap_or_default()
}

/// The keys of a manifest, of its `[input]` and of a `[[source]]`.
const KEYS: [&str; 12] = [
    "name", "title", "file", "licence", "notes", "sha256", "coverage", "input", "source",
    "aliases", "hints", "preset",
];
const INPUT_KEYS: [&str; 5] = ["order", "range", "mean", "std", "minimum_size"];
const SOURCE_KEYS: [&str; 7] = [
    "urls",
    "size",
    "sha256",
    "sha256_prefix",
    "md5",
    "member",
    "layers",
];

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let table: toml::Table = text.parse()?;
        check_keys("", &table, &KEYS)?;
        if let Some(toml::Value::Table(input)) = table.get("input") {
            check_keys("input.", input, &INPUT_KEYS)?;
        }
        if let Some(toml::Value::Array(sources)) = table.get("source") {
            for source in sources.iter().filter_map(toml::Value::as_table) {
                check_keys("source.", source, &SOURCE_KEYS)?;
            }
        }
        let manifest: Self = toml::from_str(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        self.input.check()?;
        if self.file.is_empty() || self.file.contains(['/', '\\', '\0']) || self.file == ".." {
            return Err(ManifestError::Path(self.file.clone()));
        }
        for (index, source) in self.sources.iter().enumerate() {
            source.check().map_err(|source| ManifestError::Source {
                number: index + 1,
                source,
            })?;
        }
        Ok(())
    }
}

fn check_keys(place: &str, table: &toml::Table, known: &[&str]) -> Result<(), ManifestError> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(known, key), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| (*known).to_owned());
    Err(ManifestError::Key {
        key: format!("{place}{key}"),
        nearest,
        known: known.iter().map(|&known| known.to_owned()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name = \"x\"\nfile = \"x.onnx\"\n";

    fn refusal(more: &str) -> String {
        let error = Manifest::parse(&format!("{SMALL}{more}")).unwrap_err();
        let source = std::error::Error::source(&error).map(|s| format!(": {s}"));
        format!("{error}{}", source.unwrap_or_default())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = format!(
            "{SMALL}coverage = \"pad\"\n[input]\nrange = 1.0\n[[source]]\nurls = \
             [\"https://a.example/x.pth\"]\nsize = 5\nsha256_prefix = \"0123abcd\"\n[aliases]\na = \"b\"\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        assert_eq!(manifest.coverage, Coverage::Pad);
        let written = toml::to_string(&manifest).unwrap();
        assert_eq!(Manifest::parse(&written).unwrap(), manifest);
    }

    #[test]
    fn unknown_keys_are_named_with_the_nearest() {
        let said = refusal("licens = \"MIT\"\n");
        assert!(
            said.contains("`licens`") && said.contains("`licence`"),
            "{said}"
        );
        let said = refusal("[input]\nmeen = [0, 0, 0]\n");
        assert!(
            said.contains("`input.meen`") && said.contains("`mean`"),
            "{said}"
        );
        let said = refusal("[[source]]\nurl = \"https://a.example\"\n");
        assert!(
            said.contains("`source.url`") && said.contains("`urls`"),
            "{said}"
        );
    }

    #[test]
    fn numbers_and_files_that_make_no_sense_are_refused() {
        assert!(refusal("[input]\nrange = 0.0\n").contains("input.range"));
        assert!(refusal("[input]\nmean = [nan, 0.0, 0.0]\n").contains("input.mean"));
        let elsewhere = Manifest::parse("name = \"x\"\nfile = \"../x.onnx\"\n").unwrap_err();
        assert!(elsewhere.to_string().contains("../x.onnx"));
    }
}
