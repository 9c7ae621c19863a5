//! A network as a standalone ONNX model over a picture, for other programs.
//!
//! The models are of standard operators (set 17) with all weights inside. What a person needs to
//! feed them is written into them: `doc_string` in words, `metadata_props` by key.

use std::collections::BTreeSet;

use super::{ForwardError, Network, Pooling};
use crate::onnx::{Builder, Model};

/// What is said of the picture that an exported model takes.
const PICTURE: &str = "f32 [1, 3, height, width], RGB, 0 to 255, as it is in the file: \
    the network's own order, range, mean and divisor are applied inside";

impl Network {
    /// Returns the names of the layers that a picture of `height`×`width` reaches, in order: those
    /// behind a classifier's flattening fit one size alone.
    pub fn layers_at(&self, (height, width): (usize, usize), pooling: Pooling) -> Vec<String> {
        let names: Vec<&str> = self.layers().iter().map(|l| l.name.as_str()).collect();
        // A layer that cannot be reached keeps those behind it from being reached.
        let mut reached = (0, names.len());
        while reached.0 < reached.1 {
            let middle = reached.0 + (reached.1 - reached.0).div_ceil(2);
            let layers = names[..middle].iter().copied().collect();
            let mut graph = Builder::new("");
            graph.input("image", &[1, 3, height, width]);
            match self.forward(&mut graph, "image", &layers, pooling) {
                Ok(()) => reached.0 = middle,
                Err(_) => reached.1 = middle - 1,
            }
        }
        names[..reached.0].iter().map(|&n| n.to_owned()).collect()
    }

    /// Returns the network as a model of its own over a picture of `height`×`width`: input `image`
    /// (RGB, 0 to 255), one output a layer of `layers`, under its name.
    pub fn standalone(
        &self,
        layers: &[String],
        (height, width): (usize, usize),
        pooling: Pooling,
    ) -> Result<Model, ForwardError> {
        let layers = &self.layer_names(layers)?;
        let mut graph = Builder::new(&self.manifest().name);
        graph.input("image", &[1, 3, height, width]);
        let wanted: BTreeSet<&str> = layers.iter().map(String::as_str).collect();
        self.forward(&mut graph, "image", &wanted, pooling)?;
        for layer in layers {
            graph.output(layer);
        }
        let mut model = Model::new(graph.finish());
        self.describe(
            &mut model,
            "The features of a picture at layers of a network",
        );
        Ok(model)
    }

    /// Writes into `model` what it is (`what`, a sentence without its full stop), which network it
    /// is of, and what picture it takes.
    pub fn describe(&self, model: &mut Model, what: &str) {
        let manifest = self.manifest();
        model.doc = format!("{what}: {}. Input `image`: {PICTURE}.", manifest.name);
        let mut note = |key: &str, value: &str| {
            if !value.is_empty() {
                model.metadata.insert(key.to_owned(), value.to_owned());
            }
        };
        note("network", &manifest.name);
        note("network_title", &manifest.title);
        note("network_licence", &manifest.licence);
        note("network_sha256", self.sha256());
        note("input_image", PICTURE);
    }
}
