//! Gradients of normalisations, and of dropout as it is at inference.

use super::super::Context;
use super::signed;
use crate::onnx::{Constant, Data};

/// `y = x · s^−β` with `s = bias + α·A(x²)`, where `A` averages over `size` neighbouring channels
/// (absent ones count as 0): `dx = dy · s^−β − 2·α·β · x · Aᵀ(dy · y / s)`.
pub(super) fn lrn(c: &mut Context) -> Result<(), String> {
    let (node, dy, x) = (c.node(), c.dy()?, c.x(0));
    let (alpha, beta) = (node.float("alpha", 1e-4), node.float("beta", 0.75));
    let size = node.int("size", 0);
    if size < 1 {
        return Err(format!("a size of {size} makes no sense"));
    }
    // Of an even number of channels, the odd one out comes behind.
    let before = (size - 1) / 2;
    let after = size - 1 - before;
    let bias = c.scalar(node.float("bias", 1.0));
    let (minus_beta, factor) = (c.scalar(-beta), c.scalar(2.0 * alpha * beta));
    let alpha = c.scalar(alpha);

    let square = c.mul(x, x)?;
    let mean = channel_mean(c, &square, before, after)?;
    let mean = c.mul(&mean, &alpha)?;
    let s = c.add("Add", &[&mean, &bias], [])?;
    let scale = c.add("Pow", &[&s, &minus_beta], [])?;
    let direct = c.mul(dy, &scale)?;

    let ratio = c.add("Div", &[c.y(0), &s], [])?;
    let weighted = c.mul(dy, &ratio)?;
    // Channel k is in the window of channel c exactly if c is in the mirrored window of k.
    let spread = channel_mean(c, &weighted, after, before)?;
    let spread = c.mul(x, &spread)?;
    let through_s = c.mul(&spread, &factor)?;
    let dx = c.add("Sub", &[&direct, &through_s], [])?;
    c.set_dx(0, dx);
    Ok(())
}

/// Appends the mean over a window of channels, as a pooling of `[N, 1, C, everything else]`.
fn channel_mean(c: &mut Context, value: &str, before: i64, after: i64) -> Result<String, String> {
    let shape = c.shape(value).to_vec();
    let &[n, channels, ref spatial @ ..] = shape.as_slice() else {
        return Err(format!("shape {shape:?} has no channels"));
    };
    let flat = c.reshape(value, &[n, 1, channels, spatial.iter().product()])?;
    let mean = c.add(
        "AveragePool",
        &[&flat],
        [
            ("kernel_shape", vec![before + 1 + after, 1].into()),
            ("pads", vec![before, 0, after, 0].into()),
            ("count_include_pad", 1.into()),
        ],
    )?;
    c.reshape(&mean, &shape)
}

/// `y = scale·x̂ + B` with `x̂ = (x − mean) / √(var + ε)`, all `[C]` but `x`:
/// `dx = dy · scale / √(var + ε)`, `dscale = Σ dy · x̂`, `dB = Σ dy` over all axes but the channels'.
pub(super) fn batch_normalization(c: &mut Context) -> Result<(), String> {
    let (node, dy) = (c.node(), c.dy()?);
    let more = node.outputs.iter().skip(1).any(|name| !name.is_empty());
    if node.int("training_mode", 0) != 0 {
        return by_batch(c);
    }
    if more {
        return Err(
            "it gives statistics of the batch, as in training; export for inference".to_owned(),
        );
    }
    if node.int("spatial", 1) == 0 {
        return Err("statistics of single elements (spatial = 0) are not covered".to_owned());
    }
    if c.wants(3) || c.wants(4) {
        return Err("mean and variance are taken to be constants".to_owned());
    }
    let epsilon = node.float("epsilon", 1e-5);
    let (mean, variance) = (c.x(3), c.x(4));
    let shape = c.shape(c.x(1)).to_vec();
    let count = shape.iter().product();
    let fill = |c: &mut Context, value: f32| {
        Constant::f32s(shape.clone(), vec![value; count])
            .map(|constant| c.constant(constant))
            .ok_or("the scale has no elements")
    };
    let zeros = fill(c, 0.0)?;
    // Both products are normalisations themselves, which stay blocked and need no broadcasting.
    if c.wants(0) {
        let inputs = [dy, c.x(1), &zeros, &zeros, variance];
        let dx = c.add("BatchNormalization", &inputs, [("epsilon", epsilon.into())])?;
        c.set_dx(0, dx);
    }
    if c.wants(1) {
        let ones = fill(c, 1.0)?;
        let inputs = [c.x(0), &ones, &zeros, mean, variance];
        let normal = c.add("BatchNormalization", &inputs, [("epsilon", epsilon.into())])?;
        let product = c.mul(dy, &normal)?;
        let dscale = channel_sum(c, &product)?;
        c.set_dx(1, dscale);
    }
    if c.wants(2) {
        let db = channel_sum(c, dy)?;
        c.set_dx(2, db);
    }
    Ok(())
}

