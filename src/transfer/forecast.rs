//! How much memory a run will take, before it starts.
//!
//! The largest part are the values of the objective graph that are alive at the same time. They
//! are counted by walking the graph in its order, each value living from the node that makes it to
//! the last that reads it. ONNX Runtime runs nodes in an order of its own and holds copies in its
//! blocked layout for a while, so the count is multiplied by a factor that was measured
//! (`ARCHITECTURE.md`, "Speed and memory").

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use super::scene::{optimizer_options, pooling, spec};
use super::targets::{image_size, stage_size, style_size};
use super::{Inputs, Task, TransferError};
use crate::engine::Device;
use crate::network::Network;
use crate::objective::{Objective, ObjectiveError, grams};
use crate::onnx::{Graph, infer};
use crate::optim::Options;
use crate::pixels::Picture;
use crate::profile::{Compat, NetworkRef, Profile, Stage};

/// Measured peak of a whole process over what the walk counts (values alive at once).
const ORDER_FACTOR: f64 = 1.25;

/// The same where ONNX Runtime's arena is on, which grows in powers of two and so holds up to twice
/// what it was asked for.
const ARENA_FACTOR: f64 = 1.7;

/// Copies of the weights that are held: the model's, its bytes while the session is made, ONNX
/// Runtime's blocked ones for the forward and the backward pass.
const WEIGHT_COPIES: u64 = 4;

/// The process itself: library and threads.
const BASE: u64 = 120 << 20;

/// Copies of a style at its size that are held beside the graph's values.
const STYLE_COPIES: usize = 4;

/// Pictures of the stage's size that are held as f32 beside the graph's values.
const PICTURES: usize = 8;

/// Returns the bytes that a stage of this size needs at its peak, on the device that computes.
pub fn forecast(
    network: &Network,
    stage: &Stage,
    profile: &Profile,
    (width, height): (usize, usize),
    device: Device,
) -> Result<u64, ObjectiveError> {
    let spec = spec(stage, profile.compat, (width, height), device);
    let objective = Objective::build(network, &spec)?;
    let (alive, weights) = peak(&objective.model.graph);
    let factor = if objective.wants_arena {
        ARENA_FACTOR
    } else {
        ORDER_FACTOR
    };
    let computing = scaled(alive, factor) + weights * WEIGHT_COPIES;
    Ok(match device {
        Device::Cpu => {
            let variable = 3 * width * height;
            let optimizer = optimizer(stage, profile.compat);
            BASE + computing + optimizer.memory_bytes(variable) + bytes(PICTURES * variable * 4)
        }
        // Optimiser and pictures stay on the host.
        Device::Cuda(_) => computing,
    })
}

/// Returns the stage's optimiser with the history that it can fill: a pair an iteration.
pub(super) fn optimizer(stage: &Stage, compat: Option<Compat>) -> Options {
    let mut options = optimizer_options(stage, compat);
    let iterations = usize::try_from(stage.num_iterations).unwrap_or(usize::MAX);
    if let (Options::Lbfgs(lbfgs), Some(iterations), false) = (
        &mut options,
        NonZeroUsize::new(iterations),
        stage.carry_optimizer,
    ) {
        lbfgs.history = lbfgs.history.min(iterations);
    }
    options
}

/// Returns the bytes that a graph without a gradient needs at its peak.
pub(super) fn forward_bytes(graph: &Graph) -> u64 {
    let (alive, weights) = peak(graph);
    BASE + scaled(alive, ORDER_FACTOR) + weights * WEIGHT_COPIES
}

/// The bytes that a stage needs: for painting, and before that for measuring its styles.
struct Needs {
    picture: u64,
    styles: u64,
    /// Width and height of the style that needs most.
    style: (usize, usize),
}

impl Needs {
    fn most(&self) -> u64 {
        self.picture.max(self.styles)
    }
}

/// Returns the most bytes that measuring one of the styles takes, and the size of that style.
fn styles_bytes(
    network: &Network,
    stage: &Stage,
    task: &Task,
    inputs: &Inputs,
    size: usize,
) -> Result<(u64, (usize, usize)), ObjectiveError> {
    let compat = task.profile.compat;
    let mut most = (0, (0, 0));
    for style in &inputs.styles {
        let (width, height) = style_size(style, size, stage, compat);
        let layers = stage.style_in_use();
        if layers.is_empty() {
            break;
        }
        let model = grams(network, layers, (height, width), pooling(stage, compat))?;
        let resized = bytes(STYLE_COPIES * 3 * width * height * 4);
        most = most.max((forward_bytes(&model.graph) + resized, (width, height)));
    }
    Ok(most)
}

