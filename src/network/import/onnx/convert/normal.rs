//! Normalisations and what only training needs, as the formulas by which ONNX defines them.

use super::super::importer::Importer;
use super::{as_it_is, required};
use crate::onnx::infer::axis_index;
use crate::onnx::{Constant, Data, Node};

/// As it is at inference; sets 7 and 8 say so by `spatial`, 14 and later by `training_mode`.
pub(super) fn batch(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let mut node = node.clone();
    if node.int("spatial", 1) == 0 {
        return Err("statistics of single elements (spatial = 0) are not covered".to_owned());
    }
    if node.int("training_mode", 0) != 0 || importer_reads(importer, &node) {
        return Err("it normalises by the batch, as in training; export for inference".to_owned());
    }
    node.attributes.remove("spatial");
    node.outputs.truncate(1);
    as_it_is(importer, node)
}

/// Whether anything but the first output is read.
fn importer_reads(importer: &Importer, node: &Node) -> bool {
    node.outputs[1..]
        .iter()
        .any(|value| importer.is_read(value))
}

/// Nothing at inference.
pub(super) fn dropout(importer: &mut Importer, node: &Node) -> Result<(), String> {
    if importer_reads(importer, node) {
        return Err("its mask is used, as in training; export for inference".to_owned());
    }
    if let Some(training) = node.input(2) {
        let value = importer.constant(training).map(Constant::data);
        if !matches!(value, Some(Data::Bool(training)) if !training.contains(&true)) {
            return Err("it drops at random, as in training; export for inference".to_owned());
        }
    }
    let x = required(node, 0)?;
    importer.alias(&node.outputs[0], x);
    Ok(())
}

/// Emits `(x − m) / √(v + ε)` with mean and variance over `axes`.
fn normalised(
    importer: &mut Importer,
    (x, y): (&str, &str),
    axes: &[i64],
    epsilon: f32,
) -> Result<String, String> {
    let centred = centred(importer, (x, y), axes)?;
    let deviation = deviation(importer, (&centred, y), axes, epsilon)?;
    importer.step(y, "Div", &[&centred, &deviation], [])
}

fn centred(importer: &mut Importer, (x, y): (&str, &str), axes: &[i64]) -> Result<String, String> {
    let attributes = [("axes", axes.to_vec().into()), ("keepdims", 1.into())];
    let mean = importer.step(y, "ReduceMean", &[x], attributes)?;
    importer.step(y, "Sub", &[x, &mean], [])
}

/// Emits `√(mean of squares + ε)`.
fn deviation(
    importer: &mut Importer,
    (centred, y): (&str, &str),
    axes: &[i64],
    epsilon: f32,
) -> Result<String, String> {
    let attributes = [("axes", axes.to_vec().into()), ("keepdims", 1.into())];
    let square = importer.step(y, "Mul", &[centred, centred], [])?;
    let variance = importer.step(y, "ReduceMean", &[&square], attributes)?;
    let epsilon = importer.scalar(y, epsilon);
    let variance = importer.step(y, "Add", &[&variance, &epsilon], [])?;
    importer.step(y, "Sqrt", &[&variance], [])
}

/// Returns the numbers of the axes from `first` on.
fn axes_from(first: usize, rank: usize) -> Vec<i64> {
    (0_i64..).take(rank).skip(first).collect()
}

/// Emits a value of one number a channel as `[1, C, 1, …]`.
fn by_channel(
    importer: &mut Importer,
    (value, y): (&str, &str),
    rank: usize,
) -> Result<String, String> {
    let mut shape = vec![1; rank];
    shape[1] = -1;
    let shape = importer.ints(y, shape);
    importer.step(y, "Reshape", &[value, &shape], [])
}

/// Each channel by its own mean and variance, then `scale · x + B`.
pub(super) fn instance(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let rank = importer.rank(x)?;
    if rank < 3 {
        return Err(format!(
            "a value of {rank} axes has no channels to normalise"
        ));
    }
    let epsilon = node.float("epsilon", 1e-5);
    let normal = normalised(importer, (x, y), &axes_from(2, rank), epsilon)?;
    let scale = by_channel(importer, (required(node, 1)?, y), rank)?;
    let bias = by_channel(importer, (required(node, 2)?, y), rank)?;
    let scaled = importer.step(y, "Mul", &[&normal, &scale], [])?;
    importer.last(y, "Add", &[&scaled, &bias], [])
}

/// By mean and variance over the axes from `axis` on, then `scale · x + B`.
pub(super) fn layer(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    if importer_reads(importer, node) {
        return Err("its mean and deviation are used, as in training".to_owned());
    }
    let rank = importer.rank(x)?;
    let first = axis_index(node.int("axis", -1), rank)?;
    let epsilon = node.float("epsilon", 1e-5);
    let normal = normalised(importer, (x, y), &axes_from(first, rank), epsilon)?;
    let scale = required(node, 1)?;
    match node.input(2) {
        Some(bias) => {
            let scaled = importer.step(y, "Mul", &[&normal, scale], [])?;
            importer.last(y, "Add", &[&scaled, bias], [])
        }
        None => importer.last(y, "Mul", &[&normal, scale], []),
    }
}

