//! Operators that choose, repeat, rename or retype elements.

use super::super::importer::Importer;
use super::{as_it_is, list, required};
use crate::onnx::infer::axis_index;
use crate::onnx::{Constant, ElementType, Node};

/// The most slices that a choice of indices is made of.
const MOST_PARTS: usize = 256;

/// Another name of its input.
pub(super) fn identity(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let x = required(node, 0)?;
    importer.alias(&node.outputs[0], x);
    Ok(())
}

/// Returns the type that the format numbers `code`; every float is f32 here.
pub(super) fn element_type(code: i64) -> Option<ElementType> {
    match code {
        1 | 10 | 11 | 16 => Some(ElementType::F32),
        2 => Some(ElementType::U8),
        6 => Some(ElementType::I32),
        7 => Some(ElementType::I64),
        9 => Some(ElementType::Bool),
        _ => None,
    }
}

/// From one float to another it changes nothing here, where all are f32.
pub(super) fn cast(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let to = node.int("to", 0);
    let kind = element_type(to).ok_or_else(|| format!("element type {to} is not supported"))?;
    cast_to(importer, node, kind)
}

/// To the type of the second input.
pub(super) fn cast_like(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let like = required(node, 1)?;
    let kind = importer
        .kind(like)
        .ok_or_else(|| format!("the type of `{like}` is not known"))?;
    cast_to(importer, node, kind)
}

fn cast_to(importer: &mut Importer, node: &Node, kind: ElementType) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    if importer.kind(x) == Some(kind) {
        importer.alias(y, x);
        return Ok(());
    }
    let to: i64 = match kind {
        ElementType::F32 | ElementType::F64 | ElementType::F16 | ElementType::Bf16 => 1,
        ElementType::U8 => 2,
        ElementType::I32 => 6,
        ElementType::I64 => 7,
        ElementType::Bool => 9,
    };
    importer.last(y, "Cast", &[x], [("to", to.into())])
}

/// A shape that follows from the picture's size is written with the extents that are copied (0) and
/// the one that is left (−1).
pub(super) fn reshape(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let shape = required(node, 1)?;
    if importer.sized(shape).is_none() {
        return as_it_is(importer, node.clone());
    }
    let zero_is_zero = node.int("allowzero", 0) != 0;
    let x = required(node, 0)?;
    let listed = relative_shape(importer, (x, shape), zero_is_zero).ok_or_else(|| {
        format!("its shape (`{shape}`) depends on the size of the picture in more than one extent")
    })?;
    let mut node = node.clone();
    node.attributes.remove("allowzero");
    node.inputs[1] = importer.ints(&node.outputs[0], listed);
    as_it_is(importer, node)
}

fn relative_shape(
    importer: &Importer,
    (x, shape): (&str, &str),
    zero_is_zero: bool,
) -> Option<Vec<i64>> {
    let trials: Vec<Vec<i64>> = importer
        .sized(shape)?
        .iter()
        .map(Constant::as_i64)
        .collect::<Option<_>>()?;
    let extents = importer.shapes(x)?;
    let mut listed = Vec::with_capacity(trials[0].len());
    for (i, &first) in trials[0].iter().enumerate() {
        let mut each = trials.iter().zip(&extents);
        let same = trials.iter().all(|trial| trial.get(i) == Some(&first));
        let copied = each.all(|(trial, extents)| {
            let extent = extents.get(i).and_then(|&d| i64::try_from(d).ok());
            extent.is_some() && extent == trial.get(i).copied()
        });
        listed.push(match (same, copied) {
            // Without `allowzero`, which is taken off, this 0 would copy.
            (true, _) if first == 0 && zero_is_zero => return None,
            (true, _) => first,
            (_, true) => 0,
            _ if !listed.contains(&-1) && !trials.iter().any(|trial| trial.contains(&-1)) => -1,
            _ => return None,
        });
    }
    Some(listed)
}

/// Constant indices along an axis, as slices.
pub(super) fn gather(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let chosen = importer
        .constant(required(node, 1)?)
        .ok_or("its indices are not constant")?;
    let indices = chosen.as_i64().ok_or("its indices are no whole numbers")?;
    let axis = axis_index(node.int("axis", 0), importer.rank(x)?)?;
    let axis = i64::try_from(axis).unwrap_or(i64::MAX);
    match chosen.shape().len() {
        0 => {
            let part = part(importer, (x, y), axis, indices[0])?;
            let axis = importer.ints(y, vec![axis]);
            importer.last(y, "Squeeze", &[&part, &axis], [])
        }
        1 if (1..=MOST_PARTS).contains(&indices.len()) => {
            let mut parts = Vec::with_capacity(indices.len());
            for index in indices {
                parts.push(part(importer, (x, y), axis, index)?);
            }
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            importer.last(y, "Concat", &parts, [("axis", axis.into())])
        }
        _ => Err("its indices are too many, or make more than one axis".to_owned()),
    }
}

/// Emits the elements of `x` at one index of an axis.
fn part(
    importer: &mut Importer,
    (x, y): (&str, &str),
    axis: i64,
    index: i64,
) -> Result<String, String> {
    let end = if index == -1 {
        i64::MAX
    } else {
        index.saturating_add(1)
    };
    let [start, end, axis] = [index, end, axis].map(|v| importer.ints(y, vec![v]));
    importer.step(y, "Slice", &[x, &start, &end, &axis], [])
}

/// A few repetitions along each axis, joined.
pub(super) fn tile(importer: &mut Importer, node: &Node) -> Result<(), String> {
    let (x, y) = (required(node, 0)?, node.outputs[0].as_str());
    let repeats = list(importer, node, 1, "repeats")?.ok_or("the repeats are missing")?;
    let mut value = x.to_owned();
    let mut left = MOST_PARTS;
    for (axis, &times) in (0_i64..).zip(&repeats) {
        let count = usize::try_from(times).unwrap_or(0);
        if count == 0 || count > left {
            return Err(format!("{repeats:?} repeats are not covered"));
        }
        left /= count;
        if count > 1 {
            let parts = vec![value.as_str(); count];
            value = importer.step(y, "Concat", &parts, [("axis", axis.into())])?;
        }
    }
    importer.alias(y, &value);
    Ok(())
}
