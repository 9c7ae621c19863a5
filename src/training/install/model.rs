//! The trained network as a graph that a file holds: folded weights as f16, height and width open,
//! the same layers over the picture at several scales.
//!
//! The first scale is the picture as it is, and its layers have the names of the plan; each further
//! one is half as large as the one before, by the mean of 2×2 pixels, and its layers have a prefix
//! ([`in_scale`]). All scales share the weights, so that a file is hardly larger for them, while the
//! last layers see structures twice and four times as large.

use std::sync::Arc;

use half::f16;

use super::super::Task;
use super::super::error::TrainingError;
use super::super::graph::{append_activation, append_convolution, append_pool};
use super::super::parameters::{bias, weight};
use super::super::plan::{Kind, Plan, PoolKind};
use super::Folded;
use crate::network::layer_list::{Pair, WindowSpec};
use crate::onnx::{Builder, Constant, Data, Dim, InferError, Model};

/// Name of the graph's input.
pub(super) const INPUT: &str = "input";

/// What the scales are called, the picture's own first.
const SCALES: [&str; super::super::MOST_SCALES] = ["", "half", "quarter", "eighth"];

/// Returns the name of a layer in a scale: `half.relu1_1` is `relu1_1` in the second.
pub(super) fn in_scale(scale: usize, layer: &str) -> String {
    match SCALES[scale] {
        "" => layer.to_owned(),
        prefix => format!("{prefix}.{layer}"),
    }
}

/// Returns the network as a file holds it.
pub(super) fn export(task: &Task, plan: &Plan, folded: &[Folded]) -> Result<Model, TrainingError> {
    if let Some(convolution) = folded
        .iter()
        .find(|f| !fits(f.kernel.data()) || !fits(&f.bias))
    {
        return Err(TrainingError::Overflow(convolution.layer.clone()));
    }
    // As large as the last layers need in the smallest scale; the file leaves it open.
    let side = task.crop << (task.scales - 1);
    let mut graph = Builder::new(&task.name);
    graph.input(INPUT, &[1, 3, side, side]);
    let lasts = layers(&mut graph, plan, folded, task.scales)
        .map_err(|source| TrainingError::layers(task.crop)(source.into()))?;
    for last in &lasts {
        graph.output(last);
    }
    let mut graph = graph.finish();
    for info in &mut graph.inputs {
        for (dim, name) in info.shape[2..].iter_mut().zip(["height", "width"]) {
            *dim = Dim::Named(name.to_owned());
        }
    }
    // What comes out is smaller than what goes in, by rules of its own.
    for info in &mut graph.outputs {
        for dim in &mut info.shape[2..] {
            *dim = Dim::Unknown;
        }
    }
    Ok(Model::new(graph))
}

fn fits(values: &[f32]) -> bool {
    values.iter().all(|&value| f16::from_f32(value).is_finite())
}

/// Appends the weights and, for each scale, the layers; returns the last value of each scale.
fn layers(
    graph: &mut Builder,
    plan: &Plan,
    folded: &[Folded],
    scales: usize,
) -> Result<Vec<String>, InferError> {
    for convolution in folded {
        let shape = convolution.kernel.shape();
        halves(
            graph,
            &weight(&convolution.layer),
            shape,
            convolution.kernel.data(),
        )?;
        halves(
            graph,
            &bias(&convolution.layer),
            &shape[..1],
            &convolution.bias,
        )?;
    }
    let mut lasts = Vec::new();
    let mut picture = INPUT.to_owned();
    for (scale, &name) in SCALES.iter().enumerate().take(scales) {
        if scale > 0 {
            append_halving(graph, &picture, name)?;
            name.clone_into(&mut picture);
        }
        lasts.push(append(graph, plan, scale, &picture, None)?);
    }
    Ok(lasts)
}

/// Appends a tensor that is stored as f16 and computed with as f32.
fn halves(
    graph: &mut Builder,
    name: &str,
    shape: &[usize],
    values: &[f32],
) -> Result<(), InferError> {
    let halves = values.iter().map(|&value| f16::from_f32(value)).collect();
    let constant = Constant::new(shape.to_vec(), Data::F16(Arc::new(halves)))
        .expect("a tensor fills its shape");
    let stored = format!("{name}.f16");
    graph.named_constant(&stored, constant);
    graph.named_node("Cast", &[&stored], name, [("to", 1.into())])
}

/// Appends the mean of 2×2 pixels as a convolution: unlike a pooling, it stays what it is when a
/// profile chooses another `pooling`.
fn append_halving(graph: &mut Builder, picture: &str, name: &str) -> Result<(), InferError> {
    let kernel = format!("{name}.weight");
    let quarters = Constant::f32s(vec![3, 1, 2, 2], vec![0.25; 12]);
    graph.named_constant(&kernel, quarters.expect("twelve weights"));
    let window = WindowSpec {
        kernel: Pair::both(2),
        stride: Pair::both(2),
        pad: Pair::both(0),
        dilation: Pair::both(1),
    };
    append_convolution(graph, &[picture.to_owned(), kernel], name, &window, 3)
}

/// Appends the layers of a plan over a picture and returns the name of the last value. The weights
/// are values of the graph already; a `pooling` takes the place of the plan's own.
pub(super) fn append(
    graph: &mut Builder,
    plan: &Plan,
    scale: usize,
    picture: &str,
    pooling: Option<PoolKind>,
) -> Result<String, InferError> {
    let mut value = picture.to_owned();
    for layer in &plan.layers {
        let name = in_scale(scale, &layer.name);
        match layer.kind {
            Kind::Conv { window, groups, .. } => {
                let inputs = [value, weight(&layer.name), bias(&layer.name)];
                append_convolution(graph, &inputs, &name, &window, groups)?;
            }
            Kind::Activation { slope } => append_activation(graph, &value, &name, slope)?,
            Kind::Pool { window, ceil, over } => {
                let (over, ceil) = match pooling {
                    Some(pooling) => (pooling, false),
                    None => (over, ceil),
                };
                append_pool(graph, &value, &name, &window, ceil, over)?;
            }
            Kind::Dropout { .. } => continue,
        }
        value = name;
    }
    Ok(value)
}
