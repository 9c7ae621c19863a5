//! Gradients of `GlobalAveragePool` and `GlobalMaxPool`.

use super::super::Context;
use super::geometry::signed_all;
use super::signed;

/// `y = mean x` of each channel: `dx = dy / count` everywhere.
pub(super) fn global_average_pool(c: &mut Context) -> Result<(), String> {
    let shape = c.shape(c.x(0)).to_vec();
    #[allow(
        clippy::cast_precision_loss,
        reason = "a picture has less than 2^24 pixels a side"
    )]
    let share = shape[2..].iter().map(|&d| 1.0 / d as f32).product();
    let share = c.scalar(share);
    let each = c.mul(c.dy()?, &share)?;
    let shape = c.int_constant(&signed_all(shape));
    let dx = c.add("Expand", &[&each, &shape], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// `y = max x` of each channel: `dx = dy / n` at each of the `n` elements that equal `y`.
pub(super) fn global_max_pool(c: &mut Context) -> Result<(), String> {
    let rank = c.shape(c.x(0)).len();
    let equal = c.add("Equal", &[c.x(0), c.y(0)], [])?;
    let won = c.add("Cast", &[&equal], [("to", 1.into())])?;
    let axes: Vec<i64> = (2..rank).map(signed).collect();
    let axes = c.int_constant(&axes);
    let n = c.add("ReduceSum", &[&won, &axes], [("keepdims", 1.into())])?;
    let share = c.add("Div", &[c.dy()?, &n], [])?;
    let dx = c.mul(&won, &share)?;
    c.set_dx(0, dx);
    Ok(())
}
