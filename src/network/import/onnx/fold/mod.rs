//! Computes nodes whose inputs are known: the arithmetic on extents that exporters write out, and
//! what files do to their weights before they use them.
//!
//! Numbers are computed as ONNX defines them; whole numbers that overflow wrap. What may be computed
//! in all is bounded by the size of the file ([`budget`]), so that a small file cannot ask for a
//! large constant.

mod arithmetic;
mod layout;

use std::sync::Arc;

use crate::onnx::infer::{axis_index, within_bounds};
use crate::onnx::{Constant, Data, Node, Shapes};

use super::importer::to_f32;

/// What every file may have computed, in elements.
const LEAST_BUDGET: usize = 1 << 20;

/// Returns how many elements may be computed for a file whose constants have this many.
pub(super) fn budget(elements: usize) -> usize {
    elements.saturating_mul(4).saturating_add(LEAST_BUDGET)
}

/// Returns true if and only if nodes of this operator can be computed.
pub(super) fn covers(node: &Node) -> bool {
    OPERATORS.iter().any(|(op, _)| *op == node.op)
}

/// What is known of a node at hand: its inputs, the shape of the first (which is known even where
/// its elements are not), and how many elements may still be computed.
struct Known<'a> {
    node: &'a Node,
    inputs: &'a [Option<&'a Constant>],
    shape: Option<&'a [usize]>,
    budget: usize,
}

type Evaluation = fn(&Known) -> Result<Constant, String>;

/// Returns what the one output of `node` is, and what that cost of the budget.
///
/// The error says in words why it cannot be computed.
pub(super) fn evaluate(
    node: &Node,
    inputs: &[Option<&Constant>],
    shape: Option<&[usize]>,
    budget: usize,
) -> Result<(Constant, usize), String> {
    for input in inputs.iter().flatten() {
        within_bounds(input.shape())?;
    }
    let known = Known {
        node,
        inputs,
        shape,
        budget,
    };
    let evaluation = OPERATORS
        .iter()
        .find(|(op, _)| *op == node.op)
        .map(|(_, evaluation)| *evaluation)
        .ok_or("it cannot be computed")?;
    let mut result = evaluation(&known)?;
    to_f32(&mut result);
    // A constant without elements costs as well: there is no end of such nodes.
    let cost = result.data().len().max(1);
    if cost > budget {
        return Err(known.too_large(cost));
    }
    Ok((result, cost))
}

impl Known<'_> {
    /// Returns input `i`.
    fn input(&self, i: usize) -> Result<&Constant, String> {
        self.inputs
            .get(i)
            .copied()
            .flatten()
            .ok_or_else(|| format!("input {i} is missing"))
    }

    /// Returns the whole numbers of input `i`, or of the attribute where older sets have them.
    fn list(&self, i: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        match self.inputs.get(i).copied().flatten() {
            Some(input) => input
                .as_i64()
                .map(Some)
                .ok_or_else(|| format!("input {i} is not of whole numbers")),
            None => Ok(self.node.ints(attribute).map(<[i64]>::to_vec)),
        }
    }

    /// Returns the shape of the one output by the rules of `infer`, if it may be computed.
    fn output_shape(&self) -> Result<Vec<usize>, String> {
        let mut shapes = Shapes::default();
        let mut constants = std::collections::BTreeMap::new();
        for (name, input) in self.node.inputs.iter().zip(self.inputs) {
            if let Some(input) = input {
                shapes.insert(name, input.shape().to_vec());
                constants.insert(name.clone(), (*input).clone());
            }
        }
        shapes
            .add_node(self.node, &constants)
            .map_err(|misfit| misfit.to_string())?;
        let shape = shapes
            .get(&self.node.outputs[0])
            .ok_or("its shape is not known")?
            .to_vec();
        self.afford(shape)
    }

    /// Returns `shape` if that many elements may be computed.
    fn afford(&self, shape: Vec<usize>) -> Result<Vec<usize>, String> {
        let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
        match count {
            Some(count) if count <= self.budget => Ok(shape),
            _ => Err(self.too_large(count.unwrap_or(usize::MAX))),
        }
    }

    fn too_large(&self, count: usize) -> String {
        format!(
            "it would be a constant of {count} elements, more than this file may ask for ({} left)",
            self.budget
        )
    }
}

/// The shape of the input, or of a range of its axes (set 15).
fn shape(known: &Known) -> Result<Constant, String> {
    let shape = known.shape.ok_or("the shape of its input is not known")?;
    let rank = i64::try_from(shape.len()).unwrap_or(i64::MAX);
    let bound = |name: &str, default: i64| {
        let value = known.node.int(name, default);
        let value = if value < 0 {
            value.saturating_add(rank)
        } else {
            value
        };
        usize::try_from(value.clamp(0, rank)).unwrap_or(0)
    };
    let (start, end) = (bound("start", 0), bound("end", rank));
    let extents = shape.get(start..end).unwrap_or_default();
    let signed = |&d: &usize| i64::try_from(d).unwrap_or(i64::MAX);
    Ok(Constant::i64s(extents.iter().map(signed).collect()))
}

