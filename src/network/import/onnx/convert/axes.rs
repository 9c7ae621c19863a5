//! Operators whose axes, bounds and pads moved between attributes and inputs.

use super::super::importer::Importer;
use super::{as_it_is, list, required};
use crate::onnx::infer::{axis_index, pads_by_axis};
use crate::onnx::{Attribute, Constant, Node};

/// Set 19 has dilations; those of 1 are no dilations.
pub(super) fn average_pool(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let mut node = node.clone();
    match node.attributes.remove("dilations") {
        Some(Attribute::Ints(dilations)) if dilations.iter().any(|&d| d != 1) => {
            Err("an average over windows with gaps (dilations) is not covered".to_owned())
        }
        _ => as_it_is(importer, node),
    }
}

/// Before set 11 the bounds are attributes.
pub(super) fn clip(importer: &mut Importer, node: &Node) -> Result<(), String> {
    if importer.opset() >= 11 {
        return as_it_is(importer, node.clone());
    }
    let mut node = node.clone();
    for (i, name) in [(1, "min"), (2, "max")] {
        if let Some(Attribute::Float(bound)) = node.attributes.remove(name) {
            node.inputs.resize(i, String::new());
            let bound = importer.scalar(&node.outputs[0], bound);
            node.inputs.push(bound);
        }
    }
    as_it_is(importer, node)
}

/// `Squeeze` and `Unsqueeze`: before set 13 the axes are an attribute.
pub(super) fn squeeze(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let mut node = node.clone();
    to_input(importer, &mut node, "axes", 1);
    as_it_is(importer, node)
}

/// Moves a list from an attribute to input `i`.
fn to_input(importer: &mut Importer, node: &mut Node, attribute: &str, i: usize) {
    if let Some(Attribute::Ints(values)) = node.attributes.remove(attribute)
        && node.input(i).is_none()
    {
        let values = importer.ints(&node.outputs[0], values);
        node.inputs.resize(i.max(node.inputs.len()), String::new());
        node.inputs.truncate(i);
        node.inputs.push(values);
    }
}

/// The axes are an attribute before set 18 (13 for `ReduceSum`), an input from then on.
pub(super) fn reduce(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let axes = list(importer, node, 1, "axes")?.filter(|axes| !axes.is_empty());
    if axes.is_none() && node.int("noop_with_empty_axes", 0) != 0 {
        let x = required(node, 0)?;
        importer.alias(&node.outputs[0], x);
        return Ok(());
    }
    let mut node = node.clone();
    node.inputs.truncate(1);
    node.attributes.remove("noop_with_empty_axes");
    match axes {
        Some(axes) => {
            node.attributes.insert("axes".to_owned(), axes.into());
        }
        None => {
            node.attributes.remove("axes");
        }
    }
    if node.op == "ReduceSum" {
        to_input(importer, &mut node, "axes", 1);
    }
    as_it_is(importer, node)
}

/// `Σ|x|`.
pub(super) fn reduce_l1(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let x = required(node, 0)?;
    let size = importer.step(&node.outputs[0], "Abs", &[x], [])?;
    reduce(importer, &sum_of(node, &size, &node.outputs[0]))
}

/// `Σx²`.
pub(super) fn reduce_sum_square(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let x = required(node, 0)?;
    let square = importer.step(&node.outputs[0], "Mul", &[x, x], [])?;
    reduce(importer, &sum_of(node, &square, &node.outputs[0]))
}

/// `√Σx²`.
pub(super) fn reduce_l2(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, &node.outputs[0]);
    let axes = list(importer, node, 1, "axes")?;
    if axes.is_none_or(|axes| axes.is_empty()) && node.int("noop_with_empty_axes", 0) != 0 {
        return Err("a norm over no axes is not covered".to_owned());
    }
    let square = importer.step(y, "Mul", &[x, x], [])?;
    let sum = importer.fresh(y, "reducesum");
    reduce(importer, &sum_of(node, &square, &sum))?;
    importer.last(y, "Sqrt", &[&sum], [])
}

/// Returns the node as a sum of `value`.
fn sum_of(node: &Node, value: &str, output: &str) -> Node {
    let mut sum = node.clone();
    "ReduceSum".clone_into(&mut sum.op);
    value.clone_into(&mut sum.inputs[0]);
    sum.outputs = vec![output.to_owned()];
    sum
}

