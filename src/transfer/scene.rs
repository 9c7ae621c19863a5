//! What a stage computes with: its objective and session, its optimiser, its start from noise.
//!
//! How a profile's words become those of `objective` and `optim`. Nothing here runs a loop.

use std::num::NonZeroUsize;

use super::{TransferError, noise, targets};
use crate::autodiff::Target;
use crate::engine::{Device, Session};
use crate::network::{Network, Pooling, PoolingKind};
use crate::objective::{
    Normalize, Objective, Semantics, Spec, Term, TermKind, TotalVariation, Weights,
};
use crate::optim::{AdamOptions, EpsilonPlace, LbfgsOptions, Options, Quantity};
use crate::profile::{self, Compat, OptimizerKind, Stage};
use crate::tensor::Tensor;

/// Returns how a stage pools.
pub fn pooling(stage: &Stage, compat: Option<Compat>) -> Pooling {
    Pooling {
        kind: match stage.pooling {
            profile::Pooling::Max => PoolingKind::Max,
            profile::Pooling::Average => PoolingKind::Average,
        },
        caffe_ceil: compat == Some(Compat::Lua),
    }
}

/// Returns what the objective of a stage is made of, over a picture of `width`×`height`.
pub fn spec(
    stage: &Stage,
    compat: Option<Compat>,
    (width, height): (usize, usize),
    device: Device,
) -> Spec {
    let lua = compat == Some(Compat::Lua);
    Spec {
        height,
        width,
        content_layers: stage.content_in_use().to_vec(),
        style_layers: stage.style_in_use().to_vec(),
        total_variation: stage.tv_weight > 0.0,
        pooling: pooling(stage, compat),
        semantics: Semantics {
            normalize: match (stage.normalize_gradients, lua) {
                (false, _) => Normalize::Off,
                (true, true) => Normalize::L1,
                (true, false) => Normalize::SquaredWeight,
            },
            total_variation: if lua {
                TotalVariation::SquaredGradientOnly
            } else {
                TotalVariation::Absolute
            },
        },
        target: match device {
            Device::Cpu => Target::Blocked,
            Device::Cuda(_) => Target::Plain,
        },
    }
}

pub(super) fn optimizer_options(stage: &Stage, compat: Option<Compat>) -> Options {
    match stage.optimizer {
        OptimizerKind::Lbfgs => {
            let history = usize::try_from(stage.lbfgs_num_correction).unwrap_or(usize::MAX);
            Options::Lbfgs(LbfgsOptions {
                history: NonZeroUsize::new(history).unwrap_or(LbfgsOptions::default().history),
                ..LbfgsOptions::default()
            })
        }
        OptimizerKind::Adam => Options::Adam(AdamOptions {
            learning_rate: stage.learning_rate,
            epsilon_place: match compat {
                Some(Compat::Lua) => EpsilonPlace::BeforeCorrection,
                Some(Compat::Pt) | None => EpsilonPlace::AfterCorrection,
            },
            ..AdamOptions::default()
        }),
    }
}

/// Returns the weight that a stage gives each term, in order.
pub fn weights(objective: &Objective, stage: &Stage) -> Vec<f32> {
    let weights = Weights {
        content: stage.content_weight,
        style: stage.style_weight,
        total_variation: stage.tv_weight,
    };
    objective.weights(weights, stage.normalize_weights)
}

/// Gives the session the weights of its terms.
pub(super) fn bind_weights(
    session: &mut Session,
    objective: &Objective,
    stage: &Stage,
) -> Result<(), TransferError> {
    let weights = weights(objective, stage);
    for (term, weight) in objective.terms.iter().zip(weights) {
        session.bind(&term.weight_input(), Tensor::scalar(weight))?;
    }
    Ok(())
}

/// Gives the session its targets.
pub(super) fn bind_targets(
    session: &mut Session,
    objective: &Objective,
    targets: targets::Targets,
) -> Result<(), TransferError> {
    let mut targets = targets.content.into_iter().chain(targets.style);
    for term in &objective.terms {
        if term.kind != TermKind::TotalVariation
            && let Some(target) = targets.next()
        {
            session.bind(&term.target_input(), target)?;
        }
    }
    Ok(())
}

pub(super) type NamedLoss = (String, f32);

/// Takes the gradient and the named terms out of what a run returned.
pub(super) fn split(
    results: &mut Vec<Tensor>,
    objective: &Objective,
) -> Result<(Tensor, Vec<NamedLoss>), TransferError> {
    let found = results.len();
    let expected = objective.terms.len() + 1;
    match results.pop() {
        Some(gradient) if found == expected => {
            let losses = results
                .iter()
                .map(|loss| loss.data().first().copied().unwrap_or(0.0));
            let terms = objective.terms.iter().map(Term::name);
            Ok((gradient, terms.zip(losses).collect()))
        }
        _ => Err(TransferError::Outputs { expected, found }),
    }
}

pub(super) fn not_finite(total: f64, gradient: &[f32]) -> Option<Quantity> {
    if !total.is_finite() {
        Some(Quantity::Loss)
    } else if gradient.iter().any(|g| !g.is_finite()) {
        Some(Quantity::Gradient)
    } else {
        None
    }
}

/// Returns neural-style's start from noise: N(0, 1) × 0.001 in the values that the network sees,
/// which is the network's mean colour to the eye.
pub(super) fn random(network: &Network, (width, height): (usize, usize), seed: u32) -> Tensor {
    let input = &network.manifest().input;
    let mean = input.mean_rgb();
    let plane = width * height;
    let mut data = noise::normal(u64::from(seed), 3 * plane);
    for (channel, values) in data.chunks_exact_mut(plane).enumerate() {
        let of_network = match input.order {
            crate::network::Order::Rgb => channel,
            crate::network::Order::Bgr => 2 - channel,
        };
        let step = 0.001 * input.std[of_network] * 255.0 / input.range;
        for value in values {
            *value = mean[channel] + *value * step;
        }
    }
    Tensor::new(vec![1, 3, height, width], data).expect("three planes fill the shape")
}
