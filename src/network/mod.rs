//! Networks: a forward graph, what it wants as input, and the names of its layers.
//!
//! A [`Network`] comes from a manifest (`NAME.toml` with an `.onnx` or weight file beside it) or
//! from a bare weight file whose tensors bear the names of a known family. Its graph is never run
//! as it is: [`Network::forward`] lays the part that is needed into a graph under construction,
//! over a picture in RGB, 0–255.
//!
//! This is the one module of the arithmetic side that reads files, and it reads only those that it
//! is given.

mod aliases;
pub mod catalogue;
mod export;
mod forward;
mod geometry;
pub mod import;
mod layer;
pub mod layer_list;
mod load;
mod manifest;
mod source;

pub use forward::{ForwardError, Pooling, PoolingKind};
pub use geometry::LayerGeometry;
pub use layer::{Layer, LayerKind, UnknownLayer};
pub use load::{NetworkError, file_size, find, is_installed, known, manifest, weights};
pub use manifest::{Coverage, Input, Manifest, ManifestError, Order};
pub use source::{Checksum, Source, SourceError};

use std::collections::BTreeMap;

use crate::onnx::Model;

/// A network ready to be used in an objective.
#[derive(Debug, Clone)]
pub struct Network {
    manifest: Manifest,
    model: Model,
    layers: Vec<Layer>,
    aliases: BTreeMap<String, String>,
    sha256: String,
}

impl Network {
    /// Returns what is known about the network beside its graph.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the layers that may carry a loss, in network order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Returns the SHA-256 of the file of weights, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Returns the other names that layers may be called by, each with the layer's name.
    pub fn aliases(&self) -> &BTreeMap<String, String> {
        &self.aliases
    }

    /// Returns the layer of this name or alias; the error lists the layers and the nearest match.
    pub fn layer(&self, name: &str) -> Result<&Layer, UnknownLayer> {
        let named = |name: &str| self.layers.iter().find(|layer| layer.name == name);
        named(name)
            .or_else(|| named(self.aliases.get(name)?))
            .ok_or_else(|| UnknownLayer::new(self, name))
    }

    /// Returns the names of the layers that `names` (which may be aliases) mean, each once, in the
    /// order given.
    pub fn layer_names(&self, names: &[String]) -> Result<Vec<String>, UnknownLayer> {
        let mut found: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            let layer = &self.layer(name)?.name;
            if !found.contains(layer) {
                found.push(layer.clone());
            }
        }
        Ok(found)
    }

    /// Sets what is done about pixels that no window would see, whatever the manifest says.
    pub fn set_coverage(&mut self, coverage: Coverage) {
        self.manifest.coverage = coverage;
    }
}
