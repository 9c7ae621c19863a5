//! From learned tensors to an installed network: folded, rescaled, written, read back.
//!
//! Folding a normalisation into its convolution and rescaling the layers of a chain of
//! convolutions, activations and poolings change nothing that the network computes, up to a factor
//! for each layer. The factors are chosen as for the built-in network, so that the weights people
//! know from VGG-19 mean the same here.

mod model;

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use self::model::{INPUT, append, export, in_scale};
use super::checkpoint::write_whole;
use super::error::TrainingError;
use super::graph;
use super::parameters::{Parameters, bias, scale, shift, weight};
use super::plan::{Kind, Plan, PoolKind};
use super::step::options;
use super::{Task, Tools};
use crate::network::{self, Input, Manifest, Order};
use crate::onnx::{self, Builder, Constant, Model};
use crate::tensor::Tensor;

/// Pictures on which the layers are weighed.
const SAMPLE: usize = 8;

/// The usual weights, for which the network is rescaled.
const CONTENT_WEIGHT: f64 = 5.0;
const STYLE_WEIGHT: f64 = 100.0;

/// Content loss of a picture without any content, as a share of the style loss of one layer of a
/// picture without any style: a balance that was found to paint well with the built-in network.
const CONTENT_SHARE: f64 = 0.05;

/// What is told of the training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Facts {
    /// Steps made.
    pub(super) step: u64,
    /// Share of held-out crops told apart.
    pub(super) accuracy: Option<f64>,
}

/// A convolution without its normalisation: kernel and bias.
#[derive(Debug, Clone, PartialEq)]
struct Folded {
    layer: String,
    kernel: Tensor,
    bias: Vec<f32>,
}

/// Writes the network and its manifest, reads them back, and returns the manifest's file.
///
/// `sample` are crops as training sees them (`[N, 3, H, W]`, RGB, 0–255).
pub(super) fn install(
    task: &Task,
    plan: &Plan,
    parameters: &Parameters,
    sample: &Tensor,
    tools: &Tools<'_>,
    facts: Facts,
) -> Result<PathBuf, TrainingError> {
    let mut folded = fold(plan, parameters);
    let preset = Preset::of(plan, task.scales);
    let answers = answers(task, plan, &folded, sample, tools)?;
    rescale(plan, &mut folded, &answers, &preset)?;
    let mut model = export(task, plan, &folded)?;
    model.metadata.extend([
        ("command".to_owned(), task.command.clone()),
        ("data".to_owned(), task.summary.clone()),
        ("seed".to_owned(), task.seed.to_string()),
        ("steps".to_owned(), facts.step.to_string()),
    ]);
    let bytes = onnx::write(&model);
    let file = format!("{}.onnx", task.name);
    let manifest = Manifest {
        name: task.name.clone(),
        title: format!("trained on {}", task.summary),
        file: file.clone(),
        sha256: hex(&Sha256::digest(&bytes)),
        input: Input {
            order: Order::Rgb,
            range: 1.0,
            mean: [0.5; 3],
            std: [0.25; 3],
            minimum_size: minimum_size(plan, task.crop, task.scales),
        },
        preset: preset.table(),
        ..Manifest::default()
    };
    let graph_path = task.models.join(file);
    let path = task.models.join(format!("{}.toml", task.name));
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |source| TrainingError::Write { path, source }
    };
    fs::create_dir_all(&task.models).map_err(failed(&task.models))?;
    write_whole(&graph_path, &bytes).map_err(failed(&graph_path))?;
    write_whole(&path, text(task, &manifest, facts).as_bytes()).map_err(failed(&path))?;
    network::find(&path.to_string_lossy(), &[])
        .map_err(|source| TrainingError::Installed(Box::new(source)))?;
    Ok(path)
}

/// Returns the manifest as it is written, with what is told of the training in front.
fn text(task: &Task, manifest: &Manifest, facts: Facts) -> String {
    // A line break in a name must not end the comment.
    let line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    let accuracy = facts.accuracy.map_or_else(String::new, |accuracy| {
        format!(", {:.1} % of held-out crops told apart", 100.0 * accuracy)
    });
    let body = toml::to_string(manifest).expect("a manifest has nothing that TOML cannot hold");
    format!(
        "# Trained by Pentimento: {}\n# {} steps of {} crops of {}×{}, seed {}{accuracy}.\n# {}\n# The weights are yours: say under `licence` on which terms others may use them.\n{body}",
        line(&task.summary),
        facts.step,
        task.batch,
        task.crop,
        task.crop,
        task.seed,
        line(&task.command),
    )
}

