//! Caffe networks: the real files, networks that are written here, and files that are wrong.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the numbers of a test are small, and those that are copied stay what they are"
)]

mod direct;
mod geometry;
mod hostile;
mod layers;
mod networks;
mod prototxt;
mod real;
mod writer;

use pentimento::network::import::caffe::{self, CaffeError, CaffeNetwork, CaffeOptions};
use pentimento::network::layer_list::{LayerOp, LayerSpec};

/// Imports a caffemodel of these bytes.
fn import(bytes: &[u8], options: &CaffeOptions) -> Result<CaffeNetwork, CaffeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.caffemodel");
    std::fs::write(&path, bytes).unwrap();
    caffe::read(&path, options)
}

/// Imports a caffemodel with a prototxt beside it.
fn import_with(bytes: &[u8], prototxt: &str, classifier: bool) -> Result<CaffeNetwork, CaffeError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.prototxt");
    std::fs::write(&path, prototxt).unwrap();
    let options = CaffeOptions {
        prototxt: Some(path),
        classifier,
    };
    import(bytes, &options)
}

/// Everything, the classifier too.
fn all() -> CaffeOptions {
    CaffeOptions {
        prototxt: None,
        classifier: true,
    }
}

/// An error and what it stands on, in one line.
fn chain(error: &CaffeError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

fn names(network: &CaffeNetwork) -> Vec<&str> {
    network
        .layers
        .layers
        .iter()
        .map(|layer| layer.name.as_str())
        .collect()
}

fn layer<'a>(network: &'a CaffeNetwork, name: &str) -> &'a LayerSpec {
    let found = network
        .layers
        .layers
        .iter()
        .find(|layer| layer.name == name);
    found.unwrap_or_else(|| panic!("no layer {name} in {:?}", names(network)))
}

fn op<'a>(network: &'a CaffeNetwork, name: &str) -> &'a LayerOp {
    &layer(network, name).op
}

fn weights<'a>(network: &'a CaffeNetwork, name: &str) -> (&'a [usize], &'a [f32]) {
    let tensor = &network.weights[name];
    (tensor.shape(), tensor.as_f32().unwrap())
}
