//! What a stage is measured against: features of the content, Gram matrices of the styles.

use super::{Inputs, Tools, TransferError, variable_scale};
use crate::engine::SessionOptions;
use crate::network::{Network, Pooling};
use crate::objective::{IMAGE, features, grams};
use crate::onnx::Model;
use crate::pixels::{Filter, Picture, Rounding, fit_longest, resize};
use crate::profile::{Compat, Stage};
use crate::tensor::Tensor;

/// Returns how a tool makes pictures smaller and larger.
pub(super) fn input_filter(compat: Option<Compat>) -> Filter {
    match compat {
        Some(Compat::Lua) => Filter::Torch,
        Some(Compat::Pt) | None => Filter::BilinearU8,
    }
}

/// Returns width and height of the picture in a stage.
pub(super) fn stage_size(
    content: &Picture,
    image_size: usize,
    compat: Option<Compat>,
) -> (usize, usize) {
    fit_longest(
        content.width(),
        content.height(),
        image_size,
        rounding(compat),
    )
}

fn rounding(compat: Option<Compat>) -> Rounding {
    match compat {
        Some(Compat::Lua) => Rounding::LongestExact,
        Some(Compat::Pt) | None => Rounding::BothTruncated,
    }
}

/// Returns width and height of a style picture in a stage: `⌊image_size · style_scale⌋` on its
/// longest side (neural-style-pt), or `⌈…⌉` (Lua).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a size in pixels, checked by the profile"
)]
pub(super) fn style_size(
    style: &Picture,
    image_size: usize,
    stage: &Stage,
    compat: Option<Compat>,
) -> (usize, usize) {
    let exact = image_size as f64 * stage.style_scale;
    let size = match compat {
        Some(Compat::Lua) => exact.ceil(),
        Some(Compat::Pt) | None => exact.floor(),
    };
    fit_longest(
        style.width(),
        style.height(),
        (size as usize).max(1),
        rounding(compat),
    )
}

pub(super) fn image_size(stage: &Stage) -> usize {
    stage.image_size as usize
}

/// The targets of a stage, in the order of its content and style layers.
pub(super) struct Targets {
    /// Features `[1, C, h, w]` a content layer.
    pub(super) content: Vec<Tensor>,
    /// Blended Gram matrices `[C, C]` a style layer.
    pub(super) style: Vec<Tensor>,
}

/// Measures the content picture (already at the size of the stage) and the styles.
pub(super) fn measure(
    network: &Network,
    stage: &Stage,
    pooling: Pooling,
    content: &Picture,
    inputs: &Inputs,
    (tools, compat): (&Tools, Option<Compat>),
) -> Result<Targets, TransferError> {
    let run = |model: &Model, picture: &Picture| -> Result<Vec<Tensor>, TransferError> {
        let options = SessionOptions::new(tools.device, tools.threads.get());
        let mut session = tools.engine.session(model, &options)?;
        let mut image = picture.to_tensor();
        let scale = variable_scale(compat);
        image.data_mut().iter_mut().for_each(|v| *v *= scale);
        Ok(session.run(&[(IMAGE, &image)])?)
    };
    let mut targets = Targets {
        content: Vec::new(),
        style: Vec::new(),
    };
    if !stage.content_in_use().is_empty() {
        let size = (content.height(), content.width());
        let model = features(network, stage.content_in_use(), size, pooling)?;
        targets.content = run(&model, content)?;
    }
    if !stage.style_in_use().is_empty() {
        for (style, blend) in inputs.styles.iter().zip(blend(stage, inputs.styles.len())) {
            let (width, height) = style_size(style, image_size(stage), stage, compat);
            let style = resize(style, width, height, input_filter(compat));
            let model = grams(network, stage.style_in_use(), (height, width), pooling)?;
            add_scaled(&mut targets.style, run(&model, &style)?, blend);
        }
    }
    Ok(targets)
}

/// Returns the share of each style; they sum to 1.
#[allow(
    clippy::cast_possible_truncation,
    reason = "shares need no more than f32"
)]
fn blend(stage: &Stage, styles: usize) -> Vec<f32> {
    stage
        .style_shares(styles)
        .into_iter()
        .map(|share| share as f32)
        .collect()
}

fn add_scaled(sums: &mut Vec<Tensor>, parts: Vec<Tensor>, factor: f32) {
    let first = sums.is_empty();
    for (i, mut part) in parts.into_iter().enumerate() {
        part.data_mut().iter_mut().for_each(|v| *v *= factor);
        if first {
            sums.push(part);
        } else {
            for (sum, v) in sums[i].data_mut().iter_mut().zip(part.data()) {
                *sum += v;
            }
        }
    }
}
