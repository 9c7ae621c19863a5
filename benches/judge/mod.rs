//! How far a painted picture is from its style and its content, by a network that judges.
//!
//! Style: the geometric mean over layers of ‖G(result) − A‖² / ‖G(content) − A‖², where G is a
//! Gram matrix per position and A that of the style; 1 is no style at all, 0 the style itself.
//! Content: the squared difference of features at one layer over their power in the content.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use pentimento::engine::{Engine, SessionOptions};
use pentimento::network::{Network, Pooling, PoolingKind};
use pentimento::objective::{IMAGE, features, grams};
use pentimento::onnx::Model;
use pentimento::pixels::Picture;
use pentimento::tensor::Tensor;

/// A judge looks with max-pooling, as its network was trained.
const POOLING: Pooling = Pooling {
    kind: PoolingKind::Max,
    caffe_ceil: false,
};

/// A network that judges.
pub(crate) struct Judge {
    /// What it is called in the table.
    pub(crate) title: &'static str,
    network: Network,
    style_layers: Vec<String>,
    content_layer: Option<String>,
    /// Gram matrices of pictures that are looked at more than once, by name.
    known: BTreeMap<String, Vec<Tensor>>,
}

/// What a judge says of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// Distance to the style.
    pub(crate) style: f64,
    /// The distances of the single layers, whose geometric mean it is.
    pub(crate) layers: Vec<(String, f64)>,
    /// Distance to the content, where the judge measures it.
    pub(crate) content: Option<f64>,
}

impl Judge {
    /// Returns VGG-19 as a judge.
    pub(crate) fn vgg19(network: Network) -> Self {
        let layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"];
        Self::new("VGG-19", network, &layers, Some("relu4_2"))
    }

    /// Returns SqueezeNet 1.1 as a judge, of style alone.
    pub(crate) fn squeezenet(network: Network) -> Self {
        let layers = [
            "relu_conv1",
            "fire2/concat",
            "fire4/concat",
            "fire6/concat",
            "fire8/concat",
        ];
        Self::new("SqueezeNet 1.1", network, &layers, None)
    }

    fn new(title: &'static str, network: Network, style: &[&str], content: Option<&str>) -> Self {
        Self {
            title,
            network,
            style_layers: style.iter().map(|&layer| layer.to_owned()).collect(),
            content_layer: content.map(str::to_owned),
            known: BTreeMap::new(),
        }
    }

    /// Judges `result` against the pictures that it was painted from, each with its name.
    pub(crate) fn judge(
        &mut self,
        engine: &Engine,
        options: &SessionOptions,
        result: &Picture,
        content: (&str, &Picture),
        style: (&str, &Picture),
    ) -> anyhow::Result<Verdict> {
        for (name, picture) in [content, style] {
            if !self.known.contains_key(name) {
                let grams = self.grams(engine, options, picture)?;
                self.known.insert(name.to_owned(), grams);
            }
        }
        let painted = self.grams(engine, options, result)?;
        let before = &self.known[content.0];
        let target = &self.known[style.0];
        let mut logarithms = 0.0;
        let mut layers = Vec::new();
        let grams = painted.iter().zip(before).zip(target);
        for (name, ((painted, before), target)) in self.style_layers.iter().zip(grams) {
            let ratio = apart(painted, target) / apart(before, target);
            ensure!(
                ratio.is_finite(),
                "{} and {} have the same style",
                content.0,
                style.0
            );
            logarithms += ratio.ln();
            layers.push((name.clone(), ratio));
        }
        let count = f64::from(u32::try_from(painted.len()).context("a handful of layers")?);
        let content = match &self.content_layer {
            Some(layer) => {
                let kept = self.features(engine, options, content.1, layer)?;
                let now = self.features(engine, options, result, layer)?;
                let power: f64 = kept.data().iter().map(|&v| f64::from(v).powi(2)).sum();
                Some(apart(&now, &kept) / power)
            }
            None => None,
        };
        Ok(Verdict {
            style: (logarithms / count).exp(),
            layers,
            content,
        })
    }

    fn grams(
        &self,
        engine: &Engine,
        options: &SessionOptions,
        picture: &Picture,
    ) -> anyhow::Result<Vec<Tensor>> {
        let size = (picture.height(), picture.width());
        let model = grams(&self.network, &self.style_layers, size, POOLING)?;
        run(engine, options, &model, picture)
    }

    fn features(
        &self,
        engine: &Engine,
        options: &SessionOptions,
        picture: &Picture,
        layer: &str,
    ) -> anyhow::Result<Tensor> {
        let size = (picture.height(), picture.width());
        let model = features(&self.network, &[layer.to_owned()], size, POOLING)?;
        let mut values = run(engine, options, &model, picture)?;
        values.pop().context("the graph has one output")
    }
}

fn run(
    engine: &Engine,
    options: &SessionOptions,
    model: &Model,
    picture: &Picture,
) -> anyhow::Result<Vec<Tensor>> {
    let mut session = engine.session(model, options)?;
    Ok(session.run(&[(IMAGE, &picture.to_tensor())])?)
}

/// Returns the squared distance of two tensors.
fn apart(a: &Tensor, b: &Tensor) -> f64 {
    let pairs = a.data().iter().zip(b.data());
    pairs
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum()
}
