//! One evaluation of the objective (losses and gradient), ready to be timed.
//!
//! The layers are those of the network's own preset, neural-style's where it has none; total
//! variation is part of it. Targets are noise of the right shape and all weights are 1: what an
//! evaluation costs does not depend on the values.

mod engine;

use anyhow::Context as _;
use pentimento::autodiff::Target;
use pentimento::engine::{Device, Engine, Session, SessionOptions};
use pentimento::network::{Network, Pooling, PoolingKind};
use pentimento::objective::{IMAGE, Normalize, Objective, Semantics, Spec, TotalVariation};
use pentimento::tensor::Tensor;

pub(crate) use self::engine::{engine, network};

/// An objective with everything bound but the picture.
pub(crate) struct Evaluation {
    /// The graph on its device.
    pub(crate) session: Session,
    picture: Tensor,
}

impl Evaluation {
    /// Makes an evaluation of `network` on a picture of `height`×`width`.
    pub(crate) fn prepare(
        engine: &Engine,
        network: &Network,
        (height, width): (usize, usize),
        pooling: PoolingKind,
        options: &SessionOptions,
    ) -> anyhow::Result<Self> {
        let spec = Spec {
            height,
            width,
            content_layers: layers(network, "content_layers", &["relu4_2"]),
            style_layers: layers(
                network,
                "style_layers",
                &["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"],
            ),
            total_variation: true,
            pooling: Pooling {
                kind: pooling,
                caffe_ceil: false,
            },
            semantics: Semantics {
                normalize: Normalize::Off,
                total_variation: TotalVariation::Absolute,
            },
            target: match options.device {
                Device::Cpu => Target::Blocked,
                Device::Cuda(_) => Target::Plain,
            },
        };
        let objective = Objective::build(network, &spec)?;
        let options = SessionOptions {
            arena: objective.wants_arena,
            ..options.clone()
        };
        let mut session = engine.session(&objective.model, &options)?;
        for (term, seed) in objective.terms.iter().zip(1..) {
            session.bind(&term.weight_input(), Tensor::scalar(1.0))?;
            if !term.target_shape.is_empty() {
                session.bind(&term.target_input(), noise(&term.target_shape, 1.0, seed)?)?;
            }
        }
        let picture = noise(&[1, 3, height, width], 255.0, 0)?;
        Ok(Self { session, picture })
    }

    /// Evaluates once.
    pub(crate) fn run(&mut self) -> anyhow::Result<Vec<Tensor>> {
        Ok(self.session.run(&[(IMAGE, &self.picture)])?)
    }
}

/// Returns the layers that the network's preset names under `key`.
fn layers(network: &Network, key: &str, otherwise: &[&str]) -> Vec<String> {
    let preset = network.manifest().preset.get(key);
    match preset.and_then(|value| value.as_array()) {
        Some(names) => names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        None => otherwise.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// Returns values spread evenly between 0 and `most`, the same ones for the same seed.
fn noise(shape: &[usize], most: f32, seed: u64) -> anyhow::Result<Tensor> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let [high, low, ..] = state.to_be_bytes();
        f32::from(u16::from_be_bytes([high, low])) / f32::from(u16::MAX) * most
    };
    let data = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::new(shape.to_vec(), data).context("the values fill the shape")
}
