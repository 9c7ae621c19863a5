//! Networks: a forward graph, what it wants as input, and the names of its layers.
//!
//! A [`Network`] comes from a manifest (`NAME.toml` with an `.onnx` or weight file beside it) or
//! from a bare weight file whose tensors bear the names of a known family. Its graph is never run
//! as it is: [`Network::forward`] lays the part that is needed into a graph under construction,
//! over a picture in RGB, 0–255.
//!
//! This is the one module of the arithmetic side that reads files, and it reads only those that it
//! is given.

mod export;
mod forward;
pub mod import;
mod layer;
pub mod layer_list;
mod load;
mod manifest;

pub use forward::{ForwardError, Pooling, PoolingKind};
pub use layer::{Layer, LayerKind, UnknownLayer};
pub use load::{NetworkError, find, is_installed, manifest};
pub use manifest::{Input, Manifest, ManifestError, Order};

use crate::onnx::Model;

/// A network ready to be used in an objective.
#[derive(Debug, Clone)]
pub struct Network {
    manifest: Manifest,
    model: Model,
    layers: Vec<Layer>,
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

    /// Returns the layer of this name; the error lists the layers and the nearest match.
    pub fn layer(&self, name: &str) -> Result<&Layer, UnknownLayer> {
        self.layers
            .iter()
            .find(|layer| layer.name == name)
            .ok_or_else(|| UnknownLayer::new(&self.manifest.name, name, &self.layers))
    }
}