/// Before set 10 the lists are attributes; bounds that follow from the extent are counted from the
/// end.
pub(super) fn slice(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let mut node = node.clone();
    for (i, name) in [(1, "starts"), (2, "ends"), (3, "axes")] {
        to_input(importer, &mut node, name, i);
    }
    for i in [1, 2] {
        let bound = required(&node, i)?;
        if importer.sized(bound).is_some() {
            let bounds = from_end(importer, &node, bound)?;
            node.inputs[i] = importer.ints(&node.outputs[0], bounds);
        }
    }
    // Bounds, axes and steps must be of one type.
    for i in 1..node.inputs.len() {
        if let Some(values) = list(importer, &node, i, "bounds")? {
            node.inputs[i] = importer.ints(&node.outputs[0], values);
        }
    }
    as_it_is(importer, node)
}

/// Returns bounds that differ with the picture's size as the same number from the end.
fn from_end(importer: &Importer, node: &Node, bound: &str) -> Result<Vec<i64>, String> {
    let differs = || format!("its bounds (`{bound}`) depend on the size of the picture");
    let x = required(node, 0)?;
    let shapes = importer.shapes(x).ok_or_else(differs)?;
    let trials: Vec<Vec<i64>> = importer
        .sized(bound)
        .into_iter()
        .flatten()
        .map(Constant::as_i64)
        .collect::<Option<_>>()
        .ok_or_else(differs)?;
    let count = trials.first().map_or(0, Vec::len);
    let axes = match list(importer, node, 3, "axes")? {
        Some(axes) => axes,
        None => (0_i64..).take(count).collect(),
    };
    (0..count)
        .map(|i| {
            let axis = axis_index(*axes.get(i).ok_or_else(differs)?, shapes[0].len())?;
            let mut found: Vec<i64> = Vec::new();
            for (values, shape) in trials.iter().zip(&shapes) {
                let value = *values.get(i).ok_or_else(differs)?;
                let extent = i64::try_from(shape[axis]).unwrap_or(i64::MAX);
                found.push(match value - extent {
                    0.. => i64::MAX,
                    behind if value > 0 => behind,
                    _ => value,
                });
            }
            let fixed = trials
                .iter()
                .all(|values| values.get(i) == trials[0].get(i));
            if fixed {
                Ok(trials[0][i])
            } else if found.iter().all(|v| *v == found[0]) {
                Ok(found[0])
            } else {
                Err(differs())
            }
        })
        .collect()
}

/// Before set 11 pads and value are attributes; from set 18 on the pads may be of chosen axes.
pub(super) fn pad(importer: &mut Importer, node: &Node) -> Result<(), String> {
    if !["constant", "edge", "reflect"].contains(&node.text("mode", "constant")) {
        let mode = node.text("mode", "constant");
        return Err(format!("padding of mode `{mode}` is not covered"));
    }
    let mut node = node.clone();
    if let Some(Attribute::Float(value)) = node.attributes.remove("value") {
        let value = importer.scalar(&node.outputs[0], value);
        node.inputs.resize(2, String::new());
        node.inputs.push(value);
    }
    let pads = list(importer, &node, 1, "pads")?.ok_or("the pads are missing")?;
    node.attributes.remove("pads");
    let pads = if node.input(3).is_some() {
        let axes = list(importer, &node, 3, "axes")?;
        let pairs = pads_by_axis(&pads, axes, importer.rank(required(&node, 0)?)?)?;
        let side = |i: usize| pairs.iter().map(move |pair| pair[i]);
        side(0).chain(side(1)).collect()
    } else {
        pads
    };
    node.inputs.truncate(3);
    node.inputs.resize(node.inputs.len().max(2), String::new());
    node.inputs[1] = importer.ints(&node.outputs[0], pads);
    as_it_is(importer, node)
}

/// Before set 13 the parts are an attribute; from set 18 on their number may be given.
pub(super) fn split(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let mut node = node.clone();
    let count = node.outputs.len();
    if let Some(Attribute::Int(wanted)) = node.attributes.remove("num_outputs")
        && usize::try_from(wanted) != Ok(count)
    {
        return Err(format!("{wanted} parts are asked for, {count} are named"));
    }
    to_input(importer, &mut node, "split", 1);
    if node.input(1).is_none() {
        let x = required(&node, 0)?;
        let axis = axis_index(node.int("axis", 0), importer.rank(x)?)?;
        let extent = importer
            .extent(x, axis)
            .ok_or("the extent of its axis depends on the size of the picture")?;
        let part = extent.div_ceil(count);
        let parts = (0..count)
            .map(|i| part.min(extent.saturating_sub(i * part)))
            .map(|part| i64::try_from(part).unwrap_or(i64::MAX))
            .collect();
        let parts = importer.ints(&node.outputs[0], parts);
        node.inputs.truncate(1);
        node.inputs.push(parts);
    }
    as_it_is(importer, node)
}