/// Returns the error for the first stage that does not fit into the memory that may be used.
pub(super) fn refuse_what_does_not_fit(
    task: &Task,
    inputs: &Inputs,
    networks: &BTreeMap<NetworkRef, Network>,
    device: Device,
) -> Result<(), TransferError> {
    let Some(available) = task.memory else {
        return Ok(());
    };
    for (index, stage) in task.profile.stages().iter().enumerate() {
        let network = &networks[&stage.network];
        let content = &inputs.content;
        let read = if device == Device::Cpu {
            inputs.bytes()
        } else {
            0
        };
        let needs = |size: usize| -> Result<Needs, ObjectiveError> {
            let picture = stage_size(content, size, task.profile.compat);
            let (styles, style) = styles_bytes(network, stage, task, inputs, size)?;
            Ok(Needs {
                picture: read + forecast(network, stage, &task.profile, picture, device)?,
                styles: read + styles,
                style,
            })
        };
        let needed = needs(image_size(stage))?;
        if needed.most() > available {
            let picture = stage_size(content, image_size(stage), task.profile.compat);
            let for_style = needed.styles > needed.picture;
            let (width, height) = if for_style { needed.style } else { picture };
            let most = |size| needs(size).map(|needs| needs.most());
            return Err(TransferError::Memory {
                stage: index + 1,
                what: if for_style { "a style at " } else { "" },
                width,
                height,
                needed: needed.most(),
                available,
                largest: largest_that_fits(available, image_size(stage), most, content),
            });
        }
    }
    Ok(())
}

/// Returns the largest size below `too_large` that fits, to a step of 16 pixels.
fn largest_that_fits(
    available: u64,
    too_large: usize,
    needs: impl Fn(usize) -> Result<u64, ObjectiveError>,
    content: &Picture,
) -> Option<usize> {
    const STEP: usize = 16;
    // Below this, the shorter side of a long picture vanishes.
    let aspect = content.width().max(content.height()) / content.width().min(content.height());
    let (mut fits, mut fails) = (0, too_large.div_ceil(STEP));
    while fails - fits > 1 {
        let middle = fits.midpoint(fails);
        // A size that the network cannot work with is no size to recommend.
        match needs(middle * STEP) {
            Ok(needed) if needed > available => fails = middle,
            Ok(_) | Err(_) => fits = middle,
        }
    }
    let size = fits * STEP;
    (size > STEP * aspect && needs(size).is_ok_and(|needed| needed <= available)).then_some(size)
}

/// Returns the most bytes of values alive at once, and the bytes of the constants.
fn peak(graph: &Graph) -> (u64, u64) {
    let Ok(shapes) = infer::infer(graph) else {
        return (0, 0);
    };
    let size = |value: &str| {
        shapes
            .get(value)
            .map_or(0, |shape| bytes(shape.iter().product::<usize>() * 4))
    };
    let mut last_use: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        for value in &node.inputs {
            last_use.insert(value, index);
        }
    }
    for output in &graph.outputs {
        last_use.insert(&output.name, graph.nodes.len());
    }
    let weights: u64 = graph.initializers.keys().map(|name| size(name)).sum();
    let mut alive: u64 = graph.inputs.iter().map(|input| size(&input.name)).sum();
    let mut most = alive;
    for (index, node) in graph.nodes.iter().enumerate() {
        alive += node.outputs.iter().map(|value| size(value)).sum::<u64>();
        most = most.max(alive);
        let mut ended: Vec<&String> = node
            .inputs
            .iter()
            .chain(&node.outputs)
            .filter(|value| {
                !graph.initializers.contains_key(*value)
                    && last_use
                        .get(value.as_str())
                        .is_none_or(|&last| last == index)
            })
            .collect();
        ended.sort();
        ended.dedup();
        alive = alive.saturating_sub(ended.into_iter().map(|value| size(value)).sum());
    }
    (most, weights)
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a forecast is good to a few per cent"
)]
fn scaled(bytes: u64, factor: f64) -> u64 {
    (bytes as f64 * factor) as u64
}