/// `y = scale·x̂ + B` with `x̂ = (x − mean) / √(var + ε)` and the mean and variance of the batch over
/// its `n` elements a channel (Ioffe and Szegedy 2015): `dB = Σ dy`, `dscale = Σ dy · x̂`,
/// `dx = scale / √(var + ε) · (dy − dB / n − x̂ · dscale / n)`.
///
/// The node gives the batch's statistics itself where its momentum is 0.
fn by_batch(c: &mut Context) -> Result<(), String> {
    let (node, dy) = (c.node(), c.dy()?);
    let given = node.outputs.len() == 3 && node.outputs.iter().all(|name| !name.is_empty());
    // A momentum of exactly 0, as it was written.
    if node.float("momentum", 0.9).to_bits() != 0 || !given {
        return Err("in training, a momentum of 0 and all three outputs are needed".to_owned());
    }
    if c.dy_of(1).is_some() || c.dy_of(2).is_some() {
        return Err("mean and variance are taken to be constants".to_owned());
    }
    let shape = c.shape(c.x(0)).to_vec();
    let count: usize = shape.iter().product::<usize>() / shape[1].max(1);
    let (mean, variance) = (c.y(1), c.y(2));
    let epsilon = c.scalar(node.float("epsilon", 1e-5));
    let guarded = c.add("Add", &[variance, &epsilon], [])?;
    let deviation = c.add("Sqrt", &[&guarded], [])?;
    let d_bias = channel_sum(c, dy)?;
    // Σ dy · x̂ = (Σ dy · x − mean · Σ dy) / √(var + ε).
    let product = c.mul(dy, c.x(0))?;
    let product = channel_sum(c, &product)?;
    let shift = c.mul(mean, &d_bias)?;
    let centred = c.add("Sub", &[&product, &shift], [])?;
    let d_scale = c.add("Div", &[&centred, &deviation], [])?;
    if c.wants(0) {
        // dx = a · dy + b · x + d, with a number a channel each.
        let a = c.add("Div", &[c.x(1), &deviation], [])?;
        let share = c.scalar(-one_over(count));
        let spread = c.mul(&a, &share)?;
        let b = c.mul(&spread, &d_scale)?;
        let b = c.add("Div", &[&b, &deviation], [])?;
        let d = c.mul(&spread, &d_bias)?;
        let back = c.mul(&b, mean)?;
        let d = c.add("Sub", &[&d, &back], [])?;
        let zeros = Constant::f32s(vec![shape[1]], vec![0.0; shape[1]]);
        let ones = Constant::f32s(vec![shape[1]], vec![1.0; shape[1]]);
        let (Some(zeros), Some(ones)) = (zeros, ones) else {
            return Err("the input has no channels".to_owned());
        };
        let (zeros, ones) = (c.constant(zeros), c.constant(ones));
        // A product and a sum in one pass over the value.
        let inputs = [c.x(0), &b, &d, &zeros, &ones];
        let affine = c.add("BatchNormalization", &inputs, [("epsilon", 0.0.into())])?;
        let mut broadcast = vec![1; shape.len()];
        broadcast[1] = shape[1];
        let a = c.reshape(&a, &broadcast)?;
        let direct = c.mul(dy, &a)?;
        let dx = c.add("Add", &[&direct, &affine], [])?;
        c.set_dx(0, dx);
    }
    if c.wants(1) {
        c.set_dx(1, d_scale);
    }
    if c.wants(2) {
        c.set_dx(2, d_bias);
    }
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

/// Appends the sum over all axes but the second.
fn channel_sum(c: &mut Context, value: &str) -> Result<String, String> {
    let rank = signed(c.shape(value).len());
    let axes: Vec<i64> = (0..rank).filter(|&axis| axis != 1).collect();
    let axes = c.int_constant(&axes);
    c.add("ReduceSum", &[value, &axes], [("keepdims", 0.into())])
}

/// `y = x` at inference: `dx = dy`. The second output, the mask, has no gradient.
pub(super) fn dropout(c: &mut Context) -> Result<(), String> {
    if let Some(training) = c.node().input(2) {
        let value = c.constant_value(training).map(Constant::data);
        let Some(Data::Bool(training)) = value else {
            return Err("training_mode must be a constant truth value".to_owned());
        };
        if training.contains(&true) {
            return Err("it drops at random, as in training; export for inference".to_owned());
        }
    }
    if let Some(dy) = c.dy_of(0) {
        c.set_dx(0, dy.to_owned());
    }
    Ok(())
}