/// Groups of channels by their mean and variance, then `scale · x + B`; scale and bias are one a
/// channel, before set 21 one a group.
pub(super) fn group(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let rank = importer.rank(x)?;
    let groups = usize::try_from(node.int("num_groups", 0)).unwrap_or(0);
    let channels = importer
        .extent(x, 1)
        .filter(|channels| groups > 0 && channels % groups == 0)
        .ok_or_else(|| format!("its channels do not make {groups} groups"))?;
    let groups = Groups {
        count: i64::try_from(groups).unwrap_or(i64::MAX),
        each: i64::try_from(channels / groups).unwrap_or(i64::MAX),
        rank,
    };
    let apart = importer.ints(y, vec![0, groups.count, -1]);
    let apart = importer.step(y, "Reshape", &[x, &apart], [])?;
    let attributes = [("axes", vec![2].into()), ("keepdims", 1.into())];
    let mean = importer.step(y, "ReduceMean", &[&apart], attributes)?;
    let centred = importer.step(y, "Sub", &[&apart, &mean], [])?;
    let epsilon = node.float("epsilon", 1e-5);
    let deviation = deviation(importer, (&centred, y), &[2], epsilon)?;
    let mean = groups.spread(importer, (&mean, y))?;
    let deviation = groups.spread(importer, (&deviation, y))?;
    let mut factors = Vec::new();
    for i in [1, 2] {
        let value = required(node, i)?;
        factors.push(if importer.opset() < 21 {
            let one = importer.ints(y, vec![1, groups.count, 1]);
            let value = importer.step(y, "Reshape", &[value, &one], [])?;
            groups.spread(importer, (&value, y))?
        } else {
            by_channel(importer, (value, y), rank)?
        });
    }
    let centred = importer.step(y, "Sub", &[x, &mean], [])?;
    let normal = importer.step(y, "Div", &[&centred, &deviation], [])?;
    let scaled = importer.step(y, "Mul", &[&normal, &factors[0]], [])?;
    importer.last(y, "Add", &[&scaled, &factors[1]], [])
}

/// Groups of channels of a value of `rank` axes.
struct Groups {
    count: i64,
    each: i64,
    rank: usize,
}

impl Groups {
    /// Emits a value of one number a group (`[1, G, 1]`) as one a channel: `[1, C, 1, …]`.
    fn spread(&self, importer: &mut Importer, (value, y): (&str, &str)) -> Result<String, String> {
        let wide = importer.ints(y, vec![1, self.count, self.each]);
        let wide = importer.step(y, "Expand", &[value, &wide], [])?;
        by_channel(importer, (&wide, y), self.rank)
    }
}

/// `(x − m) / √v` with mean and variance over `axes`.
pub(super) fn mean_variance(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let axes = node.ints("axes").unwrap_or(&[0, 2, 3]).to_vec();
    let centred = centred(importer, (x, y), &axes)?;
    // What keeps the standard's own definition from dividing by 0.
    let deviation = deviation(importer, (&centred, y), &axes, 1e-9)?;
    importer.last(y, "Div", &[&centred, &deviation], [])
}

/// `e^(x − max) / Σe^(x − max)`.
pub(super) fn softmax(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let y = node.outputs[0].as_str();
    let (_, power, sum) = softmax_parts(importer, node)?;
    importer.last(y, "Div", &[&power, &sum], [])
}

/// `x − max − ln Σe^(x − max)`.
pub(super) fn log_softmax(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let y = node.outputs[0].as_str();
    let (rest, _, sum) = softmax_parts(importer, node)?;
    let log = importer.step(y, "Log", &[&sum], [])?;
    importer.last(y, "Sub", &[&rest, &log], [])
}

/// Emits `x − max`, its exponential, and the sum of those over one axis, before set 13 over all
/// axes from `axis` on.
fn softmax_parts(importer: &mut Importer, node: &Node) -> Result<(String, String, String), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let rank = importer.rank(x)?;
    let axes = if importer.opset() < 13 {
        axes_from(axis_index(node.int("axis", 1), rank)?, rank)
    } else {
        vec![node.int("axis", -1)]
    };
    let attributes = [("axes", axes.clone().into()), ("keepdims", 1.into())];
    let largest = importer.step(y, "ReduceMax", &[x], attributes)?;
    let rest = importer.step(y, "Sub", &[x, &largest], [])?;
    let power = importer.step(y, "Exp", &[&rest], [])?;
    let axes = importer.ints(y, axes);
    let sum = importer.step(y, "ReduceSum", &[&power, &axes], [("keepdims", 1.into())])?;
    Ok((rest, power, sum))
}
