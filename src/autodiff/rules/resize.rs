//! Gradient of `Resize`, whatever its mode.
//!
//! Each axis is resized by a matrix `A` that depends on nothing but the node, so the gradient
//! multiplies by its transpose. `A` comes from the operator itself, applied to an identity matrix:
//! which neighbour is nearest hangs on the last bit of how the runtime reckons coordinates. Being
//! constant, ONNX Runtime works it out once, when it prepares the graph.

use super::super::Context;
use super::geometry::{each_channel, f32s, signed_all};
use super::signed;

/// `y = A x` along each resized axis: `dx = Aᵀ dy`.
pub(super) fn resize(c: &mut Context) -> Result<(), String> {
    let coordinates = coordinates(c);
    if coordinates == "tf_crop_and_resize" {
        return Err(format!("coordinates `{coordinates}` are not covered"));
    }
    let from = c.shape(c.x(0)).to_vec();
    let to = c.shape(c.y(0)).to_vec();
    let scales = scales(c, &from, &to);
    let times: Option<Vec<usize>> = (0..from.len())
        .map(|axis| repeats(c, from[axis], to[axis], scales[axis]))
        .collect();
    let mut dx = c.dy()?.to_owned();
    if let Some(times) = times.filter(|times| times.len() > 2 && times[..2] == [1, 1]) {
        dx = sum_blocks(c, &dx, &from, &times[2..])?;
    } else {
        for axis in 0..from.len() {
            if repeats(c, from[axis], to[axis], scales[axis]) != Some(1) {
                let matrix = matrix(c, from[axis], to[axis], scales[axis])?;
                dx = multiply(c, &dx, axis, &matrix)?;
            }
        }
    }
    c.set_dx(0, dx);
    Ok(())
}

fn coordinates<'a>(c: &Context<'a>) -> &'a str {
    c.node()
        .text("coordinate_transformation_mode", "half_pixel")
}

/// Returns the scale of each axis: as given, or as it follows from the sizes.
fn scales(c: &Context, from: &[usize], to: &[usize]) -> Vec<f32> {
    let given = c.node().input(2).and_then(|name| c.constant_value(name));
    match given.and_then(|scales| scales.as_f32()) {
        Some(scales) if scales.len() == from.len() => scales.to_vec(),
        _ => from
            .iter()
            .zip(to)
            .map(|(&f, &t)| float(t) / float(f))
            .collect(),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "an axis has less than 2^24 elements"
)]
fn float(v: usize) -> f32 {
    v as f32
}

/// Returns how often each element of an axis is repeated, if nothing else happens to the axis and
/// no rounding decides it.
fn repeats(c: &Context, from: usize, to: usize, scale: f32) -> Option<usize> {
    let times = to / from.max(1);
    if to != times * from || scale.to_bits() != float(times).to_bits() {
        return None;
    }
    let nearest = c.node().text("mode", "nearest") == "nearest";
    let rounding = c.node().text("nearest_mode", "round_prefer_floor");
    let repeated = nearest
        && matches!(
            (coordinates(c), rounding),
            ("asymmetric", "floor") | ("half_pixel", "round_prefer_floor" | "round_prefer_ceil")
        );
    (times == 1 || repeated).then_some(times)
}

/// Appends the sums over blocks of `times` elements along each spatial axis.
fn sum_blocks(
    c: &mut Context,
    dy: &str,
    from: &[usize],
    times: &[usize],
) -> Result<String, String> {
    if c.target().blocked() {
        let ones = vec![1.0; times.iter().product()];
        let pads = vec![0; 2 * times.len()];
        return each_channel(c, dy, (times, &ones), None, times, pads);
    }
    let mut apart = from[..2].to_vec();
    for (&extent, &times) in from[2..].iter().zip(times) {
        apart.extend([extent, times]);
    }
    let apart = c.reshape(dy, &apart)?;
    let axes: Vec<i64> = (0..times.len()).map(|i| signed(3 + 2 * i)).collect();
    let axes = c.int_constant(&axes);
    c.add("ReduceSum", &[&apart, &axes], [("keepdims", 0.into())])
}

/// Appends `Aᵀ` of one axis: `[from, to]`.
fn matrix(c: &mut Context, from: usize, to: usize, scale: f32) -> Result<String, String> {
    let mut identity = vec![0.0; from * from];
    identity.iter_mut().step_by(from + 1).for_each(|v| *v = 1.0);
    // Four axes, of which the last is resized: what every mode can do.
    let identity = c.constant(f32s(&[1, from, 1, from], identity));
    let resized = if c.node().input(3).is_some() {
        let sizes = c.int_constant(&signed_all([1, from, 1, to]));
        c.add_alike(&[&identity, "", "", &sizes])?
    } else {
        let scales = c.constant(f32s(&[4], vec![1.0, 1.0, 1.0, scale]));
        c.add_alike(&[&identity, "", &scales])?
    };
    c.reshape(&resized, &[from, to])
}

/// Appends `matrix` (`[from, to]`) times `dy` along `axis`.
fn multiply(c: &mut Context, dy: &str, axis: usize, matrix: &str) -> Result<String, String> {
    let last = c.shape(dy).len() - 1;
    if axis + 1 == last {
        return c.add("MatMul", &[matrix, dy], []);
    }
    let turned = c.add("Transpose", &[matrix], [("perm", vec![1, 0].into())])?;
    if axis == last {
        return c.add("MatMul", &[dy, &turned], []);
    }
    let mut order: Vec<usize> = (0..=last).collect();
    order.swap(axis, last);
    let order = signed_all(order);
    let dy = c.add("Transpose", &[dy], [("perm", order.clone().into())])?;
    let product = c.add("MatMul", &[&dy, &turned], [])?;
    c.add("Transpose", &[&product], [("perm", order.into())])
}
