//! Gradients of reductions over axes.
//!
//! `keep` below is a value with the reduced axes kept as axes of 1, so that it broadcasts to `x`.

use super::super::Context;
use super::signed;
use crate::onnx::infer::reduced_axes;

/// `y = Σ x` over axes: `dx = dy`, the same for all elements of a sum.
pub(super) fn sum(c: &mut Context) -> Result<(), String> {
    let axes = axes(c)?;
    let dy = keep(c, c.dy()?, &axes)?;
    set_expanded(c, &dy)
}

/// `y = (1/n)·Σ x` over axes: `dx = dy / n`.
pub(super) fn mean(c: &mut Context) -> Result<(), String> {
    let axes = axes(c)?;
    let shape = c.shape(c.x(0));
    let count: usize = axes.iter().map(|&axis| shape[axis]).product();
    let factor = c.scalar(one_over(count));
    let dy = keep(c, c.dy()?, &axes)?;
    let dy = c.mul(&dy, &factor)?;
    set_expanded(c, &dy)
}

/// `y = max x` or `min x` over axes: `dx = dy / n` at the `n` elements that equal `y`, else 0.
pub(super) fn extremum(c: &mut Context) -> Result<(), String> {
    let axes = axes(c)?;
    let dy = keep(c, c.dy()?, &axes)?;
    if axes.is_empty() {
        return set_expanded(c, &dy);
    }
    let y = keep(c, c.y(0), &axes)?;
    let equal = c.add("Equal", &[c.x(0), &y], [])?;
    let mask = c.add("Cast", &[&equal], [("to", 1.into())])?;
    let axes: Vec<i64> = axes.into_iter().map(signed).collect();
    let axes = c.int_constant(&axes);
    let ties = c.add("ReduceSum", &[&mask, &axes], [("keepdims", 1.into())])?;
    let share = c.add("Div", &[&dy, &ties], [])?;
    let dx = c.mul(&share, &mask)?;
    c.set_dx(0, dx);
    Ok(())
}

/// Returns the axes that the node at hand reduces.
fn axes(c: &Context) -> Result<Vec<usize>, String> {
    reduced_axes(
        c.list(1, "axes")?,
        c.node().int("noop_with_empty_axes", 0) != 0,
        c.shape(c.x(0)).len(),
    )
}

/// Appends `value`, of the shape of `y`, with the reduced axes kept.
fn keep(c: &mut Context, value: &str, axes: &[usize]) -> Result<String, String> {
    let mut shape = c.shape(c.x(0)).to_vec();
    for &axis in axes {
        shape[axis] = 1;
    }
    if c.shape(value) == shape {
        Ok(value.to_owned())
    } else {
        c.reshape(value, &shape)
    }
}

/// Gives `value`, repeated along the reduced axes, as the gradient of `x`.
fn set_expanded(c: &mut Context, value: &str) -> Result<(), String> {
    let shape: Vec<i64> = c.shape(c.x(0)).iter().map(|&d| signed(d)).collect();
    let shape = c.int_constant(&shape);
    let dx = c.add("Expand", &[value, &shape], [])?;
    c.set_dx(0, dx);
    Ok(())
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the quotient is rounded to f32 once, as every number of a graph is"
)]
fn one_over(count: usize) -> f32 {
    (1.0 / count as f64) as f32
}