/// Takes every normalisation into its convolution: `w · s` and `b + shift − mean · s` with
/// `s = scale / √(variance + ε)`.
fn fold(plan: &Plan, parameters: &Parameters) -> Vec<Folded> {
    let mut folded = Vec::new();
    for layer in &plan.layers {
        let Kind::Conv { out, norm, .. } = layer.kind else {
            continue;
        };
        let tensor = |name: String| {
            parameters
                .get(&name)
                .expect("a plan's parameters hold the tensors of all its layers")
        };
        let mut kernel = tensor(weight(&layer.name)).clone();
        let mut bias = match parameters.get(&bias(&layer.name)) {
            Some(bias) => bias.data().to_vec(),
            None => vec![0.0; out],
        };
        let kept = parameters
            .statistics
            .iter()
            .find(|kept| kept.layer == layer.name);
        if let (Some(epsilon), Some(kept)) = (norm, kept) {
            let (scale, shift) = (tensor(scale(&layer.name)), tensor(shift(&layer.name)));
            let taps = kernel.data().len() / out;
            let rows = kernel.data_mut().chunks_mut(taps);
            for (channel, row) in rows.enumerate() {
                let deviation = (kept.variance.data()[channel] + epsilon).sqrt();
                let factor = scale.data()[channel] / deviation;
                for value in row {
                    *value *= factor;
                }
                bias[channel] =
                    (bias[channel] - kept.mean.data()[channel]) * factor + shift.data()[channel];
            }
        }
        folded.push(Folded {
            layer: layer.name.clone(),
            kernel,
            bias,
        });
    }
    folded
}

/// What a layer answers on the sample.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    layer: String,
    /// Root mean square of the elements of the Gram matrix, by channels and positions.
    gram: f64,
    /// Mean square of the values.
    power: f64,
}

/// Returns what every activation answers on the sample, with the average pooling that it paints
/// with.
fn answers(
    task: &Task,
    plan: &Plan,
    folded: &[Folded],
    sample: &Tensor,
    tools: &Tools<'_>,
) -> Result<Vec<Answer>, TrainingError> {
    let &[n, 3, height, width] = sample.shape() else {
        return Err(TrainingError::Outputs {
            expected: 3,
            found: sample.shape().get(1).copied().unwrap_or(0),
        });
    };
    let n = n.min(SAMPLE);
    let pixels = sample.data()[..n * 3 * height * width]
        .iter()
        .map(|value| (value / 255.0 - 0.5) / 0.25)
        .collect();
    let pictures =
        Tensor::new(vec![n, 3, height, width], pixels).expect("as many values as the shape has");
    let mut graph = Builder::new("answers");
    graph.input(INPUT, pictures.shape());
    for convolution in folded {
        let mut constant = |name: String, shape: &[usize], values: &[f32]| {
            let constant = Constant::f32s(shape.to_vec(), values.to_vec());
            graph.named_constant(&name, constant.expect("a tensor fills its shape"));
        };
        let shape = convolution.kernel.shape();
        constant(weight(&convolution.layer), shape, convolution.kernel.data());
        constant(bias(&convolution.layer), &shape[..1], &convolution.bias);
    }
    let average = PoolKind::Average {
        count_include_pad: false,
    };
    append(&mut graph, plan, 0, INPUT, Some(average))
        .map_err(|source| TrainingError::layers(task.crop)(source.into()))?;
    let names: Vec<String> = plan
        .blocks()
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    for name in &names {
        graph.output(name);
    }
    let model = Model::new(graph.finish());
    let mut session = tools.engine.session(&model, &options(tools))?;
    let outputs = session.run(&[(INPUT, &pictures)])?;
    Ok(names
        .into_iter()
        .zip(&outputs)
        .map(|(layer, values)| Answer {
            layer,
            gram: gram(values),
            power: power(values),
        })
        .collect())
}

/// Returns the root mean square of the elements of `F·Fᵀ / (C·P)` over the pictures of a value
/// `[N, C, H, W]`.
#[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn gram(values: &Tensor) -> f64 {
    let shape = values.shape();
    let (channels, positions) = (shape[1], shape[2] * shape[3]);
    let size = (channels * positions) as f64;
    let mut sum = 0.0;
    for picture in values.data().chunks(channels * positions) {
        let rows: Vec<&[f32]> = picture.chunks(positions).collect();
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate().skip(i) {
                let products = a.iter().zip(*b).map(|(a, b)| f64::from(a * b));
                let element = products.sum::<f64>() / size;
                // The matrix is symmetric.
                sum += element * element * if i == j { 1.0 } else { 2.0 };
            }
        }
    }
    (sum / (shape[0] * channels * channels) as f64).sqrt()
}