/// The number of elements of the input.
fn size(known: &Known) -> Result<Constant, String> {
    let shape = known.shape.ok_or("the shape of its input is not known")?;
    let count = shape
        .iter()
        .try_fold(1_usize, |n, &d| n.checked_mul(d))
        .and_then(|count| i64::try_from(count).ok())
        .ok_or("its input is too large")?;
    Constant::new(Vec::new(), Data::I64(Arc::new(vec![count])))
        .ok_or_else(|| "its input is too large".to_owned())
}

/// A constant of one value throughout.
fn constant_of_shape(known: &Known) -> Result<Constant, String> {
    let listed = known.list(0, "")?.ok_or("the shape is missing")?;
    let shape: Option<Vec<usize>> = listed.iter().map(|&d| usize::try_from(d).ok()).collect();
    let shape = known.afford(shape.ok_or_else(|| format!("{listed:?} is no shape"))?)?;
    let zero = Constant::scalar(0.0);
    let value = match known.node.attributes.get("value") {
        Some(crate::onnx::Attribute::Tensor(value)) => value,
        _ => &zero,
    };
    if value.data().is_empty() {
        return Err("its value has no element".to_owned());
    }
    let count = shape.iter().product();
    let data = layout::take(value.data(), &vec![0; count]);
    Constant::new(shape, data).ok_or_else(|| "its value does not fit its shape".to_owned())
}

/// Whole numbers from a start by a step.
fn range(known: &Known) -> Result<Constant, String> {
    let number = |i: usize| {
        let input = known.input(i)?;
        match input.as_i64().as_deref() {
            Some(&[value]) => Ok(value),
            _ => Err("only ranges of whole numbers are covered".to_owned()),
        }
    };
    let [start, limit, step] = [number(0)?, number(1)?, number(2)?];
    if step == 0 {
        return Err("a step of 0 makes no sense".to_owned());
    }
    let distance = i128::from(limit) - i128::from(start);
    let forwards = (distance > 0) == (step > 0);
    let count = if forwards {
        distance
            .unsigned_abs()
            .div_ceil(u128::from(step.unsigned_abs()))
    } else {
        0
    };
    let count = known.afford(vec![usize::try_from(count).unwrap_or(usize::MAX)])?[0];
    let values = (0_i64..).take(count);
    Ok(Constant::i64s(
        values
            .map(|i| start.wrapping_add(i.wrapping_mul(step)))
            .collect(),
    ))
}

/// The value as another type.
fn cast(known: &Known) -> Result<Constant, String> {
    let (x, to) = (known.input(0)?, known.node.int("to", 0));
    known.afford(x.shape().to_vec())?;
    arithmetic::cast(x, to)
}

/// The value as it is.
fn identity(known: &Known) -> Result<Constant, String> {
    Ok(known.input(0)?.clone())
}

/// Elements at constant indices along an axis.
fn gather(known: &Known) -> Result<Constant, String> {
    let (x, chosen) = (known.input(0)?, known.input(1)?);
    let indices = chosen.as_i64().ok_or("its indices are no whole numbers")?;
    let axis = axis_index(known.node.int("axis", 0), x.shape().len())?;
    let (before, after) = (&x.shape()[..axis], &x.shape()[axis + 1..]);
    let shape = known.afford([before, chosen.shape(), after].concat())?;
    let extent = x.shape()[axis];
    let indices: Vec<usize> = indices
        .iter()
        .map(|&index| axis_index(index, extent))
        .collect::<Result<_, _>>()?;
    let (outer, inner): (usize, usize) = (before.iter().product(), after.iter().product());
    let mut taken = Vec::with_capacity(outer * indices.len() * inner);
    for o in 0..outer {
        for index in &indices {
            let start = (o * extent + index) * inner;
            taken.extend(start..start + inner);
        }
    }
    Constant::new(shape, layout::take(x.data(), &taken))
        .ok_or_else(|| "its indices do not fit".to_owned())
}

/// Every operator that can be computed, by name.
const OPERATORS: &[(&str, Evaluation)] = &[
    ("Abs", arithmetic::unary),
    ("Add", arithmetic::binary),
    ("And", arithmetic::binary),
    ("Cast", cast),
    ("Ceil", arithmetic::unary),
    ("Concat", layout::concat),
    ("ConstantOfShape", constant_of_shape),
    ("Div", arithmetic::binary),
    ("Equal", arithmetic::binary),
    ("Exp", arithmetic::unary),
    ("Expand", layout::expand),
    ("Flatten", layout::reshape),
    ("Floor", arithmetic::unary),
    ("Gather", gather),
    ("Greater", arithmetic::binary),
    ("GreaterOrEqual", arithmetic::binary),
    ("Identity", identity),
    ("Less", arithmetic::binary),
    ("LessOrEqual", arithmetic::binary),
    ("Max", arithmetic::binary),
    ("Min", arithmetic::binary),
    ("Mod", arithmetic::binary),
    ("Mul", arithmetic::binary),
    ("Neg", arithmetic::unary),
    ("Not", arithmetic::unary),
    ("Or", arithmetic::binary),
    ("Range", range),
    ("Reciprocal", arithmetic::unary),
    ("ReduceProd", arithmetic::product),
    ("Reshape", layout::reshape),
    ("Shape", shape),
    ("Size", size),
    ("Slice", layout::slice),
    ("Sqrt", arithmetic::unary),
    ("Squeeze", layout::reshape),
    ("Sub", arithmetic::binary),
    ("Transpose", layout::transpose),
    ("Unsqueeze", layout::reshape),
    ("Where", arithmetic::select),
];