#[allow(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn power(values: &Tensor) -> f64 {
    let squares = values.data().iter().map(|&v| f64::from(v) * f64::from(v));
    squares.sum::<f64>() / values.data().len() as f64
}

/// Rescales the layers: with the usual style weight, the style loss at every layer is the same
/// number `K` when a picture has no style at all, and with the usual content weight its content
/// loss is [`CONTENT_SHARE`] of `K` when it has no content at all.
///
/// With a factor `a` for each layer, `W' = W · a / a of the layer before` and `b' = b · a`; a
/// convolution without an activation behind it keeps the factor of the one before.
#[allow(clippy::cast_possible_truncation, reason = "weights are f32")]
fn rescale(
    plan: &Plan,
    folded: &mut [Folded],
    answers: &[Answer],
    preset: &Preset,
) -> Result<(), TrainingError> {
    let dead = |answer: &&Answer| !(answer.gram.is_normal() && answer.power.is_normal());
    if let Some(answer) = answers.iter().find(dead) {
        return Err(TrainingError::Dead(answer.layer.clone()));
    }
    let find = |layer: &str| answers.iter().find(|answer| answer.layer == layer);
    let content =
        find(&preset.content).ok_or_else(|| TrainingError::Dead(preset.content.clone()))?;
    let root_k =
        CONTENT_WEIGHT * content.power / (CONTENT_SHARE * STYLE_WEIGHT.sqrt() * content.gram);
    let mut before = 1.0;
    let mut convolutions = folded.iter_mut();
    for (index, layer) in plan.layers.iter().enumerate() {
        if !matches!(layer.kind, Kind::Conv { .. }) {
            continue;
        }
        let Some(convolution) = convolutions.next() else {
            break;
        };
        let behind = plan.layers[index + 1..]
            .iter()
            .take_while(|layer| !matches!(layer.kind, Kind::Conv { .. }))
            .find(|layer| matches!(layer.kind, Kind::Activation { .. }));
        let factor = behind
            .and_then(|layer| find(&layer.name))
            .map_or(before, |answer| {
                (root_k / (STYLE_WEIGHT.sqrt() * answer.gram)).sqrt()
            });
        let values = convolution.kernel.data_mut().iter_mut();
        values.for_each(|value| *value = (f64::from(*value) * factor / before) as f32);
        let values = convolution.bias.iter_mut();
        values.for_each(|value| *value = (f64::from(*value) * factor) as f32);
        before = factor;
    }
    Ok(())
}

/// What holds for the network where a profile does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Preset {
    content: String,
    style: Vec<String>,
}

impl Preset {
    /// Chooses the layers: style at the first and the last activation of each block in every scale,
    /// content at the last of the block before the last.
    fn of(plan: &Plan, scales: usize) -> Self {
        let blocks = plan.blocks();
        let mut style: Vec<String> = Vec::new();
        for block in &blocks {
            for name in [block.first(), block.last()].into_iter().flatten() {
                if style.last().is_none_or(|last| last != name) {
                    style.push((*name).to_owned());
                }
            }
        }
        let content = blocks
            .get(blocks.len().saturating_sub(2))
            .and_then(|block| block.last())
            .map_or_else(String::new, |name| (*name).to_owned());
        let style = (0..scales)
            .flat_map(|scale| style.iter().map(move |layer| in_scale(scale, layer)))
            .collect();
        Self { content, style }
    }

    fn table(&self) -> toml::Table {
        let names = |names: &[String]| {
            toml::Value::Array(names.iter().cloned().map(toml::Value::String).collect())
        };
        let mut table = toml::Table::new();
        let mut set = |key: &str, value: toml::Value| {
            table.insert(key.to_owned(), value);
        };
        set("pooling", "avg".into());
        set("init", "image".into());
        set("content_layers", names(std::slice::from_ref(&self.content)));
        set("style_layers", names(&self.style));
        set("content_weight", CONTENT_WEIGHT.into());
        set("style_weight", STYLE_WEIGHT.into());
        set("tv_weight", 0.001.into());
        table
    }
}

/// Returns the shortest side to allow: twice the smallest that the layers fit on, so that the last
/// of them sees more than its padding, and never less than fits in the smallest scale.
fn minimum_size(plan: &Plan, crop: usize, scales: usize) -> usize {
    let smallest = (1..=crop)
        .find(|&side| graph::features(plan, side).is_ok())
        .unwrap_or(crop);
    (2 * smallest).min(crop).max(smallest << (scales - 1))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
